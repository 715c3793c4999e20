//! Making data directories of snapshots, by etcd's own tool.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use cetcd_core::EtcdVersion;
use cetcd_etcd::Binaries;
use futures::{FutureExt, StreamExt, TryStreamExt};
use tempfile::TempDir;
use tokio::process::Command;

use crate::{Error, Result, copying::Copying};

/// By how much revisions are raised where the tool can do that: more than a cluster writes between a snapshot
/// and the moment in which it is needed. The number that etcd's documentation names.
pub const DEFAULT_BUMP: u64 = 1_000_000_000;
/// How long the tool may take. It copies the database, and writes to each of its pages at most once.
const LIMIT: Duration = Duration::from_mins(30);
/// How long it may take to say what it knows.
const HELP_LIMIT: Duration = Duration::from_secs(30);
/// What it cuts off a snapshot: the hash.
const HASH: u64 = 32;
/// How much of what it said is shown.
const SHOWN: usize = 600;

/// A member that is to begin with a snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestoredMember {
    /// Its name.
    pub name: String,
    /// Where its peers will reach it; one of those of `initial_cluster`.
    pub peer_url: String,
    /// `name=peer-url` of all members of the new cluster, with commas; the same for all of them.
    pub initial_cluster: String,
    /// The new cluster's token, never that of another; the same for all members.
    pub token: String,
    /// Its data directory. Must not be there, or be empty.
    pub data_dir: PathBuf,
}

/// The tool of one version that makes data directories of snapshots: `etcdutl`, before 3.5 `etcdctl`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestoreTool {
    program: PathBuf,
    bumps: bool,
    /// Whether it is known to read a snapshot once, from its beginning to its end, and to write the same meanwhile, which
    /// it works with from then on. True of all so far (`snapshot/v3_snapshot.go` in etcd's source).
    copies_once: bool,
    gently: bool,
}

impl RestoreTool {
    /// The tool of `version`, whose binaries are these. [`Error::NoTool`] where they hold none.
    pub async fn find(version: &EtcdVersion, binaries: &Binaries) -> Result<Self> {
        let tools = if version.at_least(3, 5) {
            // etcdctl of 3.5 still has it, with the same result.
            [binaries.etcdutl.as_ref(), binaries.etcdctl.as_ref().filter(|_| !version.at_least(3, 6))]
        } else {
            [binaries.etcdctl.as_ref(), None]
        };
        let program = tools.into_iter().flatten().next();
        let program = program.ok_or_else(|| Error::NoTool { version: version.clone() })?.clone();
        let copies_once = !version.at_least(3, 8);
        let mut tool = Self { program, bumps: false, copies_once, gently: false };
        // All of 3.6 can, of 3.4 and 3.5 the later releases, and a vendor's build may differ: the tool is asked.
        let help = tool.run(&["snapshot", "restore", "--help"], HELP_LIMIT).await?;
        tool.bumps = help.contains("--bump-revision") && help.contains("--mark-compacted");
        Ok(tool)
    }

    /// Whether it can raise revisions and mark what was before as compacted, so that watchers and caches of
    /// clients notice that the past was changed. Where it cannot, they may go on with what is no longer so.
    pub fn bumps(&self) -> bool {
        self.bumps
    }

    /// The same, at the lowest priority and on one core at a time.
    #[must_use]
    pub fn gently(self) -> Self {
        Self { gently: true, ..self }
    }

    /// Makes a member's data directory of a plain snapshot that was checked: it is not read a second time for its
    /// hash. The directory is there only once it is whole. With `bump`, revisions are raised by so much and all before
    /// is marked as compacted, which the first start of the member carries out; [`Error::Tool`] where the tool cannot.
    pub async fn restore(&self, snapshot: &Path, member: &RestoredMember, bump: Option<u64>) -> Result<()> {
        let made = Made::begin(&member.data_dir)?;
        self.make(snapshot, member, &made, bump).await?;
        made.put_in_place()
    }

    /// The same for all members of a new cluster, several at once where there are processors for that; no directory is
    /// there before all are whole.
    ///
    /// The file is used up, whatever comes of it: nobody can begin with it again, and it is removed in a while.
    pub async fn restore_all(&self, snapshot: &Path, members: &[RestoredMember], bump: Option<u64>) -> Result<()> {
        let used = snapshot.with_extension("used");
        fs::rename(snapshot, &used).map_err(Error::io(format!("use {}", snapshot.display())))?;
        let used = Removed(used);
        let parts: Vec<_> = members.iter().map(|member| Made::begin(&member.data_dir)).collect::<Result<_>>()?;
        let databases = parts.iter().map(Made::database).collect();
        let copying = Copying::follow(&used.0, databases, HASH, self.copies_once)?;
        let at_once = std::thread::available_parallelism().map_or(1, usize::from);
        let make = |(member, made)| self.make(&used.0, member, made, bump).boxed();
        let making: Vec<_> = members.iter().zip(&parts).map(make).collect();
        futures::stream::iter(making).buffered(at_once).try_collect::<()>().await?;
        drop(copying);
        parts.into_iter().try_for_each(Made::put_in_place)
    }

