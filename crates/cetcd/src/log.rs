//! The service's own log: lines are gathered and written together.
//!
//! A line for each request, each written by itself under a lock, cost an eighth of a request's time. Lines wait
//! for a tenth of a second at most; a warning or an error takes them along at once.

use std::{
    io::{self, Write},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use anyhow::{Context, Result};
use tracing::{Level, Metadata};
use tracing_subscriber::{EnvFilter, fmt, fmt::MakeWriter};

use crate::settings::Log;

/// How long a line waits at most.
const LONGEST_WAIT: Duration = Duration::from_millis(100);

/// What is gathered at most before it is written, in bytes.
const MOST_BYTES: usize = 64 * 1024;

/// Starts the log on standard error. What is gathered is written when the answer is dropped.
pub fn start(log: &Log) -> Result<Guard> {
    let filter =
        EnvFilter::try_new(&log.level).with_context(|| format!("`log.level` {:?} is not a filter", log.level))?;
    let lines = Lines::default();
    let builder = fmt().with_env_filter(filter).with_writer(lines.clone()).with_target(false);
    if log.format == "json" {
        builder.json().init();
    } else {
        builder.with_ansi(false).init();
    }
    let ticking = lines.clone();
    std::thread::Builder::new().name("cetcd-log".to_owned()).spawn(move || {
        loop {
            std::thread::park_timeout(LONGEST_WAIT);
            ticking.write_out();
        }
    })?;
    let panicking = lines.clone();
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        panicking.write_out();
        usual(panic);
    }));
    Ok(Guard(lines))
}

/// Writes what is gathered when it is dropped.
pub struct Guard(Lines);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.write_out();
    }
}

/// Lines that wait to be written.
#[derive(Clone, Default)]
pub struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    fn gathered(&self) -> MutexGuard<'_, Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_out(&self) {
        let gathered = std::mem::take(&mut *self.gathered());
        if !gathered.is_empty() {
            // There is nowhere to tell that the log cannot be written.
            let _ = io::stderr().write_all(&gathered);
        }
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Line;

    fn make_writer(&'a self) -> Line {
        Line { lines: self.clone(), at_once: false }
    }

    fn make_writer_for(&'a self, meta: &Metadata<'_>) -> Line {
        Line { lines: self.clone(), at_once: *meta.level() <= Level::WARN }
    }
}

/// Writes one line.
pub struct Line {
    lines: Lines,
    at_once: bool,
}

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let full = {
            let mut gathered = self.lines.gathered();
            gathered.extend_from_slice(bytes);
            gathered.len() >= MOST_BYTES
        };
        if full || self.at_once {
            self.lines.write_out();
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn lines_wait_to_be_written_together_and_urgent_ones_take_them_along() {
        let lines = Lines::default();
        let line = |at_once| Line { lines: lines.clone(), at_once };
        line(false).write_all(b"one\n").unwrap();
        line(false).write_all(b"two\n").unwrap();
        assert_eq!(*lines.gathered(), b"one\ntwo\n");
        line(true).write_all(b"\n").unwrap();
        assert!(lines.gathered().is_empty());
    }

    #[test]
    fn what_is_gathered_is_bounded() {
        let lines = Lines::default();
        let mut line = Line { lines: lines.clone(), at_once: false };
        line.write_all(&vec![b'\n'; MOST_BYTES]).unwrap();
        assert!(lines.gathered().is_empty());
    }
}
