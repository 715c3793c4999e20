//! `cetcd api`: the contract and the generic call.

use std::io::Read;

use anyhow::{Context, Result, bail};
use clap::Subcommand;
use serde_json::{Value, json};

use super::{
    Global,
    client::Client,
    output::{Format, print, print_data},
};

/// The API itself.
#[derive(Debug, Subcommand)]
pub enum Api {
    /// List the actions
    Actions,
    /// Print the JSON schema of all actions and structures
    Schema,
    /// Call an action
    Call {
        /// Name of the action
        action: String,
        /// Its parameters; `-` reads them from standard input
        #[arg(long, value_name = "JSON", default_value = "{}")]
        json: String,
    },
}

/// Runs one of them.
pub fn run(global: &Global, api: Api) -> Result<()> {
    match api {
        Api::Actions => actions(global.output),
        Api::Schema => match global.output {
            Format::Yaml => print_data(Format::Yaml, &cetcd_api::schema()),
            Format::Table | Format::Json => print_data(Format::Json, &cetcd_api::schema()),
        },
        Api::Call { action, json } => call(global, &action, &json),
    }
}

fn actions(format: Format) -> Result<()> {
    let kind = |changes: bool| if changes { "change" } else { "read" };
    let source = |extension: bool| if extension { "extension" } else { "published" };
    let all = cetcd_api::actions();
    let rows =
        all.iter().map(|a| [a.name, kind(a.changes), source(a.extension), a.doc].map(str::to_owned).to_vec()).collect();
    let data: Vec<Value> = all
        .iter()
        .map(|a| json!({ "Name": a.name, "Changes": a.changes, "Extension": a.extension, "Description": a.doc }))
        .collect();
    print(format, &Value::Array(data), &["action", "kind", "source", "description"], rows)
}

fn call(global: &Global, action: &str, json: &str) -> Result<()> {
    let text = if json == "-" {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).context("cannot read standard input")?;
        text
    } else {
        json.to_owned()
    };
    let parameters: Value = serde_json::from_str(&text).context("the parameters are not JSON")?;
    if !parameters.is_object() {
        bail!("the parameters must be a JSON object, for example '{{\"InstanceId\":\"etcd-abcd1234\"}}'");
    }
    let answer = Client::open(global)?.call(action, &parameters)?;
    print_data(if global.output == Format::Yaml { Format::Yaml } else { Format::Json }, &answer)
}
