//! Measures cetcd against what it is made of: etcd started by hand, bare hyper, direct connections, etcd's own tools. Each
//! comparison takes turns in one run, on one machine, so that what else the machine does touches both sides.
//!
//! The table is on stdout, progress on stderr. Nothing keeps running, whichever way it ends.

mod api;
mod backup;
mod bare;
mod by_hand;
mod create;
mod endpoint;
mod etcd;
mod figures;
mod gateway;
mod instance;
mod load;
mod machine;
mod memory;
mod processes;
mod report;
mod server;

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, Result, bail};
use clap::{Parser, Subcommand, ValueEnum};
use tempfile::TempDir;
use tokio::signal::unix::{SignalKind, signal};

use crate::{
    bare::Bare,
    machine::Machine,
    report::{Report, Section},
    server::Server,
};

/// Measures cetcd against hand-started etcd, bare hyper and direct connections.
#[derive(Debug, Parser)]
#[command(name = "cetcd-bench", version, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// The binary to measure; the one beside this one where absent
    #[arg(long, value_name = "FILE")]
    cetcd: Option<PathBuf>,
    /// Where to put the data of the run; on the disk that clusters would really use
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Parts to run; all where absent
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Part>,
    /// Fewer and shorter rounds: for a look, not for the record
    #[arg(long)]
    quick: bool,
    /// Version of etcd; the newest 3.5 that is installed where absent
    #[arg(long, value_name = "VERSION")]
    etcd: Option<String>,
    /// Connections of the gateway's load
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = clap::value_parser!(u16).range(1..))]
    connections: u16,
    /// The source's revision, to be noted with the machine
    #[arg(long, value_name = "TEXT")]
    revision: Option<String>,
    /// Write everything, single samples too, as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// End with 1 where a target is missed
    #[arg(long)]
    check: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// The server that the gateway is compared with (started by the benchmark)
    #[command(hide = true)]
    BareServer(Bare),
}

/// A part of the benchmark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    Create,
    Gateway,
    Endpoint,
    Memory,
    Backup,
}

impl Part {
    fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Gateway => "gateway",
            Self::Endpoint => "endpoint",
            Self::Memory => "memory",
            Self::Backup => "backup",
        }
    }

    async fn measure(self, bench: &mut Bench) -> Result<Section> {
        match self {
            Self::Create => create::measure(bench).await,
            Self::Gateway => gateway::measure(bench).await,
            Self::Endpoint => endpoint::measure(bench).await,
            Self::Memory => memory::measure(bench).await,
            Self::Backup => backup::measure(bench).await,
        }
    }
}

/// What every part needs.
struct Bench {
    cetcd: PathBuf,
    dir: PathBuf,
    quick: bool,
    asked_version: Option<String>,
    used_version: Option<String>,
    connections: usize,
}

impl Bench {
    /// A folder for one part.
    fn home(&self, part: &str) -> Result<PathBuf> {
        let home = self.dir.join(part);
        fs::create_dir(&home).with_context(|| format!("cannot make {}", home.display()))?;
        Ok(home)
    }

    /// The version of etcd to use.
    async fn version(&mut self, server: &Server) -> Result<String> {
        let version = instance::version(server, self.asked_version.as_deref()).await?;
        self.used_version = Some(version.clone());
        Ok(version)
    }

    /// Tells how far it is.
    #[allow(clippy::unused_self, reason = "said by the run, wherever it will be said to")]
    fn say(&self, text: &str) {
        eprintln!("{text}");
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let result = match &arguments.command {
        Some(Command::BareServer(bare)) => bare::run(bare).map(|()| ExitCode::SUCCESS),
        None => run(&arguments),
    };
    result.unwrap_or_else(|error| {
        eprintln!("cetcd-bench: {error:#}");
        ExitCode::from(2)
    })
}

/// 0: measured; 1: a target is missed, where `--check` asks; 2: something could not be measured.
fn run(arguments: &Arguments) -> Result<ExitCode> {
    if !cfg!(target_os = "linux") {
        bail!("it needs Linux: /proc for what processes use, and 127.0.0.0/8 for members of one's own");
    }
    let dir = working_dir(arguments.dir.as_deref())?;
    let report = tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(async {
        let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        tokio::select! {
            report = measure(arguments, dir.path()) => report,
            // Dropping what was measured ends what it started.
            _ = interrupt.recv() => bail!("interrupted"),
            _ = terminate.recv() => bail!("terminated"),
        }
    });
    // Whatever was missed, by way of a panic for example.
    processes::end_marked(dir.path());
    let report = report?;
    println!("{}", report.markdown());
    if let Some(path) = &arguments.json {
        let text = serde_json::to_string_pretty(&report)?;
        fs::write(path, text + "\n").with_context(|| format!("cannot write {}", path.display()))?;
    }
    for row in report.missed() {
        eprintln!("missed: {}", row.measure);
    }
    let missed = report.missed().next().is_some();
    Ok(match (report.complete(), missed && arguments.check) {
        (false, _) => ExitCode::from(2),
        (true, true) => ExitCode::from(1),
        (true, false) => ExitCode::SUCCESS,
    })
}

fn working_dir(asked: Option<&Path>) -> Result<TempDir> {
    let parent = asked.map_or_else(std::env::temp_dir, Path::to_owned);
    fs::create_dir_all(&parent).with_context(|| format!("cannot make {}", parent.display()))?;
    let parent = fs::canonicalize(&parent)?;
    tempfile::Builder::new().prefix("cetcd-bench-").tempdir_in(&parent).context("cannot make a folder for the data")
}

async fn measure(arguments: &Arguments, dir: &Path) -> Result<Report> {
    let cetcd = match &arguments.cetcd {
        Some(path) => path.clone(),
        None => std::env::current_exe()?.with_file_name("cetcd"),
    };
    let cetcd = fs::canonicalize(&cetcd).with_context(|| format!("no binary to measure at {}", cetcd.display()))?;
    let mut machine = Machine::here(dir, arguments.revision.clone())?;
    eprintln!("{machine}");
    let mut bench = Bench {
        cetcd,
        dir: dir.to_owned(),
        quick: arguments.quick,
        asked_version: arguments.etcd.clone(),
        used_version: None,
        connections: arguments.connections.into(),
    };
    let mut sections = Vec::new();
    for part in Part::value_variants() {
        if !arguments.only.is_empty() && !arguments.only.contains(part) {
            continue;
        }
        // The others may still say something.
        sections.push(part.measure(&mut bench).await.unwrap_or_else(|error| {
            let log = server::tail(&dir.join(part.name()).join("serve.log"));
            eprintln!("{} could not be measured: {error:#}\nThe end of serve's log:\n{log}", part.name());
            Section::failed(part.name(), &error)
        }));
    }
    machine.etcd = bench.used_version;
    Ok(Report { machine, quick: arguments.quick, sections })
}
