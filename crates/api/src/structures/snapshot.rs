//! Snapshots and the policies that take them.

structure! {
    /// How backups are taken and kept.
    both EtcdBackupSettings {
        /// Time from one backup to the next in seconds, 60 to 31536000 (a year).
        "BackupInterval" backup_interval: i64 => nullable(true), range(60, 31_536_000), example("3600");
        /// How many backups are kept, 1 to 1000.
        "MaxBackupCount" max_backup_count: i64 => nullable(true), range(1, 1000), example("12");
        /// Name of the etcd user that takes the backup, where authentication is on.
        "User" user: Option<String> => length(0, 64), example("user");
        /// Password of that user.
        "Password" password: Option<String> => length(0, 128), sensitive(), example("password");
        /// Name of the bucket that backups go to.
        "CosBucketName" cos_bucket_name: Option<String> => length(0, 128),
            example("tencentcloud-tke-etcd-backups-ap-guangzhou-1234567");
    }
}

structure! {
    /// A snapshot of an instance.
    out EtcdSnapshot {
        /// Name of the snapshot.
        "Name" name: String => example("test-snapshot");
        /// Size of the snapshot in bytes.
        "Size" size: u64 => example("1024");
    }
}

structure! {
    /// A policy that takes snapshots.
    out EtcdSnapshotPolicy {
        /// Name of the policy.
        "Name" name: String => example("default-backup-policy");
        /// How its backups are taken and kept.
        "BackupSettings" backup_settings: EtcdBackupSettings;
    }
}
