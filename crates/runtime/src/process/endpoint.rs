//! The host's endpoint process: its routes, and that it runs while there are any.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use cetcd_core::{
    Clock, InstanceId,
    internet::PublicRoute,
    observed::{ObservedPublic, Process},
};
use cetcd_endpoint::files::{self as shared, Hold, Public, Route, RouteStatus};
use tokio::sync::{Mutex, Notify};
use tracing::warn;

use super::{changes::Changes, files, member::blocking, proc, supervised::Supervised};
use crate::{CommandLine, EndpointSpec, EndpointView, Error};

/// How long the process may take to do what a route file says.
const APPLIED_WITHIN: Duration = Duration::from_secs(10);

/// How long it may take to say what it does about a public address.
const PUBLIC_WITHIN: Duration = Duration::from_secs(1);

/// How often its status is read while it is waited for.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// How often while a hold is waited for: clients wait too.
const REST_LOOK_EVERY: Duration = Duration::from_millis(3);

/// The longest pause before it is started again after it ended soon after its start.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// The endpoint process and its routes.
pub struct Endpoint {
    command: CommandLine,
    session_wrapper: Option<CommandLine>,
    grace: Duration,
    process: Arc<Supervised>,
    changes: Arc<Changes>,
    ended: Arc<Notify>,
    /// Numbers the holds.
    clock: Arc<dyn Clock>,
    /// Held by whatever changes routes or the process.
    changing: Mutex<()>,
    /// Set while the process is not to run in spite of its routes.
    halted: AtomicBool,
}

/// The endpoint's folder within a runtime's root, absolute: what its command line has to name.
pub fn endpoint_dir(root: &Path) -> PathBuf {
    std::path::absolute(root).unwrap_or_else(|_| root.to_owned()).join("endpoint")
}

impl Endpoint {
    /// The endpoint of the runtime at `root`, as nothing is known of it.
    pub fn new(
        root: &Path,
        command: CommandLine,
        session_wrapper: Option<CommandLine>,
        grace: Duration,
        clock: Arc<dyn Clock>,
        changes: &Arc<Changes>,
    ) -> Arc<Self> {
        let dir = endpoint_dir(root);
        let log = dir.join("log").join("endpoint.log");
        let ended = Arc::new(Notify::new());
        let notify = Arc::clone(&ended);
        Arc::new(Self {
            command,
            session_wrapper,
            grace,
            process: Supervised::new("endpoint".to_owned(), dir, log, Arc::clone(&clock), move || notify.notify_one()),
            clock,
            changes: Arc::clone(changes),
            ended,
            changing: Mutex::new(()),
            halted: AtomicBool::new(false),
        })
    }

    /// Finds the process again after this program's start, and from then on keeps it running.
    pub fn supervise(self: &Arc<Self>, marked: &[proc::Marked]) {
        // One that is missed holds the lock of the folder: the next ends at once, and the pause brings a look.
        self.process.find(marked);
        // Looks once at the beginning: it may have ended while nobody watched.
        self.ended.notify_one();
        let ended = Arc::clone(&self.ended);
        tokio::spawn(keep_running(Arc::downgrade(self), ended));
    }

