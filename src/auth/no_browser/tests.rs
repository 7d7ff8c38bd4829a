use super::{Asked, Begin, Candidate, Decision, Flag, Opener, PasteFrom, Setting, Surroundings, System, begin, decide};

/// Reads `linux container wsl pipe --nobrowser --browser=x set:true NAME=VALUE …`.
fn around(words: &str) -> Surroundings {
    let mut around = Surroundings {
        env: std::collections::BTreeMap::new(),
        system: System::Linux,
        flag: None,
        setting: None,
        stdin_terminal: true,
        container: false,
        wsl_interop: false,
    };
    for word in words.split_whitespace() {
        match word {
            "linux" => around.system = System::Linux,
            "mac" => around.system = System::MacOs,
            "windows" => around.system = System::Windows,
            "container" => around.container = true,
            "wsl" => around.wsl_interop = true,
            "pipe" => around.stdin_terminal = false,
            "--nobrowser" => around.flag = Some(Flag::NoBrowser),
            "--browser" => around.flag = Some(Flag::Browser(String::new())),
            "set:true" | "set:false" => {
                around.setting = Some(Setting { on: word == "set:true", origin: "settings.json".into() });
            }
            _ if word.starts_with("--browser=") => around.flag = Some(Flag::Browser(word[10..].replace('+', " "))),
            _ => {
                let (name, value) = word.split_once('=').unwrap();
                around.env.insert(name.into(), value.replace('+', " "));
            }
        }
    }
    around
}

/// Writes a decision as `open WHY`, `with PROGRAM,… WHY` or `manual WHY`.
fn told(decision: Decision) -> String {
    match decision {
        Decision::Manual { why } => format!("manual: {why}"),
        Decision::Open { with: Opener::System, why } => format!("open: {why}"),
        Decision::Open { with: Opener::Commands(list), why } => {
            format!("{}: {why}", list.iter().map(|c| c.program.as_str()).collect::<Vec<_>>().join(","))
        }
    }
}

const FREE: &str = "open: nothing speaks against it";
const NO_DISPLAY: &str = "manual: there is no display (neither DISPLAY nor WAYLAND_DISPLAY is set)";

