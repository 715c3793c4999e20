//! Fetching a release's archive and taking the binaries out of it.

use std::{
    fs::{self, File},
    io::{self, Read, Seek, Write},
    path::{Component, Path},
    sync::Arc,
    time::Duration,
};

use flate2::read::GzDecoder;
use sha2::{Digest, Sha256};
use ureq::{
    Agent,
    tls::{RootCerts, TlsConfig, TlsProvider},
};

use crate::catalogue::Sum;

/// The binaries of a release, as its archive names them.
pub const TOOLS: [&str; 3] = ["etcd", "etcdctl", "etcdutl"];

/// A release is some 20 MiB; this bounds what a wrong address can make us store.
const MAX_ARCHIVE_BYTES: u64 = 200 * 1024 * 1024;
/// The largest binary of a release has some 30 MiB.
const MAX_UNPACKED_BYTES: u64 = 600 * 1024 * 1024;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// For all of it: at 50 KiB a second, a release takes seven minutes.
const DOWNLOAD_TIMEOUT: Duration = Duration::from_secs(15 * 60);

/// Writes what `url` has to `file` and says what it hashes to. Blocks for up to 15 minutes.
pub fn download(url: &str, file: &mut File) -> Result<Sum, String> {
    let mut response = agent().get(url).call().map_err(|error| error.to_string())?;
    let mut body = response.body_mut().with_config().limit(MAX_ARCHIVE_BYTES).reader();
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let read = body.read(&mut buffer).map_err(|error| error.to_string())?;
        if read == 0 {
            return Ok(hasher.finalize().into());
        }
        hasher.update(&buffer[..read]);
        file.write_all(&buffer[..read]).map_err(|error| format!("cannot be written: {error}"))?;
    }
}

fn agent() -> Agent {
    // The machine's own roots, so that a mirror with a certificate of the house can be used. Ones that cannot
    // be read are left out: a server that needs them is then refused.
    let roots = rustls_native_certs::load_native_certs().certs;
    let roots: Vec<_> = roots.iter().map(|der| ureq::tls::Certificate::from_der(der).to_owned()).collect();
    let tls = TlsConfig::builder()
        .provider(TlsProvider::Rustls)
        .root_certs(RootCerts::Specific(Arc::new(roots)))
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .build();
    Agent::config_builder()
        .timeout_connect(Some(CONNECT_TIMEOUT))
        .timeout_recv_response(Some(ANSWER_TIMEOUT))
        .timeout_global(Some(DOWNLOAD_TIMEOUT))
        .user_agent(concat!("cetcd/", env!("CARGO_PKG_VERSION")))
        .tls_config(tls)
        .build()
        .into()
}

/// Takes the binaries out of the archive in `file` (.tar.gz) and puts them into `folder`, executable, with
/// nothing else. An archive of which any entry would leave its folder is refused as a whole.
pub fn unpack(file: &mut File, folder: &Path) -> Result<(), String> {
    file.rewind().map_err(|error| error.to_string())?;
    let unpacked = GzDecoder::new(io::BufReader::new(file)).take(MAX_UNPACKED_BYTES);
    let mut archive = tar::Archive::new(unpacked);
    for entry in archive.entries().map_err(unreadable)? {
        let mut entry = entry.map_err(unreadable)?;
        let path = entry.path().map_err(unreadable)?.into_owned();
        if !path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir)) {
            return Err(format!("its entry {} leaves the archive's folder", path.display()));
        }
        // `etcd-v3.5.16-linux-amd64/etcd`; deeper down there is only documentation.
        let depth = path.components().filter(|part| matches!(part, Component::Normal(_))).count();
        let tool = path.file_name().and_then(|name| TOOLS.into_iter().find(|tool| name == *tool));
        let Some(tool) = tool.filter(|_| depth == 2 && entry.header().entry_type().is_file()) else {
            continue;
        };
        write_executable(&mut entry, &folder.join(tool)).map_err(unreadable)?;
    }
    if folder.join(TOOLS[0]).exists() { Ok(()) } else { Err("it holds no etcd".to_owned()) }
}

fn write_executable(from: &mut impl Read, to: &Path) -> io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o755).open(to)?;
    io::copy(from, &mut file)?;
    file.sync_all()
}

fn unreadable(error: io::Error) -> String {
    format!("it cannot be unpacked: {error}")
}
