//! Backups in object storage, as [`cetcd_backup`] keeps them, each instance's under a key of its own.
//!
//! The key is drawn with the first backup and kept twice, sealed under the master key both times: in the store, and
//! beside the backups, so that neither a deletion of the instance nor the loss of the store makes them noise.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use bytes::Bytes;
use cetcd_backup::{
    About, BackupKey, DrillOptions, Location, Manifest, ObjectStore, Progress, Repository, RestoreTool, RestoredMember,
    SnapshotId, drill,
    restore::DEFAULT_BUMP,
    store::{self, Credentials},
};
use cetcd_core::{
    Clock, Entropy, EtcdVersion, InstanceId,
    backup::{Contents, Drill, Origin, Snapshot, SnapshotState},
};
use cetcd_etcd::{Binaries, operator::EtcdOperator, versions::Installer};
use cetcd_store::{Compare, Store, Txn, records, seal::Sealer};
use futures::TryStreamExt;
use jiff::SignedDuration;
use zeroize::Zeroizing;

use super::{BackupError, Backups, NewMember, Source, moving::Moving, pace};

/// What was left by tries is removed once it is older: none takes so long between its data and its manifest.
const ORPHANED_AFTER: SignedDuration = SignedDuration::from_hours(1);

/// The largest sealed key that is read, in bytes: it has 73.
const MOST_KEY_BYTES: usize = 1024;

/// The label of a manifest that says why the snapshot was taken.
const ORIGIN: &str = "origin";

/// What [`StoredBackups`] stands on.
pub struct Parts {
    /// Where keys are kept.
    pub store: Arc<dyn Store>,
    /// What they are sealed with.
    pub sealer: Sealer,
    /// Gives snapshots.
    pub admin: Arc<dyn EtcdOperator>,
    /// Brings the tools that restore.
    pub installer: Arc<dyn Installer>,
    /// Where snapshots and throw-away members are while they are restored: on the disk of the members' data. Nothing
    /// else may be there.
    pub work_dir: PathBuf,
    /// Where backups go that name no bucket.
    pub location: Location,
    /// What its service knows us by; for S3 what the environment knows where absent.
    pub credentials: Option<Credentials>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Draws keys: fit for secrets.
    pub entropy: Arc<dyn Entropy>,
}

/// Backups in object storage.
pub struct StoredBackups {
    parts: Parts,
    /// Those that were opened, by bucket.
    opened: Mutex<BTreeMap<Option<String>, Place>>,
    /// What moves now.
    moving: Moving,
}

/// One bucket.
#[derive(Clone)]
struct Place {
    objects: Arc<dyn ObjectStore>,
    repository: Repository,
}

impl From<cetcd_backup::Error> for BackupError {
    fn from(error: cetcd_backup::Error) -> Self {
        Self { damaged: matches!(error, cetcd_backup::Error::Damaged { .. }), reason: error.to_string() }
    }
}

impl From<cetcd_store::Error> for BackupError {
    fn from(error: cetcd_store::Error) -> Self {
        Self { reason: error.to_string(), damaged: false }
    }
}

impl StoredBackups {
    /// Backups at `parts.location`.
    pub fn new(parts: Parts) -> Self {
        Self { parts, opened: Mutex::default(), moving: Moving::default() }
    }

    /// How far the snapshot is that is being taken as this object, or brought for this restore.
    pub fn transferred(&self, what: &str) -> Option<Progress> {
        self.moving.progress(what)
    }

    /// Removes what restores and drills of a control plane that died left in the working folder. Blocks; to be called
    /// before the first restore, by the only one who works there.
    #[expect(clippy::disallowed_methods, reason = "the folder is this one's own; nothing of a member is in it")]
    pub fn clear_work_dir(&self) -> std::io::Result<()> {
        match std::fs::remove_dir_all(self.restores()) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        drill::remove_leftovers(&self.drills()).map(drop).map_err(std::io::Error::other)
    }

    /// Writes the plain snapshot, which `etcdutl` takes, to `into`. It is there only once every bit was checked.
    pub async fn download(&self, snapshot: &Snapshot, into: &Path, progress: &Progress) -> Result<(), BackupError> {
        let place = self.place(snapshot.bucket.as_deref())?;
        let key = self.known_key(&snapshot.instance, &place).await?;
        let id = object_id(snapshot)?;
        place.repository.download(&key, &snapshot.instance, &id, into, progress).await?;
        Ok(())
    }

