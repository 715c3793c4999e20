//! `cetcd serve`: opens what is on disk, puts the parts together, and runs them until told to stop.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};

use anyhow::{Context, Result, bail};
use cetcd_alert::{AlertMetrics, Deliveries, Https, Instances};
use cetcd_backup::{Location, store};
use cetcd_controller::{
    Controller, Metrics, PkiIssuer, Policies, TaskMetrics, World,
    backups::{BackupMetrics, Parts, Slots, StoredBackups},
    prometheus::PrometheusWorld,
};
use cetcd_core::{Clock, clock::SystemClock, instance::Resources, network::Networks};
use cetcd_etcd::{
    client::LiveAdmin,
    versions::{Installer, Versions},
};
use cetcd_gateway::{
    Accounts, AuditOptions, Credentials, EventStreams, Gateway,
    accounts::keys,
    service::{Dependencies, Limits, LiveClusters, Service, StoredTargets},
};
use cetcd_monitor::{LiveMembers, Monitor};
use cetcd_runtime::{
    CommandLine,
    process::{self, AddressMode, ProcessRuntime},
};
use cetcd_store::{Store, seal::MasterKey, seal::Sealer, sqlite::SqliteStore, view::View};
use prometheus_client::registry::Registry;
use secrecy::ExposeSecret;
use tokio::net::TcpListener;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    launcher::EtcdLauncher,
    live::Live,
    metrics,
    settings::{self, KeyAccess, RecoveryPolicy, Settings},
    system::{SystemEntropy, private_dir, write_private},
    tls, watching,
};

/// The store's file within the data directory.
pub const STORE_FILE: &str = "cetcd.db";
/// The master key's file within the data directory.
pub const KEY_FILE: &str = "master.key";
/// The root account's first key pair, within the data directory.
pub const CREDENTIALS_FILE: &str = "credentials.env";
/// The URL that the API is served at, within the data directory: the CLI finds it there.
pub const ADDRESS_FILE: &str = "api.url";

/// How long readiness waits for the first look at every instance.
const FIRST_LOOK: Duration = Duration::from_secs(10);

fn issuer(settings: &Settings) -> PkiIssuer {
    let certificates = &settings.certificates;
    PkiIssuer { authority_life: certificates.authority_life(), leaf_life: certificates.leaf_life() }
}

/// What all parts stand on.
struct Base {
    settings: Settings,
    dir: PathBuf,
    clock: Arc<dyn Clock>,
    entropy: Arc<SystemEntropy>,
    sealer: Sealer,
    store: Arc<dyn Store>,
    view: Arc<View>,
    versions: Arc<Versions>,
    /// The one that is told the passwords.
    admin: Arc<LiveAdmin>,
    networks: Arc<Networks>,
}