#[test]
fn the_first_rule_that_speaks_decides() {
    let rows: &[(&str, &str)] = &[
        // each alone
        ("linux", NO_DISPLAY),
        ("linux DISPLAY=:0", FREE),
        ("linux DISPLAY=", NO_DISPLAY),
        ("linux WAYLAND_DISPLAY=wayland-0", FREE),
        ("linux MIR_SOCKET=/run/mir", FREE),
        ("mac", FREE),
        ("windows", FREE),
        ("linux wsl", FREE),
        ("linux container", "manual: this is a container without a display"),
        ("linux container DISPLAY=:0", FREE),
        ("mac --nobrowser", "manual: --nobrowser"),
        ("mac set:true", "manual: auth.noBrowser is true (set in settings.json)"),
        ("mac set:false", "open: auth.noBrowser is false (set in settings.json)"),
        ("mac NO_BROWSER=1", "manual: NO_BROWSER is set"),
        ("mac NO_BROWSER=false", "manual: NO_BROWSER is set"),
        ("mac NO_BROWSER=", FREE),
        ("mac BROWSER=", "manual: BROWSER is empty"),
        ("mac BROWSER=+", "manual: BROWSER is empty"),
        ("mac BROWSER=::", "manual: BROWSER is empty"),
        ("mac BROWSER=none", "manual: BROWSER is \"none\", which opens no window"),
        ("mac BROWSER=false", "manual: BROWSER is \"false\", which opens no window"),
        ("mac BROWSER=true", "manual: BROWSER is \"true\", which opens no window"),
        ("mac BROWSER=echo+%s", "manual: BROWSER is \"echo\", which opens no window"),
        ("mac BROWSER=/bin/echo", "manual: BROWSER is \"echo\", which opens no window"),
        ("mac BROWSER=www-browser", "manual: BROWSER is \"www-browser\", which opens no window"),
        ("mac BROWSER=/usr/bin/W3M", "manual: BROWSER is \"w3m\", which opens no window"),
        ("linux BROWSER=lynx:links", "manual: BROWSER is \"lynx\", which opens no window"),
        ("windows BROWSER=C:\\tools\\lynx.exe", "manual: BROWSER is \"lynx\", which opens no window"),
        ("linux BROWSER=firefox", "firefox: BROWSER is set"),
        ("linux BROWSER=w3m:firefox:/opt/chrome+--app=%s", "firefox,/opt/chrome: BROWSER is set"),
        ("windows BROWSER=C:\\f\\firefox.exe;edge", "C:\\f\\firefox.exe,edge: BROWSER is set"),
        ("mac CI=true", "manual: CI is set"),
        ("mac CI=", FREE),
        ("mac DEBIAN_FRONTEND=noninteractive", "manual: DEBIAN_FRONTEND is noninteractive"),
        ("mac DEBIAN_FRONTEND=dialog", FREE),
        ("mac SSH_CONNECTION=1", "manual: this is an SSH session (SSH_CONNECTION is set)"),
        ("windows SSH_TTY=/dev/pts/1", "manual: this is an SSH session (SSH_TTY is set)"),
        ("linux SSH_CLIENT=1", "manual: this is an SSH session (SSH_CLIENT is set)"),
        // pairs: the earlier rule wins
        ("linux --browser", "open: --browser"),
        ("linux --browser set:true NO_BROWSER=1 BROWSER=none CI=1 SSH_TTY=x", "open: --browser"),
        ("linux --browser BROWSER=firefox", "firefox: --browser"),
        ("linux --browser=chrome+--new BROWSER=firefox", "chrome: --browser"),
        ("mac --nobrowser set:false BROWSER=firefox", "manual: --nobrowser"),
        ("linux set:false NO_BROWSER=1", "open: auth.noBrowser is false (set in settings.json)"),
        ("linux set:false BROWSER=firefox SSH_TTY=x", "firefox: auth.noBrowser is false (set in settings.json)"),
        ("linux set:false BROWSER=none", "open: auth.noBrowser is false (set in settings.json)"),
        ("linux set:true BROWSER=firefox", "manual: auth.noBrowser is true (set in settings.json)"),
        ("linux NO_BROWSER=1 BROWSER=firefox", "manual: NO_BROWSER is set"),
        ("linux BROWSER=firefox CI=1", "firefox: BROWSER is set"),
        ("linux BROWSER=firefox DEBIAN_FRONTEND=noninteractive", "firefox: BROWSER is set"),
        ("linux BROWSER=firefox SSH_CONNECTION=1", "firefox: BROWSER is set"),
        ("linux BROWSER=firefox container", "firefox: BROWSER is set"),
        ("linux BROWSER= DISPLAY=:0", "manual: BROWSER is empty"),
        ("linux CI=1 SSH_TTY=x", "manual: CI is set"),
        ("linux SSH_CONNECTION=1 DISPLAY=:10.0", "manual: this is an SSH session (SSH_CONNECTION is set)"),
        ("linux SSH_TTY=x wsl", "manual: this is an SSH session (SSH_TTY is set)"),
        ("linux wsl container", "manual: this is a container without a display"),
        ("windows container", "manual: this is a container without a display"),
        // Codespaces, with its opener and with it gone
        (
            "linux container CODESPACES=true BROWSER=/vscode/bin/helpers/browser.sh",
            "/vscode/bin/helpers/browser.sh: BROWSER is set",
        ),
        ("linux container CODESPACES=true", "manual: this is a container without a display"),
    ];
    for (words, expected) in rows {
        assert_eq!(told(decide(&around(words))), *expected, "{words}");
    }
}

/// Everything that speaks, in the order of the rules: its place, what it is, whether a browser opens.
const VOICES: &[(u8, &str, bool)] = &[
    (1, "--nobrowser", false),
    (1, "--browser", true),
    (1, "--browser=chrome", true),
    (2, "set:true", false),
    (2, "set:false", true),
    (3, "NO_BROWSER=1", false),
    (3, "BROWSER=", false),
    (3, "BROWSER=none", false),
    (3, "BROWSER=w3m", false),
    (4, "BROWSER=firefox", true),
    (5, "CI=1", false),
    (5, "DEBIAN_FRONTEND=noninteractive", false),
    (6, "SSH_CONNECTION=1", false),
    (6, "SSH_TTY=1", false),
    (6, "SSH_CLIENT=1", false),
    (7, "container", false),
];

