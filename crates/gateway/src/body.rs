//! Receiving a body: bounded in size, in time and in what all of them hold together.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use cetcd_api::limits;
use futures::FutureExt;
use http::request::Parts;
use http_body_util::BodyExt;
use hyper::body::Body;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Bodies up to this size, which nearly all are, need no share of the budget: what all connections together can hold
/// of them is bounded by the number of connections and of streams on each.
const SMALL: usize = 4 * 1024;
/// How much of an oversize body is read and thrown away, so that a client that sends all before it reads gets the
/// answer rather than a broken connection. Beyond it the connection is closed.
const DRAIN: u64 = 64 << 20;

/// What became of a body.
#[derive(Debug)]
pub(crate) enum Received {
    /// All of it.
    Whole(Bytes),
    /// It was larger than the limit; `rest_unread` where some of it is still on the connection.
    TooLarge { bytes: u64, rest_unread: bool },
    /// It did not come in time.
    Late,
    /// The connection failed, or the transfer encoding was wrong.
    Broken,
}

/// A body and its share of the budget, to be held until the request is answered.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) received: Received,
    pub(crate) share: Option<OwnedSemaphorePermit>,
}

/// Receives bodies.
#[derive(Debug)]
pub(crate) struct Receiver {
    timeout: Duration,
    budget: Arc<Semaphore>,
    budget_bytes: u32,
}

impl Receiver {
    pub(crate) fn new(timeout: Duration, budget: u32) -> Self {
        // One body of the largest size must always fit, or it would wait for ever.
        let budget_bytes = budget.max(u32::try_from(limits::POST_V3_BYTES).unwrap_or(u32::MAX));
        Self { timeout, budget: Arc::new(Semaphore::new(budget_bytes as usize)), budget_bytes }
    }

    /// The body of a POST; other methods have none that counts.
    pub(crate) async fn receive<B>(&self, parts: &Parts, body: B) -> Held
    where
        B: Body<Data = Bytes> + Unpin,
    {
        if parts.method != http::Method::POST {
            return Held { received: Received::Whole(Bytes::new()), share: None };
        }
        let limit = if crate::common::claims_v3(parts) { limits::POST_V3_BYTES } else { limits::POST_V1_BYTES };
        let declared = body.size_hint().exact();
        // A client that asked before sending a body that is too large is told without having to send it.
        if let Some(bytes) = declared
            && bytes > limit as u64
            && parts.headers.contains_key("expect")
        {
            return Held { received: Received::TooLarge { bytes, rest_unread: true }, share: None };
        }
        let mut share = None;
        let received = {
            let mut reading = std::pin::pin!(self.read(body, declared, limit, &mut share));
            // Most bodies came with their headers: no timer is set for those.
            match reading.as_mut().now_or_never() {
                Some(received) => received,
                None => tokio::time::timeout(self.timeout, reading).await.unwrap_or(Received::Late),
            }
        };
        Held { received, share }
    }

    async fn read<B>(
        &self,
        mut body: B,
        declared: Option<u64>,
        limit: usize,
        share: &mut Option<OwnedSemaphorePermit>,
    ) -> Received
    where
        B: Body<Data = Bytes> + Unpin,
    {
        if let Some(bytes) = declared.filter(|bytes| *bytes > limit as u64) {
            return Self::drain(body, bytes, 0).await;
        }
        if let Some(bytes) = declared.and_then(|bytes| usize::try_from(bytes).ok()).filter(|bytes| *bytes > SMALL) {
            *share = self.share(bytes).await;
        }
        let mut first = Bytes::new();
        let mut all = BytesMut::new();
        loop {
            let data = match body.frame().await {
                None => break,
                Some(Err(_)) => return Received::Broken,
                Some(Ok(frame)) => frame.into_data().unwrap_or_default(),
            };
            let held = first.len() + all.len();
            if held + data.len() > limit {
                drop((first, all));
                let read = (held + data.len()) as u64;
                return Self::drain(body, read, read).await;
            }
            if held + data.len() > SMALL && share.is_none() {
                *share = self.share(limit).await;
            }
            if held == 0 {
                first = data;
            } else {
                if all.is_empty() {
                    all.reserve(declared.map_or(held + data.len(), |bytes| usize::try_from(bytes).unwrap_or(0)));
                    all.extend_from_slice(&std::mem::take(&mut first));
                }
                all.extend_from_slice(&data);
            }
        }
        Received::Whole(if all.is_empty() { first } else { all.freeze() })
    }

    /// A share for a body of at most `bytes`: taken once, so that no two bodies can wait for each other with half of
    /// their shares.
    fn share(&self, bytes: usize) -> impl Future<Output = Option<OwnedSemaphorePermit>> + use<> {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX).min(self.budget_bytes);
        let budget = Arc::clone(&self.budget);
        async move { budget.acquire_many_owned(bytes).await.ok() }
    }

    /// Throws the rest away and counts it. `bytes` is the size known so far, `read` how much of it came already.
    async fn drain<B>(mut body: B, bytes: u64, mut read: u64) -> Received
    where
        B: Body<Data = Bytes> + Unpin,
    {
        while read <= DRAIN {
            match body.frame().await {
                None => return Received::TooLarge { bytes: bytes.max(read), rest_unread: false },
                Some(Err(_)) => return Received::Broken,
                Some(Ok(frame)) => read += frame.data_ref().map_or(0, |data| data.len() as u64),
            }
        }
        Received::TooLarge { bytes: bytes.max(read), rest_unread: true }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use http_body_util::Full;

    use super::*;

    fn parts() -> Parts {
        http::Request::post("/").header("Authorization", "TC3-HMAC-SHA256 x").body(()).unwrap().into_parts().0
    }

    fn receiver() -> Receiver {
        Receiver::new(Duration::from_secs(10), 0)
    }

    fn body(bytes: usize) -> Full<Bytes> {
        Full::new(vec![b' '; bytes].into())
    }

    #[tokio::test]
    async fn a_body_over_the_budget_waits_until_another_is_done_with() {
        let (receiver, parts) = (receiver(), parts());
        let first = receiver.receive(&parts, body(limits::POST_V3_BYTES)).await;
        assert!(matches!(&first.received, Received::Whole(body) if body.len() == limits::POST_V3_BYTES));
        let mut second = std::pin::pin!(receiver.receive(&parts, body(SMALL + 1)));
        assert!(second.as_mut().now_or_never().is_none(), "the budget is used up");
        assert!(
            matches!(receiver.receive(&parts, body(SMALL)).await.received, Received::Whole(_)),
            "a small one passes"
        );
        drop(first);
        assert!(matches!(second.await.received, Received::Whole(body) if body.len() == SMALL + 1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_waits_too_long_is_late() {
        let (receiver, parts) = (receiver(), parts());
        let _first = receiver.receive(&parts, body(limits::POST_V3_BYTES)).await;
        assert!(matches!(receiver.receive(&parts, body(SMALL + 1)).await.received, Received::Late));
    }

    #[tokio::test]
    async fn the_body_of_a_get_is_not_read() {
        let parts = http::Request::get("/").body(()).unwrap().into_parts().0;
        assert!(matches!(receiver().receive(&parts, body(9)).await.received, Received::Whole(body) if body.is_empty()));
    }
}
