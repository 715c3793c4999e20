//! A snapshot to local storage, against `etcdctl snapshot save` to the same disk; and what it takes of memory.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::{Subject, data::speed, remove, tools::follower};
use crate::{
    Bench,
    figures::{extremes, median, number, seconds, spread_megabytes},
    instance::{until, until_every},
    processes::resident,
    report::{Row, Section, Target},
    server::Server,
};

/// Between two looks at the snapshot, and at the memory of `serve`: nobody looks while it is done by hand.
const LOOK: Duration = Duration::from_millis(50);

/// What the last turns left for restores.
pub struct Saved {
    /// The name of ours.
    pub snapshot: String,
    /// The file of etcdctl's.
    pub file: PathBuf,
}

/// One that was taken.
pub struct Taken {
    /// From the request until it is told to be done.
    pub seconds: f64,
    /// Bytes of the plain snapshot.
    pub bytes: u64,
    /// Bytes that it takes.
    pub stored: u64,
}

/// Takes turns; the first of each is not counted.
pub async fn compare(bench: &Bench, section: &mut Section, subject: &Subject<'_>) -> Result<Saved> {
    let Subject { server, instance, .. } = subject;
    let (mut ours, mut theirs, mut grown) = (Vec::new(), Vec::new(), Vec::new());
    let (mut bytes, mut stored, mut proof) = (0, 0, 0.0);
    let file = subject.file("saved.db");
    for round in 0..=subject.rounds {
        let name = format!("taken-{round}");
        let mut by_hand = 0.0;
        // Whoever goes first may find a busier or a quieter disk.
        if round % 2 == 1 {
            by_hand = save(subject, &file).await?;
        }
        let (taken, growth) = growing(server, take(server, &instance.id, &name, LOOK)).await?;
        if round < subject.rounds {
            // With the proof that would follow: the other side has the machine to itself, too.
            delete(server, &instance.id, &name).await?;
        } else {
            proof = proved(server, &instance.id, &name).await?;
        }
        if round % 2 == 0 {
            by_hand = save(subject, &file).await?;
        }
        let saved_bytes = std::fs::metadata(&file)?.len();
        let (our_speed, their_speed) = (speed(taken.bytes, taken.seconds), speed(saved_bytes, by_hand));
        bench.say(&format!(
            "backup, snapshot, turn {round} of {}: {:.2} s, by hand {by_hand:.2} s; serve grew by {growth:.1} MiB",
            subject.rounds, taken.seconds
        ));
        if round > 0 {
            ours.push(our_speed);
            theirs.push(their_speed);
        }
        // Memory is counted from the very first on: what it keeps then is no less of it.
        grown.push(growth);
        (bytes, stored) = (taken.bytes, taken.stored);
        if round < subject.rounds {
            remove(&file)?;
        }
    }
    let size = format!("{:.2} GB", number(bytes) / 1e9);
    section.rows.push(
        Row::new(format!("snapshot of {size} to local storage, median of {}", subject.rounds), spread_megabytes(&ours))
            .against(format!("etcdctl snapshot save {}", spread_megabytes(&theirs)))
            .ratio_to_hold(median(&ours) / median(&theirs), Target::AtLeast(0.9)),
    );
    let most = extremes(&grown).1;
    section.rows.push(
        Row::new("what serve grows by while it runs, the most of all", format!("{most:.1} MiB")).figure_to_hold(
            most,
            "MiB",
            Target::AtMost(64.0),
        ),
    );
    section.rows.push(Row::new(
        "what is stored of it; its restore for proof, on one core",
        format!("{:.2} GB; {}", number(stored) / 1e9, seconds(proof)),
    ));
    section.sample("snapshot_bytes_per_second", &ours);
    section.sample("by_hand_snapshot_bytes_per_second", &theirs);
    section.sample("serve_grown_mib", &grown);
    section.sample("proof_seconds", &[proof]);
    Ok(Saved { snapshot: format!("taken-{}", subject.rounds), file })
}

async fn save(subject: &Subject<'_>, file: &Path) -> Result<f64> {
    let member = follower(subject.server, subject.instance).await?;
    subject.tools.save(member, &subject.files, file).await
}

/// Takes a snapshot through the API, and waits until it is there, with a pause between two looks.
pub async fn take(server: &Server, id: &str, name: &str, pause: Duration) -> Result<Taken> {
    let began = Instant::now();
    server.api.call("CreateEtcdSnapshot", &json!({ "InstanceId": id, "SnapshotName": name })).await?;
    let backup = until_every(pause, &format!("the snapshot {name}"), async || {
        let backup = one(server, id, name).await?;
        match backup["State"].as_str() {
            Some("done") => Ok(Some(backup)),
            Some("failed") => bail!("the snapshot {name} failed: {}", backup["FailedMsg"]),
            // A try that failed is no figure.
            _ if backup["FailedMsg"].as_str().is_some_and(|message| !message.is_empty()) => {
                bail!("a try of the snapshot {name} failed: {}", backup["FailedMsg"])
            }
            _ => Ok(None),
        }
    })
    .await?;
    let seconds = began.elapsed().as_secs_f64();
    let bytes = |field: &str| backup[field].as_u64().with_context(|| format!("the snapshot {name} without {field}"));
    Ok(Taken { seconds, bytes: bytes("Size")?, stored: bytes("StoredSize")? })
}

/// Waits until the snapshot was restored for proof, which follows by itself; answers the seconds of that.
pub async fn proved(server: &Server, id: &str, name: &str) -> Result<f64> {
    let backup = until(&format!("the proof of {name}"), async || {
        let backup = one(server, id, name).await?;
        match backup["ProofState"].as_str() {
            Some("passed") => Ok(Some(backup)),
            Some("failed") => bail!("{name} does not restore: {}", backup["ProofMsg"]),
            _ => Ok(None),
        }
    })
    .await?;
    Ok(number(backup["ProofMillis"].as_u64().unwrap_or_default()) / 1000.0)
}

/// Deletes a snapshot, and waits until its bytes are gone.
pub async fn delete(server: &Server, id: &str, name: &str) -> Result<()> {
    server.api.call("DeleteEtcdSnapshot", &json!({ "InstanceId": id, "SnapshotName": name })).await?;
    until(&format!("the end of {name}"), async || Ok(one(server, id, name).await?.is_null().then_some(()))).await
}

/// The backup of that name; null where there is none.
async fn one(server: &Server, id: &str, name: &str) -> Result<Value> {
    let wanted = json!({ "InstanceId": id, "Filters": [{ "Name": "name", "Values": [name] }] });
    let answer = server.api.call("DescribeEtcdBackups", &wanted).await?;
    Ok(answer["Backups"].get(0).cloned().unwrap_or_default())
}

/// What came of `work`, and by how many MiB `serve` held more during it than before.
async fn growing<T>(server: &Server, work: impl Future<Output = Result<T>>) -> Result<(T, f64)> {
    let before = resident(server.pid())?.all;
    let mut most = before;
    let mut work = std::pin::pin!(work);
    let mut look = tokio::time::interval(LOOK);
    loop {
        tokio::select! {
            done = &mut work => return Ok((done?, most - before)),
            _ = look.tick() => most = most.max(resident(server.pid())?.all),
        }
    }
}