/// Runs the service until `stop`.
pub async fn serve(settings: Settings, stop: CancellationToken) -> Result<()> {
    let dir = prepare(&settings.data_dir)?;
    let _lock = lock(&dir)?;
    let (base, follow_view) = open(settings, dir).await?;
    let accounts = open_accounts(&base, &stop).await?;
    let mut registry = Registry::default();

    let (admin, versions) = (Arc::clone(&base.admin), Arc::clone(&base.versions));
    let backups = Arc::new(backups(&base.settings, &base.dir, &base.store, &base.sealer, admin, versions)?);
    let cleared = Arc::clone(&backups);
    tokio::task::spawn_blocking(move || cleared.clear_work_dir())
        .await?
        .context("cannot remove what restores left in the data directory")?;
    let world = world(&base, Arc::clone(&backups), &mut registry).await?;
    let controller_metrics = Metrics::default();
    controller_metrics.register(&mut registry);
    let live = Arc::new(Live::members(
        Arc::clone(&base.store),
        base.sealer.clone(),
        Arc::clone(&base.admin),
        Arc::clone(&base.view),
    ));
    let members: Arc<dyn LiveMembers> = Arc::clone(&live) as _;
    let monitor = monitor(&base, Arc::clone(&members), &mut registry);
    let alert_metrics = AlertMetrics::default();
    alert_metrics.register(&mut registry);
    let streams = EventStreams::new(Arc::clone(&base.view), stop.clone());
    let service = service(&base, (members, live), backups, &monitor, &streams)?;
    let registry = Arc::new(Mutex::new(registry));
    let gateway = Gateway::new(gateway_options(&base.settings, &base.dir), service, accounts, registry)?;
    gateway.serve_streams(streams);

    let listen = base.settings.listen;
    let listener = TcpListener::bind(listen)
        .await
        .with_context(|| format!("cannot listen on {listen}; choose another address with --listen"))?;
    let address = listener.local_addr()?;
    let tls = tls::server_config(&base.settings, &base.dir, address, base.clock.now())?;
    let url = announce(&base.dir, address, tls.is_some())?;
    let prometheus = prometheus(&base, &world, address, tls.is_some()).await?;
    gateway.tell_targets_by(Arc::new(StoredTargets {
        store: Arc::clone(&base.store),
        sealer: base.sealer.clone(),
        view: Arc::clone(&base.view),
    }));
    let alerts = alerts(&base, &monitor, alert_metrics, url);

    let background = TaskTracker::new();
    background.spawn(monitor.run(stop.clone()));
    background.spawn(guarded(follow_view, stop.clone()));
    background.spawn(prometheus.run(stop.clone()));
    let controller = Controller::new(world, base.view, controller_metrics, cetcd_controller::Options::default());
    let (looked, first_look) = tokio::sync::oneshot::channel();
    background.spawn(controller.run(stop.clone(), looked));
    let looked_at_all = CancellationToken::new();
    let (begin_alerts, stopped) = (looked_at_all.clone(), stop.clone());
    background.spawn(async move {
        // What was recorded before the start may be long over.
        tokio::select! {
            () = stopped.cancelled() => {}
            () = begin_alerts.cancelled() => alerts.run(stopped.clone()).await,
        }
    });
    let ready = async {
        // Ready means that what is told of the instances is true; one that cannot be looked at must not keep
        // the others from being served.
        let _ = tokio::time::timeout(FIRST_LOOK, first_look).await;
        looked_at_all.cancel();
        gateway.set_ready(true);
    };
    let (served, ()) = tokio::join!(gateway.serve(listener, tls, stop.clone()), ready);
    served?;
    stop.cancel();
    background.close();
    background.wait().await;
    tracing::info!("stopped; members and endpoints go on");
    Ok(())
}

/// Opens what is on disk. Answers what keeps the view up to date, too.
async fn open(settings: Settings, dir: PathBuf) -> Result<(Base, impl Future<Output = ()> + use<>)> {
    let key = MasterKey::load_or_create(dir.join(KEY_FILE))?;
    let store: Arc<dyn Store> = Arc::new(SqliteStore::open(dir.join(STORE_FILE))?);
    let (view, follow_view) = View::follow(Arc::clone(&store)).await?;
    let base = Base {
        versions: Arc::new(versions(&settings)?),
        networks: Arc::new(settings.networks.clone()),
        settings,
        dir,
        clock: Arc::new(SystemClock),
        entropy: Arc::new(SystemEntropy),
        sealer: Sealer::new(&key),
        store,
        view,
        admin: Arc::new(LiveAdmin::new(cetcd_etcd::client::Options::default())),
    };
    Ok((base, follow_view))
}

