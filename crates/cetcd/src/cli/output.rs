//! Printing: a table to read, JSON or YAML to parse.

use std::io::IsTerminal;

use anyhow::Result;
use clap::ValueEnum;
use comfy_table::{ContentArrangement, Table, presets::NOTHING};
use serde_json::Value;

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
        Format::Table => println!("{}", table(headings, rows)),
        Format::Json | Format::Yaml => print_data(format, data)?,
    }
    Ok(())
}

/// Prints `data` for programs.
pub fn print_data(format: Format, data: &Value) -> Result<()> {
    match format {
        Format::Yaml => print!("{}", serde_yaml::to_string(data)?),
        Format::Table | Format::Json => println!("{}", serde_json::to_string_pretty(data)?),
    }
    Ok(())
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
