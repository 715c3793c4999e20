//! Killed in the middle of writing, again and again: no transaction is ever half there, and none
//! that was acknowledged is missing.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use rand::Rng;

use crate::sqlite::SqliteStore;
use crate::{Range, Store, Txn};

const STORE: &str = "CETCD_STORE_CRASH_TEST";
const KILLS: u32 = 20;

/// Not a test of its own: the process that the test below kills. Says what was acknowledged.
#[tokio::test]
async fn child() {
    let Some(path) = std::env::var_os(STORE) else { return };
    let store = SqliteStore::open(path).unwrap();
    let mut out = std::io::stdout();
    loop {
        let last = number(&store.range("").await.unwrap(), "left");
        let next = (last + 1).to_string();
        let transaction = Txn::new()
            .put("left", next.clone())
            .delete_prefix("note/")
            .put(format!("note/{next}"), vec![b'x'; 20_000])
            .put("right", next.clone());
        store.txn(transaction).await.unwrap();
        writeln!(out, "\nacknowledged {next}").unwrap();
        out.flush().unwrap();
    }
}

fn number(range: &Range, key: &str) -> u64 {
    range
        .entries
        .iter()
        .find(|entry| entry.key == key)
        .map_or(0, |entry| std::str::from_utf8(&entry.value).unwrap().parse().unwrap())
}

/// Runs the child, kills it after a random time past its first write; the last acknowledged number.
async fn write_until_killed(path: &Path) -> u64 {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "tests::crash::child", "--nocapture"])
        .env(STORE, path)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let acknowledged = |line: String| line.strip_prefix("acknowledged ")?.parse::<u64>().ok();
    let first = lines.by_ref().find_map(acknowledged).unwrap();
    tokio::time::sleep(Duration::from_micros(rand::rng().random_range(0..40_000))).await;
    child.kill().unwrap();
    child.wait().unwrap();
    lines.filter_map(acknowledged).last().unwrap_or(first)
}

#[tokio::test]
async fn killing_the_writer_tears_no_transaction_and_loses_no_acknowledged_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    for _ in 0..KILLS {
        let acknowledged = write_until_killed(&path).await;
        let store = SqliteStore::open(&path).unwrap();
        let range = store.range("").await.unwrap();
        let left = number(&range, "left");
        assert_eq!(left, number(&range, "right"));
        let keys: Vec<_> = range.entries.iter().map(|entry| entry.key.clone()).collect();
        assert_eq!(keys, ["left".to_owned(), format!("note/{left}"), "right".to_owned()]);
        assert!(left == acknowledged || left == acknowledged + 1, "{left} is there, {acknowledged} was acknowledged");
        assert_eq!(range.revision, left + 1, "one revision a transaction");
        store.close().await.unwrap();
    }
}
