//! What happens to a machine, none of it the control plane's doing.

use cetcd_core::InstanceId;

use crate::{
    Sim,
    cluster::Cluster,
    fakes::VERSIONS,
    host::{Member, Run},
    sim::State,
};

impl Sim {
    /// So much time passes, and nobody looks.
    pub fn pass_hours(&self, hours: i64) {
        self.state().advance(hours * 3_600_000);
    }

    /// Kills the process of a member.
    pub fn kill_member(&self, instance: &InstanceId, ordinal: u32) {
        self.state().end(&[(instance.clone(), ordinal)]);
    }

    /// Freezes the member's process: it runs, and answers nobody.
    pub fn freeze_member(&self, instance: &InstanceId, ordinal: u32) {
        self.state().hang((instance.clone(), ordinal));
    }

    /// From now on the newest version ends soon after each start.
    pub fn break_newest_version(&self) {
        self.state().host.broken.insert(VERSIONS[2].clone());
    }

    /// From now on no start of the member succeeds.
    pub fn break_disk(&self, instance: &InstanceId, ordinal: u32) {
        self.state().host.unwritable.insert((instance.clone(), ordinal));
    }

    /// Takes the data of a member, and its process with it.
    pub fn lose_data(&self, instance: &InstanceId, ordinal: u32) {
        self.state().lose_data_of((instance.clone(), ordinal));
    }

    /// Spoils the files of a member and ends its process: it does not start with them.
    pub fn spoil(&self, instance: &InstanceId, ordinal: u32) {
        self.state().spoil((instance.clone(), ordinal));
    }

    /// Changes keys of a member behind the others' backs, and lets them notice.
    pub fn corrupt(&self, instance: &InstanceId, ordinal: u32) {
        self.state().corrupt((instance.clone(), ordinal));
    }

    /// Freezes the process of a member.
    pub fn hang(&self, instance: &InstanceId, ordinal: u32) {
        self.state().hang((instance.clone(), ordinal));
    }

    /// Leaves no space in the backend of a member.
    pub fn fill(&self, instance: &InstanceId, ordinal: u32) {
        self.state().fill((instance.clone(), ordinal));
    }

    /// Kills the process of the endpoint.
    pub fn kill_endpoint(&self) {
        self.state().kill_endpoint();
    }
}

impl State {
    fn end(&mut self, which: &[(InstanceId, u32)]) {
        let now = self.now;
        for (id, ordinal) in which {
            self.host.end(id, *ordinal, now);
            self.host.fault(id);
        }
        self.host.settle(now);
    }

    fn running(&self) -> Vec<(InstanceId, u32)> {
        self.host.members.iter().filter(|(_, member)| member.runs()).map(|(key, _)| key.clone()).collect()
    }

    /// A process is killed.
    pub fn kill_one(&mut self) {
        let running = self.running();
        if let Some((id, ordinal)) = self.rng.pick(&running) {
            self.note(format_args!("{} is killed", id.member_name(ordinal)));
            self.end(&[(id, ordinal)]);
        }
    }

    /// All processes of an instance are killed.
    pub fn kill_instance(&mut self) {
        let running = self.running();
        if let Some((id, _)) = self.rng.pick(&running) {
            self.note(format_args!("all of {id} are killed"));
            let its: Vec<_> = running.into_iter().filter(|(other, _)| *other == id).collect();
            self.end(&its);
        }
    }

    /// The endpoint process is killed.
    pub fn kill_endpoint(&mut self) {
        self.note(format_args!("the endpoint is killed"));
        self.host.endpoint_runs = false;
    }

    /// The machine starts again: no process is left, all files are.
    pub fn reboot(&mut self) {
        self.note(format_args!("the machine starts again"));
        let running = self.running();
        self.end(&running);
        self.host.endpoint_runs = false;
    }

    /// A data directory is removed under its process, which goes on. Only once the cluster's ID is recorded, as below.
    pub fn unlink_data(&mut self) {
        let latched: Vec<_> = self.running().into_iter().filter(|(id, _)| self.is_latched(id)).collect();
        if let Some(key) = self.rng.pick(&latched) {
            self.note(format_args!("the data of {} is removed under it", key.0.member_name(key.1)));
            if let Some(member) = self.host.members.get_mut(&key) {
                member.unlinked = member.data.is_some();
            }
            self.host.fault(&key.0);
        }
    }

    /// A backend has no space left: the member raises NOSPACE.
    pub fn fill_one(&mut self) {
        let running = self.running();
        if let Some(key) = self.rng.pick(&running) {
            self.fill(key);
        }
    }

    fn fill(&mut self, key: (InstanceId, u32)) {
        if let Some(member) = self.host.members.get_mut(&key)
            && let Some(data) = member.data
            && let Some(cluster) = self.host.clusters.get_mut(&key.0)
            && cluster.with_id(data.id).is_some()
        {
            member.full = true;
            cluster.alarms.insert(data.id);
            self.host.fault(&key.0);
            self.note(format_args!("{} has no space left", key.0.member_name(key.1)));
        }
    }

    /// A data directory is lost with its process. Only once the cluster's ID is recorded: before that nothing was
    /// acknowledged to anyone, and a founder that lost its data cannot be told from one that had none.
    pub fn lose_data(&mut self) {
        let latched: Vec<_> = self.host.members.keys().filter(|(id, _)| self.is_latched(id)).cloned().collect();
        if let Some(key) = self.rng.pick(&latched) {
            self.lose_data_of(key);
        }
    }

