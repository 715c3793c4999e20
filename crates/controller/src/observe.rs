//! One look at an instance: its processes, its members' answers, its records.

use std::{collections::BTreeMap, sync::Arc};

use cetcd_core::{
    Instance, InstanceId, Status,
    certificates::{Issued, OnDisk},
    internet::has_certificates,
    member::KeyPair,
    observed::{Health, KeysHash, Observed, ObservedEndpoint, ObservedMember, Peer, Process, Standing},
    plan::serves,
    prometheus::wanted_by,
};
use cetcd_etcd::{
    admin::{ClientCredentials, Target},
    operator::{Alarm, AlarmKind, ClusterMember},
};
use cetcd_runtime::{Fingerprint, MemberView};
use cetcd_store::{
    Store,
    records::{self, InstanceCertificates, MemberPairs},
};
use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};

use crate::{Error, Result, World, certificates::Read};

/// How long what was seen of auth counts: the question costs a read of a quorum, and a line in the member's log.
const AUTH_COUNTS: SignedDuration = SignedDuration::from_secs(30);

/// What a reconciler keeps from one look to the next, so that less has to be asked. Nothing of it is needed.
#[derive(Default)]
pub(crate) struct Memory {
    /// The certificates, and thereby the way in.
    pub certificates: Option<Arc<Certificates>>,
    /// The revision of root's passwords that the admin was told of.
    told: Option<u64>,
    /// What was last seen of auth.
    auth: Option<SeenAuth>,
}

struct SeenAuth {
    on: bool,
    at: Timestamp,
    /// The generation that was wanted then: a new one is told nothing but the truth.
    generation: u64,
}

impl Memory {
    /// What was seen of auth is no longer true.
    pub fn forget_auth(&mut self) {
        self.auth = None;
    }
}

/// Certificates of an instance and the revision they were read at.
pub(crate) struct Certificates {
    pub revision: u64,
    pub all: InstanceCertificates,
    pub client: Arc<ClientCredentials>,
    /// What they say.
    pub read: Read,
    /// What each member is to show.
    pub prints: BTreeMap<u32, Fingerprint>,
}

/// Looks at the instance.
pub(crate) async fn observe(
    world: &World,
    instance: &Instance,
    status: &Status,
    memory: &mut Memory,
) -> Result<Observed> {
    let known = memory.certificates.take();
    memory.certificates = read_certificates(world, &instance.id, known).await?;
    let certificates = memory.certificates.clone();
    tell_passwords(world, instance, memory).await?;
    let seen = world.runtime.observe(&instance.id).await?;
    let mut views: BTreeMap<u32, MemberView> = seen.members.into_iter().map(|m| (m.ordinal, m)).collect();
    let ordinals: std::collections::BTreeSet<u32> =
        views.keys().copied().chain(status.members.iter().map(|m| m.ordinal)).collect();
    let members = join_all(ordinals.into_iter().map(|ordinal| {
        let view = views.remove(&ordinal);
        let certificates = certificates.clone();
        async move { look_at_member(world, instance, status, ordinal, view, certificates).await }
    }))
    .await;
    let (members, not_let_in): (Vec<_>, Vec<_>) = members.into_iter().unzip();
    let endpoint = seen.endpoint.map_or_else(ObservedEndpoint::default, |view| ObservedEndpoint {
        serving: view.serving && Some(view.listen) == status.endpoint,
        routed: true,
        backends: view.backends,
        public: view.public,
    });
    let complete = certificates
        .as_ref()
        .is_some_and(|c| status.members.iter().all(|member| c.all.members.contains_key(&member.ordinal)));
    let through = through(instance, status, &members, certificates.as_deref());
    let Cluster { membership, alarms, refused } = look_at_cluster(world, instance, &through).await;
    let refused = refused.or_else(|| not_let_in.into_iter().flatten().next());
    let auth = look_at_auth(world, instance, &through, memory).await;
    let corrupt = alarms.iter().any(|alarm| alarm.kind == AlarmKind::Corrupt);
    let hashes = if corrupt {
        look_at_hashes(world, instance, status, &members, certificates.as_deref()).await
    } else {
        Vec::new()
    };
    let standings = look_at_survivors(world, instance, status, &members, certificates.as_deref()).await;
    let policies = world.store.range(&records::policies_prefix(&instance.id)).await?;
    Ok(Observed {
        credentials: complete && !status.members.is_empty(),
        issued: certificates.as_ref().map_or_else(Issued::default, |c| c.read.issued(instance, status)),
        installed: world.installer.binaries(status.version(&instance.spec)).is_some(),
        members,
        membership,
        out_of_space: alarms.iter().filter(|a| a.kind == AlarmKind::NoSpace).map(|a| a.member_id).collect(),
        auth,
        refused,
        corrupt,
        hashes,
        endpoint,
        monitored: status.monitored_at.is_some() && status.monitored_by.as_deref() == wanted_by(instance),
        // Once all of the creation was done, an instance without one has none because its owner deleted it.
        backup_policy: status.observed_generation > 0 || !policies.entries.is_empty(),
        standings,
        maintenance: world.policies.window.as_ref().is_some_and(|window| window.contains(world.clock.now())),
        automatic_recovery: world.policies.automatic_recovery,
    })
}

