//! Arithmetic of majorities.

/// The least number of voters that can commit: more than half of them.
pub const fn quorum(voters: usize) -> usize {
    voters / 2 + 1
}

/// How many of the voters may fail while the rest still has a quorum.
pub const fn tolerance(voters: usize) -> usize {
    voters.saturating_sub(quorum(voters))
}

/// Whether a cluster of `voters`, of whom `healthy` serve, still has a quorum after one more is taken away.
pub const fn survives_one_less(voters: usize, healthy: usize) -> bool {
    healthy > 0 && healthy > quorum(voters)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quorum_is_more_than_half() {
        for voters in 1..=9 {
            assert!(2 * quorum(voters) > voters && 2 * (quorum(voters) - 1) <= voters, "{voters}");
        }
    }

    #[test]
    fn the_published_tolerances_hold() {
        assert_eq!([1, 3, 5, 7, 9].map(tolerance), [0, 1, 2, 3, 4]);
    }

    #[test]
    fn one_may_be_taken_only_while_more_than_a_quorum_is_healthy() {
        assert!(survives_one_less(3, 3));
        assert!(!survives_one_less(3, 2));
        assert!(!survives_one_less(1, 1));
        assert!(!survives_one_less(0, 0));
    }
}
