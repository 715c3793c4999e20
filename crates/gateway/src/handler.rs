//! From an action's name to its typed handler.

use std::future::Future;

use cetcd_api::{Action, ActionInfo, Error, Input};
use serde_json::Value;

use crate::Context;

/// Carries out one action. The request is decoded and checked as far as its declaration goes; the response has no
/// RequestId, which the envelope adds.
pub trait Handler<A: Action>: Send + Sync {
    /// Answers a request.
    fn handle(&self, context: &Context, request: A::Request)
    -> impl Future<Output = Result<A::Response, Error>> + Send;
}

/// What became of a request that reached its action.
#[derive(Debug)]
pub struct Outcome {
    /// The body to send, envelope and all, or the error to answer.
    pub result: Result<Vec<u8>, Error>,
    /// The parameters for the audit log, secrets taken out; only for actions that change something, and only where
    /// they could be decoded.
    pub parameters: Option<Value>,
}

/// Carries out every action of the registry: implemented for every type that has all handlers.
pub trait Dispatch: Send + Sync + 'static {
    /// Decodes `input`, asks `admit` (the last check, which needs to know that the request is whole), and lets the
    /// handler answer.
    fn dispatch(
        &self,
        context: &Context,
        action: &'static ActionInfo,
        input: Input<'_>,
        admit: impl FnOnce() -> Result<(), Error> + Send,
    ) -> impl Future<Output = Outcome> + Send;
}

async fn run<A: Action, S: Handler<A>>(
    service: &S,
    context: &Context,
    input: Input<'_>,
    admit: impl FnOnce() -> Result<(), Error> + Send,
) -> Outcome {
    let request = match cetcd_api::decode::<A>(input) {
        Ok(request) => request,
        Err(error) => return Outcome { result: Err(error), parameters: None },
    };
    let parameters = A::INFO.changes.then(|| cetcd_api::redacted(A::INFO.request, &request));
    let result = match admit() {
        Ok(()) => service.handle(context, request).await,
        Err(error) => Err(error),
    };
    let mut id = uuid::Uuid::encode_buffer();
    let id = context.request_id.as_hyphenated().encode_lower(&mut id);
    Outcome { result: result.map(|response| cetcd_api::success(&response, id)), parameters }
}

macro_rules! dispatch_all {
    ($($action:ident),* $(,)?) => {
        impl<S> Dispatch for S
        where
            S: Send + Sync + 'static $(+ Handler<cetcd_api::actions::$action>)*,
        {
            async fn dispatch(
                &self,
                context: &Context,
                action: &'static ActionInfo,
                input: Input<'_>,
                admit: impl FnOnce() -> Result<(), Error> + Send,
            ) -> Outcome {
                match action.name {
                    $(
                        stringify!($action) => {
                            run::<cetcd_api::actions::$action, S>(self, context, input, admit).await
                        }
                    )*
                    // The registry and this list are one and the same, so this is never reached.
                    _ => Outcome { result: Err(Error::internal()), parameters: None },
                }
            }
        }
    };
}

cetcd_api::for_each_action!(dispatch_all);
