//! `cetcd credentials`: how to be let in, and replacing that.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde_json::json;

use super::{
    change::{Wait, change},
    client::Client,
    output::{self, Format, print_data, say, tell, text},
};
use crate::system::{private_dir, write_private};

/// Shows an instance's credentials, or writes them to files.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct Credentials {
    #[command(subcommand)]
    command: Option<Command>,
    /// ID of the instance
    #[arg(required = true)]
    id: Option<String>,
    /// Write ca.crt, client.crt and client.key into this directory (0600)
    #[arg(long, value_name = "DIR")]
    write: Option<PathBuf>,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Replace the CA and all that it issued, one member after another; the former credentials are good for a while
    Rotate(Rotate),
}

/// Replaces an instance's credentials.
#[derive(Debug, clap::Args)]
struct Rotate {
    /// ID of the instance
    id: String,
    /// How long the former credentials are good beside the new ones [default: the service's, a day]
    #[arg(long, value_name = "SECONDS", conflicts_with = "end_overlap")]
    overlap: Option<u64>,
    /// In place of another rotation, end that of the last one now
    #[arg(long)]
    end_overlap: bool,
    #[command(flatten)]
    wait: Wait,
}

/// Files of a client of an instance.
pub struct ClientFiles {
    /// URL of the instance's endpoint.
    pub endpoint: String,
    /// CA, certificate and key; `None` where https is off.
    pub files: Option<[PathBuf; 3]>,
}

impl ClientFiles {
    /// The flags of etcdctl.
    pub fn etcdctl_flags(&self) -> Vec<String> {
        let mut flags = vec![format!("--endpoints={}", self.endpoint)];
        if let Some([ca, cert, key]) = &self.files {
            flags.push(format!("--cacert={}", ca.display()));
            flags.push(format!("--cert={}", cert.display()));
            flags.push(format!("--key={}", key.display()));
        }
        flags
    }
}

/// Prints the credentials, or writes them and prints the line to paste.
pub fn run(client: &Client, show: &Credentials, format: Format) -> Result<()> {
    if let Some(Command::Rotate(rotate)) = &show.command {
        return self::rotate(client, rotate);
    }
    let id = show.id.as_deref().unwrap_or_default();
    let Some(dir) = &show.write else {
        let answer = client.call("DescribeEtcdCredentials", &json!({ "InstanceId": id }))?;
        if format == Format::Table {
            for credential in answer["Credentials"].as_array().into_iter().flatten() {
                for field in ["CACert", "Cert", "Key"] {
                    output::write(format_args!("{}", text(&credential[field])))?;
                }
            }
            return Ok(());
        }
        return print_data(format, &answer["Credentials"]);
    };
    let files = write(client, id, dir)?;
    say!("etcdctl {}", files.etcdctl_flags().join(" "))?;
    Ok(())
}

fn rotate(client: &Client, rotate: &Rotate) -> Result<()> {
    let mut parameters = json!({ "InstanceId": rotate.id, "EndOverlap": rotate.end_overlap });
    if let Some(seconds) = rotate.overlap {
        parameters["OverlapSeconds"] = json!(seconds);
    }
    change(client, "RotateEtcdCredentials", &rotate.id, &parameters, &rotate.wait)?;
    if !rotate.end_overlap && rotate.overlap != Some(0) {
        tell!("give the new credentials to clients; the former ones are good until the overlap ends");
    }
    Ok(())
}

/// Writes the credentials of `id` into `dir`.
pub fn write(client: &Client, id: &str, dir: &Path) -> Result<ClientFiles> {
    let endpoint = text(&client.instance(id)?["Endpoint"]);
    if endpoint.is_empty() {
        bail!("{id} has no endpoint yet; `cetcd get {id}` says how far it is");
    }
    let answer = client.call("DescribeEtcdCredentials", &json!({ "InstanceId": id }))?;
    let Some(credential) = answer["Credentials"].get(0) else {
        return Ok(ClientFiles { endpoint, files: None });
    };
    private_dir(dir).with_context(|| format!("cannot make {}", dir.display()))?;
    let dir = std::fs::canonicalize(dir)?;
    let files = [("CACert", "ca.crt"), ("Cert", "client.crt"), ("Key", "client.key")].map(|(field, name)| {
        let path = dir.join(name);
        (text(&credential[field]), path)
    });
    for (contents, path) in &files {
        write_private(path, contents.as_bytes()).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(ClientFiles { endpoint, files: Some(files.map(|(_, path)| path)) })
}
