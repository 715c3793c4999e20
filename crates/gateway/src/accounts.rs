//! Who may call: accounts, their users, and the users' key pairs.
//!
//! An account owns resources. Its root user has the account's own number; other users are sub-users. A user has at
//! most [`MAX_KEYS_PER_USER`] key pairs, so that one can be replaced while the other works. All of it is records of
//! the metadata store under `auth/`, the secret keys sealed; [`keys`] changes them, for the command line on the host,
//! and [`Accounts`] is the view in memory that requests are checked against.

pub mod keys;
mod record;

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use cetcd_store::{Entry, EventKind, Store, seal::Sealer};
use secrecy::SecretString;
use tokio_util::sync::CancellationToken;

pub use keys::{KeyInfo, NewKey};
use record::{KEY_PREFIX, KeyRecord};

use crate::Error;

/// How many key pairs a user may have.
pub const MAX_KEYS_PER_USER: usize = 2;

/// The account that the first start makes.
pub const ROOT_ACCOUNT: &str = "100000000001";

/// A key pair as requests are checked against it. `Debug` does not show the secret.
#[derive(Debug, Clone)]
pub struct KeyPair {
    /// The public half.
    pub secret_id: Arc<str>,
    /// The secret half.
    pub secret_key: SecretString,
    /// The account that the user belongs to.
    pub account: Arc<str>,
    /// The user whose key it is; the account's own number for the root user.
    pub user: Arc<str>,
    /// Whether it may be used.
    pub enabled: bool,
}

/// Where the gateway looks a SecretId up. A look-up is made for every request and must not wait.
pub trait Credentials: Send + Sync + 'static {
    /// The key pair with this SecretId.
    fn find(&self, secret_id: &str) -> Option<Arc<KeyPair>>;
}

/// All key pairs, in memory, kept up to date by the store's watch.
pub struct Accounts {
    store: Arc<dyn Store>,
    sealer: Sealer,
    pairs: RwLock<HashMap<String, Arc<KeyPair>>>,
}

impl std::fmt::Debug for Accounts {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Accounts").finish_non_exhaustive()
    }
}

impl Credentials for Accounts {
    fn find(&self, secret_id: &str) -> Option<Arc<KeyPair>> {
        self.pairs.read().unwrap_or_else(PoisonError::into_inner).get(secret_id).cloned()
    }
}

impl Accounts {
    /// Reads all key pairs and goes on following changes until `stop`; the task that follows ends by itself when the
    /// store is closed.
    pub async fn open(store: Arc<dyn Store>, sealer: Sealer, stop: CancellationToken) -> Result<Arc<Self>, Error> {
        let accounts = Arc::new(Self { store, sealer, pairs: RwLock::default() });
        let revision = accounts.load().await?;
        let follower = Arc::clone(&accounts);
        tokio::spawn(async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = follower.follow(revision) => {}
            }
        });
        Ok(accounts)
    }

    /// Replaces the view by what the store holds, and says at which revision that was.
    async fn load(&self) -> Result<u64, Error> {
        let range = self.store.range(KEY_PREFIX).await?;
        let pairs = range.entries.iter().filter_map(|entry| self.unseal(entry)).collect();
        *self.pairs.write().unwrap_or_else(PoisonError::into_inner) = pairs;
        Ok(range.revision)
    }

    async fn follow(&self, mut revision: u64) {
        const PAUSE: Duration = Duration::from_secs(1);
        loop {
            match self.apply_changes_after(&mut revision).await {
                Ok(()) | Err(cetcd_store::Error::Closed) => return,
                // Falling behind the store's history needs no pause: reading everything again catches up.
                Err(cetcd_store::Error::Compacted { .. }) => {}
                Err(error) => {
                    tracing::warn!(%error, "following the key pairs failed; reading them again");
                    tokio::time::sleep(PAUSE).await;
                }
            }
            while let Err(error) = self.load().await.map(|now| revision = now) {
                tracing::warn!(%error, "reading the key pairs failed; trying again");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }

    /// Ends well only when the store is closed.
    async fn apply_changes_after(&self, revision: &mut u64) -> cetcd_store::Result<()> {
        let mut watch = self.store.watch(KEY_PREFIX, *revision + 1).await?;
        while let Some(event) = watch.next().await {
            let event = event?;
            let mut pairs = self.pairs.write().unwrap_or_else(PoisonError::into_inner);
            match &event.kind {
                EventKind::Put(entry) => {
                    // A record that cannot be read takes its key out of use: the old one may have been disabled.
                    pairs.remove(entry.key.strip_prefix(KEY_PREFIX).unwrap_or_default());
                    pairs.extend(self.unseal(entry));
                }
                EventKind::Delete { key } => {
                    pairs.remove(key.strip_prefix(KEY_PREFIX).unwrap_or_default());
                }
            }
            *revision = event.revision;
        }
        Ok(())
    }

    fn unseal(&self, entry: &Entry) -> Option<(String, Arc<KeyPair>)> {
        let read = || {
            let record = KeyRecord::read(entry)?;
            let pair = record.unseal(&self.sealer)?;
            Ok::<_, Error>((pair.secret_id.as_ref().to_owned(), Arc::new(pair)))
        };
        read().inspect_err(|error| tracing::error!(%error, key = entry.key, "a key pair cannot be used")).ok()
    }
}
