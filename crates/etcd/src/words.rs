//! What a member said before it ended.

/// What etcd and its libraries say where a member's own files keep it from running. None of it is said for lack of
/// memory, space or an address.
const BAD_DATA: [&str; 12] = [
    "found data inconsistency with peers",
    "checkInitialHashKV failed",
    "crc mismatch",
    "walpb: ",
    "failed to read WAL",
    "failed to recover v3 backend from snapshot",
    "failed to find database snapshot file",
    "Was the raft log corrupted, truncated, or lost?",
    "invalid database",
    "checksum error",
    "invalid freelist page",
    "Page expected to be",
];

/// The line that says that its files are bad, where one does; at most 200 characters of it.
pub fn of_bad_data(words: &str) -> Option<String> {
    let line = words.lines().rev().find(|line| BAD_DATA.iter().any(|text| line.contains(text)))?;
    Some(line.chars().take(200).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mismatch_with_its_peers_is_told_from_an_address_in_use() {
        let bad = "starting\n{\"level\":\"fatal\",\"msg\":\"discovery failed\",\"error\":\"found data inconsistency with peers\"}\n";
        assert!(of_bad_data(bad).is_some_and(|line| line.contains("inconsistency")));
        assert_eq!(of_bad_data("listen tcp 127.0.0.1:2380: bind: address already in use\n"), None);
        assert_eq!(of_bad_data(""), None);
    }
}
