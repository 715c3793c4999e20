//! Reading the log back, newest first.

use std::fs::File;
use std::io;
use std::ops::ControlFlow;
use std::os::unix::fs::FileExt;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::file::numbered;
use crate::options::AuditOptions;

/// Bytes that are read at once.
const CHUNK: u64 = 64 << 10;
/// The beginning of a line that is longer than this is given up on.
const LONGEST: usize = 1 << 20;
/// Bytes that one look goes through: who wants more asks for the next page.
const BUDGET: u64 = 32 << 20;

/// Which records are wanted.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    /// Of this account.
    pub account: String,
    /// About this instance.
    pub instance: Option<String>,
    /// From before then.
    pub before: Option<Timestamp>,
    /// How many at most.
    pub most: usize,
}

/// A record as it was written.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(crate) struct Kept {
    pub time: Timestamp,
    pub request_id: String,
    account: String,
    pub user: String,
    pub secret_id: String,
    pub action: String,
    pub region: String,
    pub source_ip: String,
    pub parameters: Option<Value>,
    pub outcome: String,
    #[serde(default)]
    pub message: Option<String>,
    pub milliseconds: u64,
}

/// What a look found.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Page {
    /// Newest first.
    pub records: Vec<Kept>,
    /// From where there may be more; `None` at the end of the log.
    pub next: Option<Timestamp>,
}

/// Goes through the files from the newest line to the oldest, until the page is full or enough was read.
pub(crate) fn read_back(options: &AuditOptions, wanted: &Wanted) -> io::Result<Page> {
    let mut page = Page::default();
    let mut left = BUDGET;
    for number in 0..options.files.max(1) {
        let path = if number == 0 { options.path.clone() } else { numbered(&options.path, number) };
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => break,
            Err(error) => return Err(error),
        };
        let mut seen = wanted.before;
        let each = |line: &[u8]| {
            // A line that was cut short by a crash is none.
            let Ok(record) = serde_json::from_slice::<Kept>(line) else { return ControlFlow::Continue(()) };
            if wanted.before.is_some_and(|before| record.time >= before) {
                return ControlFlow::Continue(());
            }
            if page.records.len() == wanted.most {
                page.next = page.records.last().map(|last| last.time);
                return ControlFlow::Break(());
            }
            seen = Some(record.time);
            if is_wanted(&record, wanted) {
                page.records.push(record);
            }
            ControlFlow::Continue(())
        };
        let ended = lines_back(&file, &mut left, each)?;
        match ended {
            Ended::AtTheBeginning => {}
            Ended::ByTheReader => return Ok(page),
            Ended::OutOfBudget => {
                page.next = seen;
                return Ok(page);
            }
        }
    }
    Ok(page)
}

fn is_wanted(record: &Kept, wanted: &Wanted) -> bool {
    let about = || record.parameters.as_ref().and_then(|all| all.get("InstanceId")).and_then(Value::as_str);
    record.account == wanted.account && wanted.instance.as_deref().is_none_or(|id| about() == Some(id))
}

enum Ended {
    AtTheBeginning,
    ByTheReader,
    OutOfBudget,
}

/// Hands over the lines of a file, the last one first.
fn lines_back(file: &File, left: &mut u64, mut each: impl FnMut(&[u8]) -> ControlFlow<()>) -> io::Result<Ended> {
    let mut position = file.metadata()?.len();
    // What was read of the line that goes on before `position`.
    let mut unfinished: Vec<u8> = Vec::new();
    while position > 0 {
        let size = position.min(CHUNK);
        if *left < size {
            return Ok(Ended::OutOfBudget);
        }
        *left -= size;
        position -= size;
        let mut bytes = vec![0; usize::try_from(size).unwrap_or_default()];
        file.read_exact_at(&mut bytes, position)?;
        bytes.append(&mut unfinished);
        let mut end = bytes.len();
        while let Some(place) = bytes[..end].iter().rposition(|byte| *byte == b'\n') {
            if place + 1 < end && each(&bytes[place + 1..end]).is_break() {
                return Ok(Ended::ByTheReader);
            }
            end = place;
        }
        bytes.truncate(end);
        unfinished = if bytes.len() > LONGEST { Vec::new() } else { bytes };
    }
    let ends = !unfinished.is_empty() && each(&unfinished).is_break();
    Ok(if ends { Ended::ByTheReader } else { Ended::AtTheBeginning })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::fmt::Write;

    use super::*;

    fn line(second: u32, account: &str, instance: &str) -> String {
        format!(
            r#"{{"time":"2026-01-01T00:{:02}:{:02}Z","request_id":"r{second}","account":"{account}","user":"root","secret_id":"s","action":"A","region":"x","source_ip":"127.0.0.1","parameters":{{"InstanceId":"{instance}"}},"outcome":"OK","milliseconds":1}}"#,
            second / 60,
            second % 60
        ) + "\n"
    }

    fn wanted(most: usize) -> Wanted {
        Wanted { account: "1".to_owned(), instance: None, before: None, most }
    }

    fn ids(page: &Page) -> Vec<&str> {
        page.records.iter().map(|record| record.request_id.as_str()).collect()
    }

    /// Two files, the older one longer than a chunk, with another account's lines between.
    fn log() -> (tempfile::TempDir, AuditOptions) {
        let folder = tempfile::tempdir().unwrap();
        let options = AuditOptions::new(folder.path().join("audit.log"));
        let mut older = String::new();
        for second in 0..1500 {
            write!(older, "{}{}", line(second, "1", "etcd-a"), line(second, "2", "etcd-a")).unwrap();
        }
        std::fs::write(folder.path().join("audit.log.1"), older).unwrap();
        let newer = line(1500, "1", "etcd-b") + &line(1501, "1", "etcd-a") + "{\"time\":\"2026-01-01T00:2";
        std::fs::write(&options.path, newer).unwrap();
        (folder, options)
    }

    #[test]
    fn pages_go_on_where_the_last_one_ended_across_files() {
        let (_folder, options) = log();
        let first = read_back(&options, &wanted(3)).unwrap();
        assert_eq!(ids(&first), ["r1501", "r1500", "r1499"]);
        let second = read_back(&options, &Wanted { before: first.next, ..wanted(2) }).unwrap();
        assert_eq!(ids(&second), ["r1498", "r1497"]);
        let all = read_back(&options, &wanted(5000)).unwrap();
        assert_eq!((all.records.len(), all.next), (1502, None));
        assert_eq!(all.records.last().unwrap().request_id, "r0");
    }

    #[test]
    fn another_account_sees_its_own_lines_and_an_instance_only_what_is_about_it() {
        let (_folder, options) = log();
        let others = read_back(&options, &Wanted { account: "2".to_owned(), ..wanted(1) }).unwrap();
        assert_eq!(ids(&others), ["r1499"]);
        let about = read_back(&options, &Wanted { instance: Some("etcd-b".to_owned()), ..wanted(10) }).unwrap();
        assert_eq!(ids(&about), ["r1500"]);
        let nobody = read_back(&options, &Wanted { account: "3".to_owned(), ..wanted(10) }).unwrap();
        assert_eq!(nobody, Page::default());
    }

    #[test]
    fn a_log_that_is_not_there_is_empty() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(read_back(&AuditOptions::new(folder.path().join("x")), &wanted(1)).unwrap(), Page::default());
    }
}
