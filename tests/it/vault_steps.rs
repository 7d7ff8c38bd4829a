//! A vault in a process of its own: this very binary, started again with the one test that reads steps from its input.
//!
//! The keyring crate connects once in a process, and a process that is killed should not be the one that looks.

use std::io::{BufRead, BufReader, Lines, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use llxprt::config::Dirs;
use llxprt::secret::Secret;
use llxprt::vault::{Vault, VaultError, Wish};

const ROOT: &str = "LLXPRT_TEST_VAULT";

/// A process with a vault that takes steps.
pub struct Steps {
    child: Child,
    input: Option<ChildStdin>,
    output: Lines<BufReader<ChildStdout>>,
}

impl Steps {
    /// Starts one whose files lie below `root`; nothing of this process's environment reaches it.
    pub fn start<K: AsRef<std::ffi::OsStr>, V: AsRef<std::ffi::OsStr>>(
        environment: impl IntoIterator<Item = (K, V)>,
        root: &Path,
    ) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "vault_steps::steps", "--ignored", "--nocapture", "--test-threads=1"])
            .env_clear()
            .envs(environment)
            .env(ROOT, root)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let (input, output) = (child.stdin.take(), child.stdout.take().unwrap());
        Self { child, input, output: BufReader::new(output).lines() }
    }

    /// Takes one step and returns what came of it.
    pub fn step(&mut self, step: &str) -> String {
        writeln!(self.input.as_mut().unwrap(), "{step}").unwrap();
        loop {
            let line = self.output.next().expect("the process still runs").unwrap();
            if let Some(answer) = line.strip_prefix("| ") {
                return answer.to_owned();
            }
        }
    }

    /// Begins a step that never ends, and returns what it tells so far.
    pub fn begin(&mut self, step: &str) -> impl Iterator<Item = String> {
        writeln!(self.input.as_mut().unwrap(), "{step}").unwrap();
        let lines = self.output.by_ref().map_while(Result::ok);
        lines.filter_map(|line| line.strip_prefix("| ").map(str::to_owned))
    }

    /// Kills the process and returns what it told before it died.
    pub fn kill(mut self) -> Vec<String> {
        self.child.kill().unwrap();
        let left = self.output.by_ref().map_while(Result::ok);
        let told = left.filter_map(|line| line.strip_prefix("| ").map(str::to_owned)).collect();
        self.child.wait().unwrap();
        told
    }

    /// Lets the process end, which no hanging keyring may prevent.
    pub fn end(mut self) {
        drop(self.input.take());
        while self.output.next().is_some() {}
        assert!(self.child.wait().unwrap().success());
    }
}

#[test]
#[ignore = "started by the other tests, with steps on its input"]
fn steps() {
    let Some(root) = std::env::var_os(ROOT) else { return };
    let dirs = Dirs { overridden: false, ..Dirs::below(Path::new(&root)) };
    let vault = Vault::new(&dirs, Wish::Auto, false, false);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    for line in std::io::stdin().lines() {
        let line = line.unwrap();
        let words: Vec<&str> = line.splitn(3, ' ').collect();
        let answer = match runtime.block_on(take(&vault, &words)) {
            Ok(answer) => format!("ok {answer}"),
            Err(error) => format!("{:?}: {error}", error.kind),
        };
        println!("\n| {answer}");
    }
}

async fn take(vault: &Vault, words: &[&str]) -> Result<String, VaultError> {
    Ok(match words {
        ["probe"] => vault.probe_keyring().await?.to_owned(),
        ["write", account, json] => {
            let account = account.parse().unwrap();
            let lock = vault.lock(&account).await?;
            format!("{:?}", vault.write(&lock, &account, json).await?.home)
        }
        ["read", account] => {
            let text = vault.read(&account.parse().unwrap(), &|_| {}).await?;
            text.map_or("none".to_owned(), |text| text.to_string())
        }
        ["delete", account] => {
            let account = account.parse().unwrap();
            let lock = vault.lock(&account).await?;
            vault.delete(&lock, &account).await?.to_string()
        }
        ["save", name, key] => format!("{:?}", vault.write_key(&name.parse().unwrap(), &Secret::new(*key)).await?.home),
        ["storm", wide] => storm(vault, wide.parse().unwrap()).await?,
        ["recover"] => {
            let recovered = vault.recover(Vec::new).await?;
            let named: Vec<_> = recovered.index.accounts.keys().chain(recovered.index.keys.keys()).cloned().collect();
            format!("[{}] {}", named.join(" "), recovered.notices.join(" "))
        }
        other => panic!("{other:?}"),
    })
}

/// Writes logins in turn, saves a key and signs out for ever; tells each number when its login is kept.
async fn storm(vault: &Vault, wide: usize) -> Result<String, VaultError> {
    let passing = "codex:passing".parse().unwrap();
    for n in 0_usize.. {
        let account = format!("qwen:b{}", n % wide).parse().unwrap();
        let lock = vault.lock(&account).await?;
        vault.write(&lock, &account, &format!(r#"{{"n":{n},"padding":"{}"}}"#, "x".repeat(n % 5000))).await?;
        drop(lock);
        println!("\n| {n}");
        let lock = vault.lock(&passing).await?;
        if n % 2 == 0 {
            let _ = vault.write(&lock, &passing, "{}").await?;
        } else {
            let _ = vault.delete(&lock, &passing).await?;
        }
        drop(lock);
        vault.write_key(&"openai".parse().unwrap(), &Secret::new(format!("sk-{n:020}"))).await?;
        vault.update_index(|index| index.entry_mut(&account).map(|entry| entry.counts.requests += 1))?;
    }
    Ok("never".to_owned())
}
