//! When upkeep may disturb a little.

use anyhow::Result;
use cetcd_core::window::Window;
use serde::Deserialize;

/// When upkeep may disturb a little.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Maintenance {
    /// A time of each day, such as `02:00-05:00`; empty for never.
    pub window: String,
    /// The time zone of the window, by its IANA name.
    pub time_zone: String,
}

impl Default for Maintenance {
    fn default() -> Self {
        Self { window: "02:00-05:00".to_owned(), time_zone: "UTC".to_owned() }
    }
}

impl Maintenance {
    /// The window, where there is one.
    pub fn window(&self) -> Result<Option<Window>> {
        let read =
            || Window::parse(&self.window, &self.time_zone).map_err(|why| anyhow::anyhow!("`maintenance`: {why}"));
        (!self.window.is_empty()).then(read).transpose()
    }
}
