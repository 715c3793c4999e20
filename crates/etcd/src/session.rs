//! One member that is being asked, over a connection that may have to log in first.

use std::{
    fmt,
    future::Future,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use etcd_client::{AlarmAction, AlarmOptions, AlarmType, Client, CompactionOptions, GetOptions, MemberAddOptions};

use zeroize::Zeroizing;

use crate::{
    ClusterMember, Error, MemberStatus, Result, Target,
    answers::{Failure, Kind},
    operator::{Alarm, AlarmKind, KvHash, Login},
};

/// etcd gives up on a proposal after 7 s at its defaults, and then says so.
pub const CHANGE_TIMEOUT: Duration = Duration::from_secs(10);
/// How often it is looked whether the lead has been handed over.
const LEADER_LOOK_EVERY: Duration = Duration::from_millis(4);
/// Hashing or compacting goes through the whole database once.
pub const SCAN_TIMEOUT: Duration = Duration::from_secs(120);
/// Reported are 2 to 20 s for each GB.
pub const DEFRAGMENT_TIMEOUT: Duration = Duration::from_secs(600);

/// The user and the role that may do everything.
pub const ROOT: &str = "root";
/// A user that nobody has: whether auth is on is seen from how its log-in is refused.
const NOBODY: &str = "cetcd-asks-whether-auth-is-on";
/// A login that is refused costs the member about a tenth of a second of a core for each password.
const BETWEEN_REFUSED_LOGINS: Duration = Duration::from_secs(10);

/// A key that is read for the quorum that it takes.
const READ_KEY: &str = "health";

/// What root's password may be, the most likely first. Clones share what was found out. Not to be shown.
#[derive(Clone, Default)]
pub struct Passwords(Arc<Mutex<Known>>);

#[derive(Default)]
struct Known {
    all: Vec<Zeroizing<String>>,
    /// When none of them was right.
    refused_at: Option<Instant>,
}

impl Passwords {
    /// To be tried in this order.
    pub fn new(all: &[&str]) -> Self {
        let all = all.iter().map(|password| Zeroizing::new((*password).to_owned())).collect();
        Self(Arc::new(Mutex::new(Known { all, refused_at: None })))
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether there is any to be tried now.
    fn any(&self) -> bool {
        let known = self.known();
        !known.all.is_empty() && known.refused_at.is_none_or(|at| at.elapsed() >= BETWEEN_REFUSED_LOGINS)
    }

    fn to_try(&self) -> Vec<Zeroizing<String>> {
        self.known().all.clone()
    }

    fn all_are_wrong(&self) {
        self.known().refused_at = Some(Instant::now());
    }

    /// The password is right, where it is one of them: it is tried first from now on.
    pub fn is_right(&self, password: &str) -> bool {
        let mut known = self.known();
        let all = &mut known.all;
        let place = all.iter().position(|known| **known == password);
        if let Some(place) = place {
            all[..=place].rotate_right(1);
            known.refused_at = None;
        }
        place.is_some()
    }

    /// The password is wrong: it is tried last from now on. So the right one comes to be the first, even where the time
    /// of a call is too short for all of them.
    fn is_wrong(&self, password: &str) {
        let mut known = self.known();
        let all = &mut known.all;
        if all.first().is_some_and(|first| **first == password) {
            all.rotate_left(1);
        }
    }
}

impl fmt::Debug for Passwords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passwords(redacted)")
    }
}

/// A member, and the way to it.
pub struct Session {
    pub client: Client,
    pub target: Target,
    /// Whose passwords they are.
    pub user: String,
    pub passwords: Passwords,
    /// How long an answer may take that needs no work.
    pub read_timeout: Duration,
}

impl Session {
    /// The same as this user, where the member asks who it is.
    pub fn for_user(self, login: &Login) -> Self {
        Self { user: login.user.clone(), passwords: Passwords::new(&[&login.password]), ..self }
    }

