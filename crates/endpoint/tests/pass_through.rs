//! What clients see of an endpoint, from the route file to the last byte.
#![allow(clippy::unwrap_used, missing_docs)]

use std::{
    net::SocketAddr,
    path::Path,
    time::{Duration, Instant},
};

use cetcd_endpoint::{
    Error, Options,
    files::{self, Hold, Route, RouteStatus},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpSocket, TcpStream},
    sync::oneshot,
    task::JoinHandle,
};

const INSTANCE: &str = "etcd-abcd1234";
const PATIENCE: Duration = Duration::from_secs(10);

struct Endpoint {
    dir: tempfile::TempDir,
    listen: SocketAddr,
    #[allow(dead_code, reason = "held")]
    reserved: Option<Reserved>,
    stop: Option<oneshot::Sender<()>>,
    running: JoinHandle<Result<(), Error>>,
}

impl Endpoint {
    async fn start(backends: &[SocketAddr], change: impl FnOnce(&mut Options)) -> Self {
        let reserved = Reserved::new();
        let mut endpoint = Self::start_without_waiting(backends, reserved.address, change);
        endpoint.reserved = Some(reserved);
        endpoint.status_where(|status| status.serving).await;
        endpoint
    }

    fn start_without_waiting(backends: &[SocketAddr], listen: SocketAddr, change: impl FnOnce(&mut Options)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(files::routes_dir(dir.path())).unwrap();
        write_route(dir.path(), listen, backends, None);
        let mut options = Options::new(dir.path());
        options.refresh = Duration::from_millis(50);
        change(&mut options);
        let (stop, stopped) = oneshot::channel();
        let running = tokio::spawn(cetcd_endpoint::run(options, async {
            let _ = stopped.await;
        }));
        Self { dir, listen, reserved: None, stop: Some(stop), running }
    }

    fn route(&self, backends: &[SocketAddr]) {
        write_route(self.dir.path(), self.listen, backends, None);
    }

    fn hold(&self, backends: &[SocketAddr], number: u64, length: Duration) {
        let milliseconds = u64::try_from(length.as_millis()).unwrap();
        write_route(self.dir.path(), self.listen, backends, Some(Hold { number, milliseconds }));
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.listen).await.unwrap()
    }

    fn status(&self) -> Option<RouteStatus> {
        files::read_status(self.dir.path()).unwrap()?.routes.remove(INSTANCE)
    }

    async fn status_where(&self, good: impl Fn(&RouteStatus) -> bool) -> RouteStatus {
        let begin = Instant::now();
        loop {
            match self.status() {
                Some(status) if good(&status) => return status,
                status => assert!(begin.elapsed() < PATIENCE, "{status:?}"),
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        self.running.abort();
    }
}

fn write_route(dir: &Path, listen: SocketAddr, backends: &[SocketAddr], hold: Option<Hold>) {
    let route = serde_json::to_vec(&Route { listen, backends: backends.to_vec(), public: None, hold }).unwrap();
    files::write_atomically(&files::route_path(dir, INSTANCE), &route, false).unwrap();
}

/// An address that refuses connections and that the system gives to no one else, until one listens there who
/// was told of it.
struct Reserved {
    address: SocketAddr,
    _socket: TcpSocket,
}

impl Reserved {
    fn new() -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_reuseaddr(true).unwrap();
        socket.bind(([127, 0, 0, 1], 0).into()).unwrap();
        Self { address: socket.local_addr().unwrap(), _socket: socket }
    }
}

/// A member that greets with its name and then gives back all that it gets.
struct Member {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Member {
    async fn start(name: u8) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let task = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                connections.spawn(async move {
                    stream.write_all(&[name]).await.unwrap();
                    let (mut read, mut write) = stream.split();
                    let _ = tokio::io::copy(&mut read, &mut write).await;
                    let _ = write.shutdown().await;
                });
            }
        });
        Self { address, task }
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        // Its connections are ended with it: they belong to the task.
        self.task.abort();
    }
}

