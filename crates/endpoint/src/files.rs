//! The files between the runtime and the endpoint process.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Write},
    net::SocketAddr,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

/// A larger route file is not read: the largest real one is a few hundred bytes.
const LARGEST_ROUTE: u64 = 64 * 1024;

/// One instance's route as it should be: `routes/{instance}.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// Where clients connect.
    pub listen: SocketAddr,
    /// The members that connections are passed to. None: connections are closed.
    pub backends: Vec<SocketAddr>,
    /// Where else clients connect, and which of them; nowhere where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public: Option<Public>,
    /// Until when what clients send is held back; absent in normal service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<Hold>,
}

/// A second address, at which only some are let in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Public {
    /// Where clients connect.
    pub listen: SocketAddr,
    /// Where they may come from. Connections from elsewhere are closed at once.
    pub allowed: Vec<IpNet>,
}

/// What clients send rests in their connections for a moment: a request that met a change of leader would be lost
/// by etcd without an answer, and its client would wait for seconds. Answers go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// Tells one hold from the next.
    pub number: u64,
    /// How long at most, in milliseconds: whoever asked for it may not be there any more to end it. The endpoint
    /// process holds for no longer than [`Hold::LONGEST`], however much is asked for.
    pub milliseconds: u64,
}

impl Hold {
    /// The longest hold, whatever is asked for.
    pub const LONGEST: Duration = Duration::from_secs(1);

    /// How long it may last.
    pub fn length(&self) -> Duration {
        Duration::from_millis(self.milliseconds).min(Self::LONGEST)
    }
}

/// What the endpoint process does now: `status.json`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Status {
    /// The process that wrote it. A file of an earlier process says nothing.
    pub pid: u32,
    /// By instance.
    pub routes: BTreeMap<String, RouteStatus>,
}

/// What is done for one instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteStatus {
    /// Where it listens, or tries to.
    pub listen: SocketAddr,
    /// Where it passes connections to.
    pub backends: Vec<SocketAddr>,
    /// Whether it listens.
    pub serving: bool,
    /// What is done about the public address; absent where there is none, and none is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public: Option<PublicStatus>,
    /// The number of the last hold under which everything came to rest: each request that had been passed on was
    /// answered, as far as bytes tell, and the connections to members that are no backends any more were ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rested: Option<u64>,
    /// Why it does not listen, or why its newest route file is not followed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Connections now.
    pub connections: u64,
    /// Connections accepted since the process began.
    pub accepted: u64,
    /// Connections closed since there were too many.
    pub refused: u64,
    /// Connections closed since no backend accepted.
    pub failed: u64,
    /// Bytes from clients to members.
    pub bytes_in: u64,
    /// Bytes from members to clients.
    pub bytes_out: u64,
}

/// What is done about a public address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublicStatus {
    /// Where it listens, or tries to, and who is let in.
    #[serde(flatten)]
    pub public: Public,
    /// Whether it listens.
    pub serving: bool,
    /// Why it does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Connections closed at once since the process began: they came from a network that is not allowed.
    pub denied: u64,
}

/// The folder of the routes.
pub fn routes_dir(dir: &Path) -> PathBuf {
    dir.join("routes")
}

/// The route of one instance.
pub fn route_path(dir: &Path, instance: &str) -> PathBuf {
    routes_dir(dir).join(format!("{instance}.json"))
}

/// What the process says.
pub fn status_path(dir: &Path) -> PathBuf {
    dir.join("status.json")
}

/// Every route file by instance: the route, or in words why the file cannot be followed.
pub fn read_routes(dir: &Path) -> io::Result<BTreeMap<String, Result<Route, String>>> {
    let mut routes = BTreeMap::new();
    for entry in fs::read_dir(routes_dir(dir))? {
        let name = entry?.file_name();
        // Anything else is a file on its way (`.name.tmp`), or none of ours.
        let Some(instance) = name.to_str().and_then(|name| name.strip_suffix(".json")) else { continue };
        if instance.is_empty() || instance.starts_with('.') {
            continue;
        }
        match read_route(dir, instance) {
            Ok(Some(route)) => drop(routes.insert(instance.to_owned(), Ok(route))),
            Ok(None) => {}
            Err(error) => drop(routes.insert(instance.to_owned(), Err(error.to_string()))),
        }
    }
    Ok(routes)
}

/// The route of one instance; `None` where there is none.
pub fn read_route(dir: &Path, instance: &str) -> io::Result<Option<Route>> {
    read_json(&route_path(dir, instance))
}

/// What the process says; `None` where it said nothing yet.
pub fn read_status(dir: &Path) -> io::Result<Option<Status>> {
    read_json(&status_path(dir))
}

fn read_json<T: for<'de> Deserialize<'de>>(path: &Path) -> io::Result<Option<T>> {
    let read = || -> io::Result<T> {
        // The status of hundreds of instances is larger than a route, and written by our own process.
        if path.parent().is_some_and(|parent| parent.ends_with("routes")) && fs::metadata(path)?.len() > LARGEST_ROUTE {
            return Err(io::Error::new(io::ErrorKind::InvalidData, format!("larger than {LARGEST_ROUTE} bytes")));
        }
        Ok(serde_json::from_slice(&fs::read(path)?)?)
    };
    match read() {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Replaces a file in one step: a reader sees the old text or the new, never a part. Mode 0600.
///
/// `durable`: the new text is on disk when this returns, and not only in the system's memory.
pub fn write_atomically(path: &Path, bytes: &[u8], durable: bool) -> io::Result<()> {
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    let parent = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
    let mut temporary_name = std::ffi::OsString::from(".");
    temporary_name.push(name);
    temporary_name.push(".tmp");
    let temporary = parent.join(temporary_name);
    // One that a crash left may carry another mode or owner's text: it is never written over.
    match fs::remove_file(&temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
    file.write_all(bytes)?;
    if durable {
        file.sync_all()?;
    }
    fs::rename(&temporary, path)?;
    if durable {
        fs::File::open(parent)?.sync_all()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_malformed_or_oversize_route_is_reported_and_the_others_are_read() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(routes_dir(dir.path())).unwrap();
        let route = Route { listen: ([127, 0, 0, 1], 1).into(), backends: vec![], public: None, hold: None };
        fs::write(route_path(dir.path(), "good"), serde_json::to_vec(&route).unwrap()).unwrap();
        fs::write(route_path(dir.path(), "bad"), "{").unwrap();
        fs::write(route_path(dir.path(), "big"), vec![b' '; 70_000]).unwrap();
        fs::write(routes_dir(dir.path()).join(".good.json.tmp"), "{").unwrap();
        let routes = read_routes(dir.path()).unwrap();
        assert_eq!(routes.len(), 3);
        assert_eq!(routes["good"], Ok(route));
        assert!(routes["bad"].is_err() && routes["big"].is_err());
    }

    #[test]
    fn a_replaced_file_is_private_even_where_a_crash_left_a_public_half() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(".key.tmp"), "half").unwrap();
        let path = dir.path().join("key");
        write_atomically(&path, b"whole", true).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"whole");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(!dir.path().join(".key.tmp").exists());
    }
}
