//! `cetcd internet`: reaching an instance from outside.

use anyhow::Result;
use clap::Subcommand;
use serde_json::json;

use super::{
    change::{Wait, change},
    client::Client,
    output::{say, text},
};

/// A public address of an instance.
#[derive(Debug, Subcommand)]
pub enum Internet {
    /// Open it to those networks and no others; again with others, to those in their place
    Enable {
        /// ID of the instance
        id: String,
        /// A network that connections may come from, such as 203.0.113.0/24 or 2001:db8::/32; may be given again
        #[arg(long, value_name = "CIDR", required = true)]
        allow: Vec<String>,
        #[command(flatten)]
        wait: Wait,
    },
    /// Close it, with all connections that came by it
    Disable {
        /// ID of the instance
        id: String,
        #[command(flatten)]
        wait: Wait,
    },
}

/// Changes it and waits.
pub fn run(client: &Client, internet: &Internet) -> Result<()> {
    match internet {
        Internet::Enable { id, allow, wait } => {
            let parameters = json!({ "InstanceId": id, "AllowedNetworks": allow });
            change(client, "EnableEtcdInternet", id, &parameters, wait)?;
            let now = client.call("DescribeEtcdInternet", &json!({ "InstanceId": id }))?;
            if now["Open"] == true {
                say!("{}", text(&now["Endpoint"]))?;
            }
            Ok(())
        }
        Internet::Disable { id, wait } => change(client, "DisableEtcdInternet", id, &json!({ "InstanceId": id }), wait),
    }
}
