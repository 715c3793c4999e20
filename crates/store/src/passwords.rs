//! The passwords that an instance's user root was given.

use std::fmt;

use serde::{Deserialize, Serialize};
use zeroize::ZeroizeOnDrop;

/// How many are kept.
const KEPT: usize = 8;

/// The passwords that the user root of an instance was given, the newest last. Former ones are kept: a crash may have
/// come before the newest one was set, and a snapshot brings back that of its time. Sealed as one record.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RootPasswords {
    all: Vec<RootPassword>,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ZeroizeOnDrop)]
struct RootPassword {
    /// Counts them, from 1.
    #[zeroize(skip)]
    generation: u64,
    password: String,
}

impl fmt::Debug for RootPasswords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RootPasswords(redacted)")
    }
}

impl RootPasswords {
    /// The generation of the newest one, where that is `password`.
    pub fn generation_of_newest(&self, password: &str) -> Option<u64> {
        self.all.last().filter(|newest| newest.password == password).map(|newest| newest.generation)
    }

    /// Adds one, and answers its generation. The oldest is dropped where there are too many, but never the one of the
    /// generation `applied`: it is the one that root is known to have.
    pub fn add(&mut self, password: &str, applied: Option<u64>) -> u64 {
        let generation = self.all.last().map_or(1, |newest| newest.generation + 1);
        self.all.push(RootPassword { generation, password: password.to_owned() });
        while self.all.len() > KEPT {
            let oldest = self.all.iter().position(|known| Some(known.generation) != applied);
            self.all.remove(oldest.unwrap_or_default());
        }
        generation
    }

    /// The one of a generation.
    pub fn of_generation(&self, generation: u64) -> Option<&str> {
        self.all.iter().find(|known| known.generation == generation).map(|known| known.password.as_str())
    }

    /// All of them, the newest first: what root's password is, most likely first.
    pub fn newest_first(&self) -> Vec<&str> {
        self.all.iter().rev().map(|known| known.password.as_str()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_password_has_a_generation_of_its_own_and_the_newest_is_tried_first() {
        let mut passwords = RootPasswords::default();
        assert_eq!((passwords.add("one", None), passwords.add("two", Some(1))), (1, 2));
        assert_eq!(passwords.newest_first(), ["two", "one"]);
        assert_eq!(passwords.of_generation(1), Some("one"));
        assert_eq!((passwords.generation_of_newest("two"), passwords.generation_of_newest("one")), (Some(2), None));
    }

    #[test]
    fn the_one_that_root_has_is_kept_however_many_follow_it() {
        let mut passwords = RootPasswords::default();
        for number in 1..=50 {
            passwords.add(&number.to_string(), Some(3));
        }
        assert_eq!(passwords.newest_first(), ["50", "49", "48", "47", "46", "45", "44", "3"]);
    }

    #[test]
    fn no_password_shows() {
        let mut passwords = RootPasswords::default();
        passwords.add("hunter2", None);
        assert_eq!(format!("{passwords:?}"), "RootPasswords(redacted)");
    }
}
