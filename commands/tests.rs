//! What the tests of several files share, and the round trip of every command through its text.

use crate::{Command, Line, ParseError, Shell, ShellExit, parse};

/// The command that a line is.
pub(crate) fn command(line: &str) -> Command {
    match parse(line) {
        Ok(Line::Command { command, .. }) => command,
        other => panic!("{line}: {other:?}"),
    }
}

/// Why a line is none.
pub(crate) fn refused(line: &str) -> ParseError {
    parse(line).map(|read| format!("{line}: {read:?}")).unwrap_err()
}

/// A command line, split at blanks.
pub(crate) fn shell(line: &str) -> Shell {
    Shell::parse_from_args(line.split_whitespace()).map_err(|exit| format!("{line}: {exit:?}")).unwrap()
}

/// Why it cannot be used.
pub(crate) fn wrong_usage(line: &str) -> ParseError {
    match Shell::parse_from_args(line.split_whitespace()) {
        Err(ShellExit::Usage(error)) => error,
        other => panic!("{line}: {other:?}"),
    }
}

mod round_trip {
    use proptest::collection::vec;
    use proptest::option;
    use proptest::prelude::*;

    use super::{command, shell};
    use crate::{
        Auth, AuthAction, Baseurl, Bucket, Command, Completions, Help, Key, KeyAction, KeyName, Keyfile, Login,
        LogoutWhich, Model, Place, Policy, Profile, ProfileAction, ProfileName, Provider, ProviderChoice, SandboxArgs,
        SaveProfile, Set, SetAction, Shell, Stats, StatsOf,
    };

    const LABEL: &str = "[A-Za-z0-9_@+][A-Za-z0-9._@+-]{0,12}";

    /// The words of actions cannot name a provider on the command line, nor `all` an account.
    fn provider() -> impl Strategy<Value = Provider> {
        let actions = ["status", "enable", "disable", "login", "logout", "switch", "rename", "why", "token"];
        "[a-z0-9][a-z0-9-]{0,12}"
            .prop_filter("an action", move |name| !actions.contains(&name.as_str()))
            .prop_map(|name| name.parse().unwrap())
    }

    fn label<T: std::str::FromStr<Err: std::fmt::Debug> + std::fmt::Debug>() -> impl Strategy<Value = T> {
        LABEL.prop_filter("all", |name| !name.eq_ignore_ascii_case("all")).prop_map(|name| name.parse().unwrap())
    }

    /// Anything but a double quote, which a slash line cannot hold.
    fn text() -> impl Strategy<Value = String> {
        prop_oneof![
            Just("unset".to_owned()),
            Just("-".to_owned()),
            "-[0-9.]{1,4}",
            "[^\"]{0,8}",
            "--?[a-z=]{1,6}",
            "[ #a-z'/\\\\-]{0,8}"
        ]
    }

    /// Texts for which `none` has one spelling.
    fn place_or_none() -> impl Strategy<Value = String> {
        text().prop_map(|text| if text.eq_ignore_ascii_case("none") { "none".to_owned() } else { text })
    }

    fn browser() -> impl Strategy<Value = (bool, Option<String>)> {
        prop_oneof![Just((true, None)), Just((false, None)), "[^\"]{0,8}".prop_map(|browser| (false, Some(browser)))]
    }

    fn action() -> impl Strategy<Value = AuthAction> {
        let login = (option::of(label::<Bucket>()), any::<(bool, bool, bool)>(), browser()).prop_map(
            |(bucket, (force, device, memory), (nobrowser, browser))| {
                AuthAction::Login(Login { bucket, force, device, nobrowser, browser, memory })
            },
        );
        prop_oneof![
            Just(AuthAction::Status),
            Just(AuthAction::Enable),
            Just(AuthAction::Disable),
            login,
            (any::<bool>(), any::<bool>())
                .prop_map(|(word, all)| AuthAction::Logout { which: word.then_some(LogoutWhich::All), all }),
            label::<Bucket>()
                .prop_map(|bucket| AuthAction::Logout { which: Some(LogoutWhich::Bucket(bucket)), all: false }),
            label::<Bucket>().prop_map(|bucket| AuthAction::Switch { bucket }),
            (label::<Bucket>(), label::<Bucket>()).prop_map(|(old, new)| AuthAction::Rename { old, new }),
            Just(AuthAction::Why),
            (option::of(label::<Bucket>()), any::<bool>())
                .prop_map(|(bucket, reveal)| AuthAction::Token { bucket, reveal }),
        ]
    }

    fn auth() -> impl Strategy<Value = Command> {
        prop_oneof![
            option::of(provider()).prop_map(|provider| Auth { provider, action: None }),
            (provider(), action())
                .prop_map(|(provider, action)| Auth { provider: Some(provider), action: Some(action) }),
        ]
        .prop_map(Command::Auth)
    }

    fn set() -> impl Strategy<Value = Command> {
        prop_oneof![
            Just(Set { key: None, value: vec![], action: None }),
            (text(), vec(text(), 0..4)).prop_map(|(key, value)| Set { key: Some(key), value, action: None }),
            text().prop_map(|key| Set { key: None, value: vec![], action: Some(SetAction::Unset { key }) }),
        ]
        .prop_map(Command::Set)
    }

