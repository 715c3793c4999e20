//! Bytes from one side to the other, both ways, until both sides ended.

use std::{
    cell::RefCell,
    future::{Future, poll_fn},
    io,
    pin::Pin,
    sync::atomic::{AtomicU64, Ordering},
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{
        TcpStream,
        tcp::{ReadHalf, WriteHalf},
    },
    time::Sleep,
};

use crate::gate::{Gate, Passage};

/// What one read takes at most.
const BUFFER: usize = 64 * 1024;

thread_local! {
    // One for each worker thread instead of two for each connection: a connection owns memory only while its
    // receiver is slower than its sender.
    static SCRATCH: RefCell<Vec<u8>> = RefCell::new(vec![0; BUFFER]);
}

/// Passes bytes both ways until both sides ended their sending; an end of one side is passed on at once
/// (half-close). A connection with one side ended and `half_closed_idle` without a byte ends too. While the gate
/// is shut, nothing more is read from the client; what was read before is passed on, and so is every answer.
pub async fn relay(
    client: &mut TcpStream,
    backend: &mut TcpStream,
    gate: &Gate,
    bytes_in: &AtomicU64,
    bytes_out: &AtomicU64,
    half_closed_idle: Duration,
) -> io::Result<()> {
    let (client_read, client_write) = client.split();
    let (backend_read, backend_write) = backend.split();
    let mut inwards = Direction::new(client_read, backend_write, Some(gate.passage()));
    let mut outwards = Direction::new(backend_read, client_write, None);
    let mut idle: Option<Pin<Box<Sleep>>> = None;
    poll_fn(|context| {
        let before = (inwards.passed, outwards.passed);
        let inwards_ended = inwards.poll(context, bytes_in)?.is_ready();
        let outwards_ended = outwards.poll(context, bytes_out)?.is_ready();
        if inwards_ended && outwards_ended {
            return Poll::Ready(Ok(()));
        }
        if inwards_ended || outwards_ended {
            let silent = before == (inwards.passed, outwards.passed);
            if idle.is_none() || !silent {
                idle = Some(Box::pin(tokio::time::sleep(half_closed_idle)));
            }
            if let Some(idle) = &mut idle {
                ready!(idle.as_mut().poll(context));
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
        }
        Poll::Pending
    })
    .await
}

struct Direction<'a> {
    from: ReadHalf<'a>,
    to: WriteHalf<'a>,
    /// What was read and could not be written yet, from `written` on.
    pending: Vec<u8>,
    written: usize,
    passed: u64,
    stage: Stage,
    passage: Option<Passage<'a>>,
}

#[derive(PartialEq)]
enum Stage {
    Passing,
    Ending,
    Ended,
}

impl<'a> Direction<'a> {
    fn new(from: ReadHalf<'a>, to: WriteHalf<'a>, passage: Option<Passage<'a>>) -> Self {
        Self { from, to, pending: Vec::new(), written: 0, passed: 0, stage: Stage::Passing, passage }
    }

    fn poll(&mut self, context: &mut Context<'_>, count: &AtomicU64) -> Poll<io::Result<()>> {
        loop {
            if self.written < self.pending.len() {
                let n = ready!(Pin::new(&mut self.to).poll_write(context, &self.pending[self.written..]))?;
                if n == 0 {
                    return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
                }
                self.written += n;
                continue;
            }
            if self.written > 0 {
                self.pending = Vec::new();
                self.written = 0;
            }
            match self.stage {
                Stage::Passing => {
                    if let Some(passage) = &mut self.passage {
                        ready!(passage.poll_open(context));
                    }
                    ready!(self.pass(context, count))?;
                }
                Stage::Ending => {
                    ready!(Pin::new(&mut self.to).poll_shutdown(context))?;
                    self.stage = Stage::Ended;
                }
                Stage::Ended => return Poll::Ready(Ok(())),
            }
        }
    }

    fn pass(&mut self, context: &mut Context<'_>, count: &AtomicU64) -> Poll<io::Result<()>> {
        SCRATCH.with_borrow_mut(|scratch| {
            let mut buffer = ReadBuf::new(scratch);
            ready!(Pin::new(&mut self.from).poll_read(context, &mut buffer))?;
            let bytes = buffer.filled();
            if bytes.is_empty() {
                self.stage = Stage::Ending;
                return Poll::Ready(Ok(()));
            }
            let length = bytes.len() as u64;
            self.passed += length;
            count.fetch_add(length, Ordering::Relaxed);
            let written = match Pin::new(&mut self.to).poll_write(context, bytes) {
                Poll::Ready(written) => written?,
                // The waker is registered by this very call; the rest is written when it is called.
                Poll::Pending => 0,
            };
            if written < bytes.len() {
                self.pending = bytes[written..].to_vec();
            }
            Poll::Ready(Ok(()))
        })
    }
}
