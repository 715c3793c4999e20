//! A connection for gigabytes that come beside what the member has to do otherwise.

use std::{io, time::Duration};

use etcd_client::{BalancedChannelBuilder, Channel, TlsOptions};
use hyper_util::rt::TokioIo;
use tokio::{
    io::BufReader,
    net::TcpStream,
    sync::mpsc::{self, Sender},
};
use tonic::transport::{Channel as Transport, Endpoint, Error, Uri, channel::Change};

/// What a member may send ahead of what was taken from it. The less it is, the shorter are the moments for which the
/// member sends and does nothing else; a network of half a millisecond carries half a gigabyte a second with it.
const WINDOW: u32 = 256 << 10;
/// What is read from the network at once. TLS asks for 4 KiB at a time, and each question to the system costs as much as
/// opening what comes of it.
const READ: usize = 128 << 10;

/// The connection, made when it is first used.
pub(crate) struct Bulk(Transport);

impl Bulk {
    pub fn to(url: String, tls: Option<TlsOptions>, connect_limit: Duration) -> Result<Self, Error> {
        let endpoint = Endpoint::from_shared(url)?
            .connect_timeout(connect_limit)
            .initial_stream_window_size(WINDOW)
            .initial_connection_window_size(WINDOW);
        let endpoint = if let Some(tls) = tls { endpoint.tls_config(tls)? } else { endpoint };
        Ok(Self(endpoint.connect_with_connector_lazy(tower::service_fn(dial))))
    }
}

async fn dial(uri: Uri) -> io::Result<TokioIo<BufReader<TcpStream>>> {
    let address = uri.authority().ok_or_else(|| io::Error::other("an address without a host"))?;
    let stream = TcpStream::connect(address.as_str()).await?;
    stream.set_nodelay(true)?;
    Ok(TokioIo::new(BufReader::with_capacity(READ, stream)))
}

/// The client would make its connections itself, without these options.
impl BalancedChannelBuilder for Bulk {
    type Error = Error;

    fn balanced_channel(self, buffer: usize) -> Result<(Channel, Sender<Change<Uri, Endpoint>>), Error> {
        let (sender, mut asked) = mpsc::channel(buffer);
        // What it asks for is there.
        tokio::spawn(async move { while asked.recv().await.is_some() {} });
        Ok((Channel::Tonic(self.0), sender))
    }
}