    /// Calls, and once more after logging in where the member wants that.
    pub async fn ask<T, Answer>(&self, limit: Duration, call: impl Fn() -> Answer + Send + Sync) -> Result<T, Failure>
    where
        T: Send,
        Answer: Future<Output = Result<T, etcd_client::Error>> + Send,
    {
        let address = self.target.address;
        let asked = async {
            let failure = match call().await {
                Ok(answer) => return Ok(answer),
                Err(error) => Failure::new(address, &error),
            };
            match (failure.kind, self.passwords.any()) {
                (Kind::NotRoot | Kind::OldToken, true) => self.log_in_as_user().await?,
                (Kind::OldToken, false) => {}
                _ => return Err(failure),
            }
            call().await.map_err(|error| Failure::new(address, &error))
        };
        let too_slow = || format!("no answer within {} ms", limit.as_millis());
        tokio::time::timeout(limit, asked).await.unwrap_or_else(|_| Err(Failure::silent(address, too_slow())))
    }

    /// Whether there is a password to log in with, that was not just refused.
    pub fn may_log_in(&self) -> bool {
        self.passwords.any()
    }

    pub async fn log_in_as_user(&self) -> Result<(), Failure> {
        let failure = |error| Failure::new(self.target.address, &error);
        let mut client = self.client.clone();
        let mut last = Ok(());
        for password in self.passwords.to_try() {
            last = match client
                .update_user(Some((self.user.clone(), password.as_str().to_owned())))
                .await
                .map_err(failure)
            {
                Ok(()) => return Ok(()),
                // Auth was turned off meanwhile, and before 3.5 an old token is refused even so.
                Err(refused) if refused.kind == Kind::AuthOff => {
                    return client.update_user(None).await.map_err(failure);
                }
                Err(refused) if refused.kind == Kind::WrongPassword => {
                    self.passwords.is_wrong(&password);
                    Err(refused)
                }
                Err(other) => return Err(other),
            };
        }
        self.passwords.all_are_wrong();
        last
    }

    /// A read that took a quorum: what the member says after it is not older than the read.
    async fn linearizable_read(&self) -> Result<(), Failure> {
        let read = || async {
            let options = GetOptions::new().with_count_only();
            self.client.kv_client().get(READ_KEY, Some(options)).await.map(|_| ())
        };
        self.ask(self.read_timeout, read).await
    }

    pub async fn members(&self) -> Result<Vec<ClusterMember>> {
        // Before 3.5 a list is what the asked member has heard of, and no option makes it more.
        self.linearizable_read().await?;
        self.known_members().await
    }

    /// The members as this one knows them.
    pub async fn known_members(&self) -> Result<Vec<ClusterMember>> {
        let list = || async { self.client.cluster_client().member_list().await };
        let list = self.ask(self.read_timeout, list).await?;
        let member = |member: &etcd_client::Member| ClusterMember {
            id: member.id(),
            name: member.name().to_owned(),
            peer_urls: member.peer_urls().to_vec(),
            learner: member.is_learner(),
        };
        let mut members: Vec<_> = list.members().iter().map(member).collect();
        members.sort_by_key(|member| member.id);
        Ok(members)
    }

    async fn member_at(&self, peer_url: &str) -> Result<Option<u64>> {
        let members = self.members().await?;
        Ok(members.iter().find(|member| member.peer_urls.iter().any(|url| url == peer_url)).map(|member| member.id))
    }

    pub async fn add_member(&self, peer_url: &str, learner: bool) -> Result<u64> {
        if let Some(id) = self.member_at(peer_url).await? {
            return Ok(id);
        }
        let add = || async {
            let options = learner.then(|| MemberAddOptions::new().with_is_learner());
            self.client.cluster_client().member_add([peer_url.to_owned()], options).await
        };
        let nobody = || Failure::silent(self.target.address, "it added a member without saying which".to_owned());
        match self.ask(CHANGE_TIMEOUT, add).await {
            Ok(added) => Ok(added.member().map(etcd_client::Member::id).ok_or_else(nobody)?),
            // An earlier try that nobody saw the answer of.
            Err(failure) if failure.kind == Kind::UrlTaken => {
                Ok(self.member_at(peer_url).await?.ok_or_else(|| Error::from(failure))?)
            }
            Err(failure) => Err(failure.into()),
        }
    }

