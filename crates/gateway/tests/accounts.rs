//! Accounts, users and key pairs, on a store in memory.
#![allow(clippy::unwrap_used, missing_docs)]

use std::sync::Arc;

use cetcd_gateway::accounts::{ROOT_ACCOUNT, keys};
use cetcd_gateway::{Accounts, Credentials, Error};
use cetcd_store::seal::{MasterKey, Sealer};
use cetcd_store::{Store, Txn, memory::MemoryStore};
use jiff::Timestamp;
use secrecy::ExposeSecret;
use tokio_util::sync::CancellationToken;

const NOW: Timestamp = Timestamp::UNIX_EPOCH;

fn sealer() -> Sealer {
    Sealer::new(&MasterKey::from_bytes([7; 32]))
}

/// Waits until the view shows what `seen` wants; it follows the store by a watch.
async fn eventually(mut seen: impl FnMut() -> bool) {
    let waiting = async {
        while !seen() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(10), waiting).await.unwrap();
}

#[tokio::test]
async fn the_first_start_makes_a_root_key_and_the_next_ones_do_not() {
    let store = MemoryStore::default();
    let key = keys::ensure_root(&store, &sealer(), NOW).await.unwrap().unwrap();
    assert_eq!((key.account.as_str(), key.user.as_str()), (ROOT_ACCOUNT, ROOT_ACCOUNT));
    assert!(key.secret_id.starts_with("AKID") && key.secret_id.len() == 36);
    assert!(key.secret_id.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    assert_eq!(key.secret_key.expose_secret().len(), 32);
    assert!(keys::ensure_root(&store, &sealer(), NOW).await.unwrap().is_none());
    assert_eq!(keys::list_keys(&store).await.unwrap().len(), 1);
}

#[tokio::test]
async fn the_secret_is_in_the_store_sealed_and_in_no_debug_output() {
    let store = MemoryStore::default();
    let key = keys::ensure_root(&store, &sealer(), NOW).await.unwrap().unwrap();
    let secret = key.secret_key.expose_secret();
    for entry in store.range("").await.unwrap().entries {
        assert!(!String::from_utf8_lossy(&entry.value).contains(secret), "{}", entry.key);
    }
    assert!(!format!("{key:?}").contains(secret));
    let accounts = Accounts::open(Arc::new(store), sealer(), CancellationToken::new()).await.unwrap();
    let pair = accounts.find(&key.secret_id).unwrap();
    assert_eq!(pair.secret_key.expose_secret(), secret);
    assert!(!format!("{pair:?}{accounts:?}").contains(secret));
}

#[tokio::test]
async fn a_user_has_at_most_two_key_pairs() {
    let store = MemoryStore::default();
    let first = keys::ensure_root(&store, &sealer(), NOW).await.unwrap().unwrap();
    let create = async || keys::create_key(&store, &sealer(), ROOT_ACCOUNT, ROOT_ACCOUNT, NOW).await;
    create().await.unwrap();
    let error = create().await.unwrap_err();
    assert!(
        matches!(&error, Error::TooManyKeys { user, secret_ids } if user == ROOT_ACCOUNT && secret_ids.contains(&first.secret_id))
    );
    keys::delete_key(&store, &first.secret_id).await.unwrap();
    create().await.unwrap();
}

#[tokio::test]
async fn two_pairs_hold_even_when_many_are_made_at_once() {
    let store = MemoryStore::default();
    keys::ensure_root(&store, &sealer(), NOW).await.unwrap();
    let user = keys::create_user(&store, ROOT_ACCOUNT, NOW).await.unwrap();
    let sealer = sealer();
    let attempts = (0..8).map(|_| keys::create_key(&store, &sealer, ROOT_ACCOUNT, &user, NOW));
    let made = futures::future::join_all(attempts).await.into_iter().flatten().count();
    assert_eq!(made, 2);
    let of_user = keys::list_keys(&store).await.unwrap().into_iter().filter(|key| key.user == user).count();
    assert_eq!(of_user, 2);
}

#[tokio::test]
async fn the_view_follows_what_the_command_line_changes() {
    let store = MemoryStore::default();
    let first = keys::ensure_root(&store, &sealer(), NOW).await.unwrap().unwrap();
    let accounts = Accounts::open(Arc::new(store.clone()), sealer(), CancellationToken::new()).await.unwrap();
    assert!(accounts.find(&first.secret_id).is_some_and(|pair| pair.enabled));

    let user = keys::create_user(&store, ROOT_ACCOUNT, NOW).await.unwrap();
    let second = keys::create_key(&store, &sealer(), ROOT_ACCOUNT, &user, NOW).await.unwrap();
    eventually(|| accounts.find(&second.secret_id).is_some_and(|pair| *pair.user == *user)).await;
    keys::set_enabled(&store, &second.secret_id, false).await.unwrap();
    eventually(|| accounts.find(&second.secret_id).is_some_and(|pair| !pair.enabled)).await;
    keys::set_enabled(&store, &second.secret_id, true).await.unwrap();
    eventually(|| accounts.find(&second.secret_id).is_some_and(|pair| pair.enabled)).await;
    keys::delete_key(&store, &second.secret_id).await.unwrap();
    eventually(|| accounts.find(&second.secret_id).is_none()).await;
    assert!(accounts.find(&first.secret_id).is_some());
}

#[tokio::test]
async fn a_record_that_cannot_be_opened_takes_its_key_out_of_use() {
    let store = MemoryStore::default();
    let key = keys::ensure_root(&store, &sealer(), NOW).await.unwrap().unwrap();
    let accounts = Accounts::open(Arc::new(store.clone()), sealer(), CancellationToken::new()).await.unwrap();
    let record = format!("auth/keys/{}", key.secret_id);
    store.txn(Txn::new().put(record, "{}")).await.unwrap();
    eventually(|| accounts.find(&key.secret_id).is_none()).await;

    let other = Sealer::new(&MasterKey::from_bytes([8; 32]));
    let store = MemoryStore::default();
    let key = keys::ensure_root(&store, &sealer(), NOW).await.unwrap().unwrap();
    let accounts = Accounts::open(Arc::new(store), other, CancellationToken::new()).await.unwrap();
    assert!(accounts.find(&key.secret_id).is_none());
}

#[tokio::test]
async fn what_does_not_exist_is_named() {
    let store = MemoryStore::default();
    let text = |error: Error| error.to_string();
    for secret_id in ["AKIDnobody", "", "../accounts/1"] {
        assert!(text(keys::delete_key(&store, secret_id).await.unwrap_err()).contains("there is no key pair"));
        assert!(text(keys::set_enabled(&store, secret_id, true).await.unwrap_err()).contains("there is no key pair"));
    }
    assert_eq!(text(keys::create_user(&store, "1", NOW).await.unwrap_err()), "there is no account `1`");
    let error = keys::create_key(&store, &sealer(), ROOT_ACCOUNT, "2", NOW).await.unwrap_err();
    assert_eq!(text(error), "there is no user `2` in the account `100000000001`");
}
