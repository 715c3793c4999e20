//! Billing and the size of machines. Kept and answered; nobody is charged.

use crate::values::RenewFlag;

structure! {
    /// Settings of a prepaid instance.
    both ChargePrepaidConfig {
        /// The prepaid period in months, 1 to 36.
        "Period" period: i64 => range(1, 36), example("1");
        /// What happens when the period ends: NOTIFY_AND_MANUAL_RENEW (the default: told, renewed by hand),
        /// NOTIFY_AND_AUTO_RENEW (renewed automatically), DISABLE_NOTIFY_AND_MANUAL_RENEW (expressly not renewed).
        "RenewFlag" renew_flag: RenewFlag => example("NOTIFY_AND_AUTO_RENEW");
    }
}

structure! {
    /// The size of an instance's machines and the number of its members.
    in InstanceConfig {
        /// Cores for each member, 1 to 128.
        "Cpu" cpu: u64 => range(1, 128), example("1");
        /// Memory for each member in GiB, 1 to 1024.
        "Mem" mem: u64 => range(1, 1024), example("2");
        /// Number of members: 1, 3, 5, 7 or 9.
        "Size" size: u64 => one_of(&[1, 3, 5, 7, 9]), example("1");
    }
}
