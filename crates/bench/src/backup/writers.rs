//! What clients feel of a snapshot: the latency of puts at a steady pace while one is taken, and without.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use anyhow::Result;
use tokio::{sync::watch, task::JoinSet, time::MissedTickBehavior};

use super::{
    Subject, remove,
    take::{delete, take},
    tools::follower,
};
use crate::{
    Bench,
    etcd::{Credentials, client},
    figures::{Latencies, median, microseconds},
    instance::Instance,
    report::{Row, Section, Target},
};

/// Clients that write at once, each on a connection of its own.
const CLIENTS: usize = 8;
/// From one put of a client to the next.
const EVERY: Duration = Duration::from_millis(20);
const VALUE_BYTES: usize = 256;
/// Keys that each client writes over and over.
const KEYS: usize = 256;
/// How long they write before it counts.
const SETTLING: Duration = Duration::from_millis(500);
/// Between two looks at the snapshot: they are no part of what is measured.
const LOOK: Duration = Duration::from_millis(250);
/// The length of a round.
const ROUND: Duration = Duration::from_secs(6);

/// What one kind of rounds came to, in milliseconds.
#[derive(Default)]
struct Side {
    p50: Vec<f64>,
    p99: Vec<f64>,
}

impl Side {
    fn add(&mut self, rounds: Vec<Latencies>) {
        for latencies in rounds {
            self.p50.push(latencies.per_mille(500));
            self.p99.push(latencies.per_mille(990));
        }
    }

    fn shown(&self) -> String {
        format!("{:.2} / {:.2} ms", median(&self.p50), median(&self.p99))
    }
}

/// A snapshot of ours goes at the pace that the clients leave to it: its time is as many rounds as fit into it. About as
/// many without any are before and after it, since the machine changes its mind from one minute to the next.
pub async fn compare(bench: &Bench, section: &mut Section, subject: &Subject<'_>) -> Result<()> {
    let Subject { server, instance, .. } = subject;
    let (mut ours, mut by_hand, mut without) = (Side::default(), Side::default(), Side::default());
    let file = subject.file("meanwhile.db");
    let calm = async || while_writing(instance, quiet(2 * subject.rounds)).await;
    without.add(calm().await?.1);
    let name = "meanwhile";
    let (taken, rounds) = while_writing(instance, take(server, &instance.id, name, LOOK)).await?;
    ours.add(rounds);
    // With the proof that would follow.
    delete(server, &instance.id, name).await?;
    without.add(calm().await?.1);
    for _ in 0..subject.rounds.div_ceil(2) {
        let member = follower(server, instance).await?;
        by_hand.add(while_writing(instance, subject.tools.save(member, &subject.files, &file)).await?.1);
        remove(&file)?;
    }
    bench.say(&format!(
        "backup, puts: p50 / p99 {} while a snapshot is taken ({:.1} s), {} while etcdctl takes one, {} without",
        ours.shown(),
        taken.seconds,
        by_hand.shown(),
        without.shown()
    ));
    let rate = CLIENTS * usize::try_from(Duration::from_secs(1).as_millis() / EVERY.as_millis())?;
    let what = format!("puts of {VALUE_BYTES} bytes, {CLIENTS} clients, {rate}/s, p50 / p99");
    section.rows.push(
        Row::new(format!("{what}, while a snapshot is taken ({:.0} s)", taken.seconds), ours.shown())
            .against(format!("without {}", without.shown()))
            .ratio_to_hold(median(&ours.p99) / median(&without.p99), Target::AtMost(1.5)),
    );
    section.rows.push(
        Row::new("the same, while etcdctl snapshot save takes one", by_hand.shown())
            .against(format!("without {}", without.shown()))
            .ratio(median(&by_hand.p99) / median(&without.p99)),
    );
    section.sample("put_p99_ms_during_snapshot", &ours.p99);
    section.sample("put_p99_ms_during_snapshot_by_hand", &by_hand.p99);
    section.sample("put_p99_ms_without_snapshot", &without.p99);
    Ok(())
}

/// Nothing, for so many rounds.
async fn quiet(rounds: usize) -> Result<()> {
    tokio::time::sleep(ROUND * u32::try_from(rounds)?).await;
    Ok(())
}

/// Does `work` while clients write through the endpoint; answers with the latencies of what was sent meanwhile, in
/// rounds.
async fn while_writing<T>(instance: &Instance, work: impl Future<Output = Result<T>>) -> Result<(T, Vec<Latencies>)> {
    let (end, ended) = watch::channel(());
    let mut tasks = JoinSet::new();
    for ordinal in 0..CLIENTS {
        let ended = ended.clone();
        tasks.spawn(puts(ordinal, instance.endpoint, instance.credentials.clone(), ended));
    }
    drop(ended);
    tokio::time::sleep(SETTLING).await;
    let from = Instant::now();
    let done = work.await?;
    let length = from.elapsed();
    drop(end);
    // What is left over belongs to the last.
    let count = (length.as_millis() / ROUND.as_millis()).max(1);
    let mut rounds = vec![Vec::new(); usize::try_from(count)?];
    let last = rounds.len() - 1;
    while let Some(samples) = tasks.join_next().await {
        for (sent, took) in samples?? {
            let Some(at) = sent.checked_duration_since(from).filter(|at| *at < length) else { continue };
            let round = usize::try_from(at.as_millis() / ROUND.as_millis())?;
            rounds[round.min(last)].push(took);
        }
    }
    Ok((done, rounds.into_iter().map(Latencies::new).collect()))
}

/// Puts at a steady pace until the channel closes; answers when each was sent and how long it took.
async fn puts(
    ordinal: usize,
    endpoint: SocketAddr,
    credentials: Credentials,
    mut ended: watch::Receiver<()>,
) -> Result<Vec<(Instant, u32)>> {
    let mut client = client(endpoint, &credentials).await?;
    let keys: Vec<String> = (0..KEYS).map(|key| format!("meanwhile/{ordinal:02}/{key:03}")).collect();
    let value = [b'v'; VALUE_BYTES];
    // One after the other, not all at once.
    let first = tokio::time::Instant::now() + EVERY * u32::try_from(ordinal)? / u32::try_from(CLIENTS)?;
    let mut pace = tokio::time::interval_at(first, EVERY);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut samples = Vec::new();
    for key in keys.iter().cycle() {
        tokio::select! {
            _ = ended.changed() => break,
            _ = pace.tick() => {}
        }
        let sent = Instant::now();
        client.put(key.as_str(), &value[..], None).await?;
        samples.push((sent, microseconds(sent.elapsed())));
    }
    Ok(samples)
}
