//! Writing: transactions, and what their failures mean to a caller.

use std::time::Duration;

use cetcd_api::{Code, Error};
use cetcd_core::InstanceId;
use cetcd_store::Txn;

use super::Service;

/// How often a change is tried again that lost a race to another.
pub(super) const ATTEMPTS: usize = 8;

/// How long a handler waits for the view. It is milliseconds behind; this only bounds the wait for one that stands
/// still.
const VIEW_WAIT: Duration = Duration::from_secs(10);

impl Service {
    /// Applies a transaction and waits until reads show it. False where a precondition did not hold: nothing was
    /// written then.
    pub(super) async fn commit(&self, txn: Txn) -> Result<bool, Error> {
        let outcome = self.store.txn(txn).await.map_err(|error| store_error("write a change", &error))?;
        // The change is durable whether or not the view shows it, so a slow view is no reason to refuse.
        if outcome.succeeded && !self.view_reaches(outcome.revision).await {
            tracing::warn!(revision = outcome.revision, "the view is behind; a change was answered before it shows");
        }
        Ok(outcome.succeeded)
    }

    /// Waits until the view shows `revision`. False where it does not get there in time.
    pub(super) async fn view_reaches(&self, revision: u64) -> bool {
        tokio::time::timeout(VIEW_WAIT, self.view.wait_for(revision)).await.is_ok()
    }

    /// Waits until the view shows `revision`, for a decision that needs it.
    pub(super) async fn require_view(&self, revision: u64) -> Result<(), Error> {
        if self.view_reaches(revision).await {
            return Ok(());
        }
        tracing::error!(revision, reached = self.view.revision(), "the view stands still; a change was refused");
        Err(Error::of(Code::ServiceUnavailable))
    }
}

/// What a failure of the store is to a caller. The details are for the log only.
pub(super) fn store_error(doing: &'static str, error: &cetcd_store::Error) -> Error {
    if error.is_retryable() || matches!(error, cetcd_store::Error::Closed) {
        tracing::warn!(%error, "cannot {doing} now");
        return Error::of(Code::ServiceUnavailable);
    }
    tracing::error!(%error, "cannot {doing}");
    Error::internal()
}

/// Others changed the same thing at every try.
pub(super) fn contended(id: &str) -> Error {
    let id = InstanceId::parse(id).map_or_else(String::new, |id| format!(" `{id}`"));
    Error::new(
        Code::ResourceInUse,
        format!("The instance{id} is being changed by other requests. Try again."),
        format!("实例{id} 正被其他请求修改，请重试。"),
    )
}
