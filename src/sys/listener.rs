//! The loopback end of a browser login (RFC 8252 7.3): bound before the browser opens, alive for one login.
//!
//! Why tiny_http, and what its guards are for: `docs/decisions/callback-listener.md`.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tiny_http::{Header, Method, Request, Response, Server};
use tokio::sync::mpsc;

/// How many free ports are tried where any will do: each may be taken on ::1.
const TRIES: usize = 16;

/// The address a browser will come back to.
#[derive(Debug)]
pub struct Bound {
    /// The port.
    pub port: u16,
    sockets: Vec<TcpListener>,
}

/// No port that the provider allows is free.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoPort(pub String);

impl Bound {
    /// Binds 127.0.0.1, and ::1 too when the redirect's host is `localhost`; the first free of `ports`, or any.
    ///
    /// # Errors
    /// When all are taken.
    pub fn new(host: &str, ports: &[u16]) -> Result<Self, NoPort> {
        let wanted: &[u16] = if ports.is_empty() { &[0; TRIES] } else { ports };
        let mut troubles = Vec::new();
        for port in wanted {
            let v4 = match TcpListener::bind((Ipv4Addr::LOCALHOST, *port)) {
                Ok(socket) => socket,
                Err(e) => {
                    troubles.push(trouble(*port, &e));
                    continue;
                }
            };
            let Ok(address) = v4.local_addr() else { continue };
            let mut sockets = vec![v4];
            if host == "localhost" {
                match TcpListener::bind((Ipv6Addr::LOCALHOST, address.port())) {
                    Ok(v6) => sockets.push(v6),
                    // IPv6 is off: 127.0.0.1 serves alone. A port that somebody else holds there would let them
                    // answer in our place.
                    Err(e) if e.kind() == std::io::ErrorKind::AddrInUse => {
                        troubles.push(trouble(address.port(), &e));
                        continue;
                    }
                    Err(_) => {}
                }
            }
            return Ok(Self { port: address.port(), sockets });
        }
        Err(NoPort(troubles.join(", ")))
    }

    /// Serves the path. Answers whose parameters `ours` does not know get 404 and change nothing.
    ///
    /// # Errors
    /// When the listener cannot be started.
    pub fn serve(
        self,
        path: &str,
        ours: impl Fn(&str, &[(String, String)]) -> bool + Send + Sync + 'static,
    ) -> std::io::Result<(Listening, mpsc::UnboundedReceiver<Callback>)> {
        let (tell, callbacks) = mpsc::unbounded_channel();
        let stop = Arc::new(AtomicBool::new(false));
        let gate = Arc::new(Gate { path: path.to_owned(), port: self.port, ours: Box::new(ours) });
        let (mut servers, mut addresses) = (Vec::new(), Vec::new());
        for socket in self.sockets {
            let address = socket.local_addr()?;
            addresses.push(address);
            let server = Arc::new(Server::from_listener(socket, None).map_err(std::io::Error::other)?);
            let (ours, stop, gate, tell) = (server.clone(), stop.clone(), gate.clone(), tell.clone());
            let thread = std::thread::spawn(move || attend(&ours, address, &stop, &gate, &tell));
            servers.push((server, thread));
        }
        Ok((Listening { addresses, servers, stop }, callbacks))
    }
}

fn trouble(port: u16, error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::AddrInUse => format!("port {port} is in use"),
        _ => format!("port {port}: {error}"),
    }
}

/// A listener at work; dropped, its port is free.
pub struct Listening {
    addresses: Vec<SocketAddr>,
    servers: Vec<(Arc<Server>, std::thread::JoinHandle<()>)>,
    stop: Arc<AtomicBool>,
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        for (server, thread) in self.servers.drain(..) {
            server.unblock();
            let _ = thread.join();
            drop(server);
        }
        // The library's own thread lets go of the socket a moment later; the next login must find the port free.
        for address in &self.addresses {
            for _ in 0..50 {
                match TcpListener::bind(address) {
                    Err(e) if e.kind() == std::io::ErrorKind::AddrInUse => std::thread::sleep(Duration::from_millis(2)),
                    _ => break,
                }
            }
        }
    }
}

/// Tells whether the rest of a path and its parameters belong to a login that waits.
type Ours = dyn Fn(&str, &[(String, String)]) -> bool + Send + Sync;

struct Gate {
    path: String,
    port: u16,
    ours: Box<Ours>,
}

/// A good request, held until the login knows what to say.
pub struct Callback {
    /// What of the path comes after the redirect's own.
    pub tail: String,
    /// The parameters.
    pub query: Vec<(String, String)>,
    request: Option<Request>,
}

impl Callback {
    /// Sends the page.
    pub fn answer(mut self, page: &str) {
        if let Some(request) = self.request.take() {
            send(request, 200, page);
        }
    }
}

