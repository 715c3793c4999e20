//! Certificates that cost nothing and are the same for the same seed: their text says what they say.

use std::sync::Arc;

use cetcd_controller::{Error, Facts, Issue, Names, Request, Result};
use cetcd_core::{InstanceId, certificates::Validity, member::MemberCertificates};
use cetcd_etcd::{ClientCredentials, Target};
use cetcd_store::records::StoredPair;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{Fate, Sim, sim::State};

/// How long a leaf holds: some end in a storm.
const LEAF_LIFE: SignedDuration = SignedDuration::from_hours(1);
/// How long a CA holds.
const CA_LIFE: SignedDuration = SignedDuration::from_hours(100);

/// Issues names in place of certificates.
pub(crate) struct SimIssuer(pub Sim);

/// What the text of a certificate says; one line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Cert {
    /// The CA that issued it: itself, for a CA.
    by: String,
    from: Timestamp,
    until: Timestamp,
    names: Vec<String>,
    ips: Vec<std::net::IpAddr>,
    /// The key that it is for.
    key: String,
}

impl Cert {
    fn read(text: &str) -> Option<Self> {
        serde_json::from_str(text.lines().next()?).ok()
    }

    fn pair(&self) -> StoredPair {
        let text = serde_json::to_string(self).expect("it has no failing parts");
        StoredPair { cert: text + "\n", key: self.key.clone() }
    }
}

/// Whether whoever trusts the CAs of `bundle` believes who shows `cert` with `key`; `at` a time, where that counts.
pub(crate) fn believes(bundle: &str, cert: &str, key: &str, at: Option<Timestamp>) -> bool {
    let Some(cert) = Cert::read(cert) else { return false };
    let holds = at.is_none_or(|now| cert.from <= now && now < cert.until);
    cert.key == key && holds && bundle.lines().filter_map(Cert::read).any(|ca| ca.by == cert.by)
}

/// When the first of what a member shows ends.
pub(crate) fn shown_until(files: &MemberCertificates) -> Option<Timestamp> {
    [&files.server, &files.peer].into_iter().filter_map(|pair| Cert::read(&pair.cert)).map(|cert| cert.until).min()
}

/// Whether both were issued by one CA.
fn of_one_authority(one: &str, other: &str) -> bool {
    Cert::read(one).map(|cert| cert.by) == Cert::read(other).map(|cert| cert.by)
}

impl State {
    /// What the control plane itself uses is what owners are given.
    pub(crate) fn hold(&mut self, target: &Target) {
        let Some(credentials) = &target.credentials else { return };
        let held = self.held.entry(target.instance.clone()).or_default();
        if held.last() != Some(credentials) {
            held.push(Arc::clone(credentials));
        }
    }

    /// Whoever holds what is good now is let in by every member, and believes it: the newest, what is of the same CA,
    /// and in an overlap what is of the CA before.
    pub(crate) fn check_credentials(&mut self, instance: &InstanceId) {
        let (Some(held), Some(status)) = (self.held.get(instance), self.audit.status.get(instance)) else { return };
        let Some(newest) = held.last() else { return };
        let overlaps = status.rotation.overlap_since.is_some();
        let is_good = |one: &&Arc<ClientCredentials>| {
            of_one_authority(&one.client.cert, &newest.client.cert)
                || (overlaps && believes(&newest.ca, &one.client.cert, &one.client.key, None))
        };
        let mut found = Vec::new();
        for one in held.iter().filter(is_good) {
            for (ordinal, member) in self.host.of(instance).filter(|(_, member)| member.runs()) {
                let (Some(launch), Some(files)) = (&member.launch, &member.files) else { continue };
                let believed = believes(&one.ca, &files.server.cert, &files.server.key, None);
                let let_in = believes(&launch.trusts, &one.client.cert, &one.client.key, None);
                if launch.https && !(believed && let_in) {
                    found.push(format!(
                        "member {ordinal} of {instance} and the holder of {} do not get on: believed {believed}, let in {let_in}",
                        one.client.cert.trim()
                    ));
                }
            }
        }
        self.host.violations.extend(found);
    }
}

impl SimIssuer {
    fn serial(&self, what: &str) -> Result<u64> {
        let mut state = self.0.state();
        let fate = state.draw_fate("issue");
        state.note(format_args!("issue {what}: {fate:?}"));
        match fate {
            Fate::Good | Fate::Twice | Fate::Conflict => {}
            Fate::FailBefore | Fate::FailAfter => return Err(Error::Missing { what: "luck".to_owned() }),
            // Nothing that this call made outlives it: what follows never happens.
            Fate::CrashBefore | Fate::CrashAfter => state.gate.crashed = true,
        }
        let State { issued, .. } = &mut *state;
        *issued += 1;
        Ok(*issued)
    }
}

impl Issue for SimIssuer {
    fn authority(&self, name: &str, now: Timestamp) -> Result<StoredPair> {
        let serial = self.serial(name)?;
        let by = format!("{name} {serial}");
        let until = now.saturating_add(CA_LIFE).unwrap_or(now);
        Ok(Cert { key: by.clone(), by, from: now, until, names: Vec::new(), ips: Vec::new() }.pair())
    }

    fn leaf(&self, authority: &StoredPair, request: &Request, key: Option<&str>, now: Timestamp) -> Result<StoredPair> {
        let serial = self.serial(&request.holder.to_string())?;
        let Some(ca) = Cert::read(&authority.cert).filter(|ca| ca.key == authority.key && now < ca.until) else {
            return Err(Error::Missing { what: "a CA that can issue".to_owned() });
        };
        let cert = Cert {
            by: ca.by,
            from: now,
            until: now.saturating_add(LEAF_LIFE).unwrap_or(now).min(ca.until),
            names: request.names.dns.iter().cloned().collect(),
            ips: request.names.ips.iter().copied().collect(),
            key: key.map_or_else(|| format!("key {serial}"), str::to_owned),
        };
        Ok(cert.pair())
    }

    fn read(&self, cert: &str) -> Result<Facts> {
        let cert = Cert::read(cert).ok_or_else(|| Error::Missing { what: "a certificate".to_owned() })?;
        Ok(Facts {
            validity: Validity { from: cert.from, until: cert.until },
            names: Names { dns: cert.names.into_iter().collect(), ips: cert.ips.into_iter().collect() },
        })
    }
}