/// What the controller acts on.
async fn world(base: &Base, backups: Arc<StoredBackups>, registry: &mut Registry) -> Result<World> {
    let settings = &base.settings;
    let task_metrics = TaskMetrics::default();
    task_metrics.register(registry);
    let backup_metrics = BackupMetrics::default();
    backup_metrics.register(registry);
    Ok(World {
        store: Arc::clone(&base.store),
        sealer: base.sealer.clone(),
        runtime: ProcessRuntime::open(runtime_options(settings, &base.dir, &base.versions)?).await?,
        admin: Arc::clone(&base.admin) as _,
        installer: Arc::clone(&base.versions) as _,
        issuer: Arc::new(issuer(settings)),
        clock: Arc::clone(&base.clock),
        entropy: Arc::clone(&base.entropy) as _,
        backups,
        slots: Arc::new(Slots::default()),
        backup_metrics,
        task_metrics,
        networks: Arc::clone(&base.networks),
        policies: Policies {
            automatic_recovery: settings.recovery.policy == RecoveryPolicy::Automatic,
            window: settings.maintenance.window()?,
        },
    })
}

/// What watches members, and shows in the metrics what it sees.
fn monitor(base: &Base, members: Arc<dyn LiveMembers>, registry: &mut Registry) -> Arc<Monitor> {
    let every = Duration::from_secs(base.settings.monitor.interval_seconds);
    let watching = cetcd_monitor::Options { every, ..cetcd_monitor::Options::default() };
    let monitor = Monitor::new(Arc::clone(&base.view), members, Arc::clone(&base.clock), watching);
    registry.register_collector(Box::new(metrics::Instances {
        view: Arc::clone(&base.view),
        monitor: Arc::clone(&monitor),
        clock: Arc::clone(&base.clock),
    }));
    let endpoint_dir = process::endpoint_dir(&base.dir.join("runtime"));
    registry.register_collector(Box::new(metrics::Endpoint { dir: endpoint_dir }));
    monitor
}

/// What answers requests.
fn service(
    base: &Base,
    (members, clusters): (Arc<dyn LiveMembers>, Arc<dyn LiveClusters>),
    backups: Arc<StoredBackups>,
    monitor: &Arc<Monitor>,
    streams: &Arc<EventStreams>,
) -> Result<Service> {
    let settings = &base.settings;
    Ok(Service::new(Dependencies {
        store: Arc::clone(&base.store),
        view: Arc::clone(&base.view),
        sealer: base.sealer.clone(),
        entropy: Arc::clone(&base.entropy) as _,
        networks: Arc::clone(&base.networks),
        regions: settings.regions.clone(),
        versions: Arc::new(Live::versions(Arc::clone(&base.versions))),
        members,
        clusters,
        transfers: Arc::new(Live::transfers(backups)),
        keys_readable: settings.console.keys == KeyAccess::Read,
        audit: gateway_options(settings, &base.dir).audit,
        monitor: Arc::clone(monitor),
        streams: Arc::clone(streams),
        limits: Limits {
            instances_per_region: settings.limits.instances_per_region,
            public_ports: settings.internet.range()?.map_or(0, |range| usize::from(range.last - range.first) + 1),
        },
        overlap_seconds: settings.certificates.overlap_seconds.into(),
        prometheus: watching::catalogue(settings)?,
    }))
}

/// What runs Prometheus instances, which find this service at `address`.
async fn prometheus(base: &Base, world: &World, address: SocketAddr, tls: bool) -> Result<PrometheusWorld> {
    let session = Some(own_command(&["exec-session", "--"])?);
    Ok(PrometheusWorld {
        store: Arc::clone(&base.store),
        view: Arc::clone(&base.view),
        sealer: base.sealer.clone(),
        runtime: Arc::clone(&world.runtime),
        issuer: Arc::clone(&world.issuer),
        clock: Arc::clone(&base.clock),
        entropy: Arc::clone(&world.entropy),
        watchers: watching::watchers(&base.settings, &base.dir, address, tls, session).await?,
    })
}

/// What tells the webhooks, in whose messages the service is at `url`.
fn alerts(base: &Base, monitor: &Arc<Monitor>, metrics: AlertMetrics, url: String) -> Deliveries {
    let alerts = &base.settings.alerts;
    let parts = cetcd_alert::Parts {
        source: Arc::new(Instances::new(Arc::clone(&base.view), Arc::clone(monitor), alerts.after())),
        store: Arc::clone(&base.store),
        post: Arc::new(Https::new(&alerts.webhooks, alerts.bearer_token.clone())),
        clock: Arc::clone(&base.clock),
        metrics,
        url,
    };
    Deliveries::new(parts, alerts.webhooks.clone(), cetcd_alert::Options::default())
}

