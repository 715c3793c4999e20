//! The process runtime: members and the endpoint as processes of this machine, which outlive this program.
//!
//! ```text
//! root/address-block                         the B of 127.B.0.0/16
//! root/members/{instance}/{ordinal}/         data/ tls/ log/ process.json limits.json
//! root/snapshots/{instance}/                 taken before upgrades
//! root/aside/{instance}/{label}-{ordinal}/   data that no member starts from any more
//! root/replaced/{instance}/{restore}/        what a restore replaced, by ordinal
//! root/endpoint/                             routes/ status.json lock log/ process.json
//! ```
//!
//! A process is known by its pid, its start time and the machine's boot, which `process.json` holds, and else
//! by the marker in its environment. Whoever opens the runtime next adopts it. Dropping the runtime ends
//! nothing.

mod addresses;
mod cgroup;
mod changes;
mod endpoint;
mod files;
mod folder;
mod handle;
mod identity;
mod logs;
mod member;
mod proc;
mod record;
mod replace;
mod services;
mod spawn;
mod supervised;

#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use async_trait::async_trait;
use cetcd_core::{
    Clock, InstanceId,
    clock::SystemClock,
    instance::Resources,
    internet::PublicAddress,
    member::{MemberCertificates, MemberSpec},
    network::Networks,
};
use tokio::sync::watch;
use tracing::warn;

use self::{
    addresses::Addresses,
    cgroup::Cgroups,
    changes::Changes,
    endpoint::Endpoint,
    member::{Member, REMOVING, Tools, blocking},
};
pub use self::{
    addresses::{AddressMode, PublicRange},
    endpoint::endpoint_dir,
    folder::Files,
    proc::MARKER,
    services::{ServiceOptions, Services, hold, ports_at},
    spawn::exec_session,
};
use crate::{CommandLine, EndpointSpec, Error, Launcher, Placement, Runtime, RuntimeView, Stop};

/// How long after a start that was cut short its process is looked for again.
const SECOND_LOOK: Duration = Duration::from_millis(100);

/// How often logs are looked at.
const ROTATE_EVERY: Duration = Duration::from_secs(15);

/// How a process runtime works.
#[derive(Clone)]
pub struct Options {
    /// Its folder; made (0700) where it does not exist.
    pub root: PathBuf,
    /// The subnets, which map to addresses by their order.
    pub networks: Networks,
    /// Makes the command lines of members.
    pub launcher: Arc<dyn Launcher>,
    /// Runs the endpoint process for [`endpoint_dir`]`(root)`; run as it is, nothing is appended.
    pub endpoint_command: CommandLine,
    /// Stands before every command that is started: it makes a session of its own by [`exec_session`]. Where
    /// absent a process only leaves our process group.
    pub session_wrapper: Option<CommandLine>,
    /// How addresses are given out.
    pub addresses: AddressMode,
    /// Where instances can be reached from outside; nowhere where absent.
    pub internet: Option<PublicRange>,
    /// How long a process that was asked to end may take before it is killed.
    pub grace: Duration,
    /// Limits of members whose specification has none.
    pub default_resources: Option<Resources>,
    /// Tells when a process started and ended.
    pub clock: Arc<dyn Clock>,
    /// A log larger than this, in bytes, is moved aside; three old ones are kept.
    pub log_bytes: u64,
    /// Where control groups are mounted.
    pub cgroup_root: PathBuf,
}

impl Options {
    /// The defaults beside what has none.
    pub fn new(
        root: impl Into<PathBuf>,
        networks: Networks,
        launcher: Arc<dyn Launcher>,
        endpoint_command: CommandLine,
    ) -> Self {
        Self {
            root: root.into(),
            networks,
            launcher,
            endpoint_command,
            session_wrapper: None,
            addresses: AddressMode::Auto,
            internet: None,
            grace: Duration::from_secs(10),
            default_resources: None,
            clock: Arc::new(SystemClock),
            log_bytes: 16 * 1024 * 1024,
            cgroup_root: PathBuf::from("/sys/fs/cgroup"),
        }
    }
}

