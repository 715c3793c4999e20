//! Starting a process that outlives this one.

use std::{
    ffi::OsString,
    fs::{File, OpenOptions},
    io,
    os::unix::{
        fs::{OpenOptionsExt, PermissionsExt},
        process::CommandExt,
    },
    path::Path,
    process::Stdio,
};

use tokio::process::{Child, Command};

use super::proc::MARKER;
use crate::CommandLine;

/// What a child gets of our own environment. Never settings or credentials: `CETCD_…` and `TENCENTCLOUD_…`.
const PASSED_ON: [&str; 9] =
    ["PATH", "TMPDIR", "TZ", "LANG", "LC_ALL", "GODEBUG", "GOGC", "RUST_LOG", "RUST_BACKTRACE"];

/// How to start a process.
pub struct Start<'a> {
    /// What to run.
    pub command: &'a CommandLine,
    /// A command that makes a session of its own and becomes the other one; only a process group where absent.
    pub session_wrapper: Option<&'a CommandLine>,
    /// Its working folder, which also marks it.
    pub dir: &'a Path,
    /// Where its output is appended to.
    pub log: &'a Path,
    /// Cores that it may use, where that is limited.
    pub cpu: Option<u32>,
}

/// Starts it. The child is not ended with us, nor when the returned value is dropped.
pub fn spawn(start: &Start<'_>) -> io::Result<Child> {
    let log = open_log(start.log)?;
    let mut command = if let Some(wrapper) = start.session_wrapper {
        let mut command = Command::new(&wrapper.program);
        command.args(&wrapper.arguments).arg(&start.command.program);
        command
    } else {
        let mut command = Command::new(&start.command.program);
        command.process_group(0);
        command
    };
    command.args(&start.command.arguments).env_clear().envs(environment(start));
    command.current_dir(start.dir).stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
    command.spawn()
}

fn environment(start: &Start<'_>) -> Vec<(&'static str, OsString)> {
    let mut variables: Vec<(&str, OsString)> =
        PASSED_ON.iter().filter_map(|name| Some((*name, std::env::var_os(name)?))).collect();
    variables.push((MARKER, start.dir.as_os_str().to_owned()));
    if let Some(cpu) = start.cpu {
        // Go does not see the limits of its control group and would run a thread for every core.
        variables.push(("GOMAXPROCS", cpu.max(1).to_string().into()));
    }
    if cfg!(target_arch = "aarch64") {
        // etcd before 3.5 refuses to start without it.
        variables.push(("ETCD_UNSUPPORTED_ARCH", "arm64".into()));
    }
    variables
}

/// Opened to append: what is written after the file was cut off goes to its new end.
fn open_log(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).mode(0o600).open(path)
}

/// Why the program of a command line cannot be run, if so.
pub fn check_program(command: &CommandLine) -> Result<(), String> {
    let program = command.program.display();
    match std::fs::metadata(&command.program) {
        Err(error) => Err(format!("{program}: {error}")),
        Ok(metadata) if !metadata.is_file() => Err(format!("{program} is not a file")),
        Ok(metadata) if metadata.permissions().mode() & 0o111 == 0 => Err(format!("{program} is not executable")),
        Ok(_) => Ok(()),
    }
}

/// Becomes `program` in a session of its own, with the same pid. Returns only where that fails.
///
/// The binary calls it from the command that [`Options::session_wrapper`](super::Options::session_wrapper)
/// names, since a session can only be made safely by the process itself.
pub fn exec_session(program: &std::ffi::OsStr, arguments: &[OsString]) -> io::Error {
    // Fails only for the leader of a process group, which has left the terminal's already.
    let _ = rustix::process::setsid();
    std::process::Command::new(program).args(arguments).exec()
}
