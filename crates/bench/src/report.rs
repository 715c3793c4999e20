//! What was measured, as a table to read and as JSON.

use comfy_table::{Table, presets::ASCII_MARKDOWN};
use serde::Serialize;

use crate::machine::Machine;

/// What a ratio or a figure must be.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// No more than this.
    AtMost(f64),
    /// No less than this.
    AtLeast(f64),
}

impl Target {
    fn holds(self, value: f64) -> bool {
        match self {
            Self::AtMost(limit) => value <= limit,
            Self::AtLeast(limit) => value >= limit,
        }
    }
}

/// One line of the table.
#[derive(Debug, Clone, Serialize)]
pub struct Row {
    /// What was measured.
    pub measure: String,
    /// Ours.
    pub cetcd: String,
    /// What it is compared with; empty where there is nothing.
    pub compared: String,
    /// Ours divided by the other.
    pub ratio: Option<f64>,
    /// The figure that the target is about, with its unit, where it is no ratio.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub figure: Option<(f64, &'static str)>,
    /// What must hold.
    pub target: Option<Target>,
    /// Whether it does.
    pub holds: Option<bool>,
}

impl Row {
    /// A line without a target.
    pub fn new(measure: impl Into<String>, cetcd: impl Into<String>) -> Self {
        Self {
            measure: measure.into(),
            cetcd: cetcd.into(),
            compared: String::new(),
            ratio: None,
            figure: None,
            target: None,
            holds: None,
        }
    }

    /// What it is compared with.
    pub fn against(mut self, compared: impl Into<String>) -> Self {
        self.compared = compared.into();
        self
    }

    /// The ratio, without a target.
    pub fn ratio(mut self, ratio: f64) -> Self {
        self.ratio = Some(ratio);
        self
    }

    /// The ratio and what it must be.
    pub fn ratio_to_hold(mut self, ratio: f64, target: Target) -> Self {
        self.ratio = Some(ratio);
        self.holds = Some(ratio.is_finite() && target.holds(ratio));
        self.target = Some(target);
        self
    }

    /// A figure and what it must be.
    pub fn figure_to_hold(mut self, figure: f64, unit: &'static str, target: Target) -> Self {
        self.figure = Some((figure, unit));
        self.holds = Some(target.holds(figure));
        self.target = Some(target);
        self
    }

    fn target_text(&self) -> String {
        let unit = self.figure.map_or_else(String::new, |(_, unit)| format!(" {unit}"));
        let digits = usize::from(self.figure.is_none()) * 2;
        match self.target {
            None => String::new(),
            Some(Target::AtMost(limit)) => format!("at most {limit:.digits$}{unit}"),
            Some(Target::AtLeast(limit)) => format!("at least {limit:.digits$}{unit}"),
        }
    }
}

/// One part of the benchmark.
#[derive(Debug, Serialize)]
pub struct Section {
    /// Its name, as `--only` takes it.
    pub name: &'static str,
    /// Its lines; none where it could not be measured.
    pub rows: Vec<Row>,
    /// Every single sample, by name and unit, for whoever wants to calculate for himself.
    pub samples: serde_json::Map<String, serde_json::Value>,
    /// Why it could not be measured, where that is so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
}

impl Section {
    /// One without lines yet.
    pub fn new(name: &'static str) -> Self {
        Self { name, rows: Vec::new(), samples: serde_json::Map::new(), failed: None }
    }

    /// One that could not be measured.
    pub fn failed(name: &'static str, error: &anyhow::Error) -> Self {
        Self { failed: Some(format!("{error:#}")), ..Self::new(name) }
    }

    /// Keeps the samples of one series.
    pub fn sample(&mut self, name: &str, values: &[f64]) {
        self.samples.insert(name.to_owned(), values.into());
    }
}

/// Everything of one run.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Where and when.
    pub machine: Machine,
    /// Whether it ran fewer and shorter rounds.
    pub quick: bool,
    /// The parts that were asked for.
    pub sections: Vec<Section>,
}

impl Report {
    /// The table, as Markdown: a page and a terminal show it alike.
    pub fn markdown(&self) -> String {
        let mut table = Table::new();
        table.load_preset(ASCII_MARKDOWN);
        table.set_header(["measured", "cetcd", "compared with", "ratio", "target", ""]);
        for section in &self.sections {
            for row in &section.rows {
                let ratio = row.ratio.map_or_else(String::new, |ratio| format!("{ratio:.2}"));
                let verdict = row.holds.map_or("", |holds| if holds { "holds" } else { "**missed**" });
                table.add_row([&row.measure, &row.cetcd, &row.compared, &ratio, &row.target_text(), verdict]);
            }
            if let Some(why) = &section.failed {
                table.add_row([section.name, &format!("could not be measured: {}", why.replace('\n', " "))]);
            }
        }
        let quick = if self.quick { "A quick run: fewer and shorter rounds, for a look only.\n\n" } else { "" };
        format!("{}\n\n{quick}{table}\n", self.machine)
    }

    /// Whether every part that was asked for has figures.
    pub fn complete(&self) -> bool {
        self.sections.iter().all(|section| section.failed.is_none())
    }

    /// The lines whose target does not hold.
    pub fn missed(&self) -> impl Iterator<Item = &Row> {
        self.sections.iter().flat_map(|section| &section.rows).filter(|row| row.holds == Some(false))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_line_says_its_target_and_whether_it_holds() {
        let missed = Row::new("a", "1").ratio_to_hold(1.21, Target::AtMost(1.2));
        assert_eq!((missed.target_text().as_str(), missed.holds), ("at most 1.20", Some(false)));
        let held = Row::new("a", "1").figure_to_hold(39.0, "MiB", Target::AtMost(40.0));
        assert_eq!((held.target_text().as_str(), held.holds), ("at most 40 MiB", Some(true)));
    }

    #[test]
    fn a_ratio_that_is_no_number_holds_nothing() {
        assert_eq!(Row::new("a", "1").ratio_to_hold(f64::INFINITY, Target::AtLeast(0.6)).holds, Some(false));
        assert_eq!(Row::new("a", "1").ratio_to_hold(f64::NAN, Target::AtMost(1.2)).holds, Some(false));
    }
}
