//! The API's own certificate: configured, or self-made where the API is served beyond loopback.

use std::{fs, net::SocketAddr, path::Path, sync::Arc};

use anyhow::{Context, Result};
use cetcd_core::certificates::Validity;
use cetcd_pki::{Authority, CA_LIFE, LeafRequest, inspect};
use jiff::Timestamp;
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};

use crate::{
    settings::Settings,
    system::{private_dir, write_private},
};

/// How to serve; `None` for plain http, which is allowed on loopback only.
pub fn server_config(
    settings: &Settings,
    dir: &Path,
    address: SocketAddr,
    now: Timestamp,
) -> Result<Option<Arc<ServerConfig>>> {
    let (cert, key) = match (&settings.tls.cert, &settings.tls.key) {
        (Some(cert), Some(key)) => {
            let read = |path: &Path| fs::read(path).with_context(|| format!("cannot read {}", path.display()));
            (read(cert)?, read(key)?)
        }
        _ if address.ip().is_loopback() => return Ok(None),
        _ => self_made(&dir.join("tls"), address, now)?,
    };
    let chain = CertificateDer::pem_slice_iter(&cert).collect::<Result<Vec<_>, _>>().context("tls.cert is not PEM")?;
    let key = PrivateKeyDer::from_pem_slice(&key).context("tls.key is not a PEM private key")?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .context("tls.cert and tls.key do not fit together")?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Some(Arc::new(config)))
}

/// The CA and the certificate under `dir`, made where they are missing, near their end, or for another address.
fn self_made(dir: &Path, address: SocketAddr, now: Timestamp) -> Result<(Vec<u8>, Vec<u8>)> {
    let (ca_cert, ca_key) = (dir.join("ca.crt"), dir.join("ca.key"));
    let (cert, key) = (dir.join("server.crt"), dir.join("server.key"));
    private_dir(dir)?;
    let present = (fs::read_to_string(&ca_cert), fs::read_to_string(&ca_key));
    let authority = if let (Ok(cert), Ok(key)) = present {
        Authority::from_pem(&cert, &key)?
    } else {
        let authority = Authority::create("cetcd API", now, CA_LIFE)?;
        write_private(&ca_key, authority.key_pem().as_bytes())?;
        write_private(&ca_cert, authority.cert_pem().as_bytes())?;
        tracing::info!(ca = %ca_cert.display(), "made a CA for the API; give it to clients that verify");
        authority
    };
    let mut ips = vec![std::net::IpAddr::from([127, 0, 0, 1])];
    if !address.ip().is_unspecified() {
        ips.push(address.ip());
    }
    if let (Ok(present), Ok(present_key)) = (fs::read_to_string(&cert), fs::read(&key)) {
        let good = inspect(&present).is_ok_and(|info| {
            let validity = Validity { from: info.not_before, until: info.not_after };
            !validity.is_due(now) && ips.iter().all(|ip| info.ips.contains(ip))
        });
        if good {
            return Ok((present.into_bytes(), present_key));
        }
    }
    let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let names = ["localhost", host.trim()].map(str::to_owned);
    let names = names.into_iter().filter(|name| cetcd_pki::check_dns_name(name).is_ok());
    let leaf = authority.issue_server(&LeafRequest::new(now).dns(names).ips(ips))?;
    write_private(&key, leaf.key_pem.as_bytes())?;
    write_private(&cert, leaf.cert_pem.as_bytes())?;
    Ok((leaf.cert_pem.into_bytes(), leaf.key_pem.as_bytes().to_vec()))
}
