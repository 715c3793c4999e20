//! Certificates that cost nothing and are the same for the same seed.

use cetcd_controller::{Error, Issue, Result};
use cetcd_core::{Instance, Status};
use cetcd_store::records::{InstanceCertificates, MemberPairs, StoredPair};
use jiff::Timestamp;

use crate::{Fate, Sim};

/// Issues names in place of certificates.
pub(crate) struct SimIssuer(pub Sim);

impl Issue for SimIssuer {
    fn issue(
        &self,
        instance: &Instance,
        status: &Status,
        present: Option<InstanceCertificates>,
        _now: Timestamp,
    ) -> Result<InstanceCertificates> {
        let mut state = self.0.state();
        let fate = state.draw_fate("issue");
        state.note(format_args!("issue for {}: {fate:?}", instance.id));
        match fate {
            Fate::Good | Fate::Twice | Fate::Conflict => {}
            Fate::FailBefore | Fate::FailAfter => return Err(Error::Missing { what: "luck".to_owned() }),
            // Nothing that this call made outlives it: what follows never happens.
            Fate::CrashBefore | Fate::CrashAfter => state.gate.crashed = true,
        }
        let id = &instance.id;
        let mut all = present.unwrap_or_else(|| InstanceCertificates {
            authority: pair(id.as_str()),
            client: pair("root"),
            members: std::collections::BTreeMap::new(),
        });
        for member in &status.members {
            let name = id.member_name(member.ordinal);
            let pairs = || MemberPairs { server: pair(&name), peer: pair(&name) };
            all.members.entry(member.ordinal).or_insert_with(pairs);
        }
        Ok(all)
    }
}

fn pair(name: &str) -> StoredPair {
    StoredPair { cert: name.to_owned(), key: name.to_owned() }
}
