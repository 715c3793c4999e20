//! DescribeEtcdCredentials: what a client needs to be let in.

use cetcd_api::{
    Error,
    actions::{DescribeEtcdCredentials, DescribeEtcdCredentialsRequest, DescribeEtcdCredentialsResponse},
    structures::EtcdCredential,
};
use cetcd_store::records;

use super::{Service, commit::store_error};
use crate::{Context, Handler};

impl Handler<DescribeEtcdCredentials> for Service {
    /// Empty where clients need none (https off) and until the certificates are issued, early in the creation.
    /// While a rotation goes on the CA is both of them, one after the other in one PEM text.
    /// This is the one read that asks the store: secrets are not kept in memory.
    async fn handle(
        &self,
        context: &Context,
        request: DescribeEtcdCredentialsRequest,
    ) -> Result<DescribeEtcdCredentialsResponse, Error> {
        let instance = self.visible(context, &request.instance_id)?;
        let issued = if instance.spec.security.https {
            records::certificates(self.store.as_ref(), &self.sealer, &instance.id)
                .await
                .map_err(|error| store_error("read the credentials of an instance", &error))?
        } else {
            None
        };
        let credentials = issued.map(|all| EtcdCredential {
            ca_cert: Some(all.trusted()),
            cert: Some(all.client.cert),
            key: Some(all.client.key),
        });
        Ok(DescribeEtcdCredentialsResponse { credentials: Some(credentials.into_iter().collect()) })
    }
}
