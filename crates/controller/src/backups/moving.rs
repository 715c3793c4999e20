//! What moves between members, storage and disk, for whoever wants to know how far it is.

use std::{
    collections::BTreeMap,
    ops::Deref,
    sync::{Arc, Mutex, PoisonError},
};

use cetcd_backup::Progress;

/// Transfers by what they are of. Clones share it.
#[derive(Debug, Clone, Default)]
pub(super) struct Moving(Arc<Mutex<BTreeMap<String, Progress>>>);

/// One transfer, which is over when this is dropped.
#[derive(Debug)]
pub(super) struct Transfer {
    of: Moving,
    what: String,
    progress: Progress,
}

impl Moving {
    /// Begins one, in the place of an earlier one of the same.
    pub fn begin(&self, what: &str) -> Transfer {
        let progress = Progress::default();
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(what.to_owned(), progress.clone());
        Transfer { of: self.clone(), what: what.to_owned(), progress }
    }

    pub fn progress(&self, what: &str) -> Option<Progress> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(what).cloned()
    }
}

impl Deref for Transfer {
    type Target = Progress;

    fn deref(&self) -> &Progress {
        &self.progress
    }
}

impl Drop for Transfer {
    fn drop(&mut self) {
        self.of.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.what);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_moves_now_is_told() {
        let moving = Moving::default();
        let transfer = moving.begin("snap-1");
        transfer.expect(100);
        assert_eq!(moving.progress("snap-1").and_then(|progress| progress.total()), Some(100));
        assert!(moving.progress("snap-2").is_none());
        drop(transfer);
        assert!(moving.progress("snap-1").is_none());
    }
}