async fn guarded(work: impl Future<Output = ()>, stop: CancellationToken) {
    tokio::select! {
        () = stop.cancelled() => {}
        () = work => {
            tracing::error!("the store was closed under us; stopping");
            stop.cancel();
        }
    }
}

fn prepare(dir: &Path) -> Result<PathBuf> {
    private_dir(dir).with_context(|| format!("cannot make the data directory {}", dir.display()))?;
    std::fs::canonicalize(dir).with_context(|| format!("cannot open the data directory {}", dir.display()))
}

/// Two servers over one data directory would both act on its clusters: the second is refused.
fn lock(dir: &Path) -> Result<std::fs::File> {
    let path = dir.join("serve.lock");
    let file = std::fs::OpenOptions::new().create(true).truncate(false).write(true).open(&path)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => {
            bail!("another `cetcd serve` uses {}; stop it first, or choose another --data-dir", dir.display())
        }
        Err(std::fs::TryLockError::Error(error)) => {
            Err(error).with_context(|| format!("cannot lock {}", path.display()))
        }
    }
}

/// Makes the root account at the first start and tells its key pair in a file. A crash between the two is
/// made good at the next start: the marker says that the file is still owed.
async fn open_accounts(base: &Base, stop: &CancellationToken) -> Result<Arc<Accounts>> {
    let Base { dir, store, sealer, .. } = base;
    let owed = dir.join("credentials.owed");
    if keys::list_keys(store.as_ref()).await?.is_empty() {
        write_private(&owed, b"")?;
        keys::ensure_root(store.as_ref(), sealer, base.clock.now()).await?;
    }
    let accounts = Accounts::open(Arc::clone(store), sealer.clone(), stop.clone()).await?;
    if owed.exists() {
        let all = keys::list_keys(store.as_ref()).await?;
        let first = all.iter().find_map(|key| accounts.find(&key.secret_id));
        let pair = first.context("the root account has no key pair; make one with `cetcd key create`")?;
        let text = format!(
            "TENCENTCLOUD_SECRET_ID={}\nTENCENTCLOUD_SECRET_KEY={}\nTENCENTCLOUD_REGION={}\n",
            pair.secret_id,
            pair.secret_key.expose_secret(),
            preferred_region(&base.settings.regions)
        );
        let path = dir.join(CREDENTIALS_FILE);
        write_private(&path, text.as_bytes())?;
        std::fs::remove_file(&owed)?;
        tracing::info!(file = %path.display(), "made the root account's key pair");
    }
    Ok(accounts)
}

/// The document's own examples use ap-guangzhou.
fn preferred_region(regions: &[String]) -> &str {
    let known = regions.iter().find(|region| *region == "ap-guangzhou");
    known.or(regions.first()).map_or("ap-guangzhou", String::as_str)
}

/// Backups as the settings say: in the data directory unless they name another place.
pub fn backups(
    settings: &Settings,
    dir: &Path,
    store: &Arc<dyn Store>,
    sealer: &Sealer,
    admin: Arc<LiveAdmin>,
    versions: Arc<Versions>,
) -> Result<StoredBackups> {
    let location = match &settings.backup.url {
        Some(url) => Location::parse(url).context("`backup.url`")?,
        None => Location::in_data_dir(dir),
    };
    let keys = settings.backup.access_key_id.as_ref().zip(settings.backup.secret_access_key.as_ref());
    let credentials = keys.map(|(id, secret)| store::Credentials {
        access_key_id: id.clone(),
        secret_access_key: secret.expose_secret().to_owned().into(),
        session_token: None,
    });
    // Said at the start, not by the first backup.
    store::open_with(&location, credentials.as_ref()).context("`backup.url`")?;
    Ok(StoredBackups::new(Parts {
        store: Arc::clone(store),
        sealer: sealer.clone(),
        admin,
        installer: versions,
        work_dir: dir.join("backup-work"),
        location,
        credentials,
        clock: Arc::new(SystemClock),
        entropy: Arc::new(SystemEntropy),
    }))
}

