//! Signing in where no browser opens: why, how the link is shown, and what may answer.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::Stdio;
use std::time::{Duration, Instant};

use llxprt::sandbox::Endpoint;

use crate::session_steps::{
    PASTE, PERSONAL, WORK, accepted, approve, at_prompt, code, fetch, leave, link, links, manifest, param,
    paste_prompt, port_is_free, port_of, sealed, terminal,
};
use crate::support::pty::key;
use crate::support::{Browser, DEADLINE, Home, Pty, until, write_script};

/// Types a login and waits for the paste prompt.
fn begin(pty: &Pty, line: &str) -> String {
    at_prompt(pty);
    pty.type_line(line);
    paste_prompt(pty, 1);
    link(pty)
}

/// Variables, arguments, and the words.
type Reason = (&'static [(&'static str, &'static str)], &'static [&'static str], &'static str);

/// Why no browser opens: what is set, what is given, and the words.
const REASONS: &[Reason] = &[
    (&[], &["--nobrowser"], "--nobrowser"),
    (&[], &["--no-browser"], "--nobrowser"),
    (&[], &["--no-launch-browser"], "--nobrowser"),
    (&[], &["--set", "auth.noBrowser=true"], "auth.noBrowser is true (set in a --set flag)"),
    (&[("NO_BROWSER", "1")], &[], "NO_BROWSER is set"),
    (&[("BROWSER", "")], &[], "BROWSER is empty"),
    (&[("BROWSER", "echo")], &[], "BROWSER is \"echo\", which opens no window"),
    (&[("BROWSER", "/usr/bin/w3m")], &[], "BROWSER is \"w3m\", which opens no window"),
    (&[("CI", "true"), ("DISPLAY", ":0")], &[], "CI is set"),
    (&[("DEBIAN_FRONTEND", "noninteractive"), ("DISPLAY", ":0")], &[], "DEBIAN_FRONTEND is noninteractive"),
    (
        &[("SSH_CONNECTION", "10.0.0.1 5 10.0.0.2 22"), ("DISPLAY", "localhost:10.0")],
        &[],
        "this is an SSH session (SSH_CONNECTION is set)",
    ),
    (&[("SSH_TTY", "/dev/pts/3"), ("DISPLAY", ":0")], &[], "this is an SSH session (SSH_TTY is set)"),
    (&[("SSH_CLIENT", "10.0.0.1 5 22"), ("DISPLAY", ":0")], &[], "this is an SSH session (SSH_CLIENT is set)"),
];

#[test]
fn the_screen_says_in_one_line_why_no_browser_opened_and_none_does() {
    for (variables, flags, words) in REASONS {
        let (_sandbox, home) = accepted();
        let browser = Browser::zero(&home);
        // A browser is there, under every name that a system might start one by.
        let folder = decoys(&home, &browser);
        let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap());
        let mut home = home.env("PATH", path);
        if flags.iter().any(|flag| flag.starts_with("--")) {
            home = home.env("BROWSER", browser.command());
        }
        for (name, value) in *variables {
            home = home.env(*name, *value);
        }
        let pty = terminal(&home, flags);
        begin(&pty, "/auth anthropic login");
        let screen = pty.screen();
        assert!(screen.contains(&format!("No browser opened: {words}.\n")), "{words}: {screen}");
        pty.keys(key::CTRL_C);
        assert_eq!(leave(pty), 0);
    }
}

/// Puts programs by the names of the usual openers into a folder; each is the browser that must not be started.
fn decoys(home: &Home, browser: &Browser) -> std::path::PathBuf {
    let folder = home.path("home/bin");
    std::fs::create_dir_all(&folder).unwrap();
    for name in ["xdg-open", "gio", "gnome-open", "kde-open", "wslview", "sensible-browser", "x-www-browser", "firefox"]
    {
        write_script(&folder.join(name), &format!("#!/bin/sh\nexec '{}' \"$@\"\n", browser.command()));
    }
    folder
}

#[test]
fn without_a_display_no_browser_opens_and_the_reason_is_told() {
    let (_sandbox, home) = accepted();
    let pty = terminal(&home, &[]);
    begin(&pty, "/auth anthropic login");
    // In a container the words are others.
    let screen = pty.screen();
    assert!(screen.contains("No browser opened: th") && screen.contains(" display"), "{screen}");
    pty.keys(key::CTRL_C);
    assert_eq!(leave(pty), 0);
}

