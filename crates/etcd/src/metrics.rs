//! Reading a member's metrics.

use std::sync::Arc;

use bytes::Bytes;
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

/// GET /metrics, over a connection of its own: it is asked for seldom.
pub async fn get(target: &Target) -> Result<String, String> {
    let stream = TcpStream::connect(target.address).await.map_err(|error| error.to_string())?;
    match &target.credentials {
        None => exchange(stream, target).await,
        Some(credentials) => {
            let connector = TlsConnector::from(Arc::new(tls(credentials)?));
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
    // Each connection is used once: nothing to resume.
    config.resumption = rustls::client::Resumption::disabled();
    Ok(config)
}