#[test]
fn every_rule_speaks_before_every_later_one_on_every_system() {
    let heard = |words: &str| match decide(&around(words)) {
        Decision::Open { why, .. } => (true, why),
        Decision::Manual { why } => (false, why),
    };
    let systems = ["linux", "linux wsl", "mac", "windows"];
    // What cannot speak against any of them: displays, and variables that are there and say nothing.
    let quiet = ["", "DISPLAY=:0", "WAYLAND_DISPLAY=w", "DEBIAN_FRONTEND=dialog CI= NO_BROWSER= SSH_TTY="];
    for system in systems {
        for (place, first, opens) in VOICES {
            let alone = heard(&format!("{system} {first}"));
            assert_eq!(alone.0, *opens, "{system} {first}: {}", alone.1);
            for beside in quiet.iter().filter(|words| *place < 7 || !words.contains("DISPLAY=")) {
                let together = heard(&format!("{system} {beside} {first}"));
                assert_eq!(together, alone, "{system} {first} beside {beside}");
            }
            for (later, second, _) in VOICES.iter().filter(|(later, ..)| later > place) {
                if first.split_once('=').map(|(name, _)| name) == second.split_once('=').map(|(name, _)| name) {
                    continue;
                }
                let together = heard(&format!("{system} {first} {second}"));
                assert_eq!(together, alone, "{system}: {first} ({place}) before {second} ({later})");
            }
        }
    }
}

#[test]
fn the_line_on_the_screen_names_what_decided() {
    let line = |words| decide(&around(words)).line();
    assert_eq!(line("linux SSH_TTY=x").unwrap(), "No browser opened: this is an SSH session (SSH_TTY is set).");
    assert_eq!(line("mac --nobrowser").unwrap(), "No browser opened: --nobrowser.");
    assert_eq!(line("mac"), None);
}

#[test]
fn without_a_terminal_only_a_typed_login_begins() {
    let begin = |words, asked| match begin(&around(words), asked) {
        Begin::Browser { paste, .. } => format!("browser, paste {paste}"),
        Begin::Link { from: PasteFrom::Prompt, .. } => "link, prompt".to_owned(),
        Begin::Link { from: PasteFrom::Stdin, .. } => "link, stdin".to_owned(),
        Begin::CannotAsk { why } => why,
    };
    let rows = [
        ("mac", Asked::Typed, "browser, paste true"),
        ("mac", Asked::Lazy, "browser, paste true"),
        ("mac", Asked::OneShot, "a prompt given with -p never asks"),
        ("linux", Asked::Typed, "link, prompt"),
        ("linux", Asked::Lazy, "link, prompt"),
        ("mac pipe", Asked::Typed, "browser, paste false"),
        ("mac pipe", Asked::Lazy, "input is not a terminal"),
        ("mac pipe --nobrowser", Asked::Lazy, "input is not a terminal"),
        ("mac pipe --nobrowser", Asked::Typed, "link, stdin"),
        ("mac pipe CI=1", Asked::Typed, "no browser opens (CI is set) and input is not a terminal"),
        (
            "mac pipe set:true",
            Asked::Typed,
            "no browser opens (auth.noBrowser is true (set in settings.json)) and input is not a terminal",
        ),
    ];
    for (words, asked, expected) in rows {
        assert_eq!(begin(words, asked), expected, "{words} {asked:?}");
    }
}

#[test]
fn a_named_command_gets_the_link_as_an_argument_of_its_own_or_in_its_place() {
    let link = "https://a.example/?x=%s&y=1";
    let rows: &[(&str, &str, &[&str])] = &[
        ("firefox", "firefox", &[link]),
        ("chrome --app=%s --x", "chrome", &["--app=https://a.example/?x=%s&y=1", "--x"]),
        ("\"C:\\Program Files\\f.exe\" -new '%s'", "C:\\Program Files\\f.exe", &["-new", link]),
        ("open -a 'Google Chrome'", "open", &["-a", "Google Chrome", link]),
        ("p 100%% 5%x ''", "p", &["100%", "5%x", "", link]),
        ("unfinished \"quote here", "unfinished", &["quote here", link]),
    ];
    for (text, program, arguments) in rows {
        let candidate = Candidate::parse(text).unwrap();
        assert_eq!(
            (candidate.program.as_str(), candidate.arguments(link)),
            (*program, arguments.iter().map(|a| (*a).to_owned()).collect())
        );
    }
    assert_eq!(Candidate::parse("  "), None);
    assert_eq!(Candidate::parse("'' x"), None);
}

#[test]
fn nobrowser_wins_where_both_flags_are_given() {
    assert_eq!(Flag::of(true, Some("firefox")), Some(Flag::NoBrowser));
    assert_eq!(Flag::of(false, Some("firefox")), Some(Flag::Browser("firefox".into())));
    assert_eq!(Flag::of(false, None), None);
}