/// Tells the admin root's passwords, where there are any that it was not told yet: before anything is asked that may
/// take them. They are told even where the certificate is enough, which the members decide.
async fn tell_passwords(world: &World, instance: &Instance, memory: &mut Memory) -> Result<()> {
    if instance.spec.auth.password_generation == 0 {
        return Ok(());
    }
    let id = &instance.id;
    let Some(entry) = world.store.get(&records::root_passwords_key(id)).await? else { return Ok(()) };
    if memory.told != Some(entry.mod_revision) {
        let passwords = records::open_root_passwords(&world.sealer, id, &entry)?;
        world.admin.log_in_with(id, &passwords.newest_first());
        memory.told = Some(entry.mod_revision);
    }
    Ok(())
}

/// What was seen of the member, and what it said where it does not let the control plane in.
async fn look_at_member(
    world: &World,
    instance: &Instance,
    status: &Status,
    ordinal: u32,
    view: Option<MemberView>,
    certificates: Option<Arc<Certificates>>,
) -> (ObservedMember, Option<String>) {
    let mut refused = None;
    let process = view.as_ref().map_or(Process::Absent, |view| view.process);
    let health = match status.member(ordinal) {
        // A member of an instance that goes away is not asked: its answer would change nothing.
        Some(record) if process == Process::Running && !instance.spec.deleting => {
            match target(instance, record.client, certificates.as_deref()) {
                Some(target) => match world.admin.probe(&target).await {
                    Ok(serving) => Health::Serving(serving),
                    Err(error) => {
                        refused = is_not_root(&error).then(|| error.to_string());
                        Health::NotServing(error.to_string())
                    }
                },
                None => Health::NotServing("its certificates are not in the store".to_owned()),
            }
        }
        _ => Health::NotAsked,
    };
    let shows = view.as_ref().and_then(|view| {
        let wanted = certificates.as_ref()?.prints.get(&ordinal)?;
        let compared = view.shows.as_ref().map_or(OnDisk::OtherKeys, |shows| shows.compare(wanted));
        let has_ended = view.shown_until.is_some_and(|until| until <= world.clock.now());
        Some(if has_ended && compared != OnDisk::Same { OnDisk::Ended } else { compared })
    });
    let seen = ObservedMember {
        ordinal,
        process,
        footprint: view.is_some(),
        data: view.as_ref().is_some_and(|view| view.data),
        restored: view.as_ref().and_then(|view| view.restored.clone()),
        started_with: view.as_ref().and_then(|view| view.started_with.clone()),
        shows: shows.unwrap_or_default(),
        health,
        disk_bytes: view.as_ref().map_or(0, |view| view.disk_bytes),
        bad_data: view.as_ref().and_then(|view| cetcd_etcd::words::of_bad_data(view.last_words.as_deref()?)),
        unlimited: view.and_then(|view| view.unlimited),
    };
    (seen, refused)
}

