//! Making, listing, disabling and deleting key pairs, directly on the store: a running server follows by its watch.

use cetcd_store::{Compare, Entry, Store, Txn, seal::Sealer};
use jiff::Timestamp;
use rand::Rng;
use rand::distr::{Alphanumeric, SampleString};
use secrecy::SecretString;

use super::record::{
    ACCOUNT_PREFIX, AccountRecord, KEY_PREFIX, KeyRecord, UserRecord, account_key, read, secret_id_key, user_key, write,
};
use super::{MAX_KEYS_PER_USER, ROOT_ACCOUNT};
use crate::Error;

/// How often a change that met another one is tried.
const ATTEMPTS: usize = 16;

/// A key pair just made. The secret is shown once, here: the store keeps it sealed.
#[derive(Debug)]
pub struct NewKey {
    /// The public half: `AKID` and 32 letters and digits.
    pub secret_id: String,
    /// The secret half: 32 letters and digits.
    pub secret_key: SecretString,
    /// The account that the user belongs to.
    pub account: String,
    /// The user whose key it is.
    pub user: String,
}

/// A key pair without its secret.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct KeyInfo {
    /// The public half.
    pub secret_id: String,
    /// The account that the user belongs to.
    pub account: String,
    /// The user whose key it is.
    pub user: String,
    /// Whether it may be used.
    pub enabled: bool,
    /// When it was made.
    pub created_at: Timestamp,
}

/// Makes the root account, its root user and a first key pair where the store has no account yet.
pub async fn ensure_root(store: &dyn Store, sealer: &Sealer, now: Timestamp) -> Result<Option<NewKey>, Error> {
    if !store.range(ACCOUNT_PREFIX).await?.entries.is_empty() {
        return Ok(None);
    }
    let account = AccountRecord { account: ROOT_ACCOUNT.to_owned(), created_at: now };
    let new = generate(ROOT_ACCOUNT, ROOT_ACCOUNT);
    let user = UserRecord {
        account: ROOT_ACCOUNT.to_owned(),
        user: ROOT_ACCOUNT.to_owned(),
        secret_ids: vec![new.secret_id.clone()],
        created_at: now,
    };
    let key = KeyRecord::new(sealer, &user, &new.secret_id, &new.secret_key, now);
    let txn = Txn::new()
        .when(Compare::absent(account_key(ROOT_ACCOUNT)))
        .put(account_key(ROOT_ACCOUNT), write(&account))
        .put(user.key(), write(&user))
        .put(secret_id_key(&new.secret_id), write(&key));
    Ok(store.txn(txn).await?.succeeded.then_some(new))
}

/// Makes a sub-user of an account and returns its number. It has no key pair yet.
pub async fn create_user(store: &dyn Store, account: &str, now: Timestamp) -> Result<String, Error> {
    for _ in 0..ATTEMPTS {
        let number = rand::rng().random_range(100_000_000_000_u64..1_000_000_000_000).to_string();
        let record = UserRecord { account: account.to_owned(), user: number, secret_ids: Vec::new(), created_at: now };
        let txn = Txn::new()
            .when(Compare::present(account_key(account)))
            .when(Compare::absent(record.key()))
            .put(record.key(), write(&record));
        if store.txn(txn).await?.succeeded {
            return Ok(record.user);
        }
        if store.get(&account_key(account)).await?.is_none() {
            return Err(Error::NoSuchAccount { account: account.to_owned() });
        }
    }
    Err(Error::Conflict)
}

