//! `cetcd snapshot download`, `verify` and `adopt`: reading backups where they are stored, on the host of the service, whether
//! it runs or not. They take its master key and the same settings as it does.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, Result, bail};
use cetcd_backup::Progress;
use cetcd_controller::backups::{Backups, StoredBackups};
use cetcd_core::{InstanceId, backup::Snapshot};
use cetcd_etcd::client::LiveAdmin;
use cetcd_store::{
    Compare, Store, Txn, records,
    seal::{MasterKey, Sealer},
    sqlite::SqliteStore,
};
use indicatif::{ProgressBar, ProgressStyle};

use super::{
    Global,
    client::DEFAULT_DATA_DIR,
    output::{say, tell},
};
use crate::{
    serve::{self, KEY_FILE, STORE_FILE},
    settings::Flags,
};

/// Which snapshot, and by which settings.
#[derive(Debug, clap::Args)]
pub struct Which {
    /// ID of the instance
    id: String,
    /// Name of the snapshot
    name: String,
    /// File with the settings of the service
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// Writes a snapshot to a file.
#[derive(Debug, clap::Args)]
pub struct Download {
    #[command(flatten)]
    which: Which,
    /// File to be written [default: NAME.db]
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,
}

/// Checks every bit of a snapshot.
#[derive(Debug, clap::Args)]
pub struct Verify {
    #[command(flatten)]
    which: Which,
}

/// Makes known what is stored of an instance, and of which the service has no record.
#[derive(Debug, clap::Args)]
pub struct Adopt {
    /// IDs of the instances: the names of the folders in the storage
    #[arg(required = true, value_name = "ID")]
    ids: Vec<String>,
    /// The bucket that they are in; else the service's own
    #[arg(long)]
    bucket: Option<String>,
    /// File with the settings of the service
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// Writes a snapshot to a file.
pub fn download(global: &Global, download: &Download) -> Result<()> {
    let name = download.which.name.replace('/', "-");
    let into = download.to.clone().unwrap_or_else(|| PathBuf::from(format!("{name}.db")));
    read(global, &download.which, async |backups, snapshot, progress| {
        backups.download(&snapshot, &into, &progress).await
    })?;
    say!("{}", into.display())?;
    Ok(())
}

/// Checks every bit of a snapshot.
pub fn verify(global: &Global, verify: &Verify) -> Result<()> {
    read(global, &verify.which, async |backups, snapshot, progress| backups.verify(&snapshot, &progress).await)?;
    tell!("{}: {} is whole", verify.which.id, verify.which.name);
    Ok(())
}

/// Records each snapshot that is stored whole, unless it is recorded. What it was encrypted with lies beside it, sealed
/// under the service's master key.
pub fn adopt(global: &Global, adopt: &Adopt) -> Result<()> {
    on_the_host(global, adopt.config.as_deref(), async |backups, store| {
        for text in &adopt.ids {
            let id = InstanceId::parse(text).with_context(|| format!("{text:?} is no instance ID"))?;
            let (mut new, mut known) = (0, 0);
            for snapshot in backups.stored(&id, adopt.bucket.as_deref()).await? {
                let key = records::snapshot_key(&id, &snapshot.name);
                let txn = Txn::new().when(Compare::absent(key)).then(records::put_snapshot(&snapshot));
                if store.txn(txn).await?.succeeded {
                    new += 1;
                    say!("{}", snapshot.name)?;
                } else {
                    known += 1;
                }
            }
            if new + known == 0 {
                bail!(
                    "nothing is stored of {id} that could be read; the log above says what was found, if anything was"
                );
            }
            tell!("{id}: {new} snapshots are known now, {known} were before");
        }
        Ok(())
    })
}

/// Opens what the service opens, whether it runs or not.
fn on_the_host(
    global: &Global,
    config: Option<&Path>,
    work: impl AsyncFnOnce(Arc<StoredBackups>, Arc<dyn Store>) -> Result<()>,
) -> Result<()> {
    let dir = global.data_dir.clone().unwrap_or_else(|| DEFAULT_DATA_DIR.into());
    let (database, key) = (dir.join(STORE_FILE), dir.join(KEY_FILE));
    if !database.exists() || !key.exists() {
        let dir = dir.display();
        bail!("{dir} is not the data directory of a service; name it with --data-dir, on the service's host");
    }
    let settings = serve::settings(config, Flags { data_dir: Some(dir.clone()), ..Flags::default() })?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let store: Arc<dyn Store> = Arc::new(SqliteStore::open(&database)?);
        let sealer = Sealer::new(&MasterKey::load_or_create(&key)?);
        let admin = Arc::new(LiveAdmin::new(cetcd_etcd::client::Options::default()));
        let versions = Arc::new(serve::versions(&settings)?);
        let backups = Arc::new(serve::backups(&settings, Path::new(&dir), &store, &sealer, admin, versions)?);
        work(backups, store).await
    })
}

/// Finds the snapshot, and shows how far `work` is.
fn read(
    global: &Global,
    which: &Which,
    work: impl AsyncFnOnce(Arc<StoredBackups>, Snapshot, Progress) -> Result<(), cetcd_controller::backups::BackupError>,
) -> Result<()> {
    let id = InstanceId::parse(&which.id).with_context(|| format!("{:?} is no instance ID", which.id))?;
    on_the_host(global, which.config.as_deref(), async |backups, store| {
        let snapshot = find(backups.as_ref(), store.as_ref(), &id, &which.name).await?;
        let progress = Progress::default();
        let bar = bar(snapshot.contents.as_ref().map_or(0, |contents| contents.bytes));
        let mut working = std::pin::pin!(work(Arc::clone(&backups), snapshot, progress.clone()));
        let done = loop {
            tokio::select! {
                done = &mut working => break done,
                () = tokio::time::sleep(Duration::from_millis(100)) => bar.set_position(progress.done()),
            }
        };
        bar.finish_and_clear();
        Ok(done?)
    })
}

/// By its record; where there is none, by what is stored.
async fn find(backups: &StoredBackups, store: &dyn Store, id: &InstanceId, name: &str) -> Result<Snapshot> {
    let recorded = records::get::<Snapshot>(store, &records::snapshot_key(id, name)).await?;
    if let Some(record) = recorded.filter(|record| record.value.contents.is_some()) {
        return Ok(record.value);
    }
    let stored = backups.stored(id, None).await?;
    let found = stored.into_iter().find(|snapshot| snapshot.name == name);
    found.with_context(|| format!("{id} has no snapshot {name}; `cetcd snapshot list {id}` shows those there are"))
}

/// Says how many bytes are through, how fast, and how long the rest will take.
pub fn bar(bytes: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("  {bytes} of {total_bytes}, {binary_bytes_per_sec}, {eta} to go");
    ProgressBar::new(bytes).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
