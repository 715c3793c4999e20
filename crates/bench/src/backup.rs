//! One gigabyte of data backed up, restored, and written to meanwhile, against etcd's own tools used by hand.

mod data;
mod restore;
mod take;
mod tools;
mod writers;

use std::path::{Path, PathBuf};

use anyhow::Result;
use serde_json::json;

use self::{
    take::Saved,
    tools::{Files, Tools},
};
use crate::{Bench, instance::Instance, report::Section, server::Server};

const MEMBERS: u64 = 3;

/// What all comparisons of this part are about.
struct Subject<'a> {
    server: &'a Server,
    instance: &'a Instance,
    tools: Tools,
    files: Files,
    /// Where what is made by hand goes: on the disk of all else.
    by_hand: PathBuf,
    rounds: usize,
}

/// Fills a cluster, then takes snapshots, writes while some are taken, and restores the last.
pub async fn measure(bench: &mut Bench) -> Result<Section> {
    let home = bench.home("backup")?;
    let server = Server::start(&bench.cetcd, &home).await?;
    let version = bench.version(&server).await?;
    let instance = Instance::create(&server, "bench", MEMBERS, &version).await?;
    // No run of it comes between.
    let policy = json!({ "InstanceId": instance.id, "SnapshotPolicyName": "default-backup-policy" });
    server.api.call("DeleteEtcdSnapshotPolicy", &policy).await?;
    let bytes = if bench.quick { 50_000_000 } else { 1_000_000_000 };
    let took = data::fill(&instance, bytes).await?;
    bench.say(&format!("backup, {} MB of values written in {took:.1} s", bytes / 1_000_000));

    let by_hand = home.join("by-hand");
    let subject = Subject {
        server: &server,
        instance: &instance,
        tools: Tools::beside(&instance.members(&server))?,
        files: Files::write(&by_hand, &instance.credentials)?,
        by_hand,
        rounds: if bench.quick { 2 } else { 5 },
    };
    let mut section = Section::new("backup");
    let saved = take::compare(bench, &mut section, &subject).await?;
    writers::compare(bench, &mut section, &subject).await?;
    restore::compare(bench, &mut section, &subject, &saved).await?;
    instance.delete(&server).await?;
    server.stop().await?;
    Ok(section)
}

impl Subject<'_> {
    /// A path that nothing is at, for what is made by hand.
    fn file(&self, name: &str) -> PathBuf {
        self.by_hand.join(name)
    }
}

/// Removes a file that was of use for one turn.
fn remove(path: &Path) -> Result<()> {
    Ok(std::fs::remove_file(path)?)
}
