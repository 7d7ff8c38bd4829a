use llxprt_commands::{Bucket, Command, Provider, Set};

use super::{AuthOnly, Found, Given, Here, OAuth, Resolution, Source, Sources, Tier, Use, resolve};
use crate::auth::failover::State;
use crate::error::{Code, Next};

fn provider() -> Provider {
    "anthropic".parse().unwrap()
}

fn bucket(name: &str) -> Bucket {
    name.parse().unwrap()
}

fn value() -> Given {
    Given::Value("…9k2L".into())
}

fn found(source: Source, given: Given) -> Found {
    Found { source, given }
}

fn variable(given: Given) -> Found {
    found(Source::Variable("ANTHROPIC_API_KEY".into()), given)
}

fn on() -> OAuth {
    OAuth {
        supported: true,
        enabled: true,
        logins: vec![
            (bucket("work@company.com"), State::Ready),
            (bucket("old@company.com"), State::NeedsLogin("refused".into())),
        ],
        profile: Some("claude-ha".parse().unwrap()),
        ..OAuth::default()
    }
}

fn keys(keys: Vec<Found>) -> Resolution {
    resolve(&provider(), &Sources { keys, oauth: on(), auth_only: None, ..Sources::default() })
}

/// All sources there are, in their order.
fn all() -> Vec<Source> {
    let profile = || "p".parse().unwrap();
    let path = || "/k".to_owned();
    let name = || "anthropic".parse().unwrap();
    vec![
        Source::SessionKey,
        Source::SessionKeyfile(path()),
        Source::FlagKey,
        Source::FlagKeyfile(path()),
        Source::FlagKeyName(name()),
        Source::ProfileKeyfile(profile(), path()),
        Source::ProfileKeyName(profile(), "n".into()),
        Source::ProfileKey(profile()),
        Source::SettingOwnKeyfile(path()),
        Source::SettingKeyfile(path()),
        Source::SettingKeyName("n".into()),
        Source::SettingOwnKey,
        Source::SettingKey,
        Source::LoadedKey(name()),
        Source::OwnKey(name()),
        Source::Variable("ANTHROPIC_API_KEY".into()),
    ]
}

#[test]
fn the_first_tier_that_is_there_wins_and_auth_only_skips_the_keys() {
    for bits in 0_u8..32 {
        for auth_only in [None, Some(AuthOnly::Setting)] {
            let there = |tier: Tier| bits & (1 << tier as u8) != 0;
            let given = |tier| if there(tier) { value() } else { Given::Absent };
            // Handed in backwards: the order is the resolver's.
            let keys = vec![
                variable(given(Tier::Environment)),
                found(Source::OwnKey("anthropic".parse().unwrap()), given(Tier::Keys)),
                found(Source::SettingKeyfile("/k".into()), given(Tier::Settings)),
                found(Source::FlagKey, given(Tier::Flags)),
            ];
            let oauth = OAuth { enabled: there(Tier::OAuth), ..on() };
            let resolution =
                resolve(&provider(), &Sources { keys, oauth, auth_only: auth_only.clone(), ..Sources::default() });

            let counts = |tier: &Tier| there(*tier) && (auth_only.is_none() || *tier == Tier::OAuth);
            let expected = Tier::ALL.into_iter().find(counts);
            let case = format!("{bits:05b} {auth_only:?}");
            assert_eq!(resolution.winner.as_ref().map(|winner| winner.tier), expected, "{case}");
            for state in &resolution.tiers {
                let usage = match expected {
                    _ if auth_only.is_some() && state.tier != Tier::OAuth => Use::Skipped,
                    _ if !there(state.tier) => Use::Absent,
                    Some(winner) if winner < state.tier => Use::ShadowedBy(winner),
                    _ => Use::Used,
                };
                assert_eq!((state.usage, state.present), (usage, there(state.tier)), "{case} {:?}", state.tier);
            }
            let shadowed = there(Tier::OAuth) && expected != Some(Tier::OAuth);
            assert_eq!(resolution.shadow_note().is_some(), shadowed, "{case}");
            assert_eq!(resolution.failure().is_some(), expected.is_none(), "{case}");
            assert_eq!(resolution.json()["winner"], serde_json::json!(expected.map(Tier::number)), "{case}");
        }
    }
}

