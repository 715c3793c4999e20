//! `cetcd auth`: etcd's own authentication. A password is never an argument, which everybody on the machine can read.

use std::io::IsTerminal;

use anyhow::{Context, Result, bail};
use clap::Subcommand;
use console::Term;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};

use super::{
    change::{Wait, change},
    client::Client,
};

/// Where the password is read from before anybody is asked.
const VARIABLE: &str = "CETCD_ROOT_PASSWORD";

/// etcd's own authentication.
#[derive(Debug, Subcommand)]
pub enum Auth {
    /// Turn it on: only root and the users that it makes are let in from then on
    Enable {
        /// ID of the instance
        id: String,
        #[command(flatten)]
        password: Source,
        #[command(flatten)]
        wait: Wait,
    },
    /// Turn it off; users and roles stay
    Disable {
        /// ID of the instance
        id: String,
        #[command(flatten)]
        wait: Wait,
    },
    /// Give the user root a password: at once, or for when authentication is turned on
    Password {
        /// ID of the instance
        id: String,
        #[command(flatten)]
        password: Source,
        #[command(flatten)]
        wait: Wait,
    },
}

/// Where the password comes from: CETCD_ROOT_PASSWORD, standard input, or the terminal.
#[derive(Debug, clap::Args)]
pub struct Source {
    /// Read root's password from standard input; else it is CETCD_ROOT_PASSWORD, or asked for on the terminal
    #[arg(long)]
    password_stdin: bool,
}

/// Changes it and waits.
pub fn run(client: &Client, auth: &Auth) -> Result<()> {
    let mut parameters = Map::new();
    let (id, wait, password) = match auth {
        Auth::Enable { id, password, wait } => {
            parameters.insert("EnableAuth".to_owned(), true.into());
            (id, wait, read(password, "Password of root (empty for the one given before): ")?)
        }
        Auth::Disable { id, wait } => {
            parameters.insert("EnableAuth".to_owned(), false.into());
            (id, wait, None)
        }
        Auth::Password { id, password, wait } => {
            let password = read(password, "New password of root: ")?;
            let missing = || format!("no password: set {VARIABLE}, or give it to --password-stdin");
            (id, wait, Some(password.with_context(missing)?))
        }
    };
    parameters.insert("InstanceId".to_owned(), id.as_str().into());
    if let Some(password) = password {
        parameters.insert("Password".to_owned(), password.expose_secret().into());
    }
    change(client, "ModifyEtcdAttribute", id, &Value::Object(parameters), wait)
}

/// The password; `None` where nobody gave one.
fn read(source: &Source, prompt: &str) -> Result<Option<SecretString>> {
    let given = |text: String| (!text.is_empty()).then(|| SecretString::from(text));
    if source.password_stdin {
        let mut line = String::new();
        std::io::stdin().read_line(&mut line).context("cannot read the password from standard input")?;
        let password = given(line.trim_end_matches(['\r', '\n']).to_owned());
        return password.context("standard input holds no password").map(Some);
    }
    if let Some(password) = std::env::var(VARIABLE).ok().and_then(given) {
        return Ok(Some(password));
    }
    let terminal = Term::stderr();
    if !(std::io::stdin().is_terminal() && terminal.is_term()) {
        return Ok(None);
    }
    let ask = |prompt: &str| -> Result<String> {
        terminal.write_str(prompt)?;
        terminal.read_secure_line().context("cannot read the password from the terminal")
    };
    let Some(password) = given(ask(prompt)?) else { return Ok(None) };
    if ask("The same again: ")? != password.expose_secret() {
        bail!("the two are not the same; nothing was changed");
    }
    Ok(Some(password))
}
