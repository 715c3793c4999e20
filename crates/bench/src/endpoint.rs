//! etcd puts through the endpoint, against connections straight to the members.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use etcd_client::Client;
use tokio::{sync::Barrier, task::JoinSet};

use crate::{
    Bench,
    etcd::{Credentials, client},
    figures::{Latencies, median, microseconds, number, rate, spread_rate},
    instance::Instance,
    report::{Row, Section, Target},
    server::Server,
};

const MEMBERS: u64 = 3;
const VALUE_BYTES: usize = 256;
/// Keys that each client writes over and over.
const KEYS: usize = 256;

/// One side of one round.
#[derive(Default)]
struct Puts {
    per_second: f64,
    microseconds: Vec<u32>,
}

/// One side of all rounds.
#[derive(Default)]
struct Side {
    per_second: Vec<f64>,
    microseconds: Vec<u32>,
}

impl Side {
    fn add(&mut self, puts: Puts) {
        self.per_second.push(puts.per_second);
        self.microseconds.extend(puts.microseconds);
    }

    fn latency(&self) -> String {
        let latencies = Latencies::new(self.microseconds.clone());
        format!("{:.2} / {:.2} ms", latencies.per_mille(500), latencies.per_mille(990))
    }
}

/// One client, then many.
pub async fn measure(bench: &mut Bench) -> Result<Section> {
    let home = bench.home("endpoint")?;
    let server = Server::start(&bench.cetcd, &home).await?;
    let version = bench.version(&server).await?;
    let instance = Instance::create(&server, "bench", MEMBERS, &version).await?;
    let members = instance.addresses(&server)?;
    let mut section = Section::new("endpoint");
    for clients in [1, 64] {
        compare(bench, &mut section, &instance, &members, clients).await?;
    }
    instance.delete(&server).await?;
    server.stop().await?;
    Ok(section)
}

async fn compare(
    bench: &Bench,
    section: &mut Section,
    instance: &Instance,
    members: &[SocketAddr],
    clients: usize,
) -> Result<()> {
    let (rounds, length) = if bench.quick { (2, Duration::from_millis(1500)) } else { (6, Duration::from_secs(4)) };
    let credentials = &instance.credentials;
    let plural = if clients == 1 { "1 client".to_owned() } else { format!("{clients} clients") };
    let (mut through, mut direct) = (Side::default(), Side::default());
    for round in 0..rounds {
        let ours = connect(&vec![instance.endpoint; clients], credentials).await?;
        let theirs = connect(&direct_addresses(&ours, members, credentials).await?, credentials).await?;
        // Whoever goes first may find a busier or a quieter disk.
        if round % 2 == 0 {
            through.add(puts(&ours, length).await?);
            direct.add(puts(&theirs, length).await?);
        } else {
            direct.add(puts(&theirs, length).await?);
            through.add(puts(&ours, length).await?);
        }
        let last = |side: &Side| rate(side.per_second.last().copied().unwrap_or_default());
        bench.say(&format!(
            "endpoint, {plural}, round {} of {rounds}: {}, direct {}",
            round + 1,
            last(&through),
            last(&direct)
        ));
    }
    let ratio = median(&through.per_second) / median(&direct.per_second);
    section.rows.push(
        Row::new(
            format!("puts of {VALUE_BYTES} bytes through the endpoint, {plural}"),
            spread_rate(&through.per_second),
        )
        .against(format!("direct {}", spread_rate(&direct.per_second)))
        .ratio_to_hold(ratio, Target::AtLeast(0.9)),
    );
    section.rows.push(
        Row::new(format!("their latency, {plural}, p50 / p99"), through.latency())
            .against(format!("direct {}", direct.latency())),
    );
    section.sample(&format!("puts_per_second_{clients}"), &through.per_second);
    section.sample(&format!("direct_puts_per_second_{clients}"), &direct.per_second);
    Ok(())
}

/// Round robin over the members. A single client goes to the very member that the endpoint chose: the leader
/// saves a hop, and which one was met would decide the comparison.
async fn direct_addresses(
    through: &[Client],
    members: &[SocketAddr],
    credentials: &Credentials,
) -> Result<Vec<SocketAddr>> {
    let [single] = through else {
        return Ok(members.iter().copied().cycle().take(through.len()).collect());
    };
    let chosen = member_id(single).await?;
    for address in members {
        if member_id(&client(*address, credentials).await?).await? == chosen {
            return Ok(vec![*address]);
        }
    }
    anyhow::bail!("the endpoint leads to a member that is not one of {members:?}")
}

async fn member_id(client: &Client) -> Result<u64> {
    let status = client.maintenance_client().status().await?;
    Ok(status.header().context("an answer without a header")?.member_id())
}

/// A connection for each address, with its handshakes done.
async fn connect(addresses: &[SocketAddr], credentials: &Credentials) -> Result<Vec<Client>> {
    let mut clients = Vec::with_capacity(addresses.len());
    for address in addresses {
        let mut client = client(*address, credentials).await?;
        client.put("bench/connected", "", None).await.with_context(|| format!("cannot write to {address}"))?;
        clients.push(client);
    }
    Ok(clients)
}

/// All clients put, each one after the other, for that long.
async fn puts(clients: &[Client], length: Duration) -> Result<Puts> {
    let start = Arc::new(Barrier::new(clients.len() + 1));
    let mut tasks = JoinSet::new();
    for (ordinal, client) in clients.iter().enumerate() {
        let (mut client, start) = (client.clone(), Arc::clone(&start));
        tasks.spawn(async move {
            let keys: Vec<String> = (0..KEYS).map(|key| format!("bench/{ordinal:02}/{key:03}")).collect();
            let value = [b'v'; VALUE_BYTES];
            let mut latencies = Vec::new();
            start.wait().await;
            let began = Instant::now();
            for key in keys.iter().cycle() {
                let sent = Instant::now();
                if sent.duration_since(began) >= length {
                    break;
                }
                client.put(key.as_str(), &value[..], None).await?;
                latencies.push(microseconds(sent.elapsed()));
            }
            Ok::<_, etcd_client::Error>(latencies)
        });
    }
    start.wait().await;
    let began = Instant::now();
    let mut puts = Puts::default();
    while let Some(latencies) = tasks.join_next().await {
        puts.microseconds.extend(latencies??);
    }
    puts.per_second = number(puts.microseconds.len() as u64) / began.elapsed().as_secs_f64();
    Ok(puts)
}
