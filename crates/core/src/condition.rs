//! Conditions: what is true of an instance now, why, and since when.

mod kind;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use self::kind::ConditionKind;

/// How urgent it is that a good state does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// To be known; nothing suffers.
    Info,
    /// Somebody should look, by day.
    Warning,
    /// Clients suffer, or will soon.
    Critical,
}

impl Severity {
    /// As alerting systems call it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

/// One condition. `holds` true is the good state for every kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Condition {
    /// What it is about.
    pub kind: ConditionKind,
    /// Whether the good state holds.
    pub holds: bool,
    /// Why, in a sentence that names members and figures; empty where there is nothing to say.
    pub reason: String,
    /// When `holds` last changed.
    pub since: Timestamp,
    /// How urgent it is, where that depends on more than the kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grade: Option<Severity>,
    /// How urgent it was when an event last told that it does not hold; absent once one told that it holds again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub told: Option<Severity>,
}

impl Condition {
    /// A condition that nobody was told of.
    pub fn new(kind: ConditionKind, holds: bool, reason: String, since: Timestamp) -> Self {
        Self { kind, holds, reason, since, grade: None, told: None }
    }

    /// How urgent it is where the good state does not hold.
    pub fn severity(&self) -> Severity {
        self.grade.unwrap_or_else(|| self.kind.severity())
    }
}

/// Puts `kind` at its new value, keeping `since` while `holds` does not change. Answers whether `holds` or
/// the reason changed.
pub fn set(conditions: &mut Vec<Condition>, kind: ConditionKind, holds: bool, reason: String, now: Timestamp) -> bool {
    match conditions.iter_mut().find(|condition| condition.kind == kind) {
        Some(condition) if condition.holds == holds && condition.reason == reason => false,
        Some(condition) => {
            if condition.holds != holds {
                condition.since = now;
            }
            condition.holds = holds;
            condition.reason = reason;
            true
        }
        None => {
            conditions.push(Condition::new(kind, holds, reason, now));
            conditions.sort_by_key(|condition| condition.kind);
            true
        }
    }
}

/// Says how urgent `kind` is now, where that depends on more than the kind.
pub fn grade(conditions: &mut [Condition], kind: ConditionKind, grade: Option<Severity>) {
    if let Some(condition) = conditions.iter_mut().find(|condition| condition.kind == kind) {
        condition.grade = grade;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn since_moves_only_when_the_state_changes() {
        let at = |s| Timestamp::from_second(s).expect("small");
        let mut all = Vec::new();
        assert!(set(&mut all, ConditionKind::Quorum, true, String::new(), at(1)));
        assert!(!set(&mut all, ConditionKind::Quorum, true, String::new(), at(2)));
        assert!(set(&mut all, ConditionKind::Quorum, true, "3 of 3".into(), at(3)));
        assert_eq!(all[0].since, at(1));
        assert!(set(&mut all, ConditionKind::Quorum, false, "1 of 3".into(), at(4)));
        assert_eq!(all[0].since, at(4));
    }
}
