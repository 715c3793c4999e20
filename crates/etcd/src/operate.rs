//! Operations on clusters that really run.

use std::{
    collections::HashMap,
    future::Future,
    path::Path,
    sync::{MutexGuard, PoisonError},
};

use async_trait::async_trait;
use cetcd_core::InstanceId;

use crate::{
    Alarm, ClusterMember, Error, EtcdOperator, KvHash, LiveAdmin, Login, MemberStatus, Result, SnapshotInfo,
    SnapshotStream, Target,
    client::Use,
    offline::{self, OnDisk},
    session::{Passwords, ROOT, Session},
    snapshot,
};

impl LiveAdmin {
    fn passwords(&self) -> MutexGuard<'_, HashMap<InstanceId, Passwords>> {
        self.passwords.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A session over the kept connection.
    async fn session(&self, target: &Target) -> Result<Session> {
        self.over(target, self.client(target, Use::Operations).await)
    }

    /// A session over a connection of its own, for what moves much data or takes minutes.
    async fn own_session(&self, target: &Target) -> Result<Session> {
        self.over(target, self.connect(target, Use::Operations).await)
    }

    pub(crate) fn over(&self, target: &Target, client: Result<etcd_client::Client, String>) -> Result<Session> {
        Ok(Session {
            client: client.map_err(|reason| Error::NotServing { address: target.address, reason })?,
            passwords: self.passwords().get(&target.instance).cloned().unwrap_or_default(),
            target: target.clone(),
            user: ROOT.to_owned(),
            read_timeout: self.options.timeout,
        })
    }

    /// Asks one member.
    pub(crate) async fn at<T, Answer>(&self, target: &Target, operation: impl Fn(Session) -> Answer) -> Result<T>
    where
        Answer: Future<Output = Result<T>>,
    {
        let answer = operation(self.session(target).await?).await;
        if let Err(Error::NotServing { reason, .. }) = &answer {
            tracing::debug!(address = %target.address, %reason, "an operation was not answered");
            self.drop_connection(target, Use::Operations);
        }
        answer
    }

    /// Asks one member after the other, until one decides. Where none does, the first that said why counts.
    pub(crate) async fn at_first<T, Answer>(
        &self,
        through: &[Target],
        operation: impl Fn(Session) -> Answer,
    ) -> Result<T>
    where
        Answer: Future<Output = Result<T>>,
    {
        let mut worst = None;
        for target in through {
            match self.at(target, &operation).await {
                // It depends on the asked member: on its connections, and on how long it has them.
                Err(error @ Error::UnsafeReconfiguration { .. }) => worst = Some(error),
                Err(error @ Error::NotServing { .. }) => worst = worst.or(Some(error)),
                decided => return decided,
            }
        }
        Err(worst.unwrap_or(Error::NobodyToAsk))
    }

    fn remember(&self, through: &[Target], password: &str) {
        let Some(target) = through.first() else { return };
        let known = self.passwords().get(&target.instance).is_some_and(|passwords| passwords.is_right(password));
        if !known {
            self.log_in_with(&target.instance, &[password]);
        }
    }
}

#[async_trait]
impl EtcdOperator for LiveAdmin {
    fn log_in_with(&self, instance: &InstanceId, root_passwords: &[&str]) {
        let mut passwords = self.passwords();
        if root_passwords.is_empty() {
            passwords.remove(instance);
        } else {
            passwords.insert(instance.clone(), Passwords::new(root_passwords));
        }
    }

    async fn members(&self, through: &[Target]) -> Result<Vec<ClusterMember>> {
        self.at_first(through, |member| async move { member.members().await }).await
    }

    async fn known_members(&self, target: &Target) -> Result<Vec<ClusterMember>> {
        self.at(target, |member| async move { member.known_members().await }).await
    }

    async fn add_member(&self, through: &[Target], peer_url: &str, learner: bool) -> Result<u64> {
        self.at_first(through, |member| async move { member.add_member(peer_url, learner).await }).await
    }

    async fn promote_member(&self, through: &[Target], id: u64) -> Result<()> {
        self.at_first(through, |member| async move { member.promote_member(id).await }).await
    }

    async fn remove_member(&self, through: &[Target], id: u64) -> Result<()> {
        self.at_first(through, |member| async move { member.remove_member(id).await }).await
    }

    async fn move_leader(&self, leader: &Target, to: u64) -> Result<()> {
        self.at(leader, |member| async move { member.move_leader(to).await }).await
    }

    async fn alarms(&self, through: &[Target]) -> Result<Vec<Alarm>> {
        self.at_first(through, |member| async move { member.alarms().await }).await
    }

    async fn disarm(&self, through: &[Target], alarm: &Alarm) -> Result<()> {
        self.at_first(through, |member| async move { member.disarm(alarm).await }).await
    }

    async fn age_log(&self, members: &[Target]) -> Result<()> {
        self.age(members).await
    }

    async fn compact(&self, through: &[Target], revision: i64) -> Result<()> {
        self.at_first(through, |member| async move { member.compact(revision).await }).await
    }

    async fn defragment(&self, target: &Target) -> Result<()> {
        self.own_session(target).await?.defragment().await
    }

    async fn hash_kv(&self, target: &Target, revision: i64) -> Result<KvHash> {
        self.at(target, |member| async move { member.hash_kv(revision).await }).await
    }

    async fn status(&self, target: &Target) -> Result<MemberStatus> {
        self.at(target, |member| async move { member.status().await }).await
    }

    async fn on_disk(&self, data: &Path) -> Result<OnDisk> {
        let path = data.to_owned();
        let read = tokio::task::spawn_blocking(move || offline::read(&path)).await.map_err(std::io::Error::from);
        read.flatten().map_err(Error::io(format!("read {}", data.display())))
    }

    async fn auth_enabled(&self, through: &[Target]) -> Result<bool> {
        self.at_first(through, |member| async move { member.auth_enabled().await }).await
    }

    async fn enable_auth(&self, through: &[Target], root_password: &str) -> Result<()> {
        if self.auth_enabled(through).await? {
            return self.set_root_password(through, root_password).await;
        }
        let enable = |mut member: Session| async move {
            // An earlier member may have turned auth on without its answer arriving.
            member.passwords = Passwords::new(&[root_password]);
            member.make_root(root_password).await?;
            member.enable_auth().await
        };
        self.at_first(through, enable).await?;
        self.remember(through, root_password);
        Ok(())
    }

    async fn disable_auth(&self, through: &[Target]) -> Result<()> {
        let disable = |member: Session| async move {
            if member.auth_enabled().await? { member.disable_auth().await } else { Ok(()) }
        };
        self.at_first(through, disable).await
    }

    async fn set_root_password(&self, through: &[Target], password: &str) -> Result<()> {
        let set = |member: Session| async move {
            match member.is_root_password(password).await? {
                Some(true) => Ok(()),
                Some(false) | None => member.set_root_password(password).await,
            }
        };
        self.at_first(through, set).await?;
        self.remember(through, password);
        Ok(())
    }

    async fn snapshot(&self, target: &Target, login: Option<&Login>) -> Result<SnapshotStream> {
        let connected = self.connect(target, Use::Snapshots).await;
        let root = self.over(target, connected)?;
        let session = if let Some(login) = login { root.for_user(login) } else { root };
        snapshot::stream(session).await
    }

    async fn snapshot_to_file(&self, target: &Target, into: &Path) -> Result<SnapshotInfo> {
        Box::pin(snapshot::to_file(self.own_session(target).await?, into)).await
    }
}
