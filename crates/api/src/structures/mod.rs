//! The structures of the API, each declared once: the document's 19, and ours in `health`, `backup`, `inspect`,
//! `prometheus` and `query`.

mod backup;
mod billing;
mod health;
mod inspect;
mod instance;
mod prometheus;
mod query;
mod settings;
mod snapshot;
mod task;

pub use backup::{EtcdBackup, EtcdBackupPolicy, EtcdRestoreTarget, EtcdRestoreTransfer};
pub use billing::{ChargePrepaidConfig, InstanceConfig};
pub use health::{EtcdCondition, EtcdEvent, EtcdMetricSeries, EtcdSurvivor};
pub use inspect::{EtcdAuditRecord, EtcdKey, EtcdMemberState, EtcdTaskStep};
pub use instance::{Etcd, EtcdCredential, EtcdMember, RPCMethod};
pub use prometheus::{EtcdPrometheus, EtcdPrometheusWatched};
pub use query::{EtcdSubnet, Filter, RegionInstance, VersionInstance};
pub use settings::{
    EtcdAdvancedSettings, EtcdAutoCompactionSettings, EtcdMonitorSettings, EtcdSecuritySettings,
    PrometheusCreationParam,
};
pub use snapshot::{EtcdBackupSettings, EtcdSnapshot, EtcdSnapshotPolicy};
pub use task::{EtcdTaskInfo, TaskStepInfo};
