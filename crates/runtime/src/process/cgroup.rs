//! Limits of CPU and memory by control groups: version 2 where its controllers can be used, else version 1.

use std::{
    fs, io,
    path::{Component, Path, PathBuf},
    time::Duration,
};

use cetcd_core::instance::Resources;
use serde::{Deserialize, Serialize};

use super::files;

/// The period that CPU time is given out in, in microseconds: the kernel's default.
const PERIOD: u64 = 100_000;

/// Where the groups of one runtime are.
#[derive(Debug)]
pub struct Cgroups {
    /// Where control groups are mounted: `/sys/fs/cgroup`.
    root: PathBuf,
    /// `cetcd/{hash}`: no other data directory's.
    own: PathBuf,
}

/// What was made for a member, remembered beside it: where the groups of a later process would be may differ.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Limits {
    /// The group of each hierarchy.
    pub groups: Vec<PathBuf>,
    /// Why the limits that were asked for are not in force.
    pub unlimited: Option<String>,
}

/// The groups to make, and what to write into their files.
struct Wanted {
    group: PathBuf,
    settings: Vec<(&'static str, String)>,
    /// Version 2: the controllers that every folder above has to hand down.
    controllers: Option<&'static str>,
}

impl Cgroups {
    /// Groups beneath `root` for the runtime whose folder is `runtime_root`.
    pub fn new(root: &Path, runtime_root: &Path) -> Self {
        let hash = fnv1a(runtime_root.as_os_str().as_encoded_bytes());
        Self { root: root.to_owned(), own: Path::new("cetcd").join(format!("{hash:016x}")) }
    }

    /// Puts a process into groups with these limits. `remember` is called before anything is made.
    pub fn limit(
        &self,
        member: &str,
        pid: i32,
        resources: Resources,
        remember: impl FnOnce(&Limits) -> io::Result<()>,
    ) -> Limits {
        let wanted = match self.wanted(member, resources) {
            Ok(wanted) => wanted,
            Err(reason) => return Limits { groups: Vec::new(), unlimited: Some(reason) },
        };
        let mut limits = Limits { groups: wanted.iter().map(|wanted| wanted.group.clone()).collect(), unlimited: None };
        let done = remember(&limits).map_err(|error| format!("cannot record the control groups: {error}"));
        limits.unlimited = done.and_then(|()| wanted.iter().try_for_each(|wanted| self.enforce(wanted, pid))).err();
        limits
    }

    fn wanted(&self, member: &str, resources: Resources) -> Result<Vec<Wanted>, String> {
        let quota = u64::from(resources.cpu) * PERIOD;
        let bytes = u64::from(resources.memory_gib) << 30;
        let has = |controllers: &str, name| controllers.split_ascii_whitespace().any(|found| found == name);
        if let Ok(controllers) = fs::read_to_string(self.root.join("cgroup.controllers")) {
            if !has(&controllers, "cpu") || !has(&controllers, "memory") {
                return Err("the machine's control groups offer no cpu and memory controllers".to_owned());
            }
            return Ok(vec![Wanted {
                group: delegated(&self.root).join(&self.own).join(member),
                settings: vec![("cpu.max", format!("{quota} {PERIOD}")), ("memory.max", bytes.to_string())],
                controllers: Some("+cpu +memory"),
            }]);
        }
        let hierarchy = |name: &str| {
            let mounted = self.root.join(name);
            let present = mounted.join("cgroup.procs").exists();
            present
                .then(|| within(&mounted, name).join(&self.own).join(member))
                .ok_or_else(|| format!("{} is not a hierarchy of control groups", mounted.display()))
        };
        Ok(vec![
            Wanted {
                group: hierarchy("cpu")?,
                settings: vec![("cpu.cfs_period_us", PERIOD.to_string()), ("cpu.cfs_quota_us", quota.to_string())],
                controllers: None,
            },
            Wanted {
                group: hierarchy("memory")?,
                settings: vec![("memory.limit_in_bytes", bytes.to_string())],
                controllers: None,
            },
        ])
    }

    fn enforce(&self, wanted: &Wanted, pid: i32) -> Result<(), String> {
        let write = |path: PathBuf, text: &str| {
            fs::write(&path, text).map_err(|error| format!("cannot write {text:?} to {}: {error}", path.display()))
        };
        let group = &wanted.group;
        fs::create_dir_all(group).map_err(|error| format!("cannot make {}: {error}", group.display()))?;
        if let Some(controllers) = wanted.controllers {
            let mut above: Vec<_> = group.ancestors().skip(1).take_while(|dir| dir.starts_with(&self.root)).collect();
            above.reverse();
            for dir in above {
                write(dir.join("cgroup.subtree_control"), controllers)?;
            }
        }
        for (file, text) in &wanted.settings {
            write(group.join(file), text)?;
        }
        write(group.join("cgroup.procs"), &pid.to_string())
    }

    /// Removes the groups of a member that has ended, and those above that are ours and empty.
    pub fn remove(&self, limits: &Limits) -> io::Result<()> {
        for group in limits.groups.iter().filter(|group| self.is_ours(group)) {
            remove_group(group)?;
            for above in group.ancestors().skip(1).take(2) {
                // Refused while another member, or another data directory, has its groups there.
                let _ = fs::remove_dir(above);
            }
        }
        Ok(())
    }

