//! Going on with one member where the quorum is lost, and keeping what the others have.

use cetcd_core::{
    member::Start,
    plan::AGAIN_AFTER,
    recovery::{Recovered, Recovery, Survivor},
    status::Replaced,
};
use cetcd_runtime::Stop;

use super::{Subject, required, start_members, write_status};
use crate::{Result, World};

/// Records the intent. Whoever acts next, after a crash too, goes on with this member and no other.
pub(super) async fn begin(world: &World, subject: &Subject<'_>, from: &Survivor) -> Result<()> {
    let mut status = subject.status.value.clone();
    status.recovery = Some(Recovery { from: from.clone(), began_at: world.clock.now(), forced_at: None });
    write_status(world, subject, &status).await
}

/// Moves the data of members aside, where it is kept. One that still runs is ended: nobody needs an answer of it.
pub(super) async fn set_aside(world: &World, subject: &Subject<'_>, ordinals: &[u32]) -> Result<()> {
    let id = &subject.instance.value.id;
    let now = world.clock.now();
    let mut status = subject.status.value.clone();
    if status.recovery.is_none() {
        // Counted before it is done: what a crash cuts off is done again, and counts again.
        for record in status.members.iter_mut().filter(|record| ordinals.contains(&record.ordinal)) {
            let before = record.replaced.as_ref().filter(|r| now.duration_since(r.last) < AGAIN_AFTER);
            let times = before.map_or(0, |replaced| replaced.times).saturating_add(1);
            record.replaced = Some(Replaced { times, last: now });
        }
        write_status(world, subject, &status).await?;
    }
    let label = now.strftime("%Y%m%dT%H%M%SZ").to_string();
    for ordinal in ordinals {
        world.runtime.stop_member(id, *ordinal, Stop::AtOnce).await?;
        world.runtime.set_aside(id, *ordinal, &label).await?;
    }
    Ok(())
}

/// Ends the member's process, gently, so that what it knows to be committed is on its disk, and starts it as the only
/// member that there is. That it is done is recorded before: it must not be done twice, if what it did may have served.
pub(super) async fn force(world: &World, subject: &Subject<'_>, ordinal: u32) -> Result<()> {
    world.runtime.stop_member(&subject.instance.value.id, ordinal, Stop::Gracefully).await?;
    let mut status = subject.status.value.clone();
    if let Some(recovery) = &mut status.recovery {
        recovery.forced_at = Some(world.clock.now());
    }
    write_status(world, subject, &status).await?;
    start_members(world, subject, &[ordinal], Start::Forced).await
}

/// Records that the member serves alone, or that it need not.
pub(super) async fn end(world: &World, subject: &Subject<'_>, forced: bool) -> Result<()> {
    let mut status = subject.status.value.clone();
    let recovery = required(status.recovery.take(), "the recovery")?;
    if forced {
        status.recovered = Some(Recovered { from: recovery.from, at: world.clock.now() });
    }
    write_status(world, subject, &status).await
}
