//! Printing: a table to read, JSON or YAML to parse.

use std::{
    fmt,
    io::{self, IsTerminal, Write},
};

use anyhow::Result;
use clap::ValueEnum;
use comfy_table::{ContentArrangement, Table, presets::NOTHING};
use serde_json::Value;

/// Nobody reads what is printed any more, as after `cetcd list | head -1`. It is no failure.
#[derive(Debug, thiserror::Error)]
#[error("nobody reads what is printed any more")]
pub struct NobodyReads;

/// Prints data on stdout as it is, without a line's end of its own.
pub fn write(text: fmt::Arguments<'_>) -> Result<()> {
    let mut stdout = io::stdout().lock();
    match stdout.write_fmt(text).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Err(NobodyReads.into()),
        written => Ok(written?),
    }
}

/// Says on stderr how far it is. Where nobody reads that, nobody has to know.
pub fn note(text: fmt::Arguments<'_>) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Prints a line of data; answers what [`write`] does. What is there to be read goes to stdout through this alone:
/// `println!` would panic where the reader went away.
macro_rules! say {
    ($($text:tt)*) => { $crate::cli::output::write(format_args!("{}\n", format_args!($($text)*))) };
}

/// A line for the person before the screen, as [`note`] prints it.
macro_rules! tell {
    ($($text:tt)*) => { $crate::cli::output::note(format_args!($($text)*)) };
}

pub(crate) use {say, tell};

/// How data is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For reading.
    Table,
    /// For programs.
    Json,
    /// For programs and for reading.
    Yaml,
}

/// Prints `data` as it is for programs, or `rows` under `headings` for people.
pub fn print(format: Format, data: &Value, headings: &[&str], rows: Vec<Vec<String>>) -> Result<()> {
    match format {
        Format::Table => say!("{}", table(headings, rows))?,
        Format::Json | Format::Yaml => print_data(format, data)?,
    }
    Ok(())
}

/// Prints `data` for programs.
pub fn print_data(format: Format, data: &Value) -> Result<()> {
    match format {
        Format::Yaml => write(format_args!("{}", serde_yaml::to_string(data)?)),
        Format::Table | Format::Json => say!("{}", serde_json::to_string_pretty(data)?),
    }
}

/// A table without lines, as wide as the terminal.
fn table(headings: &[&str], rows: Vec<Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_preset(NOTHING).set_header(headings.iter().map(|heading| heading.to_uppercase()));
    if std::io::stdout().is_terminal() {
        table.set_content_arrangement(ContentArrangement::Dynamic);
    }
    table.add_rows(rows);
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table.to_string().lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

/// A field as text; empty where it is absent.
pub fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