    /// Sees to it that the route is served as `spec` says.
    pub async fn ensure(&self, spec: &EndpointSpec) -> Result<(), Error> {
        let public =
            spec.public.as_ref().map(|public| Public { listen: public.listen, allowed: public.allowed.clone() });
        let route = Route { listen: spec.listen, backends: spec.backends.clone(), public, hold: None };
        {
            let _changing = self.changing.lock().await;
            self.halted.store(false, Ordering::Relaxed);
            self.write(&spec.instance, &route).await?;
            self.start().await?;
        }
        let mut last = None;
        let applied = async {
            loop {
                let status = self.statuses().await.remove(spec.instance.as_str());
                if status.as_ref().is_some_and(|status| status.serving && same(status, &route)) {
                    return;
                }
                last = status;
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        if tokio::time::timeout(APPLIED_WITHIN, applied).await.is_ok() {
            // Not a failure: an address that cannot be had keeps nobody from the other.
            let _ = tokio::time::timeout(PUBLIC_WITHIN, self.follows(&spec.instance, route.public.as_ref())).await;
            return Ok(());
        }
        let reason = match (last.and_then(|status| status.error), self.process.pid()) {
            (Some(reason), _) => reason,
            (None, Some(_)) => "it did not answer".to_owned(),
            (None, None) => "its process does not run".to_owned(),
        };
        Err(Error::Timeout {
            what: format!("the endpoint of {} did not listen at {} ({reason})", spec.instance, spec.listen),
            seconds: APPLIED_WITHIN.as_secs(),
        })
    }

    /// Waits until the process says what it does about the public address.
    async fn follows(&self, instance: &InstanceId, public: Option<&Public>) {
        while self
            .statuses()
            .await
            .remove(instance.as_str())
            .and_then(|said| said.public)
            .map(|said| said.public)
            .as_ref()
            != public
        {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Holds back what the clients of an instance send, until all is at rest.
    pub async fn hold(&self, instance: &InstanceId, longest: Duration) -> Result<(), Error> {
        let milliseconds = u64::try_from(longest.as_millis()).unwrap_or(u64::MAX);
        let number = u64::try_from(self.clock.now().as_microsecond()).unwrap_or_default();
        {
            let _changing = self.changing.lock().await;
            let Some(route) = self.route(instance).await? else { return Ok(()) };
            self.write(instance, &Route { hold: Some(Hold { number, milliseconds }), ..route }).await?;
        }
        let rested = async {
            while self.statuses().await.remove(instance.as_str()).and_then(|status| status.rested) != Some(number) {
                tokio::time::sleep(REST_LOOK_EVERY).await;
            }
        };
        tokio::time::timeout(longest.min(Hold::LONGEST), rested).await.map_err(|_| Error::Timeout {
            what: format!("the endpoint of {instance} did not come to rest"),
            seconds: longest.as_secs(),
        })
    }

    /// Ends a hold.
    pub async fn release(&self, instance: &InstanceId) -> Result<(), Error> {
        let _changing = self.changing.lock().await;
        match self.route(instance).await? {
            Some(route) if route.hold.is_some() => self.write(instance, &Route { hold: None, ..route }).await,
            _ => Ok(()),
        }
    }

    /// Closes the route of an instance. The process ends with the last one.
    pub async fn remove(&self, instance: &InstanceId) -> Result<(), Error> {
        let _changing = self.changing.lock().await;
        let path = shared::route_path(&self.dir(), instance.as_str());
        let failed = Error::io(format!("remove {}", path.display()));
        blocking(move || files::remove(&path)).await.map_err(failed)?;
        if self.routes().await?.is_empty() {
            self.process.stop(self.grace).await?;
            let dir = self.dir();
            let failed = Error::io(format!("remove {}", dir.display()));
            return blocking(move || files::remove_tree(&dir)).await.map_err(failed);
        }
        let closed = async {
            while self.process.pid().is_some() && self.statuses().await.contains_key(instance.as_str()) {
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        tokio::time::timeout(APPLIED_WITHIN, closed).await.map_err(|_| Error::Timeout {
            what: format!("the endpoint of {instance} was not closed"),
            seconds: APPLIED_WITHIN.as_secs(),
        })
    }

    /// One look at the route of an instance; `None` where there is none.
    pub async fn view(&self, instance: &InstanceId) -> Result<Option<EndpointView>, Error> {
        let Some(route) = self.route(instance).await? else { return Ok(None) };
        let status = self.statuses().await.remove(instance.as_str());
        let said = status.as_ref().and_then(|status| status.public.as_ref());
        let told = route.public.as_ref().or(said.map(|said| &said.public));
        let public = told.map(|told| {
            let said = said.filter(|said| said.public == *told);
            ObservedPublic {
                route: PublicRoute { listen: told.listen, allowed: told.allowed.clone() },
                serving: said.is_some_and(|said| said.serving),
                error: said.map_or_else(|| silent(status.as_ref()), |said| said.error.clone()),
            }
        });
        let denied = said.map_or(0, |said| said.denied);
        let listen = route.listen;
        Ok(Some(match status {
            Some(status) if status.listen == listen => {
                EndpointView { listen, serving: status.serving, backends: status.backends, public, denied }
            }
            _ => EndpointView { listen, serving: false, backends: route.backends, public, denied },
        }))
    }

    async fn route(&self, instance: &InstanceId) -> Result<Option<Route>, Error> {
        let (dir, of) = (self.dir(), instance.clone());
        let read = blocking(move || shared::read_route(&dir, of.as_str())).await;
        read.map_err(Error::io(format!("read the route of {instance}")))
    }

    async fn write(&self, instance: &InstanceId, route: &Route) -> Result<(), Error> {
        let (dir, path) = (self.dir(), shared::route_path(&self.dir(), instance.as_str()));
        let text = serde_json::to_vec(route).map_err(|error| Error::io("write a route")(error.into()))?;
        let failed = Error::io(format!("write {}", path.display()));
        let write = move || files::make_dir(&shared::routes_dir(&dir)).and_then(|()| files::put(&path, &text));
        blocking(write).await.map_err(failed)
    }

    /// Every instance that has a route.
    pub async fn routes(&self) -> Result<Vec<InstanceId>, Error> {
        let routes = shared::routes_dir(&self.dir());
        let failed = Error::io(format!("read {}", routes.display()));
        let names = blocking(move || files::names(&routes)).await.map_err(failed)?;
        Ok(names.iter().filter_map(|name| InstanceId::parse(name.strip_suffix(".json")?)).collect())
    }

    /// Ends the process and leaves the routes, until the next [`ensure`](Self::ensure) or the next runtime.
    pub async fn halt(&self) -> Result<(), Error> {
        let _changing = self.changing.lock().await;
        self.halted.store(true, Ordering::Relaxed);
        self.process.stop(self.grace).await
    }

    /// Its output.
    pub fn log(&self) -> &Path {
        self.process.log()
    }

    fn dir(&self) -> PathBuf {
        self.process.dir().to_owned()
    }

    async fn start(&self) -> Result<(), Error> {
        let logs = self.dir().join("log");
        let failed = Error::io(format!("make {}", logs.display()));
        blocking(move || files::make_dir(&logs)).await.map_err(failed)?;
        self.process.start(&self.command, self.session_wrapper.as_ref(), None).await.map(drop)
    }

    /// What the process that runs now says of each route; nothing where none runs, or it said nothing yet.
    async fn statuses(&self) -> BTreeMap<String, RouteStatus> {
        let Some(pid) = self.process.pid() else { return BTreeMap::new() };
        let dir = self.dir();
        match blocking(move || shared::read_status(&dir)).await {
            Ok(Some(status)) if i64::from(status.pid) == i64::from(pid) => status.routes,
            _ => BTreeMap::new(),
        }
    }

    /// Tells that it ended, and starts it again where it should run.
    async fn restart(&self) -> Result<(), Error> {
        if let Process::Exited { quick_exits, .. } = self.process.observed() {
            for instance in self.routes().await? {
                self.changes.bump(&instance);
            }
            tokio::time::sleep(pause(quick_exits)).await;
        }
        let _changing = self.changing.lock().await;
        if self.halted.load(Ordering::Relaxed) || self.process.pid().is_some() || self.routes().await?.is_empty() {
            return Ok(());
        }
        self.start().await
    }
}

/// The order of backends says nothing.
fn same(status: &RouteStatus, route: &Route) -> bool {
    let sorted = |backends: &[_]| {
        let mut backends = backends.to_vec();
        backends.sort_unstable();
        backends.dedup();
        backends
    };
    let said = status.public.as_ref().map(|said| &said.public);
    let nobody_else = said.is_none() || said == route.public.as_ref();
    status.listen == route.listen && sorted(&status.backends) == sorted(&route.backends) && nobody_else
}

/// Why nothing is known of a public address, where the endpoint process is there.
fn silent(status: Option<&RouteStatus>) -> Option<String> {
    status?;
    let text = "the endpoint process has said nothing of the public address yet; one that was started by a release \
                without public addresses has to be ended once, and is then started anew";
    Some(text.to_owned())
}

fn pause(quick_exits: u32) -> Duration {
    match quick_exits {
        // A first quick end may be a kill: connections wait for it.
        0 | 1 => Duration::ZERO,
        _ => (Duration::from_millis(50) * 2u32.saturating_pow(quick_exits.min(10))).min(LONGEST_PAUSE),
    }
}

async fn keep_running(endpoint: Weak<Endpoint>, ended: Arc<Notify>) {
    loop {
        ended.notified().await;
        let Some(endpoint) = endpoint.upgrade() else { return };
        if let Err(error) = endpoint.restart().await {
            warn!("cannot start the endpoint process: {error}");
            let ended = Arc::clone(&ended);
            tokio::spawn(async move {
                tokio::time::sleep(LONGEST_PAUSE).await;
                ended.notify_one();
            });
        }
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        // Wakes the supervisor, which then finds that there is nothing left to supervise.
        self.ended.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_quick_end_costs_no_pause_and_no_number_of_them_a_long_one() {
        assert_eq!(pause(0), Duration::ZERO);
        assert_eq!(pause(1), Duration::ZERO);
        assert!(pause(2) < Duration::from_millis(500));
        assert_eq!(pause(u32::MAX), LONGEST_PAUSE);
    }
}
