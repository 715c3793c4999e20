//! What happened, in order: kept as text on request, and always as one number.

use std::fmt::{self, Write};

/// A trace of a run.
#[derive(Debug)]
pub(crate) struct Trace {
    hash: u64,
    events: u64,
    lines: Option<Vec<String>>,
}

impl Trace {
    pub fn new(keep: bool) -> Self {
        // FNV-1a: no security is asked of it, only that two different runs hardly ever agree.
        Self { hash: 0xcbf2_9ce4_8422_2325, events: 0, lines: keep.then(Vec::new) }
    }

    pub fn add(&mut self, millis: i64, what: fmt::Arguments<'_>) {
        // Writing into a number or a string cannot fail.
        let _ = writeln!(self, "{millis} {what}");
        self.events += 1;
        if let Some(lines) = &mut self.lines {
            lines.push(format!("{:>9}.{:03} {what}", millis / 1000, millis % 1000));
        }
    }

    /// A number that differs wherever anything that happened does.
    pub fn hash(&self) -> u64 {
        self.hash
    }

    /// How many things happened.
    pub fn events(&self) -> u64 {
        self.events
    }

    /// The lines, where they were kept.
    pub fn lines(&self) -> &[String] {
        self.lines.as_deref().unwrap_or_default()
    }
}

impl Write for Trace {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            self.hash = (self.hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        Ok(())
    }
}
