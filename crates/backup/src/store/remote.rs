//! Objects in buckets, through opendal.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream::BoxStream};
use jiff::Timestamp;
use opendal::{
    ErrorKind, HttpTransporter, Operator,
    layers::{RetryLayer, TimeoutLayer},
    services::{Cos, S3},
};

use super::{Credentials, MOST_LISTED, ObjectInfo, ObjectStore, ObjectWriter, checked, http::Transport};
use crate::{Error, Result, location::Bucket};

/// How long one request may take that moves no data, and how long one piece of data may.
const LIMIT: Duration = Duration::from_mins(1);
/// How often a request is tried again, and how long is waited before, twice as long each time.
const TRIES: usize = 4;
const FIRST_WAIT: Duration = Duration::from_millis(300);
const LONGEST_WAIT: Duration = Duration::from_secs(10);
/// What is uploaded at once. S3 takes ten thousand of them: 80 GB.
const PIECE: usize = 8 << 20;
/// How much of what a service says is shown.
const SHOWN: usize = 300;

/// A bucket.
#[derive(Debug, Clone)]
pub struct RemoteStore {
    operator: Operator,
}

impl RemoteStore {
    /// A bucket that speaks S3. Without credentials, those of its usual environment variables, files and
    /// machine roles are used; the last only for Amazon's own endpoint.
    pub fn s3(bucket: &Bucket, credentials: Option<&Credentials>) -> Result<Self> {
        let region = bucket.region.as_deref().unwrap_or("us-east-1");
        let mut builder = S3::default().bucket(&bucket.name).root(&bucket.prefix).region(region);
        if let Some(endpoint) = &bucket.endpoint {
            builder = builder.endpoint(endpoint).disable_ec2_metadata();
        }
        if let Some(credentials) = credentials {
            builder = builder
                .access_key_id(&credentials.access_key_id)
                .secret_access_key(&credentials.secret_access_key)
                .disable_config_load();
            if let Some(token) = &credentials.session_token {
                builder = builder.session_token(token);
            }
        }
        Self::over(bucket, Operator::new(builder))
    }

    /// A bucket of Tencent COS. Its credentials have to be given: the usual environment variables are those of
    /// clients of the service that this is part of.
    pub fn cos(bucket: &Bucket, credentials: Option<&Credentials>) -> Result<Self> {
        let bad = |reason: &str| Error::Url { url: bucket.name.clone(), reason: reason.to_owned() };
        let credentials = credentials.ok_or_else(|| bad("COS needs `backup.access_key_id` and its secret"))?;
        let endpoint = match (&bucket.endpoint, &bucket.region) {
            (Some(endpoint), _) => endpoint.clone(),
            (None, Some(region)) => format!("https://cos.{region}.myqcloud.com"),
            (None, None) => return Err(bad("COS needs a region (or an endpoint): ?region=ap-guangzhou")),
        };
        let mut builder = Cos::default()
            .bucket(&bucket.name)
            .root(&bucket.prefix)
            .endpoint(&endpoint)
            .secret_id(&credentials.access_key_id)
            .secret_key(&credentials.secret_access_key)
            .disable_config_load();
        if let Some(token) = &credentials.session_token {
            builder = builder.security_token(token);
        }
        Self::over(bucket, Operator::new(builder))
    }

    fn over(bucket: &Bucket, operator: opendal::Result<Operator>) -> Result<Self> {
        let bad = |reason: String| Error::Url { url: bucket.name.clone(), reason };
        let operator = operator.map_err(|error| bad(error.message().to_owned()))?;
        let transport = Transport::new().map_err(|error| bad(format!("no TLS for it: {error}")))?;
        let context = operator.base_context().with_http_transport(HttpTransporter::new(transport));
        let retry = RetryLayer::new()
            .with_max_times(TRIES)
            .with_min_delay(FIRST_WAIT)
            .with_max_delay(LONGEST_WAIT)
            .with_factor(2.0)
            .with_jitter();
        // The limit is for each try.
        let limit = TimeoutLayer::new().with_timeout(LIMIT).with_io_timeout(LIMIT);
        Ok(Self { operator: operator.with_context(context).layer(limit).layer(retry) })
    }
}

#[async_trait]
impl ObjectStore for RemoteStore {
    async fn create(&self, name: &str) -> Result<Box<dyn ObjectWriter>> {
        let doing = format!("write {}", checked(name)?);
        let writer = self.operator.writer_with(name).chunk(PIECE).await;
        let writer = writer.map_err(|error| refused(&doing, &error))?;
        Ok(Box::new(Writer { writer: Some(writer), doing }))
    }

