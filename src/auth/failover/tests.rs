use llxprt_commands::Bucket;

use super::{BucketState, Gone, Mode, Notice, Outcome, Plan, Policy, Record, Scope, Step, Stop, Why, code, earliest};
use crate::error::Code;
use crate::vault::{Entry, Home, Limit};

const NOW: i64 = 1_800_000_000;

fn bucket(name: &str) -> Bucket {
    name.parse().unwrap()
}

fn ready(name: &str) -> BucketState {
    BucketState::of(bucket(name), Some(&Entry::new(Home::File)), NOW)
}

fn limited(name: &str, until: i64) -> BucketState {
    let limit = Limit { model: None, until, why: "5-hour limit".into(), strikes: 0 };
    BucketState { limits: vec![limit], ..ready(name) }
}

fn stranger(name: &str) -> BucketState {
    BucketState::of(bucket(name), None, NOW)
}

fn plan(buckets: Vec<BucketState>) -> Plan {
    Plan::new(buckets, "large", Policy::Failover, Mode::Auto, NOW)
}

fn quota(until: Option<i64>) -> Outcome {
    Outcome::Quota { scope: Scope::Account, until, why: "5-hour limit".into() }
}

fn burst(retry_after: Option<u64>) -> Outcome {
    Outcome::Burst { scope: Scope::Account, retry_after, why: "too many requests".into() }
}

fn unauthorized() -> Outcome {
    Outcome::Unauthorized { reason: "expired".into() }
}

fn trouble() -> Outcome {
    Outcome::Unavailable { status: Some(529), retry_after: None, reason: "Overloaded".into() }
}

fn words(step: &Step) -> String {
    match step {
        Step::Use(bucket) => format!("use {bucket}"),
        Step::Wait { millis, bucket } => format!("wait {} for {bucket}", if *millis < 1000 { "less" } else { "s" }),
        Step::Refresh(bucket) => format!("refresh {bucket}"),
        Step::Done => "done".to_owned(),
        Step::Stop(Stop::Refused { status, reason }) => format!("refused {} {reason}", status.unwrap_or(0)),
        Step::Stop(Stop::Unavailable { reason, .. }) => format!("unavailable {reason}"),
        Step::Stop(Stop::BrokeOff { reason }) => format!("broke off {reason}"),
        Step::Stop(Stop::Manual { gone, others }) => {
            format!("manual {} others {}", gone.bucket, others.iter().map(Bucket::as_str).collect::<Vec<_>>().join(","))
        }
        Step::AllUsedUp(gone) => format!("all used up {}", code(gone).text()),
    }
}

fn told(record: &Record) -> String {
    match record {
        Record::Limit { bucket, limit } => {
            let model = limit.model.as_deref().map(|model| format!(" for {model}")).unwrap_or_default();
            format!("{bucket} limited{model} {} s", limit.until - NOW)
        }
        Record::NeedsLogin { bucket, why } => format!("{bucket} needs login: {why}"),
        Record::NotCovered { bucket, model, why } => format!("{bucket} not covered for {model}: {why}"),
        Record::Unreadable { bucket, why } => format!("{bucket} unreadable: {why}"),
        Record::Worked(bucket) => format!("{bucket} worked"),
        Record::Notice(notice) => notice.line(|at| format!("+{}", at - NOW)),
    }
}

/// Tells the outcomes one after the other and writes down steps and records.
fn story(plan: &mut Plan, outcomes: Vec<(Outcome, bool)>) -> String {
    let mut lines = vec![words(&plan.step())];
    for (outcome, shown) in outcomes {
        lines.extend(plan.outcome(outcome, shown, NOW).iter().map(|record| format!("  {}", told(record))));
        let step = plan.step();
        lines.push(words(&step));
        if matches!(step, Step::Wait { .. }) {
            lines.push(words(&plan.step()));
        }
    }
    lines.join("\n")
}

fn before(outcomes: Vec<Outcome>) -> Vec<(Outcome, bool)> {
    outcomes.into_iter().map(|outcome| (outcome, false)).collect()
}

