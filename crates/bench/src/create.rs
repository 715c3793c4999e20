//! Create → first write, against the same members started by hand.

use std::{path::Path, time::Instant};

use anyhow::{Result, bail};

use crate::{
    Bench, by_hand,
    etcd::first_write,
    figures::{extremes, median, seconds, spread_seconds},
    instance::Instance,
    processes::{self, Process},
    report::{Row, Section, Target},
    server::Server,
};

const MEMBERS: u64 = 3;

/// Takes turns; the first turn of each, with cold caches, is not counted.
pub async fn measure(bench: &mut Bench) -> Result<Section> {
    let rounds = if bench.quick { 2 } else { 10 };
    let home = bench.home("create")?;
    let server = Server::start(&bench.cetcd, &home).await?;
    let version = bench.version(&server).await?;
    let (mut ours, mut complete, mut starting, mut theirs) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for round in 0..=rounds {
        let instance = Instance::create(&server, "bench", MEMBERS, &version).await?;
        let first = instance.first_answer.as_secs_f64();
        let all = instance.complete.as_secs_f64();
        let members = instance.members(&server);
        if members.len() as u64 != MEMBERS {
            bail!("{} of {MEMBERS} members are found among the processes", members.len());
        }
        let mut last_start = 0_f64;
        for member in &members {
            last_start = last_start.max(processes::started(member.pid)? - instance.requested);
        }
        instance.delete(&server).await?;
        let by_hand = time_by_hand(&members, &home.join(format!("by-hand-{round}"))).await?;
        bench.say(&format!(
            "create, turn {round} of {rounds}: {first:.2} s (all steps {all:.2} s), by hand {by_hand:.2} s"
        ));
        if round > 0 {
            ours.push(first);
            complete.push(all);
            starting.push(last_start);
            theirs.push(by_hand);
        }
    }
    server.stop().await?;

    let mut section = Section::new("create");
    let ratio = median(&ours) / median(&theirs);
    section.rows.push(
        Row::new(format!("create → first write, 3 members, median of {rounds}"), spread_seconds(&ours))
            .against(format!("by hand {}", spread_seconds(&theirs)))
            .ratio_to_hold(ratio, Target::AtMost(1.2)),
    );
    // Without the lots that etcd draws at its first start (see bench/README.md).
    let (fastest, fastest_by_hand) = (extremes(&ours).0, extremes(&theirs).0);
    section.rows.push(
        Row::new("the same, the fastest turn of each", seconds(fastest))
            .against(format!("by hand {}", seconds(fastest_by_hand)))
            .ratio(fastest / fastest_by_hand),
    );
    section.rows.push(Row::new("create → the last of the members is started", spread_seconds(&starting)));
    section.rows.push(Row::new("create → all five steps", spread_seconds(&complete)));
    section.sample("first_write_seconds", &ours);
    section.sample("last_member_started_seconds", &starting);
    section.sample("all_steps_seconds", &complete);
    section.sample("by_hand_first_write_seconds", &theirs);
    Ok(section)
}

/// From the start of all members to the first write that any of them acknowledges. A person would have to find
/// out which one answers; trying all at once is the strictest comparison.
async fn time_by_hand(members: &[Process], dir: &Path) -> Result<f64> {
    let mut prepared = by_hand::prepare(members, dir)?;
    let began = Instant::now();
    let running = prepared.start()?;
    first_write(&prepared.addresses, &prepared.credentials).await?;
    let took = began.elapsed().as_secs_f64();
    drop(running);
    std::fs::remove_dir_all(dir)?;
    Ok(took)
}
