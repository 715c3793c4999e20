//! Asking and operating simulated members, and installing versions.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use async_trait::async_trait;
use cetcd_core::{EtcdVersion, InstanceId, observed::Serving, quorum::quorum};
use cetcd_etcd::{
    Alarm, AlarmKind, Binaries, ClusterMember, Error, EtcdAdmin, EtcdOperator, Installer, KvHash, MemberStatus, Result,
    SnapshotInfo, SnapshotStream, Target, testing::Database,
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
    fn serving(state: &State, target: &Target) -> Result<(u32, Data)> {
        let ordinal = Self::member(state, target)?;
        let serves = state.host.serves(&target.instance, ordinal, state.now).is_some();
        let data = state.host.members.get(&(target.instance.clone(), ordinal)).and_then(|member| member.data);
        data.filter(|_| serves).map(|data| (ordinal, data)).ok_or_else(|| Self::silent(target, "no leader"))
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

    async fn ask<T: Send>(
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
            let (id, host) = (&target.instance, &state.host);
            let cluster = &host.clusters[id];
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

    fn forget(&self, _instance: &InstanceId) {}
}

#[async_trait]
impl EtcdOperator for SimEtcd {
    fn log_in_with(&self, _instance: &InstanceId, _root_password: Option<&str>) {}

    async fn members(&self, through: &[Target]) -> Result<Vec<ClusterMember>> {
        self.ask("members of", through, |state, target| {
            let cluster = &state.host.clusters[&target.instance];
            let member = |listed: &crate::cluster::Listed| ClusterMember {
                id: listed.id,
                name: if listed.started { format!("member-{}", listed.id) } else { String::new() },
                peer_urls: vec![format!("https://{}", listed.peer)],
                learner: listed.learner,
            };
            Ok(cluster.peers.iter().map(member).collect())
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
            let alarms = &state.host.clusters[&target.instance].alarms;
            Ok(alarms.iter().map(|id| Alarm { member_id: *id, kind: AlarmKind::NoSpace }).collect())
        })
        .await
    }

    async fn disarm(&self, through: &[Target], alarm: &Alarm) -> Result<()> {
        self.ask(&format!("disarm {:x} of", alarm.member_id), through, |state, target| {
            let host = &mut state.host;
            let id = alarm.member_id;
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
            let (_, data) = Self::serving(state, target)?;
            let held = data.index.cast_signed();
            if revision > held {
                return Err(Error::FutureRevision { revision });
            }
            let revision = if revision == 0 { held } else { revision };
            let hash = u32::try_from(revision % i64::from(u32::MAX)).unwrap_or_default();
            Ok(KvHash { hash, compact_revision: 0, revision })
        })
        .await
    }

    async fn status(&self, target: &Target) -> Result<MemberStatus> {
        self.ask("status of a member of", std::slice::from_ref(target), |state, target| {
            let (_, data) = Self::serving(state, target)?;
            let cluster = &state.host.clusters[&target.instance];
            Ok(MemberStatus {
                cluster_id: cluster.id,
                member_id: data.id,
                leader_id: cluster.leader,
                raft_term: 1,
                raft_index: cluster.acknowledged,
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

    async fn auth_enabled(&self, through: &[Target]) -> Result<bool> {
        self.ask("auth of", through, |state, target| Ok(state.host.clusters[&target.instance].auth)).await
    }

    async fn enable_auth(&self, through: &[Target], _root_password: &str) -> Result<()> {
        self.ask("turn auth on in", through, |state, target| {
            Self::set_auth(state, target, true);
            Ok(())
        })
        .await
    }

    async fn disable_auth(&self, through: &[Target]) -> Result<()> {
        self.ask("turn auth off in", through, |state, target| {
            Self::set_auth(state, target, false);
            Ok(())
        })
        .await
    }

    async fn set_root_password(&self, through: &[Target], _password: &str) -> Result<()> {
        self.ask("set the password of", through, |_, _| Ok(())).await
    }

    async fn snapshot_to_file(&self, target: &Target, _into: &Path) -> Result<SnapshotInfo> {
        self.ask("snapshot of a member of", std::slice::from_ref(target), |state, target| {
            let (_, data) = Self::serving(state, target)?;
            let revision = data.index.cast_signed();
            Ok(SnapshotInfo { bytes: SMALL, revision, total_keys: 1, ..SnapshotInfo::default() })
        })
        .await
    }

    async fn snapshot(&self, target: &Target) -> Result<SnapshotStream> {
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
    fn set_auth(state: &mut State, target: &Target, on: bool) {
        if let Some(cluster) = state.host.clusters.get_mut(&target.instance) {
            cluster.auth = on;
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
