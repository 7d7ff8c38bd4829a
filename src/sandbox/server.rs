//! The listening side: starting, stopping, and carrying requests to the world and answers back.

use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use axum::Router;
use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::serve::ListenerExt;
use serde_json::Value;
use tokio::sync::{Notify, oneshot};

use super::Options;
use super::answer::{Answer, Body};
use super::control;
use super::pieces::{Broken, Pieces};
use super::provider::Endpoint;
use super::received::Received;
use super::script::Script;
use super::world::World;

/// The largest request body that is read.
const LARGEST: usize = 64 * 1024 * 1024;

/// What the server and the scripts share.
pub(super) struct Shared {
    world: Mutex<World>,
    /// Rings when a hold was taken away.
    pub(super) released: Notify,
    /// Rings when a request was received.
    pub(super) arrived: Condvar,
}

impl Shared {
    /// Returns the world; a panic elsewhere does not close it.
    pub(super) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A running stand-in; dropping it ends it and frees the port.
pub struct Sandbox {
    url: String,
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Sandbox {
    /// Starts a sandbox on 127.0.0.1, on a thread and a runtime of its own.
    ///
    /// # Errors
    /// Where the port is taken or no thread can be started.
    pub fn start_blocking(options: Options) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, options.port))?;
        listener.set_nonblocking(true)?;
        let url = format!("http://127.0.0.1:{}", listener.local_addr()?.port());
        let shared = Arc::new(Shared {
            world: Mutex::new(World::new(&url, &options)),
            released: Notify::new(),
            arrived: Condvar::new(),
        });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (stop, stopped) = oneshot::channel();
        let router = Router::new().fallback(front).with_state(Arc::clone(&shared));
        let run = move || {
            // Leaving the block drops the runtime, and with it every connection and every waiting answer.
            runtime.block_on(async move {
                let Ok(listener) = tokio::net::TcpListener::from_std(listener) else { return };
                let listener = listener.tap_io(|stream| {
                    // Small pieces have to leave at once; a socket that cannot do that still works.
                    let _ = stream.set_nodelay(true);
                });
                tokio::select! {
                    _ = axum::serve(listener, router) => {}
                    _ = stopped => {}
                }
            });
        };
        let thread = thread::Builder::new().name("sandbox".to_owned()).spawn(run)?;
        Ok(Self { url, shared, stop: Some(stop), thread: Some(thread) })
    }

    /// Starts a sandbox from asynchronous code; it serves independently of the caller's runtime.
    ///
    /// # Errors
    /// Where the port is taken or no thread can be started.
    #[expect(clippy::unused_async, reason = "the callers' side of the contract is asynchronous")]
    pub async fn start(options: Options) -> io::Result<Self> {
        Self::start_blocking(options)
    }

    /// Returns `http://127.0.0.1:PORT`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns the start-up line `llxprt.sandbox.v1`, with a login and a key for every provider.
    pub fn describe(&self) -> Value {
        self.shared.world().ready.clone()
    }

    /// Returns the handle by which tests arrange answers of a provider and read what it received.
    ///
    /// # Panics
    /// Where there is no provider of that name: a mistake in the test.
    pub fn script(&self, provider: &str) -> Script {
        Script::new(Arc::clone(&self.shared), provider)
    }

    /// Waits until the sandbox ends by itself, which only a failing listener makes it do.
    pub fn wait(mut self) {
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Serves one request.
async fn front(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let answer = match receive(request).await {
        Ok((provider, call)) if provider == "_control" => control::serve(&shared, &call),
        Ok((provider, call)) => serve(&shared, &provider, call).await,
        Err(status) => Answer::empty(status),
    };
    respond(answer)
}

async fn serve(shared: &Shared, provider: &str, call: Received) -> Answer {
    let served = shared.world().serve(provider, call);
    let Some((number, endpoint, answer)) = served else { return Answer::empty(404) };
    shared.arrived.notify_all();
    held(shared, provider, endpoint).await;
    if !matches!(answer.body, Body::Lost)
        && let Some(counter) = shared.world().counter(provider)
        && let Some(call) = counter.received.get_mut(number)
    {
        call.status = Some(answer.status);
        return answer.repeating(call);
    }
    answer
}

/// Waits while a test holds the endpoint. The request has had its effect by then, as with a slow network.
async fn held(shared: &Shared, provider: &str, endpoint: Option<Endpoint>) {
    let Some(endpoint) = endpoint else { return };
    loop {
        let released = shared.released.notified();
        let holds = shared.world().counter(provider).is_some_and(|counter| counter.held.contains(&endpoint));
        if !holds {
            return;
        }
        released.await;
    }
}

/// Reads a request and splits off the provider's name.
async fn receive(request: Request) -> Result<(String, Received), u16> {
    let (head, body) = request.into_parts();
    let headers: Vec<(String, String)> = head
        .headers
        .iter()
        .map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect();
    let body = to_bytes(body, LARGEST).await.map_err(|_| 413_u16)?;
    let path = head.uri.path().trim_start_matches('/');
    let (provider, path) = path.split_once('/').unwrap_or((path, ""));
    let call = Received {
        method: head.method.as_str().to_owned(),
        path: format!("/{path}"),
        query: head.uri.query().unwrap_or_default().to_owned(),
        headers,
        body: String::from_utf8_lossy(&body).into_owned(),
        endpoint: None,
        account: None,
        status: None,
    };
    // A page elsewhere that binds its name to 127.0.0.1 must not get at the control or a login.
    let host = call.header("host").unwrap_or_default();
    let host = host.rsplit_once(':').map_or(host, |(name, _)| name);
    if !["127.0.0.1", "localhost"].contains(&host) {
        return Err(421);
    }
    Ok((provider.to_owned(), call))
}

fn respond(answer: Answer) -> Response {
    let body = match answer.body {
        Body::Whole(bytes) => axum::body::Body::from(bytes),
        Body::Stream { chunks, end } => axum::body::Body::from_stream(Pieces::send(chunks, end)),
        // Nobody asked: there is nothing to repeat.
        Body::Repeat(text) => axum::body::Body::from(text),
        Body::Lost => axum::body::Body::from_stream(Broken),
    };
    let mut builder = Response::builder().status(answer.status);
    for (name, value) in answer.headers {
        builder = builder.header(name, value);
    }
    builder.body(body).unwrap_or_else(|_| {
        let mut response = Response::new(axum::body::Body::from("the scripted answer is not HTTP"));
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        response
    })
}
