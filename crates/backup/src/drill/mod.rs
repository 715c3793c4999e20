//! Drills: a snapshot is restored into a throw-away member, which has to serve what the manifest says.

mod leftovers;
mod member;

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use cetcd_core::{EtcdVersion, InstanceId};
use cetcd_etcd::{Binaries, EtcdOperator, LiveAdmin, SnapshotCheck, SnapshotInfo, client};
use jiff::Timestamp;

pub use leftovers::remove_leftovers;

use crate::{
    BackupKey, Contents, DrillOutcome, DrillResult, Error, Manifest, Progress, Repository, Result, SnapshotId,
    pipeline::Pace,
    restore::{RestoreTool, RestoredMember},
};

/// The buckets that a restore takes over as they are. The others are about the cluster, which is a new one.
const TAKEN_OVER: [&str; 5] = ["key", "lease", "auth", "authUsers", "authRoles"];
/// How long a member of a small database may take until it serves.
const SERVE_AT_LEAST: Duration = Duration::from_mins(1);
/// What a member reads a second at its start at the very least, when it gets little of a busy machine.
const BYTES_A_SECOND: u64 = 5 << 20;

/// How a drill is made.
#[derive(Debug, Clone)]
pub struct DrillOptions {
    /// Where the throw-away member is; each drill has a folder of its own in it. Nothing else may be there.
    pub work_dir: PathBuf,
    /// The version that it is restored with: that of the instance.
    pub version: EtcdVersion,
    /// Its binaries.
    pub binaries: Binaries,
}

/// Why a drill ended early.
enum Ended {
    /// The snapshot does not restore: that is what the drill was made to find.
    Failed(String),
    /// It could not be made: the storage is away, the disk is full, there is no tool.
    NotMade(Error),
}

impl From<Error> for Ended {
    fn from(error: Error) -> Self {
        match error {
            // What the tool or the storage finds wrong with the snapshot.
            Error::Damaged { .. } | Error::Newer { .. } | Error::Tool { .. } => Self::Failed(error.to_string()),
            other => Self::NotMade(other),
        }
    }
}

impl Repository {
    /// Restores a snapshot into a throw-away member on loopback, reachable with a certificate made for it alone
    /// and on one core at the lowest priority; waits until it serves; compares what it has with the manifest; times
    /// it all; keeps the result beside the snapshot, and removes the member.
    ///
    /// A snapshot that does not restore is a result ([`DrillOutcome::Failed`]). An error means that no drill was
    /// made: [`Error::is_retryable`] tells whether it is worth another try. Make one at a time, and call
    /// [`remove_leftovers`] when the program starts.
    pub async fn drill(
        &self,
        key: &BackupKey,
        instance: &InstanceId,
        id: &SnapshotId,
        options: &DrillOptions,
    ) -> Result<DrillResult> {
        let mut result = DrillResult {
            started_at: self.now(),
            outcome: DrillOutcome::Passed,
            etcd_version: options.version.clone(),
            fetch_ms: 0,
            restore_ms: 0,
            serve_ms: 0,
            revision: 0,
            keys: 0,
            hash_kv: None,
        };
        let tool = RestoreTool::find(&options.version, &options.binaries).await?.gently();
        let place = leftovers::Place::make(&options.work_dir)?;
        let ended = self.try_out(key, instance, id, options, &tool, place.path(), &mut result).await;
        place.remove().await;
        match ended {
            Ok(()) => {}
            Err(Ended::Failed(reason)) => result.outcome = DrillOutcome::Failed(reason),
            Err(Ended::NotMade(error)) => return Err(error),
        }
        self.record_drill(key, instance, id, &result).await?;
        let (passed, ms) = (result.passed(), result.total_ms());
        match &result.outcome {
            DrillOutcome::Passed => tracing::info!(%instance, snapshot = %id, passed, ms, "a drill was made"),
            DrillOutcome::Failed(reason) => {
                tracing::error!(%instance, snapshot = %id, passed, %reason, "a snapshot does not restore");
            }
        }
        Ok(result)
    }

