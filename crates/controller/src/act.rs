//! Doing one action. Each arm may be cut off after any step and done again.

mod auth;
mod endpoint;
mod maintenance;
mod members;
mod monitoring;
mod recovery;
mod restore;

use std::sync::Arc;

use cetcd_core::{
    Instance, Status,
    action::Action,
    backup::{Snapshot, SnapshotState},
    certificates::Handover,
    member::{KeyPair, MemberCertificates, MemberSpec, Start},
    observed::Observed,
    task::TaskKind,
};
use cetcd_etcd::{admin::Target, operator::AlarmKind};
use cetcd_runtime::Stop;
use cetcd_store::{
    Compare, Txn, events,
    records::{self, DEFAULT_POLICY, Record, SnapshotPolicy},
};
use futures::future::join_all;

use crate::{
    Error, Result, World, certificates,
    observe::{Certificates, required, target},
    place, record,
};

/// What an action is done upon.
pub(crate) struct Subject<'a> {
    pub instance: &'a Record<Instance>,
    pub status: &'a Record<Status>,
    pub observed: &'a Observed,
    pub certificates: Option<&'a Arc<Certificates>>,
}

impl Subject<'_> {
    /// How to ask member `ordinal`.
    pub fn target(&self, ordinal: u32) -> Result<Target> {
        let instance = &self.instance.value;
        let record = required(self.status.value.member(ordinal), &instance.id.member_name(ordinal))?;
        required(target(instance, record.client, self.certificates.map(Arc::as_ref)), "the certificates")
    }

    /// How to ask those that serve, for what any of them can answer.
    pub fn targets(&self) -> Vec<Target> {
        let serving = self.observed.members.iter().filter(|member| member.serving().is_some());
        serving.filter_map(|member| self.target(member.ordinal).ok()).collect()
    }
}