#[test]
fn every_row_of_the_table() {
    let reason = || "words".to_owned();
    let rows: Vec<(&str, Vec<Outcome>, &str)> = vec![
        ("an answer", vec![Outcome::Answered], "use a\n  a worked\ndone"),
        (
            "401: refreshed once and used again",
            vec![unauthorized(), Outcome::Refreshed, Outcome::Answered],
            "use a\nrefresh a\nuse a\n  a worked\ndone",
        ),
        (
            "a second 401: needs a login, next bucket",
            vec![unauthorized(), Outcome::Refreshed, unauthorized()],
            "use a\nrefresh a\nuse a\n  a needs login: expired\n  a needs a new sign-in · using b\nuse b",
        ),
        (
            "401 and the refresh token refused",
            vec![unauthorized(), Outcome::RefreshRefused { reason: "invalid_grant".into() }],
            "use a\nrefresh a\n  a needs login: invalid_grant\n  a needs a new sign-in · using b\nuse b",
        ),
        (
            "401 and the refresh failed for a passing reason: nothing is marked",
            vec![unauthorized(), trouble()],
            "use a\nrefresh a\n  a could not be renewed (Overloaded) · using b\nuse b",
        ),
        (
            "403 token revoked, as a second 401",
            vec![Outcome::Revoked { reason: reason() }],
            "use a\n  a needs login: words\n  a needs a new sign-in · using b\nuse b",
        ),
        (
            "quota with a reset: next bucket at once",
            vec![quota(Some(NOW + 300))],
            "use a\n  a limited 300 s\n  a is at its limit until +300 · using b\nuse b",
        ),
        (
            "quota of one model",
            vec![Outcome::Quota { scope: Scope::Model, until: Some(NOW + 300), why: reason() }],
            "use a\n  a limited for large 300 s\n  a is at its limit until +300 · using b\nuse b",
        ),
        (
            "quota without a reset: a minute",
            vec![quota(None)],
            "use a\n  a limited 60 s\n  a is at its limit until +60 · using b\nuse b",
        ),
        (
            "quota with a reset that is over, or not to be believed: a minute",
            vec![quota(Some(NOW)), quota(Some(NOW + 400 * 24 * 3600))],
            "use a\n  a limited 60 s\n  a is at its limit until +60 · using b\n\
             use b\n  b limited 60 s\nall used up E-LIMIT",
        ),
        (
            "a burst: the same bucket once more",
            vec![burst(None), Outcome::Answered],
            "use a\nwait s for a\nuse a\n  a worked\ndone",
        ),
        (
            "a second burst: a minute, next bucket",
            vec![burst(Some(500)), burst(None)],
            "use a\nwait less for a\nuse a\n  a limited 60 s\n  a is at its limit until +60 · using b\nuse b",
        ),
        (
            "a second burst that asks for longer",
            vec![burst(None), burst(Some(90_500))],
            "use a\nwait s for a\nuse a\n  a limited 91 s\n  a is at its limit until +91 · using b\nuse b",
        ),
        (
            "403 the plan does not cover it",
            vec![Outcome::NotCovered { reason: reason() }],
            "use a\n  a not covered for large: words\n  a is not covered for this (words) · using b\nuse b",
        ),
        (
            "an unreadable secret",
            vec![Outcome::Unreadable { reason: "locked".into() }],
            "use a\n  a unreadable: locked\n  a is unreadable (locked) · using b\nuse b",
        ),
        ("any other 4xx", vec![Outcome::Refused { status: Some(400), reason: reason() }], "use a\nrefused 400 words"),
        (
            "5xx: twice more, then stop",
            vec![trouble(), trouble(), trouble()],
            "use a\nwait s for a\nuse a\nwait s for a\nuse a\nunavailable Overloaded",
        ),
        ("5xx that passes", vec![trouble(), Outcome::Answered], "use a\nwait s for a\nuse a\n  a worked\ndone"),
        (
            "none left: each by its own way",
            vec![quota(Some(NOW + 9)), Outcome::Revoked { reason: reason() }],
            "use a\n  a limited 9 s\n  a is at its limit until +9 · using b\n\
             use b\n  b needs login: words\nall used up E-LIMIT",
        ),
    ];
    for (row, outcomes, expected) in rows {
        assert_eq!(story(&mut plan(vec![ready("a"), ready("b")]), before(outcomes)), expected, "{row}");
    }
}

#[test]
fn after_the_first_word_nothing_is_replayed_but_what_was_learned_counts() {
    let rows = [
        (quota(Some(NOW + 300)), "use a\n  a limited 300 s\nbroke off 5-hour limit"),
        (Outcome::Revoked { reason: "revoked".into() }, "use a\n  a needs login: revoked\nbroke off revoked"),
        (burst(None), "use a\nbroke off too many requests"),
        (unauthorized(), "use a\nbroke off expired"),
        (trouble(), "use a\nbroke off Overloaded"),
        (Outcome::Refused { status: Some(400), reason: "no".into() }, "use a\nbroke off no"),
        (Outcome::NotCovered { reason: "no".into() }, "use a\nbroke off no"),
    ];
    for (outcome, expected) in rows {
        let mut plan = plan(vec![ready("a"), ready("b")]);
        assert_eq!(story(&mut plan, vec![(outcome, true)]), expected);
        assert!(plan.outcome(Outcome::Answered, false, NOW).is_empty(), "the end stays the end");
    }
    assert_eq!(story(&mut plan(vec![ready("a")]), vec![(Outcome::Answered, true)]), "use a\n  a worked\ndone");
}