    async fn make(&self, snapshot: &Path, member: &RestoredMember, made: &Made, bump: Option<u64>) -> Result<()> {
        let mut arguments = vec![
            "snapshot".to_owned(),
            "restore".to_owned(),
            snapshot.to_string_lossy().into_owned(),
            "--skip-hash-check".to_owned(),
            format!("--data-dir={}", made.unnamed().display()),
            format!("--name={}", member.name),
            format!("--initial-cluster={}", member.initial_cluster),
            format!("--initial-cluster-token={}", member.token),
            format!("--initial-advertise-peer-urls={}", member.peer_url),
        ];
        if let Some(bump) = bump {
            arguments.push(format!("--bump-revision={bump}"));
            arguments.push("--mark-compacted".to_owned());
        }
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        self.run(&arguments, LIMIT).await.map(drop)
    }

    /// Runs it to its end; answers what it said.
    async fn run(&self, arguments: &[&str], limit: Duration) -> Result<String> {
        let name = self.program.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let failed = |reason: String| Error::Tool { tool: name.clone(), reason };
        let mut command = gentle(&self.program, self.gently);
        command.args(arguments).env("ETCDCTL_API", "3").stdin(Stdio::null()).kill_on_drop(true);
        // Neither says anything about the snapshot.
        let running = || format!("run {}", self.program.display());
        let late = |_| io::Error::new(io::ErrorKind::TimedOut, format!("it took longer than {} s", limit.as_secs()));
        let output = tokio::time::timeout(limit, command.output()).await.map_err(late).flatten();
        let output = output.map_err(Error::io(running()))?;
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        if output.status.success() {
            return Ok(said.into_owned());
        }
        let from = said.char_indices().rev().nth(SHOWN).map_or(0, |(at, _)| at);
        let shown = said[from..].trim();
        if shown.contains("no space left on device") {
            return Err(Error::Full { doing: "restore a snapshot".to_owned(), reason: shown.to_owned() });
        }
        Err(failed(format!("{}: {shown}", output.status)))
    }
}

/// Data that are made and have no name yet.
struct Made {
    /// Goes with all that it holds unless that gets its name.
    beside: TempDir,
    data_dir: PathBuf,
}

impl Made {
    fn begin(data_dir: &Path) -> Result<Self> {
        let begin = || {
            fs::create_dir_all(parent(data_dir))?;
            // Fails where there is something in it; etcd's own check would come only after its work.
            match fs::remove_dir(data_dir) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            let beside = tempfile::Builder::new().prefix(".restoring-").tempdir_in(parent(data_dir))?;
            Ok(Self { beside, data_dir: data_dir.to_owned() })
        };
        begin().map_err(Error::io(format!("restore to {}", data_dir.display())))
    }

    /// Where the tool copies the database to.
    fn database(&self) -> PathBuf {
        self.unnamed().join("member/snap/db")
    }

    fn unnamed(&self) -> PathBuf {
        self.beside.path().join("data")
    }

    fn put_in_place(self) -> Result<()> {
        let put = || {
            fs::rename(self.unnamed(), &self.data_dir)?;
            fs::File::open(parent(&self.data_dir))?.sync_all()
        };
        put().map_err(Error::io(format!("restore to {}", self.data_dir.display())))
    }
}

/// Removed at the end: what is as large as data takes a while, and nobody has to wait for that.
struct Removed(PathBuf);

impl Drop for Removed {
    fn drop(&mut self) {
        let path = std::mem::take(&mut self.0);
        let remove = move || {
            if let Err(error) = fs::remove_file(&path) {
                tracing::warn!(path = %path.display(), %error, "the plain snapshot of a restore stays for now");
            }
        };
        let _ = std::thread::Builder::new().name("backup-used".to_owned()).spawn(remove);
    }
}

fn parent(path: &Path) -> &Path {
    path.parent().filter(|parent| *parent != Path::new("")).unwrap_or(Path::new("."))
}

/// A command with little of our environment, where wanted at the lowest priority and with one thread that
/// computes.
pub(crate) fn gentle(program: &Path, gently: bool) -> Command {
    let niced = gently.then(|| ["/usr/bin/nice", "/bin/nice"].into_iter().find(|nice| Path::new(nice).exists()));
    let mut command = match niced.flatten() {
        Some(nice) => {
            let mut command = Command::new(nice);
            command.args(["-n", "19"]).arg(program);
            command
        }
        None => Command::new(program),
    };
    command.env_clear();
    for name in ["PATH", "TMPDIR", "TZ"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    if gently {
        command.env("GOMAXPROCS", "1");
    }
    command
}
