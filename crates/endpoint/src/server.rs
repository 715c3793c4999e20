//! The process: holds the lock, follows the route files, writes the status.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    future::Future,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::Path,
    pin::pin,
    sync::Arc,
    time::Duration,
};

use rustix::fs::{FlockOperation, flock};
use tokio::sync::Notify;
use tokio_util::task::TaskTracker;
use tracing::{info, warn};

use crate::{
    Error, Options,
    files::{self, Route, Status},
    route::RouteServer,
    sockets,
    watch::Watch,
};

/// How soon a listener that could not be opened is tried again.
const RETRY: Duration = Duration::from_millis(200);

/// Serves the routes of `options.dir` until `shutdown` is ready; then stops accepting, lets connections end
/// for the drain period and returns.
pub async fn run(options: Options, shutdown: impl Future<Output = ()>) -> Result<(), Error> {
    let dir = options.dir.clone();
    let routes = files::routes_dir(&dir);
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&routes)
        .map_err(Error::io(format!("make {}", routes.display())))?;
    let _lock = lock(&dir)?;
    sockets::raise_descriptor_limit();
    let mut watch = Watch::new(&routes).map_err(Error::io(format!("watch {}", routes.display())))?;
    let mut server =
        Server { options, routes: BTreeMap::new(), closing: TaskTracker::new(), news: Arc::default(), written: None };
    let news = Arc::clone(&server.news);
    let mut shutdown = pin!(shutdown);
    info!(dir = %dir.display(), "the endpoint process serves");
    loop {
        server.follow().await;
        server.report().await;
        let again = if server.routes.values().all(RouteServer::serving) { server.options.refresh } else { RETRY };
        tokio::select! {
            () = &mut shutdown => break,
            changed = watch.changed() => if let Err(error) = changed {
                warn!("cannot watch {}: {error}; it is read every {again:?}", routes.display());
                tokio::time::sleep(again).await;
            },
            () = news.notified() => {}
            () = tokio::time::sleep(again) => {}
        }
    }
    info!("the endpoint process ends");
    server.close().await;
    Ok(())
}

/// Held as long as the file is open, and given back by the system however the process ends.
fn lock(dir: &Path) -> Result<File, Error> {
    let path = dir.join("lock");
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(&path)
        .map_err(Error::io(format!("open {}", path.display())))?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(file),
        Err(rustix::io::Errno::WOULDBLOCK) => Err(Error::Locked { dir: dir.to_owned() }),
        Err(error) => Err(Error::io(format!("lock {}", path.display()))(error.into())),
    }
}

struct Server {
    options: Options,
    routes: BTreeMap<String, RouteServer>,
    closing: TaskTracker,
    /// Told when there is something to report that no file says.
    news: Arc<Notify>,
    written: Option<Status>,
}

impl Server {
    /// Does what the route files say.
    async fn follow(&mut self) {
        let dir = self.options.dir.clone();
        let read = tokio::task::spawn_blocking(move || files::read_routes(&dir)).await;
        let wanted = match read.map_err(std::io::Error::from).flatten() {
            Ok(wanted) => wanted,
            Err(error) => {
                // What is served is not given up for a folder that cannot be read for a moment.
                warn!("cannot read the routes in {}: {error}", self.options.dir.display());
                return;
            }
        };
        let gone: Vec<_> = self.routes.keys().filter(|instance| !wanted.contains_key(*instance)).cloned().collect();
        for instance in gone {
            if let Some(route) = self.routes.remove(&instance) {
                info!(instance, "route closed");
                let draining = route.close(self.options.removal_drain).await;
                self.closing.spawn(draining);
            }
        }
        for (instance, route) in wanted {
            match route {
                Ok(route) => self.apply(&instance, route).await,
                Err(reason) => {
                    warn!(instance, "the route file cannot be followed: {reason}");
                    if let Some(server) = self.routes.get_mut(&instance) {
                        server.reject(reason);
                    }
                }
            }
        }
    }

    async fn apply(&mut self, instance: &str, route: Route) {
        let options = &self.options;
        let server = self.routes.entry(instance.to_owned()).or_insert_with(|| {
            info!(instance, listen = %route.listen, "route opened");
            RouteServer::new(instance, route.clone(), options)
        });
        server.apply(route, &self.news).await;
    }

    /// Writes the status, where it says anything new.
    async fn report(&mut self) {
        let routes = self.routes.iter().map(|(instance, route)| (instance.clone(), route.status())).collect();
        let status = Status { pid: std::process::id(), routes };
        if self.written.as_ref() == Some(&status) {
            return;
        }
        let path = files::status_path(&self.options.dir);
        let text = serde_json::to_vec_pretty(&status).map_err(std::io::Error::from);
        let write = move || files::write_atomically(&path, &text?, false);
        match tokio::task::spawn_blocking(write).await.map_err(std::io::Error::from).flatten() {
            Ok(()) => self.written = Some(status),
            Err(error) => warn!("cannot write the status in {}: {error}", self.options.dir.display()),
        }
    }

    async fn close(mut self) {
        // Whoever removed the last route may have asked for the end before the removal was noticed.
        self.follow().await;
        let routes = std::mem::take(&mut self.routes);
        for (_, route) in routes {
            let draining = route.close(self.options.drain).await;
            self.closing.spawn(draining);
        }
        self.report().await;
        self.closing.close();
        self.closing.wait().await;
    }
}