#[test]
fn one_bucket_alone_follows_the_same_table() {
    let alone = |outcomes| story(&mut plan(vec![ready("a")]), before(outcomes));
    assert_eq!(alone(vec![quota(Some(NOW + 5))]), "use a\n  a limited 5 s\nall used up E-LIMIT");
    assert_eq!(
        alone(vec![burst(None), burst(None)]),
        "use a\nwait s for a\nuse a\n  a limited 60 s\nall used up E-LIMIT"
    );
    assert_eq!(
        alone(vec![unauthorized(), Outcome::RefreshFailed { reason: "offline".into() }]),
        "use a\nrefresh a\nall used up E-OFFLINE"
    );
    assert_eq!(
        alone(vec![unauthorized(), Outcome::Refreshed, unauthorized()]),
        "use a\nrefresh a\nuse a\n  a needs login: expired\nall used up E-NEED-LOGIN"
    );
    assert_eq!(
        alone(vec![Outcome::NotCovered { reason: "no".into() }]),
        "use a\n  a not covered for large: no\nall used up E-REFUSED"
    );
    assert_eq!(
        alone(vec![Outcome::Unreadable { reason: "no".into() }]),
        "use a\n  a unreadable: no\nall used up E-VAULT"
    );
}

#[test]
fn a_bucket_without_a_login_is_skipped_and_named_once() {
    let mut plan = plan(vec![stranger("a"), ready("b"), stranger("c"), ready("d"), ready("e")]);
    let notice = plan.opening(None, NOW).unwrap();
    assert_eq!(notice.line(|_| String::new()), "nobody is signed in as a · using b");
    assert_eq!(
        story(&mut plan, before(vec![quota(Some(NOW + 7)), quota(Some(NOW + 8))])),
        "use b\n  b limited 7 s\n  b is at its limit until +7 · nobody is signed in as c · using d\n\
         use d\n  d limited 8 s\n  d is at its limit until +8 · using e\nuse e"
    );
}

#[test]
fn none_left_names_each_and_the_first_that_is_back() {
    let mut plan = plan(vec![limited("a", NOW + 90), stranger("b"), limited("c", NOW + 30)]);
    let Step::AllUsedUp(gone) = plan.step() else { panic!() };
    assert_eq!(
        gone.iter().map(|gone| gone.line(|at| (at - NOW).to_string())).collect::<Vec<_>>(),
        ["a is at its limit until 90", "nobody is signed in as b", "c is at its limit until 30"]
    );
    assert_eq!((earliest(&gone), code(&gone)), (Some(NOW + 30), Code::Limit));
}

#[test]
fn a_limit_of_another_model_does_not_count() {
    let limit = |model: &str| Limit { model: Some(model.into()), until: NOW + 60, why: "w".into(), strikes: 0 };
    let with = |model| BucketState { limits: vec![limit(model)], ..ready("a") };
    assert_eq!(words(&plan(vec![with("small"), ready("b")]).step()), "use a");
    assert_eq!(words(&plan(vec![with("large"), ready("b")]).step()), "use b");
}

#[test]
fn a_session_stays_with_what_worked_and_returns_at_the_next_turn() {
    let buckets = || vec![limited("a", NOW + 60), ready("b")];
    let turn = |now| Plan::new(buckets(), "large", Policy::Failover, Mode::Auto, now);
    let opening = |plan: &mut Plan, last, now| {
        plan.opening(Some(&bucket(last)), now).map(|notice| notice.line(|at| (at - NOW).to_string()))
    };

    let mut first = turn(NOW);
    assert_eq!(opening(&mut first, "a", NOW).unwrap(), "a is at its limit until 60 · using b");
    let mut second = turn(NOW + 59);
    assert_eq!((opening(&mut second, "b", NOW + 59), words(&second.step())), (None, "use b".into()));
    // The reset passes within the turn: it stays with b while b works.
    second.outcome(trouble(), false, NOW + 61);
    second.step();
    assert_eq!(words(&second.step()), "use b");
    let mut third = turn(NOW + 60);
    assert_eq!(opening(&mut third, "b", NOW + 60).unwrap(), "a is available again · using it");
    assert_eq!(words(&third.step()), "use a");
    // Where b cannot go on, a is not left out although it was limited when the turn began.
    let mut fourth = turn(NOW + 59);
    fourth.outcome(quota(None), false, NOW + 61);
    assert_eq!(words(&fourth.step()), "use a");
}

