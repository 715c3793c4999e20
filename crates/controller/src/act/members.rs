//! Changing who is in the cluster, and what a member runs with.

use cetcd_runtime::Stop;
use cetcd_store::{Compare, Txn, records};

use super::{Subject, endpoint, required, settled, write_status};
use crate::{Result, World, place};

/// Adds the member to the cluster, without a vote where the version knows that.
pub(super) async fn add(world: &World, subject: &Subject<'_>, ordinal: u32) -> Result<()> {
    let name = subject.instance.value.id.member_name(ordinal);
    let record = required(subject.status.value.member(ordinal), &name)?;
    let learner = record.run.version.has_learners();
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
        record.run = wanted;
        write_status(world, subject, &status).await?;
    }
    Ok(world.runtime.stop_member(&instance.id, ordinal, Stop::Gracefully).await?)
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
