//! The runtime over the simulated machine.

use std::{
    collections::BTreeSet,
    io,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use async_trait::async_trait;
use cetcd_core::{
    InstanceId,
    internet::{PublicAddress, has_certificates},
    member::{MemberCertificates, MemberSpec, Start},
    network::Networks,
    observed::{ObservedPublic, Process},
    quorum::quorum,
};
use cetcd_runtime::{
    EndpointSpec, EndpointView, Error, Fingerprint, MemberView, Placement, Runtime, RuntimeView, Stop,
};
use tokio::sync::watch;

use crate::{
    Flaw, Sim,
    fakes::{believes, shown_until, time_of},
    gate::Weather,
    host::{Member, Route, Run},
    sim::State,
};

/// The machine's address to the outside.
const PUBLIC: Ipv4Addr = Ipv4Addr::new(127, 99, 0, 1);

/// Runs members on the simulated machine.
pub(crate) struct SimRuntime(pub Sim);

fn refused(doing: String) -> Error {
    Error::Io { doing, source: io::ErrorKind::StorageFull.into() }
}

#[async_trait]
impl Runtime for SimRuntime {
    async fn propose(&self, subnet_id: &str, taken: &BTreeSet<SocketAddr>) -> Result<Placement, Error> {
        let index = Networks::default().subnet_index(subnet_id).and_then(|index| u8::try_from(index).ok());
        let third = index.ok_or_else(|| Error::UnknownSubnet { subnet: subnet_id.to_owned() })?;
        let apply = |state: &mut State| {
            let used: Vec<SocketAddr> = state.host.routes.values().map(|route| route.listen).collect();
            // The lowest free one, always: placements that run together meet as often as they can.
            let free = (1..=254).map(|last| Ipv4Addr::new(127, 77, third, last)).find(|ip| {
                let client = SocketAddr::from((*ip, 2379));
                !taken.contains(&client) && !used.contains(&client) && state.host.at(client, state.now).is_none()
            });
            let ip = free.ok_or_else(|| Error::NoAddress { subnet: subnet_id.to_owned() })?;
            Ok(Placement { client: (ip, 2379).into(), peer: (ip, 2380).into() })
        };
        let fault = |_: &mut State| refused(format!("look for an address in {subnet_id}"));
        self.0.effect(format!("propose {subnet_id}"), apply, fault).await
    }

    async fn propose_public(&self, taken: &BTreeSet<SocketAddr>) -> Result<PublicAddress, Error> {
        let apply = |_: &mut State| {
            // The lowest free one, always: instances meet as often as they can.
            let mut ports = (30_000..30_100).map(|port| SocketAddr::from((PUBLIC, port)));
            let listen = ports.find(|listen| !taken.contains(listen));
            let none = || Error::NoPublicAddress { reason: "widen `internet.ports`".to_owned() };
            Ok(PublicAddress { listen: listen.ok_or_else(none)?, name: None, opened: false })
        };
        let fault = |_: &mut State| refused("look for a public address".to_owned());
        self.0.effect("propose a public address".to_owned(), apply, fault).await
    }

    async fn ensure_member(&self, spec: &MemberSpec) -> Result<(), Error> {
        let (name, start) = (spec.name(), spec.start.as_str());
        // Its directory is made before what can fail.
        let fault = |state: &mut State| {
            state.host.prepare(&spec.instance, spec.ordinal);
            refused(format!("write the files of {}", spec.name()))
        };
        let apply = |state: &mut State| {
            if state.host.unwritable.contains(&(spec.instance.clone(), spec.ordinal)) {
                return Err(fault(state));
            }
            if !state.host.installed.contains(&spec.run.version) {
                state.host.prepare(&spec.instance, spec.ordinal);
                return Err(Error::Command {
                    member: spec.name(),
                    reason: format!("{} is not there", spec.run.version),
                });
            }
            let data = state.host.members.get(&(spec.instance.clone(), spec.ordinal)).is_some_and(Member::has_data);
            let runs = state.host.members.get(&(spec.instance.clone(), spec.ordinal)).is_some_and(Member::runs);
            if matches!(spec.start, Start::Existing | Start::Forced) && !data && !runs {
                return Err(Error::NoData { member: spec.name() });
            }
            state.start_member(spec);
            Ok(())
        };
        self.0.effect(format!("start {name} as {start}"), apply, fault).await
    }

    async fn put_certificates(
        &self,
        instance: &InstanceId,
        ordinal: u32,
        certificates: &MemberCertificates,
    ) -> Result<(), Error> {
        let name = instance.member_name(ordinal);
        let fault = |_: &mut State| refused(format!("write the certificates of {name}"));
        let apply = |state: &mut State| {
            if state.host.unwritable.contains(&(instance.clone(), ordinal)) {
                return Err(fault(state));
            }
            state.put_certificates(instance, ordinal, certificates);
            Ok(())
        };
        self.0.effect(format!("write the certificates of {name}"), apply, fault).await
    }

    async fn stop_member(&self, instance: &InstanceId, ordinal: u32, stop: Stop) -> Result<(), Error> {
        let name = instance.member_name(ordinal);
        let apply = |state: &mut State| {
            if !state.is_deleting(instance) && !state.is_restoring(instance) {
                state.check_stop(instance, ordinal, stop);
            }
            let now = state.now;
            if state.flaw != Flaw::IgnoresStop {
                state.host.end(instance, ordinal, now);
            }
            Ok(())
        };
        let fault = |_: &mut State| Error::Timeout { what: format!("{name} did not end"), seconds: 10 };
        self.0.effect(format!("stop {name}"), apply, fault).await
    }

    async fn remove_member(&self, instance: &InstanceId, ordinal: u32) -> Result<(), Error> {
        let name = instance.member_name(ordinal);
        let key = (instance.clone(), ordinal);
        let check = |state: &mut State| {
            if !state.is_deleting(instance) && state.is_listed(instance, ordinal) {
                state.host.own_disruption(
                    instance,
                    true,
                    &format!("the data of {name} is removed while it is a member"),
                );
            }
            let runs = state.host.members.get(&key).is_some_and(Member::runs);
            if runs { Err(Error::StillRunning { member: name.clone() }) } else { Ok(()) }
        };
        let apply = |state: &mut State| {
            check(state)?;
            state.host.members.remove(&key);
            Ok(())
        };
        // Half of it goes before the error.
        let fault = |state: &mut State| {
            if check(state).is_ok()
                && let Some(member) = state.host.members.get_mut(&key)
            {
                member.data = None;
                member.unlinked = false;
            }
            refused(format!("remove {name}"))
        };
        self.0.effect(format!("remove {name}"), apply, fault).await
    }

    async fn set_aside(&self, instance: &InstanceId, ordinal: u32, _label: &str) -> Result<(), Error> {
        let name = instance.member_name(ordinal);
        let key = (instance.clone(), ordinal);
        let apply = |state: &mut State| {
            let Some(member) = state.host.members.get_mut(&key) else { return Ok(()) };
            if member.runs() {
                return Err(Error::StillRunning { member: name.clone() });
            }
            (member.rotten, member.differs) = (false, false);
            if let Some(data) = member.data.take() {
                state.host.aside.entry(instance.clone()).or_default().push(data);
            }
            Ok(())
        };
        let fault = |_: &mut State| refused(format!("move the data of {name}"));
        self.0.effect(format!("set {name} aside"), apply, fault).await
    }

    async fn prepare_data(&self, instance: &InstanceId, ordinal: u32) -> Result<PathBuf, Error> {
        let name = instance.member_name(ordinal);
        let apply = |state: &mut State| {
            state.host.prepare(instance, ordinal).making = None;
            Ok(PathBuf::from(format!("{instance}/{ordinal}")))
        };
        self.0.effect(format!("make room for {name}"), apply, |_| refused(format!("make room for {name}"))).await
    }

    async fn replace_data(&self, instance: &InstanceId, ordinal: u32, restore: &str) -> Result<(), Error> {
        let name = instance.member_name(ordinal);
        let apply = |state: &mut State| state.replace_data(instance, ordinal, restore);
        let fault = |_: &mut State| refused(format!("replace the data of {name}"));
        self.0.effect(format!("replace the data of {name}"), apply, fault).await
    }

    async fn drop_replaced(&self, instance: &InstanceId) -> Result<(), Error> {
        let fault = |_: &mut State| refused(format!("remove what was replaced of {instance}"));
        self.0.effect(format!("remove what was replaced of {instance}"), |_| Ok(()), fault).await
    }

    async fn observe(&self, instance: &InstanceId) -> Result<RuntimeView, Error> {
        let apply = |state: &mut State| {
            let now = state.now;
            state.host.look(instance, now);
            state.check_trust(instance);
            state.check_credentials(instance);
            Ok(state.view(instance))
        };
        self.0.effect(format!("observe {instance}"), apply, |_| refused(format!("look at {instance}"))).await
    }

    async fn ensure_endpoint(&self, spec: &EndpointSpec) -> Result<(), Error> {
        let apply = |state: &mut State| {
            let foreign = |address: &&SocketAddr| state.audit.addresses.get(address) != Some(&spec.instance);
            let foreign: Vec<SocketAddr> =
                spec.backends.iter().chain([&spec.listen]).filter(foreign).copied().collect();
            for address in foreign {
                state.host.violations.push(format!("the endpoint of {} uses {address}", spec.instance));
            }
            state.check_public(spec);
            let route = Route { listen: spec.listen, backends: spec.backends.clone(), public: spec.public.clone() };
            state.host.routes.insert(spec.instance.clone(), route);
            state.host.endpoint_runs = true;
            Ok(())
        };
        let fault = |_: &mut State| refused(format!("write the route of {}", spec.instance));
        let backends: Vec<String> = spec.backends.iter().map(ToString::to_string).collect();
        self.0.effect(format!("route {} to {}", spec.instance, backends.join(" ")), apply, fault).await
    }

    async fn hold_endpoint(&self, instance: &InstanceId, _longest: Duration) -> Result<(), Error> {
        let fault = |_: &mut State| refused(format!("hold {instance}"));
        self.0.effect(format!("hold back the clients of {instance}"), |_| Ok(()), fault).await
    }

    async fn release_endpoint(&self, instance: &InstanceId) -> Result<(), Error> {
        let fault = |_: &mut State| refused(format!("release {instance}"));
        self.0.effect(format!("let the clients of {instance} go on"), |_| Ok(()), fault).await
    }

    async fn remove_endpoint(&self, instance: &InstanceId) -> Result<(), Error> {
        let apply = |state: &mut State| {
            if !state.is_deleting(instance) && !state.is_restoring(instance) {
                state.host.violations.push(format!("the endpoint of {instance} is closed though nobody deletes it"));
            }
            state.host.routes.remove(instance);
            Ok(())
        };
        let fault = |_: &mut State| refused(format!("remove the route of {instance}"));
        self.0.effect(format!("close the endpoint of {instance}"), apply, fault).await
    }

    fn data_path(&self, instance: &InstanceId, ordinal: u32) -> PathBuf {
        PathBuf::from(format!("/simulated/{instance}/{ordinal}"))
    }

    async fn forget(&self, instance: &InstanceId) -> Result<(), Error> {
        let apply = |state: &mut State| {
            state.host.aside.remove(instance);
            Ok(())
        };
        self.0.effect(format!("forget {instance}"), apply, |_| refused(format!("forget {instance}"))).await
    }

    async fn instances(&self) -> Result<BTreeSet<InstanceId>, Error> {
        let state = self.0.state();
        Ok(state.host.members.keys().map(|(id, _)| id).chain(state.host.routes.keys()).cloned().collect())
    }

    fn changes(&self, _instance: &InstanceId) -> watch::Receiver<u64> {
        // The simulation drives turns by time alone.
        watch::Sender::new(0).subscribe()
    }
}

impl State {
    /// Whether the cluster lists the member: by its address, which is all that a member without data has.
    fn is_listed(&self, instance: &InstanceId, ordinal: u32) -> bool {
        let peer = self.audit.status.get(instance).and_then(|status| status.member(ordinal)).map(|record| record.peer);
        let cluster = self.host.clusters.get(instance);
        peer.is_some_and(|peer| cluster.is_some_and(|cluster| cluster.at(peer).is_some()))
    }

    /// Nobody is let in from outside by an address that is another's, before members show that they are behind it, or
    /// where nobody has to prove anything.
    fn check_public(&mut self, spec: &EndpointSpec) {
        let (Some(public), id) = (&spec.public, &spec.instance) else { return };
        let mut found = Vec::new();
        if self.audit.addresses.get(&public.listen) != Some(id) {
            found.push(format!("{id} is open at {}, which it does not hold", public.listen));
        }
        let was_open = self.host.routes.get(id).is_some_and(|route| route.public.is_some());
        let wanted = self.audit.instances.get(id).map(|instance| &instance.spec);
        let certificates = wanted.is_some_and(|spec| has_certificates(spec.security));
        let auth = self.host.clusters.get(id).is_some_and(|cluster| cluster.auth);
        if !was_open && !certificates && !auth && self.host.faulted.get(id) <= self.host.looked.get(id) {
            found.push(format!("{id} is opened to whoever comes"));
        }
        let https = wanted.is_some_and(|spec| spec.security.https);
        let nameless = |member: &Member| {
            let files = member.files.as_ref().filter(|_| https && member.runs());
            files.is_some_and(|files| !files.server.cert.contains(&public.listen.ip().to_string()))
        };
        if !was_open && self.host.of(id).any(|(_, member)| nameless(member)) {
            found.push(format!("{id} is opened before its members show the public address"));
        }
        self.host.violations.extend(found);
    }

    /// A member of a cluster is stopped only while the others go on, all of them.
    fn check_stop(&mut self, instance: &InstanceId, ordinal: u32, stop: Stop) {
        if self.host.members.get(&(instance.clone(), ordinal)).is_some_and(|m| m.rotten || m.differs || m.hung) {
            return;
        }
        let recovers = self.audit.status.get(instance).is_some_and(|status| status.recovery.is_some());
        if !self.is_listed(instance, ordinal) || recovers {
            return;
        }
        let name = instance.member_name(ordinal);
        if stop == Stop::AtOnce {
            self.host.own_disruption(instance, true, &format!("{name} is killed while it is a member"));
            return;
        }
        // One that could not be seen to serve may have begun to since.
        let seen = self.host.serving_at_look.get(instance).is_some_and(|seen| seen.contains(&ordinal));
        let runs = seen && self.host.members.get(&(instance.clone(), ordinal)).is_some_and(Member::runs);
        let voters = self.host.clusters.get(instance).map_or(0, crate::cluster::Cluster::voters);
        let others = self.host.up_voters(instance, self.now).iter().filter(|(other, _)| *other != ordinal).count();
        let (lacks, away) = (voters > 1 && others < quorum(voters), others + 1 < voters);
        let unlinked = self.host.members.get(&(instance.clone(), ordinal)).is_some_and(|member| member.unlinked);
        self.host.own_disruption(instance, runs && lacks, &format!("the stop of {name} takes the quorum"));
        self.host.own_disruption(instance, runs && away, &format!("{name} is stopped while another is away"));
        self.host.own_disruption(instance, unlinked, &format!("{name} is stopped though its data is gone"));
    }

    /// Replaces what a member shows. What runs must not lose its keys on the way, unless they let nobody in any more: a
    /// handshake in between fails.
    fn put_certificates(&mut self, instance: &InstanceId, ordinal: u32, certificates: &MemberCertificates) {
        let now = time_of(self.now);
        let Some(member) = self.host.members.get_mut(&(instance.clone(), ordinal)) else { return };
        let runs = member.runs() && member.files.as_ref().and_then(shown_until).is_some_and(|until| now < until);
        let Some(files) = &mut member.files else { return };
        let same_keys = files.server.key == certificates.server.key && files.peer.key == certificates.peer.key;
        files.server.clone_from(&certificates.server);
        files.peer.clone_from(&certificates.peer);
        if runs && !same_keys {
            let name = instance.member_name(ordinal);
            self.host.violations.push(format!("{name} is given other keys while it runs"));
        }
    }

    /// Members believe each other, whatever they were started with and show now.
    fn check_trust(&mut self, instance: &InstanceId) {
        let running: Vec<(u32, &Member)> = self.host.of(instance).filter(|(_, member)| member.runs()).collect();
        let mut found = Vec::new();
        for (ordinal, member) in &running {
            let Some(launch) = &member.launch else { continue };
            let others = running.iter().filter_map(|(other, member)| Some((other, member.files.as_ref()?)));
            for (other, files) in others.filter(|(other, _)| *other != ordinal) {
                if !believes(&launch.trusts, &files.peer.cert, &files.peer.key, None) {
                    found.push(format!("member {ordinal} of {instance} does not believe member {other}"));
                }
            }
        }
        self.host.violations.extend(found);
    }

    /// New data takes the place of a member's: no process of the instance may run, and no client be let in.
    fn replace_data(&mut self, instance: &InstanceId, ordinal: u32, restore: &str) -> Result<(), Error> {
        let name = instance.member_name(ordinal);
        if self.host.of(instance).any(|(_, member)| member.runs()) {
            self.host.violations.push(format!("the data of {name} is replaced while a member runs"));
        }
        if self.host.routes.contains_key(instance) || !self.is_restoring(instance) {
            self.host.violations.push(format!("the data of {name} is replaced while clients are let in"));
        }
        let member = self.host.prepare(instance, ordinal);
        if member.restored.as_deref() == Some(restore) && member.has_data() {
            return Ok(());
        }
        let made = member.making.take().ok_or_else(|| refused(format!("find what was made for {name}")))?;
        (member.data, member.restored) = (Some(made.data), Some(restore.to_owned()));
        (member.unlinked, member.full, member.joined) = (false, false, true);
        self.host.found_anew(instance, made.data.cluster, &made.peers, made.data.index);
        Ok(())
    }

    fn start_member(&mut self, spec: &MemberSpec) {
        let name = spec.name();
        if !self.audit.instances.contains_key(&spec.instance) {
            self.host.violations.push(format!("{name} is started though its instance is not there"));
        }
        let latched = self.is_latched(&spec.instance);
        if spec.start == Start::Forced {
            self.check_force(spec);
        }
        if !latched && spec.start != Start::New {
            self.host.violations.push(format!("{name} is to join a cluster that is not recorded"));
        }
        let mut spec = spec.clone();
        if self.flaw == Flaw::AlwaysNew {
            spec.start = Start::New;
        }
        let delay = self.rng.between(30, 900).cast_signed();
        // In bad weather one start in ten ends soon, as on a full disk, before or after it serves.
        let bad = matches!(self.gate.weather, Weather::Random(_)) && self.rng.chance(100);
        let end = bad.then(|| self.rng.between(1, 2000).cast_signed());
        let forced = spec.start == Start::Forced;
        let runs = self.host.members.get(&(spec.instance.clone(), spec.ordinal)).is_some_and(Member::runs);
        self.host.start(&spec, self.now, delay, end, latched);
        if forced && !runs {
            let status = self.audit.status.get(&spec.instance);
            let from = status.and_then(|status| status.recovery.as_ref()).map(|recovery| &recovery.from);
            let until =
                from.and_then(|from| from.complete_until).map(|at| at.as_millisecond() - time_of(0).as_millisecond());
            self.host.force(&spec.instance, spec.ordinal, until, self.now);
        }
    }

    /// A cluster is made to go on without a quorum only once that is recorded, and where it can have none.
    fn check_force(&mut self, spec: &MemberSpec) {
        let id = &spec.instance;
        let status = self.audit.status.get(id);
        if status.and_then(|status| status.recovery.as_ref()).is_none_or(|r| r.from.ordinal != spec.ordinal) {
            self.host.violations.push(format!("{} is started with force though nobody recorded that", spec.name()));
        }
        if self.host.routes.get(id).is_some_and(|route| !route.backends.is_empty()) {
            self.host.violations.push(format!("{} is started with force while clients are sent to it", spec.name()));
        }
    }

    fn view(&self, instance: &InstanceId) -> RuntimeView {
        let members = self.host.of(instance).map(|(ordinal, member)| MemberView {
            ordinal,
            process: match member.process {
                Run::Never => Process::Absent,
                Run::Running { .. } => Process::Running,
                Run::Exited { at, quick_exits } => Process::Exited { at: time_of(at), quick_exits },
            },
            data: member.has_data() || self.flaw == Flaw::HidesLoss,
            restored: member.restored.clone().filter(|_| member.has_data()),
            started_with: member.launch.as_ref().map(|launch| launch.line.clone()),
            shows: member.files.as_ref().map(|files| Fingerprint::of(&files.server, &files.peer)),
            shown_until: member.files.as_ref().and_then(shown_until),
            disk_bytes: 0,
            unlimited: None,
            last_words: (member.rotten && matches!(member.process, Run::Exited { quick_exits: 2.., .. }))
                .then(|| "found data inconsistency with peers".to_owned()),
        });
        let endpoint = self.host.routes.get(instance).map(|route| EndpointView {
            listen: route.listen,
            serving: self.host.endpoint_runs,
            backends: route.backends.clone(),
            public: route.public.clone().map(|told| ObservedPublic {
                route: told,
                serving: self.host.endpoint_runs,
                error: None,
            }),
            denied: 0,
        });
        RuntimeView { members: members.collect(), endpoint }
    }
}
