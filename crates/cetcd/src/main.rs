//! cetcd: a managed etcd service that you run yourself.

mod cli;
mod launcher;
mod live;
mod log;
mod metrics;
mod serve;
mod settings;
mod system;
mod tls;
mod watching;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let arguments = cli::Arguments::parse();
    match cli::run(arguments) {
        Ok(code) => code,
        Err(error) if error.is::<cli::output::NobodyReads>() => ExitCode::SUCCESS,
        Err(error) => {
            cli::output::note(format_args!("cetcd: {error:#}"));
            ExitCode::from(cli::exit_code(&error))
        }
    }
}
