//! A snapshot restored into a new instance of one member until it can be read, against the same by hand.

use std::time::Instant;

use anyhow::{Context, Result};

use super::{Saved, Subject, data::FIRST_KEY};
use crate::{
    Bench, by_hand,
    etcd::first_read,
    figures::{median, spread_seconds},
    instance::Instance,
    processes::Process,
    report::{Row, Section, Target},
};

/// What a restored member's data is made with: the flags that it has in common with the tool.
const COMMON: [&str; 5] =
    ["data-dir", "name", "initial-cluster", "initial-cluster-token", "initial-advertise-peer-urls"];

/// Takes turns; the first of each is not counted. Who goes second finds memory that was just given back, which a
/// virtual machine hands out faster than what it has to ask its host for: each goes first in every other turn.
pub async fn compare(bench: &Bench, section: &mut Section, subject: &Subject<'_>, saved: &Saved) -> Result<()> {
    let (mut ours, mut theirs, mut tool) = (Vec::new(), Vec::new(), Vec::new());
    // What is done by hand is done with the command lines of the member restored last.
    let (_, mut members) = restore(subject, saved).await?;
    time_by_hand(subject, saved, &members, 0).await?;
    for round in 1..=subject.rounds {
        let (first, by_hand, by_tool);
        if round % 2 == 0 {
            (by_hand, by_tool) = time_by_hand(subject, saved, &members, round).await?;
            (first, members) = restore(subject, saved).await?;
        } else {
            (first, members) = restore(subject, saved).await?;
            (by_hand, by_tool) = time_by_hand(subject, saved, &members, round).await?;
        }
        bench.say(&format!(
            "backup, restore, turn {round} of {}: {first:.2} s, by hand {by_hand:.2} s ({by_tool:.2} s of it etcdutl)",
            subject.rounds
        ));
        ours.push(first);
        theirs.push(by_hand);
        tool.push(by_tool);
    }
    section.rows.push(
        Row::new(format!("restore → first read, 1 member, median of {}", subject.rounds), spread_seconds(&ours))
            .against(format!("by hand {}", spread_seconds(&theirs)))
            .ratio_to_hold(median(&ours) / median(&theirs), Target::AtMost(1.15)),
    );
    section.sample("restore_seconds", &ours);
    section.sample("by_hand_restore_seconds", &theirs);
    section.sample("by_hand_restore_tool_seconds", &tool);
    Ok(())
}

/// Seconds from the request to the first read, and the members' processes, which are gone by then.
async fn restore(subject: &Subject<'_>, saved: &Saved) -> Result<(f64, Vec<Process>)> {
    let restored = Instance::restore(subject.server, &subject.instance.id, &saved.snapshot, FIRST_KEY).await?;
    let first = restored.first_answer.as_secs_f64();
    let members = restored.members(subject.server);
    restored.delete(subject.server).await?;
    Ok((first, members))
}

/// From the start of the tool to the first linearizable read of the member that is started after it; and how long the
/// tool took of that. Certificates are there before.
async fn time_by_hand(subject: &Subject<'_>, saved: &Saved, members: &[Process], round: usize) -> Result<(f64, f64)> {
    let dir = subject.file(&format!("restored-{round}"));
    let mut prepared = by_hand::prepare(members, &dir)?;
    let flag = |name: &str| {
        let value = prepared.flag(0, name).with_context(|| format!("a restored member without --{name}"))?;
        Ok(format!("--{name}={value}"))
    };
    let flags: Vec<String> = COMMON.into_iter().map(flag).collect::<Result<_>>()?;
    let began = Instant::now();
    let tool = subject.tools.restore(&saved.file, &flags, &dir).await?;
    let running = prepared.start()?;
    first_read(prepared.addresses[0], &prepared.credentials, FIRST_KEY).await?;
    let seconds = began.elapsed().as_secs_f64();
    drop(running);
    std::fs::remove_dir_all(&dir)?;
    Ok((seconds, tool))
}
