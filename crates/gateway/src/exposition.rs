//! The two forms of `/metrics`: OpenMetrics for who asks for it, else the older text that everything reads.

use http::{HeaderMap, header::ACCEPT};

/// The type of OpenMetrics.
pub(crate) const OPEN: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// The type of Prometheus' own text.
pub(crate) const PLAIN: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Whether the client names OpenMetrics.
pub(crate) fn wants_open(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    accepted.flat_map(|value| value.split(',')).any(|range| {
        range.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/openmetrics-text")
    })
}

/// The older text of the same metrics. There a counter is described by the name of its samples, with `_total`, and
/// there are no lines for units and the end.
pub(crate) fn plain(open: &str) -> String {
    let mut text = String::with_capacity(open.len() + open.len() / 50);
    let mut help: Option<(&str, &str)> = None;
    for line in open.lines() {
        if let Some(described) = line.strip_prefix("# HELP ") {
            help = described.split_once(' ');
        } else if let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(|typed| typed.split_once(' ')) {
            let suffix = if kind == "counter" { "_total" } else { "" };
            let kind = if kind == "unknown" { "untyped" } else { kind };
            if let Some((_, words)) = help.take().filter(|(of, _)| *of == name) {
                push(&mut text, &["# HELP ", name, suffix, " ", words]);
            }
            push(&mut text, &["# TYPE ", name, suffix, " ", kind]);
        } else if !line.starts_with("# ") {
            push(&mut text, &[line]);
        }
    }
    text
}

fn push(text: &mut String, parts: &[&str]) {
    for part in parts {
        text.push_str(part);
    }
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn a_counter_is_described_by_the_name_of_its_samples() {
        let open = "# HELP a_b Things done.\n# TYPE a_b counter\na_b_total{x=\"y\"} 3\n\
                    # HELP d_seconds How long.\n# TYPE d_seconds histogram\n# UNIT d_seconds seconds\n\
                    d_seconds_sum 1.0\nd_seconds_count 1\nd_seconds_bucket{le=\"+Inf\"} 1\n# EOF\n";
        let wanted = "# HELP a_b_total Things done.\n# TYPE a_b_total counter\na_b_total{x=\"y\"} 3\n\
                      # HELP d_seconds How long.\n# TYPE d_seconds histogram\n\
                      d_seconds_sum 1.0\nd_seconds_count 1\nd_seconds_bucket{le=\"+Inf\"} 1\n";
        assert_eq!(plain(open), wanted);
    }

    #[test]
    fn open_metrics_are_for_who_names_them() {
        let asked = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT, HeaderValue::from_static(value));
            wants_open(&headers)
        };
        assert!(asked("application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"));
        assert!(!asked("text/plain;version=0.0.4") && !asked("*/*") && !wants_open(&HeaderMap::new()));
    }
}
