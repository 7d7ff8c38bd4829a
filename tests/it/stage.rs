//! Tests of what the other tests stand on, without the program: each part must notice what it is there to notice.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use crate::support::pty::key;
use crate::support::{Browser, Done, Ended, Home, StandIn, until, write_script};

fn sh(home: &Home, script: &str) -> Done {
    home.run(&["-c", script])
}

fn shell() -> Home {
    Home::of("/bin/sh")
}

/// Runs what should fail an assertion, and returns what it said.
fn complaint(wrong: impl FnOnce()) -> String {
    let panic = catch_unwind(AssertUnwindSafe(wrong)).expect_err("nothing was noticed");
    panic.downcast_ref::<String>().cloned().or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string)).unwrap()
}

#[test]
fn a_run_is_shown_as_one_block() {
    let home = shell().name("4242", "[port]");
    insta::assert_snapshot!(sh(&home, "echo answer; pwd; echo port 4242 >&2; exit 4"), @"
    answer
    [root]/work
    --- stderr
    port [port]
    --- exit 4
    ");
    insta::assert_snapshot!(sh(&home, "printf half"), @"
    half[no newline]
    --- exit 0
    ");
    assert_eq!(sh(&home, "kill -TERM $$").ended, Ended::Signal(15));
    assert_eq!(sh(&home, "printf '{\"a\":[1]}'").ok().json()["a"][0], 1);
}

#[test]
fn the_environment_of_a_run_is_nothing_but_ours() {
    let home = shell().env("ANTHROPIC_API_KEY", "k").without("TERM");
    let names = home.typed(&["-c", "env | sed 's/=.*//' | sort"]).env("CI", "1").done().ok();
    let names: Vec<&str> =
        names.stdout.lines().filter(|name| !["PWD", "OLDPWD", "SHLVL", "_"].contains(name)).collect();
    let ours = "ANTHROPIC_API_KEY CI HOME LANG LLXPRT_CACHE_HOME LLXPRT_CONFIG_HOME LLXPRT_DATA_HOME LLXPRT_LOG_HOME \
                LLXPRT_NO_KEYRING PATH TZ";
    assert_eq!(names.join(" "), ours);
}

#[test]
fn stdin_is_what_was_given_and_then_ends() {
    let home = Home::of("cat");
    assert_eq!(home.run(&[]).ok().stdout, "");
    let long = "0123456789".repeat(50_000);
    assert_eq!(home.run_with_stdin(&[], long.clone()).ok().stdout, long);
    // A program that reads nothing of it is no failure.
    shell().run_with_stdin(&["-c", "exit 3"], long).exit(3).stderr.clear();
}

#[test]
fn a_run_that_does_not_end_fails_the_test() {
    let home = shell();
    let said = complaint(|| {
        let _ = home.typed(&["-c", "echo begun; exec tail -f /dev/null"]).limit(Duration::from_millis(300)).done();
    });
    assert!(said.contains("still ran after 300ms") && said.contains("begun"), "{said}");
}

#[test]
fn a_canary_is_found_in_files_names_outputs_and_disguises() {
    let secret = "canary+7f/3a~Zk\"9";
    let home = shell();
    home.assert_clean(&[secret]);

    home.write("data/deep/token.json", serde_json::json!({ "token": secret }).to_string());
    home.write("config/a", format!("at%20{}", "canary%2B7f%2F3a%7EZk%229"));
    use base64::Engine;
    for before in ["", "x", "xy"] {
        let text = base64::engine::general_purpose::STANDARD.encode(format!("{before}{secret}:rest"));
        home.write(&format!("log/{}", before.len()), text);
    }
    home.write(&format!("cache/{}", secret.replace('/', "_")), "");
    sh(&home, &format!("echo '{secret}'; echo '{secret}' >&2")).ok().stderr.clear();
    home.typed(&["-c", &format!("echo '{secret}'")]).reveals().done().ok().stderr.clear();

    let found = home.find(&["not this one", secret]);
    let places = |what: &str| found.iter().filter(|line| line.contains(what)).count();
    assert!(found.iter().all(|line| line.starts_with("secret 1, ") && !line.contains("7f/3a")), "{found:?}");
    assert_eq!(places("JSON-escaped, in "), 1, "{found:?}");
    assert_eq!(places("percent-encoded, in "), 1, "{found:?}");
    assert_eq!(places("base64, in "), 3, "{found:?}");
    assert_eq!((places("plain, in stdout of "), places("plain, in stderr of ")), (1, 1), "{found:?}");
    complaint(|| home.assert_clean(&[secret]));
}

#[test]
fn files_that_others_can_read_are_noticed() {
    let home = shell();
    let _ = sh(&home, "umask 077; mkdir -p \"$LLXPRT_DATA_HOME/locks\"; touch \"$LLXPRT_DATA_HOME/locks/a\"").ok();
    home.assert_private();
    let _ = sh(&home, "chmod 644 \"$LLXPRT_DATA_HOME/locks/a\"; chmod 755 \"$LLXPRT_DATA_HOME\"").ok();
    let said = complaint(|| home.assert_private());
    assert!(said.contains("0644 instead of 0600") && said.contains("0755 instead of 0700"), "{said}");
    home.write("data/.index.json.x1.tmp", "");
    assert_eq!(home.leftovers().len(), 1);
}

#[test]
fn a_line_typed_in_a_terminal_is_answered_on_its_screen() {
    let mut pty = Home::of("cat").pty(&[]);
    pty.type_line("hello there");
    pty.wait_for("hello there\nhello there");
    assert_eq!(pty.cursor(), (2, 0));
    pty.keys(key::CTRL_D);
    assert_eq!(pty.exit_status(), 0);
    assert_eq!(pty.raw(), b"hello there\r\nhello there\r\n");
    pty.assert_restored();
}

#[test]
fn the_terminal_tells_where_its_cursor_is() {
    // Raw, because a line editor asks that way: the answer ends in R, not in a line end.
    let script =
        "stty raw -echo; printf 'ab\\r\\ncde\\033[6n'; dd bs=1 count=6 2>/dev/null | od -An -c -w64; stty sane";
    let mut pty = shell().pty(&["-c", script]);
    pty.wait_for("033   [   2   ;   4   R");
    assert_eq!(pty.exit_status(), 0);
}

#[test]
fn readline_works_in_the_terminal() {
    let mut pty = Home::of("bash").env("PS1", "ready> ").pty(&["--norc", "--noprofile", "-i"]).prompt("ready>");
    assert_eq!(pty.ask("echo one$((1+1))three; echo two words"), "one2three\ntwo words");
    assert_eq!(pty.ask("true"), "");
    pty.keys(key::UP);
    pty.wait_for_count("ready> true", 2);
    pty.clear_line();
    pty.wait_prompt();
    pty.type_line("exit 7");
    assert_eq!(pty.exit_status(), 7);
    pty.assert_restored();
}

#[test]
fn a_terminal_left_changed_is_noticed() {
    let restored = |script: &str| {
        let mut pty = shell().pty(&["-c", script]);
        pty.wait_end();
        pty.changes_left()
    };
    assert_eq!(restored("printf '\\033[1mbold\\033[0m'"), [] as [&str; 0]);
    assert!(restored("stty -echo")[0].starts_with("settings: "));
    let modes = "printf '\\033[?25l\\033[?2004h\\033[?1049h\\033[>1u\\033[31m'";
    let left = ["the alternate screen", "a hidden cursor", "bracketed paste", "a keyboard protocol", "a colour"];
    assert_eq!(restored(modes), left);
    assert_eq!(
        restored(&format!("{modes}; printf '\\033[m\\033[<1u\\033[?1049l\\033[?2004l\\033[?25h'")),
        [] as [&str; 0]
    );
}

#[test]
fn what_reaches_beyond_the_text_is_noted() {
    let script = "printf '\\033]8;;https://a.example/?x=1;y\\033\\\\link\\033]8;;\\033\\\\ \\033]0;title\\007\\033]52;c;aGk=\\007\\007'";
    let mut pty = shell().pty(&["-c", script]);
    assert_eq!(pty.exit_status(), 0);
    assert_eq!(pty.screen(), "link");
    assert_eq!(pty.links(), ["https://a.example/?x=1;y"]);
    insta::assert_snapshot!(pty.effects().join("\n"), @"
    icon name title
    title title
    clipboard aGk=
    bell
    ");
}

#[test]
fn rows_that_scrolled_away_are_in_the_transcript() {
    let mut pty = shell().pty_of(4, 20, &["-c", "seq 1 9; printf '%030d' 7"]);
    assert_eq!(pty.exit_status(), 0);
    assert_eq!(pty.transcript(), format!("1\n2\n3\n4\n5\n6\n7\n8\n9\n{:030}", 7));
    assert_eq!(pty.rows(), ["8", "9", &"0".repeat(20), "0000000007"]);
}

#[test]
fn a_program_learns_of_a_new_size() {
    let script = "trap 'stty size; exit' WINCH; stty size; while :; do read -r line; done";
    let mut pty = Home::of("bash").pty_of(24, 100, &["-c", script]);
    pty.wait_for("24 100");
    pty.resize(10, 20);
    pty.keys(key::ENTER);
    pty.wait_for("10 20");
    assert_eq!(pty.exit_status(), 0);
}

#[test]
fn a_paste_is_bracketed_where_asked_for() {
    let script =
        "printf '\\033[?2004hready\\n'; stty raw -echo; dd bs=1 count=19 2>/dev/null | od -An -c -w64; stty sane";
    let mut pty = shell().pty(&["-c", script]);
    pty.wait_for("ready");
    // Typed before raw mode it would be echoed and not end with a line; both ways all of it arrives.
    pty.paste("line 1\n");
    pty.wait_for("033   [   2   0   0   ~");
    pty.wait_for("2   0   1   ~");
    pty.wait_end();
}

#[test]
fn signals_and_hang_ups_end_a_program() {
    let mut pty = Home::of("cat").pty(&[]);
    pty.type_line("a");
    pty.wait_for("a\na");
    pty.signal("TERM");
    assert_eq!(pty.wait_end().signal(), Some("Terminated"));

    let mut pty = Home::of("cat").pty(&[]);
    pty.type_line("a");
    pty.wait_for("a\na");
    pty.keys(key::CTRL_C);
    assert_eq!(pty.wait_end().signal(), Some("Interrupt"));

    let home = shell();
    let mut pty = home.pty(&[
        "-c",
        "trap 'echo gone > hung-up; exit 129' HUP; echo ready; while :; do read -r line || sleep 0.1; done",
    ]);
    pty.wait_for("ready");
    // The kernel ends the input a moment before it sends the signal: a program may see either first.
    pty.hang_up();
    assert_eq!(pty.exit_status(), 129);
    assert_eq!(home.read("work/hung-up"), "gone\n");
}

#[test]
fn what_a_terminal_showed_counts_for_canaries() {
    let home = shell();
    let mut pty = home.pty(&["-c", "printf 'canary-0123\\033[1m45678'"]);
    pty.wait_end();
    drop(pty);
    assert_eq!(home.find(&["canary-012345678"]).len(), 1);
}

#[test]
fn a_wait_that_fails_shows_the_screen_and_ends_with_the_program() {
    let pty = shell().pty(&["-c", "echo something else"]);
    let said = complaint(|| pty.wait_until("a word", |screen| screen.contains("word")));
    assert_eq!(said, "waited for a word; Success; the screen is\nsomething else");

    let pty = Home::of("cat").pty(&[]);
    let said =
        complaint(|| pty.wait_until_within(Duration::from_millis(10), "a word", |screen| screen.contains("word")));
    assert_eq!(said, "waited for a word; the program runs; the screen is\n");
}

#[test]
fn a_pretend_browser_notes_its_address_and_environment() {
    let home = shell().env("SECRET_OF_OURS", "canary-abcdefgh");
    let browser = Browser::idle(&home);
    assert_eq!(browser.opened(), [] as [&str; 0]);
    let url = "https://a.example/authorize?x=1&y=%20&z='";
    sh(&home, &format!("{} \"{url}\"; {0} https://b.example/", browser.command())).ok().stderr.clear();
    assert_eq!((browser.next(), browser.next()), (url.to_owned(), "https://b.example/".to_owned()));
    assert_eq!(home.find(&["canary-abcdefgh"]).len(), 2, "once for each start");
}

#[test]
fn pretend_browsers_fail_hang_and_must_not_be_used() {
    let home = shell();
    let failing = Browser::failing(&home);
    sh(&home, &format!("{} https://a.example/", failing.command())).exit(1).stdout.clear();

    let hanging = Browser::hanging(&home);
    let mut run =
        home.command().args(["-c", &format!("exec {} https://a.example/", hanging.command())]).spawn().unwrap();
    hanging.next();
    assert_eq!(run.try_wait().unwrap(), None, "it stays");

    let zero = Browser::zero(&home);
    sh(&home, &format!("{} https://a.example/", zero.command())).ok().stdout.clear();
    assert!(complaint(|| drop(zero)).contains("a browser was opened: [\"https://a.example/\"]"));

    let two = Browser::idle(&home);
    sh(&home, &format!("{} https://a.example/ extra", two.command())).ok().stdout.clear();
    assert!(complaint(|| drop(two.opened())).contains("not one argument"));

    drop((home, failing, hanging, two));
    until("the hanging browser to end with its home", || run.try_wait().unwrap());
}

#[test]
fn an_approving_browser_logs_in_and_follows_the_redirect() {
    let home = shell();
    let server = tiny_http::Server::http("127.0.0.1:0").unwrap();
    let address = server.server_addr().to_ip().unwrap();
    let seen = std::thread::spawn(move || {
        let mut seen = Vec::new();
        for mut request in server.incoming_requests() {
            let mut body = String::new();
            request.as_reader().read_to_string(&mut body).unwrap();
            seen.push(format!("{} {} {body}", request.method(), request.url()));
            let callback = request.url().starts_with("/callback");
            let mut answer = tiny_http::Response::from_string("signed in").with_status_code(200);
            if !callback {
                let location = format!("Location: http://localhost:{}/callback?code=c&state=s", address.port());
                answer = answer.with_header(location.parse::<tiny_http::Header>().unwrap()).with_status_code(302);
            }
            request.respond(answer).unwrap();
            if callback {
                break;
            }
        }
        seen
    });
    let browser = Browser::approving(&home, "work@company.com");
    let url = format!("http://{address}/authorize?state=s");
    sh(&home, &format!("{} '{url}'", browser.command())).ok().stderr.clear();
    assert_eq!(browser.page(), "signed in");
    let seen = seen.join().unwrap();
    assert_eq!(seen[0], "POST /authorize?state=s account=work%40company.com&decision=allow");
    assert_eq!(seen[1], "GET /callback?code=c&state=s ");
}

#[test]
fn a_login_in_a_pretend_browser_leaves_no_secret_open() {
    let home = Home::new();
    let stand_in = StandIn::start(&home, None);
    let browser = Browser::approving(&home, "work@company.com");
    let home = home.at(stand_in.url()).env("BROWSER", browser.command());
    let done = home.run(&["auth", "anthropic", "login", "work@company.com"]).ok();
    assert!(done.stderr.contains("Signed in to anthropic as work@company.com"), "{done}");
    assert!(browser.page().contains("Signed in"));

    let requests = stand_in.requests("anthropic");
    let bearer = requests.iter().find_map(|request| request["headers"]["authorization"].as_str()).unwrap();
    let token = bearer.strip_prefix("Bearer ").unwrap();
    assert!(browser.next().starts_with(stand_in.url()));
    home.assert_clean(&[token]);
    home.assert_private();
    assert_eq!(home.leftovers(), [] as [&std::path::Path; 0]);
    stand_in.assert_no_violations("anthropic");
}

#[test]
fn scripts_written_while_others_start_can_be_started() {
    let home = shell();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let home = &home;
            scope.spawn(move || {
                for n in 0..8 {
                    let script = home.path(&format!("work/{thread}-{n}"));
                    write_script(&script, "#!/bin/sh\nexit 5\n");
                    assert_eq!(std::process::Command::new(&script).status().unwrap().code(), Some(5));
                }
            });
        }
    });
}