    fn profile() -> impl Strategy<Value = Command> {
        let name = label::<ProfileName>;
        let policy = prop_oneof![Just(Policy::Failover), Just(Policy::Roundrobin)];
        prop_oneof![
            Just(None),
            (name(), vec(label::<Bucket>(), 0..4))
                .prop_map(|(name, buckets)| Some(ProfileAction::Save { kind: SaveProfile::Model { name, buckets } })),
            (name(), policy, vec(name(), 2..5)).prop_map(|(name, policy, profiles)| {
                Some(ProfileAction::Save { kind: SaveProfile::Loadbalancer { name, policy, profiles } })
            }),
            Just(Some(ProfileAction::List)),
            name().prop_map(|name| Some(ProfileAction::Load { name })),
            Just(Some(ProfileAction::Unload)),
            name().prop_map(|name| Some(ProfileAction::Show { name })),
            name().prop_map(|name| Some(ProfileAction::Delete { name })),
            prop_oneof![Just("none".to_owned()), "[ab][a-z]{1,5}"]
                .prop_filter("all", |name| name != "all")
                .prop_map(|name| Some(ProfileAction::SetDefault { name })),
        ]
        .prop_map(|action| Command::Profile(Profile { action }))
    }

    /// Never with a key: its text leaves the key out.
    fn key() -> impl Strategy<Value = Command> {
        let name = label::<KeyName>;
        let action = prop_oneof![
            name().prop_map(|name| KeyAction::Save { name, key: None }),
            name().prop_map(|name| KeyAction::Load { name }),
            Just(KeyAction::List),
            name().prop_map(|name| KeyAction::Show { name }),
            name().prop_map(|name| KeyAction::Delete { name }),
        ];
        prop_oneof![
            Just(Key { key: None, action: None }),
            Just(Key { key: Some("none".into()), action: None }),
            action.prop_map(|action| Key { key: None, action: Some(action) }),
        ]
        .prop_map(Command::Key)
    }

    fn other() -> impl Strategy<Value = Command> {
        let of = prop_oneof![Just(None), Just(Some(StatsOf::Buckets)), Just(Some(StatsOf::Quota))];
        let shells = prop::sample::select(vec!["bash", "zsh", "fish", "elvish", "powershell"]);
        prop_oneof![
            place_or_none().prop_map(|path| Command::Keyfile(Keyfile { path })),
            option::of(provider()).prop_map(|name| Command::Provider(ProviderChoice { name })),
            option::of(text()).prop_map(|name| Command::Model(Model { name })),
            option::of(place_or_none()).prop_map(|url| Command::Baseurl(Baseurl { url })),
            of.prop_map(|of| Command::Stats(Stats { of })),
            vec(text(), 0..3).prop_map(|words| Command::Help(Help { words })),
            option::of(any::<u16>()).prop_map(|port| Command::Sandbox(SandboxArgs { port })),
            shells.prop_map(|shell| Command::Completions(Completions { shell: shell.to_owned() })),
            prop::sample::select(vec![Command::Log, Command::Doctor, Command::Clear, Command::Quit, Command::Man]),
        ]
    }

    fn any_command() -> impl Strategy<Value = Command> {
        prop_oneof![auth(), set(), profile(), key(), other()]
    }

    /// Splits as a POSIX shell does what [`crate::words::shell_quoted`] writes: single quotes, and `\'` outside them.
    fn posix(line: &str) -> Vec<String> {
        let (mut words, mut quoted, mut letters) = (vec![String::new()], false, line.chars());
        while let Some(c) = letters.next() {
            let last = words.last_mut().unwrap();
            match c {
                '\'' => quoted = !quoted,
                ' ' if !quoted => words.push(String::new()),
                '\\' if !quoted => last.extend(letters.next()),
                c => last.push(c),
            }
        }
        words
    }

    proptest! {
        #[test]
        fn every_command_is_read_back_from_its_slash_form(typed in any_command()) {
            prop_assume!(typed.place() != Place::Shell);
            prop_assert_eq!(command(&typed.to_string()), typed);
        }

        #[test]
        fn every_command_is_read_back_from_its_shell_form(typed in any_command()) {
            let read = Shell::parse_from_args(posix(&typed.shell())).unwrap();
            if typed.place() != Place::Session {
                prop_assert_eq!(read.command, Some(typed));
            }
        }

        #[test]
        fn no_line_makes_the_parser_fail(line in "/?(\\PC|[ \"#=/<>-]|auth|set|key|profile|save|login|--json|--help|none){0,40}") {
            let _ = crate::parse(&line);
            let _ = Shell::parse_from_args(line.split(' '));
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_real_shell_reads_the_quotes_as_the_test_does() {
        let words = ["it's", "a b", "$HOME `x` \\ \"", "", "*", "~", "#", "\n"];
        let line: Vec<_> = words.iter().map(|word| crate::words::shell_quoted(word)).collect();
        let script = format!("printf '%s\\0' {}", line.join(" "));
        let output = std::process::Command::new("sh").arg("-c").arg(script).output().unwrap();
        let read = String::from_utf8(output.stdout).unwrap();
        assert_eq!(read.split_terminator('\0').collect::<Vec<_>>(), words);
        assert_eq!(posix(&line.join(" ")), words);
    }

    #[test]
    fn a_command_of_the_session_has_a_line_for_the_shell() {
        assert_eq!(command("/auth codex switch work").shell(), "llxprt --provider codex --bucket work");
        assert_eq!(command("/profile load work").shell(), "llxprt --profile-load work");
        assert_eq!(command("/set a \"b c\"").shell(), "llxprt set a 'b c'");
        assert_eq!(shell("llxprt auth").command.unwrap().to_string(), "/auth");
    }
}
