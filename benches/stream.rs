//! Figures of a streamed answer: 100 MB of events through each dialect against a plain download of the same bytes, the
//! memory that takes, and the time from the first byte received to the first byte shown.
//!
//! `cargo bench --bench stream` measures everything; each figure is printed beside its goal.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a benchmark may end in a panic")]

use std::fs::Permissions;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use llxprt::chat::{Auth, Conversation, Params, Piece, send};
use llxprt::http::Http;
use llxprt::providers::Dialect;
use llxprt::secret::Secret;
use url::Url;

const BYTES: usize = 100 << 20;
const ROUNDS: usize = 5;
/// How many times the first byte is waited for.
const FIRSTS: usize = 30;

/// What each piece of an answer says.
const WORDS: &str = "some words of an answer, ";
/// Stands for the number of the piece.
const NUMBER: &str = "1000000";

/// A dialect, the piece that its answers consist of, and how they end.
const DIALECTS: [(&str, Dialect, &str, &str); 5] = [
    (
        "anthropic-messages",
        Dialect::AnthropicMessages,
        "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"some words of an answer, \"}}\n\n",
        "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
    ),
    (
        "openai-responses",
        Dialect::OpenaiResponses,
        "event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"sequence_number\":1000000,\"item_id\":\"msg_0123456789abcdef\",\"output_index\":0,\"content_index\":0,\"delta\":\"some words of an answer, \"}\n\n",
        "event: response.completed\ndata: {\"type\":\"response.completed\",\"response\":{\"output\":[]}}\n\n",
    ),
    (
        "openai-chat",
        Dialect::OpenaiChat,
        "data: {\"id\":\"chatcmpl-0123456789\",\"object\":\"chat.completion.chunk\",\"created\":1790000000,\"model\":\"coder-model\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"some words of an answer, \"},\"finish_reason\":null}],\"usage\":null}\n\n",
        "data: [DONE]\n\n",
    ),
    (
        "gemini",
        Dialect::Gemini,
        "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"some words of an answer, \"}],\"role\":\"model\"},\"index\":0}],\"usageMetadata\":{\"promptTokenCount\":12,\"totalTokenCount\":12},\"modelVersion\":\"gemini-2.5-pro\",\"responseId\":\"abc\"}\r\n\r\n",
        "data: {\"candidates\":[{\"finishReason\":\"STOP\"}]}\r\n\r\n",
    ),
    (
        "gemini, longer pieces",
        Dialect::Gemini,
        "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"some words of an answer, some words of an answer, some words of an answer, some words of an answer, some words of an answer, some words of an answer, some words of an answer, some words of an answer, some words of an answer, some words of an answer, \"}],\"role\":\"model\"},\"index\":0}],\"usageMetadata\":{\"promptTokenCount\":12,\"totalTokenCount\":12},\"modelVersion\":\"gemini-2.5-pro\",\"responseId\":\"abc\"}\r\n\r\n",
        "data: {\"candidates\":[{\"finishReason\":\"STOP\"}]}\r\n\r\n",
    ),
];

fn main() {
    // `cargo test --benches` only asks whether it starts.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    println!("100 MB of events, best of {ROUNDS} in turns with a plain download of the same bytes:");
    for (name, dialect, piece, end) in DIALECTS {
        let count = BYTES / piece.len();
        let url = serve(piece, count, end);
        let (mut plain, mut read) = (Duration::MAX, Duration::MAX);
        let before = memory();
        for _ in 0..ROUNDS {
            plain = plain.min(runtime.block_on(download(&url)));
            read =
                read.min(runtime.block_on(answer(&url, dialect, count * piece.matches(WORDS).count() * WORDS.len())));
        }
        let (plain, read) = (megabytes(plain), megabytes(read));
        let grown = memory().saturating_sub(before) >> 10;
        println!(
            "  {name:21} {read:6.0} MB/s of {plain:6.0} MB/s plain: {:.2} x (goal 0.50); most memory grew by {grown} MB",
            read / plain
        );
    }
    let mut times: Vec<Duration> = (0..FIRSTS).map(|_| first_byte()).collect();
    times.sort();
    println!(
        "first byte sent to first byte on stdout, the program as it is used: median {:?}, worst of {FIRSTS} {:?} (goal 2 ms)",
        times[FIRSTS / 2],
        times[FIRSTS - 1]
    );
}

fn megabytes(time: Duration) -> f64 {
    BYTES as f64 / f64::from(1 << 20) / time.as_secs_f64()
}

