//! What the tests of this crate start from.
#![allow(clippy::unwrap_used)]

use std::net::{Ipv4Addr, SocketAddr};

use jiff::Timestamp;

use crate::{
    EtcdVersion, Instance, InstanceId, Status,
    instance::Spec,
    status::{MemberPhase, MemberRecord},
};

/// A moment, so many seconds after the first.
pub fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

/// An instance of `size` members, as it is when its creation was accepted.
pub fn instance(size: u8) -> Instance {
    Instance {
        id: InstanceId::parse("etcd-abcd1234").unwrap(),
        account: "100000000001".to_owned(),
        region: "ap-guangzhou".to_owned(),
        created_at: at(0),
        generation: 1,
        spec: Spec {
            name: "test".to_owned(),
            vpc_id: "vpc-abcd1234".to_owned(),
            service_subnet_id: "subnet-abcd1234".to_owned(),
            subnet_ids: vec!["subnet-abcd1234".to_owned()],
            size,
            ..Spec::new(EtcdVersion::new(3, 5, 16))
        },
    }
}

/// Where member `ordinal` of [`status`] serves clients.
pub fn client(ordinal: u8) -> SocketAddr {
    (Ipv4Addr::new(127, 77, 0, ordinal), 2379).into()
}

/// The record of member `ordinal` when it was placed.
pub fn member(ordinal: u8) -> MemberRecord {
    MemberRecord {
        ordinal: ordinal.into(),
        subnet_id: "subnet-abcd1234".to_owned(),
        run: instance(1).spec.run_config(0),
        zone: "ap-guangzhou-1".to_owned(),
        client: client(ordinal),
        peer: (client(ordinal).ip(), 2380).into(),
        phase: MemberPhase::Pending,
        version: None,
        served_at: None,
        silent_since: None,
        moved_from: None,
        adding: false,
        woken: 0,
        replaced: None,
    }
}

/// The status of an instance of `size` members when it was placed.
pub fn status(size: u8) -> Status {
    Status {
        cluster_token: "token".to_owned(),
        endpoint: Some((Ipv4Addr::new(127, 77, 1, 0), 2379).into()),
        members: (0..size).map(member).collect(),
        ..Status::default()
    }
}
