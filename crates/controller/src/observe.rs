//! One look at an instance: its processes, its members' answers, its records.

use std::{collections::BTreeMap, sync::Arc};

use cetcd_core::{
    Instance, InstanceId, Status,
    certificates::{Issued, OnDisk},
    member::KeyPair,
    observed::{Health, Observed, ObservedEndpoint, ObservedMember, Peer, Process},
    plan::serves,
};
use cetcd_etcd::{
    admin::{ClientCredentials, Target},
    operator::AlarmKind,
};
use cetcd_runtime::{Fingerprint, MemberView};
use cetcd_store::{
    Store,
    records::{self, InstanceCertificates, MemberPairs},
};
use futures::future::join_all;

use crate::{Error, Result, World, certificates::Read};

/// What a turn has in hand: what was seen, and the certificates that were needed to see it.
pub(crate) struct Look {
    pub observed: Observed,
    pub certificates: Option<Arc<Certificates>>,
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

/// Looks at the instance. `known` are the certificates of the last look, opened again only if they changed.
pub(crate) async fn observe(
    world: &World,
    instance: &Instance,
    status: &Status,
    known: Option<Arc<Certificates>>,
) -> Result<Look> {
    let certificates = read_certificates(world, &instance.id, known).await?;
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
    let endpoint = seen.endpoint.map_or_else(ObservedEndpoint::default, |view| ObservedEndpoint {
        serving: view.serving && Some(view.listen) == status.endpoint,
        routed: true,
        backends: view.backends,
    });
    let complete = certificates
        .as_ref()
        .is_some_and(|c| status.members.iter().all(|member| c.all.members.contains_key(&member.ordinal)));
    let (membership, out_of_space) = look_at_cluster(world, instance, status, &members, certificates.as_deref()).await;
    let policies = world.store.range(&records::policies_prefix(&instance.id)).await?;
    let observed = Observed {
        credentials: complete && !status.members.is_empty(),
        issued: certificates.as_ref().map_or_else(Issued::default, |c| c.read.issued(instance, status)),
        installed: world.installer.binaries(&instance.spec.version).is_some(),
        members,
        membership,
        out_of_space,
        endpoint,
        monitored: status.monitored_at.is_some(),
        backup_policy: !policies.entries.is_empty(),
    };
    Ok(Look { observed, certificates })
}

async fn look_at_member(
    world: &World,
    instance: &Instance,
    status: &Status,
    ordinal: u32,
    view: Option<MemberView>,
    certificates: Option<Arc<Certificates>>,
) -> ObservedMember {
    let process = view.as_ref().map_or(Process::Absent, |view| view.process);
    let health = match status.member(ordinal) {
        // A member of an instance that goes away is not asked: its answer would change nothing.
        Some(record) if process == Process::Running && !instance.spec.deleting => {
            match target(instance, record.client, certificates.as_deref()) {
                Some(target) => match world.admin.probe(&target).await {
                    Ok(serving) => Health::Serving(serving),
                    Err(error) => Health::NotServing(error.to_string()),
                },
                None => Health::NotServing("its certificates are not in the store".to_owned()),
            }
        }
        _ => Health::NotAsked,
    };
    let shows = view.as_ref().and_then(|view| {
        let wanted = certificates.as_ref()?.prints.get(&ordinal)?;
        Some(view.shows.as_ref().map_or(OnDisk::OtherKeys, |shows| shows.compare(wanted)))
    });
    ObservedMember {
        ordinal,
        process,
        footprint: view.is_some(),
        data: view.as_ref().is_some_and(|view| view.data),
        started_with: view.as_ref().and_then(|view| view.started_with.clone()),
        shows: shows.unwrap_or_default(),
        health,
        disk_bytes: view.as_ref().map_or(0, |view| view.disk_bytes),
        unlimited: view.and_then(|view| view.unlimited),
    }
}

/// What the cluster says of itself, through those of its members that serve.
async fn look_at_cluster(
    world: &World,
    instance: &Instance,
    status: &Status,
    members: &[ObservedMember],
    certificates: Option<&Certificates>,
) -> (Option<Vec<Peer>>, Vec<u64>) {
    let Some(cluster_id) = status.cluster_id else { return (None, Vec::new()) };
    let through: Vec<Target> = members
        .iter()
        .filter(|member| serves(member, cluster_id))
        .filter_map(|member| target(instance, status.member(member.ordinal)?.client, certificates))
        .collect();
    if through.is_empty() {
        return (None, Vec::new());
    }
    let (listed, alarms) = futures::join!(world.admin.members(&through), world.admin.alarms(&through));
    let membership = listed.inspect_err(|error| tracing::debug!(instance = %instance.id, %error, "no list")).ok();
    let membership = membership.map(|members| {
        members
            .into_iter()
            .map(|member| Peer {
                id: member.id,
                url: member.peer_urls.into_iter().next().unwrap_or_default(),
                learner: member.learner,
                started: !member.name.is_empty(),
            })
            .collect()
    });
    // Alarms that could not be read are not none: what is not known of the cluster is waited for as a whole.
    let Ok(alarms) = alarms.inspect_err(|error| tracing::debug!(instance = %instance.id, %error, "no alarms")) else {
        return (None, Vec::new());
    };
    let alarms = alarms.into_iter();
    (membership, alarms.filter(|alarm| alarm.kind == AlarmKind::NoSpace).map(|alarm| alarm.member_id).collect())
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
