//! The command line: data on stdout, progress on stderr, exit codes that mean something.

mod api;
mod auth;
mod background;
mod change;
mod client;
mod create;
mod credentials;
mod ctl;
mod events;
mod instances;
mod internet;
mod keys;
pub(crate) mod output;
mod policy;
mod prometheus;
mod snapshot;
mod stored;
mod tasks;

use std::{ffi::OsString, net::SocketAddr, path::PathBuf, process::ExitCode};

use anyhow::Result;
use clap::{CommandFactory, Parser, Subcommand};

use client::Client;
use output::Format;

use crate::settings::RecoveryPolicy;

/// A managed etcd service that you run yourself.
#[derive(Debug, Parser)]
#[command(name = "cetcd", version, about, max_term_width = 100, propagate_version = false)]
pub struct Arguments {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// What every command that asks the service needs.
#[derive(Debug, Clone, clap::Args)]
pub struct Global {
    /// Data directory of the service; the API's address and the first key pair are found there
    #[arg(long, global = true, env = "CETCD_DATA_DIR", value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// URL of the API; else what the data directory says
    #[arg(long, global = true, env = "CETCD_ENDPOINT", value_name = "URL")]
    pub endpoint: Option<String>,
    /// Region; else what the credentials say
    #[arg(long, global = true, env = "TENCENTCLOUD_REGION")]
    pub region: Option<String>,
    /// PEM file with the CA of the API, where it is served over https
    #[arg(long, global = true, env = "CETCD_CA_FILE", value_name = "FILE")]
    pub ca_file: Option<PathBuf>,
    /// How data is printed
    #[arg(long, short, global = true, value_enum, default_value_t = Format::Table)]
    pub output: Format,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the service
    Serve {
        /// Address to listen at: plain http on loopback only, https elsewhere [default: 127.0.0.1:8379]
        #[arg(long)]
        listen: Option<SocketAddr>,
        /// File with settings
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
        /// Who decides that a cluster goes on without a quorum [default: manual]
        #[arg(long, value_enum, value_name = "POLICY")]
        recovery_policy: Option<RecoveryPolicy>,
    },
    /// Make an instance and wait until it runs
    Create(create::Create),
    /// List instances
    List(instances::List),
    /// Show an instance
    Get(instances::Get),
    /// Show an instance's credentials, write them to files, or replace them
    Credentials(credentials::Credentials),
    /// Run the right etcdctl against an instance: cetcd ctl ID -- get --prefix /
    Ctl(ctl::Ctl),
    /// Change the number of members and wait until they serve
    Resize(change::Resize),
    /// Move every member to another version, one after another, and wait
    Upgrade(change::Upgrade),
    /// etcd's own authentication: turn it on or off, give root another password
    #[command(subcommand)]
    Auth(auth::Auth),
    /// A public address of an instance: open it to some networks, or close it
    #[command(subcommand)]
    Internet(internet::Internet),
    /// Prometheus instances: list them, let one watch an instance, delete one
    #[command(subcommand)]
    Prometheus(prometheus::Prometheus),
    /// List tasks
    Tasks(tasks::Tasks),
    /// List what happened to an instance, and why
    Events(events::Events),
    /// Backups: take, list, restore, prove, delete; read them on the host of the service
    #[command(subcommand)]
    Snapshot(snapshot::Snapshots),
    /// Policies that take backups
    #[command(subcommand)]
    Policy(policy::Policies),
    /// Delete an instance and wait until nothing of it is left
    Delete(instances::Delete),
    /// The API itself: list its actions, print its schema, call one
    #[command(subcommand)]
    Api(api::Api),
    /// Key pairs, on the host of the service
    #[command(subcommand)]
    Key(keys::Keys),
    /// Print completions for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Run the endpoint process of a host (started by serve)
    #[command(hide = true)]
    Endpoint {
        #[arg(long)]
        dir: PathBuf,
    },
    /// Run a program in a session of its own (started by serve)
    #[command(hide = true)]
    ExecSession {
        #[arg(last = true, required = true)]
        program: Vec<OsString>,
    },
}

/// Runs the command.
pub fn run(arguments: Arguments) -> Result<ExitCode> {
    let Arguments { global, command } = arguments;
    match command {
        Command::ExecSession { program } => return Ok(background::exec_session(&program)),
        Command::Endpoint { dir } => background::endpoint(dir)?,
        Command::Serve { listen, config, recovery_policy } => {
            background::serve(&global, listen, config.as_deref(), recovery_policy)?;
        }
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Arguments::command(), "cetcd", &mut script);
            output::write(format_args!("{}", String::from_utf8_lossy(&script)))?;
        }
        Command::Key(key) => keys::run(&global, key)?,
        Command::Api(api) => api::run(&global, api)?,
        Command::Create(create) => create::run(&Client::open(&global)?, create, global.output)?,
        Command::List(list) => instances::list(&Client::open(&global)?, &list, global.output)?,
        Command::Get(get) => instances::get(&Client::open(&global)?, &get, global.output)?,
        Command::Credentials(show) => credentials::run(&Client::open(&global)?, &show, global.output)?,
        Command::Ctl(ctl) => return ctl::run(&Client::open(&global)?, &ctl),
        Command::Resize(resize) => change::resize(&Client::open(&global)?, &resize)?,
        Command::Upgrade(upgrade) => change::upgrade(&Client::open(&global)?, &upgrade)?,
        Command::Auth(auth) => auth::run(&Client::open(&global)?, &auth)?,
        Command::Internet(internet) => internet::run(&Client::open(&global)?, &internet)?,
        Command::Prometheus(command) => prometheus::run(&global, &command)?,
        Command::Tasks(tasks) => tasks::run(&Client::open(&global)?, &tasks, global.output)?,
        Command::Events(events) => events::run(&Client::open(&global)?, &events, global.output)?,
        Command::Snapshot(command) => snapshot::run(&global, &command)?,
        Command::Policy(command) => policy::run(&Client::open(&global)?, &command, global.output)?,
        Command::Delete(delete) => instances::delete(&Client::open(&global)?, &delete)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// 3: the API refused; 4: what was asked for does not exist; 5: the service cannot be reached; 1: anything else.
pub fn exit_code(error: &anyhow::Error) -> u8 {
    match error.downcast_ref::<client::Error>() {
        Some(client::Error::Refused { code, .. }) if code.starts_with("ResourceNotFound") => 4,
        Some(client::Error::Refused { .. }) => 3,
        Some(client::Error::Unreachable { .. }) => 5,
        None => 1,
    }
}