    pub async fn promote_member(&self, id: u64) -> Result<()> {
        let members = self.members().await?;
        let Some(member) = members.iter().find(|member| member.id == id) else {
            return Err(Error::NoSuchMember { id });
        };
        if !member.learner {
            return Ok(());
        }
        let promote = || async { self.client.cluster_client().member_promote(id).await };
        match self.ask(CHANGE_TIMEOUT, promote).await {
            Ok(_) => Ok(()),
            Err(failure) if failure.kind == Kind::NotALearner => Ok(()),
            Err(failure) => Err(failure.about_member(id)),
        }
    }

    pub async fn remove_member(&self, id: u64) -> Result<()> {
        if self.members().await?.iter().all(|member| member.id != id) {
            return Ok(());
        }
        let remove = || async { self.client.cluster_client().member_remove(id).await };
        match self.ask(CHANGE_TIMEOUT, remove).await {
            Ok(_) => Ok(()),
            Err(failure) if failure.kind == Kind::NoSuchMember => Ok(()),
            Err(failure) => Err(failure.about_member(id)),
        }
    }

    pub async fn move_leader(&self, to: u64) -> Result<()> {
        let status = self.status().await?;
        if status.leader_id == Some(to) {
            return Ok(());
        }
        if status.leader_id != Some(status.member_id) {
            return Err(Error::NotLeader { address: self.target.address });
        }
        let hand_over = || async { self.client.maintenance_client().move_leader(to).await };
        let asked = Box::pin(self.ask(CHANGE_TIMEOUT, hand_over));
        // etcd looks only every 100 ms whether it is done, and clients may be held back meanwhile.
        let done = Box::pin(async {
            loop {
                tokio::time::sleep(LEADER_LOOK_EVERY).await;
                if self.status().await.is_ok_and(|status| status.leader_id == Some(to)) {
                    return;
                }
            }
        });
        tokio::select! {
            answer = asked => answer.map(|_| ()).map_err(|failure| failure.about_member(to)),
            () = done => Ok(()),
        }
    }

    pub async fn alarms(&self) -> Result<Vec<Alarm>> {
        // etcd takes the question through raft.
        let get = || async { self.client.maintenance_client().alarm(AlarmAction::Get, AlarmType::None, None).await };
        let answer = self.ask(CHANGE_TIMEOUT, get).await?;
        let alarm = |alarm: &etcd_client::AlarmMember| {
            let kind = match alarm.alarm() {
                AlarmType::Nospace => AlarmKind::NoSpace,
                AlarmType::Corrupt => AlarmKind::Corrupt,
                AlarmType::None => return None,
            };
            Some(Alarm { member_id: alarm.member_id(), kind })
        };
        Ok(answer.alarms().iter().filter_map(alarm).collect())
    }

    pub async fn disarm(&self, alarm: &Alarm) -> Result<()> {
        let kind = match alarm.kind {
            AlarmKind::NoSpace => AlarmType::Nospace,
            AlarmKind::Corrupt => AlarmType::Corrupt,
        };
        let disarm = || async {
            let mut options = AlarmOptions::new();
            options.with_member(alarm.member_id);
            self.client.maintenance_client().alarm(AlarmAction::Deactivate, kind, Some(options)).await
        };
        Ok(self.ask(CHANGE_TIMEOUT, disarm).await.map(|_| ())?)
    }

    pub async fn compact(&self, revision: i64) -> Result<()> {
        // The compaction's own time is too long to find out with it that nobody is there.
        self.status().await?;
        let compact = || async {
            let options = CompactionOptions::new().with_physical();
            self.client.kv_client().compact(revision, Some(options)).await
        };
        match self.ask(SCAN_TIMEOUT, compact).await {
            Ok(_) => Ok(()),
            Err(failure) if failure.kind == Kind::Compacted => Ok(()),
            Err(failure) => Err(failure.about_revision(revision)),
        }
    }

    pub async fn defragment(&self) -> Result<()> {
        self.status().await?;
        let defragment = || async { self.client.maintenance_client().defragment().await };
        Ok(self.ask(DEFRAGMENT_TIMEOUT, defragment).await.map(|_| ())?)
    }

