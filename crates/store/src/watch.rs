//! Watches: each pulls from the store's history at its own pace, so that no writer waits for a
//! watcher and nothing queues up for one.

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::sync::Weak;
use std::task::{Context, Poll};

use futures::stream::{self, BoxStream};
use futures::{Stream, StreamExt};
use tokio::sync::watch;

use crate::{Error, Event, Result};

/// The most revisions that a watch takes out of the history at once.
pub(crate) const PAGE_REVISIONS: u64 = 256;

/// A stream of events in the order of their revisions, a transaction's in key order.
pub struct Watch {
    events: BoxStream<'static, Result<Event>>,
}

impl Watch {
    /// A watch over any stream of events; it should end after its first error.
    pub fn new(events: impl Stream<Item = Result<Event>> + Send + 'static) -> Self {
        Self { events: events.boxed() }
    }

    /// The next event. Safe to drop at any time: no event is lost. After an error the watch is
    /// over; `None` means that, or that the store was closed.
    pub async fn next(&mut self) -> Option<Result<Event>> {
        self.events.next().await
    }
}

impl Stream for Watch {
    type Item = Result<Event>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.events.poll_next_unpin(context)
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").finish_non_exhaustive()
    }
}

/// A part of the history: the events of revisions `from..next`.
pub(crate) struct Page {
    pub events: Vec<Event>,
    /// The first revision that the page says nothing about; `from` itself where there is none yet.
    pub next: u64,
}

/// What a backend gives for watches on it.
#[async_trait::async_trait]
pub(crate) trait History: Send + Sync + 'static {
    /// At most [`PAGE_REVISIONS`] revisions from `from` on; [`Error::Compacted`] where `from` is
    /// no longer kept.
    async fn page(&self, prefix: &str, from: u64) -> Result<Page>;
}

struct Cursor<H> {
    history: Weak<H>,
    revision: watch::Receiver<u64>,
    prefix: String,
    next: u64,
    buffer: VecDeque<Event>,
    over: bool,
}

/// A watch that reads pages of `history` whenever `revision` has moved. It holds the store only
/// weakly, so that a forgotten watch keeps no store open.
pub(crate) fn follow<H: History>(history: Weak<H>, revision: watch::Receiver<u64>, prefix: &str, from: u64) -> Watch {
    let cursor =
        Cursor { history, revision, prefix: prefix.to_owned(), next: from, buffer: VecDeque::new(), over: false };
    Watch::new(stream::unfold(cursor, |mut cursor| async move {
        let item = cursor.advance().await.transpose()?;
        cursor.over = item.is_err();
        Some((item, cursor))
    }))
}

impl<H: History> Cursor<H> {
    async fn advance(&mut self) -> Result<Option<Event>> {
        loop {
            if let Some(event) = self.buffer.pop_front() {
                return Ok(Some(event));
            }
            if self.over {
                return Ok(None);
            }
            // Marked as seen before the page is read, so that a change after it wakes us.
            if *self.revision.borrow_and_update() >= self.next {
                let Some(history) = self.history.upgrade() else { return Ok(None) };
                let page = match history.page(&self.prefix, self.next).await {
                    Err(Error::Closed) => return Ok(None),
                    // A lock is no reason to lose the place; the revision has not gone away.
                    Err(error) if error.is_retryable() => {
                        tokio::task::yield_now().await;
                        continue;
                    }
                    page => page?,
                };
                if page.next > self.next {
                    self.next = page.next;
                    self.buffer = page.events.into();
                    continue;
                }
            }
            if self.revision.changed().await.is_err() {
                return Ok(None);
            }
        }
    }
}