/// Etcd's binaries: in the folder of the settings, else in the user's cache folder, which `make versions` fills.
pub fn versions(settings: &Settings) -> Result<Versions> {
    let dir = settings.etcd.versions_dir.clone().or_else(cetcd_etcd::versions::default_versions_dir);
    let dir = dir.context("neither `etcd.versions_dir` nor a home directory is set; set CETCD_ETCD_VERSIONS_DIR")?;
    let mut options = cetcd_etcd::versions::Options::new(dir);
    options.url_template = settings.etcd.download.then(|| settings.etcd.download_url.clone());
    options.search_path = settings.etcd.search_path;
    for (version, sum) in &settings.etcd.sums {
        let version = version.parse().map_err(|reason| anyhow::anyhow!("`etcd.sums`: {reason}"))?;
        let sum = cetcd_etcd::catalogue::parse_sum(sum)
            .with_context(|| format!("`etcd.sums`: the sum of {version} is not 64 hexadecimal digits"))?;
        options.sums.insert(version, sum);
    }
    Ok(Versions::new(options))
}

fn runtime_options(settings: &Settings, dir: &Path, versions: &Arc<Versions>) -> Result<process::Options> {
    let root = dir.join("runtime");
    let endpoint_dir = process::endpoint_dir(&root);
    let endpoint_dir = endpoint_dir.to_str().context("the data directory's path is not UTF-8")?;
    let launcher = Arc::new(EtcdLauncher::new(Arc::clone(versions) as Arc<dyn Installer>));
    let endpoint = own_command(&["endpoint", "--dir", endpoint_dir])?;
    let mut options = process::Options::new(root, settings.networks.clone(), launcher, endpoint);
    options.session_wrapper = Some(own_command(&["exec-session", "--"])?);
    if let Some(block) = settings.runtime.address_block {
        options.addresses = AddressMode::Block(block);
    }
    options.internet = settings.internet.range()?;
    options.default_resources = match (settings.runtime.member_cpu, settings.runtime.member_memory_gib) {
        (Some(cpu), Some(memory_gib)) => Some(Resources { cpu, memory_gib }),
        (None, None) => None,
        _ => bail!("`runtime.member_cpu` and `runtime.member_memory_gib` go together: set both or neither"),
    };
    Ok(options)
}

/// This binary, with other arguments.
fn own_command(arguments: &[&str]) -> Result<CommandLine> {
    let program = std::env::current_exe().context("cannot tell where this binary is")?;
    Ok(CommandLine { program, arguments: arguments.iter().map(|argument| (*argument).to_owned()).collect() })
}

fn gateway_options(settings: &Settings, dir: &Path) -> cetcd_gateway::Options {
    cetcd_gateway::Options {
        regions: settings.regions.clone(),
        service_domains: settings.service_domains.clone(),
        requests_per_second: settings.limits.requests_per_second,
        max_connections: settings.limits.connections,
        audit: Some(AuditOptions::new(dir.join("audit.log"))),
        ..cetcd_gateway::Options::default()
    }
}

/// Tells where the service is, and answers its URL.
fn announce(dir: &Path, address: SocketAddr, tls: bool) -> Result<String> {
    let url = format!("{}://{address}", if tls { "https" } else { "http" });
    write_private(&dir.join(ADDRESS_FILE), url.as_bytes())?;
    tracing::info!(%url, data_dir = %dir.display(), "serving");
    Ok(url)
}

/// Reads the settings that `serve` runs with.
pub fn settings(config: Option<&Path>, flags: settings::Flags) -> Result<Settings> {
    settings::load(config, std::env::vars(), flags)
}
