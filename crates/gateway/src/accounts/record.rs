//! The records of accounts, users and key pairs in the store.

use base64::{Engine, engine::general_purpose::STANDARD};
use cetcd_store::{Entry, seal::Sealer};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::KeyPair;
use crate::Error;

pub(super) const ACCOUNT_PREFIX: &str = "auth/accounts/";
pub(super) const USER_PREFIX: &str = "auth/users/";
pub(super) const KEY_PREFIX: &str = "auth/keys/";

/// `auth/accounts/{account}`.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct AccountRecord {
    pub(super) account: String,
    pub(super) created_at: Timestamp,
}

/// `auth/users/{account}/{user}`. It lists the user's key pairs, so that one comparison of this record keeps the
/// number of pairs true under concurrent changes.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct UserRecord {
    pub(super) account: String,
    pub(super) user: String,
    pub(super) secret_ids: Vec<String>,
    pub(super) created_at: Timestamp,
}

/// `auth/keys/{secret_id}`.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct KeyRecord {
    pub(super) secret_id: String,
    /// The secret key, sealed for this record's key, in base64.
    pub(super) sealed_secret_key: String,
    pub(super) account: String,
    pub(super) user: String,
    pub(super) enabled: bool,
    pub(super) created_at: Timestamp,
}

pub(super) fn account_key(account: &str) -> String {
    format!("{ACCOUNT_PREFIX}{account}")
}

pub(super) fn user_key(account: &str, user: &str) -> String {
    format!("{USER_PREFIX}{account}/{user}")
}

pub(super) fn secret_id_key(secret_id: &str) -> String {
    format!("{KEY_PREFIX}{secret_id}")
}

pub(super) fn read<T: DeserializeOwned>(entry: &Entry) -> Result<T, Error> {
    serde_json::from_slice(&entry.value)
        .map_err(|source| Error::Record { key: entry.key.clone(), reason: source.to_string() })
}

pub(super) fn write(record: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(record).expect("the records have string keys and nothing that JSON cannot hold")
}

impl UserRecord {
    pub(super) fn key(&self) -> String {
        user_key(&self.account, &self.user)
    }
}

impl KeyRecord {
    pub(super) fn new(
        sealer: &Sealer,
        user: &UserRecord,
        secret_id: &str,
        secret: &SecretString,
        now: Timestamp,
    ) -> Self {
        let ciphertext = sealer.seal(&secret_id_key(secret_id), secret.expose_secret().as_bytes());
        Self {
            secret_id: secret_id.to_owned(),
            sealed_secret_key: STANDARD.encode(ciphertext),
            account: user.account.clone(),
            user: user.user.clone(),
            enabled: true,
            created_at: now,
        }
    }

    pub(super) fn read(entry: &Entry) -> Result<Self, Error> {
        let record: Self = read(entry)?;
        if secret_id_key(&record.secret_id) == entry.key {
            Ok(record)
        } else {
            Err(Error::Record { key: entry.key.clone(), reason: "it names another SecretId".to_owned() })
        }
    }

    pub(super) fn unseal(self, sealer: &Sealer) -> Result<KeyPair, Error> {
        let key = secret_id_key(&self.secret_id);
        let bad = |reason: &str| Error::Record { key: key.clone(), reason: reason.to_owned() };
        let ciphertext =
            STANDARD.decode(&self.sealed_secret_key).map_err(|_| bad("the sealed secret is not base64"))?;
        let secret = sealer.open(&key, &ciphertext)?;
        let secret = std::str::from_utf8(&secret).map_err(|_| bad("the secret is not text"))?;
        Ok(KeyPair {
            secret_id: self.secret_id.into(),
            secret_key: SecretString::from(secret),
            account: self.account.into(),
            user: self.user.into(),
            enabled: self.enabled,
        })
    }
}