#[test]
fn a_set_browser_is_used_over_ssh_and_the_flags_of_login_go_first() {
    for (flags, line) in [(&[][..], "/auth anthropic login"), (&["--nobrowser"][..], "/auth anthropic login --browser")]
    {
        let (_sandbox, home) = accepted();
        let browser = Browser::approving(&home, WORK);
        let home = home.env("BROWSER", browser.command()).env("SSH_TTY", "/dev/pts/3");
        let pty = terminal(&home, flags);
        at_prompt(&pty);
        pty.type_line(line);
        pty.wait_for("anthropic work@company.com ›");
        assert_eq!(browser.opened().len(), 1);
        assert_eq!(leave(pty), 0);
    }
}

#[test]
fn browser_names_a_command_with_its_arguments() {
    let (_sandbox, home) = accepted();
    let browser = Browser::approving(&home, WORK);
    let home = home.env("NO_BROWSER", "1").flag(format!("--browser={}", browser.command()));
    let pty = terminal(&home, &[]);
    at_prompt(&pty);
    pty.type_line("/auth anthropic login");
    pty.wait_for("anthropic work@company.com ›");
    assert_eq!(leave(pty), 0);
}

#[test]
fn the_setting_is_remembered_and_holds_against_every_browser() {
    let (_sandbox, home) = accepted();
    let browser = Browser::zero(&home);
    let home = home.env("BROWSER", browser.command()).env("DISPLAY", ":0");
    let pty = terminal(&home, &[]);
    assert_eq!(pty.ask("/set auth.noBrowser true"), "auth.noBrowser is true now, and stays so (settings.json).");
    assert_eq!(leave(pty), 0);
    let pty = terminal(&home, &[]);
    begin(&pty, "/auth anthropic login");
    let screen = pty.screen();
    assert!(screen.contains("No browser opened: auth.noBrowser is true (set in settings.json)."), "{screen}");
    pty.keys(key::CTRL_C);
    assert_eq!(leave(pty), 0);
}

