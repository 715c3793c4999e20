//! etcd clients over mTLS.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use etcd_client::{Certificate, Client, ConnectOptions, Identity, TlsOptions};
use tokio::task::JoinSet;

/// Between two attempts of the client that wants its first write.
const RETRY: Duration = Duration::from_millis(5);
/// One attempt may wait for an election at etcd's defaults.
const ATTEMPT: Duration = Duration::from_secs(10);
/// When to give up.
const FIRST_ANSWER: Duration = Duration::from_secs(120);

/// What a client shows and trusts, PEM.
#[derive(Clone)]
pub struct Credentials {
    /// The cluster's authority.
    pub ca: String,
    /// The client's certificate.
    pub cert: String,
    /// Its key.
    pub key: String,
}

/// A client of one address, on a connection of its own that is made by its first request.
pub async fn client(address: SocketAddr, credentials: &Credentials) -> Result<Client> {
    let tls = TlsOptions::new()
        .ca_certificate(Certificate::from_pem(&credentials.ca))
        .identity(Identity::from_pem(&credentials.cert, &credentials.key))
        .domain_name(address.ip().to_string());
    let options = ConnectOptions::new().with_tls(tls).with_connect_timeout(ATTEMPT).with_timeout(ATTEMPT);
    // What it says may quote the PEM.
    let client = Client::connect([format!("https://{address}")], Some(options)).await;
    client.map_err(|_| anyhow::anyhow!("the credentials for {address} cannot be read"))
}

/// Tries at all addresses at once until one acknowledges a put.
pub async fn first_write(addresses: &[SocketAddr], credentials: &Credentials) -> Result<()> {
    let mut attempts = JoinSet::new();
    for address in addresses {
        attempts.spawn(write_until_acknowledged(*address, credentials.clone()));
    }
    // Dropping the set ends the others.
    attempts.join_next().await.context("no address to write to")??
}

async fn write_until_acknowledged(address: SocketAddr, credentials: Credentials) -> Result<()> {
    let began = Instant::now();
    loop {
        let mut client = client(address, &credentials).await?;
        match client.put("bench/first", "write", None).await {
            Ok(_) => return Ok(()),
            Err(error) if began.elapsed() > FIRST_ANSWER => bail!("no write to {address} in two minutes: {error}"),
            Err(_) => tokio::time::sleep(RETRY).await,
        }
    }
}

/// Reads a key, linearizably, until it is answered; it has to be there.
pub async fn first_read(address: SocketAddr, credentials: &Credentials, key: &str) -> Result<()> {
    let began = Instant::now();
    loop {
        let mut client = client(address, credentials).await?;
        match client.get(key, None).await {
            Ok(answer) if answer.count() == 1 => return Ok(()),
            Ok(_) => bail!("{address} serves without the key {key}"),
            Err(error) if began.elapsed() > FIRST_ANSWER => bail!("no read from {address} in two minutes: {error}"),
            Err(_) => tokio::time::sleep(RETRY).await,
        }
    }
}