impl Drop for Callback {
    /// The library would tell the browser of an inner fault (500). A login that is over knows nothing any more.
    fn drop(&mut self) {
        if let Some(request) = self.request.take() {
            send(request, 404, "");
        }
    }
}

fn attend(
    server: &Server,
    address: SocketAddr,
    stop: &AtomicBool,
    gate: &Gate,
    tell: &mpsc::UnboundedSender<Callback>,
) {
    while !stop.load(Ordering::SeqCst) {
        match server.recv_timeout(Duration::from_millis(100)) {
            Ok(Some(request)) => gate.pass(request, tell),
            // Idle connections occupy the library's workers; a connection of our own makes it start a fresh one.
            Ok(None) => drop(TcpStream::connect_timeout(&address, Duration::from_millis(50))),
            Err(_) => std::thread::sleep(Duration::from_millis(20)),
        }
    }
}

impl Gate {
    fn pass(&self, request: Request, tell: &mpsc::UnboundedSender<Callback>) {
        let chunked = request.headers().iter().any(|h| h.field.equiv("Transfer-Encoding"));
        if chunked || request.body_length().is_some_and(|n| n > 0) {
            // The library would read, or allocate, what the header announces, also to drop the request.
            std::mem::forget(request);
            return;
        }
        if *request.method() != Method::Get {
            return send(request, 405, "");
        }
        match self.read(&request) {
            Some((tail, query)) => {
                let _ = tell.send(Callback { tail, query, request: Some(request) });
            }
            None => send(request, 404, ""),
        }
    }

    fn read(&self, request: &Request) -> Option<(String, Vec<(String, String)>)> {
        let host = request.headers().iter().find(|h| h.field.equiv("Host"))?.value.as_str().to_ascii_lowercase();
        let loopback = ["localhost", "127.0.0.1", "[::1]"].iter().any(|h| host == format!("{h}:{}", self.port));
        let (path, query) = request.url().split_once('?').unwrap_or((request.url(), ""));
        let tail = path.strip_prefix(&self.path)?.trim_start_matches('/').to_owned();
        let query: Vec<_> = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        (loopback && (self.ours)(&tail, &query)).then_some((tail, query))
    }
}

const HEADERS: [(&str, &str); 6] = [
    ("Content-Type", "text/html; charset=utf-8"),
    ("Cache-Control", "no-store"),
    ("Referrer-Policy", "no-referrer"),
    ("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'"),
    ("X-Content-Type-Options", "nosniff"),
    ("Connection", "close"),
];

