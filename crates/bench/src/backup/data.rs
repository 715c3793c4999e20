//! What the cluster holds: objects of a kilobyte as Kubernetes keeps them, with as much in each that is drawn: identifiers,
//! hashes, addresses.

use std::time::Instant;

use anyhow::Result;
use etcd_client::{Txn, TxnOp};
use tokio::task::JoinSet;

use crate::{etcd::client, figures::number, instance::Instance};

/// Bytes of a value.
const VALUE_BYTES: usize = 1000;
/// Puts of one transaction: etcd takes at most 128.
const PUTS: u64 = 100;
/// Connections that fill it.
const WRITERS: u64 = 8;

/// A key that is there once it is filled.
pub const FIRST_KEY: &str = "bulk/0000000";

/// Writes so many bytes of values; answers how many seconds that took.
pub async fn fill(instance: &Instance, bytes: u64) -> Result<f64> {
    let keys = bytes / VALUE_BYTES as u64;
    let began = Instant::now();
    let mut tasks = JoinSet::new();
    for writer in 0..WRITERS {
        let mut client = client(instance.endpoint, &instance.credentials).await?;
        tasks.spawn(async move {
            for first in (writer * PUTS..keys).step_by(usize::try_from(WRITERS * PUTS)?) {
                let last = keys.min(first + PUTS);
                let puts: Vec<_> = (first..last).map(|n| TxnOp::put(format!("bulk/{n:07}"), value(n), None)).collect();
                client.txn(Txn::new().and_then(puts)).await?;
            }
            Ok::<_, anyhow::Error>(())
        });
    }
    while let Some(done) = tasks.join_next().await {
        done??;
    }
    Ok(began.elapsed().as_secs_f64())
}

/// The value of a key: drawn from its number, so that each run has the same.
fn value(number: u64) -> Vec<u8> {
    let mut drawn = Drawn(number);
    let (team, node) = (drawn.next() % 50, drawn.next() % 300);
    let address = drawn.next().to_be_bytes();
    let mut text = format!(
        concat!(
            r#"{{"apiVersion":"v1","kind":"Pod","metadata":{{"name":"service-{:04}-{:08x}-{:05x}","namespace":"team-{}","#,
            r#""uid":"{:016x}{:016x}","resourceVersion":"{}","labels":{{"app.kubernetes.io/name":"service-{:04}","#,
            r#""pod-template-hash":"{:010x}"}},"ownerReferences":[{{"apiVersion":"apps/v1","kind":"ReplicaSet","#,
            r#""uid":"{:016x}{:016x}","controller":true}}]}},"spec":{{"nodeName":"node-{:03}","containers":[{{"name":"main","#,
            r#""image":"registry.example.com/service@sha256:{:016x}{:016x}{:016x}{:016x}","resources":{{"#,
            r#""limits":{{"cpu":"500m","memory":"512Mi"}}}},"imagePullPolicy":"IfNotPresent"}}],"restartPolicy":"Always"}},"#,
            r#""status":{{"phase":"Running","podIP":"10.{}.{}.{}","hostIP":"10.0.{}.{}","#,
        ),
        number % 1000,
        drawn.next() >> 32,
        drawn.next() >> 44,
        team,
        drawn.next(),
        drawn.next(),
        number,
        number % 1000,
        drawn.next() >> 24,
        drawn.next(),
        drawn.next(),
        node,
        drawn.next(),
        drawn.next(),
        drawn.next(),
        drawn.next(),
        address[0],
        address[1],
        address[2],
        address[3],
        address[4],
    );
    text.push_str(r#""conditions":[{"type":"Ready","status":"True"},{"type":"PodScheduled","status":"True"}]}}"#);
    let mut value = text.into_bytes();
    value.resize(VALUE_BYTES, b' ');
    value
}

/// SplitMix64.
struct Drawn(u64);

impl Drawn {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }
}

/// Bytes a second.
pub fn speed(bytes: u64, seconds: f64) -> f64 {
    number(bytes) / seconds
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_an_object_with_nothing_cut_off() {
        for number in [0, 999_999, u64::MAX] {
            assert!(serde_json::from_slice::<serde_json::Value>(&value(number)).is_ok(), "{number}");
        }
    }

    #[test]
    fn values_differ_and_are_the_same_in_each_run() {
        assert_eq!(value(7).len(), VALUE_BYTES);
        assert_eq!(value(7), value(7));
        assert_ne!(value(7), value(8));
    }
}
