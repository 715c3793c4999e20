//! RotateEtcdCredentials: a new CA and all that it issues, while the former is good for a while.

use cetcd_api::{
    Code, Error,
    actions::{RotateEtcdCredentials, RotateEtcdCredentialsRequest, RotateEtcdCredentialsResponse},
};
use cetcd_core::{InstanceId, plan::overlap_end, status::Rotation, task::TaskKind};

use super::{Service, lookup::time};
use crate::{Context, Handler};

impl Handler<RotateEtcdCredentials> for Service {
    /// Begins a rotation, or ends the overlap of the last one at once. Where there is none to end, nothing changes.
    async fn handle(
        &self,
        context: &Context,
        request: RotateEtcdCredentialsRequest,
    ) -> Result<RotateEtcdCredentialsResponse, Error> {
        let ends = request.end_overlap == Some(true);
        let overlap_seconds = request.overlap_seconds.unwrap_or(self.overlap_seconds);
        self.converge(context, &request.instance_id, TaskKind::RotateCredentials, |instance| {
            let rotation = self.view.status(&instance.id).map_or_else(Rotation::default, |status| status.rotation);
            let wish = &mut instance.spec.credentials;
            match rotation.overlap_since {
                Some(_) if ends => wish.end_overlap = rotation.trust,
                None if ends => {}
                Some(since) => {
                    return Err(overlaps(&instance.id, &time(overlap_end(since, wish.overlap_seconds))));
                }
                None => {
                    wish.rotations += 1;
                    wish.overlap_seconds = overlap_seconds;
                }
            }
            Ok(())
        })
        .await?;
        Ok(RotateEtcdCredentialsResponse {})
    }
}

/// Whoever holds what was given out before the last rotation was promised that it is good until then.
fn overlaps(id: &InstanceId, until: &str) -> Error {
    Error::new(
        Code::OperationDenied,
        format!(
            "The credentials of `{id}` from before the last rotation are good until {until}. Wait for it, or end it now with `EndOverlap`."
        ),
        format!("实例 `{id}` 上一次轮换之前的凭证在 {until} 之前仍然有效，请等待，或使用 `EndOverlap` 立即结束。"),
    )
}
