//! Enumerations that requests use.

enumeration! {
    /// How an instance is billed. Recorded and answered; nobody is charged.
    ChargeType {
        /// Paid by the hour, afterwards.
        PostpaidByHour = "POSTPAID_BY_HOUR",
        /// Paid in advance, by the month.
        Prepaid = "PREPAID",
    }
}

enumeration! {
    /// What happens when a prepaid period ends.
    RenewFlag {
        /// The default: the user is told and renews by hand.
        NotifyAndManualRenew = "NOTIFY_AND_MANUAL_RENEW",
        /// Renewed automatically.
        NotifyAndAutoRenew = "NOTIFY_AND_AUTO_RENEW",
        /// Not renewed, by the user's own choice, and not told.
        DisableNotifyAndManualRenew = "DISABLE_NOTIFY_AND_MANUAL_RENEW",
    }
}

enumeration! {
    /// What etcd's automatic compaction goes by.
    AutoCompactionMode {
        /// Keeps the history of a length of time. The document also writes `period`.
        Periodic = "periodic" | "period",
        /// Keeps a number of revisions.
        Revision = "revision",
    }
}

enumeration! {
    /// How far a step of a creation is.
    StepState {
        /// Not begun.
        Pending = "pending",
        /// Under way.
        Running = "running",
        /// Done.
        Success = "success",
        /// Failed; `FailedMsg` says why.
        Failed = "failed",
    }
}
