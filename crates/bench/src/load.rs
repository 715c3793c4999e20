//! The load on an HTTP server: the same bytes again and again over kept connections, with as little of its own as
//! possible, since it shares the cores with the server.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
};

use crate::figures::microseconds;

/// The most that an answer's head may take.
const MOST_HEAD: usize = 16 * 1024;

/// What to send, and to whom.
#[derive(Debug, Clone)]
pub struct Load {
    /// The server.
    pub address: SocketAddr,
    /// A whole HTTP/1.1 request.
    pub request: Vec<u8>,
    /// Connections at once; each waits for its answer before it sends again.
    pub connections: usize,
    /// Threads that drive them.
    pub threads: usize,
}

/// One answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status line and the headers.
    pub head: String,
    /// The body.
    pub body: Vec<u8>,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Answers a second.
    pub per_second: f64,
    /// One for each answer, in microseconds.
    pub latencies: Vec<u32>,
}

impl Load {
    /// Sends one request on a connection of its own.
    pub async fn once(&self) -> Result<Answer> {
        let mut connection = Connection::open(self.address).await?;
        let (head, whole) = connection.exchange(&self.request).await?;
        let head_text = String::from_utf8_lossy(&connection.buffer[..head]).into_owned();
        Ok(Answer { head: head_text, body: connection.buffer[head..whole].to_vec() })
    }

    /// Sends for that long. Every answer must be 200 and have a body of `body` bytes: an error would have another
    /// length. Blocks.
    pub fn run(&self, body: usize, length: Duration) -> Result<Outcome> {
        let deadline = Instant::now() + length;
        let began = Instant::now();
        let threads: Vec<_> = (0..self.threads)
            .map(|thread| {
                let load = self.clone();
                // What does not divide goes to the first threads.
                let connections =
                    self.connections / self.threads + usize::from(thread < self.connections % self.threads);
                std::thread::spawn(move || load.drive(connections, body, deadline))
            })
            .collect();
        let mut latencies = Vec::new();
        for thread in threads {
            latencies.extend(thread.join().map_err(|_| anyhow::anyhow!("a thread of the load panicked"))??);
        }
        let per_second = crate::figures::number(latencies.len() as u64) / began.elapsed().as_secs_f64();
        Ok(Outcome { per_second, latencies })
    }

    fn drive(&self, connections: usize, body: usize, deadline: Instant) -> Result<Vec<u32>> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
        runtime.block_on(async {
            let mut tasks = JoinSet::new();
            for _ in 0..connections {
                let load = self.clone();
                tasks.spawn(async move { load.repeat(body, deadline).await });
            }
            let mut latencies = Vec::new();
            while let Some(of_one) = tasks.join_next().await {
                latencies.extend(of_one??);
            }
            Ok(latencies)
        })
    }

    async fn repeat(&self, body: usize, deadline: Instant) -> Result<Vec<u32>> {
        let mut connection = Connection::open(self.address).await?;
        let mut latencies = Vec::new();
        let mut now = Instant::now();
        while now < deadline {
            let (head, whole) = connection.exchange(&self.request).await?;
            let answer = &connection.buffer[head..whole];
            ensure!(answer.len() == body, "another answer than expected: {}", String::from_utf8_lossy(answer));
            let answered = Instant::now();
            latencies.push(microseconds(answered.duration_since(now)));
            now = answered;
        }
        Ok(latencies)
    }
}

struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    async fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).await.with_context(|| format!("cannot connect to {address}"))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: vec![0; MOST_HEAD] })
    }

    /// Leaves the answer in the buffer: the length of its head, and of all of it.
    async fn exchange(&mut self, request: &[u8]) -> Result<(usize, usize)> {
        self.stream.write_all(request).await?;
        let mut filled = 0;
        let mut lengths = None;
        loop {
            let read = self.stream.read(&mut self.buffer[filled..]).await?;
            ensure!(read > 0, "the server closed the connection");
            filled += read;
            if lengths.is_none() {
                lengths = head_length(&self.buffer[..filled]).map(|head| measured(&self.buffer[..head])).transpose()?;
                if let Some((_, whole)) = lengths
                    && whole > self.buffer.len()
                {
                    self.buffer.resize(whole, 0);
                }
            }
            match lengths {
                Some((head, whole)) if filled == whole => return Ok((head, whole)),
                Some((_, whole)) if filled > whole => bail!("more bytes than the answer has"),
                None if filled == self.buffer.len() => bail!("an answer's head is longer than {MOST_HEAD} bytes"),
                _ => {}
            }
        }
    }
}

/// The head's length with the empty line that ends it.
fn head_length(bytes: &[u8]) -> Option<usize> {
    bytes.windows(4).position(|four| four == b"\r\n\r\n").map(|at| at + 4)
}

/// The head's length, and the whole answer's.
fn measured(head: &[u8]) -> Result<(usize, usize)> {
    let text = std::str::from_utf8(head).context("an answer's head is not text")?;
    ensure!(text.starts_with("HTTP/1.1 200 "), "{}", text.lines().next().unwrap_or_default());
    let headers = text.lines().filter_map(|line| line.split_once(':'));
    let mut lengths = headers.filter(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let (_, length) = lengths.next().context("an answer without Content-Length")?;
    Ok((head.len(), head.len() + length.trim().parse::<usize>().context("Content-Length")?))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn an_answer_is_as_long_as_its_head_says() {
        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhel";
        let head = head_length(answer).unwrap();
        assert_eq!(measured(&answer[..head]).unwrap(), (38, 43));
        assert!(head_length(b"HTTP/1.1 200 OK\r\n").is_none());
        assert!(measured(b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n").is_err());
    }
}
