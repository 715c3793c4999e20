//! What the system tells about processes.

use std::path::PathBuf;

/// The environment variable that marks what a runtime started: the absolute folder of the member, a service, or the
/// endpoint. A process whose identity was lost is found by it.
pub const MARKER: &str = "CETCD_MEMBER";

/// A process that carries the marker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marked {
    /// Its pid.
    pub pid: i32,
    /// The folder that it was started for.
    pub dir: PathBuf,
}

#[cfg(target_os = "linux")]
pub use linux::{boot_id, listening_loopback_blocks, marked, start_time};

#[cfg(not(target_os = "linux"))]
pub use other::{boot_id, listening_loopback_blocks, marked, start_time};

#[cfg(target_os = "linux")]
mod linux {
    use std::{
        collections::BTreeSet,
        ffi::OsStr,
        fs, io,
        net::Ipv4Addr,
        os::unix::ffi::OsStrExt,
        path::{Path, PathBuf},
        time::{Duration, Instant},
    };

    use super::{MARKER, Marked};

    /// How long a process is given to become the program that it was started for.
    const BECOMING: Duration = Duration::from_secs(5);

    /// Names the time since the last start of the machine: pids of another boot mean nothing.
    pub fn boot_id() -> io::Result<String> {
        Ok(fs::read_to_string("/proc/sys/kernel/random/boot_id")?.trim().to_owned())
    }

    /// When the process started, in clock ticks since the boot; `None` where it does not run (any more). With
    /// the pid it names a process for as long as the machine is up.
    pub fn start_time(pid: i32) -> Option<String> {
        parse_stat(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
    }

    /// From `pid (name) state … starttime …`, see proc(5): the name may hold blanks and brackets.
    fn parse_stat(stat: &str) -> Option<String> {
        let mut fields = stat.get(stat.rfind(')')? + 1..)?.split_ascii_whitespace();
        let state = fields.next()?;
        // A zombie has ended; only its parent has not been told yet.
        if matches!(state, "Z" | "X" | "x") {
            return None;
        }
        fields.nth(18).map(str::to_owned)
    }

    /// Every process of ours that carries the marker, the oldest first.
    pub fn marked() -> io::Result<Vec<Marked>> {
        let mut found = Vec::new();
        for entry in fs::read_dir("/proc")?.flatten() {
            let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<i32>().ok()) else { continue };
            let Some(dir) = environment(&entry.path()).as_deref().and_then(marker_of) else { continue };
            if let Some(start) = start_time(pid) {
                found.push((start.parse::<u64>().unwrap_or(u64::MAX), Marked { pid, dir }));
            }
        }
        found.sort_by_key(|(start, marked)| (*start, marked.pid));
        Ok(found.into_iter().map(|(_, marked)| marked).collect())
    }

    /// What a process was started with; `None` for processes of others, which cannot be read and are not ours.
    ///
    /// While a process becomes another program, as all of ours do right after their start, nothing or only a part can
    /// be read: for as long as the disk takes to bring the program. It is waited for, since who is overlooked is
    /// started a second time.
    fn environment(process: &Path) -> Option<Vec<u8>> {
        let since = Instant::now();
        loop {
            let before = env_end(process);
            let environment = fs::read(process.join("environ")).ok()?;
            // Its end is somewhere else for each program, and zero until it is laid out: the same before and after, it
            // was all read from one. The kernel's own and those that have ended have no program.
            let read_whole = before == env_end(process) && before != Some(0);
            if read_whole || fs::read_link(process.join("exe")).is_err() || since.elapsed() > BECOMING {
                return Some(environment);
            }
            #[allow(
                clippy::disallowed_methods,
                reason = "who looks at all processes does so on a thread that may block"
            )]
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    fn env_end(process: &Path) -> Option<u64> {
        parse_env_end(&fs::read_to_string(process.join("stat")).ok()?)
    }

    /// Where the environment ends in the process's memory: field 51 of proc(5), the 49th after the name.
    fn parse_env_end(stat: &str) -> Option<u64> {
        stat.get(stat.rfind(')')? + 1..)?.split_ascii_whitespace().nth(48)?.parse().ok()
    }

    fn marker_of(environment: &[u8]) -> Option<PathBuf> {
        let value = environment
            .split(|byte| *byte == 0)
            .find_map(|variable| variable.strip_prefix(MARKER.as_bytes())?.strip_prefix(b"="))?;
        Some(PathBuf::from(OsStr::from_bytes(value)))
    }