async fn greeting(stream: &mut TcpStream) -> u8 {
    soon(stream.read_u8()).await.unwrap()
}

async fn echo(stream: &mut TcpStream, text: &[u8; 4]) {
    stream.write_all(text).await.unwrap();
    let mut back = [0; 4];
    soon(stream.read_exact(&mut back)).await.unwrap();
    assert_eq!(&back, text);
}

/// Whether the other side closed, in whatever way.
async fn closed(stream: &mut TcpStream) -> bool {
    matches!(soon(stream.read(&mut [0; 1])).await, Ok(0) | Err(_))
}

async fn soon<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, what).await.expect("it does not take long")
}

#[tokio::test]
async fn every_byte_passes_both_ways_even_while_the_reader_is_slow() {
    let member = Member::start(b'a').await;
    let endpoint = Endpoint::start(&[member.address], |_| {}).await;
    let mut client = endpoint.connect().await;
    assert_eq!(greeting(&mut client).await, b'a');
    let sent: Vec<u8> = (0..8_000_000u32).map(|i| (i % 251) as u8).collect();
    let (mut read, mut write) = client.split();
    let mut received = Vec::new();
    let sending = async {
        write.write_all(&sent).await.unwrap();
        write.shutdown().await.unwrap();
    };
    // Nothing is read before all is on its way or stuck: every buffer between fills up.
    let receiving = async {
        tokio::task::yield_now().await;
        read.read_to_end(&mut received).await.unwrap();
    };
    soon(async { tokio::join!(sending, receiving) }).await;
    assert!(received == sent, "{} bytes of {}", received.len(), sent.len());
    let status = endpoint.status_where(|status| status.bytes_out == 8_000_001).await;
    assert_eq!((status.bytes_in, status.accepted), (8_000_000, 1));
}

#[tokio::test]
async fn a_client_that_has_ended_its_sending_still_gets_the_answer() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = Endpoint::start(&[listener.local_addr().unwrap()], |_| {}).await;
    let mut client = endpoint.connect().await;
    let (mut member, _) = soon(listener.accept()).await.unwrap();
    client.write_all(b"question").await.unwrap();
    client.shutdown().await.unwrap();
    let mut question = String::new();
    soon(member.read_to_string(&mut question)).await.unwrap();
    member.write_all(b"answer to ").await.unwrap();
    member.write_all(question.as_bytes()).await.unwrap();
    drop(member);
    let mut answer = String::new();
    soon(client.read_to_string(&mut answer)).await.unwrap();
    assert_eq!(answer, "answer to question");
}

#[tokio::test]
async fn a_half_closed_connection_that_stays_silent_is_ended() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let backends = [listener.local_addr().unwrap()];
    let endpoint = Endpoint::start(&backends, |options| options.half_closed_idle = Duration::from_millis(50)).await;
    let mut client = endpoint.connect().await;
    let (_member, _) = soon(listener.accept()).await.unwrap();
    client.shutdown().await.unwrap();
    assert!(closed(&mut client).await);
    endpoint.status_where(|status| status.connections == 0).await;
}

#[tokio::test]
async fn connections_go_to_the_members_that_accept() {
    let (dead, alive) = (Reserved::new(), Member::start(b'a').await);
    let endpoint = Endpoint::start(&[dead.address, alive.address], |_| {}).await;
    for _ in 0..6 {
        assert_eq!(greeting(&mut endpoint.connect().await).await, b'a');
    }
    assert_eq!(endpoint.status_where(|status| status.accepted == 6).await.failed, 0);
}

#[tokio::test]
async fn connections_are_spread_evenly() {
    let members = [Member::start(b'a').await, Member::start(b'b').await, Member::start(b'c').await];
    let addresses: Vec<_> = members.iter().map(|member| member.address).collect();
    let endpoint = Endpoint::start(&addresses, |_| {}).await;
    let mut open = Vec::new();
    let mut names = Vec::new();
    for _ in 0..9 {
        let mut client = endpoint.connect().await;
        names.push(greeting(&mut client).await);
        open.push(client);
    }
    names.sort_unstable();
    assert_eq!(names, b"aaabbbccc");
}