#[test]
fn bursts_double_their_wait_to_a_quarter_of_an_hour_until_an_answer() {
    let mut state = ready("a");
    let mut waits = Vec::new();
    let mut now = NOW;
    for _ in 0..7 {
        let mut plan = Plan::new(vec![state.clone()], "large", Policy::Failover, Mode::Auto, now);
        plan.outcome(burst(None), false, now);
        let records = plan.outcome(burst(Some(u64::MAX)), false, now);
        let long = matches!(&records[0], Record::Limit { limit, .. } if limit.until == now + 900);
        assert!(long, "what is asked for is bounded");
        let mut plan = Plan::new(vec![state.clone()], "large", Policy::Failover, Mode::Auto, now);
        plan.outcome(burst(None), false, now);
        let Record::Limit { limit, .. } = plan.outcome(burst(None), false, now).remove(0) else { panic!() };
        waits.push(limit.until - now);
        now = limit.until;
        state.limits = vec![limit];
    }
    assert_eq!(waits, [60, 120, 240, 480, 900, 900, 900]);
}

#[test]
fn waits_are_as_asked_when_short_and_else_a_little_different_each() {
    let wait = |seed, outcome| {
        let mut plan = plan(vec![ready("a")]).seeded(seed);
        plan.outcome(outcome, false, NOW);
        match plan.step() {
            Step::Wait { millis, .. } => millis,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(wait(1, burst(Some(10_000))), 10_000);
    assert_eq!(wait(1, burst(Some(1))), 1);
    let asked = |seconds| Outcome::Unavailable { status: None, retry_after: Some(seconds), reason: String::new() };
    assert_eq!(wait(1, asked(3000)), 3000);
    let mut seen = std::collections::BTreeSet::new();
    for seed in 0..200 {
        for outcome in [burst(None), burst(Some(0)), burst(Some(10_001)), burst(Some(u64::MAX))] {
            let millis = wait(seed, outcome);
            assert!((1000..=2000).contains(&millis), "{millis}");
            seen.insert(millis);
        }
        assert!((1000..=1500).contains(&wait(seed, trouble())));
    }
    assert!(seen.len() > 100);
}

#[test]
fn buckets_of_one_identity_share_their_limits() {
    let same = |state: BucketState| BucketState { identity: Some("org-1".into()), ..state };
    let mut fresh = plan(vec![same(ready("a")), same(ready("b")), ready("c")]);
    assert_eq!(
        story(&mut fresh, before(vec![quota(Some(NOW + 300))])),
        "use a\n  a limited 300 s\n  b limited 300 s\n  a is at its limit until +300 · using c\nuse c"
    );
    assert_eq!(words(&plan(vec![same(ready("a")), same(limited("b", NOW + 9)), ready("c")]).step()), "use c");
}

#[test]
fn turns_go_round_and_over_those_at_a_limit() {
    let turn = |turn, buckets| Plan::new(buckets, "large", Policy::RoundRobin { turn }, Mode::Auto, NOW);
    let buckets = || vec![ready("a"), limited("b", NOW + 60), ready("c")];
    let used: Vec<String> = (0..6).map(|n| words(&turn(n, buckets()).step())).collect();
    assert_eq!(used, ["use a", "use c", "use a", "use c", "use a", "use c"]);
    let mut third = turn(1, buckets());
    assert_eq!(third.opening(Some(&bucket("a")), NOW), None);
    third.outcome(quota(None), false, NOW);
    assert_eq!(words(&third.step()), "use a");
}

#[test]
fn where_terms_forbid_it_nothing_switches_by_itself() {
    for policy in [Policy::Failover, Policy::RoundRobin { turn: 1 }] {
        let manual = |buckets| Plan::new(buckets, "large", policy, Mode::Manual, NOW);
        let mut plan = manual(vec![ready("a"), ready("b"), stranger("c")]);
        assert_eq!(
            story(&mut plan, before(vec![burst(None), burst(None)])),
            "use a\nwait s for a\nuse a\n  a limited 60 s\nmanual a others b"
        );
        assert_eq!(words(&manual(vec![stranger("a"), ready("b")]).step()), "manual a others b");
        assert_eq!(words(&manual(vec![limited("a", NOW + 1)]).step()), "all used up E-LIMIT");
    }
}

#[test]
fn a_line_stays_short_with_many_buckets() {
    let gone = |n| Gone {
        bucket: bucket(&format!("b{n}")),
        why: Why::Limit { which: String::new(), until: NOW, guessed: false },
    };
    let notice = Notice::Switch { from: (0..9).map(gone).collect(), to: bucket("z") };
    assert_eq!(
        notice.line(|_| "14:05".into()),
        "b0 is at its limit until 14:05 · b1 is at its limit until 14:05 · b2 is at its limit until 14:05 · \
         6 more cannot be used · using z"
    );
}
