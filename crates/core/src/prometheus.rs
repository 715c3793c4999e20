//! Prometheus instances: which there are, and what the controller recorded of each.
//!
//! One is either made through the API and run by this service, or runs elsewhere and is named in the settings.

use std::{collections::BTreeMap, fmt, net::SocketAddr};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    Entropy, Instance, InstanceId,
    condition::{Condition, ConditionKind},
};

/// How long a scrape may fail, or a Prometheus not serve, before what waits for it calls that a failure: one that has
/// just begun needs so long for its first look.
pub const PATIENCE: SignedDuration = SignedDuration::from_secs(60);

/// Names a Prometheus instance: `prom-` and eight of a-z0-9.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PrometheusId(String);

impl PrometheusId {
    /// Reads an ID; `None` where the text has not the form of one.
    pub fn parse(text: &str) -> Option<Self> {
        let suffix = text.strip_prefix("prom-")?;
        let good = suffix.len() == 8 && suffix.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        good.then(|| Self(text.to_owned()))
    }

    /// Draws a new ID. It is unique only once the store accepted it.
    pub fn draw(entropy: &dyn Entropy) -> Self {
        Self(format!("prom-{}", entropy.lowercase_alphanumeric(8)))
    }

    /// The ID as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PrometheusId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<PrometheusId> for String {
    fn from(id: PrometheusId) -> Self {
        id.0
    }
}

impl TryFrom<String> for PrometheusId {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text).ok_or_else(|| format!("{text:?} is not the ID of a Prometheus instance (prom-xxxxxxxx)"))
    }
}

/// A Prometheus instance of ours as its owner wants it. Stored as one record, changed only by the API. Its passwords
/// are sealed in the store, not here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prometheus {
    /// Its name.
    pub id: PrometheusId,
    /// The account that owns it; others do not see it.
    pub account: String,
    /// The region it lives in.
    pub region: String,
    /// When the request that made it was accepted.
    pub created_at: Timestamp,
    /// Subnet that its address is taken from.
    pub subnet_id: String,
    /// How long samples are kept, in days.
    pub retention_days: u32,
    /// The user of Grafana.
    pub grafana_user: String,
    /// It is to be taken down and forgotten.
    pub deleting: bool,
}

/// What the controller recorded of a Prometheus instance. The API only reads it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrometheusStatus {
    /// How it is.
    pub phase: PrometheusPhase,
    /// Why it does not serve; empty where it does.
    pub reason: String,
    /// When the phase last changed.
    pub since: Timestamp,
    /// Where it serves, where it is ours.
    pub address: Option<SocketAddr>,
    /// Where its Grafana serves, or would.
    pub grafana: Option<SocketAddr>,
    /// The instances that its configuration names, and how scraping them goes.
    pub attached: BTreeMap<InstanceId, Scraped>,
}

/// How scraping one instance goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scraped {
    /// How many members it was told of.
    pub members: u32,
    /// How many of them it reads.
    pub up: u32,
    /// Why it does not read the others; empty where it reads all.
    pub reason: String,
    /// When `members` or `up` last changed.
    pub since: Timestamp,
}

impl Scraped {
    /// Whether all are read, of at least one.
    pub fn is_whole(&self) -> bool {
        self.members > 0 && self.up >= self.members
    }
}

/// How a Prometheus instance is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PrometheusPhase {
    /// It has not served yet.
    Creating,
    /// It serves.
    Running,
    /// It served and does not.
    Abnormal,
    /// It is being taken down.
    Deleting,
}

impl PrometheusPhase {
    /// The API's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Creating => "creating",
            Self::Running => "running",
            Self::Abnormal => "abnormal",
            Self::Deleting => "deleting",
        }
    }
}

impl PrometheusStatus {
    /// Of one that nothing was seen of yet.
    pub fn new(now: Timestamp) -> Self {
        Self {
            phase: PrometheusPhase::Creating,
            reason: String::new(),
            since: now,
            address: None,
            grafana: None,
            attached: BTreeMap::new(),
        }
    }

    /// Whether an instance can be attached to it.
    pub fn serves(&self) -> bool {
        self.phase == PrometheusPhase::Running
    }
}

/// The Prometheus that the owner wants `instance` to be watched by, where there is one.
pub fn wanted_by(instance: &Instance) -> Option<&str> {
    instance.spec.monitor.as_ref().and_then(|monitor| monitor.prometheus.as_deref())
}

/// How far an instance is from being watched by the Prometheus it should be watched by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Watched {
    /// All its members are read.
    Whole,
    /// Not yet, which is not to be wondered at.
    Soon,
    /// Not, and not only for a moment: why.
    Failing(String),
}

