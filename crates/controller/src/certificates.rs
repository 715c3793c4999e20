//! Certificates of an instance: which, for whom, with which names, and when they are issued anew.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use cetcd_core::{
    Instance, Status,
    certificates::{Handover, Holder, Issued, Leaf, Validity},
    status::MemberRecord,
};
use cetcd_pki::{Authority, CA_LIFE, LEAF_LIFE, LeafRequest, inspect};
use cetcd_store::records::{InstanceCertificates, MemberPairs, StoredPair};
use jiff::{SignedDuration, Timestamp};

use crate::{Error, Result};

/// Makes and reads certificates. The simulation has an issuer of its own, since real keys cost time and randomness.
pub trait Issue: Send + Sync + 'static {
    /// A CA of that name.
    fn authority(&self, name: &str, now: Timestamp) -> Result<StoredPair>;

    /// A certificate of `authority`; for the private key `key`, where one is given.
    fn leaf(&self, authority: &StoredPair, request: &Request, key: Option<&str>, now: Timestamp) -> Result<StoredPair>;

    /// What a certificate says.
    fn read(&self, cert: &str) -> Result<Facts>;
}

/// What a certificate is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Who is to show it.
    pub holder: Holder,
    /// The subject's common name: the user, for a client.
    pub common_name: Option<String>,
    /// Whom it is for; empty for a client.
    pub names: Names,
}

/// The names and addresses of a certificate.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Names {
    /// Domain names, in lower case.
    pub dns: BTreeSet<String>,
    /// Addresses.
    pub ips: BTreeSet<IpAddr>,
}

/// What a certificate says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// When it holds.
    pub validity: Validity,
    /// Whom it is for.
    pub names: Names,
}

/// Issues with the instance's own CA.
#[derive(Debug, Clone, Copy)]
pub struct PkiIssuer {
    /// How long a CA is valid.
    pub authority_life: SignedDuration,
    /// How long a leaf is valid, which may end with its CA.
    pub leaf_life: SignedDuration,
}

impl Default for PkiIssuer {
    fn default() -> Self {
        Self { authority_life: CA_LIFE, leaf_life: LEAF_LIFE }
    }
}

impl Issue for PkiIssuer {
    fn authority(&self, name: &str, now: Timestamp) -> Result<StoredPair> {
        let authority = Authority::create(name, now, self.authority_life)?;
        Ok(StoredPair { cert: authority.cert_pem().to_owned(), key: authority.key_pem().to_string() })
    }

    fn leaf(&self, authority: &StoredPair, request: &Request, key: Option<&str>, now: Timestamp) -> Result<StoredPair> {
        let authority = Authority::from_pem(&authority.cert, &authority.key)?;
        let mut wanted = LeafRequest::new(now).validity(self.leaf_life);
        wanted = wanted.dns(&request.names.dns).ips(request.names.ips.iter().copied());
        wanted.common_name.clone_from(&request.common_name);
        let leaf = match (request.holder, key) {
            (Holder::Client, _) => {
                authority.issue_client(request.common_name.as_deref().unwrap_or_default(), now, self.leaf_life)?
            }
            (_, Some(key)) => authority.renew(&wanted, key)?,
            (Holder::Server(_), None) => authority.issue_server(&wanted)?,
            (Holder::Peer(_), None) => authority.issue_peer(&wanted)?,
        };
        Ok(StoredPair { cert: leaf.cert_pem, key: leaf.key_pem.to_string() })
    }

    fn read(&self, cert: &str) -> Result<Facts> {
        let info = inspect(cert)?;
        let names = Names { dns: info.dns.into_iter().collect(), ips: info.ips.into_iter().collect() };
        Ok(Facts { validity: Validity { from: info.not_before, until: info.not_after }, names })
    }
}

/// What the certificates in the store say.
#[derive(Debug, Clone)]
pub(crate) struct Read {
    authority: Validity,
    former: Option<Validity>,
    /// Of the CA that issues what members show to clients.
    servers: Validity,
    handover: Handover,
    client: Facts,
    members: BTreeMap<u32, (Facts, Facts)>,
}

