//! Which versions of etcd are there, and bringing one that is not.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    env, fs, io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use cetcd_core::EtcdVersion;

use crate::{
    Error, Result, archive,
    catalogue::{self, Sum},
    path::{self, OnPath},
};

/// Finds and brings the binaries of a version.
#[async_trait]
pub trait Installer: Send + Sync + 'static {
    /// The binaries of `version`, where they are on this machine.
    fn binaries(&self, version: &EtcdVersion) -> Option<Binaries>;

    /// Sees to it that `version` is there. At once where it is; else it takes a download.
    async fn install(&self, version: &EtcdVersion) -> Result<Binaries>;

    /// The versions that are on this machine, newest first.
    fn installed(&self) -> Vec<EtcdVersion>;

    /// The versions that are on this machine or can be downloaded, newest first.
    fn available(&self) -> Vec<EtcdVersion>;
}

/// The binaries of one version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binaries {
    /// The server.
    pub etcd: PathBuf,
    /// The client.
    pub etcdctl: Option<PathBuf>,
    /// The tool for data that no server uses; from 3.5.
    pub etcdutl: Option<PathBuf>,
}

/// Where versions are looked for.
#[derive(Debug, Clone)]
pub struct Options {
    /// Holds a folder for each version: `v3.5.16/etcd`. Made when the first version is brought.
    pub versions_dir: PathBuf,
    /// Where archives are; see [`catalogue::archive_url`]. Nothing is downloaded where it is absent.
    pub url_template: Option<String>,
    /// Whether an `etcd` on PATH counts too.
    pub search_path: bool,
    /// SHA-256 of archives, by version: in addition to those of the catalogue, and before them.
    pub sums: BTreeMap<EtcdVersion, Sum>,
}

impl Options {
    /// Upstream's releases, and PATH.
    pub fn new(versions_dir: impl Into<PathBuf>) -> Self {
        Self {
            versions_dir: versions_dir.into(),
            url_template: Some(catalogue::RELEASE_URL.to_owned()),
            search_path: true,
            sums: BTreeMap::new(),
        }
    }
}

/// Where versions are by default: the folder that `make versions` fills. `None` where there is no home.
pub fn default_versions_dir() -> Option<PathBuf> {
    let set = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    set("CETCD_ETCD_VERSIONS_DIR").or_else(|| {
        let cache = set("XDG_CACHE_HOME").or_else(|| set("HOME").map(|home| home.join(".cache")))?;
        Some(cache.join("cetcd/versions"))
    })
}

/// The versions of a folder, of PATH and of a place with archives.
#[derive(Debug)]
pub struct Versions {
    options: Arc<Options>,
    on_path: OnPath,
    /// One lock a version, so that it is brought once however many ask.
    under_way: Mutex<HashMap<EtcdVersion, Arc<tokio::sync::Mutex<()>>>>,
}

impl Versions {
    /// Looks nothing up yet.
    pub fn new(options: Options) -> Self {
        Self { options: Arc::new(options), on_path: OnPath::default(), under_way: Mutex::default() }
    }

    fn on_path(&self) -> Option<(EtcdVersion, PathBuf)> {
        if self.options.search_path { self.on_path.find() } else { None }
    }

    fn lock_of(&self, version: &EtcdVersion) -> Arc<tokio::sync::Mutex<()>> {
        let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(under_way.entry(version.clone()).or_default())
    }
}

#[async_trait]
impl Installer for Versions {
    fn binaries(&self, version: &EtcdVersion) -> Option<Binaries> {
        self.options.binaries(version).or_else(|| {
            let (found, etcd) = self.on_path()?;
            (found == *version).then(|| Binaries::beside(etcd))
        })
    }

    async fn install(&self, version: &EtcdVersion) -> Result<Binaries> {
        if let Some(why) = catalogue::never_offered(version) {
            return Err(Error::NeverOffered { version: version.clone(), why });
        }
        if let Some(binaries) = self.binaries(version) {
            return Ok(binaries);
        }
        let lock = self.lock_of(version);
        let _one_at_a_time = lock.lock().await;
        if let Some(binaries) = self.options.binaries(version) {
            return Ok(binaries);
        }
        let (options, wanted) = (Arc::clone(&self.options), version.clone());
        tokio::task::spawn_blocking(move || options.bring(&wanted))
            .await
            .map_err(|error| Error::io(format!("install etcd {version}"))(io::Error::other(error)))?
    }

    fn installed(&self) -> Vec<EtcdVersion> {
        offered(self.options.in_folder().chain(self.on_path().map(|(version, _)| version)))
    }

