//! `cetcd key`: key pairs, on the host of the service. It works on the store itself, whether the service runs
//! or not; a running one follows within a second.

use std::sync::Arc;

use anyhow::{Context, Result, bail};
use cetcd_core::{Clock, clock::SystemClock};
use cetcd_gateway::accounts::{self, keys};
use cetcd_store::{
    Store,
    seal::{MasterKey, Sealer},
    sqlite::SqliteStore,
};
use clap::Subcommand;
use secrecy::ExposeSecret;
use serde_json::json;

use super::{
    Global,
    client::DEFAULT_DATA_DIR,
    output::{Format, print, print_data, say, tell},
};
use crate::serve::{KEY_FILE, STORE_FILE};

/// Key pairs.
#[derive(Debug, Subcommand)]
pub enum Keys {
    /// Make a key pair: for the root user, another user, or a new one
    Create {
        /// The user, by number
        #[arg(long, conflicts_with = "new_user")]
        user: Option<String>,
        /// Make a new user of the root account first
        #[arg(long)]
        new_user: bool,
    },
    /// List key pairs; secrets are never shown
    List,
    /// Let a key pair be used no longer
    Disable {
        /// Its secret ID
        secret_id: String,
    },
    /// Let a key pair be used again
    Enable {
        /// Its secret ID
        secret_id: String,
    },
    /// Delete a key pair for good
    Delete {
        /// Its secret ID
        secret_id: String,
    },
}

/// Runs one of them.
pub fn run(global: &Global, command: Keys) -> Result<()> {
    let dir = global.data_dir.clone().unwrap_or_else(|| DEFAULT_DATA_DIR.into());
    let (database, key) = (dir.join(STORE_FILE), dir.join(KEY_FILE));
    if !database.exists() || !key.exists() {
        bail!(
            "{} is not the data directory of a service; name it with --data-dir, on the service's host",
            dir.display()
        );
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let store: Arc<dyn Store> = Arc::new(SqliteStore::open(&database)?);
        let sealer = Sealer::new(&MasterKey::load_or_create(&key)?);
        apply(store.as_ref(), &sealer, command, global.output).await
    })
}

async fn apply(store: &dyn Store, sealer: &Sealer, command: Keys, format: Format) -> Result<()> {
    let now = SystemClock.now();
    match command {
        Keys::Create { user, new_user } => {
            let user = match user {
                _ if new_user => keys::create_user(store, accounts::ROOT_ACCOUNT, now).await?,
                Some(user) => user,
                None => accounts::ROOT_ACCOUNT.to_owned(),
            };
            let new = keys::create_key(store, sealer, accounts::ROOT_ACCOUNT, &user, now).await;
            let new = new.context("no key pair was made")?;
            let secret = new.secret_key.expose_secret();
            match format {
                Format::Table => say!("TENCENTCLOUD_SECRET_ID={}\nTENCENTCLOUD_SECRET_KEY={secret}", new.secret_id)?,
                Format::Json | Format::Yaml => print_data(
                    format,
                    &json!({ "SecretId": new.secret_id, "SecretKey": secret, "Account": new.account, "User": new.user }),
                )?,
            }
            tell!("made a key pair for user {}; the secret is not shown again", new.user);
        }
        Keys::List => {
            let all = keys::list_keys(store).await?;
            let state = |enabled: bool| if enabled { "enabled" } else { "disabled" };
            let rows = all
                .iter()
                .map(|k| {
                    let (id, account, user) = (k.secret_id.clone(), k.account.clone(), k.user.clone());
                    vec![id, account, user, state(k.enabled).to_owned(), k.created_at.to_string()]
                })
                .collect();
            print(format, &json!(all), &["secret id", "account", "user", "state", "created"], rows)?;
        }
        Keys::Disable { secret_id } => keys::set_enabled(store, &secret_id, false).await?,
        Keys::Enable { secret_id } => keys::set_enabled(store, &secret_id, true).await?,
        Keys::Delete { secret_id } => keys::delete_key(store, &secret_id).await?,
    }
    Ok(())
}
