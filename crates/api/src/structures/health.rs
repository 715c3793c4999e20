//! Structures of our own, beside the document's 19.

structure! {
    /// One metric of one member over time. Not of the published document.
    out EtcdMetricSeries {
        /// What it is, for example FsyncLatency.
        "MetricName" metric_name: String => example("DatabaseSize");
        /// What its values are in: bytes, count, cores, per second, or seconds at the 99th percentile.
        "Unit" unit: String => example("bytes");
        /// Name of the member.
        "Member" member: String => example("etcd-abcd1234-etcd-0");
        /// Seconds since 1970, rising. Moments at which nothing is known are left out.
        "Timestamps" timestamps: Vec<i64> => example("[1790000000]");
        /// The value at each of them.
        "Values" values: Vec<f64> => example("[20480]");
    }
}

structure! {
    /// Something that is, or should be, true of an instance. Not of the published document.
    out EtcdCondition {
        /// What it is about, for example MembersHealthy or Quorum.
        "Type" kind: String => example("MembersHealthy");
        /// Whether the good state holds.
        "Holds" holds: bool => example("true");
        /// Why, in a sentence that names members and figures; empty where there is nothing to say.
        "Reason" reason: String => example("member 2 has ended");
        /// Since when it is so: RFC 3339, UTC.
        "Since" since: String => example("2026-11-23T10:00:00Z");
        /// What to do where the good state does not hold; empty where it does.
        "Advice" advice: String => example("");
    }
}

structure! {
    /// A member with its data that answers although the cluster has no quorum. Not of the published document.
    out EtcdSurvivor {
        /// Name of the member.
        "Member" member: String => example("etcd-abcd1234-etcd-0");
        /// The last index of the log that it knows to be committed.
        "LogIndex" log_index: u64 => example("1042");
        /// The revision of its keys.
        "Revision" revision: i64 => example("980");
        /// It holds all that was acknowledged before this (RFC 3339, UTC); absent where it was never seen to serve.
        "CompleteUntil" complete_until: Option<String> => example("2026-11-23T10:00:00Z");
        /// Whether a recovery goes on with it.
        "Chosen" chosen: bool => example("true");
    }
}

structure! {
    /// Something that happened to an instance: what was seen, what was done about it, and why. Not of the published
    /// document.
    out EtcdEvent {
        /// Its name, which no other event of the instance has.
        "EventId" event_id: String => example("c17");
        /// When it was seen or done: RFC 3339, UTC.
        "Time" time: String => example("2026-11-23T10:00:00.25Z");
        /// What it is, for example MemberDown or TaskDone.
        "Type" kind: String => example("MemberDown");
        /// How much it matters: info, warning or error.
        "Level" level: String => example("warning");
        /// What happened, in the request's language.
        "Message" message: String => example("etcd-abcd1234-etcd-2 does not serve.");
        /// Why; empty where there is nothing to say.
        "Reason" reason: String => example("has ended");
        /// Name of the member that it is about; empty where it is about the instance as a whole.
        "Member" member: String => example("etcd-abcd1234-etcd-2");
        /// ID of the task that it is of; empty where there is none.
        "TaskId" task_id: String => example("");
    }
}
