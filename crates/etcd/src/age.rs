//! Making every member forget how its log began.
//!
//! A member that starts applies again what its log holds since its last raft snapshot. Up to 3.5 members write requests
//! of the v2 format into the log (who serves where, the cluster's version); 3.6 still reads them, and 3.7 ends with a
//! panic at the first. Members make a raft snapshot once they have applied `--snapshot-count` entries since the one
//! before, which a cluster that is seldom written to has not done by the time of its next upgrade.

use std::time::{Duration, Instant};

use cetcd_core::EtcdVersion;
use futures::future::try_join_all;

use crate::{
    Error, LiveAdmin, Result, Target,
    answers::Kind,
    session::{CHANGE_TIMEOUT, Session},
};

/// `--snapshot-count`: as many entries as a member applies between two of its raft snapshots.
pub const SNAPSHOT_COUNT: u64 = 10_000;
/// Entries that others may have got in between.
const MARGIN: u64 = 100;
/// How many are proposed at once: the cluster's clients go on beside them.
const AT_ONCE: usize = 64;
/// No lease has this ID: to revoke it is written to the log, and changes nothing.
const NO_LEASE: i64 = 0;
/// Followers apply what is committed within moments.
const CATCH_UP: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Whether members of `from` have to make a raft snapshot before they can start as `to`.
pub fn must_age(from: &EtcdVersion, to: &EtcdVersion) -> bool {
    !from.at_least(3, 7) && to.at_least(3, 7)
}

impl Session {
    /// Proposes what changes nothing.
    async fn propose_nothing(&self) -> Result<()> {
        let revoke = || async { self.client.lease_client().revoke(NO_LEASE).await };
        match self.ask(CHANGE_TIMEOUT, revoke).await {
            Ok(_) => Ok(()),
            Err(failure) if failure.kind == Kind::NoSuchLease => Ok(()),
            Err(failure) => Err(failure.into()),
        }
    }
}

impl LiveAdmin {
    /// See [`EtcdOperator::age_log`](crate::EtcdOperator::age_log).
    pub(crate) async fn age(&self, members: &[Target]) -> Result<()> {
        let first = members.first().ok_or(Error::NobodyToAsk)?;
        let begun = self.at(first, |member| async move { member.status().await }).await?.raft_index;
        let goal = begun + SNAPSHOT_COUNT + MARGIN;
        let mut reached = begun;
        while reached < goal {
            reached = self
                .at(first, |member| async move {
                    try_join_all((0..AT_ONCE).map(|_| member.propose_nothing())).await?;
                    Ok(member.status().await?.raft_index)
                })
                .await?;
        }
        for member in members {
            self.applied(member, goal).await?;
        }
        Ok(())
    }

    /// Waits until the member has applied entry `goal`.
    async fn applied(&self, target: &Target, goal: u64) -> Result<()> {
        let deadline = Instant::now() + CATCH_UP;
        loop {
            let status = self.at(target, |member| async move { member.status().await }).await?;
            if status.applied_index.is_some_and(|applied| applied >= goal) {
                return Ok(());
            }
            if Instant::now() > deadline {
                return Err(Error::NotInSync { id: status.member_id });
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_step_to_3_7_needs_an_aged_log() {
        let version = |minor| EtcdVersion::new(3, minor, 1);
        assert!(must_age(&version(6), &version(7)));
        assert!(!must_age(&version(5), &version(6)) && !must_age(&version(7), &version(7)));
        assert!(!must_age(&version(7), &version(8)));
    }
}
