//! Where members and endpoints can serve: loopback addresses of their own, or ports where there is one address.

use std::{
    collections::{BTreeSet, HashSet},
    fs::File,
    io::{self, Read},
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener},
    path::Path,
};

use cetcd_core::{internet::PublicAddress, network::Networks};

use super::{files, proc};
use crate::{Error, Placement};

/// etcd's registered ports.
const CLIENT_PORT: u16 = 2379;
const PEER_PORT: u16 = 2380;

/// Blocks that are drawn from. Low ones are where people and distributions put their own.
pub(super) const FIRST_BLOCK: u8 = 16;
pub(super) const LAST_BLOCK: u8 = 250;

/// How addresses are given out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AddressMode {
    /// On Linux, addresses of a block of the data directory's own, drawn once; elsewhere ports.
    #[default]
    Auto,
    /// Addresses of 127.B.0.0/16 with this B.
    Block(u8),
    /// Free ports of 127.0.0.1.
    Ports,
}

/// Where instances can be reached from outside: an address of this host, a port of it for each of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicRange {
    /// The address; `0.0.0.0` or `::` for all that the host has.
    pub address: IpAddr,
    /// The first port.
    pub first: u16,
    /// The last port.
    pub last: u16,
    /// The name that clients know the address by, where there is one.
    pub name: Option<String>,
}

impl PublicRange {
    /// The first port that is free.
    pub fn propose(&self, taken: &BTreeSet<SocketAddr>) -> Result<PublicAddress, Error> {
        let mut refused = None;
        for listen in (self.first..=self.last).map(|port| SocketAddr::from((self.address, port))) {
            if taken.contains(&listen) {
                continue;
            }
            match TcpListener::bind(listen) {
                Ok(_) => return Ok(PublicAddress { listen, name: self.name.clone(), opened: false }),
                Err(error) => refused = Some((listen, error)),
            }
        }
        Err(match refused {
            Some((listen, error)) => Error::io(format!("find a free public port, the last being {listen}"))(error),
            None => Error::NoPublicAddress { reason: "widen `internet.ports`".to_owned() },
        })
    }
}

/// Addresses as they are given out by one runtime.
#[derive(Debug)]
pub enum Addresses {
    /// 127.B.i.1 to .254 for the subnet with index i, with etcd's own ports.
    Block(u8),
    /// Free ports of 127.0.0.1.
    Ports,
}

impl Addresses {
    /// Decides by the mode; a block that is drawn is kept in `root/address-block`.
    pub fn open(root: &Path, mode: AddressMode) -> Result<Self, Error> {
        match mode {
            AddressMode::Block(block) => Ok(Self::Block(block)),
            AddressMode::Ports => Ok(Self::Ports),
            // Only Linux has all of 127.0.0.0/8 on its loopback interface without being told.
            AddressMode::Auto if !cfg!(target_os = "linux") => Ok(Self::Ports),
            AddressMode::Auto => {
                let path = root.join("address-block");
                let keep = || -> io::Result<u8> {
                    if let Some(block) = std::fs::read_to_string(&path).ok().and_then(|t| t.trim().parse().ok()) {
                        return Ok(block);
                    }
                    let block = draw(&proc::listening_loopback_blocks())?;
                    files::put(&path, format!("{block}\n").as_bytes())?;
                    Ok(block)
                };
                keep().map(Self::Block).map_err(Error::io(format!("choose an address block in {}", path.display())))
            }
        }
    }

    /// The first free address of the subnet.
    pub fn propose(&self, networks: &Networks, subnet: &str, taken: &BTreeSet<SocketAddr>) -> Result<Placement, Error> {
        let index = networks.subnet_index(subnet).ok_or_else(|| Error::UnknownSubnet { subnet: subnet.to_owned() })?;
        let full = || Error::NoAddress { subnet: subnet.to_owned() };
        match self {
            Self::Block(block) => in_range(*block, u8::try_from(index).map_err(|_| full())?, taken, full),
            Self::Ports => free_ports(taken).map_err(Error::io("find free ports of 127.0.0.1")),
        }
    }
}

fn in_range(block: u8, range: u8, taken: &BTreeSet<SocketAddr>, full: impl Fn() -> Error) -> Result<Placement, Error> {
    let taken: HashSet<IpAddr> = taken.iter().map(SocketAddr::ip).collect();
    let mut refused = None;
    for host in 1..=254 {
        let ip = Ipv4Addr::new(127, block, range, host);
        if taken.contains(&ip.into()) {
            continue;
        }
        let client = SocketAddr::from((ip, CLIENT_PORT));
        let peer = SocketAddr::from((ip, PEER_PORT));
        match TcpListener::bind(client).and_then(|_held| TcpListener::bind(peer)) {
            Ok(_) => return Ok(Placement { client, peer }),
            Err(error) => refused = Some((ip, error)),
        }
    }
    // Something that listens on these ports of every address looks like a full subnet and is not.
    Err(match refused {
        Some((ip, error)) => Error::io(format!(
            "find a free address, the last being {ip} with ports {CLIENT_PORT} and {PEER_PORT}"
        ))(error),
        None => full(),
    })
}