/// Runs members and the endpoint as processes of this machine.
pub struct ProcessRuntime {
    options: Options,
    addresses: Addresses,
    cgroups: Arc<Cgroups>,
    changes: Arc<Changes>,
    members: Mutex<BTreeMap<(InstanceId, u32), Arc<Member>>>,
    endpoint: Arc<Endpoint>,
}

impl ProcessRuntime {
    /// Opens the runtime and adopts what runs of it. Two of them must not work on one folder at a time.
    pub async fn open(options: Options) -> Result<Arc<Self>, Error> {
        let given = options.root.clone();
        let failed = Error::io(format!("open {}", given.display()));
        // Absolute and not canonical: the endpoint's command line was made from the same path.
        let make = move || std::path::absolute(given).and_then(|root| files::make_dir(&root).map(|()| root));
        let root = blocking(make).await.map_err(failed)?;
        let marked = blocking(proc::marked).await.map_err(Error::io("list the processes"))?;
        let (at, mode) = (root.clone(), options.addresses);
        let addresses =
            blocking(move || Ok(Addresses::open(&at, mode))).await.map_err(Error::io("choose addresses"))??;
        let changes = Arc::new(Changes::default());
        let endpoint = Endpoint::new(
            &root,
            options.endpoint_command.clone(),
            options.session_wrapper.clone(),
            options.grace,
            Arc::clone(&options.clock),
            &changes,
        );
        let runtime = Arc::new(Self {
            addresses,
            cgroups: Arc::new(Cgroups::new(&options.cgroup_root, &root)),
            changes,
            members: Mutex::default(),
            endpoint,
            options: Options { root, ..options },
        });
        runtime.find_members(&marked).await?;
        runtime.endpoint.supervise(&marked);
        tokio::spawn(rotate_logs(Arc::downgrade(&runtime)));
        Ok(runtime)
    }

    /// Every member of which a folder or a process is left.
    async fn find_members(&self, marked: &[proc::Marked]) -> Result<(), Error> {
        let dir = self.members_dir();
        let failed = Error::io(format!("read {}", dir.display()));
        let at = dir.clone();
        let mut found = blocking(move || {
            let mut found = BTreeSet::new();
            for instance in files::names(&at)?.iter().filter_map(|name| InstanceId::parse(name)) {
                let of = at.join(instance.as_str());
                for name in files::names(&of)? {
                    if name.starts_with(REMOVING) {
                        files::remove_tree(&of.join(name))?;
                    } else if let Some(ordinal) = ordinal(&name) {
                        found.insert((instance.clone(), ordinal));
                    }
                }
                files::remove_empty_dir(&of)?;
            }
            Ok(found)
        })
        .await
        .map_err(failed)?;
        found.extend(marked.iter().filter_map(|marked| {
            let mut names = marked.dir.strip_prefix(&dir).ok()?.iter().map(|name| name.to_str());
            let member = (InstanceId::parse(names.next()??)?, ordinal(names.next()??)?);
            names.next().is_none().then_some(member)
        }));
        let members = found.into_iter().map(|(instance, ordinal)| self.member(&instance, ordinal));
        let unsure: Vec<_> = members.filter(|member| !member.find(marked)).collect();
        if !unsure.is_empty() {
            tokio::time::sleep(SECOND_LOOK).await;
            let marked = blocking(proc::marked).await.map_err(Error::io("list the processes"))?;
            for member in unsure {
                member.find(&marked);
            }
        }
        Ok(())
    }

    /// The last lines of a member's output; empty where there is none.
    pub async fn log_tail(&self, instance: &InstanceId, ordinal: u32, lines: usize) -> String {
        let Some(member) = self.members().get(&(instance.clone(), ordinal)).cloned() else { return String::new() };
        blocking(move || Ok(logs::tail(member.log(), lines))).await.unwrap_or_default()
    }

    /// Ends every member and the endpoint process, and leaves their files: what `down` asks for.
    pub async fn stop_everything(&self) -> Result<(), Error> {
        self.endpoint.halt().await?;
        let all: Vec<_> = self.members().keys().cloned().collect();
        let mut stops = tokio::task::JoinSet::new();
        for (instance, ordinal) in all {
            let member = self.member(&instance, ordinal);
            let grace = self.options.grace;
            stops.spawn(async move {
                let _changing = member.gone.lock().await;
                member.stop(grace).await
            });
        }
        stops.join_all().await.into_iter().collect()
    }

