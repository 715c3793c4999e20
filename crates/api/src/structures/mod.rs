//! The structures of the API, each declared once: the document's 19, and ours: `EtcdCondition`, `EtcdSubnet`.

mod billing;
mod health;
mod instance;
mod query;
mod settings;
mod snapshot;
mod task;

pub use billing::{ChargePrepaidConfig, InstanceConfig};
pub use health::EtcdCondition;
pub use instance::{Etcd, EtcdCredential, EtcdMember, RPCMethod};
pub use query::{EtcdSubnet, Filter, RegionInstance, VersionInstance};
pub use settings::{
    EtcdAdvancedSettings, EtcdAutoCompactionSettings, EtcdMonitorSettings, EtcdSecuritySettings,
    PrometheusCreationParam,
};
pub use snapshot::{EtcdBackupSettings, EtcdSnapshot, EtcdSnapshotPolicy};
pub use task::{EtcdTaskInfo, TaskStepInfo};