    /// The B of every 127.B.0.0/16 in which something listens.
    pub fn listening_loopback_blocks() -> BTreeSet<u8> {
        fs::read_to_string("/proc/net/tcp").map(|table| blocks_of(&table)).unwrap_or_default()
    }

    fn blocks_of(table: &str) -> BTreeSet<u8> {
        let listening = "0A";
        table
            .lines()
            .skip(1)
            .filter_map(|line| {
                let mut fields = line.split_ascii_whitespace().skip(1);
                let (local, state) = (fields.next()?, fields.nth(1)?);
                // Printed as the machine holds it in memory.
                let address = Ipv4Addr::from(u32::from_str_radix(local.split(':').next()?, 16).ok()?.to_ne_bytes());
                (state == listening && address.is_loopback()).then(|| address.octets()[1])
            })
            .collect()
    }

    #[cfg(test)]
    mod tests {
        #![allow(clippy::unwrap_used)]
        use super::*;

        #[test]
        fn the_start_time_is_read_past_a_name_with_brackets() {
            let stat = "7 (a) (b c)) S 1 7 7 0 -1 4194304 9 0 0 0 1 2 0 0 20 0 9 0 12345 1000 5 0";
            assert_eq!(parse_stat(stat).unwrap(), "12345");
            assert_eq!(parse_stat(&stat.replace(") S", ") Z")), None);
        }

        #[test]
        fn this_process_has_a_start_time_and_an_impossible_one_has_none() {
            let own = i32::try_from(std::process::id()).unwrap();
            assert_eq!(start_time(own), start_time(own));
            assert!(start_time(own).is_some());
            assert_eq!(start_time(-5), None);
        }

        #[test]
        fn who_is_just_becoming_another_program_is_not_overlooked() {
            let dir = std::env::temp_dir().join(format!("cetcd-marked-{}", std::process::id()));
            for turn in 0..200 {
                // A shell that becomes another, and that one a third: each has a moment without an environment.
                let mut child = std::process::Command::new("/bin/sh")
                    .args(["-c", "exec /bin/sh -c 'exec sleep 30'"])
                    .env(MARKER, &dir)
                    .spawn()
                    .unwrap();
                await_program(&PathBuf::from(format!("/proc/{}", child.id())));
                let found = marked().unwrap().iter().any(|marked| marked.dir == dir);
                child.kill().unwrap();
                child.wait().unwrap();
                assert!(found, "overlooked in turn {turn}");
            }
        }

        #[test]
        fn a_process_that_has_no_environment_is_not_waited_for() {
            let mut child = std::process::Command::new("/bin/sleep").arg("30").env_clear().spawn().unwrap();
            let process = PathBuf::from(format!("/proc/{}", child.id()));
            await_program(&process);
            let began = Instant::now();
            let found = environment(&process);
            let took = began.elapsed();
            child.kill().unwrap();
            child.wait().unwrap();
            assert_eq!(found, Some(Vec::new()));
            assert!(took < BECOMING, "{took:?}");
        }

        /// A child is told to have started a moment before it leaves our own memory, environment and all.
        fn await_program(process: &Path) {
            while fs::read_link(process.join("exe")).unwrap() == std::env::current_exe().unwrap() {}
        }

        #[test]
        fn only_listeners_on_loopback_take_a_block() {
            let table = "  sl  local_address rem_address   st tx_queue rx_queue\n\
                0: 0100117F:094B 00000000:0000 0A 00000000:00000000\n\
                1: 0100127F:094B 0100127F:1000 01 00000000:00000000\n\
                2: 0100130A:094B 00000000:0000 0A 00000000:00000000\n";
            assert_eq!(blocks_of(table), BTreeSet::from([0x11]));
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod other {
    use std::{collections::BTreeSet, io, process::Command};

    use super::Marked;

    /// There is none; the start time, a date here, is enough.
    pub fn boot_id() -> io::Result<String> {
        Ok(String::new())
    }

    /// When the process started, as `ps` prints it.
    pub fn start_time(pid: i32) -> Option<String> {
        let output = Command::new("ps").args(["-o", "stat=,lstart=", "-p", &pid.to_string()]).output().ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        let (state, start) = text.trim().split_once(char::is_whitespace)?;
        (!state.starts_with('Z')).then(|| start.trim().to_owned())
    }

    /// Not to be had here: a process whose identity was lost is not found.
    pub fn marked() -> io::Result<Vec<Marked>> {
        Ok(Vec::new())
    }

    /// Blocks are not used here.
    pub fn listening_loopback_blocks() -> BTreeSet<u8> {
        BTreeSet::new()
    }
}
