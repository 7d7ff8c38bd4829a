//! Figures of failover: what a switch adds between the refusal of one account and the request with the next, and what
//! it costs to choose among many accounts.
//!
//! `cargo bench --bench failover` prints both. The switch is measured from outside: a small server refuses the first
//! account of a real run of the program and notes when the request with the second one arrives.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a benchmark may end in a panic, what it includes too")]

#[path = "../tests/support/mod.rs"]
mod support;

use std::hint::black_box;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use llxprt::auth::failover::{BucketState, Mode, Plan, Policy, Step};
use llxprt::sandbox::{Options, Sandbox};
use llxprt::vault::{Entry, Home as Kept, Limit};
use support::{Browser, Home};

const RUNS: usize = 50;
const BUCKETS: usize = 1000;
const ACCOUNTS: [&str; 2] = ["work@company.com", "personal@gmail.com"];

fn main() {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    println!("{cores} cores\n\n{:<44}{:>6}{:>11}{:>11}{:>11}{:>9}", "", "runs", "min", "median", "max", "goal");
    row("429 of one account → request with the next", RUNS, Duration::from_millis(5), switches());
    row("choose among 1,000 accounts, the last is free", 1000, Duration::from_millis(1), choices());
}

fn row(name: &str, runs: usize, goal: Duration, mut took: Vec<Duration>) {
    took.sort_unstable();
    let (min, median, max) = (took[0], took[took.len() / 2], took[took.len() - 1]);
    let millis = |time: Duration| format!("{:.3} ms", time.as_secs_f64() * 1000.0);
    println!("{name:<44}{runs:>6}{:>11}{:>11}{:>11}{:>9}", millis(min), millis(median), millis(max), millis(goal));
    if median > goal {
        println!("  the median misses its goal");
    }
}

/// The machine alone: read what the index knows of each account, make the plan, ask for the first step.
fn choices() -> Vec<Duration> {
    let now = 1_800_000_000;
    let entries: Vec<_> = (0..BUCKETS)
        .map(|n| {
            let mut entry = Entry::new(Kept::File);
            entry.identity_id = Some(format!("id-{n}"));
            if n + 1 < BUCKETS {
                entry.limits.push(Limit { model: None, until: now + 60, why: "5-hour limit".into(), strikes: 0 });
            }
            (format!("n{n}@x.org").parse::<llxprt_commands::Bucket>().expect("a name"), entry)
        })
        .collect();
    let last = entries[BUCKETS - 1].0.clone();
    let one = |_| {
        let begun = Instant::now();
        let states = entries.iter().map(|(bucket, entry)| BucketState::of(bucket.clone(), Some(entry), now)).collect();
        let mut plan = Plan::new(states, "model", Policy::Failover, Mode::Auto, now);
        let step = black_box(plan.step());
        let took = begun.elapsed();
        assert_eq!(step, Step::Use(last.clone()));
        took
    };
    (0..1000).map(one).collect()
}

/// A real run of the program against a server that refuses the first account.
fn switches() -> Vec<Duration> {
    let (home, index, address) = two_accounts();
    // A sign-in is sent only to where it was made, so the server takes the place of the sandbox.
    let listener = support::until("the sandbox's port", || TcpListener::bind(&address).ok());
    let sandbox = format!("--sandbox=http://{address}");
    let (tell, times) = mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let tell = tell.clone();
            std::thread::spawn(move || serve(stream, &tell));
        }
    });
    (0..RUNS)
        .map(|_| {
            // Nobody is at a limit yet.
            home.write("data/index.json", &index);
            let done = home.run(&[&sandbox, "--profile-load", "ha", "-p", "hello"]).ok();
            assert_eq!(done.stdout, "ok\n", "{done}");
            let refused: Instant = times.recv_timeout(Duration::from_secs(5)).expect("a refusal");
            let asked: Instant = times.recv_timeout(Duration::from_secs(5)).expect("a second request");
            asked - refused
        })
        .collect()
}

/// A home where two people are signed in, with a profile over both, its index, and where the sandbox was.
fn two_accounts() -> (Home, String, String) {
    let sandbox = Sandbox::start_blocking(Options::for_tests()).expect("a free port");
    let home = Home::new();
    let at = format!("--sandbox={}", sandbox.url());
    let _ = home.run(&["set", "auth.anthropic.accepted", "2026-02-19"]).ok();
    for account in ACCOUNTS {
        let browser = Browser::approving(&home, account);
        let run = home.typed(&[&at, "auth", "anthropic", "login", account]).env("BROWSER", browser.command());
        let _ = run.done().ok();
    }
    let _ = home.run(&[&at, "profile", "save", "model", "ha", ACCOUNTS[0], ACCOUNTS[1]]).ok();
    let index = home.read("data/index.json");
    let address = sandbox.url().trim_start_matches("http://").to_owned();
    (home, index, address)
}

/// Answers the requests of one connection: a refusal, then an answer to whoever asks with another token.
fn serve(stream: TcpStream, tell: &mpsc::Sender<Instant>) {
    stream.set_nodelay(true).expect("a socket");
    let mut reader = BufReader::new(stream.try_clone().expect("a socket"));
    let mut writer = stream;
    let mut refused: Option<String> = None;
    while let Some((token, arrived)) = request(&mut reader) {
        let answer = match &refused {
            None => REFUSAL.replace("RESET", &(seconds() + 60).to_string()),
            Some(first) => {
                assert_ne!(*first, token, "the same account again");
                let _ = tell.send(arrived);
                ANSWER.to_owned()
            }
        };
        writer.write_all(answer.as_bytes()).expect("the client reads");
        if refused.replace(token).is_none() {
            let _ = tell.send(Instant::now());
        }
    }
}

/// Reads a request; returns its token, and when its first line was there.
fn request(reader: &mut impl BufRead) -> Option<(String, Instant)> {
    let (mut token, mut length, mut arrived) = (String::new(), 0, None);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        arrived.get_or_insert_with(Instant::now);
        let lower = line.to_ascii_lowercase();
        if let Some(value) = lower.strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
        if lower.starts_with("authorization:") {
            token = line.trim().to_owned();
        }
        if line.trim().is_empty() {
            break;
        }
    }
    reader.take(length).read_to_end(&mut Vec::new()).ok()?;
    Some((token, arrived?))
}

fn seconds() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

const REFUSAL: &str = "HTTP/1.1 429 Too Many Requests\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\
    anthropic-ratelimit-unified-status: rejected\r\nanthropic-ratelimit-unified-5h-status: rejected\r\n\
    anthropic-ratelimit-unified-5h-reset: RESET\r\n\r\n{}";

const ANSWER: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n\
    event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\
    \"text\":\"ok\"}}\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";
