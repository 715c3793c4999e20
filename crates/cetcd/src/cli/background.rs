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
use tracing_subscriber::{EnvFilter, fmt};

use super::Global;
use crate::{
    serve,
    settings::{Flags, Log},
};

/// Worker threads of the endpoint: it only copies bytes.
const ENDPOINT_THREADS: usize = 2;

/// Runs the service until SIGTERM or SIGINT.
pub fn serve(global: &Global, listen: Option<SocketAddr>, config: Option<&Path>) -> Result<()> {
    let flags = Flags { data_dir: global.data_dir.clone(), listen };
    let settings = serve::settings(config, flags)?;
    start_log(&settings.log)?;
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
    start_log(&Log::default())?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(ENDPOINT_THREADS).enable_all().build()?;
    runtime.block_on(async {
        let signalled = stop_signal()?;
        cetcd_endpoint::run(cetcd_endpoint::Options::new(dir), signalled).await.context("the endpoint failed")
    })
}

/// Starts a session of its own and becomes the program.
pub fn exec_session(program: &[OsString]) -> ExitCode {
    let Some((program, arguments)) = program.split_first() else { return ExitCode::from(2) };
    let error = cetcd_runtime::process::exec_session(program, arguments);
    eprintln!("cetcd: cannot run {}: {error}", program.to_string_lossy());
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

fn start_log(log: &Log) -> Result<()> {
    let filter =
        EnvFilter::try_new(&log.level).with_context(|| format!("`log.level` {:?} is not a filter", log.level))?;
    let builder = fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false);
    if log.format == "json" {
        builder.json().init();
    } else {
        builder.with_ansi(false).init();
    }
    Ok(())
}
