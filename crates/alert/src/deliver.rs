//! Telling each webhook what it was not told yet.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use bytes::Bytes;
use cetcd_core::Clock;
use cetcd_store::{
    Store, Txn,
    records::{self, ALERTS},
};
use jiff::Timestamp;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::{
    Alert, AlertMetrics, Error, Webhook,
    payload::body,
    post::{Post, PostError},
    source::Source,
};

/// The pace.
#[derive(Debug, Clone)]
pub struct Options {
    /// Between two looks at what is true.
    pub every: Duration,
    /// The first pause after a webhook did not take something; doubled up to `longest_pause`.
    pub shortest_pause: Duration,
    /// The longest pause.
    pub longest_pause: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            every: Duration::from_secs(2),
            shortest_pause: Duration::from_secs(1),
            longest_pause: Duration::from_secs(300),
        }
    }
}

/// What is needed to deliver.
#[derive(Clone)]
pub struct Parts {
    /// Says what is true.
    pub source: Arc<dyn Source>,
    /// Where it is kept what webhooks were told.
    pub store: Arc<dyn Store>,
    /// The way to them.
    pub post: Arc<dyn Post>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// What is counted.
    pub metrics: AlertMetrics,
    /// Where people look, without a slash at its end.
    pub url: String,
}

/// Delivers to all webhooks.
pub struct Deliveries {
    parts: Parts,
    webhooks: Vec<Webhook>,
    options: Options,
}

impl Deliveries {
    /// Delivers to `webhooks`, each by itself: one that is away keeps none of the others waiting.
    pub fn new(parts: Parts, webhooks: Vec<Webhook>, options: Options) -> Self {
        Self { parts, webhooks, options }
    }

    /// Runs until cancelled.
    pub async fn run(self, cancel: CancellationToken) {
        if let Err(error) = self.forget_others().await {
            tracing::warn!(%error, "what former webhooks were told cannot be removed");
        }
        let mut all = JoinSet::new();
        for (place, webhook) in self.webhooks.into_iter().enumerate() {
            let delivery = Delivery { parts: self.parts.clone(), webhook, place, told: BTreeMap::new() };
            all.spawn(delivery.run(self.options.clone(), cancel.clone()));
        }
        all.join_all().await;
    }

    /// Removes what is kept of webhooks that are not set any more.
    async fn forget_others(&self) -> Result<(), Error> {
        let known: Vec<String> = self.webhooks.iter().map(Webhook::key).collect();
        for entry in self.parts.store.range(ALERTS).await?.entries {
            let webhook = entry.key[ALERTS.len()..].split('/').next().unwrap_or_default();
            if !known.iter().any(|known| known == webhook) {
                self.parts.store.txn(Txn::new().delete(entry.key)).await?;
            }
        }
        Ok(())
    }
}

/// One webhook.
struct Delivery {
    parts: Parts,
    webhook: Webhook,
    place: usize,
    /// What it was told is wrong, and not yet that it is over; by key.
    told: BTreeMap<String, Alert>,
}

impl Delivery {
    async fn run(mut self, options: Options, cancel: CancellationToken) {
        let work = async {
            let mut pause = options.shortest_pause;
            let mut loaded = false;
            loop {
                let outcome = if loaded { Ok(()) } else { self.load().await };
                loaded |= outcome.is_ok();
                let all_told = match outcome {
                    Ok(()) => self.turn().await,
                    Err(error) => {
                        tracing::warn!(%error, "what webhooks were told cannot be read; it is tried again");
                        false
                    }
                };
                if all_told {
                    pause = options.shortest_pause;
                    tokio::time::sleep(options.every).await;
                } else {
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(options.longest_pause);
                }
            }
        };
        tokio::select! {
            () = cancel.cancelled() => {}
            () = work => {}
        }
    }

    fn prefix(&self) -> String {
        format!("{ALERTS}{}/", self.webhook.key())
    }

    async fn load(&mut self) -> Result<(), Error> {
        for entry in self.parts.store.range(&self.prefix()).await?.entries {
            let alert: Alert = records::decode(&entry)?.value;
            self.told.insert(alert.key(), alert);
        }
        Ok(())
    }

    /// Tells what is to be told. False where something of it could not be.
    async fn turn(&mut self) -> bool {
        let now = self.parts.clock.now();
        let firing: BTreeMap<String, Alert> =
            self.parts.source.firing(now).into_iter().map(|alert| (alert.key(), alert)).collect();
        let over = self
            .told
            .values()
            .filter(|alert| !firing.contains_key(&alert.key()) && self.parts.source.is_over(alert, now));
        let mut due: Vec<(Alert, Option<Timestamp>)> = over.map(|alert| (alert.clone(), Some(now))).collect();
        due.extend(firing.into_iter().filter(|(key, _)| !self.told.contains_key(key)).map(|(_, alert)| (alert, None)));
        let mut waiting = due.len();
        self.parts.metrics.waits(self.place, waiting);
        for (alert, ended) in due {
            match self.tell(alert, ended).await {
                Ok(()) => waiting -= 1,
                Err(PostError::Unreachable(_)) => break,
                // The others may be taken.
                Err(PostError::Refused(_)) => {}
            }
        }
        self.parts.metrics.waits(self.place, waiting);
        waiting == 0
    }

    async fn tell(&mut self, alert: Alert, ended: Option<Timestamp>) -> Result<(), PostError> {
        let text = Bytes::from(body(&alert, ended, &self.parts.url).to_string());
        let outcome = self.parts.post.post(&self.webhook, text).await;
        let (instance, kind) = (&alert.instance, alert.kind.as_str());
        let what = if ended.is_some() { "resolved" } else { "firing" };
        if let Err(error) = outcome {
            self.parts.metrics.tried(self.place, "failure");
            let webhook = self.webhook.origin();
            tracing::warn!(%instance, kind, what, webhook, %error, "an alert could not be delivered; it is tried again");
            return Err(error);
        }
        self.parts.metrics.tried(self.place, "success");
        tracing::info!(%instance, kind, what, webhook = self.webhook.origin(), "delivered an alert");
        let key = alert.key();
        let place = format!("{}{key}", self.prefix());
        let txn = match ended {
            Some(_) => Txn::new().delete(place),
            None => Txn::new().put(place, records::encode(&alert)),
        };
        if let Err(error) = self.parts.store.txn(txn).await {
            // It goes by what is in memory; only a restart would tell it again.
            tracing::warn!(%error, "that an alert was delivered cannot be recorded");
        }
        match ended {
            Some(_) => drop(self.told.remove(&key)),
            None => drop(self.told.insert(key, alert)),
        }
        Ok(())
    }
}

#[cfg(test)]
pub(crate) mod tests;