/// Makes a key pair for a user, who may have at most [`MAX_KEYS_PER_USER`].
pub async fn create_key(
    store: &dyn Store,
    sealer: &Sealer,
    account: &str,
    user: &str,
    now: Timestamp,
) -> Result<NewKey, Error> {
    for _ in 0..ATTEMPTS {
        let entry = store
            .get(&user_key(account, user))
            .await?
            .ok_or_else(|| Error::NoSuchUser { account: account.to_owned(), user: user.to_owned() })?;
        let mut record: UserRecord = read(&entry)?;
        if record.secret_ids.len() >= MAX_KEYS_PER_USER {
            return Err(Error::TooManyKeys { user: user.to_owned(), secret_ids: record.secret_ids.join(", ") });
        }
        let new = generate(account, user);
        let key = KeyRecord::new(sealer, &record, &new.secret_id, &new.secret_key, now);
        record.secret_ids.push(new.secret_id.clone());
        let txn = Txn::new()
            .when(Compare::mod_revision(&entry.key, entry.mod_revision))
            .when(Compare::absent(secret_id_key(&new.secret_id)))
            .put(&entry.key, write(&record))
            .put(secret_id_key(&new.secret_id), write(&key));
        if store.txn(txn).await?.succeeded {
            return Ok(new);
        }
    }
    Err(Error::Conflict)
}

/// Every key pair, sorted by account, user and age.
pub async fn list_keys(store: &dyn Store) -> Result<Vec<KeyInfo>, Error> {
    let range = store.range(KEY_PREFIX).await?;
    let mut keys = range.entries.iter().map(info).collect::<Result<Vec<_>, _>>()?;
    keys.sort_by(|one, other| {
        let order = |key: &KeyInfo| (key.account.clone(), key.user.clone(), key.created_at, key.secret_id.clone());
        order(one).cmp(&order(other))
    });
    Ok(keys)
}

/// Lets a key pair be used, or no longer. Doing it again is no error.
pub async fn set_enabled(store: &dyn Store, secret_id: &str, enabled: bool) -> Result<(), Error> {
    for _ in 0..ATTEMPTS {
        let (entry, mut record) = find(store, secret_id).await?;
        record.enabled = enabled;
        let txn =
            Txn::new().when(Compare::mod_revision(&entry.key, entry.mod_revision)).put(&entry.key, write(&record));
        if store.txn(txn).await?.succeeded {
            return Ok(());
        }
    }
    Err(Error::Conflict)
}

/// Deletes a key pair for good.
pub async fn delete_key(store: &dyn Store, secret_id: &str) -> Result<(), Error> {
    for _ in 0..ATTEMPTS {
        let (entry, record) = find(store, secret_id).await?;
        let mut txn = Txn::new().when(Compare::mod_revision(&entry.key, entry.mod_revision)).delete(&entry.key);
        if let Some(user) = store.get(&user_key(&record.account, &record.user)).await? {
            let mut owner: UserRecord = read(&user)?;
            owner.secret_ids.retain(|id| id != secret_id);
            txn = txn.when(Compare::mod_revision(&user.key, user.mod_revision)).put(&user.key, write(&owner));
        }
        if store.txn(txn).await?.succeeded {
            return Ok(());
        }
    }
    Err(Error::Conflict)
}

async fn find(store: &dyn Store, secret_id: &str) -> Result<(Entry, KeyRecord), Error> {
    let no_such_key = || Error::NoSuchKey { secret_id: secret_id.to_owned() };
    // A name that cannot be one of ours is not worth a store error about the key's form.
    if secret_id.is_empty() || !secret_id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err(no_such_key());
    }
    let entry = store.get(&secret_id_key(secret_id)).await?.ok_or_else(no_such_key)?;
    let record = KeyRecord::read(&entry)?;
    Ok((entry, record))
}

fn info(entry: &Entry) -> Result<KeyInfo, Error> {
    let KeyRecord { secret_id, account, user, enabled, created_at, .. } = KeyRecord::read(entry)?;
    Ok(KeyInfo { secret_id, account, user, enabled, created_at })
}

fn generate(account: &str, user: &str) -> NewKey {
    let letters = || Alphanumeric.sample_string(&mut rand::rng(), 32);
    NewKey {
        secret_id: format!("AKID{}", letters()),
        secret_key: SecretString::from(letters()),
        account: account.to_owned(),
        user: user.to_owned(),
    }
}
