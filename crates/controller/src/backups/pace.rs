//! How fast a snapshot comes: as fast as it can while nobody writes to the cluster, and so that clients hardly notice
//! while someone does.

use std::{collections::VecDeque, convert::Infallible, time::Duration};

use cetcd_core::backup::Origin;
use cetcd_etcd::{Pace, admin::Target, operator::EtcdOperator};

/// Bytes a second for each core beside clients. What a snapshot costs its member is in proportion to this: what was
/// measured is in docs/decisions/0072.
const A_CORE: u64 = 4 << 20;
/// Between two looks at what the member has to do.
const LOOK: Duration = Duration::from_millis(100);
/// The same at the beginning: a small snapshot would be over before.
const FIRST_LOOK: Duration = Duration::from_millis(25);
/// How many looks are remembered: a second of them.
const REMEMBERED: usize = 11;

/// What is left to a snapshot beside clients.
fn beside_clients() -> u64 {
    std::thread::available_parallelism().map_or(1, |cores| cores.get() as u64) * A_CORE
}

/// Clients are there until the opposite was seen. But a restore takes the cluster from them anyhow, and what is backed
/// up before it is what they wait for.
pub(super) fn to_begin_with(origin: &Origin) -> Pace {
    let pace = Pace::default();
    if !is_waited_for(origin) {
        pace.set(beside_clients());
    }
    pace
}

fn is_waited_for(origin: &Origin) -> bool {
    matches!(origin, Origin::BeforeRestore { .. })
}

/// Looks again and again whether someone writes, and sets the pace by that.
pub(super) async fn follow(admin: &dyn EtcdOperator, member: &Target, origin: &Origin, pace: &Pace) -> Infallible {
    if is_waited_for(origin) {
        return std::future::pending().await;
    }
    let mut looks = Looks::default();
    loop {
        // One that does not answer is busy with something.
        let busy = match admin.status(member).await {
            Ok(status) => looks.saw(status.raft_index),
            Err(_) => true,
        };
        pace.set(if busy { beside_clients() } else { 0 });
        tokio::time::sleep(if looks.0.len() < 2 { FIRST_LOOK } else { LOOK }).await;
    }
}

/// The raft log's last index at the last looks: it moves with each write, and once in two seconds with what the
/// control plane itself asks.
#[derive(Debug, Default)]
struct Looks(VecDeque<u64>);

impl Looks {
    /// Takes the next look; whether clients write: more than five times a second, as far as that can be told yet.
    fn saw(&mut self, index: u64) -> bool {
        self.0.push_back(index);
        if self.0.len() > REMEMBERED {
            self.0.pop_front();
        }
        let passed = self.0.len() - 1;
        let Some(first) = self.0.front().filter(|_| passed > 0) else { return true };
        2 * index.saturating_sub(*first) > passed as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(indexes: &[u64]) -> Vec<bool> {
        let mut looks = Looks::default();
        indexes.iter().map(|index| looks.saw(*index)).collect()
    }

    #[test]
    fn clients_are_there_until_a_second_look_shows_none() {
        assert_eq!(all(&[70, 70, 70]), [true, false, false]);
    }

    #[test]
    fn what_the_control_plane_asks_counts_for_a_moment_only() {
        assert_eq!(all(&[70, 71, 71, 71, 71]), [true, true, false, false, false]);
    }

    #[test]
    fn ten_writes_a_second_are_clients_and_are_over_a_second_after_the_last() {
        let (busy, last) = (1..=20_u64, 20);
        let indexes: Vec<u64> = busy.chain(std::iter::repeat_n(last, 12)).collect();
        let seen = all(&indexes);
        assert!(seen[..20].iter().all(|busy| *busy), "{seen:?}");
        assert!(!seen[31], "{seen:?}");
    }
}
