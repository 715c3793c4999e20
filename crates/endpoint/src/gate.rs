//! Holding back what clients send, for the moment of a change of leader.

use std::{
    future::Future,
    pin::Pin,
    sync::atomic::{AtomicBool, Ordering},
    task::{Context, Poll},
};

use tokio::sync::watch;

/// The gate of one route: open, or shut for all its connections.
#[derive(Debug)]
pub struct Gate {
    /// The same as `open`, for the way of every byte: one load.
    shut: AtomicBool,
    open: watch::Sender<bool>,
}

impl Default for Gate {
    fn default() -> Self {
        Self { shut: AtomicBool::new(false), open: watch::Sender::new(true) }
    }
}

impl Gate {
    /// From now on nothing more is read from clients.
    pub fn shut(&self) {
        self.shut.store(true, Ordering::Release);
        self.open.send_replace(false);
    }

    /// Everything goes on.
    pub fn open(&self) {
        self.shut.store(false, Ordering::Release);
        self.open.send_replace(true);
    }

    /// The way of one connection through the gate.
    pub fn passage(&self) -> Passage<'_> {
        Passage { gate: self, waiting: None }
    }
}

/// One connection at the gate.
pub struct Passage<'a> {
    gate: &'a Gate,
    /// Only while it is shut.
    waiting: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

impl Passage<'_> {
    /// Ready where the gate is open; otherwise wakes the task when it is.
    pub fn poll_open(&mut self, context: &mut Context<'_>) -> Poll<()> {
        while self.gate.shut.load(Ordering::Acquire) {
            let gate = self.gate;
            let waiting = self.waiting.get_or_insert_with(|| {
                let mut open = gate.open.subscribe();
                Box::pin(async move {
                    // An error means that the gate is gone, and its route with it.
                    let _ = open.wait_for(|open| *open).await;
                })
            });
            if waiting.as_mut().poll(context).is_pending() {
                return Poll::Pending;
            }
            self.waiting = None;
        }
        self.waiting = None;
        Poll::Ready(())
    }
}
