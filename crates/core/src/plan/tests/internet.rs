//! The public address: who is let in there, when, and when not.

use super::{
    super::{Action, Plan},
    healing::{decided, well},
};
use crate::{
    Instance, Status,
    certificates::{Holder, Leaf, OnDisk, Validity},
    instance::Security,
    internet::{Internet, PublicAddress, PublicRoute},
    observed::{Health, Observed, ObservedPublic, Process},
    testing::at,
};

type World = (Instance, Status, Observed);

const HOUR: i64 = 3600;
/// Beyond the time of the tests.
const LATE: i64 = 100_000_000;

fn allowed() -> Vec<ipnet::IpNet> {
    vec!["10.0.0.0/8".parse().unwrap(), "2001:db8::/32".parse().unwrap()]
}

fn address() -> PublicAddress {
    PublicAddress { listen: "192.0.2.1:32000".parse().unwrap(), name: None, opened: false }
}

fn route() -> PublicRoute {
    PublicRoute { listen: address().listen, allowed: allowed() }
}

/// Three members that serve; the owner wants them to be reached from outside.
fn wished() -> World {
    let mut world = well(3);
    world.0.spec.internet = Some(Internet { allowed: allowed() });
    world
}

/// The same with an address.
fn reserved() -> World {
    let mut world = wished();
    world.1.public = Some(address());
    world
}

/// The same, and open.
fn open() -> World {
    let mut world = reserved();
    world.1.public.as_mut().unwrap().opened = true;
    world.2.endpoint.public = Some(ObservedPublic { route: route(), serving: true, error: None });
    world
}

/// Clients need no certificate.
fn by_password(mut world: World, auth: Option<bool>) -> World {
    world.0.spec.security = Security { https: true, client_cert_auth: false };
    (world.0.spec.auth.enabled, world.0.spec.auth.password_generation) = (Some(true), 1);
    run_as_wanted(&mut world);
    world.1.root_password =
        Some(crate::status::AppliedPassword { cluster_id: world.1.cluster_id.unwrap(), generation: 1 });
    world.2.auth = auth;
    world
}

fn run_as_wanted((instance, status, observed): &mut World) {
    let run = status.run_config(&instance.spec);
    status.members.iter_mut().for_each(|record| record.run = run.clone());
    observed.members.iter_mut().for_each(|member| member.started_with = Some(run.line()));
}

/// Where the endpoint is told to be open to the public; the rest of what it is told is as it was.
fn told(world: &World) -> Option<PublicRoute> {
    match decided(world) {
        Plan::Act(Action::ServeEndpoint { backends, public }) => {
            assert_eq!(backends, world.2.endpoint.backends);
            public
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_address_is_reserved_before_anything_else_is_done_about_it() {
    assert_eq!(decided(&wished()), Plan::Act(Action::ReservePublicAddress));
}

#[test]
fn nothing_is_opened_before_every_member_shows_a_certificate_for_the_address() {
    let mut world = reserved();
    let validity = Validity { from: at(1_000_000 - HOUR), until: at(LATE) };
    let leaf = Leaf { holder: Holder::Server(1), validity, limit: at(LATE), named: false };
    world.2.issued.leaves.push(leaf);
    assert_eq!(decided(&world), Plan::Act(Action::IssueCredentials));
    world.2.issued.leaves[0].named = true;
    world.2.members[1].shows = OnDisk::OtherCertificates;
    assert_eq!(decided(&world), Plan::Act(Action::DeliverCertificates { ordinals: vec![1] }));
    world.2.members[1].shows = OnDisk::Same;
    assert_eq!(told(&world), Some(route()));
}

#[test]
fn what_is_open_stays_open_while_certificates_are_renewed_and_members_are_away() {
    let mut world = open();
    world.2.members[1].shows = OnDisk::OtherCertificates;
    assert_eq!(decided(&world), Plan::Act(Action::DeliverCertificates { ordinals: vec![1] }));
    let mut world = open();
    world.2.members[1].process = Process::Exited { at: at(0), quick_exits: 0 };
    world.2.members[1].health = Health::NotAsked;
    assert_eq!(decided(&world), Plan::Act(Action::RestartMember { ordinal: 1 }));
}

#[test]
fn it_is_waited_for_until_it_was_open_once_and_never_again() {
    let mut world = reserved();
    let taken = "cannot listen at 192.0.2.1:32000";
    world.2.endpoint.public = Some(ObservedPublic { route: route(), serving: false, error: Some(taken.to_owned()) });
    let Plan::Wait { reason, .. } = decided(&world) else { panic!("{:?}", decided(&world)) };
    assert_eq!(reason, taken);
    world.1.public.as_mut().unwrap().opened = true;
    assert_eq!(decided(&world), Plan::Converged);
}

#[test]
fn other_networks_are_told_at_once_also_while_a_member_is_away() {
    let mut world = open();
    world.0.spec.internet.as_mut().unwrap().allowed.truncate(1);
    world.2.members[1].process = Process::Exited { at: at(1_000_000), quick_exits: 5 };
    world.2.members[1].health = Health::NotAsked;
    let without_it = |public| Action::ServeEndpoint { backends: [0, 2].map(crate::testing::client).to_vec(), public };
    let narrowed = PublicRoute { allowed: allowed()[..1].to_vec(), ..route() };
    assert_eq!(decided(&world), Plan::Act(without_it(Some(narrowed))));
}

#[test]
fn it_is_closed_before_the_address_is_given_back() {
    let mut world = open();
    world.0.spec.internet = None;
    assert_eq!(told(&world), None);
    world.2.endpoint.public = None;
    assert_eq!(decided(&world), Plan::Act(Action::FreePublicAddress));
    world.1.public = None;
    assert_eq!(decided(&world), Plan::Converged);
}

#[test]
fn where_only_a_password_protects_it_is_open_only_while_passwords_are_asked_for() {
    assert_eq!(told(&by_password(reserved(), Some(true))), Some(route()));
    // A snapshot was restored from before, or somebody turned it off by hand.
    assert_eq!(told(&by_password(open(), Some(false))), None);
    assert_eq!(decided(&by_password(reserved(), Some(false))), Plan::Act(Action::EnableAuth));
    // What is not told neither opens nor closes.
    assert!(matches!(decided(&by_password(reserved(), None)), Plan::Wait { .. }));
    assert!(matches!(decided(&by_password(open(), None)), Plan::Wait { .. }));
}

#[test]
fn without_tls_nobody_shows_a_certificate_and_none_is_waited_for() {
    let mut world = by_password(reserved(), Some(true));
    world.0.spec.security.https = false;
    run_as_wanted(&mut world);
    world.2.members[1].shows = OnDisk::OtherKeys;
    assert_eq!(told(&world), Some(route()));
}

#[test]
fn a_deletion_closes_it_with_the_endpoint() {
    let mut world = open();
    world.0.spec.deleting = true;
    assert_eq!(decided(&world), Plan::Act(Action::RemoveEndpoint));
}
