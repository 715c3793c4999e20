//! The actions that this version of the server does not carry out yet. They say so.

use cetcd_api::{Action, Error, actions};

use super::Service;
use crate::{Context, Handler};

macro_rules! not_available_yet {
    ($($action:ident),* $(,)?) => {
        $(
            impl Handler<actions::$action> for Service {
                async fn handle(
                    &self,
                    _context: &Context,
                    _request: <actions::$action as Action>::Request,
                ) -> Result<<actions::$action as Action>::Response, Error> {
                    Err(Error::not_available_yet(<actions::$action as Action>::INFO.name))
                }
            }
        )*
    };
}

not_available_yet! {
    CreateEtcdSnapshot,
    CreateEtcdSnapshotPolicy,
    DescribeEtcdSnapshotPolicies,
    DescribeEtcdSnapshots,
    ModifyEtcdSnapshotPolicy,
}