    fn member(&self, instance: &InstanceId, ordinal: u32) -> Arc<Member> {
        let mut members = self.members();
        let member = members.entry((instance.clone(), ordinal)).or_insert_with(|| {
            let dir = self.members_dir().join(instance.as_str()).join(ordinal.to_string());
            Member::new(instance, ordinal, dir, Arc::clone(&self.options.clock), &self.changes)
        });
        Arc::clone(member)
    }

    fn known(&self, instance: &InstanceId) -> Vec<Arc<Member>> {
        let members = self.members();
        members.range((instance.clone(), 0)..=(instance.clone(), u32::MAX)).map(|(_, member)| member.clone()).collect()
    }

    fn members(&self) -> MutexGuard<'_, BTreeMap<(InstanceId, u32), Arc<Member>>> {
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where data is kept that a restore replaced.
    fn replaced_dir(&self, instance: &InstanceId) -> PathBuf {
        self.options.root.join("replaced").join(instance.as_str())
    }

    /// Where an earlier release kept snapshots from before upgrades.
    fn snapshots_dir(&self, instance: &InstanceId) -> PathBuf {
        self.options.root.join("snapshots").join(instance.as_str())
    }

    /// Where data of members is kept that no member starts from any more.
    fn aside_dir(&self, instance: &InstanceId) -> PathBuf {
        self.options.root.join("aside").join(instance.as_str())
    }

    fn members_dir(&self) -> PathBuf {
        self.options.root.join("members")
    }

    fn logs(&self) -> Vec<PathBuf> {
        let members = self.members();
        members.values().map(|member| member.log()).chain([self.endpoint.log()]).map(Path::to_owned).collect()
    }
}

#[async_trait]
impl Runtime for ProcessRuntime {
    async fn propose(&self, subnet_id: &str, taken: &BTreeSet<SocketAddr>) -> Result<Placement, Error> {
        self.addresses.propose(&self.options.networks, subnet_id, taken)
    }

    async fn propose_public(&self, taken: &BTreeSet<SocketAddr>) -> Result<PublicAddress, Error> {
        let none = || Error::NoPublicAddress { reason: "set `internet.address` and `internet.ports`".to_owned() };
        self.options.internet.as_ref().ok_or_else(none)?.propose(taken)
    }

    async fn ensure_member(&self, spec: &MemberSpec) -> Result<(), Error> {
        let tools = Tools {
            launcher: self.options.launcher.as_ref(),
            session_wrapper: self.options.session_wrapper.as_ref(),
            cgroups: &self.cgroups,
            default_resources: self.options.default_resources,
        };
        loop {
            let member = self.member(&spec.instance, spec.ordinal);
            let gone = member.gone.lock().await;
            // Removed while we waited: what is made now is another.
            if !*gone {
                return member.ensure(spec, &tools).await;
            }
        }
    }

    async fn put_certificates(
        &self,
        instance: &InstanceId,
        ordinal: u32,
        certificates: &MemberCertificates,
    ) -> Result<(), Error> {
        let Some(member) = self.members().get(&(instance.clone(), ordinal)).cloned() else { return Ok(()) };
        let gone = member.gone.lock().await;
        if *gone { Ok(()) } else { member.put_certificates(certificates).await }
    }

    async fn stop_member(&self, instance: &InstanceId, ordinal: u32, stop: Stop) -> Result<(), Error> {
        let Some(member) = self.members().get(&(instance.clone(), ordinal)).cloned() else { return Ok(()) };
        let _changing = member.gone.lock().await;
        member
            .stop(match stop {
                Stop::Gracefully => self.options.grace,
                Stop::AtOnce => Duration::ZERO,
            })
            .await
    }

    async fn remove_member(&self, instance: &InstanceId, ordinal: u32) -> Result<(), Error> {
        // Also where none is known: something of it may be on disk.
        let member = self.member(instance, ordinal);
        let mut gone = member.gone.lock().await;
        if *gone {
            return Ok(());
        }
        member.remove(&self.cgroups).await?;
        *gone = true;
        self.members().remove(&(instance.clone(), ordinal));
        Ok(())
    }

