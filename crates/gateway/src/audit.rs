//! The audit log: one JSON line for every request that reached an action that changes something.
//!
//! Refusals before that (signature, region, rate) changed nothing and are in the request log; were they here, a
//! stranger could push the records that matter out of the rotated files.

mod file;
mod read;

use std::path::Path;

use serde::Serialize;
use serde_json::Value;
use tokio::sync::{mpsc, oneshot};

use crate::options::AuditOptions;
use crate::{Context, Error};
use file::RotatedFile;

pub(crate) use read::{Kept, Wanted, read_back};

/// How many records may wait to be written.
const QUEUE: usize = 4096;

/// One line of the audit log.
#[derive(Debug, Serialize)]
pub(crate) struct Record<'a> {
    time: jiff::Timestamp,
    request_id: uuid::Uuid,
    account: &'a str,
    user: &'a str,
    secret_id: &'a str,
    action: &'static str,
    region: &'a str,
    source_ip: std::net::IpAddr,
    /// Secrets are replaced; null where the parameters could not be read.
    parameters: Option<Value>,
    /// `OK`, or the error code.
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    milliseconds: u64,
}

impl<'a> Record<'a> {
    pub(crate) fn new(
        context: &'a Context,
        action: &'static str,
        parameters: Option<Value>,
        failure: Option<&cetcd_api::Error>,
        duration: std::time::Duration,
    ) -> Self {
        Self {
            time: context.now,
            request_id: context.request_id,
            account: &context.account,
            user: &context.user,
            secret_id: &context.secret_id,
            action,
            region: &context.region,
            source_ip: context.source_ip,
            parameters,
            outcome: failure.map_or(crate::metrics::OK, |error| error.code().as_str()),
            message: failure.map(|error| error.message(cetcd_api::Language::En).to_owned()),
            milliseconds: u64::try_from(duration.as_millis()).unwrap_or(u64::MAX),
        }
    }

    pub(crate) fn line(&self) -> String {
        serde_json::to_string(self).expect("a record has string keys and nothing that JSON cannot hold")
    }
}

enum Message {
    Line(String),
    Flush(oneshot::Sender<()>),
}

/// The way to the one task that writes the log.
#[derive(Debug, Clone)]
pub(crate) struct AuditLog {
    queue: mpsc::Sender<Message>,
}

impl AuditLog {
    /// Opens the file and starts the task, which ends when the last of these is dropped.
    pub(crate) fn open(options: AuditOptions) -> Result<Self, Error> {
        let path = options.path.clone();
        let file = RotatedFile::open(options).map_err(|source| Error::Audit { path: path.clone(), source })?;
        let (queue, messages) = mpsc::channel(QUEUE);
        tokio::task::spawn_blocking(move || write(file, messages, &path));
        Ok(Self { queue })
    }

    /// Hands a line over without waiting; gives it back where the queue is full or the task has ended.
    pub(crate) fn record(&self, line: String) -> Result<(), String> {
        self.queue.try_send(Message::Line(line)).map_err(|error| match error.into_inner() {
            Message::Line(line) => line,
            Message::Flush(_) => String::new(),
        })
    }

    /// Waits until everything handed over before is written.
    pub(crate) async fn flush(&self) {
        let (done, written) = oneshot::channel();
        if self.queue.send(Message::Flush(done)).await.is_ok() {
            let _ = written.await;
        }
    }
}

fn write(mut file: RotatedFile, mut messages: mpsc::Receiver<Message>, path: &Path) {
    let report = |result: std::io::Result<()>, line: &str| {
        if let Err(error) = result {
            tracing::error!(%error, path = %path.display(), line, "the audit log cannot be written");
        }
    };
    while let Some(message) = messages.blocking_recv() {
        match message {
            Message::Line(line) => report(file.append(&line), &line),
            Message::Flush(done) => {
                report(file.sync(), "");
                let _ = done.send(());
            }
        }
    }
    report(file.sync(), "");
}
