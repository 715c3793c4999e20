//! A route's second address: who is let in there, who is not, and that it rests and drains as the first one does.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, missing_docs)]

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    time::Duration,
};

use cetcd_endpoint::{
    Options,
    files::{self, Hold, Public, Route, RouteStatus},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpSocket, TcpStream},
    task::JoinHandle,
};

const INSTANCE: &str = "etcd-abcd1234";
const PATIENCE: Duration = Duration::from_secs(20);
const FRIEND: Ipv4Addr = Ipv4Addr::LOCALHOST;
const STRANGER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

/// An endpoint process with one route, over a member that sends back what it gets.
struct World {
    dir: tempfile::TempDir,
    route: Route,
    tasks: Vec<JoinHandle<()>>,
    /// Keep the addresses from others until they are listened at.
    _reserved: [TcpSocket; 2],
}

impl World {
    /// Open to `FRIEND` alone.
    async fn start(change: impl FnOnce(&mut Options)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(files::routes_dir(dir.path())).unwrap();
        let reserved = [reserve(), reserve()];
        let [listen, public] = [&reserved[0], &reserved[1]].map(|socket| socket.local_addr().unwrap());
        let (backend, echo) = member().await;
        let allowed = vec!["127.0.0.1/32".parse().unwrap(), "2001:db8::/32".parse().unwrap()];
        let public = Some(Public { listen: public, allowed });
        let route = Route { listen, backends: vec![backend], public, hold: None };
        let mut options = Options::new(dir.path());
        options.refresh = Duration::from_millis(50);
        change(&mut options);
        let process = tokio::spawn(async { cetcd_endpoint::run(options, std::future::pending()).await.unwrap() });
        let world = Self { dir, route, tasks: vec![process, echo], _reserved: reserved };
        world.write();
        world.status_where(|status| status.serving && status.public.as_ref().is_some_and(|p| p.serving)).await;
        world
    }

    fn write(&self) {
        let text = serde_json::to_vec(&self.route).unwrap();
        files::write_atomically(&files::route_path(self.dir.path(), INSTANCE), &text, false).unwrap();
    }

    async fn status_where(&self, good: impl Fn(&RouteStatus) -> bool) -> RouteStatus {
        let mut last = None;
        let found = async {
            loop {
                let status =
                    files::read_status(self.dir.path()).unwrap().and_then(|mut all| all.routes.remove(INSTANCE));
                match status {
                    Some(status) if good(&status) => return status,
                    status => last = status,
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let found = tokio::time::timeout(PATIENCE, found).await;
        found.unwrap_or_else(|_| panic!("{last:?}"))
    }

    fn public(&mut self) -> &mut Public {
        self.route.public.as_mut().unwrap()
    }

    /// A connection to the public address from `source`.
    async fn connect(&mut self, source: Ipv4Addr) -> TcpStream {
        let at = self.public().listen;
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((IpAddr::from(source), 0).into()).unwrap();
        socket.connect(at).await.unwrap()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

fn reserve() -> TcpSocket {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_reuseaddr(true).unwrap();
    socket.bind((FRIEND, 0).into()).unwrap();
    socket
}

async fn member() -> (SocketAddr, JoinHandle<()>) {
    let listener = TcpListener::bind((FRIEND, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let task = tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let (mut read, mut write) = stream.split();
                let _ = tokio::io::copy(&mut read, &mut write).await;
            });
        }
    });
    (address, task)
}

async fn soon<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, what).await.expect("it comes soon")
}

/// Whether what is sent comes back; false where the connection is closed.
async fn echoes(stream: &mut TcpStream) -> bool {
    let mut answer = [0; 4];
    stream.write_all(b"ping").await.is_ok() && soon(stream.read_exact(&mut answer)).await.is_ok() && answer == *b"ping"
}

async fn is_closed(stream: &mut TcpStream) -> bool {
    matches!(soon(stream.read(&mut [0; 4])).await, Ok(0) | Err(_))
}

