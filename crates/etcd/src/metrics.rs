//! Reading a member's metrics.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use cetcd_core::InstanceId;
use http::{Request, StatusCode, header};
use http_body_util::{BodyExt, Empty, Limited};
use hyper_util::rt::TokioIo;
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;

use crate::{
    admin::{ClientCredentials, Target},
    answers::innermost,
};

/// What is read at most.
const MAX_BYTES: usize = 8 * 1024 * 1024;

/// Sessions that are kept of an instance's members, to be taken up again: some for each of nine.
const SESSIONS: usize = 9 * 8;

/// How to speak TLS to the members of each instance. It takes longer to read certificates than to ask with them, and
/// hundreds of members are asked every few seconds: so it is made once for each instance and set of credentials, and a
/// session with a member is taken up again where it was left.
#[derive(Default)]
pub struct Connectors(Mutex<Known>);

/// The configuration of each instance, and what it was made of.
type Known = HashMap<InstanceId, (Arc<ClientCredentials>, Arc<ClientConfig>)>;

impl Connectors {
    fn all(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The configuration for the instance, made anew where its credentials are others than before.
    fn of(&self, instance: &InstanceId, credentials: &Arc<ClientCredentials>) -> Result<Arc<ClientConfig>, String> {
        if let Some((known, config)) = self.all().get(instance)
            && (Arc::ptr_eq(known, credentials) || known == credentials)
        {
            return Ok(Arc::clone(config));
        }
        let config = Arc::new(tls(credentials)?);
        self.all().insert(instance.clone(), (Arc::clone(credentials), Arc::clone(&config)));
        Ok(config)
    }

    /// Drops what is kept of an instance.
    pub fn forget(&self, instance: &InstanceId) {
        self.all().remove(instance);
    }
}

/// GET /metrics, over a connection of its own: a kept one would take more memory than its handshake takes time.
pub async fn get(target: &Target, connectors: &Connectors) -> Result<String, String> {
    let stream = TcpStream::connect(target.address).await.map_err(|error| error.to_string())?;
    match &target.credentials {
        None => exchange(stream, target).await,
        Some(credentials) => {
            let connector = TlsConnector::from(connectors.of(&target.instance, credentials)?);
            let name = ServerName::IpAddress(target.address.ip().into());
            let stream = connector.connect(name, stream).await.map_err(|error| innermost(&error))?;
            exchange(stream, target).await
        }
    }
}

async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    target: &Target,
) -> Result<String, String> {
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|error| innermost(&error))?;
    let ask = async {
        let request = Request::get("/metrics")
            .header(header::HOST, target.address.to_string())
            .header(header::CONNECTION, "close")
            .body(Empty::<Bytes>::new())
            .map_err(|error| error.to_string())?;
        let response = sender.send_request(request).await.map_err(|error| innermost(&error))?;
        if response.status() != StatusCode::OK {
            return Err(format!("it answers {} for its metrics", response.status()));
        }
        let body = Limited::new(response.into_body(), MAX_BYTES)
            .collect()
            .await
            .map_err(|error| format!("its metrics cannot be read: {error}"))?;
        String::from_utf8(body.to_bytes().into()).map_err(|_| "its metrics are no text".to_owned())
    };
    // The connection is driven here and not by a task, so that nothing outlives a caller that gives up. It may
    // end first, with the answer complete.
    let mut ask = std::pin::pin!(ask);
    tokio::select! {
        answer = &mut ask => answer,
        _ = connection => ask.await,
    }
}

fn tls(credentials: &ClientCredentials) -> Result<ClientConfig, String> {
    // What the parsers say may quote the PEM.
    let unreadable = || "the control plane's certificate, key or CA for it cannot be read".to_owned();
    let mut roots = RootCertStore::empty();
    for authority in CertificateDer::pem_slice_iter(credentials.ca.as_bytes()) {
        roots.add(authority.map_err(|_| unreadable())?).map_err(|_| unreadable())?;
    }
    let chain: Vec<_> = CertificateDer::pem_slice_iter(credentials.client.cert.as_bytes())
        .collect::<Result<_, _>>()
        .map_err(|_| unreadable())?;
    let key = PrivateKeyDer::from_pem_slice(credentials.client.key.as_bytes()).map_err(|_| unreadable())?;
    let mut config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|_| unreadable())?
        .with_root_certificates(roots)
        .with_client_auth_cert(chain, key)
        .map_err(|_| unreadable())?;
    config.resumption = rustls::client::Resumption::in_memory_sessions(SESSIONS);
    Ok(config)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use cetcd_core::member::KeyPair;
    use cetcd_pki::Authority;

    use super::*;

    fn credentials() -> ClientCredentials {
        let now = jiff::Timestamp::now();
        let authority = Authority::create("etcd-test0000", now, cetcd_pki::CA_LIFE).unwrap();
        let client = authority.issue_client("root", now, cetcd_pki::LEAF_LIFE).unwrap();
        let client = KeyPair { cert: client.cert_pem, key: client.key_pem.to_string() };
        ClientCredentials { ca: authority.cert_pem().to_owned(), client }
    }

    #[test]
    fn a_configuration_is_made_once_for_an_instance_and_its_credentials() {
        let [one, other] = ["etcd-aaaa0000", "etcd-bbbb0000"].map(|id| InstanceId::parse(id).unwrap());
        let connectors = Connectors::default();
        let old = Arc::new(credentials());
        let first = connectors.of(&one, &old).unwrap();
        let equal = Arc::new(ClientCredentials::clone(&old));
        assert!(Arc::ptr_eq(&first, &connectors.of(&one, &equal).unwrap()), "read twice, it is the same");
        assert!(!Arc::ptr_eq(&first, &connectors.of(&other, &old).unwrap()));
        let renewed = connectors.of(&one, &Arc::new(credentials())).unwrap();
        assert!(!Arc::ptr_eq(&first, &renewed));
        connectors.forget(&one);
        assert_eq!(connectors.all().len(), 1);
    }
}