/// Does `action`.
pub(crate) async fn act(world: &World, subject: &Subject<'_>, action: &Action) -> Result<()> {
    let instance = &subject.instance.value;
    let status = &subject.status.value;
    match action {
        Action::Place => place::place(world, instance, status, subject.status.revision).await,
        Action::IssueCredentials => issue_credentials(world, subject).await,
        Action::DeliverCertificates { ordinals } => deliver_certificates(world, subject, ordinals).await,
        Action::ChangeAuthority { to } => change_authority(world, subject, *to).await,
        Action::InstallVersion => {
            world.installer.install(status.version(&instance.spec)).await?;
            Ok(())
        }
        Action::Bootstrap { ordinals } => start_members(world, subject, ordinals, Start::New).await,
        Action::LatchCluster { cluster_id } => latch_cluster(world, subject, *cluster_id).await,
        Action::RestartMember { ordinal } => start_members(world, subject, &[*ordinal], Start::Existing).await,
        Action::JoinMember { ordinal } => start_members(world, subject, &[*ordinal], Start::Join).await,
        Action::AddToCluster { ordinal } => members::add(world, subject, *ordinal).await,
        Action::PromoteMember { id, .. } => Ok(world.admin.promote_member(&subject.targets(), *id).await?),
        Action::RemoveFromCluster { ordinal, id } => members::remove(world, subject, *ordinal, *id).await,
        Action::MoveLeader { from, id, .. } => {
            let from = subject.target(*from)?;
            // While etcd hands over, its leader drops what is proposed; a follower that passed it on never hears.
            endpoint::at_rest(world, subject, async { Ok(world.admin.move_leader(&from, *id).await?) }).await
        }
        Action::RollMember { ordinal } => members::roll(world, subject, *ordinal).await,
        Action::GiveUpUpgrade { ordinal, back_to } => {
            members::give_up_upgrade(world, subject, *ordinal, back_to.as_ref()).await
        }
        Action::DropMember { ordinal } => members::drop_record(world, subject, *ordinal).await,
        Action::TakeUpgradeSnapshot => maintenance::take_upgrade_snapshot(world, subject).await,
        Action::Compact => maintenance::compact(world, subject).await,
        Action::Defragment { ordinal } => maintenance::defragment(world, subject, *ordinal).await,
        Action::DisarmSpace => maintenance::disarm(world, subject, AlarmKind::NoSpace).await,
        Action::EnableAuth => auth::enable(world, subject).await,
        Action::DisableAuth => Ok(world.admin.disable_auth(&subject.targets()).await?),
        Action::SetRootPassword => auth::set_root_password(world, subject).await,
        Action::ServeEndpoint { backends, public } => endpoint::serve(world, subject, backends, public.as_ref()).await,
        Action::ReservePublicAddress => place::reserve_public(world, instance, status, subject.status.revision).await,
        Action::FreePublicAddress => place::free_public(world, instance, status, subject.status.revision).await,
        Action::StartMonitoring => monitoring::start(world, subject).await,
        Action::CreateBackupPolicy => create_backup_policy(world, instance).await,
        Action::BeginRestore => restore::begin(world, subject).await,
        Action::BackUpReplaced => restore::back_up(world, subject).await,
        Action::RestoreMembers { ordinals } => restore::restore_members(world, subject, ordinals).await,
        Action::LatchRestored { cluster_id } => restore::latch(world, subject, *cluster_id).await,
        Action::CheckRestored => restore::check(world, subject).await,
        Action::RemoveEndpoint => Ok(world.runtime.remove_endpoint(&instance.id).await?),
        Action::StopMembers { ordinals } => {
            let stop = |ordinal: &u32| world.runtime.stop_member(&instance.id, *ordinal, Stop::AtOnce);
            let stopped = join_all(ordinals.iter().map(stop)).await;
            Ok(stopped.into_iter().collect::<Result<(), _>>()?)
        }
        Action::RemoveMembers { ordinals } => {
            for ordinal in ordinals {
                world.runtime.remove_member(&instance.id, *ordinal).await?;
            }
            Ok(())
        }
        Action::DisarmCorrupt => maintenance::disarm(world, subject, AlarmKind::Corrupt).await,
        Action::EndHung { ordinal } => members::end_hung(world, subject, *ordinal).await,
        Action::BeginRecovery { from } => recovery::begin(world, subject, from).await,
        Action::SetAside { ordinals } => recovery::set_aside(world, subject, ordinals).await,
        Action::ForceNewCluster { ordinal } => recovery::force(world, subject, *ordinal).await,
        Action::EndRecovery { forced } => recovery::end(world, subject, *forced).await,
        Action::Forget => forget(world, subject).await,
    }
}

async fn issue_credentials(world: &World, subject: &Subject<'_>) -> Result<()> {
    let instance = &subject.instance.value;
    let key = records::certificates_key(&instance.id);
    let revision = subject.certificates.map_or(0, |certificates| certificates.revision);
    let present = subject.certificates.map(|certificates| certificates.all.clone());
    let (issuer, now) = (world.issuer.as_ref(), world.clock.now());
    let all = certificates::complete(issuer, instance, &subject.status.value, present, now)?;
    // The instance must still be there: a secret written after its deletion would stay for ever.
    let txn = Txn::new()
        .when(Compare::present(records::instance_key(&instance.id)))
        .when(Compare::mod_revision(key.clone(), revision))
        .then(records::put_secret(&world.sealer, &key, &records::encode(&all)));
    settled(world.store.txn(txn).await?.succeeded, "the certificates")
}

/// Certificates and status move on together.
async fn change_authority(world: &World, subject: &Subject<'_>, to: Handover) -> Result<()> {
    let id = &subject.instance.value.id;
    let present = required(subject.certificates, "the certificates")?;
    let (issuer, now) = (world.issuer.as_ref(), world.clock.now());
    let (instance, status) = (&subject.instance.value, &subject.status.value);
    let (all, next) = certificates::handed_over(issuer, instance, status, &present.all, to, now)?;
    let key = records::certificates_key(id);
    let txn = Txn::new()
        .when(Compare::mod_revision(records::instance_key(id), subject.instance.revision))
        .when(Compare::mod_revision(records::status_key(id), subject.status.revision))
        .when(Compare::mod_revision(key.clone(), present.revision))
        .then(records::put_secret(&world.sealer, &key, &records::encode(&all)))
        .then(records::put_status(id, &next));
    settled(world.store.txn(txn).await?.succeeded, "the certificates")
}