/// The most memory that this process ever had resident, in KiB.
fn memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse().unwrap_or(0)
}

/// Reads a request's head and body, so that nothing of it is left when the connection is closed.
fn take_request(stream: &mut TcpStream) {
    let (mut bytes, mut piece) = (Vec::new(), [0; 4096]);
    loop {
        let count = stream.read(&mut piece).unwrap_or(0);
        bytes.extend_from_slice(&piece[..count]);
        let text = String::from_utf8_lossy(&bytes);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length =
                head.to_ascii_lowercase().lines().find_map(|l| l.strip_prefix("content-length:")?.trim().parse().ok());
            if body.len() >= length.unwrap_or(0) {
                return;
            }
        }
        if count == 0 {
            return;
        }
    }
}

const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n";

/// Serves the same stream to everyone who asks.
fn serve(piece: &'static str, count: usize, end: &'static str) -> Url {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    let at_once = (64 << 10) / piece.len();
    let pieces = (0..at_once).map(|n| piece.replace(NUMBER, &(1_000_000 + n).to_string()));
    let block: Arc<[u8]> = pieces.collect::<String>().into_bytes().into();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            take_request(&mut stream);
            let length = count * piece.len() + end.len();
            let _ = write!(stream, "{HEAD}content-length: {length}\r\n\r\n");
            for _ in 0..count / at_once {
                if stream.write_all(&block).is_err() {
                    break;
                }
            }
            let _ = stream
                .write_all(&block[..count % at_once * piece.len()])
                .and_then(|()| stream.write_all(end.as_bytes()));
        }
    });
    url
}

/// Reads the bytes and does nothing with them.
async fn download(url: &Url) -> Duration {
    let client = Http::default().client(url).unwrap();
    let begun = Instant::now();
    let mut answer = client.post(url.clone()).body("{}").send().await.unwrap();
    let mut bytes = 0;
    while let Some(chunk) = answer.chunk().await.unwrap() {
        bytes += chunk.len();
    }
    assert!(bytes > BYTES - (1 << 20));
    begun.elapsed()
}

/// Reads the answer as a prompt does.
async fn answer(url: &Url, dialect: Dialect, said: usize) -> Duration {
    let mut conversation = Conversation::default();
    conversation.ask("hi");
    let http = Http::default();
    http.client(url).unwrap();
    let request = dialect.request(url, "m", &conversation, &Params::new());
    let auth = Auth::Token(Secret::new("t"));
    let mut bytes = 0;
    let show = |piece: Piece<'_>| {
        if let Piece::Text(text) = piece {
            bytes += text.len();
        }
    };
    let begun = Instant::now();
    send(&http, dialect, &request, &auth, Duration::from_secs(60), show).await.unwrap();
    let took = begun.elapsed();
    assert_eq!(bytes, said);
    took
}

/// Runs the program against a server that notes when it sends the first word.
fn first_byte() -> Duration {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (tell, sent) = mpsc::channel();
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.set_nodelay(true).unwrap();
        take_request(&mut stream);
        let _ = write!(stream, "{HEAD}\r\n");
        // The head is read by then; what is measured is the way of the first word alone.
        std::thread::sleep(Duration::from_millis(20));
        tell.send(Instant::now()).unwrap();
        let (_, _, piece, end) = DIALECTS[2];
        let _ = stream.write_all(piece.as_bytes()).and_then(|()| stream.write_all(end.as_bytes()));
    });
    let home = tempfile::Builder::new().permissions(Permissions::from_mode(0o700)).tempdir().unwrap();
    let manifest = format!(
        "name = \"here\"\ndefault_model = \"m\"\napi_key_env = [\"HERE_KEY\"]\n[api]\ndialect = \"openai-chat\"\nbase_url = \"{url}\"\n"
    );
    std::fs::DirBuilder::new().mode(0o700).create(home.path().join("providers")).unwrap();
    std::fs::write(home.path().join("providers/here.toml"), manifest).unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_llxprt"))
        .args(["--provider", "here", "-p", "hi"])
        .env_clear()
        .envs([("HERE_KEY", "k-0123456789"), ("LLXPRT_NO_KEYRING", "1")])
        .env("LLXPRT_CONFIG_HOME", home.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut byte = [0];
    child.stdout.take().unwrap().read_exact(&mut byte).unwrap();
    let shown = Instant::now();
    server.join().unwrap();
    child.wait().unwrap();
    shown - sent.recv().unwrap()
}