impl Read {
    pub fn new(issuer: &dyn Issue, all: &InstanceCertificates) -> Result<Self> {
        let pair = |(ordinal, pairs): (&u32, &MemberPairs)| {
            Ok((*ordinal, (issuer.read(&pairs.server.cert)?, issuer.read(&pairs.peer.cert)?)))
        };
        Ok(Self {
            authority: issuer.read(&all.authority.cert)?.validity,
            former: all.outgoing.as_ref().map(|ca| issuer.read(&ca.cert)).transpose()?.map(|facts| facts.validity),
            servers: issuer.read(&all.server_authority().cert)?.validity,
            handover: handover(all),
            client: issuer.read(&all.client.cert)?,
            members: all.members.iter().map(pair).collect::<Result<_>>()?,
        })
    }

    /// What a plan asks of them: those of members that are on record.
    pub fn issued(&self, instance: &Instance, status: &Status) -> Issued {
        let leaf = |request: &Request, facts: &Facts| Leaf {
            holder: request.holder,
            validity: facts.validity,
            limit: match request.holder {
                Holder::Server(_) => self.servers.until,
                Holder::Client | Holder::Peer(_) => self.authority.until,
            },
            named: facts.names == request.names,
        };
        let mut leaves = vec![leaf(&client_request(), &self.client)];
        for member in &status.members {
            let Some((server, peer)) = self.members.get(&member.ordinal) else { continue };
            leaves.push(leaf(&server_request(instance, status, member), server));
            leaves.push(leaf(&peer_request(instance, member), peer));
        }
        Issued { authority: Some(self.authority), former: self.former, handover: self.handover, leaves }
    }
}

/// All certificates that the instance should have: what is missing in `present` is made, what is due or for other
/// names is made anew, the rest is kept. A member keeps its keys: etcd reads certificate and key one after the
/// other, and would find two that do not belong together.
pub(crate) fn complete(
    issuer: &dyn Issue,
    instance: &Instance,
    status: &Status,
    present: Option<InstanceCertificates>,
    now: Timestamp,
) -> Result<InstanceCertificates> {
    if status.endpoint.is_none() {
        return Err(Error::Missing { what: "the endpoint's address".to_owned() });
    }
    let mut all = if let Some(all) = present {
        all
    } else {
        let authority = issuer.authority(instance.id.as_str(), now)?;
        let client = issuer.leaf(&authority, &client_request(), None, now)?;
        InstanceCertificates { authority, client, members: BTreeMap::new(), incoming: None, outgoing: None }
    };
    let (authority, servers) = (all.authority.clone(), all.server_authority().clone());
    let is_due = |by: &StoredPair, request: &Request, pair: &StoredPair| -> Result<bool> {
        let limit = issuer.read(&by.cert)?.validity.until;
        let Facts { validity, names } = issuer.read(&pair.cert)?;
        Ok(Leaf { holder: request.holder, validity, limit, named: names == request.names }.is_due(now))
    };
    if is_due(&authority, &client_request(), &all.client)? {
        all.client = issuer.leaf(&authority, &client_request(), None, now)?;
    }
    for member in &status.members {
        let (server, peer) = (server_request(instance, status, member), peer_request(instance, member));
        if let Some(pairs) = all.members.get_mut(&member.ordinal) {
            for (by, request, pair) in [(&servers, &server, &mut pairs.server), (&authority, &peer, &mut pairs.peer)] {
                if is_due(by, request, pair)? {
                    *pair = issuer.leaf(by, request, Some(&pair.key), now)?;
                }
            }
        } else {
            let pairs = MemberPairs {
                server: issuer.leaf(&servers, &server, None, now)?,
                peer: issuer.leaf(&authority, &peer, None, now)?,
            };
            all.members.insert(member.ordinal, pairs);
        }
    }
    Ok(all)
}

/// How far the change from one CA to the next is.
fn handover(all: &InstanceCertificates) -> Handover {
    match (&all.incoming, &all.outgoing) {
        (Some(_), _) => Handover::Introduced,
        (None, Some(former)) if !former.key.is_empty() => Handover::Overlap,
        (None, Some(_)) => Handover::Withdrawn,
        (None, None) => Handover::None,
    }
}