    #[allow(clippy::too_many_arguments, reason = "one step of the above")]
    async fn try_out(
        &self,
        key: &BackupKey,
        instance: &InstanceId,
        id: &SnapshotId,
        options: &DrillOptions,
        tool: &RestoreTool,
        place: &Path,
        result: &mut DrillResult,
    ) -> Result<(), Ended> {
        let plain = place.join("snapshot.db");
        let watch = Instant::now();
        let manifest = self.lay_out_at(Pace::Gentle, key, instance, id, &plain, &Progress::default()).await?;
        result.fetch_ms = ms(watch);

        let mut member = member::Drilled::prepare(place, instance, options, manifest.contents.bytes, self.now())?;
        let watch = Instant::now();
        let restored = RestoredMember {
            name: member.name(),
            peer_url: member.peer_url(),
            initial_cluster: format!("{}={}", member.name(), member.peer_url()),
            token: format!("drill-{id}"),
            data_dir: member.data_dir(),
        };
        tool.restore(&plain, &restored, None).await?;
        result.restore_ms = ms(watch);
        fs::remove_file(&plain).map_err(Error::io(format!("remove {}", plain.display())))?;
        let database = member.data_dir().join("member/snap/db");
        let found = tokio::task::spawn_blocking(move || cetcd_etcd::database_contents(&database))
            .await
            .map_err(std::io::Error::from)
            .flatten()
            .map_err(|error| Ended::Failed(format!("the restored database cannot be read: {error}")))?;
        compare("the restored database", &manifest, found, &TAKEN_OVER)?;

        let admin = LiveAdmin::new(client::Options { timeout: Duration::from_secs(10) });
        let limit = SERVE_AT_LEAST.max(Duration::from_secs(manifest.contents.bytes / BYTES_A_SECOND));
        let watch = Instant::now();
        member.serve(&admin, limit).await?;
        result.serve_ms = ms(watch);
        let asked = self.ask(&admin, &member, &manifest, result).await;
        let ended = member.ended();
        member.stop().await;
        match (asked, ended) {
            (Err(_), Some(reason)) => Err(Ended::Failed(reason)),
            (asked, _) => asked,
        }
    }

    /// Asks the member that serves.
    async fn ask(
        &self,
        admin: &LiveAdmin,
        member: &member::Drilled,
        manifest: &Manifest,
        result: &mut DrillResult,
    ) -> Result<(), Ended> {
        // On a busy machine it may only be late.
        let silent = |error: cetcd_etcd::Error| {
            if error.is_retryable() {
                Ended::NotMade(error.into())
            } else {
                Ended::Failed(format!("the restored member does not answer: {error}"))
            }
        };
        let expected = manifest.contents.revision;
        result.revision = admin.status(member.target()).await.map_err(silent)?.revision;
        // Leases that expire meanwhile take their keys with them, in new revisions.
        if result.revision < expected {
            return Err(Ended::Failed(format!("it serves revision {}, not {expected}", result.revision)));
        }
        match admin.hash_kv(member.target(), expected).await {
            Ok(hash) => result.hash_kv = Some(hash.hash),
            Err(error) => return Err(silent(error)),
        }
        let mut check = SnapshotCheck::until(expected);
        let mut stream = admin.snapshot(member.target(), None).await.map_err(silent)?;
        while let Some(part) = stream.next().await.map_err(silent)? {
            check.update(&part);
            // A page at a time is little; others get their turn.
            tokio::task::yield_now().await;
        }
        let served =
            check.finish().map_err(|reason| Ended::Failed(format!("what it serves is no database: {reason}")))?;
        result.keys = served.total_keys;
        if manifest.contents.compaction_pending {
            // The start went on with it: the history that it drops is not what it was.
            return Ok(());
        }
        compare("what the restored member serves", manifest, served, &TAKEN_OVER[..1])
    }

    fn now(&self) -> Timestamp {
        self.clock().now()
    }
}

/// Compares what a restored member has with what the snapshot had.
fn compare(what: &str, manifest: &Manifest, found: SnapshotInfo, buckets: &[&str]) -> Result<(), Ended> {
    let (expected, found) = (&manifest.contents, Contents::from(found));
    let failed = |reason: String| Err(Ended::Failed(format!("{what} is not what was stored: {reason}")));
    if found.revision < expected.revision {
        return failed(format!("its revision is {}, not {}", found.revision, expected.revision));
    }
    for bucket in buckets {
        let of = |contents: &Contents| contents.buckets.get(*bucket).copied().unwrap_or((0, 0));
        let ((entries, crc), (expected_entries, expected_crc)) = (of(&found), of(expected));
        if entries != expected_entries {
            return failed(format!("{entries} entries in {bucket}, not {expected_entries}"));
        }
        if crc != expected_crc {
            return failed(format!("the checksum of {bucket} is {crc:08x}, not {expected_crc:08x}"));
        }
    }
    Ok(())
}

fn ms(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}
