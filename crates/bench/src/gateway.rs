//! Signed DescribeEtcdInstances, against hyper with the same bytes.

use std::{fmt::Write, time::Duration};

use anyhow::{Context, Result, ensure};

use crate::{
    Bench,
    api::Api,
    bare::BareServer,
    figures::{Latencies, median, number, rate, spread_rate},
    instance::Instance,
    load::{Load, Outcome},
    processes::{processor_seconds, resident},
    report::{Row, Section, Target},
    server::Server,
};

const ACTION: &str = "DescribeEtcdInstances";
const BODY: &[u8] = b"{}";

/// One side of all rounds.
#[derive(Default)]
struct Side {
    per_second: Vec<f64>,
    processor_microseconds: Vec<f64>,
    latencies: Vec<u32>,
}

impl Side {
    fn latency(&self) -> String {
        let latencies = Latencies::new(self.latencies.clone());
        format!("{:.2} / {:.2} ms", latencies.per_mille(500), latencies.per_mille(990))
    }

    fn processor(&self) -> String {
        format!("{:.1} µs", median(&self.processor_microseconds))
    }
}

/// Takes turns with the bare server.
pub async fn measure(bench: &mut Bench) -> Result<Section> {
    let (rounds, length) = if bench.quick { (2, Duration::from_secs(1)) } else { (5, Duration::from_secs(3)) };
    let home = bench.home("gateway")?;
    let server = Server::start(&bench.cetcd, &home).await?;
    let version = bench.version(&server).await?;
    let instance = Instance::create(&server, "bench", 3, &version).await?;

    // Half of the cores for the load where there are many; with two, the load and the server share both.
    let threads = (std::thread::available_parallelism()?.get() / 2).max(1);
    let address = server.api.host.parse().context("where the API is served")?;
    let connections = bench.connections;
    let mut load = Load { address, request: signed(&server.api), connections, threads };
    let answer = load.once().await?;
    let text = String::from_utf8_lossy(&answer.body);
    ensure!(text.contains(&instance.id), "not the answer that was expected: {text}");
    let bare = BareServer::start(&home, &answer.body).await?;
    let mut bare_load = Load { address: bare.address, ..load.clone() };
    let bare_answer = bare_load.once().await?;
    ensure!(bare_answer.body == answer.body, "the bare server answers with another body");
    ensure!(
        header_names(&bare_answer.head) == header_names(&answer.head),
        "the heads differ:\n{}{}",
        answer.head,
        bare_answer.head
    );

    let (mut ours, mut theirs) = (Side::default(), Side::default());
    // The first round is to warm both up.
    for round in 0..=rounds {
        // A signature holds for five minutes; one for each round costs nothing within the round.
        load.request = signed(&server.api);
        bare_load.request.clone_from(&load.request);
        let measured = round_of(&load, server.pid(), answer.body.len(), length).await?;
        let bare_measured = round_of(&bare_load, bare.pid(), answer.body.len(), length).await?;
        bench.say(&format!(
            "gateway, round {round} of {rounds}: {}, bare hyper {}",
            rate(measured.0.per_second),
            rate(bare_measured.0.per_second)
        ));
        if round > 0 {
            for (side, (outcome, processor)) in [(&mut ours, measured), (&mut theirs, bare_measured)] {
                side.per_second.push(outcome.per_second);
                side.processor_microseconds.push(processor);
                side.latencies.extend(outcome.latencies);
            }
        }
    }
    let held = resident(server.pid())?;
    instance.delete(&server).await?;
    server.stop().await?;

    let mut section = Section::new("gateway");
    let ratio = median(&ours.per_second) / median(&theirs.per_second);
    section.rows.push(
        Row::new(format!("signed {ACTION}, {connections} connections"), spread_rate(&ours.per_second))
            .against(format!("bare hyper {}", spread_rate(&theirs.per_second)))
            .ratio_to_hold(ratio, Target::AtLeast(0.6)),
    );
    section
        .rows
        .push(Row::new("its latency, p50 / p99", ours.latency()).against(format!("bare hyper {}", theirs.latency())));
    let processor_ratio = median(&ours.processor_microseconds) / median(&theirs.processor_microseconds);
    section.rows.push(
        Row::new("the server's processor time for a request", ours.processor())
            .against(format!("bare hyper {}", theirs.processor()))
            .ratio(processor_ratio),
    );
    section.rows.push(Row::new(
        "resident memory of serve after this load",
        format!("{:.1} MiB (anonymous {:.1})", held.all, held.anonymous),
    ));
    section.sample("requests_per_second", &ours.per_second);
    section.sample("bare_requests_per_second", &theirs.per_second);
    section.sample("processor_microseconds", &ours.processor_microseconds);
    section.sample("bare_processor_microseconds", &theirs.processor_microseconds);
    Ok(section)
}

/// A whole request, signed now.
fn signed(api: &Api) -> Vec<u8> {
    let mut text = "POST / HTTP/1.1\r\n".to_owned();
    for (name, value) in api.headers(ACTION, BODY) {
        let _ = write!(text, "{name}: {value}\r\n");
    }
    let _ = write!(text, "Content-Length: {}\r\n\r\n", BODY.len());
    [text.as_bytes(), BODY].concat()
}

/// The outcome, and the server's processor time for one request in microseconds.
async fn round_of(load: &Load, pid: u32, body: usize, length: Duration) -> Result<(Outcome, f64)> {
    let load = load.clone();
    let before = processor_seconds(pid)?;
    let outcome = tokio::task::spawn_blocking(move || load.run(body, length)).await??;
    let used = processor_seconds(pid)? - before;
    let processor = used * 1e6 / number(outcome.latencies.len() as u64).max(1.0);
    Ok((outcome, processor))
}

fn header_names(head: &str) -> Vec<String> {
    let lines = head.lines().skip(1).filter_map(|line| line.split_once(':'));
    let mut names: Vec<_> = lines.map(|(name, _)| name.to_ascii_lowercase()).collect();
    names.sort();
    names
}