#[test]
fn each_source_goes_before_all_that_come_after_it() {
    let all = all();
    for (at, source) in all.iter().enumerate() {
        let rest = all[at..].iter().rev().map(|source| found(source.clone(), value())).collect();
        let resolution = keys(rest);
        assert_eq!(&resolution.winner.unwrap().source, source);
        let same_tier = all[at + 1..].iter().filter(|other| other.tier() == source.tier()).count();
        assert_eq!(resolution.ignored.len(), same_tier, "{source:?}");
    }
}

#[test]
fn a_source_that_cannot_be_used_is_an_error_and_never_a_fall() {
    let all = all();
    for (at, source) in all.iter().enumerate() {
        let mut sources = vec![found(source.clone(), Given::Broken("no such file".into()))];
        sources.extend(all[at + 1..].iter().map(|source| found(source.clone(), value())));
        let resolution = keys(sources);
        assert_eq!(resolution.winner, None, "{source:?}");
        assert_eq!(&resolution.error.as_ref().unwrap().source, source);
        let failure = resolution.failure().unwrap();
        assert_eq!(failure.code, Code::Key);
        assert!(failure.message.ends_with("cannot be used: no such file."), "{}", failure.message);
        assert_eq!(failure.next, [source.removal(&provider(), &Here::default())]);
        assert!(resolution.shadow_note().is_some());
        assert_eq!(resolution.tiers[source.tier() as usize].usage, Use::Broken);
    }
    // What loses anyway, or is left out by authOnly, may be broken.
    let broken = || variable(Given::Broken("it holds only blanks".into()));
    assert_eq!(keys(vec![broken(), found(Source::FlagKey, value())]).error, None);
    let sources =
        Sources { keys: vec![broken()], oauth: on(), auth_only: Some(AuthOnly::Profile), ..Sources::default() };
    assert_eq!(resolve(&provider(), &sources).winner.unwrap().tier, Tier::OAuth);
}

#[test]
fn what_is_given_is_judged_before_it_counts() {
    assert_eq!(Given::variable(None), Given::Absent);
    assert_eq!(Given::variable(Some("")), Given::Absent);
    assert_eq!(Given::variable(Some(" \t")), Given::Broken("it holds only blanks".into()));
    assert_eq!(Given::variable(Some(" sk-ant-api03-canary-9k2L\n")), value());
    assert_eq!(Given::named("short"), Given::Value("…".into()));
    assert_eq!(Given::named(""), Given::Broken("it is empty".into()));
    assert!(matches!(Given::named("two\nlines"), Given::Broken(_)));
    assert!(matches!(Given::named("kéy"), Given::Broken(_)));
}

#[test]
fn the_environment_is_asked_in_the_order_of_the_manifest() {
    let named = |name: &str, given| found(Source::Variable(name.into()), given);
    let resolution = keys(vec![named("GEMINI_API_KEY", Given::Absent), named("GOOGLE_API_KEY", value())]);
    assert_eq!(resolution.winner.unwrap().detail, "GOOGLE_API_KEY");
    let resolution = keys(vec![named("GEMINI_API_KEY", value()), named("GOOGLE_API_KEY", value())]);
    assert_eq!(resolution.ignored, ["The key in GOOGLE_API_KEY is ignored: the key in GEMINI_API_KEY goes before it."]);
    let resolution = keys(vec![named("GEMINI_API_KEY", Given::Absent), named("GOOGLE_API_KEY", Given::Absent)]);
    assert_eq!(resolution.tiers[3].detail, "none of GEMINI_API_KEY, GOOGLE_API_KEY is set");
}

#[test]
fn a_key_in_a_plain_file_counts_and_is_warned_about() {
    let resolution = keys(vec![found(Source::SettingOwnKey, value())]);
    assert_eq!(resolution.winner.unwrap().detail, "providerApiKeys.anthropic");
    assert_eq!(
        resolution.warnings[0].text,
        "The key written in settings.json (providerApiKeys.anthropic) can be read by whoever reads that file. \
         The vault can keep it."
    );
}

