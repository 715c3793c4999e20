//! What backups are beyond the published document.

structure! {
    /// A backup, with all that is known of it. Not of the published document.
    out EtcdBackup {
        /// Name of the snapshot.
        "Name" name: String => example("test");
        /// How far it is.
        "State" state: String => values(&["pending", "running", "done", "failed", "deleting"]), example("done");
        /// Why it was taken.
        "Origin" origin: String => values(&["manual", "policy", "before_upgrade", "before_restore"]),
            example("manual");
        /// Name of the policy that took it; null where none did.
        "Policy" policy: Option<String> => example("default-backup-policy");
        /// The version of etcd that wrote it; null until it is there.
        "Version" version: Option<String> => example("v3.5.16");
        /// The revision of its keys; null until it is there.
        "Revision" revision: Option<i64> => example("4711");
        /// How many revisions of keys it has, deletions among them; null until it is there.
        "Keys" keys: Option<u64> => example("1200");
        /// Size of the snapshot in bytes; null until it is there.
        "Size" size: Option<u64> => example("1048576");
        /// Bytes that it takes in the object storage, compressed and encrypted; null until it is there.
        "StoredSize" stored_size: Option<u64> => example("204800");
        /// SHA-256 of the snapshot, hexadecimal; null until it is there.
        "Sha256" sha256: Option<String> => example("");
        /// Bytes of the snapshot that are through; null unless it is being taken now.
        "TransferredBytes" transferred_bytes: Option<u64> => example("524288");
        /// How many bytes there will be, about; null unless it is being taken now.
        "ExpectedBytes" expected_bytes: Option<u64> => example("1048576");
        /// When it was asked for, or was due, RFC 3339 in UTC.
        "RequestedAt" requested_at: String => example("2026-11-23T10:00:00Z");
        /// When its last try began, RFC 3339 in UTC; null before that.
        "StartedAt" started_at: Option<String> => example("2026-11-23T10:00:00Z");
        /// When its last try ended, RFC 3339 in UTC; null before that.
        "EndedAt" ended_at: Option<String> => example("2026-11-23T10:00:02Z");
        /// IDs of the other accounts that may make instances of it.
        "SharedWith" shared_with: Vec<String> => example("[]");
        /// How often it was tried.
        "Attempts" attempts: u64 => example("1");
        /// What went wrong in the last try; empty otherwise.
        "FailedMsg" failed_msg: String => example("");
        /// Whether restoring it was tried, and how that ended.
        "ProofState" proof_state: String => values(&["none", "passed", "failed"]), example("passed");
        /// When it was last restored for proof, RFC 3339 in UTC; null where it never was.
        "ProvedAt" proved_at: Option<String> => example("2026-11-23T10:00:09Z");
        /// How long that took until a member served, in milliseconds; null where it never was.
        "ProofMillis" proof_millis: Option<u64> => example("4200");
        /// What was wrong with what was restored; empty otherwise.
        "ProofMsg" proof_msg: String => example("");
    }
}

structure! {
    /// A snapshot that is being brought from the object storage to be restored. Not of the published document.
    out EtcdRestoreTransfer {
        /// ID of the instance that the snapshot is of.
        "InstanceId" instance_id: String => example("etcd-abcd1234");
        /// Name of the snapshot.
        "SnapshotName" snapshot_name: String => example("test");
        /// Bytes of the snapshot that are through.
        "TransferredBytes" transferred_bytes: u64 => example("524288");
        /// How many bytes there will be; null while that is not known.
        "ExpectedBytes" expected_bytes: Option<u64> => example("1048576");
    }
}

structure! {
    /// A policy that takes backups, with all that it says. Not of the published document.
    out EtcdBackupPolicy {
        /// Name of the policy.
        "Name" name: String => example("default-backup-policy");
        /// Time from one backup to the next in seconds.
        "BackupInterval" backup_interval: u64 => example("3600");
        /// How many backups are kept.
        "MaxBackupCount" max_backup_count: u64 => example("24");
        /// Of so many hours the newest is kept beside.
        "KeepHourly" keep_hourly: u64 => example("0");
        /// Of so many days the newest is kept beside.
        "KeepDaily" keep_daily: u64 => example("7");
        /// Of so many weeks the newest is kept beside.
        "KeepWeekly" keep_weekly: u64 => example("4");
        /// Every so many backups one is proved; 0: none.
        "ProveEvery" prove_every: u64 => example("1");
        /// The slot for which a backup was last begun, RFC 3339 in UTC; null before the first.
        "LastSlot" last_slot: Option<String> => example("2026-11-23T10:00:00Z");
        /// The next slot, RFC 3339 in UTC.
        "NextSlot" next_slot: String => example("2026-11-23T11:00:00Z");
    }
}

structure! {
    /// An instance to be made from a snapshot. Not of the published document. What is left out is as the instance has
    /// it that the snapshot is of; where that was deleted, or is another account's, all but Region must be there.
    in EtcdRestoreTarget {
        /// Name of the new instance, 1 to 60 characters.
        "Name" name: String => length(1, 60), example("restored");
        /// Code of the region that it is made in.
        "Region" region: Option<String> => length(0, 64), example("ap-guangzhou");
        /// ID of the VPC.
        "VpcId" vpc_id: Option<String> => length(0, 64), example("vpc-abcd1234");
        /// ID of the subnet that the endpoint's address is taken from.
        "ServiceSubnetId" service_subnet_id: Option<String> => length(0, 64), example("subnet-abcd1234");
        /// IDs of the subnets that members are spread over.
        "SubnetIds" subnet_ids: Option<Vec<String>> => items(0, 10), example("[\"subnet-abcd1234\"]");
        /// Version of etcd: that of the snapshot's minor version, or of the next.
        "EtcdVersion" etcd_version: Option<String> => length(0, 32), example("v3.5.16");
        /// Number of members: 1, 3, 5, 7 or 9.
        "Size" size: Option<u64> => one_of(&[1, 3, 5, 7, 9]), example("3");
    }
}
