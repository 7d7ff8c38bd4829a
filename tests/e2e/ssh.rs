//! A login over a real SSH connection: the server is this machine's own, on a port and with keys of the test.

use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};

use llxprt::sandbox::Sandbox;

use crate::session_steps::{PASTE, QUESTION, WORK, code, link, stand};
use crate::support::pty::key;
use crate::support::{Home, Pty, until};

/// A running sshd, ended when the value is dropped.
struct Sshd {
    child: Child,
    port: u16,
    home: Home,
}

impl Sshd {
    fn start() -> Self {
        let home = Home::of("ssh");
        let path = |name: &str| home.path(&format!("home/{name}")).display().to_string();
        for name in ["host_key", "user_key"] {
            let made = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f", &path(name)]).status();
            assert!(made.expect("ssh-keygen starts").success());
        }
        let port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
        let config = format!(
            "Port {port}\nListenAddress 127.0.0.1\nHostKey {}\nAuthorizedKeysFile {}\nPidFile none\nStrictModes no\n\
             UsePAM no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\nPermitRootLogin prohibit-password\n\
             PrintMotd no\nX11Forwarding no\n",
            path("host_key"),
            path("user_key.pub"),
        );
        home.write("home/sshd_config", config);
        // sshd wants an empty folder there when root starts it; a machine where sshd never ran has none.
        std::fs::create_dir_all("/run/sshd").ok();
        let child = Command::new("/usr/sbin/sshd")
            .args(["-D", "-e", "-f", &path("sshd_config")])
            .stdin(Stdio::null())
            .stderr(std::fs::File::create(home.path("home/sshd.log")).unwrap())
            .spawn()
            .expect("sshd starts (Debian: openssh-server)");
        let this = Self { child, port, home };
        until("sshd to listen", || TcpStream::connect(("127.0.0.1", port)).ok());
        this
    }

    /// Runs the program of the other home over SSH, in a terminal.
    fn run(&self, there: &Home, sandbox: &Sandbox) -> Pty {
        let variables = ["config", "data", "cache", "log"]
            .map(|name| format!("LLXPRT_{}_HOME='{}'", name.to_uppercase(), there.path(name).display()));
        let remote = format!(
            "cd / && exec env -u CI -u BROWSER {} LLXPRT_NO_KEYRING=1 LANG=C.UTF-8 TZ=UTC '{}' --sandbox={}",
            variables.join(" "),
            env!("CARGO_BIN_EXE_llxprt"),
            sandbox.url(),
        );
        let user = Command::new("id").arg("-un").output().unwrap();
        let user = String::from_utf8(user.stdout).unwrap();
        let words = [
            "-tt".to_owned(),
            "-F".to_owned(),
            "none".to_owned(),
            "-oStrictHostKeyChecking=no".to_owned(),
            "-oUserKnownHostsFile=/dev/null".to_owned(),
            "-oIdentitiesOnly=yes".to_owned(),
            "-oLogLevel=ERROR".to_owned(),
            format!("-i{}", self.home.path("home/user_key").display()),
            format!("-p{}", self.port),
            format!("{}@127.0.0.1", user.trim()),
            remote,
        ];
        self.home.pty_of(50, 100, &words.each_ref().map(String::as_str))
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

#[test]
#[ignore = "needs sshd"]
fn over_ssh_the_link_is_shown_with_the_reason_and_the_pasted_code_signs_in() {
    let sshd = Sshd::start();
    let (sandbox, there) = stand();
    let mut pty = sshd.run(&there, &sandbox);
    pty.wait_for("no account ›");
    pty.type_line("/auth anthropic login");
    pty.wait_for(QUESTION);
    pty.type_line("y");
    pty.wait_for("No browser opened: this is an SSH session (SSH_CONNECTION is set).");
    pty.wait_for(PASTE);
    pty.paste(&code(&link(&pty), WORK));
    pty.keys(key::ENTER);
    pty.wait_for("Signed in to anthropic as work@company.com");
    pty.wait_for("anthropic default (work@company.com) ›");
    assert_eq!(pty.ask("hello over there"), "hello over there");
    pty.keys(key::CTRL_D);
    assert_eq!(pty.exit_status(), 0);
    pty.assert_restored();
}