#[test]
fn manual_mode_reads_like_this() {
    let (sandbox, home) = accepted();
    let browser = Browser::zero(&home);
    let home = home.env("BROWSER", browser.command());
    let pty = terminal(&home, &["--nobrowser"]);
    let link = begin(&pty, "/auth anthropic login work@company.com");
    let screen = pty.screen().replace(&link, "[link]");
    let screen = screen.split_once("login work@company.com\n").unwrap().1.to_owned();
    insta::with_settings!({filters => vec![(r"until [^.]*\.", "until [time].")]}, {
        insta::assert_snapshot!(screen, @"
        Sign-in is now on for anthropic.
        No browser opened: --nobrowser.

        Open this link on any device. It works until [time].

        [link]

        Finish in the browser, or paste the code or the whole redirected address here.
          c copy the link   qr QR code   Ctrl+C cancel
        paste ›
        ");
    });
    pty.paste(&code(&link, WORK));
    pty.keys(key::ENTER);
    pty.wait_for("anthropic work@company.com ›");
    // The code came by the provider's page, and the exchange says so (RFC 6749 4.1.3).
    let token = &sandbox.script("anthropic").requests_to(Endpoint::Token)[0].json().unwrap();
    assert_eq!(token["redirect_uri"], param(&link, "redirect_uri").unwrap());
    assert_eq!(leave(pty), 0);
}

#[test]
fn f14_the_link_is_whole_unwrapped_and_unindented_at_every_width() {
    for (columns, term) in
        [(100, "xterm-256color"), (60, "xterm-256color"), (40, "xterm-256color"), (20, "xterm-256color"), (40, "dumb")]
    {
        let (_sandbox, home) = accepted();
        let home = home.env("TERM", term);
        let pty = home.pty_of(60, columns, &["--nobrowser"]);
        let pty = if term == "dumb" { pty.prompt(">") } else { pty };
        pty.wait_prompt();
        pty.type_line("/auth anthropic login");
        pty.wait_for("paste");
        let link = link(&pty);
        // The bytes hold it in one piece, and what is on the screen leads to the page.
        let raw = pty.raw();
        let at = memchr::memmem::find(&raw, link.as_bytes()).expect("the link in one piece");
        assert_eq!(&raw[at - 2..at], b"\r\n", "{columns} {term}");
        assert_eq!(&raw[at + link.len()..at + link.len() + 2], b"\r\n", "{columns} {term}");
        let shown: String = pty.rows().concat();
        assert!(shown.contains(&link), "{columns} {term}: {shown}");
        assert_eq!(fetch(&link).0, 200, "{columns} {term}");
        assert_eq!(pty.links(), Vec::<String>::new());
        // One blank line before and after.
        let screen = pty.screen();
        assert!(screen.contains(&format!("\n\n{link}\n\n")), "{columns} {term}: {screen}");
        // Nothing of ours is broken by the terminal in mid-word.
        for row in screen.lines().filter(|row| !row.contains("http") && !row.contains("login")) {
            assert!(row.chars().count() <= usize::from(columns), "{columns}: {row:?}");
        }
        pty.keys(key::CTRL_C);
        pty.wait_for("Sign-in cancelled.");
        if term == "dumb" {
            assert!(!raw.contains(&0x1b), "no escapes at all: {:?}", String::from_utf8_lossy(&raw));
        }
    }
}

#[test]
fn a_terminal_that_can_shows_the_link_as_a_link_to_itself() {
    let (_sandbox, home) = accepted();
    let home = home.env("FORCE_HYPERLINK", "1");
    let pty = terminal(&home, &["--nobrowser"]);
    let link = begin(&pty, "/auth anthropic login");
    assert_eq!(pty.links(), [link.as_str()]);
    let raw = String::from_utf8_lossy(&pty.raw()).into_owned();
    assert!(raw.contains(&format!("\x1b]8;;{link}\x1b\\{link}\x1b]8;;\x1b\\\r\n")), "{raw:?}");
    assert_eq!(pty.effects(), Vec::<String>::new());
    pty.keys(key::CTRL_C);
    assert_eq!(leave(pty), 0);
}

#[test]
fn c_asks_the_terminal_to_copy_the_link() {
    let (_sandbox, home) = accepted();
    let pty = terminal(&home, &["--nobrowser"]);
    let link = begin(&pty, "/auth anthropic login");
    pty.type_line("c");
    pty.wait_for("Asked the terminal to copy the link. If it did not, mark it above.");
    paste_prompt(&pty, 2);
    use base64::Engine as _;
    let coded = base64::engine::general_purpose::STANDARD.encode(&link);
    assert_eq!(pty.effects(), [format!("clipboard {coded}")]);
    pty.keys(key::CTRL_C);
    assert_eq!(leave(pty), 0);
}

#[test]
fn copying_works_without_colours_too() {
    let (_sandbox, home) = accepted();
    let home = home.env("NO_COLOR", "1");
    let pty = terminal(&home, &["--nobrowser"]);
    begin(&pty, "/auth anthropic login");
    pty.type_line("c");
    pty.wait_for("Asked the terminal to copy the link.");
    assert_eq!(pty.effects().len(), 1);
    pty.keys(key::CTRL_C);
    assert_eq!(leave(pty), 0);
}

#[test]
fn qr_shows_the_link_as_a_code_where_it_fits_whole() {
    let (_sandbox, home) = accepted();
    let pty = home.pty_of(60, 100, &["--nobrowser"]);
    begin(&pty, "/auth anthropic login");
    pty.type_line("qr");
    paste_prompt(&pty, 2);
    let rows: Vec<String> = pty.rows().into_iter().filter(|row| row.contains('█')).collect();
    let wide = rows.iter().map(|row| row.chars().count()).max().unwrap();
    assert!(wide > 60 && rows.len() > 30 && rows.len() < 60, "{wide} by {}", rows.len());
    pty.keys(key::CTRL_C);
    assert_eq!(leave(pty), 0);

    for (rows, columns) in [(60, 60), (24, 100)] {
        let pty = home.pty_of(rows, columns, &["--nobrowser"]);
        begin(&pty, "/auth anthropic login");
        pty.type_line("qr");
        pty.wait_for("A QR code of this link needs");
        paste_prompt(&pty, 2);
        assert!(!pty.screen().contains('█'));
        pty.keys(key::CTRL_C);
        assert_eq!(leave(pty), 0);
    }
}

#[test]
fn the_menu_explains_and_knows_what_there_is_not() {
    let (_sandbox, home) = accepted();
    let pty = terminal(&home, &["--nobrowser"]);
    begin(&pty, "/auth anthropic login");
    pty.type_line("?");
    pty.wait_for("Then paste what the last page shows");
    paste_prompt(&pty, 2);
    pty.type_line("d");
    pty.wait_for("This provider has no short code. The link above still works.");
    paste_prompt(&pty, 3);
    pty.keys(key::CTRL_C);
    assert_eq!(leave(pty), 0);
}

#[test]
fn the_browser_gets_the_loopback_address_and_the_screen_the_page_with_a_code() {
    let (sandbox, home) = accepted();
    let browser = Browser::idle(&home);
    let home = home.env("BROWSER", browser.command());
    for (way, bucket) in [("callback", "one"), ("paste", "two")] {
        let pty = terminal(&home, &[]);
        let shown = begin(&pty, &format!("/auth anthropic login {bucket}"));
        let opened = browser.next();
        // Two attempts: nothing of the one is in the other.
        for name in ["state", "code_challenge", "redirect_uri"] {
            assert_ne!(param(&opened, name), param(&shown, name), "{name}");
        }
        assert!(param(&opened, "redirect_uri").unwrap().starts_with("http://localhost:"));
        assert!(param(&shown, "redirect_uri").unwrap().ends_with("/oauth/code/callback"));
        let used = if way == "callback" {
            // No key is pressed.
            assert_eq!(fetch(&approve(&opened, WORK)).0, 200);
            &opened
        } else {
            pty.paste(&code(&shown, WORK));
            pty.keys(key::ENTER);
            &shown
        };
        pty.wait_for("Signed in to anthropic as work@company.com");
        at_prompt(&pty);
        assert!(!pty.screen().contains("paste ›") || way == "paste", "{}", pty.screen());
        let exchanged = sandbox.script("anthropic").requests_to(Endpoint::Token).pop().unwrap().json().unwrap();
        assert_eq!(exchanged["redirect_uri"], param(used, "redirect_uri").unwrap());
        assert_eq!(exchanged["state"], param(used, "state").unwrap());
        port_is_free(port_of(&opened));
        assert_eq!(leave(pty), 0);
    }
    assert_eq!(sandbox.script("anthropic").count(Endpoint::Token), 2);
}

#[test]
fn a_paste_half_typed_when_the_browser_comes_back_leaves_no_trace() {
    let (_sandbox, home) = accepted();
    let browser = Browser::idle(&home);
    let home = home.env("BROWSER", browser.command());
    let pty = home.pty_of(50, 60, &[]);
    begin(&pty, "/auth anthropic login");
    let opened = browser.next();
    pty.paste(&"x".repeat(150));
    pty.wait_until("the stars", |screen| screen.matches('*').count() == 150);
    assert_eq!(fetch(&approve(&opened, WORK)).0, 200);
    pty.wait_for("Signed in to anthropic as work@company.com");
    at_prompt(&pty);
    let screen = pty.screen();
    assert!(!screen.contains('*') && !screen.contains("paste ›"), "{screen}");
    assert!(screen.contains("Ctrl+C cancel\nSigned in to anthropic"), "{screen}");
    assert_eq!(leave(pty), 0);
}

#[test]
fn f8_a_browser_that_is_missing_fails_hangs_or_lies_costs_no_waiting() {
    for kind in ["missing", "failing", "hanging", "lying"] {
        let (_sandbox, home) = accepted();
        let browser = match kind {
            "failing" => Some(Browser::failing(&home)),
            "hanging" => Some(Browser::hanging(&home)),
            "lying" => Some(Browser::idle(&home)),
            _ => None,
        };
        let command = browser.as_ref().map_or("/nowhere/no-such-browser".to_owned(), |b| b.command().to_owned());
        let home = home.env("BROWSER", command);
        let pty = terminal(&home, &[]);
        at_prompt(&pty);
        let begin = Instant::now();
        pty.type_line("/auth anthropic login");
        pty.wait_for(PASTE);
        assert!(begin.elapsed() < Duration::from_secs(3), "{kind}: {:?}", begin.elapsed());
        match kind {
            "missing" => pty.wait_for("Your browser did not open: /nowhere/no-such-browser could not be started"),
            "failing" => pty.wait_for("Your browser did not open:"),
            _ => {}
        }
        if kind == "missing" || kind == "failing" {
            assert!(pty.screen().replace('\n', " ").contains("Use the link."), "{}", pty.screen());
        }
        pty.wait_until("the paste prompt", |screen| screen.lines().last() == Some(PASTE));
        pty.paste(&code(&link(&pty), WORK));
        pty.keys(key::ENTER);
        pty.wait_for("Signed in to anthropic as work@company.com");
        assert_eq!(leave(pty), 0);
    }
}

#[test]
fn f8_what_was_half_typed_stays_when_the_browser_fails_meanwhile() {
    let (_sandbox, home) = accepted();
    let folder = home.path("work");
    let script = folder.join("slow");
    write_script(&script, "#!/bin/sh\nwhile [ ! -e go ]; do sleep 0.02; done\nexit 1\n");
    let home = home.env("BROWSER", script.display().to_string());
    let pty = terminal(&home, &[]);
    let link = begin(&pty, "/auth anthropic login");
    let code = code(&link, WORK);
    let (first, second) = code.split_at(20);
    pty.keys(first);
    pty.wait_for(&format!("{PASTE} {}", "*".repeat(20)));
    std::fs::write(folder.join("go"), "").unwrap();
    pty.wait_for("Your browser did not open:");
    pty.wait_until("the half of the code", |screen| screen.ends_with(&format!("{PASTE} {}", "*".repeat(20))));
    pty.keys(second);
    pty.keys(key::ENTER);
    pty.wait_for("Signed in to anthropic as work@company.com");
    assert_eq!(leave(pty), 0);
}

#[test]
fn the_end_of_input_leaves_the_callback_waiting_and_ctrl_c_still_cancels() {
    let (_sandbox, home) = accepted();
    let browser = Browser::idle(&home);
    let home = home.env("BROWSER", browser.command());
    let pty = terminal(&home, &[]);
    begin(&pty, "/auth anthropic login");
    pty.keys(key::CTRL_D);
    pty.wait_for("Waiting for the browser. Ctrl+C cancels.");
    assert_eq!(fetch(&approve(&browser.next(), WORK)).0, 200);
    pty.wait_for("Signed in to anthropic as work@company.com");

    at_prompt(&pty);
    pty.type_line("/auth anthropic login other");
    let opened = browser.next();
    paste_prompt(&pty, 2);
    pty.keys(key::CTRL_D);
    pty.wait_for_count("Waiting for the browser. Ctrl+C cancels.", 2);
    pty.keys(key::CTRL_C);
    pty.wait_for("Sign-in cancelled.");
    port_is_free(port_of(&opened));
    assert_eq!(leave(pty), 0);
}

#[test]
fn the_end_of_input_ends_a_login_that_nothing_else_can_answer() {
    let (_sandbox, home) = accepted();
    let pty = terminal(&home, &["--nobrowser"]);
    begin(&pty, "/auth anthropic login");
    pty.keys(key::CTRL_D);
    pty.wait_for("The input ended before the sign-in was answered. Nothing changed.");
    assert_eq!(leave(pty), 0);
}

#[test]
fn cancelling_frees_port_and_prompt_quickly_and_a_new_login_can_start_at_once() {
    let (_sandbox, home) = accepted();
    let browser = Browser::idle(&home);
    let home = home.env("BROWSER", browser.command());
    let pty = terminal(&home, &[]);
    for (times, keys) in [key::CTRL_C, key::ESCAPE, "/quit\r", "/exit\r"].into_iter().enumerate() {
        at_prompt(&pty);
        pty.type_line("/auth anthropic login");
        let opened = browser.next();
        paste_prompt(&pty, times + 1);
        let begin = Instant::now();
        pty.keys(keys);
        pty.wait_for_count("Sign-in cancelled.", times + 1);
        at_prompt(&pty);
        assert!(begin.elapsed() < Duration::from_secs(2), "{keys:?}: {:?}", begin.elapsed());
        drop(std::net::TcpListener::bind(("127.0.0.1", port_of(&opened))).unwrap());
    }
    // `/quit` at the paste prompt ends the login and not the session.
    at_prompt(&pty);
    pty.type_line("/auth anthropic login");
    assert_eq!(fetch(&approve(&browser.next(), WORK)).0, 200);
    pty.wait_for("Signed in to anthropic as work@company.com");
    assert_eq!(leave(pty), 0);
    assert_eq!(sealed(&home), ["default.sealed"]);
}

#[test]
fn a_login_typed_in_a_pipe_waits_for_the_callback_and_reads_nothing_from_stdin() {
    let (_sandbox, home) = accepted();
    let browser = Browser::approving(&home, WORK);
    let home = home.env("BROWSER", browser.command());
    let done = home.run_with_stdin(&[], "/auth anthropic login\nis this line still mine?\n").ok();
    assert_eq!(done.stdout, "is this line still mine?\n");
    assert!(done.stderr.contains("Signed in to anthropic as work@company.com"), "{done}");
    assert!(!done.stderr.contains("paste"), "{done}");
}

#[test]
fn where_no_browser_opens_and_nobody_can_type_login_is_status_4_at_once() {
    let (sandbox, home) = accepted();
    let browser = Browser::zero(&home);
    let home = home.env("CI", "1");
    let begin = Instant::now();
    insta::assert_snapshot!(home.run(&["auth", "anthropic", "login"]), @"
    --- stderr
    Sign-in is now on for anthropic.
    llxprt: anthropic needs a sign-in, and this run cannot ask (no browser opens (CI is set) and input is not a terminal).
      llxprt auth anthropic login
    Or set ANTHROPIC_API_KEY.  E-NEED-LOGIN
    --- exit 4
    ");
    assert!(begin.elapsed() < Duration::from_secs(5));
    let done = home.run_with_stdin(&[], "/auth anthropic login\n/auth\n").exit(4);
    assert_eq!(done.stdout, "");
    drop(browser);
    assert_eq!(sandbox.script("anthropic").requests(), []);
}

#[test]
fn login_nobrowser_in_a_pipe_prints_the_link_on_stderr_and_reads_the_answer_from_stdin() {
    let (_sandbox, home) = accepted();
    let browser = Browser::zero(&home);
    let home = home.env("BROWSER", browser.command());
    for (words, typed) in [
        (&["auth", "anthropic", "login", "one", "--nobrowser"][..], ""),
        (&[][..], "/auth anthropic login two --nobrowser\n"),
        (&["--nobrowser", "auth", "anthropic", "login", "three"][..], ""),
    ] {
        let mut child = Piped::start(&home, words);
        child.write(typed);
        let link = child.link();
        child.write(&format!("{}\n", code(&link, PERSONAL)));
        let (stdout, stderr, status) = child.end();
        assert_eq!((stdout.as_str(), status), ("", Some(0)), "{stderr}");
        assert!(stderr.contains("Signed in to anthropic as personal@gmail.com"), "{stderr}");
        assert!(!stderr.contains("paste ›"), "{stderr}");
    }
    assert_eq!(sealed(&home), ["one.sealed", "three.sealed", "two.sealed"]);
}

#[test]
fn in_a_pipe_a_wrong_paste_or_none_is_the_end_and_nothing_changes() {
    let (sandbox, home) = accepted();
    for (answer, status, words) in [("", 4, "The input ended before"), ("half\n", 4, "E-PASTE-HALF")] {
        let mut child = Piped::start(&home, &["auth", "anthropic", "login", "--nobrowser"]);
        child.link();
        child.write(answer);
        let (_, stderr, ended) = child.end();
        assert_eq!(ended, Some(status), "{stderr}");
        assert!(stderr.contains(words), "{stderr}");
    }
    assert_eq!(sandbox.script("anthropic").count(Endpoint::Token), 0);
    assert_eq!(sealed(&home), Vec::<String>::new());
}

/// The program with pipes on all sides.
struct Piped {
    child: std::process::Child,
    stdin: std::process::ChildStdin,
    stderr: BufReader<std::process::ChildStderr>,
    seen: String,
}

impl Piped {
    fn start(home: &Home, words: &[&str]) -> Self {
        let mut command = home.command();
        command.args(words).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (stdin, stderr) = (child.stdin.take().unwrap(), BufReader::new(child.stderr.take().unwrap()));
        Self { child, stdin, stderr, seen: String::new() }
    }

    fn write(&mut self, text: &str) {
        self.stdin.write_all(text.as_bytes()).unwrap();
        self.stdin.flush().unwrap();
    }

    /// Reads stderr up to the sign-in link.
    fn link(&mut self) -> String {
        loop {
            assert_ne!(self.stderr.read_line(&mut self.seen).unwrap(), 0, "{}", self.seen);
            if let Some(link) = links(&self.seen).pop().filter(|_| self.seen.ends_with('\n')) {
                return link;
            }
        }
    }

    /// Closes stdin and waits for the end.
    fn end(mut self) -> (String, String, Option<i32>) {
        drop(self.stdin);
        let mut stdout = String::new();
        std::io::Read::read_to_string(&mut self.stderr, &mut self.seen).unwrap();
        std::io::Read::read_to_string(&mut self.child.stdout.take().unwrap(), &mut stdout).unwrap();
        let status = self.child.wait().unwrap();
        (stdout, self.seen, status.code())
    }
}

#[test]
fn f7_a_taken_port_gives_way_to_the_next_and_then_to_the_paste() {
    let (sandbox, home) = accepted();
    let browser = Browser::idle(&home);
    let home = home.env("BROWSER", browser.command());
    let taken = [(); 2].map(|()| std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap());
    let [first, second] = taken.each_ref().map(|socket| socket.local_addr().unwrap().port());
    manifest(&home, "fixed", sandbox.url(), &format!("ports = [{first}, {second}]"), false);
    let pty = terminal(&home, &[]);
    begin(&pty, "/auth fixed login");
    let screen = pty.screen();
    let screen = screen.replace('\n', " ");
    let words = format!("port {first} is in use, port {second} is in use");
    assert!(screen.contains(&words) && screen.contains("Paste mode is ready instead.  E-PORT"), "{screen}");
    assert!(screen.contains("After you approve, the page may say it cannot connect."), "{screen}");
    // The browser opens all the same; where it ends, nothing answers, and that address is the answer.
    let opened = browser.next();
    assert_eq!(opened, link(&pty));
    pty.paste(&approve(&opened, WORK));
    pty.keys(key::ENTER);
    pty.wait_for("Signed in to fixed as work@company.com");
    pty.wait_for("fixed work@company.com ›");
    let [_first, second_socket] = taken;
    drop(second_socket);
    pty.type_line("/auth fixed login again");
    let opened = browser.next();
    assert_eq!(port_of(&opened), second);
    assert_eq!(fetch(&approve(&opened, WORK)).0, 200);
    pty.wait_for("again and default are one identity");
    pty.wait_until("the prompt", |s| s.lines().last().is_some_and(|l| l.starts_with("fixed ")));
    pty.type_line("/quit");
}

#[test]
fn without_a_page_that_shows_a_code_the_address_itself_is_the_answer() {
    let (sandbox, home) = accepted();
    manifest(&home, "bare", sandbox.url(), "", false);
    let home = home.env("SSH_TTY", "/dev/pts/3");
    let pty = terminal(&home, &[]);
    at_prompt(&pty);
    pty.type_line("/auth bare login");
    paste_prompt(&pty, 1);
    let screen = pty.screen();
    assert!(screen.contains("After you approve, the page may say it cannot connect. That is expected:\n"), "{screen}");
    let link = link(&pty);
    let address = approve(&link, WORK);
    // A code alone is not enough: nothing says which sign-in it belongs to.
    pty.type_line(&param(&address, "code").unwrap());
    pty.wait_for("E-PASTE-HALF");
    paste_prompt(&pty, 2);
    // A tunnel brings the browser back as well.
    assert_eq!(fetch(&address).0, 200);
    pty.wait_for("Signed in to bare as work@company.com");
    until("the port to be free", || std::net::TcpListener::bind(("127.0.0.1", port_of(&link))).ok());
    assert!(sandbox.script("anthropic").wait_for(Endpoint::Profile, 1, DEADLINE));
}

#[test]
fn over_ssh_a_fixed_port_comes_with_the_command_for_a_tunnel_on_a_line_of_its_own() {
    let (sandbox, home) = accepted();
    let port = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
    manifest(&home, "fixed", sandbox.url(), &format!("ports = [{port}]"), false);
    let home = home.env("SSH_TTY", "/dev/pts/3").env("USER", "you");
    let pty = home.pty_of(50, 60, &[]);
    at_prompt(&pty);
    pty.type_line("/auth fixed login");
    paste_prompt(&pty, 1);
    let screen = pty.screen();
    let command = format!("\nssh -L {port}:127.0.0.1:{port} you@");
    assert!(screen.contains(&command), "{screen}");
}
