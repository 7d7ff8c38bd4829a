//! Times of single functions that a person waits for at each key press or each piece of an answer.
//!
//! `cargo bench --bench speed` measures everything.

#![allow(clippy::expect_used, reason = "a benchmark may end in a panic")]

use divan::counter::BytesCount;
use divan::{Bencher, black_box};
use llxprt::chat::Events;
use llxprt_commands::{Bucket, KnownBucket, KnownProvider, Names, Provider, complete, parse};

fn main() {
    divan::main();
}

/// A line becomes a command, a prompt or a sentence about what is wrong with it.
#[divan::bench(args = [
    "/auth anthropic login work@company.com",
    "/profile save model claude-ha work@company.com personal@gmail.com",
    "/set modelparam.temperature -0.5",
    "/auth antropic login",
    "Write a haiku about locks.",
])]
fn line(bencher: Bencher<'_, '_>, line: &str) {
    bencher.bench(|| parse(black_box(line)).is_ok());
}

/// Tab, with so many accounts to choose from.
#[divan::bench(args = [3, 1000])]
fn tab(bencher: Bencher<'_, '_>, accounts: usize) {
    let name = |n| format!("person{n:04}@company.com").parse::<Bucket>().expect("a bucket's name");
    let buckets = (0..accounts).map(|n| KnownBucket { name: name(n), state: "ready".to_owned() }).collect();
    let anthropic = "anthropic".parse::<Provider>().expect("a provider's name");
    let providers = vec![KnownProvider { name: anthropic, state: "on".to_owned(), signs_in: true, buckets }];
    let names = Names { providers, ..Names::default() };
    let line = "/auth anthropic login per";
    assert_eq!(complete(line, line.len(), &names).len(), accounts);
    bencher.bench(|| complete(black_box(line), line.len(), &names));
}

/// One megabyte of events, in pieces as they come from the network.
#[divan::bench(args = [64, 1024, 16384])]
fn events(bencher: Bencher<'_, '_>, piece: usize) {
    let event = "event: content_block_delta\ndata: {\"type\":\"text_delta\",\"text\":\"some words of an answer\"}\n\n";
    let stream = event.repeat((1 << 20) / event.len());
    bencher.counter(BytesCount::of_str(&stream)).bench(|| {
        let mut count = 0;
        let mut events = Events::default();
        for piece in stream.as_bytes().chunks(piece) {
            if events.feed(piece, |_| count += 1).is_err() {
                break;
            }
        }
        count
    });
}
