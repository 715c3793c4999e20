//! One `cetcd serve` with a data directory of its own, and nothing of it left afterwards.

use std::{
    fs,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

use crate::{api::Api, processes};

/// How long it may take until it is ready.
const START: Duration = Duration::from_secs(60);

/// A service that runs.
pub struct Server {
    child: Child,
    data: PathBuf,
    /// Asks it.
    pub api: Api,
}

impl Server {
    /// Starts one with its data in `home/data`, and waits until it is ready. Rates and quotas are lifted; all
    /// else is as it comes, the request log in a file among it.
    pub async fn start(cetcd: &Path, home: &Path) -> Result<Self> {
        let data = home.join("data");
        fs::create_dir_all(home)?;
        let log = home.join("serve.log");
        let file = fs::File::create(&log)?;
        let mut command = Command::new(cetcd);
        command.args(["serve", "--listen", "127.0.0.1:0", "--data-dir"]).arg(&data);
        // Settings of whoever runs the benchmark are no part of it, but for where etcd is.
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            if text.starts_with("CETCD_") && !text.starts_with("CETCD_ETCD_") {
                command.env_remove(&name);
            }
        }
        command.env("CETCD_LIMITS_REQUESTS_PER_SECOND", "0").env("CETCD_LIMITS_INSTANCES_PER_REGION", "50");
        command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file);
        // Control-C is for us: we delete what there is before it ends.
        command.process_group(0);
        let child = command.spawn().with_context(|| format!("cannot run {}", cetcd.display()))?;
        let mut starting = Starting { child: Some(child) };
        let began = Instant::now();
        loop {
            if let Some(api) = Api::of(&data)
                && api.ready().await
            {
                let child = starting.child.take().context("it was taken once only")?;
                return Ok(Self { child, data: fs::canonicalize(&data)?, api });
            }
            let ended = starting.child.as_mut().map(Child::try_wait).transpose()?.flatten();
            if ended.is_some() || began.elapsed() > START {
                bail!("cetcd serve is not ready; the end of its log:\n{}", tail(&log));
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Its pid.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Its data directory; members and endpoint are marked with directories below it.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// Stops it. Its instances must have been deleted: what still runs is an error, and is ended.
    pub async fn stop(mut self) -> Result<()> {
        let left = processes::none_left(&self.data).await;
        processes::stop(&mut self.child).await.context("cetcd serve")?;
        left.context("after every instance was deleted")
    }
}

/// Whatever happens: nothing keeps running.
impl Drop for Server {
    fn drop(&mut self) {
        // It first: it would start again what ends.
        processes::end(&mut self.child);
        processes::end_marked(&self.data);
    }
}

/// Ends a service that did not become ready.
struct Starting {
    child: Option<Child>,
}

impl Drop for Starting {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            processes::end(child);
        }
    }
}

/// The last lines of a log.
pub fn tail(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(15)..].join("\n")
}