#[tokio::test]
async fn those_of_an_allowed_network_are_let_in_and_others_are_closed_at_once_and_counted() {
    let mut world = World::start(|_| {}).await;
    assert!(echoes(&mut world.connect(FRIEND).await).await);
    assert!(is_closed(&mut world.connect(STRANGER).await).await);
    assert!(is_closed(&mut world.connect(STRANGER).await).await);
    let status = world.status_where(|status| status.public.as_ref().is_some_and(|public| public.denied == 2)).await;
    assert_eq!(status.accepted, 1, "who is not let in takes no place");
}

#[tokio::test]
async fn whoever_is_taken_off_the_list_is_cut_and_the_others_go_on() {
    let mut world = World::start(|_| {}).await;
    world.public().allowed = vec!["127.0.0.0/8".parse().unwrap()];
    world.write();
    world.status_where(|status| status.public.as_ref().is_some_and(|public| public.public.allowed.len() == 1)).await;
    let (mut stays, mut goes) = (world.connect(FRIEND).await, world.connect(STRANGER).await);
    assert!(echoes(&mut stays).await && echoes(&mut goes).await);
    world.public().allowed = vec!["127.0.0.1/32".parse().unwrap()];
    world.write();
    assert!(is_closed(&mut goes).await);
    assert!(echoes(&mut stays).await);
}

#[tokio::test]
async fn a_public_address_that_is_given_up_is_closed_with_its_connections_and_the_other_goes_on() {
    let mut world = World::start(|_| {}).await;
    let mut cut = world.connect(FRIEND).await;
    let mut stays = TcpStream::connect(world.route.listen).await.unwrap();
    assert!(echoes(&mut cut).await && echoes(&mut stays).await);
    let public = world.route.public.take().unwrap().listen;
    world.write();
    world.status_where(|status| status.public.is_none()).await;
    assert!(is_closed(&mut cut).await);
    assert!(TcpStream::connect(public).await.is_err());
    assert!(echoes(&mut stays).await);
}

#[tokio::test]
async fn a_hold_holds_back_what_comes_by_the_public_address_too() {
    let mut world = World::start(|_| {}).await;
    let mut client = world.connect(FRIEND).await;
    assert!(echoes(&mut client).await);
    world.route.hold = Some(Hold { number: 7, milliseconds: 1000 });
    world.write();
    world.status_where(|status| status.rested == Some(7)).await;
    client.write_all(b"held").await.unwrap();
    let mut answer = [0; 4];
    let early = tokio::time::timeout(Duration::from_millis(50), client.read_exact(&mut answer)).await;
    assert!(early.is_err(), "nothing is passed on meanwhile");
    world.route.hold = None;
    world.write();
    soon(client.read_exact(&mut answer)).await.unwrap();
    assert_eq!(answer, *b"held");
}

#[tokio::test]
async fn connections_by_the_public_address_take_half_of_the_places_at_the_most() {
    let mut world = World::start(|options| options.max_connections = 2).await;
    let mut first = world.connect(FRIEND).await;
    assert!(echoes(&mut first).await);
    assert!(is_closed(&mut world.connect(FRIEND).await).await);
    assert!(echoes(&mut TcpStream::connect(world.route.listen).await.unwrap()).await);
}

#[tokio::test]
async fn a_public_address_that_is_in_use_is_told_and_keeps_nobody_from_the_other() {
    let mut world = World::start(|_| {}).await;
    let taken = TcpListener::bind((FRIEND, 0)).await.unwrap();
    world.public().listen = taken.local_addr().unwrap();
    world.write();
    let told = |status: &RouteStatus| status.public.as_ref().is_some_and(|p| !p.serving && p.error.is_some());
    assert!(world.status_where(told).await.serving);
    assert!(echoes(&mut TcpStream::connect(world.route.listen).await.unwrap()).await);
    drop(taken);
    world.status_where(|status| status.public.as_ref().is_some_and(|public| public.serving)).await;
    assert!(echoes(&mut world.connect(FRIEND).await).await);
}
