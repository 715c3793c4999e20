//! A hold on a live process: signals reach it and no other, and its end is seen at once.

#[cfg(target_os = "linux")]
use std::os::fd::OwnedFd;
use std::{io, process::ExitStatus, sync::Arc};

use rustix::process::Signal;
use tokio::{process::Child, sync::watch};

use super::identity::Identity;

/// A process that ran when the hold was taken.
#[derive(Debug, Clone)]
pub struct Handle {
    /// Which it is.
    pub identity: Identity,
    /// Absent where the system has none; the identity is checked before each signal then.
    #[cfg(target_os = "linux")]
    pidfd: Option<Arc<OwnedFd>>,
    /// True once its end was recorded.
    pub ended: watch::Receiver<bool>,
}

/// What waits for a process to end.
pub enum Waiting {
    /// Our child: waiting reaps it.
    Child(Child),
    /// Another's, by now.
    Adopted(Handle),
}

impl Handle {
    /// Takes hold of the process; `None` where it does not run any more.
    pub fn take(identity: &Identity) -> Option<(Self, watch::Sender<bool>)> {
        let (ended_sender, ended) = watch::channel(false);
        let handle = Self {
            identity: identity.clone(),
            #[cfg(target_os = "linux")]
            pidfd: open_pidfd(identity.pid).map(Arc::new),
            ended,
        };
        // Checked after the descriptor was opened: it is this process's, or the pid's next owner's.
        identity.runs().then_some((handle, ended_sender))
    }

    /// Sends a signal. A process that has ended needs none: that is a success.
    pub fn signal(&self, signal: Signal) -> io::Result<()> {
        let sent = self.send(signal);
        match sent {
            Err(rustix::io::Errno::SRCH) => Ok(()),
            other => other.map_err(io::Error::from),
        }
    }

    #[cfg(target_os = "linux")]
    fn send(&self, signal: Signal) -> rustix::io::Result<()> {
        match &self.pidfd {
            Some(pidfd) => rustix::process::pidfd_send_signal(pidfd, signal),
            None => self.send_by_pid(signal),
        }
    }

    #[cfg(not(target_os = "linux"))]
    fn send(&self, signal: Signal) -> rustix::io::Result<()> {
        self.send_by_pid(signal)
    }

    fn send_by_pid(&self, signal: Signal) -> rustix::io::Result<()> {
        match rustix::process::Pid::from_raw(self.identity.pid) {
            Some(pid) if self.identity.runs() => rustix::process::kill_process(pid, signal),
            _ => Ok(()),
        }
    }

    async fn wait_adopted(&self) {
        #[cfg(target_os = "linux")]
        if let Some(pidfd) = self.pidfd.as_ref().and_then(|pidfd| pidfd.try_clone().ok()) {
            // Deprecated for descriptors that may be closed under it; an `OwnedFd` cannot be.
            #[allow(deprecated, reason = "its successor is unsafe, which nothing here is")]
            let pidfd = tokio::io::unix::AsyncFd::new(pidfd);
            if let Ok(pidfd) = pidfd
                && pidfd.readable().await.is_ok()
            {
                return;
            }
        }
        while self.identity.runs() {
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        }
    }
}

#[cfg(target_os = "linux")]
fn open_pidfd(pid: i32) -> Option<OwnedFd> {
    use rustix::process::{Pid, PidfdFlags, pidfd_open};
    pidfd_open(Pid::from_raw(pid)?, PidfdFlags::empty()).ok()
}

/// How a child ended, in words.
pub fn how(ended: io::Result<ExitStatus>) -> String {
    ended.map_or_else(|error| format!("unknown: {error}"), |status| status.to_string())
}

impl Waiting {
    /// Waits for the end, and says how it came where that can be known.
    pub async fn ended(self) -> String {
        match self {
            Self::Child(mut child) => how(child.wait().await),
            Self::Adopted(handle) => {
                handle.wait_adopted().await;
                "not known: it was started by an earlier process".to_owned()
            }
        }
    }
}
