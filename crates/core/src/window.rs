//! The time of day at which upkeep may disturb a little.

use std::str::FromStr;

use jiff::{Timestamp, civil::Time, tz::TimeZone};

/// A time of each day, in one time zone; it may go over midnight.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    from: Time,
    to: Time,
    zone: TimeZone,
}

impl Window {
    /// Reads a window such as `02:00-05:00`. `zone` is a name of the IANA database, for example `Asia/Shanghai`.
    pub fn parse(text: &str, zone: &str) -> Result<Self, String> {
        let bad = || format!("{text:?} is not a window such as 02:00-05:00");
        let (from, to) = text.split_once('-').ok_or_else(bad)?;
        let (from, to) = (time(from).ok_or_else(bad)?, time(to).ok_or_else(bad)?);
        if from == to {
            return Err(format!("{text:?} is a window without length"));
        }
        let zone = if zone == "UTC" {
            TimeZone::UTC
        } else {
            TimeZone::get(zone).map_err(|_| format!("{zone:?} is not a time zone such as UTC or Asia/Shanghai"))?
        };
        Ok(Self { from, to, zone })
    }

    /// Whether the moment is in it. Its beginning is, its end is not.
    pub fn contains(&self, moment: Timestamp) -> bool {
        let time = moment.to_zoned(self.zone.clone()).time();
        if self.from < self.to { self.from <= time && time < self.to } else { self.from <= time || time < self.to }
    }
}

impl Default for Window {
    /// Nightly, from two to five, UTC.
    fn default() -> Self {
        Self { from: Time::constant(2, 0, 0, 0), to: Time::constant(5, 0, 0, 0), zone: TimeZone::UTC }
    }
}

fn time(text: &str) -> Option<Time> {
    let (hour, minute) = text.trim().split_once(':')?;
    Time::new(i8::from_str(hour).ok()?, i8::from_str(minute).ok()?, 0, 0).ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn within(window: &str, moment: &str) -> bool {
        Window::parse(window, "UTC").unwrap().contains(moment.parse().unwrap())
    }

    #[test]
    fn a_window_has_its_beginning_and_not_its_end() {
        assert!(within("02:00-05:00", "2026-11-23T02:00:00Z"));
        assert!(within("02:00-05:00", "2026-11-23T04:59:59Z"));
        assert!(!within("02:00-05:00", "2026-11-23T05:00:00Z"));
        assert!(!within("02:00-05:00", "2026-11-23T01:59:59Z"));
    }

    #[test]
    fn a_window_may_go_over_midnight() {
        assert!(within("22:30-01:00", "2026-11-23T23:00:00Z") && within("22:30-01:00", "2026-11-23T00:59:00Z"));
        assert!(!within("22:30-01:00", "2026-11-23T12:00:00Z"));
    }

    #[test]
    fn what_is_no_window_is_refused() {
        for text in ["", "02:00", "25:00-26:00", "02:00-02:00", "two-five"] {
            assert!(Window::parse(text, "UTC").is_err(), "{text}");
        }
        assert!(Window::parse("02:00-05:00", "Mars/Olympus").is_err());
    }
}