/// To every one of them, also where one takes none.
async fn deliver_certificates(world: &World, subject: &Subject<'_>, ordinals: &[u32]) -> Result<()> {
    let mut failed = None;
    for ordinal in ordinals {
        let certificates = member_certificates(subject, *ordinal)?;
        let id = &subject.instance.value.id;
        if let Err(error) = world.runtime.put_certificates(id, *ordinal, &certificates).await {
            failed = Some(error);
        }
    }
    failed.map_or(Ok(()), |error| Err(error.into()))
}

pub(crate) async fn start_members(world: &World, subject: &Subject<'_>, ordinals: &[u32], start: Start) -> Result<()> {
    let specs: Vec<MemberSpec> = ordinals.iter().map(|o| member_spec(subject, *o, start)).collect::<Result<_>>()?;
    // All of them to the end: one that fails at once must not cut off those that would have formed the cluster
    // without it.
    let mut failed = None;
    for (index, spec) in specs.iter().enumerate() {
        match start_member(world, spec).await {
            // A founder asks the others whether the cluster exists already. One that is not there is passed over
            // at once, one that is bound but not yet serving costs a second: so each serves before the next asks.
            Ok(()) if start == Start::New && index + 1 < specs.len() => {
                world.admin.serves_peers(spec.peer, &spec.certificates.ca).await;
            }
            Ok(()) => {}
            Err(error) => failed = Some(error),
        }
    }
    failed.map_or(Ok(()), Err)
}

/// Starts a member. The binaries are brought where they are not those of the wanted version, which the plan knows
/// nothing of: a member that was not upgraded yet goes on with its own.
async fn start_member(world: &World, spec: &MemberSpec) -> Result<()> {
    if world.installer.binaries(&spec.run.version).is_none() {
        world.installer.install(&spec.run.version).await?;
    }
    Ok(world.runtime.ensure_member(spec).await?)
}

fn member_spec(subject: &Subject<'_>, ordinal: u32, start: Start) -> Result<MemberSpec> {
    let (instance, status) = (&subject.instance.value, &subject.status.value);
    let name = instance.id.member_name(ordinal);
    let record = required(status.member(ordinal), &name)?;
    Ok(MemberSpec {
        instance: instance.id.clone(),
        ordinal,
        run: record.run.clone(),
        client: record.client,
        peer: record.peer,
        start,
        // etcd refuses to join where the list is not the cluster's own.
        initial_cluster: status.initial_cluster(&instance.id, |member| {
            // Where the cluster cannot be asked, a member with data is started, which goes by that.
            // One that was added blindly joins those that have data.
            let has_data = subject.observed.member(member.ordinal).is_some_and(|seen| seen.data);
            let blind = start != Start::Join || member.ordinal == ordinal || has_data;
            start == Start::New
                || (subject.observed.membership.is_none() && blind)
                || subject.observed.peer(&member.peer_url()).is_some()
        }),
        token: status.cluster_token.clone(),
        certificates: member_certificates(subject, ordinal)?,
    })
}

/// What a member shows and whom it believes, by the store.
fn member_certificates(subject: &Subject<'_>, ordinal: u32) -> Result<MemberCertificates> {
    let name = subject.instance.value.id.member_name(ordinal);
    let all = &required(subject.certificates, "the certificates")?.all;
    let pairs = required(all.members.get(&ordinal), &format!("the certificate of {name}"))?;
    Ok(MemberCertificates { ca: all.trusted(), server: KeyPair::from(&pairs.server), peer: KeyPair::from(&pairs.peer) })
}