    fn available(&self) -> Vec<EtcdVersion> {
        let mut versions = self.installed();
        if self.options.url_template.is_some() {
            versions.extend(catalogue::downloadable().cloned());
            versions.extend(self.options.sums.keys().cloned());
        }
        offered(versions.into_iter())
    }
}

/// Newest first, each once, without those that are never offered.
fn offered(versions: impl Iterator<Item = EtcdVersion>) -> Vec<EtcdVersion> {
    let distinct: BTreeSet<_> = versions.filter(|version| catalogue::never_offered(version).is_none()).collect();
    distinct.into_iter().rev().collect()
}

impl Options {
    fn folder(&self, version: &EtcdVersion) -> PathBuf {
        self.versions_dir.join(version.to_string())
    }

    fn binaries(&self, version: &EtcdVersion) -> Option<Binaries> {
        let etcd = self.folder(version).join("etcd");
        path::is_executable(&etcd).then(|| Binaries::beside(etcd))
    }

    /// The versions with a folder. A folder that cannot be read holds none.
    fn in_folder(&self) -> impl Iterator<Item = EtcdVersion> {
        fs::read_dir(&self.versions_dir).into_iter().flatten().flatten().filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let version: EtcdVersion = name.parse().ok()?;
            (version.to_string() == name && path::is_executable(&entry.path().join("etcd"))).then_some(version)
        })
    }

    /// Downloads, checks, unpacks, tries and only then puts a version in its place. Blocks.
    fn bring(&self, version: &EtcdVersion) -> Result<Binaries> {
        let Some(template) = &self.url_template else {
            return Err(Error::NotInstalled { version: version.clone(), folder: self.folder(version) });
        };
        let Some(expected) = self.sums.get(version).copied().or_else(|| catalogue::known_sum(version)) else {
            return Err(Error::NoSum {
                version: version.clone(),
                platform: format!("{}-{}", catalogue::os(), catalogue::arch()),
                folder: self.folder(version),
            });
        };
        let url = catalogue::archive_url(template, version);
        let bad = |reason| Error::BadArchive { version: version.clone(), url: url.clone(), reason };

        let place = &self.versions_dir;
        let in_place = || format!("write to {}", place.display());
        fs::create_dir_all(place).map_err(Error::io(in_place()))?;
        // In the same folder, so that the last step is a rename; it goes with all that it holds on any return.
        let work = tempfile::Builder::new().prefix(".install-").tempdir_in(place).map_err(Error::io(in_place()))?;
        let mut file = tempfile::tempfile_in(work.path()).map_err(Error::io(in_place()))?;

        tracing::info!(%version, %url, "downloading etcd");
        let found = archive::download(&url, &mut file).map_err(|reason| Error::Download {
            version: version.clone(),
            url: url.clone(),
            reason,
            folder: self.folder(version),
        })?;
        if found != expected {
            return Err(Error::WrongSum { url, expected: hex::encode(expected), found: hex::encode(found) });
        }
        let unpacked = work.path().join("unpacked");
        fs::create_dir(&unpacked).map_err(Error::io(in_place()))?;
        fs::set_permissions(&unpacked, fs::Permissions::from_mode(0o755)).map_err(Error::io(in_place()))?;
        archive::unpack(&mut file, &unpacked).map_err(bad)?;
        let says = path::version_of(&unpacked.join("etcd")).map_err(bad)?;
        // A vendor's suffix is not in what the binary says.
        if (says.major, says.minor, says.patch) != (version.major, version.minor, version.patch) {
            return Err(bad(format!("its etcd says that it is {says}")));
        }
        self.put(&unpacked, version)?;
        tracing::info!(%version, "etcd is installed");
        self.binaries(version)
            .ok_or_else(|| Error::NotInstalled { version: version.clone(), folder: self.folder(version) })
    }

    fn put(&self, unpacked: &Path, version: &EtcdVersion) -> Result<()> {
        let folder = self.folder(version);
        match fs::rename(unpacked, &folder) {
            // Another process brought it meanwhile.
            Err(_) if self.binaries(version).is_some() => Ok(()),
            done => done.map_err(Error::io(format!("move etcd {version} to {}", folder.display()))),
        }
    }
}

impl Binaries {
    /// `etcd` and what is there of its tools: beside it.
    fn beside(etcd: PathBuf) -> Self {
        Self { etcdctl: path::beside(&etcd, "etcdctl"), etcdutl: path::beside(&etcd, "etcdutl"), etcd }
    }
}
