//! The runtime: what starts, stops and watches members and endpoints. The planner decides, a runtime does.

pub mod fingerprint;
pub mod process;

use std::{collections::BTreeSet, net::SocketAddr, path::PathBuf, time::Duration};

use async_trait::async_trait;
use cetcd_core::{
    InstanceId,
    internet::{PublicAddress, PublicRoute},
    member::{MemberCertificates, MemberPaths, MemberSpec},
    observed::{ObservedPublic, Process},
};
use jiff::Timestamp;

pub use self::fingerprint::Fingerprint;

/// Runs members and endpoints.
///
/// Every method is idempotent: done again, or after a crash half-way, it ends in the same state.
#[async_trait]
pub trait Runtime: Send + Sync + 'static {
    /// Proposes where something new in `subnet_id` can serve: an address of that subnet that is neither in
    /// `taken` nor in use on the host. It reserves nothing: that is the store's part.
    async fn propose(&self, subnet_id: &str, taken: &BTreeSet<SocketAddr>) -> Result<Placement, Error>;

    /// Sees to it that the member's process runs: writes its files, then starts it unless it runs already
    /// (started by this process or an earlier one). Answers once the process exists; it may not serve yet. Refused
    /// where the member is to go on with its own data and there is none.
    async fn ensure_member(&self, spec: &MemberSpec) -> Result<(), Error>;

    /// Gives a member the certificates and keys that it shows, where it has files: etcd reads them anew at every
    /// handshake. The CA stays what it was started with, which etcd reads only then.
    async fn put_certificates(
        &self,
        instance: &InstanceId,
        ordinal: u32,
        certificates: &MemberCertificates,
    ) -> Result<(), Error>;

    /// Ends the member's process. Answers once it has ended.
    async fn stop_member(&self, instance: &InstanceId, ordinal: u32, stop: Stop) -> Result<(), Error>;

    /// Removes all that the member left: data, certificates, logs, limits. Refused while its process runs.
    async fn remove_member(&self, instance: &InstanceId, ordinal: u32) -> Result<(), Error>;

    /// Moves the member's data to where nothing starts from it, under a name that begins with `label`, and keeps it
    /// there for as long as the instance is. Where there is no data nothing is done. Refused while its process runs.
    async fn set_aside(&self, instance: &InstanceId, ordinal: u32, label: &str) -> Result<(), Error>;

    /// A place where new data for the member can be made, on the same disk as its own: nothing is there, its folder
    /// is. What an earlier try made there is removed.
    async fn prepare_data(&self, instance: &InstanceId, ordinal: u32) -> Result<PathBuf, Error>;

    /// Puts what was made at [`prepare_data`](Self::prepare_data)'s place in the place of the member's data, as made
    /// by `restore`. What was there is set aside and kept. Refused while its process runs.
    async fn replace_data(&self, instance: &InstanceId, ordinal: u32, restore: &str) -> Result<(), Error>;

    /// Removes what [`replace_data`](Self::replace_data) set aside for the instance.
    async fn drop_replaced(&self, instance: &InstanceId) -> Result<(), Error>;

    /// A public address that is in nobody's way: none of `taken`, and nothing listens there. An error where none is
    /// configured or left.
    async fn propose_public(&self, taken: &BTreeSet<SocketAddr>) -> Result<PublicAddress, Error>;

    /// Looks at every member and the endpoint of an instance.
    async fn observe(&self, instance: &InstanceId) -> Result<RuntimeView, Error>;

    /// Sees to it that the endpoint listens at `spec.listen` and passes connections to `spec.backends` and no
    /// others. Answers once it does, and once nobody is let in any more whom `spec.public` does not allow; that it
    /// listens at the public address too is not waited for.
    async fn ensure_endpoint(&self, spec: &EndpointSpec) -> Result<(), Error>;

    /// Holds back what clients send through the endpoint, and answers once what had been passed on is answered and
    /// the connections to members that are no backends any more are ended: now the lead can be handed over, and a
    /// member be taken out, without a request that vanishes. It is over with
    /// [`release_endpoint`](Self::release_endpoint), and by itself after `longest` (a second at the most). An error
    /// where it does not come to rest; the caller releases it all the same.
    async fn hold_endpoint(&self, instance: &InstanceId, longest: Duration) -> Result<(), Error>;

    /// Ends a hold. Without one, nothing happens.
    async fn release_endpoint(&self, instance: &InstanceId) -> Result<(), Error>;

    /// Closes the endpoint and removes what it left. Answers once it no longer listens.
    async fn remove_endpoint(&self, instance: &InstanceId) -> Result<(), Error>;

    /// Where the member's data is on this machine, whether or not there is any.
    fn data_path(&self, instance: &InstanceId, ordinal: u32) -> PathBuf;

    /// Removes what is kept of the instance beside its members and its endpoint: data that was set aside.
    async fn forget(&self, instance: &InstanceId) -> Result<(), Error>;

    /// The instances of which anything (a process, a directory, a route) is left on this runtime.
    async fn instances(&self) -> Result<BTreeSet<InstanceId>, Error>;

    /// A counter that moves when a process of the instance, or its endpoint's, ended: the sign to look again.
    fn changes(&self, instance: &InstanceId) -> tokio::sync::watch::Receiver<u64>;
}