async fn latch_cluster(world: &World, subject: &Subject<'_>, cluster_id: u64) -> Result<()> {
    let mut status = subject.status.value.clone();
    status.cluster_id = Some(cluster_id);
    write_status(world, subject, &status).await
}

async fn create_backup_policy(world: &World, instance: &Instance) -> Result<()> {
    let now = world.clock.now();
    let policy = SnapshotPolicy::new(DEFAULT_POLICY.to_owned(), instance.spec.backup.clone(), now);
    let txn = Txn::new()
        .when(Compare::present(records::instance_key(&instance.id)))
        .when(Compare::absent(records::policy_key(&instance.id, &policy.name)))
        .then(records::put_policy(&instance.id, &policy));
    settled(world.store.txn(txn).await?.succeeded, "the backup policy")
}

async fn forget(world: &World, subject: &Subject<'_>) -> Result<()> {
    let id = &subject.instance.value.id;
    monitoring::let_go(world, subject).await?;
    world.admin.forget(id);
    world.runtime.forget(id).await?;
    let kept = forget_snapshots(world, &subject.instance.value).await?;
    let mut txn = Txn::new()
        .when(Compare::mod_revision(records::instance_key(id), subject.instance.revision))
        .when(Compare::mod_revision(records::status_key(id), subject.status.revision))
        .delete(records::instance_key(id))
        .delete(records::status_key(id))
        .delete_prefix(records::policies_prefix(id))
        .delete_prefix(events::prefix(id))
        .delete_prefix(records::secrets_prefix(id));
    if !kept {
        txn = txn.delete(records::backup_key_key(id));
    }
    for key in place::reserved_keys(&subject.status.value) {
        txn = txn.delete(key);
    }
    let now = world.clock.now();
    let mut ended = Vec::new();
    for Record { value: mut task, revision } in record::open_tasks(world, id).await? {
        match task.kind {
            TaskKind::DeleteInstance => {
                task.advance(task.steps.len(), now);
            }
            _ => task.fail("the instance was deleted", now),
        }
        txn = txn.when(Compare::mod_revision(records::task_key(&task), revision)).then(records::put_task(&task));
        ended.push(task);
    }
    settled(world.store.txn(txn).await?.succeeded, "the instance")?;
    for task in &ended {
        world.task_metrics.ended(task);
    }
    Ok(())
}

/// What was taken stays, unless its owner said that it goes with the instance; what was not will not be. Answers whether
/// anything stays.
async fn forget_snapshots(world: &World, instance: &Instance) -> Result<bool> {
    let (id, delete) = (&instance.id, instance.spec.delete_backups);
    let snapshots = records::snapshots(world.store.as_ref(), id).await?;
    let is_taken = |snapshot: &Record<Snapshot>| snapshot.value.state == SnapshotState::Done;
    // One by one: a transaction holds only so many, and nobody asks for another of what is going away.
    for record in snapshots.iter().filter(|snapshot| delete || !is_taken(snapshot)) {
        if delete {
            world.backups.remove(&record.value).await?;
        }
        let key = records::snapshot_key(id, &record.value.name);
        let gone = Txn::new().when(Compare::mod_revision(key.clone(), record.revision)).delete(key);
        settled(world.store.txn(gone).await?.succeeded, "a snapshot")?;
    }
    if delete {
        world.backups.forget(id).await?;
    }
    Ok(!delete && snapshots.iter().any(is_taken))
}

/// Writes the status, unless someone else did.
pub(crate) async fn write_status(world: &World, subject: &Subject<'_>, status: &Status) -> Result<()> {
    let id = &subject.instance.value.id;
    let txn = Txn::new()
        .when(Compare::mod_revision(records::status_key(id), subject.status.revision))
        .then(records::put_status(id, status));
    settled(world.store.txn(txn).await?.succeeded, "the status")
}

pub(crate) fn settled(succeeded: bool, what: &str) -> Result<()> {
    if succeeded { Ok(()) } else { Err(Error::Conflict { what: what.to_owned() }) }
}
