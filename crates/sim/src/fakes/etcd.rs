//! Asking and operating simulated members, and installing versions.

use std::{
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use async_trait::async_trait;
use cetcd_core::{EtcdVersion, InstanceId, observed::Serving, quorum::quorum};
use cetcd_etcd::{
    Alarm, AlarmKind, Binaries, ClusterMember, Error, EtcdAdmin, EtcdOperator, Installer, KvHash, Login, MemberStatus,
    Result, SnapshotInfo, SnapshotStream, Target, offline::OnDisk, testing::Database,
};
use futures::StreamExt;

use crate::{
    Flaw, Sim,
    cluster::Refusal,
    fakes::{believes, time_of},
    host::Data,
    sim::State,
};

/// Asks the members of the simulated machine.
pub(crate) struct SimEtcd(pub Sim);

/// The versions that there are, the oldest first.
pub(crate) const VERSIONS: [EtcdVersion; 3] =
    [EtcdVersion::new(3, 4, 23), EtcdVersion::new(3, 5, 16), EtcdVersion::new(3, 5, 30)];

/// A backend with nothing in it, one with no space left, and the quota that each reaches.
const SMALL: u64 = 20_480;
const LARGE: u64 = 64 * 1024 * 1024 * 1024;

impl SimEtcd {
    fn silent(target: &Target, reason: &str) -> Error {
        Error::NotServing { address: target.address, reason: reason.to_owned() }
    }

    /// The member that answers at the target's address: only one of its instance, since others have other CAs.
    fn member(state: &State, target: &Target) -> Result<u32> {
        match state.host.at(target.address, state.now) {
            Some((id, ordinal)) if *id == target.instance => Self::let_in(state, target, ordinal),
            Some(_) => Err(Self::silent(target, "its certificate is not of this instance")),
            None => Err(Self::silent(target, "connection refused")),
        }
    }

    /// Both sides of a handshake believe each other.
    fn let_in(state: &State, target: &Target, ordinal: u32) -> Result<u32> {
        let Some(client) = &target.credentials else { return Ok(ordinal) };
        let member = state.host.members.get(&(target.instance.clone(), ordinal));
        let sides = member.and_then(|member| Some((member.launch.as_ref()?, member.files.as_ref()?)));
        let Some((launch, files)) = sides.filter(|(launch, _)| launch.https) else { return Ok(ordinal) };
        let now = Some(time_of(state.now));
        if !believes(&client.ca, &files.server.cert, &files.server.key, now) {
            return Err(Self::silent(target, "its certificate is not believed"));
        }
        if !believes(&launch.trusts, &client.client.cert, &client.client.key, now) {
            return Err(Self::silent(target, "bad certificate"));
        }
        Ok(ordinal)
    }

    /// What the member at the target's address holds, where it serves.
    pub(super) fn serving(state: &State, target: &Target) -> Result<(u32, Data)> {
        let ordinal = Self::member(state, target)?;
        let serves = state.host.serves(&target.instance, ordinal, state.now).is_some();
        let data = state.host.members.get(&(target.instance.clone(), ordinal)).and_then(|member| member.data);
        data.filter(|_| serves).map(|data| (ordinal, data)).ok_or_else(|| Self::silent(target, "no leader"))
    }

    /// What the member at the target's address holds, whether or not a quorum stands behind it.
    fn standing(state: &State, target: &Target) -> Result<(u32, Data)> {
        let ordinal = Self::member(state, target)?;
        let cluster = state.host.clusters.get(&target.instance).map(|cluster| cluster.id);
        let data = state.host.members.get(&(target.instance.clone(), ordinal)).and_then(|member| member.data);
        let data = data.filter(|data| Some(data.cluster) == cluster);
        data.map(|data| (ordinal, data)).ok_or_else(|| Self::silent(target, "it has no cluster yet"))
    }

    /// The first of `through` that serves.
    fn any(state: &State, through: &[Target]) -> Result<Target> {
        let mut last = Error::NobodyToAsk;
        for target in through {
            match Self::serving(state, target) {
                Ok(_) => return Ok(target.clone()),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// Whether the member lets the control plane do anything: it takes its certificate or its password for root's.
    fn is_root(state: &State, target: &Target) -> Result<()> {
        let cluster = &state.host.clusters[&target.instance];
        let ordinal = Self::member(state, target)?;
        let launch = state.host.members.get(&(target.instance.clone(), ordinal)).and_then(|m| m.launch.as_ref());
        let by_certificate = target.credentials.is_some() && launch.is_some_and(|launch| launch.client_cert_auth);
        let told = state.told.get(&target.instance);
        let by_password = told.zip(cluster.root_password.as_ref()).is_some_and(|(told, right)| told.contains(right));
        if !cluster.auth || by_certificate || by_password {
            return Ok(());
        }
        Err(Error::NotRoot { address: target.address, reason: "user name is empty".to_owned() })
    }

    /// From some version on a member tells its status to those who are let in only.
    fn may_know(state: &State, target: &Target) -> Result<()> {
        let ordinal = Self::member(state, target)?;
        let launch = state.host.members.get(&(target.instance.clone(), ordinal)).and_then(|m| m.launch.as_ref());
        if launch.is_some_and(|launch| launch.version >= VERSIONS[2]) { Self::is_root(state, target) } else { Ok(()) }
    }

    /// Asks one member, which may not serve.
    async fn ask_one<T: Send>(
        &self,
        what: &str,
        target: &Target,
        mut apply: impl FnMut(&mut State, &Target) -> Result<T> + Send,
    ) -> Result<T> {
        let fault = |state: &mut State| {
            state.host.fault(&target.instance);
            Self::silent(target, "no answer in time")
        };
        self.0.effect(format!("{what} {}", target.instance), |state| apply(state, target), fault).await
    }

    /// Asks for what only root may.
    async fn ask<T: Send>(
        &self,
        what: &str,
        through: &[Target],
        mut apply: impl FnMut(&mut State, &Target) -> Result<T> + Send,
    ) -> Result<T> {
        let apply = |state: &mut State, target: &Target| {
            Self::is_root(state, target)?;
            apply(state, target)
        };
        self.ask_as_anybody(what, through, apply).await
    }

    async fn ask_as_anybody<T: Send>(
        &self,
        what: &str,
        through: &[Target],
        mut apply: impl FnMut(&mut State, &Target) -> Result<T> + Send,
    ) -> Result<T> {
        let id = through.first().map(|target| target.instance.to_string()).unwrap_or_default();
        let fault = |state: &mut State| {
            // What could not be asked for is not known.
            for target in through {
                state.host.fault(&target.instance);
            }
            through.first().map_or(Error::NobodyToAsk, |target| Self::silent(target, "no answer in time"))
        };
        let apply = |state: &mut State| {
            let target = Self::any(state, through)?;
            apply(state, &target)
        };
        self.0.effect(format!("{what} {id}"), apply, fault).await
    }
}

fn member(listed: &crate::cluster::Listed) -> ClusterMember {
    ClusterMember {
        id: listed.id,
        name: if listed.started { format!("member-{}", listed.id) } else { String::new() },
        peer_urls: vec![format!("https://{}", listed.peer)],
        learner: listed.learner,
    }
}

fn refused(refusal: Refusal, target: &Target, id: u64) -> Error {
    match refusal {
        Refusal::NoQuorum => SimEtcd::silent(target, "no leader"),
        Refusal::Unsafe => Error::UnsafeReconfiguration { reason: "unhealthy cluster".to_owned() },
        Refusal::TooManyLearners => Error::TooManyLearners,
        Refusal::NotInSync => Error::NotInSync { id },
        Refusal::NoSuchMember => Error::NoSuchMember { id },
        Refusal::CannotLead => Error::CannotLead { id },
    }
}

#[async_trait]
impl EtcdAdmin for SimEtcd {
    async fn probe(&self, target: &Target) -> Result<Serving> {
        let apply = |state: &mut State| {
            state.hold(target);
            let (ordinal, data) = Self::serving(state, target)?;
            Self::may_know(state, target)?;
            let (id, host) = (&target.instance, &mut state.host);
            let cluster = &host.clusters[id];
            // A linearizable read waits until the member has all that was acknowledged before.
            if let Some(held) = host.members.get_mut(&(id.clone(), ordinal)).and_then(|member| member.data.as_mut()) {
                held.index = held.index.max(cluster.acknowledged);
            }
            let member = &host.members[&(id.clone(), ordinal)];
            Ok(Serving {
                cluster_id: cluster.id,
                member_id: data.id,
                leader: cluster.leader == Some(data.id),
                learner: !cluster.has_voter(data.id),
                version: member.launch.as_ref().map(|launch| launch.version.bare()).unwrap_or_default(),
                database_bytes: if member.full { LARGE } else { SMALL },
                database_bytes_in_use: SMALL,
            })
        };
        let fault = |state: &mut State| {
            state.host.fault(&target.instance);
            Self::silent(target, "no answer in time")
        };
        self.0.effect(format!("probe {}", target.address), apply, fault).await
    }

    async fn metrics(&self, target: &Target) -> Result<String> {
        let apply = |state: &mut State| Self::member(state, target).map(|_| "etcd_server_has_leader 1\n".to_owned());
        let fault = |_: &mut State| Self::silent(target, "no answer in time");
        self.0.effect(format!("metrics {}", target.address), apply, fault).await
    }

    async fn serves_peers(&self, _peer: SocketAddr, _ca: &str) -> bool {
        // Waiting for it makes a start faster, and nothing else depends on it.
        true
    }

    fn forget(&self, instance: &InstanceId) {
        self.0.state().told.remove(instance);
    }
}

#[async_trait]
impl EtcdOperator for SimEtcd {
    fn log_in_with(&self, instance: &InstanceId, root_passwords: &[&str]) {
        let told = root_passwords.iter().map(|password| (*password).to_owned()).collect();
        self.0.state().told.insert(instance.clone(), told);
    }

    async fn members(&self, through: &[Target]) -> Result<Vec<ClusterMember>> {
        self.ask("members of", through, |state, target| {
            let cluster = &state.host.clusters[&target.instance];
            Ok(cluster.peers.iter().map(member).collect())
        })
        .await
    }

    async fn known_members(&self, target: &Target) -> Result<Vec<ClusterMember>> {
        self.ask_one("members known to a member of", target, |state, target| {
            Self::standing(state, target)?;
            Ok(state.host.clusters[&target.instance].peers.iter().map(member).collect())
        })
        .await
    }

    async fn add_member(&self, through: &[Target], peer_url: &str, learner: bool) -> Result<u64> {
        let peer: Option<SocketAddr> = peer_url.strip_prefix("https://").and_then(|text| text.parse().ok());
        self.ask(&format!("add {peer_url} to"), through, |state, target| {
            let bad = || Error::Refused { address: target.address, reason: "no such URL".to_owned() };
            let peer = peer.ok_or_else(bad)?;
            let lag = state.rng.between(0, 2000).cast_signed();
            let added = state.host.add_peer(&target.instance, peer, learner, lag, state.now);
            added.map_err(|refusal| refused(refusal, target, 0))
        })
        .await
    }

    async fn promote_member(&self, through: &[Target], id: u64) -> Result<()> {
        self.ask(&format!("promote {id:x} of"), through, |state, target| {
            let promoted = state.host.promote_peer(&target.instance, id, state.now);
            promoted.map_err(|refusal| refused(refusal, target, id))
        })
        .await
    }

    async fn remove_member(&self, through: &[Target], id: u64) -> Result<()> {
        self.ask(&format!("take {id:x} out of"), through, |state, target| {
            let delay = state.rng.between(0, 1500).cast_signed();
            let removed = state.host.remove_peer(&target.instance, id, delay, state.now);
            removed.map_err(|refusal| refused(refusal, target, id))
        })
        .await
    }

    async fn move_leader(&self, leader: &Target, to: u64) -> Result<()> {
        self.ask(&format!("let {to:x} lead"), std::slice::from_ref(leader), |state, target| {
            let (_, data) = Self::serving(state, target)?;
            if state.host.clusters[&target.instance].leader != Some(data.id) {
                return Err(Error::NotLeader { address: target.address });
            }
            state.host.move_leader(&target.instance, to, state.now).map_err(|refusal| refused(refusal, target, to))
        })
        .await
    }

    async fn alarms(&self, through: &[Target]) -> Result<Vec<Alarm>> {
        self.ask("alarms of", through, |state, target| {
            let cluster = &state.host.clusters[&target.instance];
            let full = cluster.alarms.iter().map(|id| Alarm { member_id: *id, kind: AlarmKind::NoSpace });
            // It names nobody.
            Ok(full.chain(cluster.corrupt.then_some(Alarm { member_id: 0, kind: AlarmKind::Corrupt })).collect())
        })
        .await
    }

    async fn disarm(&self, through: &[Target], alarm: &Alarm) -> Result<()> {
        self.ask(&format!("disarm {:x} of", alarm.member_id), through, |state, target| {
            let host = &mut state.host;
            let id = alarm.member_id;
            if alarm.kind == AlarmKind::Corrupt {
                let now = state.now;
                let odd = host.of(&target.instance).any(|(_, member)| {
                    let listed = |data: Data| host.clusters[&target.instance].with_id(data.id).is_some();
                    member.differs && member.is_up(now) && member.data.is_some_and(listed)
                });
                host.own_disruption(&target.instance, odd, "an alarm is taken back while members differ");
                if let Some(cluster) = host.clusters.get_mut(&target.instance) {
                    cluster.corrupt = false;
                }
                return Ok(());
            }
            let still =
                host.of(&target.instance).any(|(_, member)| member.full && member.data.is_some_and(|d| d.id == id));
            host.own_disruption(&target.instance, still, "an alarm is taken back while there is no space");
            if let Some(cluster) = host.clusters.get_mut(&target.instance) {
                cluster.alarms.remove(&id);
            }
            Ok(())
        })
        .await
    }

    async fn age_log(&self, members: &[Target]) -> Result<()> {
        self.ask("age the log of", members, |_, _| Ok(())).await
    }

    async fn compact(&self, through: &[Target], revision: i64) -> Result<()> {
        self.ask("compact", through, |state, target| {
            let written = state.host.clusters[&target.instance].acknowledged.cast_signed();
            if revision > written { Err(Error::FutureRevision { revision }) } else { Ok(()) }
        })
        .await
    }

    async fn defragment(&self, target: &Target) -> Result<()> {
        self.ask("defragment a member of", std::slice::from_ref(target), |state, target| {
            let (ordinal, _) = Self::serving(state, target)?;
            let id = &target.instance;
            let (up, voters) = (state.host.up_voters(id, state.now).len(), state.host.clusters[id].voters());
            let lacks = voters > 1 && up <= quorum(voters);
            state.host.own_disruption(id, lacks, "a defragmentation takes the quorum");
            if let Some(member) = state.host.members.get_mut(&(id.clone(), ordinal)) {
                member.full = false;
            }
            Ok(())
        })
        .await
    }

    async fn hash_kv(&self, target: &Target, revision: i64) -> Result<KvHash> {
        self.ask("hash of a member of", std::slice::from_ref(target), |state, target| {
            let (ordinal, data) = Self::serving(state, target)?;
            let differs = state.host.members[&(target.instance.clone(), ordinal)].differs;
            let held = data.index.cast_signed();
            if revision > held {
                return Err(Error::FutureRevision { revision });
            }
            let revision = if revision == 0 { held } else { revision };
            let hash = u32::try_from(revision % i64::from(u32::MAX)).unwrap_or_default() ^ u32::from(differs);
            Ok(KvHash { hash, compact_revision: 0, revision })
        })
        .await
    }

    async fn status(&self, target: &Target) -> Result<MemberStatus> {
        self.ask_one("status of a member of", target, |state, target| {
            let (_, data) = Self::standing(state, target)?;
            Self::may_know(state, target)?;
            let cluster = &state.host.clusters[&target.instance];
            Ok(MemberStatus {
                cluster_id: cluster.id,
                member_id: data.id,
                leader_id: cluster.leader,
                raft_term: 1,
                raft_index: data.index.min(cluster.acknowledged),
                applied_index: Some(data.index),
                // What it has may be behind.
                revision: data.index.min(cluster.acknowledged).cast_signed(),
                database_bytes: SMALL,
                database_bytes_in_use: Some(SMALL),
                learner: !cluster.has_voter(data.id),
                version: String::new(),
                errors: Vec::new(),
            })
        })
        .await
    }

    async fn on_disk(&self, data: &Path) -> Result<OnDisk> {
        let absent = || Error::Io { doing: format!("read {}", data.display()), source: io::ErrorKind::NotFound.into() };
        let data_owner = (|| {
            let mut parts = data.iter().rev().map(|part| part.to_str());
            let ordinal: u32 = parts.next()??.parse().ok()?;
            Some((InstanceId::parse(parts.next()??)?, ordinal))
        })();
        let apply = |state: &mut State| {
            let member = data_owner.as_ref().and_then(|member| state.host.members.get(member));
            let data = member.filter(|member| member.has_data()).and_then(|member| member.data).ok_or_else(absent)?;
            let revision = data.index.cast_signed();
            let id = data_owner.as_ref().map(|(id, _)| id);
            let cluster = id.and_then(|id| state.host.clusters.get(id)).filter(|known| known.id == data.cluster);
            let members = cluster.map(|cluster| cluster.peers.iter().map(self::member).collect()).unwrap_or_default();
            Ok(OnDisk { cluster_id: data.cluster, member_id: data.id, index: data.index, revision, members })
        };
        self.0.effect(format!("files in {}", data.display()), apply, |_| absent()).await
    }

    async fn auth_enabled(&self, through: &[Target]) -> Result<bool> {
        let auth = |state: &mut State, target: &Target| Ok(state.host.clusters[&target.instance].auth);
        self.ask_as_anybody("auth of", through, auth).await
    }

    async fn enable_auth(&self, through: &[Target], root_password: &str) -> Result<()> {
        self.ask_as_anybody("turn auth on in", through, |state, target| {
            if state.host.clusters[&target.instance].auth {
                return Self::set_password(state, target, root_password);
            }
            if let Some(cluster) = state.host.clusters.get_mut(&target.instance) {
                (cluster.auth, cluster.root_password) = (true, Some(root_password.to_owned()));
            }
            Ok(())
        })
        .await?;
        self.remember(through, root_password);
        Ok(())
    }

    async fn disable_auth(&self, through: &[Target]) -> Result<()> {
        self.ask("turn auth off in", through, |state, target| {
            if let Some(cluster) = state.host.clusters.get_mut(&target.instance) {
                cluster.auth = false;
            }
            Ok(())
        })
        .await
    }

    async fn set_root_password(&self, through: &[Target], password: &str) -> Result<()> {
        self.ask_as_anybody("set the password of", through, |state, target| {
            Self::set_password(state, target, password)
        })
        .await?;
        self.remember(through, password);
        Ok(())
    }

    async fn snapshot_to_file(&self, target: &Target, _into: &Path) -> Result<SnapshotInfo> {
        self.ask("snapshot of a member of", std::slice::from_ref(target), |state, target| {
            let (_, data) = Self::serving(state, target)?;
            let revision = data.index.cast_signed();
            Ok(SnapshotInfo { bytes: SMALL, revision, total_keys: 1, ..SnapshotInfo::default() })
        })
        .await
    }

    async fn snapshot(&self, target: &Target, _login: Option<&Login>) -> Result<SnapshotStream> {
        let bytes = self
            .ask("stream a snapshot of a member of", std::slice::from_ref(target), |state, target| {
                let (_, data) = Self::serving(state, target)?;
                let revision = data.index.cast_signed().max(2);
                Ok(Database { keys: vec![(revision, b"a".to_vec())], ..Database::default() }.snapshot())
            })
            .await?;
        Ok(SnapshotStream::new(futures::stream::iter([Ok(bytes.into())]).boxed()))
    }
}

impl SimEtcd {
    /// Whoever knows the password already needs not be root for it.
    fn set_password(state: &mut State, target: &Target, password: &str) -> Result<()> {
        let cluster = &state.host.clusters[&target.instance];
        if cluster.root_password.is_none() {
            return Err(Error::NoRootUser);
        }
        if !(cluster.auth && cluster.root_password.as_deref() == Some(password)) {
            Self::is_root(state, target)?;
        }
        if let Some(cluster) = state.host.clusters.get_mut(&target.instance) {
            cluster.root_password = Some(password.to_owned());
        }
        Ok(())
    }

    fn remember(&self, through: &[Target], password: &str) {
        let mut state = self.0.state();
        if let Some(target) = through.first() {
            let told = state.told.entry(target.instance.clone()).or_default();
            if !told.iter().any(|known| known == password) {
                told.insert(0, password.to_owned());
            }
        }
    }
}

/// Brings the versions that there are.
pub(crate) struct SimInstaller(pub Sim);

fn binaries() -> Binaries {
    Binaries { etcd: PathBuf::from("/simulated/etcd"), etcdctl: None, etcdutl: None }
}

#[async_trait]
impl Installer for SimInstaller {
    fn binaries(&self, version: &EtcdVersion) -> Option<Binaries> {
        self.0.state().host.installed.contains(version).then(binaries)
    }

    async fn install(&self, version: &EtcdVersion) -> Result<Binaries> {
        let broken =
            || Error::BadArchive { version: version.clone(), url: String::new(), reason: "cut off".to_owned() };
        let apply = |state: &mut State| {
            if state.flaw == Flaw::NoVersions {
                return Err(broken());
            }
            state.host.installed.insert(version.clone());
            Ok(binaries())
        };
        self.0.effect(format!("install {version}"), apply, |_| broken()).await
    }

    fn installed(&self) -> Vec<EtcdVersion> {
        self.0.state().host.installed.iter().cloned().collect()
    }

    fn available(&self) -> Vec<EtcdVersion> {
        VERSIONS.to_vec()
    }
}
