//! Placement: which addresses an instance gets.

use std::{collections::BTreeSet, net::SocketAddr};

use cetcd_core::{
    Instance, Status,
    slots::{free_ordinals, slots},
    status::{MemberPhase, MemberRecord},
};
use cetcd_store::{
    Compare, Txn,
    records::{self, ADDRESSES},
};

use crate::{Error, Result, World};

/// Reserves an address for the endpoint and for each member that has none, and draws the cluster token, in
/// one transaction: another instance that takes the same address makes it fail, and the next turn tries again.
pub(crate) async fn place(world: &World, instance: &Instance, status: &Status, revision: u64) -> Result<()> {
    let mut taken = taken_addresses(world).await?;
    let mut reserved = Vec::new();
    let mut next = status.clone();
    if next.endpoint.is_none() {
        let found = world.runtime.propose(&instance.spec.service_subnet_id, &taken).await?;
        taken.insert(found.client);
        reserved.push(found.client);
        next.endpoint = Some(found.client);
    }
    let missing = slots(instance, status).missing;
    for (ordinal, subnet) in free_ordinals(status, missing.len()).into_iter().zip(missing) {
        let zone = world.networks.zone(&instance.region, subnet);
        let zone = zone.ok_or_else(|| Error::UnknownSubnet { subnet: subnet.to_owned() })?;
        let found = world.runtime.propose(subnet, &taken).await?;
        taken.extend([found.client, found.peer]);
        reserved.extend([found.client, found.peer]);
        next.members.push(MemberRecord {
            ordinal,
            subnet_id: subnet.to_owned(),
            run: status.run_config(&instance.spec),
            zone,
            client: found.client,
            peer: found.peer,
            phase: MemberPhase::Pending,
            version: None,
            served_at: None,
            silent_since: None,
            moved_from: None,
            adding: false,
            woken: 0,
            replaced: None,
        });
    }
    next.members.sort_by_key(|member| member.ordinal);
    if next.cluster_token.is_empty() {
        next.cluster_token = format!("{}-{}", instance.id, world.entropy.lowercase_alphanumeric(12));
    }
    let mut txn = Txn::new().when(Compare::mod_revision(records::status_key(&instance.id), revision));
    for address in reserved {
        let key = records::address_key(&address);
        txn = txn.when(Compare::absent(key.clone())).put(key, instance.id.as_str().as_bytes().to_vec());
    }
    let outcome = world.store.txn(txn.then(records::put_status(&instance.id, &next))).await?;
    if outcome.succeeded { Ok(()) } else { Err(Error::Conflict { what: "an address or the status".to_owned() }) }
}

/// Reserves a public address, which another instance may take first: then the next turn tries again.
pub(crate) async fn reserve_public(world: &World, instance: &Instance, status: &Status, revision: u64) -> Result<()> {
    let found = world.runtime.propose_public(&taken_addresses(world).await?).await?;
    let key = records::address_key(&found.listen);
    let next = Status { public: Some(found), ..status.clone() };
    let txn = Txn::new()
        .when(Compare::mod_revision(records::status_key(&instance.id), revision))
        .when(Compare::absent(key.clone()))
        .put(key, instance.id.as_str().as_bytes().to_vec());
    let outcome = world.store.txn(txn.then(records::put_status(&instance.id, &next))).await?;
    if outcome.succeeded { Ok(()) } else { Err(Error::Conflict { what: "a public address".to_owned() }) }
}

/// Gives the public address back, at which nobody listens any more.
pub(crate) async fn free_public(world: &World, instance: &Instance, status: &Status, revision: u64) -> Result<()> {
    let mut next = status.clone();
    let Some(gone) = next.public.take() else { return Ok(()) };
    let txn = Txn::new()
        .when(Compare::mod_revision(records::status_key(&instance.id), revision))
        .then(records::put_status(&instance.id, &next))
        .delete(records::address_key(&gone.listen));
    let outcome = world.store.txn(txn).await?;
    if outcome.succeeded { Ok(()) } else { Err(Error::Conflict { what: "the status".to_owned() }) }
}

/// Every address that an instance holds.
async fn taken_addresses(world: &World) -> Result<BTreeSet<SocketAddr>> {
    let range = world.store.range(ADDRESSES).await?;
    Ok(range.entries.iter().filter_map(|entry| entry.key.strip_prefix(ADDRESSES)?.parse().ok()).collect())
}

/// The keys of every address that the instance holds.
pub(crate) fn reserved_keys(status: &Status) -> Vec<String> {
    keys_of(
        status
            .members
            .iter()
            .flat_map(|m| [m.client, m.peer])
            .chain(status.endpoint)
            .chain(status.public.as_ref().map(|p| p.listen)),
    )
}

/// The keys of addresses, each once.
pub(crate) fn keys_of(addresses: impl IntoIterator<Item = SocketAddr>) -> Vec<String> {
    addresses.into_iter().collect::<BTreeSet<_>>().iter().map(records::address_key).collect()
}