    fn lose_data_of(&mut self, key: (InstanceId, u32)) {
        self.note(format_args!("the data of {} is lost", key.0.member_name(key.1)));
        if let Some(member) = self.host.members.get_mut(&key) {
            member.data = None;
            member.unlinked = false;
            member.full = false;
            (member.rotten, member.differs) = (false, false);
        }
        self.end(&[key]);
    }

    /// The files of a member are damaged, and its process ends over it.
    pub fn spoil_one(&mut self) {
        let latched: Vec<_> = self.running().into_iter().filter(|(id, _)| self.is_latched(id)).collect();
        if let Some(key) = self.rng.pick(&latched) {
            self.spoil(key);
        }
    }

    fn spoil(&mut self, key: (InstanceId, u32)) {
        self.note(format_args!("the files of {} are damaged", key.0.member_name(key.1)));
        if let Some(member) = self.host.members.get_mut(&key) {
            member.rotten = member.has_data();
        }
        self.end(&[key]);
    }

    /// Keys of a member change behind the others' backs, which they notice. Where too few would be left that agree
    /// nobody can tell who is right, so that stays out.
    pub fn corrupt_one(&mut self) {
        let all = self.running();
        let alone = |id: &InstanceId| !self.host.of(id).any(|(_, member)| member.differs);
        let fit: Vec<_> = all.into_iter().filter(|(id, _)| self.is_latched(id) && alone(id)).collect();
        if let Some(key) = self.rng.pick(&fit) {
            self.corrupt(key);
        }
    }

    fn corrupt(&mut self, key: (InstanceId, u32)) {
        let voters = self.host.clusters.get(&key.0).map_or(0, crate::cluster::Cluster::voters);
        let now = self.now;
        if voters < 3 || self.host.up_voters(&key.0, now).len() < voters {
            return;
        }
        if let Some(member) = self.host.members.get_mut(&key)
            && let Some(data) = member.data
            && let Some(cluster) = self.host.clusters.get_mut(&key.0)
            && cluster.has_voter(data.id)
        {
            (member.differs, cluster.corrupt) = (true, true);
            self.host.fault(&key.0);
            self.note(format_args!("the keys of {} differ", key.0.member_name(key.1)));
        }
    }

    /// A process is frozen.
    pub fn hang_one(&mut self) {
        let running = self.running();
        if let Some(key) = self.rng.pick(&running) {
            self.hang(key);
        }
    }

    fn hang(&mut self, key: (InstanceId, u32)) {
        self.note(format_args!("{} is frozen", key.0.member_name(key.1)));
        if let Some(member) = self.host.members.get_mut(&key) {
            member.hung = true;
        }
        self.host.fault(&key.0);
        let now = self.now;
        self.host.quiet_until = 0;
        self.host.settle(now);
    }

    /// A member is too slow to answer anybody for a while: milliseconds to minutes.
    pub fn slow_one_down(&mut self) {
        let until = self.now + self.a_while();
        self.of_one(|member| member.slow_until = until, "is too slow to answer");
    }

    /// A member and its peers do not reach each other for a while; the control plane reaches all of them.
    pub fn cut_one_off(&mut self) {
        let until = self.now + self.a_while();
        self.of_one(|member| member.cut_until = until, "and its peers are cut off from each other");
    }

    fn a_while(&mut self) -> i64 {
        let most = self.rng.pick(&[500, 5_000, 30_000, 200_000]).unwrap_or(500);
        self.rng.between(1, most).cast_signed()
    }

    /// Something befalls one running member.
    fn of_one(&mut self, befall: impl FnOnce(&mut Member), what: &str) {
        let running = self.running();
        let Some(key) = self.rng.pick(&running) else { return };
        self.note(format_args!("{} {what}", key.0.member_name(key.1)));
        if let Some(member) = self.host.members.get_mut(&key) {
            befall(member);
        }
        self.host.fault(&key.0);
        let now = self.now;
        self.host.quiet_until = 0;
        self.host.settle(now);
    }

    /// The files of a member can no longer be written.
    pub fn break_one_disk(&mut self) {
        let all: Vec<_> = self.host.members.keys().cloned().collect();
        if let Some(key) = self.rng.pick(&all) {
            self.note(format_args!("the files of {} can no longer be written", key.0.member_name(key.1)));
            self.host.unwritable.insert(key);
        }
    }

    /// Somebody turns auth on or off with etcdctl: on only where there is a user root.
    pub fn turn_auth_by_hand(&mut self) {
        let able = |(_, cluster): &(&InstanceId, &Cluster)| cluster.root_password.is_some();
        let all: Vec<_> = self.host.clusters.iter().filter(able).map(|(id, _)| id.clone()).collect();
        let Some(id) = self.rng.pick(&all).filter(|id| self.host.serving_cluster(id, self.now).is_some()) else {
            return;
        };
        if let Some(cluster) = self.host.clusters.get_mut(&id) {
            cluster.auth = !cluster.auth;
            let word = if cluster.auth { "on" } else { "off" };
            self.host.fault(&id);
            self.note(format_args!("auth of {id} is turned {word} by hand"));
        }
    }

    /// The binaries are removed; what runs goes on.
    pub fn lose_binaries(&mut self) {
        self.note(format_args!("the binaries are removed"));
        self.host.installed.clear();
    }

    /// Nothing bad that was to come does, and disks can be written again.
    pub fn calm_down(&mut self) {
        self.note(format_args!("calm"));
        self.host.unwritable.clear();
        self.host.quiet_until = 0;
        for member in self.host.members.values_mut() {
            (member.hung, member.slow_until, member.cut_until) = (false, 0, 0);
            if let Run::Running { end, .. } = &mut member.process {
                *end = None;
            }
        }
    }
}
