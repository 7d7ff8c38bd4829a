//! The link of a sign-in: whole on every terminal, clickable where that works, carried on by copy, QR and tunnel.

use crate::session_steps::{accepted, at_prompt, begin, fetch, leave, link, manifest, paste_prompt, terminal};
use crate::support::pty::key;

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
fn a_clickable_link_is_sent_only_where_it_is_known_to_work() {
    for (variables, clickable) in [
        (&[][..], false),
        (&[("VTE_VERSION", "7006")], true),
        (&[("VTE_VERSION", "4000")], false),
        (&[("TERM_PROGRAM", "WezTerm")], true),
        (&[("TERM_PROGRAM", "Apple_Terminal")], false),
        (&[("KONSOLE_VERSION", "230800")], true),
        (&[("FORCE_HYPERLINK", "0"), ("VTE_VERSION", "7006")], false),
        (&[("FORCE_HYPERLINK", "1"), ("TERM", "dumb")], false),
    ] {
        let (_sandbox, home) = accepted();
        let home = variables.iter().fold(home, |home, (name, value)| home.env(*name, *value));
        let dumb = variables.contains(&("TERM", "dumb"));
        let pty = terminal(&home, &["--nobrowser"]).prompt(if dumb { ">" } else { "›" });
        pty.wait_prompt();
        pty.type_line("/auth anthropic login");
        pty.wait_for("Ctrl+C cancel");
        let shown = if clickable { vec![link(&pty)] } else { Vec::new() };
        assert_eq!(pty.links(), shown, "{variables:?}");
        assert!(pty.screen().contains(&format!("\n\n{}\n\n", link(&pty))), "{variables:?}");
        pty.keys(key::CTRL_C);
        pty.wait_for("Sign-in cancelled.");
    }
    // Into a pipe it is plain, whatever the terminal behind it may be able to do.
    let (_sandbox, home) = accepted();
    let done = home.env("FORCE_HYPERLINK", "1").run(&["auth", "anthropic", "login", "--nobrowser"]).exit(4);
    assert!(done.stderr.contains("/oauth/authorize?") && !done.stderr.contains('\u{1b}'), "{done}");
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
    let link = begin(&pty, "/auth anthropic login");
    pty.type_line("qr");
    paste_prompt(&pty, 2);
    // What a telephone would see: the modules of a code of this very link, with the quiet zone around.
    let code = qrcode::QrCode::with_error_correction_level(&link, qrcode::EcLevel::L).unwrap();
    let side = code.width() + 8;
    let dark = |x: usize, y: usize| {
        let inside = |n: usize| (4..side - 4).contains(&n);
        inside(x) && inside(y) && code[(x - 4, y - 4)] == qrcode::Color::Dark
    };
    // The screen is dark where nothing is drawn: light modules are drawn.
    let drawn = |x: usize, y: usize| y < side && !dark(x, y);
    let expected = (0..side.div_ceil(2)).map(|row| {
        let column = |x: usize| match (drawn(x, 2 * row), drawn(x, 2 * row + 1)) {
            (true, true) => '█',
            (true, false) => '▀',
            (false, true) => '▄',
            (false, false) => ' ',
        };
        (0..side).map(column).collect::<String>()
    });
    let expected: Vec<String> = expected.collect();
    let rows = pty.rows();
    let first = rows.iter().position(|row| row.starts_with('█')).unwrap();
    assert_eq!(&rows[first..first + expected.len()], expected);
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
fn a_plain_terminal_is_offered_nothing_that_it_cannot_do() {
    for (term, flags, hidden) in
        [("xterm-256color", &["--plain", "--nobrowser"][..], false), ("dumb", &["--nobrowser"], true)]
    {
        let (_sandbox, home) = accepted();
        let home = home.env("TERM", term);
        let pty = terminal(&home, flags).prompt(">");
        pty.wait_prompt();
        pty.type_line("/auth anthropic login");
        pty.wait_for("paste>");
        let screen = pty.screen();
        let menu = if hidden {
            "\n  Ctrl+C cancel\n  What you type here is not shown.\npaste>"
        } else {
            "\n  Ctrl+C cancel\npaste>"
        };
        assert!(screen.contains(menu), "{screen}");
        pty.keys(key::CTRL_C);
        pty.wait_for("Sign-in cancelled.");
    }
}

#[test]
fn over_ssh_a_fixed_port_comes_with_the_command_for_a_tunnel_on_a_line_of_its_own() {
    let (sandbox, home) = accepted();
    let port = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
    manifest(&home, "fixed", sandbox.url(), &format!("ports = [{port}]"), false);
    let mut home = home.env("SSH_TTY", "/dev/pts/3").env("USER", "you");
    let pty = home.pty_of(50, 60, &[]);
    at_prompt(&pty);
    pty.type_line("/auth fixed login");
    paste_prompt(&pty, 1);
    let screen = pty.screen();
    let command = format!("\nssh -L {port}:127.0.0.1:{port} you@");
    assert!(screen.contains(&command), "{screen}");
    pty.keys(key::CTRL_C);
    pty.wait_for("Sign-in cancelled.");
    drop(pty);
    // Whatever else decided that no browser opens: the browser is on the other machine all the same.
    for (name, value) in [("NO_BROWSER", "1"), ("BROWSER", "w3m"), ("CI", "1"), ("", "")] {
        let flag: &[&str] = if name.is_empty() { &["--nobrowser"] } else { &[] };
        home = if name.is_empty() { home } else { home.env(name, value) };
        let pty = home.pty_of(50, 60, flag);
        at_prompt(&pty);
        pty.type_line("/auth fixed login");
        paste_prompt(&pty, 1);
        let screen = pty.screen();
        assert!(screen.contains(&command) && !screen.contains("SSH"), "{screen}");
        pty.keys(key::CTRL_C);
        pty.wait_for("Sign-in cancelled.");
        home = if name.is_empty() { home } else { home.without(name) };
    }
    // Where any port will do there is none to name before the link is opened, and nothing to forward.
    manifest(&home, "free", sandbox.url(), "", false);
    let pty = home.pty_of(50, 60, &[]);
    begin(&pty, "/auth free login");
    assert!(!pty.screen().contains("ssh -L"), "{}", pty.screen());
}
