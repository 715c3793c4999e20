//! Who is let in at the public address.

use std::{
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use ipnet::IpNet;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

/// The networks that may come in, and a count of those who came from elsewhere.
pub struct Admission {
    allowed: watch::Sender<Vec<IpNet>>,
    denied: AtomicU64,
    slots: Arc<Semaphore>,
}

impl Admission {
    /// Lets nobody in yet; later at most `most` connections at a time.
    pub fn new(most: usize) -> Self {
        Self { allowed: watch::Sender::default(), denied: AtomicU64::new(0), slots: Arc::new(Semaphore::new(most)) }
    }

    /// From now on only those of `allowed` are let in. Connections of others end.
    pub fn set(&self, allowed: &[IpNet]) {
        self.allowed.send_if_modified(|known| {
            let other = known != allowed;
            allowed.clone_into(known);
            other
        });
    }

    /// Whether `peer` may come in; who may not is counted.
    pub fn admits(&self, peer: IpAddr) -> bool {
        let admitted = contains(&self.allowed.borrow(), peer);
        if !admitted {
            self.denied.fetch_add(1, Ordering::Relaxed);
        }
        admitted
    }

    /// A place among the connections; `None` where all are taken.
    pub fn slot(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.slots).try_acquire_owned().ok()
    }

    /// Ready once `peer` may not stay.
    pub async fn revoked(&self, peer: IpAddr) {
        let mut allowed = self.allowed.subscribe();
        // An error means that the route is gone, which ends its connections by itself.
        if allowed.wait_for(|allowed| !contains(allowed, peer)).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// How many came from elsewhere.
    pub fn denied(&self) -> u64 {
        self.denied.load(Ordering::Relaxed)
    }
}

/// A listener for IPv6 shows clients of IPv4 as `::ffff:a.b.c.d`.
fn contains(allowed: &[IpNet], peer: IpAddr) -> bool {
    let peer = peer.to_canonical();
    allowed.iter().any(|network| network.contains(&peer))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn admission(allowed: &[&str]) -> Admission {
        let admission = Admission::new(1);
        admission.set(&allowed.iter().map(|network| network.parse().unwrap()).collect::<Vec<_>>());
        admission
    }

    #[test]
    fn nobody_is_let_in_before_a_network_is_named() {
        assert!(!Admission::new(1).admits("127.0.0.1".parse().unwrap()));
    }

    #[test]
    fn both_families_are_held_against_the_list_and_the_others_are_counted() {
        let admission = admission(&["10.1.0.0/16", "2001:db8::/32"]);
        let admits = |peer: &str| admission.admits(peer.parse().unwrap());
        assert!(admits("10.1.255.255") && admits("2001:db8::1") && admits("::ffff:10.1.2.3"));
        assert!(!admits("10.2.0.0") && !admits("2001:db9::1") && !admits("::ffff:10.2.0.1") && !admits("::1"));
        assert_eq!(admission.denied(), 4);
    }

    #[tokio::test]
    async fn whoever_is_no_longer_on_the_list_may_not_stay() {
        let admission = admission(&["10.1.0.0/16", "10.2.0.0/16"]);
        let (stays, goes) = ("10.1.0.1".parse().unwrap(), "10.2.0.1".parse().unwrap());
        admission.set(&["10.1.0.0/16".parse().unwrap()]);
        admission.revoked(goes).await;
        tokio::select! {
            biased;
            () = admission.revoked(stays) => panic!("it is on the list"),
            () = std::future::ready(()) => {}
        }
    }
}