#[tokio::test]
async fn without_a_member_that_accepts_the_connection_is_closed() {
    let dead = Reserved::new();
    let endpoint = Endpoint::start(&[dead.address], |_| {}).await;
    assert!(closed(&mut endpoint.connect().await).await);
    endpoint.status_where(|status| status.failed == 1 && status.connections == 0).await;
}

#[tokio::test]
async fn when_a_member_dies_its_connections_end_at_once() {
    let member = Member::start(b'a').await;
    let endpoint = Endpoint::start(&[member.address], |_| {}).await;
    let mut client = endpoint.connect().await;
    greeting(&mut client).await;
    drop(member);
    assert!(closed(&mut client).await);
}

#[tokio::test]
async fn connections_to_a_dropped_member_go_on_for_the_drain_and_new_ones_go_elsewhere() {
    let (old, new) = (Member::start(b'a').await, Member::start(b'b').await);
    let endpoint = Endpoint::start(&[old.address], |options| options.drain = Duration::from_millis(500)).await;
    let mut client = endpoint.connect().await;
    assert_eq!(greeting(&mut client).await, b'a');
    endpoint.route(&[new.address]);
    endpoint.status_where(|status| status.backends == [new.address]).await;
    echo(&mut client, b"more").await;
    let mut another = endpoint.connect().await;
    assert_eq!(greeting(&mut another).await, b'b');
    assert!(closed(&mut client).await);
    echo(&mut another, b"stay").await;
}