    /// A record that was tampered with must not make us remove another's group.
    fn is_ours(&self, group: &Path) -> bool {
        group.starts_with(&self.root)
            && group.parent().is_some_and(|parent| parent.ends_with(&self.own))
            && group.components().all(|component| component != Component::ParentDir)
    }
}

/// A group is busy for a moment after its last process ended.
#[allow(clippy::disallowed_methods, reason = "on a blocking thread, for a state that no event tells")]
fn remove_group(group: &Path) -> io::Result<()> {
    let mut tries = 0;
    loop {
        match files::absent_is_fine(fs::remove_dir(group)) {
            Err(error) if error.kind() == io::ErrorKind::ResourceBusy && tries < 20 => {
                tries += 1;
                std::thread::sleep(Duration::from_millis(50));
            }
            other => return other,
        }
    }
}

/// Version 2 allows no groups beneath one that has processes, so ours cannot be beneath our own group, but
/// for a service with `Delegate=yes` and `DelegateSubgroup=serve`, whose group above is free of processes.
fn delegated(root: &Path) -> PathBuf {
    let own = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let own = own.lines().find_map(|line| line.strip_prefix("0::/"));
    match own.and_then(|own| own.strip_suffix("/serve")) {
        Some(service) if root.join(service).is_dir() => root.join(service),
        _ => root.to_owned(),
    }
}

/// Version 1: beneath our own group, so that limits set for us bind members too.
fn within(mounted: &Path, controller: &str) -> PathBuf {
    let own = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let own = own.lines().find_map(|line| {
        let mut fields = line.splitn(3, ':').skip(1);
        let named = fields.next()?.split(',').any(|name| name == controller);
        named.then(|| fields.next()).flatten()?.strip_prefix('/')
    });
    // Within a container the path may be the machine's, which is not mounted.
    own.map(|own| mounted.join(own)).filter(|dir| dir.is_dir()).unwrap_or_else(|| mounted.to_owned())
}

/// FNV-1a: a name for a path, the same in every version of this program.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const RESOURCES: Resources = Resources { cpu: 2, memory_gib: 3 };

    /// A folder that looks like the mount of version 2; the files in it are plain.
    fn version_2() -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("cgroup.controllers"), "cpuset cpu io memory pids\n").unwrap();
        root
    }

    fn limit(cgroups: &Cgroups) -> Limits {
        cgroups.limit("etcd-abcd1234-etcd-0", 42, RESOURCES, |_| Ok(()))
    }

    #[test]
    fn a_process_is_put_into_a_group_with_its_limits() {
        let root = version_2();
        let cgroups = Cgroups::new(root.path(), Path::new("/data/runtime"));
        let limits = limit(&cgroups);
        assert_eq!(limits.unlimited, None);
        let read = |file| fs::read_to_string(limits.groups[0].join(file)).unwrap();
        assert_eq!([read("cpu.max"), read("memory.max"), read("cgroup.procs")], ["200000 100000", "3221225472", "42"]);
        assert_eq!(fs::read_to_string(root.path().join("cgroup.subtree_control")).unwrap(), "+cpu +memory");
    }

    #[test]
    fn version_1_is_used_where_version_2_is_not_mounted() {
        let root = tempfile::tempdir().unwrap();
        for controller in ["cpu", "memory"] {
            fs::create_dir(root.path().join(controller)).unwrap();
            fs::write(root.path().join(controller).join("cgroup.procs"), "").unwrap();
        }
        let limits = limit(&Cgroups::new(root.path(), Path::new("/data/runtime")));
        assert_eq!(limits.unlimited, None);
        let read = |group: usize, file| fs::read_to_string(limits.groups[group].join(file)).unwrap();
        assert_eq!(read(0, "cpu.cfs_quota_us"), "200000");
        assert_eq!(read(1, "memory.limit_in_bytes"), "3221225472");
        assert_eq!(read(1, "cgroup.procs"), "42");
    }

    #[test]
    fn without_control_groups_the_reason_is_told() {
        let root = tempfile::tempdir().unwrap();
        let limits = limit(&Cgroups::new(root.path(), Path::new("/data/runtime")));
        assert!(limits.unlimited.unwrap().contains("not a hierarchy"));
    }

    #[test]
    fn the_group_is_removed_and_another_owners_is_not() {
        let root = tempfile::tempdir().unwrap();
        let cgroups = Cgroups::new(root.path(), Path::new("/data/runtime"));
        let group = |own: &Cgroups| root.path().join(&own.own).join("member");
        let another = Cgroups::new(root.path(), Path::new("/other/runtime"));
        fs::create_dir_all(group(&cgroups)).unwrap();
        fs::create_dir_all(group(&another)).unwrap();
        let groups = vec![group(&cgroups), group(&another), root.path().join("cetcd")];
        cgroups.remove(&Limits { groups, unlimited: None }).unwrap();
        assert!(!root.path().join(&cgroups.own).exists());
        assert!(group(&another).exists());
    }
}