    /// Reads the snapshot whole and checks every bit.
    pub async fn verify(&self, snapshot: &Snapshot, progress: &Progress) -> Result<(), BackupError> {
        let place = self.place(snapshot.bucket.as_deref())?;
        let key = self.known_key(&snapshot.instance, &place).await?;
        place.repository.verify(&key, &snapshot.instance, &object_id(snapshot)?, progress).await?;
        Ok(())
    }

    fn restores(&self) -> PathBuf {
        self.parts.work_dir.join("restores")
    }

    /// Where the plain snapshot of a restore is: only once all of it was opened.
    fn plain(&self, restore: &str) -> PathBuf {
        self.restores().join(format!("{restore}.db"))
    }

    fn drills(&self) -> PathBuf {
        self.parts.work_dir.join("drills")
    }

    async fn binaries(&self, version: &EtcdVersion) -> Result<Binaries, BackupError> {
        match self.parts.installer.binaries(version) {
            Some(binaries) => Ok(binaries),
            None => self.parts.installer.install(version).await.map_err(of_etcd),
        }
    }

    fn place(&self, bucket: Option<&str>) -> Result<Place, BackupError> {
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(place) = opened.get(&bucket.map(str::to_owned)) {
            return Ok(place.clone());
        }
        let own = &self.parts.location;
        let location = bucket.map_or_else(|| Ok(own.clone()), |bucket| own.in_bucket(bucket))?;
        let objects = store::open_with(&location, self.parts.credentials.as_ref())?;
        let (clock, entropy) = (Arc::clone(&self.parts.clock), Arc::clone(&self.parts.entropy));
        let place = Place { repository: Repository::new(Arc::clone(&objects), clock, entropy), objects };
        opened.insert(bucket.map(str::to_owned), place.clone());
        Ok(place)
    }

    /// The key of the instance's backups, from the store, else from beside them; `None` where it has none.
    async fn key(&self, id: &InstanceId, place: &Place) -> Result<Option<BackupKey>, BackupError> {
        let context = records::backup_key_key(id);
        let sealed = match self.parts.store.get(&context).await? {
            Some(entry) => entry.value.to_vec(),
            None => match read_small(place.objects.as_ref(), &key_object(id)).await? {
                Some(sealed) => {
                    tracing::warn!(instance = %id, "the key of its backups is not in the store; taken from beside them");
                    let txn = Txn::new().when(Compare::absent(context.clone())).put(context.clone(), sealed.clone());
                    self.parts.store.txn(txn).await?;
                    sealed
                }
                None => return Ok(None),
            },
        };
        let plain: Zeroizing<Vec<u8>> = self.parts.sealer.open(&context, &sealed)?;
        let damaged = || BackupError { reason: format!("the key of the backups of {id} is damaged"), damaged: true };
        BackupKey::from_bytes(&plain).map(Some).ok_or_else(damaged)
    }

    /// The same, for reading what is there.
    async fn known_key(&self, id: &InstanceId, place: &Place) -> Result<BackupKey, BackupError> {
        let unknown = || BackupError {
            reason: format!("what the backups of {id} were encrypted with is neither in the store nor beside them"),
            damaged: true,
        };
        self.key(id, place).await?.ok_or_else(unknown)
    }

    /// The same, drawn where there is none yet; and kept beside the backups before any is written with it.
    async fn key_to_write(&self, id: &InstanceId, place: &Place) -> Result<BackupKey, BackupError> {
        let context = records::backup_key_key(id);
        if self.key(id, place).await?.is_none() {
            let drawn = BackupKey::draw(self.parts.entropy.as_ref());
            let txn = Txn::new()
                .when(Compare::absent(context.clone()))
                .when(Compare::present(records::instance_key(id)))
                .then(records::put_secret(&self.parts.sealer, &context, drawn.as_bytes()));
            self.parts.store.txn(txn).await?;
        }
        // What is there now, whoever drew it.
        let key = self.known_key(id, place).await?;
        if read_small(place.objects.as_ref(), &key_object(id)).await?.is_none() {
            let sealed = self.parts.sealer.seal(&context, key.as_bytes());
            write_small(place.objects.as_ref(), &key_object(id), sealed).await?;
        }
        Ok(key)
    }
}

/// Where the sealed key is kept beside the backups.
fn key_object(id: &InstanceId) -> String {
    format!("{id}/key")
}