/// The certificates and the status once the change from one CA to the next is as far as `to`, from the step before.
///
/// Clients are told of both CAs from the moment that members begin to trust both, and are given a certificate of the
/// next one when all do. What members show to clients is of the former until the overlap ends: who knows only that
/// one could not verify anything else.
pub(crate) fn handed_over(
    issuer: &dyn Issue,
    instance: &Instance,
    status: &Status,
    present: &InstanceCertificates,
    to: Handover,
    now: Timestamp,
) -> Result<(InstanceCertificates, Status)> {
    let (mut all, mut next) = (present.clone(), status.clone());
    let rotation = &mut next.rotation;
    match (handover(present), to) {
        (Handover::None, Handover::Introduced) => {
            // Another name than the CA before: some clients look one up by it alone.
            let name = format!("{} {}", instance.id, rotation.trust / 2 + 2);
            all.incoming = Some(issuer.authority(&name, now)?);
            rotation.trust += 1;
            rotation.begun = instance.spec.credentials.rotations;
            // Every member is about to be restarted, which is when it can be given other keys.
            for member in &status.members {
                let Some(pairs) = all.members.get_mut(&member.ordinal) else { continue };
                pairs.server = issuer.leaf(&all.authority, &server_request(instance, status, member), None, now)?;
                pairs.peer = issuer.leaf(&all.authority, &peer_request(instance, member), None, now)?;
            }
        }
        (Handover::Introduced, Handover::Overlap) => {
            let Some(authority) = all.incoming.take() else { return Err(changed()) };
            all.client = issuer.leaf(&authority, &client_request(), None, now)?;
            for member in &status.members {
                let Some(pairs) = all.members.get_mut(&member.ordinal) else { continue };
                let request = peer_request(instance, member);
                pairs.peer = issuer.leaf(&authority, &request, Some(&pairs.peer.key), now)?;
            }
            all.outgoing = Some(std::mem::replace(&mut all.authority, authority));
            rotation.overlap_since = Some(now);
        }
        (Handover::Overlap, Handover::Withdrawn) => {
            for member in &status.members {
                let Some(pairs) = all.members.get_mut(&member.ordinal) else { continue };
                let request = server_request(instance, status, member);
                pairs.server = issuer.leaf(&all.authority, &request, Some(&pairs.server.key), now)?;
            }
            all.outgoing.iter_mut().for_each(|former| former.key.clear());
            rotation.overlap_since = None;
        }
        (Handover::Withdrawn, Handover::None) => {
            all.outgoing = None;
            rotation.trust += 1;
        }
        _ => return Err(changed()),
    }
    Ok((all, next))
}

fn changed() -> Error {
    Error::Conflict { what: "the CA".to_owned() }
}

/// CN=root: who shows this certificate is root where auth is on.
fn client_request() -> Request {
    Request { holder: Holder::Client, common_name: Some("root".to_owned()), names: Names::default() }
}

fn peer_request(instance: &Instance, member: &MemberRecord) -> Request {
    Request {
        holder: Holder::Peer(member.ordinal),
        common_name: Some(instance.id.member_name(member.ordinal)),
        names: Names {
            dns: BTreeSet::from(["localhost".to_owned()]),
            ips: BTreeSet::from([member.peer.ip(), IpAddr::from([127, 0, 0, 1])]),
        },
    }
}

/// Clients reach a member through the endpoint, directly, by the instance's name, or by names of their own.
fn server_request(instance: &Instance, status: &Status, member: &MemberRecord) -> Request {
    let mut dns = BTreeSet::from([format!("{}.{}.cetcd.local", instance.id, instance.region), "localhost".to_owned()]);
    dns.extend(instance.spec.custom_domains.iter().map(|name| name.to_ascii_lowercase()));
    let mut ips = BTreeSet::from([member.client.ip(), IpAddr::from([127, 0, 0, 1])]);
    ips.extend(status.endpoint.map(|endpoint| endpoint.ip()));
    if let Some(public) = &status.public {
        // Nobody connects to the address that stands for all that the host has.
        ips.extend(Some(public.listen.ip()).filter(|ip| !ip.is_unspecified()));
        dns.extend(public.name.as_ref().map(|name| name.to_ascii_lowercase()));
    }
    ips.extend(instance.spec.custom_ips.iter().copied());
    Request { holder: Holder::Server(member.ordinal), common_name: None, names: Names { dns, ips } }
}
