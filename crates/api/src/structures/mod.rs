//! The 19 structures of the API, each declared once.

mod billing;
mod instance;
mod query;
mod settings;
mod snapshot;
mod task;

pub use billing::{ChargePrepaidConfig, InstanceConfig};
pub use instance::{Etcd, EtcdCredential, EtcdMember, RPCMethod};
pub use query::{Filter, RegionInstance, VersionInstance};
pub use settings::{
    EtcdAdvancedSettings, EtcdAutoCompactionSettings, EtcdMonitorSettings, EtcdSecuritySettings,
    PrometheusCreationParam,
};
pub use snapshot::{EtcdBackupSettings, EtcdSnapshot, EtcdSnapshotPolicy};
pub use task::{EtcdTaskInfo, TaskStepInfo};
