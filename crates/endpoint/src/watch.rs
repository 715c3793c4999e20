//! Notices that a folder's files changed.

#[cfg(target_os = "linux")]
pub use self::linux::Watch;
#[cfg(not(target_os = "linux"))]
pub use self::other::Watch;

#[cfg(target_os = "linux")]
mod linux {
    use std::{io, mem::MaybeUninit, os::fd::OwnedFd, path::Path};

    use rustix::fs::inotify;
    use tokio::io::unix::AsyncFd;

    /// Watches one folder by inotify.
    pub struct Watch(AsyncFd<OwnedFd>);

    impl Watch {
        /// Watches `dir` from now on.
        pub fn new(dir: &Path) -> io::Result<Self> {
            let fd = inotify::init(inotify::CreateFlags::CLOEXEC | inotify::CreateFlags::NONBLOCK)?;
            let flags = inotify::WatchFlags::CLOSE_WRITE
                | inotify::WatchFlags::MOVED_TO
                | inotify::WatchFlags::MOVED_FROM
                | inotify::WatchFlags::DELETE;
            inotify::add_watch(&fd, dir, flags)?;
            // Deprecated for descriptors that may be closed under it; an `OwnedFd` cannot be.
            #[allow(deprecated, reason = "its successor is unsafe, which nothing here is")]
            Ok(Self(AsyncFd::new(fd)?))
        }

        /// Waits for a change. Which file it was is not said: the folder is read as a whole, so that no lost
        /// event matters.
        pub async fn changed(&mut self) -> io::Result<()> {
            loop {
                let mut ready = self.0.readable().await?;
                let mut buffer = [MaybeUninit::uninit(); 4096];
                let mut events = 0;
                let mut reader = inotify::Reader::new(ready.get_inner(), &mut buffer);
                loop {
                    match reader.next() {
                        Ok(_) => events += 1,
                        Err(rustix::io::Errno::AGAIN) => break,
                        Err(rustix::io::Errno::INTR) => {}
                        Err(error) => return Err(error.into()),
                    }
                }
                ready.clear_ready();
                if events > 0 {
                    return Ok(());
                }
            }
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod other {
    use std::{io, path::Path, time::Duration};

    /// Without a way to watch that is at hand everywhere, looks often.
    pub struct Watch;

    impl Watch {
        /// Needs nothing.
        pub fn new(_dir: &Path) -> io::Result<Self> {
            Ok(Self)
        }

        /// Waits until it is worth looking again.
        pub async fn changed(&mut self) -> io::Result<()> {
            tokio::time::sleep(Duration::from_millis(200)).await;
            Ok(())
        }
    }
}
