//! Certificates of an instance: which, for whom, with which names.

use std::{collections::BTreeMap, net::IpAddr};

use cetcd_core::{Instance, Status};
use cetcd_pki::{Authority, CA_DAYS, LEAF_DAYS, Leaf, LeafRequest};
use cetcd_store::records::{InstanceCertificates, MemberPairs, StoredPair};
use jiff::Timestamp;

use crate::{Error, Result};

/// Makes certificates. The simulation has an issuer of its own, since real keys cost time and randomness.
pub trait Issue: Send + Sync + 'static {
    /// All certificates that the instance should have: those in `present` are kept, missing ones added.
    fn issue(
        &self,
        instance: &Instance,
        status: &Status,
        present: Option<InstanceCertificates>,
        now: Timestamp,
    ) -> Result<InstanceCertificates>;
}

/// Issues with the instance's own CA.
#[derive(Debug, Clone, Copy, Default)]
pub struct PkiIssuer;

impl Issue for PkiIssuer {
    fn issue(
        &self,
        instance: &Instance,
        status: &Status,
        present: Option<InstanceCertificates>,
        now: Timestamp,
    ) -> Result<InstanceCertificates> {
        let (authority, mut all) = match present {
            Some(all) => (Authority::from_pem(&all.authority.cert, &all.authority.key)?, all),
            None => create(instance, now)?,
        };
        let endpoint = status.endpoint.ok_or_else(|| Error::Missing { what: "the endpoint's address".to_owned() })?;
        for member in &status.members {
            if all.members.contains_key(&member.ordinal) {
                continue;
            }
            let server = authority.issue_server(&server_request(instance, member.client.ip(), endpoint.ip(), now))?;
            let peer = LeafRequest::new(now)
                .common_name(instance.id.member_name(member.ordinal))
                .dns(["localhost"])
                .ips([member.peer.ip(), IpAddr::from([127, 0, 0, 1])])
                .validity_days(LEAF_DAYS);
            let pairs = MemberPairs { server: stored(&server), peer: stored(&authority.issue_peer(&peer)?) };
            all.members.insert(member.ordinal, pairs);
        }
        Ok(all)
    }
}

fn create(instance: &Instance, now: Timestamp) -> Result<(Authority, InstanceCertificates)> {
    let authority = Authority::create(instance.id.as_str(), now, CA_DAYS)?;
    // CN=root: who shows this certificate is root where auth is on.
    let client = authority.issue_client("root", now, LEAF_DAYS)?;
    let pair = StoredPair { cert: authority.cert_pem().to_owned(), key: authority.key_pem().to_string() };
    let all = InstanceCertificates { authority: pair, client: stored(&client), members: BTreeMap::default() };
    Ok((authority, all))
}

/// Clients reach a member through the endpoint, directly, by the instance's name, or by names of their own.
fn server_request(instance: &Instance, member: IpAddr, endpoint: IpAddr, now: Timestamp) -> LeafRequest {
    let mut dns = vec![format!("{}.{}.cetcd.local", instance.id, instance.region), "localhost".to_owned()];
    dns.extend(instance.spec.custom_domains.iter().cloned());
    let mut ips = vec![endpoint, member, IpAddr::from([127, 0, 0, 1])];
    ips.extend(instance.spec.custom_ips.iter().copied());
    ips.sort_unstable();
    ips.dedup();
    LeafRequest::new(now).dns(dns).ips(ips).validity_days(LEAF_DAYS)
}

fn stored(leaf: &Leaf) -> StoredPair {
    StoredPair { cert: leaf.cert_pem.clone(), key: leaf.key_pem.to_string() }
}
