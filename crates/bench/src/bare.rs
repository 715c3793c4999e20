//! The server that the gateway is compared with: hyper, the same bytes for every request, and nothing else. It
//! runs as a process of its own, like `serve`, from this same binary.

use std::{
    convert::Infallible,
    fs,
    io::Read,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use anyhow::{Context, Result};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Request, Response, body::Incoming, header::CONTENT_TYPE, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    net::TcpListener,
};

use crate::processes;

/// What the hidden command takes.
#[derive(Debug, clap::Args)]
pub struct Bare {
    /// File with the body of every answer
    #[arg(long)]
    body: PathBuf,
}

/// Serves until standard input ends, which it does with whoever started it. Worker threads are as many as
/// `serve` has: one for each core.
pub fn run(bare: &Bare) -> Result<()> {
    let body = Bytes::from(fs::read(&bare.body)?);
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(async move {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        println!("{}", listener.local_addr()?);
        let (ended, end) = tokio::sync::oneshot::channel::<()>();
        std::thread::spawn(move || {
            let _ = std::io::stdin().read_to_end(&mut Vec::new());
            drop(ended);
        });
        tokio::select! {
            _ = end => Ok(()),
            result = accept(&listener, &body) => result,
        }
    })
}

async fn accept(listener: &TcpListener, body: &Bytes) -> Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let body = body.clone();
        tokio::spawn(async move {
            let service = service_fn(move |request| answer(request, body.clone()));
            // A connection that ends in the middle is the load's end.
            let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn answer(request: Request<Incoming>, body: Bytes) -> Result<Response<Full<Bytes>>, Infallible> {
    // Read, as the gateway must, and thrown away.
    let _ = request.into_body().collect().await;
    let mut response = Response::new(Full::new(body));
    response.headers_mut().insert(CONTENT_TYPE, hyper::header::HeaderValue::from_static("application/json"));
    Ok(response)
}

/// A bare server that runs; ended when dropped.
pub struct BareServer {
    child: Child,
    /// Where it serves.
    pub address: SocketAddr,
}

impl BareServer {
    /// Starts this binary as one that answers with `body`.
    pub async fn start(home: &Path, body: &[u8]) -> Result<Self> {
        let file = home.join("body");
        fs::write(&file, body)?;
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["bare-server", "--body"]).arg(&file).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut bare = Self { child: command.spawn()?, address: SocketAddr::from(([127, 0, 0, 1], 0)) };
        let output = bare.child.stdout.take().context("its output is a pipe")?;
        let mut line = String::new();
        BufReader::new(tokio::process::ChildStdout::from_std(output)?).read_line(&mut line).await?;
        bare.address = line.trim().parse().context("the bare server does not say where it serves")?;
        Ok(bare)
    }

    /// Its pid.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for BareServer {
    fn drop(&mut self) {
        processes::end(&mut self.child);
    }
}
