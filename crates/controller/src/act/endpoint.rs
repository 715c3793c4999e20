//! What is done with the endpoint.

use std::{future::Future, net::SocketAddr, time::Duration};

use cetcd_core::internet::PublicRoute;
use cetcd_runtime::EndpointSpec;

use super::{Subject, required};
use crate::{Result, World};

/// How long clients are held back at the most. A hand-over takes some tens of milliseconds.
const LONGEST_HOLD: Duration = Duration::from_millis(400);

/// Makes the endpoint pass connections to `backends` and no others, and be open to the public as `public` says.
pub(super) async fn serve(
    world: &World,
    subject: &Subject<'_>,
    backends: &[SocketAddr],
    public: Option<&PublicRoute>,
) -> Result<()> {
    let listen = required(subject.status.value.endpoint, "the endpoint's address")?;
    let instance = subject.instance.value.id.clone();
    let spec = EndpointSpec { instance, listen, backends: backends.to_vec(), public: public.cloned() };
    Ok(world.runtime.ensure_endpoint(&spec).await?)
}

/// Does `change` while no request of a client is on its way, as far as that can be had: clients that do not come
/// through the endpoint, or an endpoint that cannot be held, are no reason not to go on.
pub(super) async fn at_rest(
    world: &World,
    subject: &Subject<'_>,
    change: impl Future<Output = Result<()>>,
) -> Result<()> {
    let id = &subject.instance.value.id;
    let held = subject.observed.endpoint.serving;
    if held && let Err(error) = world.runtime.hold_endpoint(id, LONGEST_HOLD).await {
        tracing::info!(instance = %id, %error, "clients are not held back");
    }
    let outcome = change.await;
    if held && let Err(error) = world.runtime.release_endpoint(id).await {
        tracing::info!(instance = %id, %error, "clients are held back until the endpoint lets them go by itself");
    }
    outcome
}
