//! Runs scenarios: `--seed N [--trace]`, or `--seeds A..B`.

use std::{io::Write, process::ExitCode};

use cetcd_sim::scenario::{self, Options};

const USAGE: &str = "usage: cetcd-sim --seed N [--trace] | --seeds A..B";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (seeds, trace) = match words.as_slice() {
        ["--seed", seed] => (one(seed), false),
        ["--seed", seed, "--trace"] | ["--trace", "--seed", seed] => (one(seed), true),
        ["--seeds", range] => (several(range), false),
        _ => (None, false),
    };
    let Some(seeds) = seeds else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    let options = Options { trace, ..Options::default() };
    let outcome = match (trace, seeds.clone().next()) {
        (true, Some(seed)) => scenario::run(seed, options).map(|outcome| {
            print(&outcome.trace);
            format!("seed {seed}: {} events, hash {:016x}: nothing wrong", outcome.events, outcome.hash)
        }),
        _ => scenario::run_all(seeds, options).map(|all| {
            format!(
                "{} scenarios, {} instances, {} changes, {} events, {} crashes of the control plane: nothing wrong",
                all.scenarios, all.created, all.changed, all.events, all.crashes
            )
        }),
    };
    match outcome {
        Ok(summary) => {
            eprintln!("{summary}");
            ExitCode::SUCCESS
        }
        Err(failure) => {
            print(&failure.trace);
            eprintln!("{failure}");
            ExitCode::FAILURE
        }
    }
}

/// Data goes to standard output. A reader that has seen enough closes it, which is no failure.
fn print(lines: &[String]) {
    let mut out = std::io::stdout().lock();
    for line in lines {
        if writeln!(out, "{line}").is_err() {
            return;
        }
    }
}

fn one(seed: &str) -> Option<std::ops::Range<u64>> {
    let seed: u64 = seed.parse().ok()?;
    Some(seed..seed.checked_add(1)?)
}

fn several(range: &str) -> Option<std::ops::Range<u64>> {
    let (from, to) = range.split_once("..")?;
    Some(from.parse().ok()?..to.parse().ok()?)
}
