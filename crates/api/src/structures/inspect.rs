//! What closer looks show. None is of the published document.

use crate::values::StepState;

structure! {
    /// What a member says of itself; what only it could say is null where it does not answer. Not of the published
    /// document.
    out EtcdMemberState {
        /// Name of the member.
        "Name" name: String => example("etcd-abcd1234-etcd-0");
        /// Its zone.
        "Zone" zone: String => example("ap-guangzhou-1");
        /// Pending, Running, Learner, Unhealthy or Stopped.
        "Status" status: String => example("Running");
        /// Where it serves clients.
        "Endpoint" endpoint: String => example("https://127.74.1.1:2379");
        /// Leader, Voter or Learner.
        "Role" role: Option<String> => example("Leader");
        /// Its version of etcd.
        "Version" version: Option<String> => example("v3.5.16");
        /// The raft term that it is in.
        "RaftTerm" raft_term: Option<u64> => example("2");
        /// The last entry of the log that it knows to be committed.
        "RaftIndex" raft_index: Option<u64> => example("1042");
        /// How many entries it is behind the member that is furthest. Members are asked at once, not at the same
        /// instant: under load a few are no lag.
        "Lag" lag: Option<u64> => example("0");
        /// The revision of its keys.
        "Revision" revision: Option<u64> => example("1001");
        /// Size of its database in bytes.
        "DatabaseSize" database_size: Option<u64> => example("20480");
        /// How much of it is in use, in bytes; versions before 3.4 do not tell.
        "DatabaseInUse" database_in_use: Option<u64> => example("16384");
    }
}

structure! {
    /// A step of a task. Not of the published document, which has those of creations alone.
    out EtcdTaskStep {
        /// Name of the step, for example resize_etcd.
        "Step" step: String => example("resize_etcd");
        /// How far the step is: pending, running, success or failed.
        "LifeState" life_state: StepState => example("running");
        /// When the step began, RFC 3339 in UTC; null before that.
        "StartAt" start_at: Option<String> => example("2022-03-29T11:30:17Z");
        /// When the step ended, RFC 3339 in UTC; null before that.
        "EndAt" end_at: Option<String> => example("2022-03-29T11:30:17Z");
        /// Why the step failed.
        "FailedMsg" failed_msg: Option<String> => example("error");
    }
}

structure! {
    /// A key of an instance. Not of the published document.
    out EtcdKey {
        /// The key, where it is text; what is no UTF-8 in it is replaced.
        "Key" key: String => example("/a");
        /// The key in base64, exactly.
        "Encoded" encoded: String => example("L2E=");
        /// How often it was written since it was made.
        "Version" version: u64 => example("1");
        /// The revision at which it was made.
        "CreateRevision" create_revision: u64 => example("2");
        /// The revision at which it was last written.
        "ModRevision" mod_revision: u64 => example("2");
        /// ID of its lease in hexadecimal; null where it has none.
        "Lease" lease: Option<String> => example("694d8f2c9c3a1b02");
        /// Its value, at most 65,536 bytes of it; null in lists.
        "Value" value: Option<String> => example("1");
        /// What the value is written in: utf-8, or base64 where it is no text.
        "ValueEncoding" value_encoding: Option<String> => example("utf-8");
        /// Size of the whole value in bytes.
        "ValueSize" value_size: Option<u64> => example("1");
        /// Whether there is more of the value than is shown.
        "Truncated" truncated: Option<bool> => example("false");
    }
}

structure! {
    /// A request that was to change something. Not of the published document.
    out EtcdAuditRecord {
        /// When it came, RFC 3339 in UTC.
        "Time" time: String => example("2022-03-29T11:30:17.5Z");
        /// What was asked for.
        "Action" action: String => example("DeleteEtcdInstance");
        /// OK, or the error code.
        "Outcome" outcome: String => example("OK");
        /// Why it was refused.
        "Message" message: Option<String> => example("error");
        /// Who asked.
        "User" user: String => example("root");
        /// The key that the request was signed with.
        "SecretId" secret_id: String => example("AKIDexample");
        /// The region that was asked.
        "Region" region: String => example("ap-guangzhou");
        /// From where it came.
        "SourceIp" source_ip: String => example("127.0.0.1");
        /// The request as JSON, secrets replaced, at most 4,096 characters of it; null where it could not be read.
        "Parameters" parameters: Option<String> => example("{}");
        /// How long it took.
        "Milliseconds" milliseconds: u64 => example("3");
        /// RequestId of the request.
        "Request" request: String => example("51abd77d-f503-41e7-ab28-010083e02a78");
    }
}