fn is_not_root(error: &cetcd_etcd::Error) -> bool {
    matches!(error, cetcd_etcd::Error::NotRoot { .. })
}

/// The members that serve as voters of the cluster: whom to ask about it.
fn through(
    instance: &Instance,
    status: &Status,
    members: &[ObservedMember],
    certificates: Option<&Certificates>,
) -> Vec<Target> {
    let Some(cluster_id) = status.cluster_id else { return Vec::new() };
    members
        .iter()
        .filter(|member| serves(member, cluster_id))
        .filter_map(|member| target(instance, status.member(member.ordinal)?.client, certificates))
        .collect()
}

/// What the cluster says of itself.
#[derive(Default)]
struct Cluster {
    membership: Option<Vec<Peer>>,
    alarms: Vec<Alarm>,
    /// Why it says nothing, where that is since it does not take the control plane for root.
    refused: Option<String>,
}

async fn look_at_cluster(world: &World, instance: &Instance, through: &[Target]) -> Cluster {
    if through.is_empty() {
        return Cluster::default();
    }
    let (listed, alarms) = futures::join!(world.admin.members(through), world.admin.alarms(through));
    let errors = [listed.as_ref().err(), alarms.as_ref().err()];
    let refused = errors.into_iter().flatten().find(|error| is_not_root(error)).map(ToString::to_string);
    let membership = listed.inspect_err(|error| tracing::debug!(instance = %instance.id, %error, "no list")).ok();
    let membership = membership.map(|members| members.into_iter().map(peer).collect());
    // Alarms that could not be read are not none: what is not known of the cluster is waited for as a whole.
    let Ok(alarms) = alarms.inspect_err(|error| tracing::debug!(instance = %instance.id, %error, "no alarms")) else {
        return Cluster { refused, ..Cluster::default() };
    };
    Cluster { membership, alarms, refused }
}

/// Whether auth is on, where the owner ever wanted anything of it: asked anew after a while, and for each new wish.
async fn look_at_auth(world: &World, instance: &Instance, through: &[Target], memory: &mut Memory) -> Option<bool> {
    if !instance.spec.auth.is_managed() || instance.spec.deleting || through.is_empty() {
        return None;
    }
    let (now, generation) = (world.clock.now(), instance.generation);
    // Where nothing but a password stands between the cluster and the public, each look counts.
    let exposed = instance.spec.internet.is_some() && !has_certificates(instance.spec.security);
    let lately = |seen: &&SeenAuth| !exposed && now.duration_since(seen.at) < AUTH_COUNTS;
    let counts = |seen: &&SeenAuth| seen.generation == generation && lately(seen);
    if let Some(seen) = memory.auth.as_ref().filter(counts) {
        return Some(seen.on);
    }
    let asked = world.admin.auth_enabled(through).await;
    let on = asked.inspect_err(|error| tracing::debug!(instance = %instance.id, %error, "auth is not told")).ok();
    memory.auth = on.map(|on| SeenAuth { on, at: now, generation });
    on
}

/// What members say of themselves, or their disks say of them, while nobody serves. In all other times nobody is asked.
async fn look_at_survivors(
    world: &World,
    instance: &Instance,
    status: &Status,
    members: &[ObservedMember],
    certificates: Option<&Certificates>,
) -> Vec<Standing> {
    if status.cluster_id.is_none() || instance.spec.deleting || members.iter().any(|m| m.serving().is_some()) {
        return Vec::new();
    }
    let with_data = members.iter().filter(|member| member.data);
    let standings = with_data.map(|member| async move {
        let target = target(instance, status.member(member.ordinal)?.client, certificates)?;
        let runs = member.process == Process::Running;
        let said = if runs { world.admin.status(&target).await.ok() } else { None };
        let Some(said) = said else {
            // One that was started again without a quorum answers nobody.
            let path = world.runtime.data_path(&instance.id, member.ordinal);
            let found = world.admin.on_disk(&path).await.ok()?;
            return Some(Standing {
                ordinal: member.ordinal,
                cluster_id: found.cluster_id,
                answers: false,
                learner: found.members.iter().any(|other| other.id == found.member_id && other.learner),
                led: false,
                index: found.index,
                revision: found.revision,
                peers: found.members.into_iter().map(peer).collect(),
            });
        };
        let known = world.admin.known_members(&target).await.unwrap_or_default();
        Some(Standing {
            ordinal: member.ordinal,
            cluster_id: said.cluster_id,
            answers: true,
            learner: said.learner,
            led: said.leader_id.is_some(),
            index: said.raft_index,
            revision: said.revision,
            peers: known.into_iter().map(peer).collect(),
        })
    });
    join_all(standings).await.into_iter().flatten().collect()
}