    async fn read(&self, name: &str, offset: u64) -> Result<BoxStream<'static, Result<Bytes>>> {
        let doing = format!("read {}", checked(name)?);
        let missing = name.to_owned();
        let explain = move |error: opendal::Error| match error.kind() {
            ErrorKind::NotFound if !error.message().contains("NoSuchBucket") => {
                Error::NotFound { path: missing.clone() }
            }
            _ => refused(&doing, &error),
        };
        let reader = self.operator.reader(name).await.map_err(&explain)?;
        let stream = reader.into_bytes_stream(offset..).await.map_err(&explain)?;
        let mut stream = stream.map_err(move |error| {
            let inner = error.kind();
            let unknown = |reason: String| Error::Unavailable { doing: "read".to_owned(), reason };
            let Some(source) = error.into_inner() else { return unknown(inner.to_string()) };
            match source.downcast::<opendal::Error>() {
                Ok(error) => explain(*error),
                Err(error) => unknown(error.to_string()),
            }
        });
        // Nothing is asked before the first part is wanted; whoever reads what is not there is to know at once.
        let Some(first) = stream.next().await else { return Ok(stream.boxed()) };
        let first = first?;
        Ok(futures::stream::iter([Ok(first)]).chain(stream).boxed())
    }

    async fn stat(&self, name: &str) -> Result<ObjectInfo> {
        let doing = format!("look at {}", checked(name)?);
        match self.operator.stat(name).await {
            Ok(metadata) => info(name.to_owned(), &metadata, &doing),
            Err(error) if error.kind() == ErrorKind::NotFound => Err(Error::NotFound { path: name.to_owned() }),
            Err(error) => Err(refused(&doing, &error)),
        }
    }

    async fn list(&self, prefix: &str) -> Result<Vec<ObjectInfo>> {
        let folder = format!("{}/", checked(prefix.trim_end_matches('/'))?);
        let doing = format!("list {folder}");
        let explain = |error: opendal::Error| refused(&doing, &error);
        let mut entries = self.operator.lister_with(&folder).recursive(true).await.map_err(explain)?;
        let mut found = Vec::new();
        while let Some(entry) = entries.try_next().await.map_err(explain)? {
            // What has another name was not put there by us.
            if entry.metadata().is_file() && checked(entry.path()).is_ok() {
                found.push(info(entry.path().to_owned(), entry.metadata(), &doing)?);
            }
            if found.len() > MOST_LISTED {
                return Err(Error::Refused { doing, reason: format!("it holds more than {MOST_LISTED} objects") });
            }
        }
        found.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(found)
    }

    async fn delete(&self, name: &str) -> Result<()> {
        let doing = format!("remove {}", checked(name)?);
        self.operator.delete(name).await.map_err(|error| refused(&doing, &error))
    }

    async fn sweep(&self, _prefix: &str, _before: Timestamp) -> Result<usize> {
        // Unfinished uploads are not objects, and opendal does not show them.
        Ok(0)
    }
}

struct Writer {
    /// `None` once it is finished or given up.
    writer: Option<opendal::Writer>,
    doing: String,
}

#[async_trait]
impl ObjectWriter for Writer {
    async fn write(&mut self, bytes: Bytes) -> Result<()> {
        match &mut self.writer {
            Some(writer) => writer.write(bytes).await.map_err(|error| refused(&self.doing, &error)),
            None => Ok(()),
        }
    }

    async fn finish(mut self: Box<Self>) -> Result<()> {
        let Some(mut writer) = self.writer.take() else { return Ok(()) };
        let closed = writer.close().await.map_err(|error| refused(&self.doing, &error));
        if closed.is_err() {
            self.writer = Some(writer);
        }
        closed.map(|_| ())
    }

    async fn abort(mut self: Box<Self>) {
        if let Some(writer) = self.writer.take() {
            give_up(writer, self.doing.clone()).await;
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if let (Some(writer), Ok(runtime)) = (self.writer.take(), tokio::runtime::Handle::try_current()) {
            runtime.spawn(give_up(writer, self.doing.clone()));
        }
    }
}

async fn give_up(mut writer: opendal::Writer, doing: String) {
    if let Err(error) = writer.abort().await {
        tracing::warn!(%doing, error = error.message(), "an upload was given up, and may take space in the bucket");
    }
}

fn info(name: String, metadata: &opendal::Metadata, doing: &str) -> Result<ObjectInfo> {
    let untold =
        || Error::Refused { doing: doing.to_owned(), reason: "it does not tell when it was written".to_owned() };
    let modified_at = metadata.last_modified().ok_or_else(untold)?.into();
    Ok(ObjectInfo { name, bytes: metadata.content_length(), modified_at })
}

/// What the service refused, told apart by what can be done about it.
fn refused(doing: &str, error: &opendal::Error) -> Error {
    let message = error.message();
    let reason = if message.is_empty() { error.kind().to_string() } else { message.chars().take(SHOWN).collect() };
    let doing = doing.to_owned();
    let full = ["InsufficientStorage", "StorageFull", "QuotaExceeded", "507", "No space left"];
    if full.iter().any(|word| message.contains(word)) {
        return Error::Full { doing, reason };
    }
    match error.kind() {
        // Persistent is what failed at each of several tries.
        ErrorKind::Unexpected if error.is_temporary() || error.is_persistent() => Error::Unavailable { doing, reason },
        ErrorKind::RateLimited => Error::Unavailable { doing, reason },
        _ => Error::Refused { doing, reason },
    }
}