#[tokio::test]
async fn a_removed_route_is_not_listened_to_any_more() {
    let member = Member::start(b'a').await;
    let endpoint =
        Endpoint::start(&[member.address], |options| options.removal_drain = Duration::from_millis(100)).await;
    let mut client = endpoint.connect().await;
    greeting(&mut client).await;
    std::fs::remove_file(files::route_path(endpoint.dir.path(), INSTANCE)).unwrap();
    let begin = Instant::now();
    while endpoint.status().is_some() {
        assert!(begin.elapsed() < PATIENCE);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(TcpStream::connect(endpoint.listen).await.unwrap_err().kind(), std::io::ErrorKind::ConnectionRefused);
    assert!(closed(&mut client).await);
}

#[tokio::test]
async fn a_malformed_route_file_changes_nothing_and_is_reported() {
    let member = Member::start(b'a').await;
    let endpoint = Endpoint::start(&[member.address], |_| {}).await;
    std::fs::write(files::route_path(endpoint.dir.path(), INSTANCE), "{").unwrap();
    let status = endpoint.status_where(|status| status.error.is_some()).await;
    assert!(status.serving);
    assert_eq!(greeting(&mut endpoint.connect().await).await, b'a');
}

#[tokio::test]
async fn more_connections_than_allowed_are_closed_until_others_end() {
    let member = Member::start(b'a').await;
    let endpoint = Endpoint::start(&[member.address], |options| options.max_connections = 2).await;
    let (mut first, mut second) = (endpoint.connect().await, endpoint.connect().await);
    greeting(&mut first).await;
    greeting(&mut second).await;
    assert!(closed(&mut endpoint.connect().await).await);
    drop(first);
    endpoint.status_where(|status| status.connections == 1 && status.refused == 1).await;
    assert_eq!(greeting(&mut endpoint.connect().await).await, b'a');
    echo(&mut second, b"stay").await;
}

#[tokio::test]
async fn an_address_in_use_is_reported_and_taken_once_it_is_free() {
    let member = Member::start(b'a').await;
    let occupant = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let listen = occupant.local_addr().unwrap();
    let endpoint = Endpoint::start_without_waiting(&[member.address], listen, |_| {});
    let status = endpoint.status_where(|status| status.error.is_some()).await;
    assert!(!status.serving && status.error.unwrap().contains(&listen.to_string()));
    drop(occupant);
    endpoint.status_where(|status| status.serving && status.error.is_none()).await;
    assert_eq!(greeting(&mut endpoint.connect().await).await, b'a');
}

#[tokio::test]
async fn a_second_process_for_the_same_folder_is_refused() {
    let endpoint = Endpoint::start(&[], |_| {}).await;
    let second = cetcd_endpoint::run(Options::new(endpoint.dir.path()), std::future::pending());
    assert!(matches!(soon(second).await, Err(Error::Locked { dir }) if dir == endpoint.dir.path()));
}

#[tokio::test]
async fn at_its_end_it_accepts_no_more_and_lets_connections_end() {
    let member = Member::start(b'a').await;
    let mut endpoint = Endpoint::start(&[member.address], |_| {}).await;
    let mut client = endpoint.connect().await;
    greeting(&mut client).await;
    endpoint.stop.take();
    let begin = Instant::now();
    while TcpStream::connect(endpoint.listen).await.is_ok() {
        assert!(begin.elapsed() < PATIENCE);
        tokio::task::yield_now().await;
    }
    echo(&mut client, b"last").await;
    assert!(!endpoint.running.is_finished());
    drop(client);
    soon(&mut endpoint.running).await.unwrap().unwrap();
}

/// A client and the member's side of its connection.
async fn pair(change: impl FnOnce(&mut Options)) -> (Endpoint, TcpStream, TcpStream, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let endpoint = Endpoint::start(&[address], change).await;
    let client = endpoint.connect().await;
    let (member, _) = soon(listener.accept()).await.unwrap();
    (endpoint, client, member, address)
}

#[tokio::test]
async fn while_a_route_is_held_requests_wait_and_answers_pass() {
    let (endpoint, mut client, mut member, address) = pair(|_| {}).await;
    endpoint.hold(&[address], 7, Duration::from_secs(1));
    endpoint.status_where(|status| status.rested == Some(7)).await;
    client.write_all(b"question").await.unwrap();
    member.write_all(b"news").await.unwrap();
    let mut text = [0; 4];
    soon(client.read_exact(&mut text)).await.unwrap();
    assert_eq!(&text, b"news");
    let mut question = [0; 8];
    let arrives = tokio::time::timeout(Duration::from_millis(50), member.peek(&mut question)).await;
    assert!(arrives.is_err(), "{arrives:?}");
    endpoint.route(&[address]);
    soon(member.read_exact(&mut question)).await.unwrap();
    assert_eq!(&question, b"question");
    endpoint.status_where(|status| status.rested.is_none()).await;
}

#[tokio::test]
async fn a_hold_that_nobody_ends_is_over_by_itself() {
    let (endpoint, mut client, mut member, address) = pair(|_| {}).await;
    endpoint.hold(&[address], 1, Duration::from_secs(3600));
    endpoint.status_where(|status| status.rested == Some(1)).await;
    client.write_all(b"question").await.unwrap();
    let mut question = [0; 8];
    soon(member.read_exact(&mut question)).await.unwrap();
    assert_eq!(&question, b"question");
}

#[tokio::test]
async fn a_hold_ends_the_connections_to_dropped_members_once_they_are_at_rest() {
    let (a, b) = (Member::start(b'a').await, Member::start(b'b').await);
    let endpoint = Endpoint::start(&[a.address, b.address], |_| {}).await;
    let mut streams = [endpoint.connect().await, endpoint.connect().await];
    let names = [greeting(&mut streams[0]).await, greeting(&mut streams[1]).await];
    streams.reverse();
    let [mut first, mut second] = streams;
    let (dropped, stays) = if names[1] == b'a' { (&mut first, &mut second) } else { (&mut second, &mut first) };
    endpoint.hold(&[b.address], 1, Duration::from_secs(1));
    assert!(closed(dropped).await);
    endpoint.route(&[b.address]);
    echo(stays, b"stay").await;
}
