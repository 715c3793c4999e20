//! Whether a member serves its peers.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// How long a founder may take until it serves its peers. It is a tenth of that on an idle machine.
const LIMIT: Duration = Duration::from_secs(2);

/// Between two tries to connect.
const PAUSE: Duration = Duration::from_millis(5);

/// Waits until the member at `peer` completes a TLS handshake; false where it does not in time.
///
/// etcd binds its peer address before it looks whether the cluster exists already, and serves it after. The
/// handshake therefore ends exactly when a founder is done looking. It needs no certificate of ours: the server
/// asks for it only after its own part.
pub async fn serves_peers(peer: SocketAddr, ca: &str) -> bool {
    let Some(connector) = connector(ca) else { return false };
    let shaken = async {
        loop {
            if let Ok(stream) = TcpStream::connect(peer).await {
                let name = ServerName::IpAddress(peer.ip().into());
                if connector.connect(name, stream).await.is_ok() {
                    return;
                }
            }
            tokio::time::sleep(PAUSE).await;
        }
    };
    tokio::time::timeout(LIMIT, shaken).await.is_ok()
}

fn connector(ca: &str) -> Option<TlsConnector> {
    let mut roots = RootCertStore::empty();
    for authority in CertificateDer::pem_slice_iter(ca.as_bytes()) {
        roots.add(authority.ok()?).ok()?;
    }
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .ok()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Some(TlsConnector::from(Arc::new(config)))
}