fn free_ports(taken: &BTreeSet<SocketAddr>) -> io::Result<Placement> {
    // Held until two are found, so that the system does not offer the same one again.
    let mut held = Vec::new();
    let mut free = Vec::new();
    while free.len() < 2 {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        if !taken.contains(&address) {
            free.push(address);
        }
        held.push(listener);
    }
    Ok(Placement { client: free[0], peer: free[1] })
}

/// Draws a block in which nothing listens.
fn draw(used: &BTreeSet<u8>) -> io::Result<u8> {
    let free: Vec<u8> = (FIRST_BLOCK..=LAST_BLOCK).filter(|block| !used.contains(block)).collect();
    let mut random = [0u8; 4];
    File::open("/dev/urandom")?.read_exact(&mut random)?;
    let place = u32::from_ne_bytes(random) as usize;
    free.get(place % free.len().max(1)).copied().ok_or_else(|| io::ErrorKind::AddrInUse.into())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{super::tests::until, *};

    #[test]
    fn a_drawn_block_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        let block = |addresses: Addresses| match addresses {
            Addresses::Block(block) => block,
            Addresses::Ports => unreachable!("blocks are used on Linux"),
        };
        if cfg!(target_os = "linux") {
            let drawn = block(Addresses::open(dir.path(), AddressMode::Auto).unwrap());
            assert!((FIRST_BLOCK..=LAST_BLOCK).contains(&drawn));
            assert_eq!(drawn, block(Addresses::open(dir.path(), AddressMode::Auto).unwrap()));
            assert_eq!(7, block(Addresses::open(dir.path(), AddressMode::Block(7)).unwrap()));
        }
    }

    #[test]
    fn a_block_in_use_is_not_drawn() {
        let all_but_one: BTreeSet<u8> = (0..=255).filter(|block| *block != 99).collect();
        assert_eq!(draw(&all_but_one).unwrap(), 99);
        assert!(draw(&(0..=255).collect()).is_err());
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn an_address_that_is_recorded_or_in_use_is_passed_over() {
        let networks = Networks::default();
        let subnet = &networks.0[0].subnets[1].id;
        let addresses = Addresses::Block(draw(&proc::listening_loopback_blocks()).unwrap());
        let none = BTreeSet::new();
        let first = addresses.propose(&networks, subnet, &none).unwrap();
        let IpAddr::V4(ip) = first.client.ip() else { unreachable!("loopback addresses are IPv4") };
        assert_eq!((ip.octets()[0], ip.octets()[2], ip.octets()[3]), (127, 1, 1));
        let mut in_use = None;
        until(async || {
            in_use = TcpListener::bind(first.peer).ok();
            in_use.is_some()
        })
        .await;
        let second = addresses.propose(&networks, subnet, &none).unwrap();
        assert_eq!(second.client.ip().to_string().rsplit('.').next(), Some("2"));
        let third = addresses.propose(&networks, subnet, &BTreeSet::from([second.client])).unwrap();
        assert_eq!(third.peer.ip().to_string().rsplit('.').next(), Some("3"));
    }

    #[tokio::test]
    async fn a_public_port_that_is_recorded_or_in_use_is_passed_over() {
        let in_use = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = in_use.local_addr().unwrap().port();
        let range = |last| PublicRange { address: Ipv4Addr::LOCALHOST.into(), first: port, last, name: None };
        assert!(matches!(range(port).propose(&BTreeSet::new()), Err(Error::Io { .. })));
        let taken = BTreeSet::from([SocketAddr::from((Ipv4Addr::LOCALHOST, port))]);
        assert!(matches!(range(port).propose(&taken), Err(Error::NoPublicAddress { .. })));
        drop(in_use);
        until(async || range(port).propose(&BTreeSet::new()).is_ok_and(|found| found.listen.port() == port)).await;
        assert!(range(u16::MAX).propose(&taken).is_ok_and(|found| found.listen.port() > port) || port == u16::MAX);
    }

    #[test]
    fn an_unknown_subnet_is_named() {
        let error = Addresses::Ports.propose(&Networks::default(), "subnet-none", &BTreeSet::new()).unwrap_err();
        assert!(matches!(error, Error::UnknownSubnet { subnet } if subnet == "subnet-none"));
    }

    #[tokio::test]
    async fn ports_are_two_and_free() {
        let addresses = Addresses::Ports;
        let networks = Networks::default();
        let placement = addresses.propose(&networks, "subnet-abcd1234", &BTreeSet::new()).unwrap();
        assert_ne!(placement.client, placement.peer);
        until(async || TcpListener::bind(placement.client).is_ok()).await;
    }
}
