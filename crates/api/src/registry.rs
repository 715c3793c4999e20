//! The one list of actions, and how to walk it.

use std::collections::BTreeMap;

use crate::{Action, ActionInfo, StructInfo};

/// Calls `$callback! { [extra tokens] A, B, … }` with every action of [`mod@crate::actions`].
///
/// This is the only list of actions. A dispatch table is built from it:
///
/// ```
/// use cetcd_api::{Action, actions, for_each_action};
///
/// macro_rules! names {
///     ($($action:ident),* $(,)?) => {
///         &[$(<actions::$action as Action>::INFO.name),*]
///     };
/// }
/// const NAMES: &[&str] = for_each_action!(names);
/// assert_eq!(NAMES.len(), cetcd_api::actions().len());
/// ```
///
/// Tokens after the callback's name are handed on before the list: `for_each_action!(table, server => )`.
#[macro_export]
macro_rules! for_each_action {
    ($callback:ident $(, $($extra:tt)*)?) => {
        $callback! {
            $($($extra)*)?
            CreateEtcdInstance,
            CreateEtcdSnapshot,
            CreateEtcdSnapshotPolicy,
            DeleteEtcdInstance,
            DeleteEtcdPrometheus,
            DeleteEtcdSnapshot,
            DeleteEtcdSnapshotPolicy,
            DescribeEtcdAuditLog,
            DescribeEtcdAvailableVersions,
            DescribeEtcdBackups,
            DescribeEtcdCreatingProgress,
            DescribeEtcdCredentials,
            DescribeEtcdEvents,
            DescribeEtcdHealth,
            DescribeEtcdInstances,
            DescribeEtcdInternet,
            DescribeEtcdKeys,
            DescribeEtcdMembers,
            DescribeEtcdMetrics,
            DescribeEtcdPrometheus,
            DescribeEtcdPrometheusAccess,
            DescribeEtcdQuota,
            DescribeEtcdRegions,
            DescribeEtcdSnapshotPolicies,
            DescribeEtcdSnapshots,
            DescribeEtcdSubnets,
            DescribeEtcdTaskSteps,
            DescribeEtcdTasks,
            DescribeRPCMethodList,
            DisableEtcdInstanceDeletionProtection,
            DisableEtcdInternet,
            EnableEtcdInstanceDeletionProtection,
            EnableEtcdInternet,
            ModifyEtcdAttribute,
            ModifyEtcdConfiguration,
            ModifyEtcdSnapshotPolicy,
            ModifyEtcdSnapshotRetention,
            OpenEtcdEventStream,
            RecoverEtcdInstance,
            ResizeEtcdInstance,
            RestoreEtcdSnapshot,
            RotateEtcdCredentials,
            ShareEtcdSnapshot,
            UpgradeEtcdInstance,
            VerifyEtcdSnapshot,
        }
    };
}

macro_rules! infos {
    ($($action:ident),* $(,)?) => {
        &[$(<crate::actions::$action as Action>::INFO),*]
    };
}

static ACTIONS: &[&ActionInfo] = for_each_action!(infos);

/// Every action, by name.
pub fn actions() -> &'static [&'static ActionInfo] {
    ACTIONS
}

/// The action with this name or alias. Upper and lower case differ, as in the cloud.
pub fn find(name: &str) -> Option<&'static ActionInfo> {
    ACTIONS.iter().find(|action| action.name == name || action.aliases.contains(&name)).copied()
}

/// Every structure that an action uses, by name.
pub fn structures() -> Vec<&'static StructInfo> {
    fn collect(fields: &[crate::FieldInfo], into: &mut BTreeMap<&'static str, &'static StructInfo>) {
        for info in fields.iter().filter_map(|field| field.nested) {
            if into.insert(info.name, info).is_none() {
                collect(info.fields, into);
            }
        }
    }
    let mut found = BTreeMap::new();
    for action in ACTIONS {
        collect(action.request, &mut found);
        collect(action.response, &mut found);
    }
    found.into_values().collect()
}
