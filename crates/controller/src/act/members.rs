//! Changing who is in the cluster, and what a member runs with.

use cetcd_core::{
    EtcdVersion,
    observed::{Health, Process},
    status::FailedUpgrade,
};
use cetcd_runtime::Stop;
use cetcd_store::{Compare, Txn, records};

use super::{Subject, endpoint, required, settled, write_status};
use crate::{Result, World, place};

/// Adds the member to the cluster, without a vote where the version knows that.
pub(super) async fn add(world: &World, subject: &Subject<'_>, ordinal: u32) -> Result<()> {
    let name = subject.instance.value.id.member_name(ordinal);
    let record = required(subject.status.value.member(ordinal), &name)?;
    let learner = record.run.version.has_learners();
    if !learner && !record.adding {
        let mut status = subject.status.value.clone();
        status.members.iter_mut().filter(|member| member.ordinal == ordinal).for_each(|member| member.adding = true);
        write_status(world, subject, &status).await?;
    }
    world.admin.add_member(&subject.targets(), &record.peer_url(), learner).await?;
    Ok(())
}

/// Takes the member out of the cluster. Another than itself is asked, since it ends with its removal.
pub(super) async fn remove(world: &World, subject: &Subject<'_>, ordinal: u32, id: u64) -> Result<()> {
    let mut through = subject.targets();
    if let Some(leaving) = subject.status.value.member(ordinal).filter(|_| through.len() > 1) {
        through.retain(|target| target.address != leaving.client);
    }
    // A removed member goes on for a second without saying that nobody listens to it any more: connections that
    // still lead to it end before that.
    endpoint::at_rest(world, subject, async { Ok(()) }).await?;
    Ok(world.admin.remove_member(&through, id).await?)
}

/// Records what the member is to run with, then ends its process: the restart of a dead member follows.
pub(super) async fn roll(world: &World, subject: &Subject<'_>, ordinal: u32) -> Result<()> {
    let instance = &subject.instance.value;
    let mut status = subject.status.value.clone();
    let wanted = status.run_config(&instance.spec);
    let record = status.members.iter_mut().find(|member| member.ordinal == ordinal);
    let record = required(record, &instance.id.member_name(ordinal))?;
    if record.run != wanted {
        // Where it comes from counts until it has served with where it goes to.
        if record.run.version != wanted.version && record.moved_from.is_none() {
            record.moved_from = Some(record.run.version.clone());
        }
        record.run = wanted;
        write_status(world, subject, &status).await?;
    }
    Ok(world.runtime.stop_member(&instance.id, ordinal, Stop::Gracefully).await?)
}

/// Records that the upgrade failed, whose fault it was and what becomes of it; then the member's process ends, if any
/// runs.
pub(super) async fn give_up_upgrade(
    world: &World,
    subject: &Subject<'_>,
    ordinal: u32,
    back_to: Option<&EtcdVersion>,
) -> Result<()> {
    let instance = &subject.instance.value;
    let name = instance.id.member_name(ordinal);
    let mut status = subject.status.value.clone();
    let (upgrade, version) = (instance.spec.upgrades, instance.spec.version.clone());
    let record = status.members.iter_mut().find(|member| member.ordinal == ordinal);
    let record = required(record, &name)?;
    let why = why_not(subject, ordinal);
    let outcome = match back_to {
        Some(former) => {
            record.run.version = former.clone();
            record.moved_from = None;
            format!("it is put back to {former}, and so is who was upgraded before it; the cluster goes on with that")
        }
        None => format!(
            "etcd cannot go back: every other member runs {version} already, so that it is kept; {name} is started again"
        ),
    };
    let reason = format!("{name} does not serve with {version}: {why}; {outcome}");
    tracing::warn!(instance = %instance.id, reason, "the upgrade is given up");
    let back_to = back_to.cloned();
    // Another try is secured anew.
    status.upgrade_snapshot = None;
    status.failed_upgrade = Some(FailedUpgrade { upgrade, version, back_to, reason, at: world.clock.now() });
    write_status(world, subject, &status).await?;
    Ok(world.runtime.stop_member(&instance.id, ordinal, Stop::Gracefully).await?)
}

/// What is known of a member that does not serve.
fn why_not(subject: &Subject<'_>, ordinal: u32) -> String {
    let Some(member) = subject.observed.member(ordinal) else { return "nothing is known of it".to_owned() };
    match (&member.process, &member.health) {
        (Process::Exited { .. }, _) => match &member.bad_data {
            Some(words) => format!("it ends soon after each start ({words})"),
            None => "it ends soon after each start (its log says why)".to_owned(),
        },
        (_, Health::NotServing(why)) => why.clone(),
        _ => "it does not answer".to_owned(),
    }
}

/// Ends the process of a member that does not serve. It is counted before it is done: what a crash cuts off is done
/// again, and counts again.
pub(super) async fn end_hung(world: &World, subject: &Subject<'_>, ordinal: u32) -> Result<()> {
    let id = &subject.instance.value.id;
    let mut status = subject.status.value.clone();
    let record = status.members.iter_mut().find(|member| member.ordinal == ordinal);
    let record = required(record, &id.member_name(ordinal))?;
    record.woken = record.woken.saturating_add(1);
    record.silent_since = None;
    write_status(world, subject, &status).await?;
    Ok(world.runtime.stop_member(id, ordinal, Stop::Gracefully).await?)
}

/// Forgets a member that is in no cluster and of which nothing is left: its record, addresses, certificates.
pub(super) async fn drop_record(world: &World, subject: &Subject<'_>, ordinal: u32) -> Result<()> {
    let id = &subject.instance.value.id;
    let mut status = subject.status.value.clone();
    let Some(place) = status.members.iter().position(|member| member.ordinal == ordinal) else { return Ok(()) };
    let gone = status.members.remove(place);
    let mut txn = Txn::new()
        .when(Compare::mod_revision(records::instance_key(id), subject.instance.revision))
        .when(Compare::mod_revision(records::status_key(id), subject.status.revision))
        .then(records::put_status(id, &status));
    for key in place::keys_of([gone.client, gone.peer]) {
        txn = txn.delete(key);
    }
    if let Some(certificates) = subject.certificates {
        let key = records::certificates_key(id);
        let mut all = certificates.all.clone();
        if all.members.remove(&ordinal).is_some() {
            txn = txn.when(Compare::mod_revision(key.clone(), certificates.revision)).then(records::put_secret(
                &world.sealer,
                &key,
                &records::encode(&all),
            ));
        }
    }
    settled(world.store.txn(txn).await?.succeeded, "the member")
}
