//! The behaviour that every backend must have, as functions over any [`Store`] and a macro that
//! makes a test of each: `behaviour_suite!(async || fixture)`.
//!
//! The functions' names are their documentation.
#![allow(clippy::unwrap_used, missing_docs)]

mod leases;
mod transactions;
mod watches;

use std::sync::Arc;
use std::time::Duration;

pub use self::leases::*;
pub use self::transactions::*;
pub use self::watches::*;
use crate::{Error, Event, EventKind, Store, Txn, Watch};

/// How many revisions a fixture's store must keep for watches.
pub const HISTORY: u64 = 64;

/// How long an event may take to arrive before the suite gives up.
const PATIENCE: Duration = Duration::from_secs(20);

/// An empty store whose time the suite can move.
#[async_trait::async_trait]
pub trait Fixture: Send + Sync {
    /// The store, which keeps [`HISTORY`] revisions.
    fn store(&self) -> Arc<dyn Store>;
    /// Moves the leases' clock and ends those whose time is over.
    async fn advance(&self, by: Duration);
}

/// Makes one tokio test of every function of the suite; the argument is an async function that
/// gives a [`Fixture`].
#[macro_export]
macro_rules! behaviour_suite {
    ($fixture:expr) => {
        $crate::behaviour_suite!(@tests $fixture;
            an_empty_store_is_at_the_first_revision,
            a_put_makes_one_revision_and_counts_versions,
            a_deleted_key_starts_anew,
            a_transaction_is_all_or_nothing,
            a_failed_comparison_takes_the_other_branch,
            every_comparison_sees_absence_as_zero,
            operations_see_earlier_ones_and_events_are_the_net_effect,
            nothing_changed_makes_no_revision,
            a_range_is_sorted_and_bounded_by_its_prefix,
            delete_prefix_takes_exactly_the_prefix,
            concurrent_increments_lose_nothing,
            a_watch_starts_at_its_revision,
            a_watch_from_zero_sees_only_what_comes,
            a_watch_wakes_for_changes_and_sees_its_prefix_only,
            a_watch_sees_every_write_of_concurrent_writers_in_order,
            a_compacted_revision_is_refused_with_the_oldest_one,
            a_slow_watcher_is_told_that_it_fell_behind,
            a_dropped_wait_loses_no_event,
            a_lease_takes_its_keys_along_when_it_expires,
            a_kept_lease_lives_on,
            a_revoked_lease_takes_its_keys_along_at_once,
            a_put_without_the_lease_frees_the_key,
            an_unknown_lease_is_refused_and_nothing_changes,
            an_impossible_time_to_live_is_refused,
            invalid_keys_and_values_are_refused,
        );
    };
    (@tests $fixture:expr; $($name:ident),+ $(,)?) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                let fixture = ($fixture)().await;
                $crate::suite::$name(&fixture).await;
            }
        )+
    };
}

async fn put(store: &dyn Store, key: &str, value: &str) -> u64 {
    store.txn(Txn::new().put(key, value.to_owned())).await.unwrap().revision
}

async fn value(store: &dyn Store, key: &str) -> Option<String> {
    let entry = store.get(key).await.unwrap()?;
    Some(String::from_utf8(entry.value.to_vec()).unwrap())
}

async fn keys(store: &dyn Store, prefix: &str) -> Vec<String> {
    let range = store.range(prefix).await.unwrap();
    range.entries.into_iter().map(|entry| entry.key).collect()
}

async fn next(watch: &mut Watch) -> Result<Event, Error> {
    let event = tokio::time::timeout(PATIENCE, watch.next()).await;
    event.expect("an event in time").expect("a watch that goes on")
}

/// Revision, key, and whether it was put.
async fn seen(watch: &mut Watch) -> (u64, String, bool) {
    let event = next(watch).await.unwrap();
    (event.revision, event.key().to_owned(), matches!(event.kind, EventKind::Put(_)))
}