/// How a process is ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// It is asked, and forced after a grace period: it hands over what it leads and says goodbye to clients.
    Gracefully,
    /// It is killed: nobody needs anything of it any more.
    AtOnce,
}

/// Where something can serve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placement {
    /// For clients.
    pub client: SocketAddr,
    /// For peers; an endpoint leaves it unused.
    pub peer: SocketAddr,
}

/// An endpoint as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointSpec {
    /// Its instance.
    pub instance: InstanceId,
    /// Where it listens.
    pub listen: SocketAddr,
    /// Where it passes connections to.
    pub backends: Vec<SocketAddr>,
    /// Where else it listens, and to whom; nowhere where absent.
    pub public: Option<PublicRoute>,
}

/// One look at an instance's processes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RuntimeView {
    /// Every member of which anything is left, by ordinal.
    pub members: Vec<MemberView>,
    /// The endpoint, where anything of it is left.
    pub endpoint: Option<EndpointView>,
}

/// One look at a member's process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberView {
    /// Its number.
    pub ordinal: u32,
    /// Its process.
    pub process: Process,
    /// Whether its data directory holds a member's data.
    pub data: bool,
    /// The restore that its data was made by, where one made it.
    pub restored: Option<String>,
    /// What its process was last started with ([`cetcd_core::instance::RunConfig::line`]).
    pub started_with: Option<String>,
    /// What is in the files of what it shows; `None` where they cannot be read whole.
    pub shows: Option<Fingerprint>,
    /// When the first certificate in them ends; `None` where that cannot be read.
    pub shown_until: Option<Timestamp>,
    /// Bytes that its data directory takes on disk, as last measured.
    pub disk_bytes: u64,
    /// Why its CPU and memory limits are not in force, where they were asked for and are not.
    pub unlimited: Option<String>,
    /// The last lines of its output, where its process ended soon after its start, twice or more in a row.
    pub last_words: Option<String>,
}

/// One look at an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointView {
    /// Where it listens.
    pub listen: SocketAddr,
    /// Whether the endpoint process says that it listens there.
    pub serving: bool,
    /// Where it passes connections to.
    pub backends: Vec<SocketAddr>,
    /// The public address that it was told of, or that is still open.
    pub public: Option<ObservedPublic>,
    /// Connections to it that were closed at once since the endpoint process began.
    pub denied: u64,
}

/// Makes the command line of a member: the knowledge of etcd's flags, kept out of the runtimes.
pub trait Launcher: Send + Sync + 'static {
    /// The binary and its arguments, or in words why there is none.
    fn command(&self, spec: &MemberSpec, paths: &MemberPaths) -> Result<CommandLine, String>;
}

/// A binary and its arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandLine {
    /// The binary.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
}

/// What a runtime could not do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Every address of the subnet is taken.
    #[error("subnet {subnet} has no free address left; delete instances or configure a larger network")]
    NoAddress {
        /// The subnet.
        subnet: String,
    },
    /// The subnet is not configured.
    #[error("subnet {subnet} is not in the configured networks")]
    UnknownSubnet {
        /// The subnet.
        subnet: String,
    },
    /// Every public address is taken, or there is none.
    #[error("no public address is free: {reason}")]
    NoPublicAddress {
        /// What to do.
        reason: String,
    },
    /// A member's command line could not be made.
    #[error("{member} cannot be started: {reason}")]
    Command {
        /// The member's name.
        member: String,
        /// Why.
        reason: String,
    },
    /// The operating system refused.
    #[error("cannot {doing}: {source}")]
    Io {
        /// What was tried, with the path or address.
        doing: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// A member was to go on with its data, and there is none: it could vote against what it once promised.
    #[error("{member} has lost its data; it can only join anew")]
    NoData {
        /// The member's name.
        member: String,
    },
    /// A member's data was to be removed or moved while its process runs.
    #[error("{member} still runs; stop it before its data is touched")]
    StillRunning {
        /// The member's name.
        member: String,
    },
    /// Something did not happen in its time.
    #[error("{what} within {seconds} s")]
    Timeout {
        /// What did not happen, in words.
        what: String,
        /// How long was waited.
        seconds: u64,
    },
}

impl Error {
    pub(crate) fn io(doing: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let doing = doing.into();
        move |source| Self::Io { doing, source }
    }

    /// Whether the same call may succeed later without anything being changed by a person.
    pub fn is_retryable(&self) -> bool {
        !matches!(self, Self::UnknownSubnet { .. })
    }
}