async fn read_small(objects: &dyn ObjectStore, name: &str) -> Result<Option<Vec<u8>>, BackupError> {
    let mut parts = match objects.read(name, 0).await {
        Ok(parts) => parts,
        Err(cetcd_backup::Error::NotFound { .. }) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let mut bytes = Vec::new();
    while let Some(part) = parts.try_next().await? {
        bytes.extend_from_slice(&part);
        if bytes.len() > MOST_KEY_BYTES {
            return Err(BackupError { reason: format!("{name} is larger than any key"), damaged: true });
        }
    }
    Ok(Some(bytes))
}

async fn write_small(objects: &dyn ObjectStore, name: &str, bytes: Vec<u8>) -> Result<(), BackupError> {
    let mut object = objects.create(name).await?;
    object.write(Bytes::from(bytes)).await?;
    Ok(object.finish().await?)
}

fn object_id(snapshot: &Snapshot) -> Result<SnapshotId, BackupError> {
    let bad = || BackupError { reason: format!("{:?} names no object", snapshot.object), damaged: true };
    SnapshotId::parse(&snapshot.object).ok_or_else(bad)
}

fn contents(manifest: &Manifest) -> Contents {
    Contents {
        version: manifest.about.etcd_version.clone(),
        cluster_id: manifest.about.cluster_id,
        revision: manifest.contents.revision,
        keys: manifest.contents.keys,
        bytes: manifest.contents.bytes,
        stored_bytes: manifest.stored_bytes,
        sha256: manifest.contents.sha256.clone(),
    }
}

#[async_trait]
impl Backups for StoredBackups {
    async fn take(&self, snapshot: &Snapshot, from: &Source) -> Result<Contents, BackupError> {
        let (id, object) = (&snapshot.instance, object_id(snapshot)?);
        let place = self.place(snapshot.bucket.as_deref())?;
        let key = self.key_to_write(id, &place).await?;
        match place.repository.manifest(&key, id, &object).await {
            // A try whose end nobody saw.
            Ok(manifest) => return Ok(contents(&manifest)),
            Err(cetcd_backup::Error::NoSnapshot { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        let origin = serde_json::to_string(&snapshot.origin).unwrap_or_default();
        let about = About {
            id: object,
            name: snapshot.name.clone(),
            instance: id.clone(),
            account: snapshot.account.clone(),
            region: snapshot.region.clone(),
            cluster_id: from.cluster_id,
            etcd_version: from.version.clone(),
            labels: BTreeMap::from([(ORIGIN.to_owned(), origin)]),
        };
        let progress = self.moving.begin(&snapshot.object);
        progress.expect(from.database_bytes);
        let (admin, origin) = (self.parts.admin.as_ref(), &snapshot.origin);
        let held_back = pace::to_begin_with(origin);
        let stream = admin.snapshot(&from.target, from.login.as_ref()).await.map_err(of_etcd)?.paced(held_back.clone());
        let manifest = tokio::select! {
            created = place.repository.create(&key, about, stream, &progress) => created?,
            never = pace::follow(admin, &from.target, origin, &held_back) => match never {},
        };
        Ok(contents(&manifest))
    }

    async fn stored(&self, instance: &InstanceId, bucket: Option<&str>) -> Result<Vec<Snapshot>, BackupError> {
        let place = self.place(bucket)?;
        let Some(key) = self.key(instance, &place).await? else { return Ok(Vec::new()) };
        let listing = place.repository.list(&key, instance).await?;
        for (id, error) in &listing.unusable {
            tracing::error!(%instance, snapshot = %id, %error, "a stored snapshot cannot be used");
        }
        let record = |stored: cetcd_backup::Stored| {
            let about = &stored.manifest.about;
            let origin = about.labels.get(ORIGIN).and_then(|text| serde_json::from_str(text).ok());
            Snapshot {
                name: about.name.clone(),
                instance: about.instance.clone(),
                account: about.account.clone(),
                region: about.region.clone(),
                origin: origin.unwrap_or(Origin::Manual),
                state: SnapshotState::Done,
                requested_at: stored.manifest.started_at,
                started_at: Some(stored.manifest.started_at),
                ended_at: Some(stored.manifest.finished_at),
                attempts: 1,
                message: String::new(),
                task: None,
                user: None,
                bucket: bucket.map(str::to_owned),
                object: about.id.to_string(),
                contents: Some(contents(&stored.manifest)),
                drill: stored.drill.as_ref().map(shown),
                drill_wanted: false,
                shared_with: BTreeSet::new(),
                deleting: false,
            }
        };
        Ok(listing.snapshots.into_iter().map(record).collect())
    }

    async fn remove(&self, snapshot: &Snapshot) -> Result<(), BackupError> {
        let place = self.place(snapshot.bucket.as_deref())?;
        Ok(place.repository.delete(&snapshot.instance, &object_id(snapshot)?).await?)
    }

    async fn collect_orphans(&self, instance: &InstanceId, bucket: Option<&str>) -> Result<(), BackupError> {
        let now = self.parts.clock.now();
        let before = now.saturating_sub(ORPHANED_AFTER).unwrap_or(now);
        self.place(bucket)?.repository.collect_orphans(instance, before).await?;
        Ok(())
    }

    async fn forget(&self, instance: &InstanceId) -> Result<(), BackupError> {
        let opened: Vec<Place> = {
            let opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
            opened.values().cloned().collect()
        };
        for place in opened {
            place.objects.delete(&key_object(instance)).await?;
        }
        Ok(())
    }

    async fn fetch(&self, snapshot: &Snapshot, restore: &str) -> Result<(), BackupError> {
        let place = self.place(snapshot.bucket.as_deref())?;
        let key = self.known_key(&snapshot.instance, &place).await?;
        let plain = self.plain(restore);
        // Half of it may be there, from a try that was cut off.
        remove_file(&plain).await?;
        make_private_dir(&self.restores()).await?;
        let unfinished = plain.with_extension("part");
        remove_file(&unfinished).await?;
        let (instance, id) = (&snapshot.instance, object_id(snapshot)?);
        let progress = self.moving.begin(restore);
        let laid_out = place.repository.lay_out(&key, instance, &id, &unfinished, &progress).await;
        if let Err(error) = laid_out {
            remove_file(&unfinished).await?;
            return Err(error.into());
        }
        // Its name says that it is all of what was sealed.
        tokio::fs::rename(&unfinished, &plain).await.map_err(|error| unwritable(&plain, &error))
    }

    async fn restore(
        &self,
        snapshot: &Snapshot,
        restore: &str,
        version: &EtcdVersion,
        members: &[NewMember],
    ) -> Result<(), BackupError> {
        let plain = self.plain(restore);
        if !tokio::fs::try_exists(&plain).await.unwrap_or(false) {
            self.fetch(snapshot, restore).await?;
        }
        let tool = RestoreTool::find(version, &self.binaries(version).await?).await?;
        let bump = tool.bumps().then_some(DEFAULT_BUMP);
        if bump.is_none() {
            tracing::warn!(%version, "this version cannot raise revisions: watchers from before do not notice a restore");
        }
        let members: Vec<RestoredMember> = members.iter().map(restored_member).collect();
        Ok(tool.restore_all(&plain, &members, bump).await?)
    }

    async fn drill(&self, snapshot: &Snapshot) -> Result<Drill, BackupError> {
        let place = self.place(snapshot.bucket.as_deref())?;
        let key = self.known_key(&snapshot.instance, &place).await?;
        let missing = || BackupError { reason: format!("nothing is known of {}", snapshot.name), damaged: true };
        let version = snapshot.contents.as_ref().ok_or_else(missing)?.version.clone();
        let binaries = self.binaries(&version).await?;
        let options = DrillOptions { work_dir: self.drills(), version, binaries };
        let result = place.repository.drill(&key, &snapshot.instance, &object_id(snapshot)?, &options).await?;
        Ok(shown(&result))
    }
}

fn unwritable(path: &Path, error: &std::io::Error) -> BackupError {
    BackupError { reason: format!("cannot write {}: {error}", path.display()), damaged: false }
}

async fn remove_file(path: &Path) -> Result<(), BackupError> {
    match tokio::fs::remove_file(path).await {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(unwritable(path, &error)),
        _ => Ok(()),
    }
}

async fn make_private_dir(path: &Path) -> Result<(), BackupError> {
    let mut builder = tokio::fs::DirBuilder::new();
    builder.recursive(true).mode(0o700).create(path).await.map_err(|error| unwritable(path, &error))
}

fn restored_member(member: &NewMember) -> RestoredMember {
    RestoredMember {
        name: member.name.clone(),
        peer_url: member.peer_url.clone(),
        initial_cluster: member.initial_cluster.clone(),
        token: member.token.clone(),
        data_dir: member.data_dir.clone(),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it is what map_err gives")]
fn of_etcd(error: cetcd_etcd::Error) -> BackupError {
    BackupError { reason: error.to_string(), damaged: false }
}

/// A drill as it is recorded.
fn shown(result: &cetcd_backup::DrillResult) -> Drill {
    let message = match &result.outcome {
        cetcd_backup::DrillOutcome::Passed => String::new(),
        cetcd_backup::DrillOutcome::Failed(reason) => reason.clone(),
    };
    let millis = i64::try_from(result.total_ms()).unwrap_or(i64::MAX);
    let at = result.started_at.saturating_add(SignedDuration::from_millis(millis)).unwrap_or(result.started_at);
    Drill { at, passed: result.passed(), message, millis: result.total_ms() }
}
