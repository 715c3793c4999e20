//! The long-running commands: the service, the endpoint, and the wrapper that gives a process its own session.

use std::{
    ffi::OsString,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, Result};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::{Global, output::tell};
use crate::{
    log, serve,
    settings::{Flags, Log, RecoveryPolicy},
};

/// Worker threads of the endpoint at most: it only copies bytes.
const ENDPOINT_THREADS: usize = 4;

/// Runs the service until SIGTERM or SIGINT.
pub fn serve(
    global: &Global,
    listen: Option<SocketAddr>,
    config: Option<&Path>,
    recovery_policy: Option<RecoveryPolicy>,
) -> Result<()> {
    let flags = Flags { data_dir: global.data_dir.clone(), listen, recovery_policy };
    let settings = serve::settings(config, flags)?;
    let _log = log::start(&settings.log)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().thread_name("cetcd").build()?;
    runtime.block_on(async {
        let stop = CancellationToken::new();
        let asked = stop.clone();
        let signalled = stop_signal()?;
        tokio::spawn(async move {
            signalled.await;
            asked.cancel();
        });
        serve::serve(settings, stop).await
    })
}

/// Runs the endpoint of a host until SIGTERM.
pub fn endpoint(dir: PathBuf) -> Result<()> {
    let _log = log::start(&Log::default())?;
    let_others_finish();
    // A thread for every other core. Where there are few, one thread that passes on whatever is there does it with
    // the fewest switches between the members, the clients and itself.
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let runtime = match (cores / 2).min(ENDPOINT_THREADS) {
        0 | 1 => tokio::runtime::Builder::new_current_thread().enable_all().build()?,
        threads => tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build()?,
    };
    runtime.block_on(async {
        let signalled = stop_signal()?;
        cetcd_endpoint::run(cetcd_endpoint::Options::new(dir), signalled).await.context("the endpoint failed")
    })
}

/// Asks the system to wake this process without interrupting who is at work on that core: a member that answers many
/// clients at once finishes that first, and all its answers are passed on in one go. Threads made later inherit it.
/// On a core that is idle nothing changes. Decision 0063.
#[cfg(target_os = "linux")]
fn let_others_finish() {
    use thread_priority::{
        NormalThreadSchedulePolicy::Batch, ThreadPriority, ThreadSchedulePolicy, set_thread_priority_and_policy,
        thread_native_id,
    };
    // The call sets the niceness as well: one that somebody chose is left as it is.
    if !rustix::process::getpriority_process(None).is_ok_and(|niceness| niceness == 0) {
        return;
    }
    let unchanged = ThreadPriority::Os(thread_priority::ThreadPriorityOsValue::default());
    let policy = ThreadSchedulePolicy::Normal(Batch);
    if let Err(error) = set_thread_priority_and_policy(thread_native_id(), unchanged, policy) {
        tracing::warn!("the endpoint interrupts members at work, which costs throughput: {error:?}");
    }
}

#[cfg(not(target_os = "linux"))]
fn let_others_finish() {}

/// Starts a session of its own and becomes the program.
pub fn exec_session(program: &[OsString]) -> ExitCode {
    let Some((program, arguments)) = program.split_first() else { return ExitCode::from(2) };
    let error = cetcd_runtime::process::exec_session(program, arguments);
    tell!("cetcd: cannot run {}: {error}", program.to_string_lossy());
    ExitCode::from(127)
}

/// Ends at SIGTERM or SIGINT.
fn stop_signal() -> Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