fn send(request: Request, status: u16, page: &str) {
    let mut response = Response::from_string(page).with_status_code(status);
    for (name, value) in HEADERS {
        if let Ok(header) = Header::from_bytes(name, value) {
            response.add_header(header);
        }
    }
    let _ = request.respond(response);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read as _, Write as _};
    use std::time::Instant;

    fn listening() -> (Listening, mpsc::UnboundedReceiver<Callback>, u16) {
        let bound = Bound::new("localhost", &[]).unwrap();
        let port = bound.port;
        let (listening, callbacks) = bound
            .serve("/callback", |tail, query| tail.is_empty() && query.iter().any(|(k, v)| k == "state" && v == "s"))
            .unwrap();
        (listening, callbacks, port)
    }

    fn ask(port: u16, request: &str) -> String {
        let mut socket = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        socket.write_all(request.replace("PORT", &port.to_string()).as_bytes()).unwrap();
        let mut answer = String::new();
        let _ = socket.read_to_string(&mut answer);
        answer
    }

    #[test]
    fn a1_guesses_probes_and_foreign_hosts_change_nothing_and_the_good_one_still_passes() {
        let (_listening, mut callbacks, port) = listening();
        for (request, status) in [
            ("GET /favicon.ico HTTP/1.1\r\nHost: localhost:PORT\r\nConnection: close\r\n\r\n", "404"),
            ("GET /callback?code=x&state=guess HTTP/1.1\r\nHost: localhost:PORT\r\nConnection: close\r\n\r\n", "404"),
            ("GET /callback?error=x HTTP/1.1\r\nHost: localhost:PORT\r\nConnection: close\r\n\r\n", "404"),
            ("GET /callback?code=x&state=s HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n", "404"),
            ("GET /callback/more?state=s HTTP/1.1\r\nHost: localhost:PORT\r\nConnection: close\r\n\r\n", "404"),
            ("HEAD /callback?code=x&state=s HTTP/1.1\r\nHost: localhost:PORT\r\nConnection: close\r\n\r\n", "405"),
            ("POST /callback?code=x&state=s HTTP/1.1\r\nHost: localhost:PORT\r\nConnection: close\r\n\r\n", "405"),
        ] {
            let answer = ask(port, request);
            assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{request}: {answer}");
        }
        assert!(callbacks.try_recv().is_err());
        let good = std::thread::spawn(move || {
            ask(port, "GET /callback?code=c&state=s HTTP/1.1\r\nHost: localhost:PORT\r\nConnection: close\r\n\r\n")
        });
        let callback = callbacks.blocking_recv().unwrap();
        assert_eq!(callback.query[0], ("code".into(), "c".into()));
        callback.answer("<p>done</p>");
        let page = good.join().unwrap();
        assert!(page.contains("<p>done</p>") && page.contains("no-store") && page.contains("default-src 'none'"));
    }

    #[test]
    fn a1_a_huge_announced_body_harms_nothing() {
        let (_listening, mut callbacks, port) = listening();
        let mut socket = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
        let huge = format!("POST /callback HTTP/1.1\r\nHost: localhost:{port}\r\nContent-Length: 40000000000\r\n\r\n");
        socket.write_all(huge.as_bytes()).unwrap();
        let chunked = format!("POST / HTTP/1.1\r\nHost: localhost:{port}\r\nTransfer-Encoding: chunked\r\n\r\n");
        let mut other = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
        other.write_all(chunked.as_bytes()).unwrap();
        let good = std::thread::spawn(move || {
            ask(port, "GET /callback?state=s HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\nConnection: close\r\n\r\n")
        });
        callbacks.blocking_recv().unwrap().answer("ok");
        assert!(good.join().unwrap().ends_with("ok"));
    }

    #[test]
    fn a1_twenty_idle_connections_starve_nobody() {
        let (_listening, mut callbacks, port) = listening();
        let idle: Vec<_> = (0..20).map(|_| TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap()).collect();
        let good = std::thread::spawn(move || {
            ask(port, "GET /callback?state=s HTTP/1.1\r\nHost: localhost:PORT\r\nConnection: close\r\n\r\n")
        });
        callbacks.blocking_recv().unwrap().answer("ok");
        assert!(good.join().unwrap().ends_with("ok"));
        drop(idle);
    }

    #[test]
    fn the_port_is_free_the_moment_the_listener_is_dropped() {
        for _ in 0..5 {
            let (listening, _callbacks, port) = listening();
            let begin = Instant::now();
            drop(listening);
            assert!(begin.elapsed() < Duration::from_secs(2));
            // Another test may be given this very port in between, for a moment.
            assert!((0..200).any(|_| {
                let free = Bound::new("localhost", &[port]).is_ok();
                std::thread::sleep(Duration::from_millis(u64::from(!free) * 5));
                free
            }));
        }
    }

    /// Tells whether this machine has IPv6 on loopback; both answers are tested for.
    fn ipv6() -> bool {
        TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_ok()
    }

    #[test]
    fn f7_localhost_is_served_on_both_of_its_addresses_and_a_plain_address_on_that_alone() {
        let (listening, mut callbacks, port) = listening();
        let loopbacks = if ipv6() { 2 } else { 1 };
        assert_eq!(listening.addresses.len(), loopbacks);
        assert!(listening.addresses.iter().all(|a| a.ip().is_loopback() && a.port() == port));
        for (address, host) in listening.addresses.clone().into_iter().zip(["localhost", "[::1]"]) {
            let good = std::thread::spawn(move || {
                let mut socket = TcpStream::connect(address).unwrap();
                let request =
                    format!("GET /callback?state=s HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n");
                socket.write_all(request.as_bytes()).unwrap();
                let mut answer = String::new();
                socket.read_to_string(&mut answer).unwrap();
                answer
            });
            callbacks.blocking_recv().unwrap().answer("ok");
            assert!(good.join().unwrap().ends_with("ok"), "{address}");
        }
        let alone = Bound::new("127.0.0.1", &[]).unwrap();
        let addresses: Vec<_> = alone.sockets.iter().map(|s| s.local_addr().unwrap().ip()).collect();
        assert_eq!(addresses, [Ipv4Addr::LOCALHOST]);
    }

    #[test]
    fn f7_a_port_that_somebody_else_holds_on_ipv6_is_not_taken() {
        if !ipv6() {
            assert_eq!(Bound::new("localhost", &[]).unwrap().sockets.len(), 1);
            return;
        }
        let foreign = TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).unwrap();
        let port = foreign.local_addr().unwrap().port();
        let free = Bound::new("localhost", &[]).unwrap().port;
        assert_eq!(Bound::new("localhost", &[port, free]).unwrap().port, free);
        assert_eq!(Bound::new("localhost", &[port]).unwrap_err().0, format!("port {port} is in use"));
    }

    #[test]
    fn f7_a_taken_port_gives_way_to_the_next_that_is_allowed() {
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let first = taken.local_addr().unwrap().port();
        let free = Bound::new("127.0.0.1", &[]).unwrap().port;
        assert_eq!(Bound::new("localhost", &[first, free]).unwrap().port, free);
        assert!(Bound::new("localhost", &[first]).is_err());
    }
}