/// The hashes of the keys of all voters that serve, at the revision that all of them have. Who does not tell is left
/// out.
async fn look_at_hashes(
    world: &World,
    instance: &Instance,
    status: &Status,
    members: &[ObservedMember],
    certificates: Option<&Certificates>,
) -> Vec<KeysHash> {
    let Some(cluster_id) = status.cluster_id else { return Vec::new() };
    let voters = members.iter().filter(|member| serves(member, cluster_id));
    let targets = voters.filter_map(|member| {
        Some((member.ordinal, target(instance, status.member(member.ordinal)?.client, certificates)?))
    });
    let said = join_all(targets.map(|(ordinal, target)| async move {
        let said = world.admin.status(&target).await.ok()?;
        Some((ordinal, target, said))
    }))
    .await;
    let said: Vec<_> = said.into_iter().flatten().collect();
    let Some(at) = said.iter().map(|(_, _, said)| said.revision).min() else { return Vec::new() };
    let hashes = said.into_iter().map(|(ordinal, target, said)| async move {
        let found = world.admin.hash_kv(&target, at).await.ok()?;
        Some(KeysHash {
            ordinal,
            hash: found.hash,
            at,
            compact_revision: found.compact_revision,
            revision: said.revision,
            applied_index: said.applied_index,
        })
    });
    join_all(hashes).await.into_iter().flatten().collect()
}

fn peer(member: ClusterMember) -> Peer {
    Peer {
        id: member.id,
        url: member.peer_urls.into_iter().next().unwrap_or_default(),
        learner: member.learner,
        started: !member.name.is_empty(),
    }
}

/// How to ask the member at `address`; `None` where that takes certificates that are not there.
pub(crate) fn target(
    instance: &Instance,
    address: std::net::SocketAddr,
    certificates: Option<&Certificates>,
) -> Option<Target> {
    let credentials = match (instance.spec.security.https, certificates) {
        (false, _) => None,
        (true, Some(certificates)) => Some(Arc::clone(&certificates.client)),
        (true, None) => return None,
    };
    Some(Target { instance: instance.id.clone(), address, credentials })
}

async fn read_certificates(
    world: &World,
    id: &InstanceId,
    known: Option<Arc<Certificates>>,
) -> Result<Option<Arc<Certificates>>> {
    let key = records::certificates_key(id);
    let Some(entry) = world.store.get(&key).await? else { return Ok(None) };
    if let Some(known) = known.filter(|known| known.revision == entry.mod_revision) {
        return Ok(Some(known));
    }
    let all = records::open_certificates(&world.sealer, id, &entry)?;
    let client = ClientCredentials { ca: all.trusted(), client: KeyPair::from(&all.client) };
    let print = |pairs: &MemberPairs| Fingerprint::of(&(&pairs.server).into(), &(&pairs.peer).into());
    Ok(Some(Arc::new(Certificates {
        revision: entry.mod_revision,
        client: Arc::new(client),
        read: Read::new(world.issuer.as_ref(), &all)?,
        prints: all.members.iter().map(|(ordinal, pairs)| (*ordinal, print(pairs))).collect(),
        all,
    })))
}

/// The record that a plan presumes.
pub(crate) fn required<T>(value: Option<T>, what: &str) -> Result<T> {
    value.ok_or_else(|| Error::Missing { what: what.to_owned() })
}