    async fn set_aside(&self, instance: &InstanceId, ordinal: u32, label: &str) -> Result<(), Error> {
        let Some(member) = self.members().get(&(instance.clone(), ordinal)).cloned() else { return Ok(()) };
        let _changing = member.gone.lock().await;
        member.set_aside(&self.aside_dir(instance), label).await
    }

    async fn prepare_data(&self, instance: &InstanceId, ordinal: u32) -> Result<PathBuf, Error> {
        loop {
            let member = self.member(instance, ordinal);
            let gone = member.gone.lock().await;
            if !*gone {
                return member.prepare_data().await;
            }
        }
    }

    async fn replace_data(&self, instance: &InstanceId, ordinal: u32, restore: &str) -> Result<(), Error> {
        loop {
            let member = self.member(instance, ordinal);
            let gone = member.gone.lock().await;
            if !*gone {
                return member.replace_data(self.replaced_dir(instance), restore).await;
            }
        }
    }

    async fn drop_replaced(&self, instance: &InstanceId) -> Result<(), Error> {
        let dir = self.replaced_dir(instance);
        let failed = Error::io(format!("remove {}", dir.display()));
        blocking(move || files::remove_tree(&dir)).await.map_err(failed)
    }

    async fn observe(&self, instance: &InstanceId) -> Result<RuntimeView, Error> {
        let mut members = Vec::new();
        for member in self.known(instance) {
            members.push(member.view().await);
        }
        Ok(RuntimeView { members, endpoint: self.endpoint.view(instance).await? })
    }

    async fn ensure_endpoint(&self, spec: &EndpointSpec) -> Result<(), Error> {
        self.endpoint.ensure(spec).await
    }

    async fn hold_endpoint(&self, instance: &InstanceId, longest: Duration) -> Result<(), Error> {
        self.endpoint.hold(instance, longest).await
    }

    async fn release_endpoint(&self, instance: &InstanceId) -> Result<(), Error> {
        self.endpoint.release(instance).await
    }

    async fn remove_endpoint(&self, instance: &InstanceId) -> Result<(), Error> {
        self.endpoint.remove(instance).await
    }

    fn data_path(&self, instance: &InstanceId, ordinal: u32) -> PathBuf {
        member::paths(&self.members_dir().join(instance.as_str()).join(ordinal.to_string())).data
    }

    async fn forget(&self, instance: &InstanceId) -> Result<(), Error> {
        for dir in [self.snapshots_dir(instance), self.aside_dir(instance)] {
            let failed = Error::io(format!("remove {}", dir.display()));
            blocking(move || files::remove_tree(&dir)).await.map_err(failed)?;
        }
        self.drop_replaced(instance).await
    }

    async fn instances(&self) -> Result<BTreeSet<InstanceId>, Error> {
        let dir = self.members_dir();
        let failed = Error::io(format!("read {}", dir.display()));
        let names = blocking(move || files::names(&dir)).await.map_err(failed)?;
        let mut instances: BTreeSet<_> = names.iter().filter_map(|name| InstanceId::parse(name)).collect();
        instances.extend(self.members().keys().map(|(instance, _)| instance.clone()));
        instances.extend(self.endpoint.routes().await?);
        Ok(instances)
    }

    fn changes(&self, instance: &InstanceId) -> watch::Receiver<u64> {
        self.changes.subscribe(instance)
    }
}

/// The name of a member's folder, as it is written and in no other form.
fn ordinal(name: &str) -> Option<u32> {
    name.parse().ok().filter(|ordinal: &u32| ordinal.to_string() == name)
}

async fn rotate_logs(runtime: Weak<ProcessRuntime>) {
    loop {
        tokio::time::sleep(ROTATE_EVERY).await;
        let Some((logs, limit)) = runtime.upgrade().map(|runtime| (runtime.logs(), runtime.options.log_bytes)) else {
            return;
        };
        let rotate = move || {
            for log in logs {
                if let Err(error) = logs::rotate(&log, limit) {
                    warn!("cannot rotate {}: {error}", log.display());
                }
            }
            Ok(())
        };
        // Each log's failure was told.
        let _ = blocking(rotate).await;
    }
}