#[test]
fn the_screen_says_what_is_used_and_what_changes_it() {
    let resolution = keys(vec![variable(value())]);
    assert_eq!(
        resolution.headline(),
        "anthropic uses the key in ANTHROPIC_API_KEY, because a key wins over a sign-in."
    );
    let rows: Vec<String> = resolution
        .rows()
        .into_iter()
        .map(|row| {
            format!("{} {}: {} <{}>", row.tier.number(), row.tier.title(), row.detail, row.mark.unwrap_or_default())
        })
        .collect();
    assert_eq!(
        rows,
        [
            "1 command line: nothing given <>",
            "2 profile, settings: no key there <>",
            "3 saved keys: none named anthropic <>",
            "4 environment: ANTHROPIC_API_KEY, ends …9k2L <used>",
            "5 sign-in: work@company.com, old@company.com (sign in again) (profile claude-ha) <shadowed by 4>",
        ]
    );
    let change = resolution.change();
    assert_eq!(change.text, "To use the sign-in instead");
    let (key, value) = (Some("authOnly".to_owned()), vec!["true".to_owned()]);
    assert_eq!(change.next[0], Next::Command(Command::Set(Set { key, value, action: None })));
    assert_eq!(change.next[1], Next::Say("unset ANTHROPIC_API_KEY".into()));
    assert_eq!(
        resolution.shadow_note().unwrap().text,
        "ANTHROPIC_API_KEY is set, and a key wins over a sign-in: requests to anthropic are billed to it."
    );
    assert_eq!(
        serde_json::to_string(&resolution.json()["tiers"][3]).unwrap(),
        r#"{"tier":4,"name":"environment","present":true,"detail":"ANTHROPIC_API_KEY","state":"used","shadowed_by":null}"#
    );
    assert_eq!(resolution.json()["tiers"][4]["detail"], "work@company.com");
    assert_eq!(resolution.credential_json()["source"], "environment");
}

#[test]
fn headlines_fit_each_case() {
    let of = |sources: Sources| resolve(&provider(), &sources).headline();
    let off = || OAuth { enabled: false, ..on() };
    let key = |source| vec![found(source, value())];
    assert_eq!(
        of(Sources { oauth: on(), ..Sources::default() }),
        "anthropic uses the sign-in work@company.com, because no key is there."
    );
    assert_eq!(
        of(Sources {
            keys: key(Source::FlagKey),
            oauth: on(),
            auth_only: Some(AuthOnly::Setting),
            ..Sources::default()
        }),
        "anthropic uses the sign-in work@company.com, because authOnly is true."
    );
    assert_eq!(
        of(Sources { oauth: OAuth { logins: Vec::new(), ..on() }, ..Sources::default() }),
        "anthropic uses a sign-in, asked for at the first request, because no key is there."
    );
    assert_eq!(of(Sources { oauth: off(), ..Sources::default() }), "anthropic has no key, and its sign-in is off.");
    assert_eq!(of(Sources::default()), "anthropic has no key, and keys are all that it takes.");
    assert_eq!(
        of(Sources {
            keys: vec![variable(value()), found(Source::FlagKey, value())],
            oauth: off(),
            auth_only: None,
            ..Sources::default()
        }),
        "anthropic uses the key given with --key, because the command line goes before the environment."
    );
    assert_eq!(
        of(Sources {
            keys: key(Source::FlagKey),
            oauth: off(),
            auth_only: Some(AuthOnly::Setting),
            ..Sources::default()
        }),
        "anthropic has a key, but authOnly is true and its sign-in is off."
    );
}

#[test]
fn a_base_url_elsewhere_takes_keys_and_no_login() {
    let elsewhere = super::elsewhere("https://proxy.example", &["https://api.anthropic.com"]);
    let oauth = OAuth { elsewhere, ..on() };
    let sources = Sources { oauth: oauth.clone(), ..Sources::default() };
    let resolution = resolve(&provider(), &sources);
    let failure = resolution.failure().unwrap();
    assert_eq!(failure.code, Code::OtherHost);
    assert_eq!(
        failure.message,
        "anthropic has no key, and the base URL is at https://proxy.example, \
         and a sign-in is only sent to https://api.anthropic.com."
    );
    let sources = Sources { keys: vec![variable(value())], oauth, auth_only: None, ..Sources::default() };
    assert_eq!(resolve(&provider(), &sources).winner.unwrap().tier, Tier::Environment);
}

