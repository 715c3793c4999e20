//! When members were last seen to serve.
//!
//! A member that answered a linearizable read holds all that was acknowledged before it was asked, and knows it to be
//! committed for as long as its process goes on: what it knows is written down only with the next entry, or when it is
//! ended gently. So one whose process ended vouches for nothing. That is remembered from look to look, and written once it no longer serves: writing it with each look would cost a write every two
//! seconds. With the control plane what was not written yet is lost; what was stays true.

use std::collections::BTreeMap;

use cetcd_core::{
    observed::{Observed, ObservedMember, Process},
    status::MemberRecord,
};
use jiff::Timestamp;

/// When each member was last asked and served, by ordinal.
#[derive(Debug, Default)]
pub(crate) struct Served(BTreeMap<u32, Timestamp>);

impl Served {
    /// Takes in a look that began at `began`.
    pub fn saw(&mut self, observed: &Observed, began: Timestamp) {
        for member in &observed.members {
            // Without data another comes under this number, which holds nothing yet.
            if !vouches(member) {
                self.0.remove(&member.ordinal);
            } else if serves(member) {
                self.0.insert(member.ordinal, began);
            }
        }
    }

    /// Writes into `record` what is known, where that is worth a write.
    pub fn note_in(&self, record: &mut MemberRecord, member: &ObservedMember) {
        if !vouches(member) {
            record.served_at = None;
        } else if !serves(member) || record.served_at.is_none() {
            record.served_at = record.served_at.max(self.0.get(&record.ordinal).copied());
        }
    }
}

fn vouches(member: &ObservedMember) -> bool {
    member.data && member.process == Process::Running
}

fn serves(member: &ObservedMember) -> bool {
    member.serving().is_some_and(|serving| !serving.learner)
}

#[cfg(test)]
mod tests {
    use cetcd_core::{
        EtcdVersion,
        certificates::OnDisk,
        instance::{RunConfig, Security},
        observed::{Health, Serving},
        status::MemberPhase,
    };

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("small")
    }

    fn member(data: bool, serves: bool) -> ObservedMember {
        let serving = Serving {
            cluster_id: 1,
            member_id: 1,
            leader: false,
            learner: false,
            version: String::new(),
            database_bytes: 0,
            database_bytes_in_use: 0,
        };
        ObservedMember {
            ordinal: 0,
            process: Process::Running,
            footprint: true,
            data,
            restored: None,
            started_with: None,
            shows: OnDisk::default(),
            health: if serves { Health::Serving(serving) } else { Health::NotAsked },
            disk_bytes: 0,
            unlimited: None,
            bad_data: None,
        }
    }

    fn record(served_at: Option<Timestamp>) -> MemberRecord {
        MemberRecord {
            ordinal: 0,
            subnet_id: String::new(),
            run: RunConfig {
                version: EtcdVersion::new(3, 5, 30),
                security: Security::default(),
                auto_compaction: None,
                quota_bytes: 0,
                resources: None,
                trust: 0,
            },
            zone: String::new(),
            client: ([127, 0, 0, 1], 2379).into(),
            peer: ([127, 0, 0, 1], 2380).into(),
            phase: MemberPhase::Running,
            version: None,
            served_at,
            silent_since: None,
            moved_from: None,
            adding: false,
            woken: 0,
            replaced: None,
        }
    }

    /// What is on record after a look at each of `looks`, a second apart.
    fn recorded(looks: &[ObservedMember]) -> Vec<Option<i64>> {
        let (mut served, mut on_record) = (Served::default(), record(None));
        let mut found = Vec::new();
        for (second, look) in (1..).zip(looks) {
            served.saw(&Observed { members: vec![look.clone()], ..Observed::default() }, at(second));
            served.note_in(&mut on_record, look);
            found.push(on_record.served_at.map(Timestamp::as_second));
        }
        found
    }

    #[test]
    fn the_last_time_is_written_once_a_member_serves_no_longer() {
        let looks = [member(true, true), member(true, true), member(true, true), member(true, false)];
        assert_eq!(recorded(&looks), [Some(1), Some(1), Some(1), Some(3)]);
    }

    #[test]
    fn one_whose_process_ended_vouches_for_nothing_though_it_comes_back() {
        let ended = ObservedMember { process: Process::Exited { at: at(9), quick_exits: 0 }, ..member(true, false) };
        let looks = [member(true, true), member(true, true), ended, member(true, false)];
        assert_eq!(recorded(&looks), [Some(1), Some(1), None, None]);
    }

    #[test]
    fn one_that_lost_its_data_vouches_for_nothing() {
        let looks = [member(true, true), member(false, false), member(true, false)];
        assert_eq!(recorded(&looks), [Some(1), None, None]);
    }
}
