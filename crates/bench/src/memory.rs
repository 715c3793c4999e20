//! Resident memory of `serve`, at rest, by the number of instances.

use std::time::Duration;

use anyhow::Result;

use crate::{
    Bench,
    instance::Instance,
    machine::available_memory_gib,
    processes::resident,
    report::{Row, Section, Target},
    server::Server,
};

/// What 15 members and their page cache need, with room to spare.
const GIB_FOR_THREE_MEMBERS: f64 = 3.0;

/// Counts instances up; each figure is taken after ten quiet seconds.
pub async fn measure(bench: &mut Bench) -> Result<Section> {
    let counts: &[usize] = if bench.quick { &[0, 1] } else { &[0, 1, 5] };
    let quiet = Duration::from_secs(if bench.quick { 3 } else { 10 });
    let size = if available_memory_gib() < GIB_FOR_THREE_MEMBERS { 1 } else { 3 };
    let home = bench.home("memory")?;
    let server = Server::start(&bench.cetcd, &home).await?;
    let version = bench.version(&server).await?;
    let mut instances = Vec::new();
    let mut section = Section::new("memory");
    for count in counts {
        while instances.len() < *count {
            let name = format!("bench-{}", instances.len());
            instances.push(Instance::create(&server, &name, size, &version).await?);
        }
        tokio::time::sleep(quiet).await;
        let held = resident(server.pid())?;
        let figure = format!("{:.1} MiB (anonymous {:.1})", held.all, held.anonymous);
        bench.say(&format!("memory, {count} instances: {figure}"));
        let plural = match count {
            1 => format!("1 instance of {size}"),
            n => format!("{n} instances{}", if *n == 0 { String::new() } else { format!(" of {size}") }),
        };
        let row = Row::new(format!("resident memory of serve, {plural}, after {} s at rest", quiet.as_secs()), figure);
        let row = if *count == 1 { row.figure_to_hold(held.all, "MiB", Target::AtMost(40.0)) } else { row };
        section.rows.push(row);
        section.sample(&format!("resident_mib_{count}"), &[held.all, held.anonymous]);
    }
    for instance in instances {
        instance.delete(&server).await?;
    }
    server.stop().await?;
    Ok(section)
}