#[test]
fn a_thousand_logins_are_counted_not_listed() {
    let logins = (0..1000).map(|n| (bucket(&format!("b{n}")), State::Ready)).collect();
    let oauth = OAuth { logins, profile: None, active: Some(bucket("b7")), ..on() };
    let resolution = resolve(&provider(), &Sources { oauth, ..Sources::default() });
    assert_eq!(resolution.tiers[4].detail, "b0, b1, b2, b3, b4 and 995 more");
    assert_eq!(resolution.credential_json(), serde_json::json!({"tier": 5, "source": "oauth", "detail": "b7"}));
}

#[test]
fn what_takes_a_source_away_can_be_typed_where_it_is_read() {
    let of = |source: &Source, session, profile_by_flag: bool| {
        let profile_flag = profile_by_flag.then(|| "p".parse().unwrap());
        source.removal(&provider(), &Here { session, profile_flag, active: true, profile_decides: false })
    };
    for source in all() {
        for here in [(true, false), (true, true), (false, false), (false, true)] {
            if let Next::Command(command) = of(&source, here.0, here.1) {
                // A session's own choices cannot be there in the shell.
                let session_only = matches!(source, Source::SessionKey | Source::LoadedKey(_));
                let place = command.place();
                assert!(here.0 || session_only || place == llxprt_commands::Place::Anywhere, "{source:?} {here:?}");
            }
        }
    }
    let profile = Source::ProfileKey("p".parse().unwrap());
    let typed = |next: Next| match next {
        Next::Command(command) => command.to_string(),
        Next::Say(words) | Next::Form(words) | Next::Shell(words) => words,
    };
    assert_eq!(typed(of(&profile, true, true)), "/profile unload");
    assert_eq!(typed(of(&profile, false, true)), "start again without --profile-load");
    assert_eq!(typed(of(&profile, false, false)), "/profile set-default none");
    let variable = Source::Variable("ANTHROPIC_API_KEY".into());
    assert_eq!(typed(of(&variable, true, false)), "leave, unset ANTHROPIC_API_KEY, start again");
}

#[test]
fn what_belongs_to_the_active_provider_is_taken_away_once_it_is_that() {
    for source in [Source::SessionKey, Source::LoadedKey("work".parse().unwrap()), Source::SessionKeyfile("/k".into())]
    {
        let here = |active| Here { session: true, active, ..Here::default() };
        assert!(matches!(source.removal(&provider(), &here(true)), Next::Command(_)), "{source:?}");
        let words = source.removal(&provider(), &here(false));
        assert!(matches!(&words, Next::Say(w) if w.starts_with("`/provider anthropic`, then `/key")), "{words:?}");
    }
}

#[test]
fn a_sign_in_that_is_kept_is_turned_on_and_one_that_is_spent_is_made_anew() {
    let next = |oauth: OAuth, auth_only| {
        let sources = Sources { keys: vec![], oauth, auth_only, ..Sources::default() };
        resolve(&provider(), &sources).failure().unwrap().next.remove(0)
    };
    let action = |next: Next| match next {
        Next::Command(Command::Auth(llxprt_commands::Auth { action: Some(action), .. })) => action,
        other => panic!("{other:?}"),
    };
    let off = |logins| OAuth { enabled: false, logins, ..on() };
    let spent = State::NeedsLogin("refused".into());
    for (logins, kept) in [
        (vec![], false),
        (vec![(bucket("a"), spent.clone())], false),
        (vec![(bucket("a"), State::Ready)], true),
        (vec![(bucket("a"), spent), (bucket("b"), State::Unknown("locked".into()))], true),
    ] {
        for auth_only in [None, Some(AuthOnly::Setting)] {
            let action = action(next(off(logins.clone()), auth_only));
            assert_eq!(matches!(action, llxprt_commands::AuthAction::Enable), kept, "{logins:?}");
        }
    }
}

#[test]
fn where_another_provider_takes_the_keys_that_one_is_named() {
    let sources = |oauth| Sources { oauth, keys_at: Some("openai".parse().unwrap()), ..Sources::default() };
    let typed = |next: &[Next]| {
        next.iter().map(|n| if let Next::Command(c) = n { c.to_string() } else { panic!() }).collect::<Vec<_>>()
    };
    let next = resolve(&provider(), &sources(on())).change().next;
    assert_eq!(typed(&next), ["/key save openai", "/provider openai"]);
    let next = resolve(&provider(), &sources(OAuth { enabled: false, logins: vec![], ..on() })).failure().unwrap().next;
    assert_eq!(typed(&next), ["/auth anthropic login", "/key save openai", "/provider openai"]);
}