/// How `status`, of the Prometheus `id`, stands to an instance of so many members.
pub fn watched(id: &str, status: &PrometheusStatus, instance: &InstanceId, members: usize, now: Timestamp) -> Watched {
    let lasts = |since: Timestamp| now.duration_since(since) >= PATIENCE;
    if !status.serves() {
        let reason = not_serving(id, status);
        return if lasts(status.since) { Watched::Failing(reason) } else { Watched::Soon };
    }
    let Some(scraped) = status.attached.get(instance) else { return Watched::Soon };
    if scraped.is_whole() && scraped.up as usize >= members {
        return Watched::Whole;
    }
    if lasts(scraped.since) { Watched::Failing(not_scraped(id, scraped)) } else { Watched::Soon }
}

/// Whether the instance is watched as its owner wants; absent where nobody asked for it. `status` is that of the
/// Prometheus that is wanted, where there is one.
pub fn condition(instance: &Instance, status: Option<&PrometheusStatus>) -> Option<Condition> {
    let id = wanted_by(instance)?;
    let condition = |holds, reason, since| Some(Condition::new(ConditionKind::MonitoringServed, holds, reason, since));
    let Some(status) = status else {
        return condition(false, format!("there is no Prometheus instance {id}"), instance.created_at);
    };
    if !status.serves() {
        return condition(false, not_serving(id, status), status.since);
    }
    match status.attached.get(&instance.id) {
        Some(scraped) if scraped.is_whole() => condition(true, String::new(), scraped.since.max(status.since)),
        Some(scraped) => condition(false, not_scraped(id, scraped), scraped.since),
        None => condition(false, format!("{id} is not set up to scrape it yet"), status.since),
    }
}

fn not_serving(id: &str, status: &PrometheusStatus) -> String {
    let why = if status.reason.is_empty() { "it does not serve yet" } else { &status.reason };
    format!("Prometheus {id}: {why}")
}

fn not_scraped(id: &str, scraped: &Scraped) -> String {
    let Scraped { members, up, reason, .. } = scraped;
    let why = if reason.is_empty() { String::new() } else { format!(": {reason}") };
    format!("{id} reads {up} of {members} members{why}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{at, instance};

    fn status(phase: PrometheusPhase, scraped: Option<(u32, u32)>) -> PrometheusStatus {
        let scraped = scraped.map(|(up, members)| Scraped { members, up, reason: String::new(), since: at(0) });
        let attached = scraped.map(|scraped| (instance(3).id, scraped)).into_iter().collect();
        PrometheusStatus { phase, attached, ..PrometheusStatus::new(at(0)) }
    }

    #[test]
    fn only_the_published_form_is_an_id() {
        assert!(PrometheusId::parse("prom-abcd1234").is_some());
        for bad in ["", "prom-", "prom-abcd123", "prom-ABCD1234", "prom-../../..", "etcd-abcd1234"] {
            assert!(PrometheusId::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn an_instance_is_watched_once_every_member_is_read() {
        let (id, running) = (instance(3).id, PrometheusPhase::Running);
        let seen = |scraped, now| watched("p", &status(running, scraped), &id, 3, at(now));
        assert_eq!(seen(Some((3, 3)), 1), Watched::Whole);
        assert_eq!(seen(Some((2, 3)), 1), Watched::Soon);
        assert_eq!(seen(Some((1, 1)), 1), Watched::Soon, "it knows of one of three");
        assert_eq!(seen(None, 1), Watched::Soon);
        assert_eq!(seen(Some((2, 3)), 60), Watched::Failing("p reads 2 of 3 members".to_owned()));
    }

    #[test]
    fn one_that_does_not_serve_is_waited_for_a_minute_before_it_is_a_failure() {
        let dead =
            PrometheusStatus { reason: "it ended".to_owned(), ..status(PrometheusPhase::Abnormal, Some((3, 3))) };
        assert_eq!(watched("p", &dead, &instance(3).id, 3, at(59)), Watched::Soon);
        assert_eq!(
            watched("p", &dead, &instance(3).id, 3, at(60)),
            Watched::Failing("Prometheus p: it ended".to_owned())
        );
    }

    #[test]
    fn the_condition_tells_of_a_prometheus_that_is_gone_dead_or_blind() {
        let mut watched = instance(3);
        assert_eq!(condition(&watched, None), None, "nobody asked for one");
        watched.spec.monitor = Some(crate::instance::MonitorSettings { prometheus: Some("prom-abcd1234".to_owned()) });
        let holds = |status: Option<PrometheusStatus>| {
            let condition = condition(&watched, status.as_ref()).expect("one is wanted");
            (condition.holds, condition.reason.is_empty())
        };
        assert_eq!(holds(Some(status(PrometheusPhase::Running, Some((3, 3))))), (true, true));
        for bad in [None, Some((PrometheusPhase::Abnormal, 3)), Some((PrometheusPhase::Running, 2))] {
            assert_eq!(holds(bad.map(|(phase, up)| status(phase, Some((up, 3))))), (false, false), "{bad:?}");
        }
    }
}
