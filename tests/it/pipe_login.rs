//! A login without a terminal: what may begin, where the link goes, where the answer comes from.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::Stdio;
use std::time::{Duration, Instant};

use llxprt::sandbox::Endpoint;

use crate::session_steps::{PERSONAL, WORK, accepted, approve, code, links, sealed};
use crate::support::{Browser, Home};

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
      llxprt auth anthropic login --nobrowser
    It shows the link and reads the answer from its input.
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
fn a_wrapped_answer_is_one_in_a_pipe_too_and_what_comes_behind_an_answer_is_none_of_it() {
    let (sandbox, home) = accepted();
    let wrapped = |text: &str| {
        let pieces: Vec<&str> = text.as_bytes().chunks(40).map(|piece| std::str::from_utf8(piece).unwrap()).collect();
        pieces.join("\n  ")
    };
    type Shape<'s> = &'s dyn Fn(&str) -> String;
    let shapes: [(&str, Shape<'_>); 3] = [
        ("one", &|link| wrapped(&code(link, PERSONAL))),
        ("two", &|link| wrapped(&approve(link, PERSONAL))),
        ("three", &|link| format!("{}\nand another line", code(link, PERSONAL))),
    ];
    for (bucket, shape) in shapes {
        let mut child = Piped::start(&home, &["auth", "anthropic", "login", bucket, "--nobrowser"]);
        let link = child.link();
        child.write(&format!("{}\n", shape(&link)));
        let (_, stderr, status) = child.end();
        assert_eq!(status, Some(0), "{bucket}: {stderr}");
        assert!(stderr.contains("Signed in to anthropic as personal@gmail.com"), "{stderr}");
    }
    assert_eq!(sandbox.script("anthropic").count(Endpoint::Token), 3);
    // In a session the next line is a command.
    let mut child = Piped::start(&home, &[]);
    child.write("/auth anthropic login four --nobrowser\n");
    let link = child.link();
    child.write(&format!("{}\n/auth anthropic why\n", code(&link, PERSONAL)));
    let (stdout, stderr, status) = child.end();
    assert_eq!(status, Some(0), "{stderr}");
    assert!(stdout.contains("four"), "{stdout}");
}

#[test]
fn in_a_pipe_a_wrong_paste_or_none_is_the_end_and_nothing_changes() {
    let (sandbox, home) = accepted();
    for (answer, status, words) in
        [("", 4, "The input ended before"), ("half\n", 4, "E-PASTE-HALF"), ("half#other\n", 4, "E-STATE")]
    {
        let mut child = Piped::start(&home, &["auth", "anthropic", "login", "--nobrowser"]);
        child.link();
        child.write(answer);
        let (_, stderr, ended) = child.end();
        assert_eq!(ended, Some(status), "{stderr}");
        assert!(stderr.contains(words), "{stderr}");
        assert!(!stderr.contains("link above"), "it ends with the process: {stderr}");
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
