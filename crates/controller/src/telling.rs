//! What is to be told with the next record: what was done, and what only two looks together show.
//!
//! It waits in memory for the next turn, which follows at once. A control plane that is killed in between does not
//! tell it; a record of its own would cost a write for each action, and could be wrong as well.

use cetcd_core::{
    Instance, Status,
    action::Action,
    event::{self, Event, EventKind},
    observed::Observed,
};
use jiff::Timestamp;

/// The most that waits, should records fail for long: later ones say the same.
const MOST: usize = 64;

/// Events that are not recorded yet.
#[derive(Debug, Default)]
pub(crate) struct Telling {
    waiting: Vec<Event>,
    /// Who was last seen to lead.
    leader: Option<u32>,
}

impl Telling {
    /// Takes in a look.
    pub fn saw(&mut self, observed: &Observed, now: Timestamp) {
        let leads = observed.members.iter().filter(|member| member.serving().is_some_and(|serving| serving.leader));
        let mut leads = leads.map(|member| member.ordinal);
        // Two lead while one does not know yet that it was replaced.
        let (Some(leader), None) = (leads.next(), leads.next()) else { return };
        if let Some(before) = self.leader.replace(leader).filter(|before| *before != leader) {
            let event = Event::new(EventKind::LeaderChanged, now).member(leader);
            self.add(event.detail(format!("{before} → {leader}")));
        }
    }

    /// An action was done.
    pub fn did(&mut self, action: &Action, instance: &Instance, status: &Status, now: Timestamp) {
        if let Action::MoveLeader { to, .. } = action {
            // That it leads is no surprise.
            self.leader = Some(*to);
        }
        if let Some(event) = event::of_action(action, instance, status, now) {
            self.add(event);
        }
    }

    fn add(&mut self, event: Event) {
        if self.waiting.len() < MOST {
            self.waiting.push(event);
        }
    }

    /// What waits, first thing first.
    pub fn to_tell(&self) -> &[Event] {
        &self.waiting
    }

    /// It is recorded.
    pub fn told(&mut self) {
        self.waiting.clear();
    }
}

#[cfg(test)]
mod tests {
    use cetcd_core::{
        certificates::OnDisk,
        observed::{Health, ObservedMember, Process, Serving},
    };

    use super::*;

    /// Three members that serve, of which those lead.
    fn led_by(leaders: &[u32]) -> Observed {
        let member = |ordinal| ObservedMember {
            ordinal,
            process: Process::Running,
            footprint: true,
            data: true,
            restored: None,
            started_with: None,
            shows: OnDisk::default(),
            health: Health::Serving(Serving {
                cluster_id: 1,
                member_id: u64::from(ordinal),
                leader: leaders.contains(&ordinal),
                learner: false,
                version: String::new(),
                database_bytes: 0,
                database_bytes_in_use: 0,
            }),
            disk_bytes: 0,
            unlimited: None,
            bad_data: None,
        };
        Observed { members: (0..3).map(member).collect(), ..Observed::default() }
    }

    fn told(looks: &[&[u32]]) -> Vec<String> {
        let mut telling = Telling::default();
        for leaders in looks {
            telling.saw(&led_by(leaders), Timestamp::UNIX_EPOCH);
        }
        telling.to_tell().iter().map(|event| event.detail.clone()).collect()
    }

    #[test]
    fn another_leader_is_told_once_whatever_was_between_them() {
        assert_eq!(told(&[&[0], &[0]]), [""; 0]);
        assert_eq!(told(&[&[0], &[], &[0, 2], &[2], &[2]]), ["0 → 2"]);
    }

    #[test]
    fn what_is_told_waits_in_bounded_numbers_until_it_is_recorded() {
        let mut telling = Telling::default();
        for turn in 0..1000 {
            telling.saw(&led_by(&[turn % 2]), Timestamp::UNIX_EPOCH);
        }
        assert_eq!(telling.to_tell().len(), MOST);
        telling.told();
        assert!(telling.to_tell().is_empty());
    }
}
