//! A Secret Service of its own for one test: a message bus, gnome-keyring and secret-tool in a temporary folder.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::{signal, until};

const PASSWORD: &str = "password";
const SERVICE: &str = "org.freedesktop.secrets";

/// A bus that starts no service by itself, and the keyring on it as long as it runs.
pub struct SecretService {
    root: tempfile::TempDir,
    address: String,
    bus: Child,
    daemon: Option<Child>,
}

impl SecretService {
    /// A bus with an unlocked keyring.
    pub fn unlocked() -> Self {
        let mut service = Self::bus_alone();
        service.start();
        service
    }

    /// A bus without a keyring.
    pub fn bus_alone() -> Self {
        let root = tempfile::Builder::new().prefix("llxprt-keyring-").tempdir().expect("a temporary folder");
        for folder in ["home", "data", "run"] {
            let path = root.path().join(folder);
            std::fs::create_dir(&path).expect("a folder");
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700)).expect("its mode");
        }
        let config = root.path().join("bus.conf");
        std::fs::write(&config, bus_config(root.path())).expect("the configuration of the bus");
        let mut bus = Command::new("dbus-daemon")
            .args(["--nofork", "--print-address=1", "--config-file"])
            .arg(&config)
            .env_clear()
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("dbus-daemon starts (Debian: apt install dbus-daemon)");
        let mut address = String::new();
        BufReader::new(bus.stdout.take().expect("a pipe")).read_line(&mut address).expect("the address of the bus");
        Self { root, address: address.trim().to_owned(), bus, daemon: None }
    }

    /// The environment in which programs find this keyring and no other.
    pub fn environment(&self) -> [(&'static str, PathBuf); 5] {
        let below = |name: &str| self.root.path().join(name);
        [
            ("DBUS_SESSION_BUS_ADDRESS", PathBuf::from(&self.address)),
            ("HOME", below("home")),
            ("XDG_DATA_HOME", below("data")),
            ("XDG_RUNTIME_DIR", below("run")),
            ("PATH", std::env::var_os("PATH").unwrap_or_else(|| "/usr/bin:/bin".into()).into()),
        ]
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env_clear().envs(self.environment()).stdin(Stdio::null()).stderr(Stdio::null());
        command
    }

    /// Starts the keyring and unlocks it.
    pub fn start(&mut self) {
        assert!(self.daemon.is_none(), "the keyring runs already");
        let control = self.root.path().join("run/control");
        let mut daemon = self
            .command("gnome-keyring-daemon")
            .args(["--foreground", "--unlock", "--components=secrets", "--control-directory"])
            .arg(control)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .expect("gnome-keyring-daemon starts (Debian: apt install gnome-keyring)");
        daemon.stdin.take().expect("a pipe").write_all(PASSWORD.as_bytes()).expect("the password is taken");
        self.daemon = Some(daemon);
        until("the keyring to be unlocked", || self.collections().contains("collection/login").then_some(()));
    }

    fn collections(&self) -> String {
        let name = "string:org.freedesktop.Secret.Service";
        let get = "org.freedesktop.DBus.Properties.Get";
        self.send("/org/freedesktop/secrets", get, &[name, "string:Collections"])
    }

    fn send(&self, object: &str, method: &str, arguments: &[&str]) -> String {
        let sent = self
            .command("dbus-send")
            .args(["--session", "--print-reply", &format!("--dest={SERVICE}"), object, method])
            .args(arguments)
            .output()
            .expect("dbus-send starts (Debian: apt install dbus-bin)");
        String::from_utf8_lossy(&sent.stdout).into_owned()
    }

    /// Locks everything; nobody is there to type a password.
    pub fn lock(&self) {
        let all = "array:objpath:/org/freedesktop/secrets/collection/login";
        let locked = self.send("/org/freedesktop/secrets", "org.freedesktop.Secret.Service.Lock", &[all]);
        assert!(locked.contains("collection/login"), "{locked}");
    }

    /// Makes the keyring own its name and answer nothing.
    pub fn stop(&self) {
        signal(self.daemon.as_ref().expect("the keyring runs").id(), "STOP");
    }

    /// Lets it answer again.
    pub fn go_on(&self) {
        signal(self.daemon.as_ref().expect("the keyring runs").id(), "CONT");
    }

    /// Kills the keyring.
    pub fn kill(&mut self) {
        let mut daemon = self.daemon.take().expect("the keyring runs");
        daemon.kill().expect("it is killed");
        daemon.wait().expect("it ends");
        until("the name to be free", || self.collections().is_empty().then_some(()));
    }

    /// Stores an item as another program would; the attributes are those it is found by.
    pub fn store(&self, attributes: &[(&str, &str)], secret: &str) {
        let mut store = self
            .command("secret-tool")
            .args(["store", "--label=another program's"])
            .args(attributes.iter().flat_map(|(name, value)| [name, value]))
            .stdin(Stdio::piped())
            .spawn()
            .expect("secret-tool starts (Debian: apt install libsecret-tools)");
        store.stdin.take().expect("a pipe").write_all(secret.as_bytes()).expect("the secret is taken");
        assert!(store.wait().expect("secret-tool ends").success());
    }

    /// Looks an item up as another program would.
    pub fn lookup(&self, attributes: &[(&str, &str)]) -> Option<String> {
        let lookup = self
            .command("secret-tool")
            .arg("lookup")
            .args(attributes.iter().flat_map(|(name, value)| [name, value]))
            .output()
            .expect("secret-tool starts");
        lookup.status.success().then(|| String::from_utf8(lookup.stdout).expect("text"))
    }

    /// Counts the items with these attributes.
    pub fn count(&self, attributes: &[(&str, &str)]) -> usize {
        let search = self
            .command("secret-tool")
            .args(["search", "--all"])
            .args(attributes.iter().flat_map(|(name, value)| [name, value]))
            .output()
            .expect("secret-tool starts");
        String::from_utf8_lossy(&search.stdout).lines().filter(|line| line.starts_with("[/")).count()
    }
}

impl Drop for SecretService {
    fn drop(&mut self) {
        for child in self.daemon.iter_mut().chain([&mut self.bus]) {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn bus_config(root: &Path) -> String {
    format!(
        r#"<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN" "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:dir={}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default"><allow send_destination="*"/><allow eavesdrop="true"/><allow own="*"/></policy>
</busconfig>
"#,
        root.join("run").display()
    )
}
