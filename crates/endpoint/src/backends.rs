//! The members behind one route: which to try first, and what happens to those that are dropped.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{task::AbortHandle, time::Instant};
use tokio_util::sync::CancellationToken;

/// One member.
#[derive(Debug)]
pub struct Backend {
    /// Where it serves.
    pub address: SocketAddr,
    /// Ends the connections to it, after the drain that follows its being dropped.
    pub closed: CancellationToken,
    connections: AtomicUsize,
    avoided_until: Mutex<Option<Instant>>,
}

/// Counts one connection to a backend for as long as it lives.
#[derive(Debug)]
pub struct Connection(Arc<Backend>);

impl Backend {
    fn new(address: SocketAddr) -> Arc<Self> {
        Arc::new(Self {
            address,
            closed: CancellationToken::new(),
            connections: AtomicUsize::new(0),
            avoided_until: Mutex::new(None),
        })
    }

    /// Counts a connection, from before it is made: connections that begin together then spread evenly.
    pub fn count(self: &Arc<Self>) -> Connection {
        self.connections.fetch_add(1, Ordering::Relaxed);
        Connection(Arc::clone(self))
    }

    /// It accepted: it is as good as any.
    pub fn succeeded(&self) {
        *self.avoided_until.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// It did not accept: it is tried after the others for a while.
    pub fn failed(&self, avoid: Duration) {
        *self.avoided_until.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now() + avoid);
    }

    fn avoided(&self, now: Instant) -> bool {
        self.avoided_until.lock().unwrap_or_else(PoisonError::into_inner).is_some_and(|until| until > now)
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The members of one route.
#[derive(Debug, Default)]
pub struct Backends {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    current: Vec<Arc<Backend>>,
    draining: HashMap<SocketAddr, (Arc<Backend>, AbortHandle)>,
    turn: usize,
}

impl Backends {
    /// Makes `addresses` the members. Connections to a member that is no longer among them may go on for
    /// `drain`; one that comes back before that keeps them.
    pub fn set(&self, addresses: &[SocketAddr], drain: Duration) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let old = std::mem::take(&mut state.current);
        let (kept, dropped): (Vec<_>, Vec<_>) = old.into_iter().partition(|b| addresses.contains(&b.address));
        state.draining.retain(|_, (backend, _)| !backend.closed.is_cancelled());
        for backend in dropped {
            let closed = backend.closed.clone();
            let timer = tokio::spawn(async move {
                tokio::time::sleep(drain).await;
                closed.cancel();
            });
            state.draining.insert(backend.address, (backend, timer.abort_handle()));
        }
        for address in addresses {
            if state.current.iter().any(|backend| backend.address == *address) {
                continue;
            }
            let known = kept.iter().find(|backend| backend.address == *address).cloned();
            let returned = state.draining.remove(address).map(|(backend, timer)| {
                timer.abort();
                backend
            });
            // The timer may have fired before it was aborted: such a backend is at its end.
            let returned = returned.filter(|backend| !backend.closed.is_cancelled());
            state.current.push(known.or(returned).unwrap_or_else(|| Backend::new(*address)));
        }
    }

    /// Ends the connections to members that are no longer among them, before their drain is over.
    pub fn end_drained(&self) {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        for (backend, _) in state.draining.values() {
            backend.closed.cancel();
        }
    }

    /// The members' addresses.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.current.iter().map(|backend| backend.address).collect()
    }

    /// The members in the order to try them: those that failed lately last, then fewest connections first,
    /// equals in turn.
    pub fn in_order(&self) -> Vec<Arc<Backend>> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let mut order = state.current.clone();
        if !order.is_empty() {
            let turn = state.turn % order.len();
            order.rotate_left(turn);
            state.turn = state.turn.wrapping_add(1);
        }
        drop(state);
        let now = Instant::now();
        order.sort_by_cached_key(|backend| (backend.avoided(now), backend.connections.load(Ordering::Relaxed)));
        order
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(port: u16) -> SocketAddr {
        ([127, 0, 0, 1], port).into()
    }

    fn first(backends: &Backends) -> u16 {
        backends.in_order()[0].address.port()
    }

    const DRAIN: Duration = Duration::from_secs(5);

    #[tokio::test(start_paused = true)]
    async fn the_member_with_the_fewest_connections_is_first_and_equals_take_turns() {
        let backends = Backends::default();
        backends.set(&[address(1), address(2), address(3)], DRAIN);
        assert_eq!([first(&backends), first(&backends), first(&backends), first(&backends)], [1, 2, 3, 1]);
        let busy: Vec<_> = backends.in_order().iter().filter(|b| b.address.port() != 3).map(Backend::count).collect();
        assert_eq!([first(&backends), first(&backends)], [3, 3]);
        drop(busy);
        assert_ne!([first(&backends), first(&backends)], [3, 3]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_member_that_failed_is_last_until_it_was_avoided_for_long_enough() {
        let backends = Backends::default();
        backends.set(&[address(1), address(2)], DRAIN);
        backends.in_order().iter().find(|b| b.address.port() == 1).expect("set").failed(Duration::from_secs(2));
        assert_eq!([first(&backends), first(&backends)], [2, 2]);
        tokio::time::advance(Duration::from_secs(3)).await;
        let mut firsts = [first(&backends), first(&backends)];
        firsts.sort_unstable();
        assert_eq!(firsts, [1, 2]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_dropped_member_is_closed_after_the_drain_unless_it_came_back() {
        let backends = Backends::default();
        backends.set(&[address(1), address(2)], DRAIN);
        let mut both = backends.in_order();
        both.sort_by_key(|backend| backend.address);
        backends.set(&[], DRAIN);
        tokio::time::sleep(Duration::from_secs(3)).await;
        backends.set(&[address(2)], DRAIN);
        both[0].closed.cancelled().await;
        tokio::time::sleep(DRAIN).await;
        assert!(!both[1].closed.is_cancelled());
        assert!(Arc::ptr_eq(&both[1], &backends.in_order()[0]));
    }
}
