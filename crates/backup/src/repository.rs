//! The snapshots that are stored.

use std::{
    collections::BTreeSet,
    fs::{File, OpenOptions},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use bytes::Bytes;
use cetcd_core::{Clock, Entropy, InstanceId};
use cetcd_etcd::SnapshotStream;
use futures::{StreamExt, TryStreamExt};
use jiff::Timestamp;
use tempfile::NamedTempFile;

use crate::{
    About, BackupKey, Contents, DrillResult, Error, Manifest, ObjectStore, Progress, Result, SnapshotId,
    key::Purpose,
    manifest::{self, FORMAT},
    pipeline::{self, OTHERWISE, Pace, Subject, TakenIn, ends_as},
};

/// The largest manifest or drill result that is read, in bytes.
const MAX_SMALL: u64 = 1 << 20;
/// How many manifests are read at a time.
const AT_ONCE: usize = 8;

/// Snapshots in an object store.
#[derive(Clone)]
pub struct Repository {
    store: Arc<dyn ObjectStore>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

/// A stored snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// What it is.
    pub manifest: Manifest,
    /// What the last drill with it showed, where there was one.
    pub drill: Option<DrillResult>,
}

/// The snapshots of an instance.
#[derive(Debug, Default)]
pub struct Listing {
    /// Those whose manifests are in order, the newest first.
    pub snapshots: Vec<Stored>,
    /// Those whose manifests are not: [`Error::Damaged`] or [`Error::Newer`].
    pub unusable: Vec<(SnapshotId, Error)>,
}

#[derive(Debug, Clone, Copy)]
enum Part {
    Data,
    Manifest,
    Drill,
}

impl Part {
    fn folder(self, instance: &InstanceId) -> String {
        let part = match self {
            Self::Data => "data",
            Self::Manifest => "manifests",
            Self::Drill => "drills",
        };
        format!("{instance}/{part}/")
    }

    fn of(self, instance: &InstanceId, id: &SnapshotId) -> String {
        format!("{}{id}", self.folder(instance))
    }
}

impl Repository {
    /// The snapshots in `store`. `entropy` has to be fit for secrets.
    pub fn new(store: Arc<dyn ObjectStore>, clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Self {
        Self { store, clock, entropy }
    }

    pub(crate) fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    /// Streams a snapshot into the store. It is listed once this has answered, and never before it is whole and
    /// was checked: its own SHA-256, its size, and the pages of its database, which also tell what it holds.
    ///
    /// [`Error::Exists`] where the ID is taken. After any other error, and after a crash, nothing is listed; what
    /// is left over goes with [`collect_orphans`](Self::collect_orphans), and the same ID may be used again.
    /// Two calls at a time with one ID are not told apart: let the store of metadata see to it.
    pub async fn create(
        &self,
        key: &BackupKey,
        about: About,
        source: SnapshotStream,
        progress: &Progress,
    ) -> Result<Manifest> {
        let (instance, id) = (&about.instance, &about.id);
        let started_at = self.clock.now();
        match self.store.stat(&Part::Manifest.of(instance, id)).await {
            Ok(_) => return Err(Error::Exists { instance: instance.clone(), id: id.clone() }),
            Err(Error::NotFound { .. }) => {}
            Err(error) => return Err(error),
        }
        let subject = Subject { key: key.clone(), instance: instance.clone(), id: id.clone() };
        let mut object = self.store.create(&Part::Data.of(instance, id)).await?;
        let taken = pipeline::take_in(&subject, source, object.as_mut(), Arc::clone(&self.entropy), progress).await;
        let TakenIn { info, compressed_bytes, stored_bytes } = match taken {
            Ok(taken) => {
                object.finish().await?;
                taken
            }
            Err(error) => {
                object.abort().await;
                return Err(error);
            }
        };
        let manifest = Manifest {
            format: FORMAT,
            contents: Contents::from(info),
            compressed_bytes,
            stored_bytes,
            started_at,
            finished_at: self.clock.now(),
            about,
        };
        let bytes = manifest::seal(key, Purpose::Manifest, &subject.instance, &subject.id, &manifest);
        self.put(&Part::Manifest.of(&subject.instance, &subject.id), bytes).await?;
        tracing::info!(
            instance = %subject.instance, snapshot = %subject.id, revision = manifest.contents.revision,
            bytes = manifest.contents.bytes, stored_bytes, "a snapshot is stored"
        );
        Ok(manifest)
    }

    /// The stored snapshots of an instance, by their manifests alone.
    pub async fn list(&self, key: &BackupKey, instance: &InstanceId) -> Result<Listing> {
        let drilled: BTreeSet<SnapshotId> = self.ids(Part::Drill, instance).await?.map(|(id, _)| id).collect();
        let read = self.ids(Part::Manifest, instance).await?.map(|(id, _)| {
            let drilled = drilled.contains(&id);
            async move {
                let stored = async {
                    let manifest = self.manifest(key, instance, &id).await?;
                    let drill = if drilled { self.drill_result(key, instance, &id).await? } else { None };
                    Ok(Stored { manifest, drill })
                };
                (stored.await, id)
            }
        });
        let mut listing = Listing::default();
        let mut read = futures::stream::iter(read).buffer_unordered(AT_ONCE);
        while let Some((stored, id)) = read.next().await {
            match stored {
                Ok(stored) => listing.snapshots.push(stored),
                // Deleted meanwhile.
                Err(Error::NoSnapshot { .. }) => {}
                Err(error @ (Error::Damaged { .. } | Error::Newer { .. })) => listing.unusable.push((id, error)),
                Err(error) => return Err(error),
            }
        }
        let newest_first = |stored: &Stored| (stored.manifest.finished_at, stored.manifest.about.id.clone());
        listing.snapshots.sort_by_key(|stored| std::cmp::Reverse(newest_first(stored)));
        listing.unusable.sort_by(|(a, _), (b, _)| a.cmp(b));
        Ok(listing)
    }

    /// What a stored snapshot is.
    pub async fn manifest(&self, key: &BackupKey, instance: &InstanceId, id: &SnapshotId) -> Result<Manifest> {
        let bytes = match self.get(&Part::Manifest.of(instance, id)).await {
            Err(Error::NotFound { .. }) => {
                return Err(Error::NoSnapshot { instance: instance.clone(), id: id.clone() });
            }
            other => other?,
        };
        manifest::open(key, Purpose::Manifest, instance, id, &bytes)
    }

    /// What the last drill with a snapshot showed; `None` where there was none.
    pub async fn drill_result(
        &self,
        key: &BackupKey,
        instance: &InstanceId,
        id: &SnapshotId,
    ) -> Result<Option<DrillResult>> {
        match self.get(&Part::Drill.of(instance, id)).await {
            Ok(bytes) => manifest::open(key, Purpose::Drill, instance, id, &bytes).map(Some),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Keeps what a drill showed, in the place of the last one's.
    pub async fn record_drill(
        &self,
        key: &BackupKey,
        instance: &InstanceId,
        id: &SnapshotId,
        result: &DrillResult,
    ) -> Result<()> {
        let bytes = manifest::seal(key, Purpose::Drill, instance, id, result);
        self.put(&Part::Drill.of(instance, id), bytes).await
    }

    /// Reads all of a stored snapshot and checks everything: the seals of manifest and data, etcd's own hash,
    /// the pages of the database, and that they hold what the manifest says. [`Error::Damaged`] otherwise.
    pub async fn verify(
        &self,
        key: &BackupKey,
        instance: &InstanceId,
        id: &SnapshotId,
        progress: &Progress,
    ) -> Result<Manifest> {
        self.bring_out(key, instance, id, None, Pace::BesideClients, progress).await
    }

    /// Writes the plain snapshot, which `etcdutl snapshot restore` takes, to `into`. The file is 0600, and is
    /// there only once everything was checked as [`verify`](Self::verify) does.
    pub async fn download(
        &self,
        key: &BackupKey,
        instance: &InstanceId,
        id: &SnapshotId,
        into: &Path,
        progress: &Progress,
    ) -> Result<Manifest> {
        let folder = match into.parent() {
            Some(folder) if folder != Path::new("") => folder.to_owned(),
            _ => PathBuf::from("."),
        };
        let doing = format!("write {}", into.display());
        // Made 0600; goes with its owner until it is in its place.
        let file = NamedTempFile::new_in(&folder).map_err(Error::io(doing.clone()))?;
        let writer = file.as_file().try_clone().map_err(Error::io(doing.clone()))?;
        let manifest = self.bring_out(key, instance, id, Some(writer), Pace::BesideClients, progress).await?;
        let into = into.to_owned();
        tokio::task::spawn_blocking(move || {
            file.as_file().sync_all()?;
            file.persist(&into).map_err(|error| error.error)?;
            File::open(folder)?.sync_all()
        })
        .await
        .map_err(std::io::Error::from)
        .flatten()
        .map_err(Error::io(doing))?;
        Ok(manifest)
    }

    /// The same for a file that is thrown away after its use, and for someone who waits: an error or a crash may
    /// leave any of it, it must not be used before this has answered, and it may not be on the disk even then. What
    /// was counted and summed up before it was sealed is not looked at again: the seals say that this is what was
    /// sealed, zstd's checksum that it is what was compressed, and it ends in the hash that the manifest names. `into`
    /// is not there yet.
    pub async fn lay_out(
        &self,
        key: &BackupKey,
        instance: &InstanceId,
        id: &SnapshotId,
        into: &Path,
        progress: &Progress,
    ) -> Result<Manifest> {
        let manifest = self.lay_out_at(Pace::Full, key, instance, id, into, progress).await?;
        let same = File::open(into).and_then(|plain| ends_as(&plain, &manifest.contents));
        if same.map_err(Error::io(format!("read {}", into.display())))? {
            return Ok(manifest);
        }
        Err(Subject { key: key.clone(), instance: instance.clone(), id: id.clone() }.damaged(OTHERWISE))
    }

    pub(crate) async fn lay_out_at(
        &self,
        pace: Pace,
        key: &BackupKey,
        instance: &InstanceId,
        id: &SnapshotId,
        into: &Path,
        progress: &Progress,
    ) -> Result<Manifest> {
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(into);
        let file = file.map_err(Error::io(format!("write {}", into.display())))?;
        self.bring_out(key, instance, id, Some(file), pace, progress).await
    }

    async fn bring_out(
        &self,
        key: &BackupKey,
        instance: &InstanceId,
        id: &SnapshotId,
        file: Option<File>,
        pace: Pace,
        progress: &Progress,
    ) -> Result<Manifest> {
        let manifest = self.manifest(key, instance, id).await?;
        let subject = Subject { key: key.clone(), instance: instance.clone(), id: id.clone() };
        progress.expect(manifest.contents.bytes);
        let name = Part::Data.of(instance, id);
        let missing = |error| match error {
            Error::NotFound { .. } => subject.damaged("its data are gone"),
            other => other,
        };
        let data = self.store.read(&name, 0).await.map_err(missing)?;
        pipeline::bring_out(&subject, manifest.contents.clone(), data, file, pace, progress).await?;
        Ok(manifest)
    }

    /// Removes a snapshot: from then on it is not listed, even if this breaks off. Needs no key, so that what
    /// nobody can read can be removed too. One that is not there is removed already.
    pub async fn delete(&self, instance: &InstanceId, id: &SnapshotId) -> Result<()> {
        for part in [Part::Manifest, Part::Drill, Part::Data] {
            self.store.delete(&part.of(instance, id)).await?;
        }
        Ok(())
    }

    /// Removes what belongs to no manifest and was written before `before`: what a crash left of a snapshot that
    /// was being taken or deleted. Leave an hour, which no upload takes between its data and its manifest.
    /// Answers the IDs of what was removed.
    pub async fn collect_orphans(&self, instance: &InstanceId, before: Timestamp) -> Result<Vec<SnapshotId>> {
        let mut orphans = BTreeSet::new();
        for part in [Part::Data, Part::Drill] {
            // Looked at before the manifests: what is listed later was finished in between.
            let old = self.ids(part, instance).await?.filter(|(_, written_at)| *written_at < before);
            orphans.extend(old.map(|(id, _)| id));
        }
        for (id, _) in self.ids(Part::Manifest, instance).await? {
            orphans.remove(&id);
        }
        for id in &orphans {
            for part in [Part::Drill, Part::Data] {
                self.store.delete(&part.of(instance, id)).await?;
            }
            tracing::info!(%instance, snapshot = %id, "removed what was left of an unfinished snapshot");
        }
        self.store.sweep(&format!("{instance}/"), before).await?;
        Ok(orphans.into_iter().collect())
    }

    /// The IDs of which there is a part, with when it was written.
    async fn ids(
        &self,
        part: Part,
        instance: &InstanceId,
    ) -> Result<impl Iterator<Item = (SnapshotId, Timestamp)> + use<>> {
        let folder = part.folder(instance);
        let objects = self.store.list(&folder).await?;
        Ok(objects.into_iter().filter_map(move |object| {
            Some((SnapshotId::parse(object.name.strip_prefix(&folder)?)?, object.modified_at))
        }))
    }

    async fn put(&self, name: &str, bytes: Vec<u8>) -> Result<()> {
        let mut object = self.store.create(name).await?;
        match object.write(Bytes::from(bytes)).await {
            Ok(()) => object.finish().await,
            Err(error) => {
                object.abort().await;
                Err(error)
            }
        }
    }

    async fn get(&self, name: &str) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let mut parts = self.store.read(name, 0).await?;
        while let Some(part) = parts.try_next().await? {
            bytes.extend_from_slice(&part);
            if bytes.len() as u64 > MAX_SMALL {
                // Whoever reads it finds that it is not what was written.
                break;
            }
        }
        Ok(bytes)
    }
}