    pub async fn hash_kv(&self, revision: i64) -> Result<KvHash> {
        self.status().await?;
        let hash = || async { self.client.maintenance_client().hash_kv(revision).await };
        let answer = self.ask(SCAN_TIMEOUT, hash).await.map_err(|failure| failure.about_revision(revision))?;
        let revision = match (answer.hash_revision(), revision) {
            // Told from 3.6.
            (0, 0) => answer.header().map_or(0, etcd_client::ResponseHeader::revision),
            (0, asked) => asked,
            (told, _) => told,
        };
        Ok(KvHash { hash: answer.hash(), compact_revision: answer.compact_version(), revision })
    }

    pub async fn status(&self) -> Result<MemberStatus> {
        let status = || async { self.client.maintenance_client().status().await };
        let status = self.ask(self.read_timeout, status).await?;
        let (cluster_id, member_id, revision) =
            status.header().map_or((0, 0, 0), |header| (header.cluster_id(), header.member_id(), header.revision()));
        Ok(MemberStatus {
            cluster_id,
            member_id,
            leader_id: Some(status.leader()).filter(|id| *id != 0),
            raft_term: status.raft_term(),
            raft_index: status.raft_index(),
            applied_index: Some(status.raft_applied_index()).filter(|index| *index != 0),
            revision,
            database_bytes: u64::try_from(status.db_size()).unwrap_or(0),
            database_bytes_in_use: u64::try_from(status.raft_used_db_size()).ok().filter(|bytes| *bytes != 0),
            learner: status.is_learner(),
            version: status.version().to_owned(),
            errors: status.errors().to_vec(),
        })
    }

    /// `AuthStatus` is there from 3.5 only. Every version tells a wrong name from auth being off, after a read
    /// that takes a quorum.
    pub async fn auth_enabled(&self) -> Result<bool> {
        Ok(self.log_in(NOBODY, NOBODY).await?.is_some())
    }

    /// Whether root has this password; `None` where auth is off.
    pub async fn is_root_password(&self, password: &str) -> Result<Option<bool>> {
        self.log_in(ROOT, password).await
    }

    async fn log_in(&self, name: &str, password: &str) -> Result<Option<bool>> {
        let log_in = || async { self.client.auth_client().authenticate(name.to_owned(), password.to_owned()).await };
        match self.ask(CHANGE_TIMEOUT, log_in).await {
            Ok(_) => Ok(Some(true)),
            Err(failure) if failure.kind == Kind::AuthOff => Ok(None),
            Err(failure) if failure.kind == Kind::WrongPassword => Ok(Some(false)),
            Err(failure) => Err(failure.into()),
        }
    }

    pub async fn make_root(&self, password: &str) -> Result<()> {
        let add_user = || async { self.client.auth_client().user_add(ROOT, password, None).await };
        match self.ask(CHANGE_TIMEOUT, add_user).await {
            Ok(_) => {}
            Err(failure) if failure.kind == Kind::UserTaken => self.set_root_password(password).await?,
            Err(failure) => return Err(failure.into()),
        }
        let add_role = || async { self.client.auth_client().role_add(ROOT).await };
        match self.ask(CHANGE_TIMEOUT, add_role).await {
            Ok(_) => {}
            Err(failure) if failure.kind == Kind::RoleTaken => {}
            Err(failure) => return Err(failure.into()),
        }
        // Granted again, it is ignored.
        let grant = || async { self.client.auth_client().user_grant_role(ROOT, ROOT).await };
        Ok(self.ask(CHANGE_TIMEOUT, grant).await.map(|_| ())?)
    }

    pub async fn set_root_password(&self, password: &str) -> Result<()> {
        let change = || async { self.client.auth_client().user_change_password(ROOT, password).await };
        Ok(self.ask(CHANGE_TIMEOUT, change).await.map(|_| ())?)
    }

    pub async fn enable_auth(&self) -> Result<()> {
        let enable = || async { self.client.auth_client().auth_enable().await };
        Ok(self.ask(CHANGE_TIMEOUT, enable).await.map(|_| ())?)
    }

    pub async fn disable_auth(&self) -> Result<()> {
        let disable = || async { self.client.auth_client().auth_disable().await };
        Ok(self.ask(CHANGE_TIMEOUT, disable).await.map(|_| ())?)
    }
}
