//! `cetcd snapshot download` and `verify`: reading backups where they are stored, on the host of the service, whether
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
    Store, records,
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

/// Opens what the service opens, finds the snapshot, and shows how far `work` is.
fn read(
    global: &Global,
    which: &Which,
    work: impl AsyncFnOnce(Arc<StoredBackups>, Snapshot, Progress) -> Result<(), cetcd_controller::backups::BackupError>,
) -> Result<()> {
    let dir = global.data_dir.clone().unwrap_or_else(|| DEFAULT_DATA_DIR.into());
    let (database, key) = (dir.join(STORE_FILE), dir.join(KEY_FILE));
    if !database.exists() || !key.exists() {
        let dir = dir.display();
        bail!("{dir} is not the data directory of a service; name it with --data-dir, on the service's host");
    }
    let id = InstanceId::parse(&which.id).with_context(|| format!("{:?} is no instance ID", which.id))?;
    let settings = serve::settings(which.config.as_deref(), Flags { data_dir: Some(dir.clone()), ..Flags::default() })?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let store: Arc<dyn Store> = Arc::new(SqliteStore::open(&database)?);
        let sealer = Sealer::new(&MasterKey::load_or_create(&key)?);
        let admin = Arc::new(LiveAdmin::new(cetcd_etcd::client::Options::default()));
        let backups = Arc::new(serve::backups(&settings, Path::new(&dir), &store, &sealer, admin)?);
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

fn bar(bytes: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("  {bytes} of {total_bytes}, {binary_bytes_per_sec}, {eta} to go");
    ProgressBar::new(bytes).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
