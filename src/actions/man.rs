//! `llxprt man`: one page with everything; flags and commands are those of the declaration.

use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, italic, roman};
use llxprt_commands::{shell_command, shell_forms};

use crate::error::{Code, Failure, Outcome};
use crate::run::Run;

const SYNOPSIS: [&str; 3] = ["[FLAG...]", "[FLAG...] COMMAND [ARGUMENT...]", "[FLAG...] -p TEXT"];

const DESCRIPTION: &str = "Signs in to AI providers, keeps several accounts of each, and goes on with the next one when \
    one reaches its limit. Without a command a session begins, in which the same words stand after a slash; lines that \
    come through a pipe are run one by one.";

/// Exit statuses (`docs/errors.md` has the codes behind each).
const STATUS: [(&str, &str); 10] = [
    ("0", "done"),
    ("1", "failed"),
    ("2", "wrong usage"),
    ("4", "a person must sign in, or a sign-in was denied or timed out"),
    ("69", "the provider or the network is out of reach"),
    ("75", "every account is at its limit; try later"),
    ("77", "the vault refused, or could not keep a secret"),
    ("78", "a file of ours that the command needs is damaged"),
    ("129, 130, 143", "ended by SIGHUP, SIGINT, SIGTERM"),
    ("141", "stdout was closed early"),
];

const FILES: [(&str, &str); 8] = [
    ("CONFIG/settings.json", "Settings; see the command set."),
    ("CONFIG/profiles/NAME.json", "Saved profiles."),
    ("CONFIG/providers/NAME.toml", "Providers of your own, and changes to those built in."),
    ("DATA/index.json", "Names, states and limits of accounts, and names of keys. No secrets."),
    ("DATA/secure-store/", "Sign-ins and keys that are not in the keyring, sealed."),
    ("DATA/vault-ID.key", "The key of the sealed files."),
    ("DATA/history", "Lines that were typed; no secrets."),
    ("LOG/llxprt.log", "What happened; see the command log."),
];

const PLACES: &str = "On Linux CONFIG is $XDG_CONFIG_HOME/llxprt-code or ~/.config/llxprt-code, and DATA is \
    $XDG_DATA_HOME/llxprt-code or ~/.local/share/llxprt-code; LOG is below $XDG_STATE_HOME or ~/.local/state. The command doctor tells all of them on every system. \
    Nothing is read from the current directory.";

const ENVIRONMENT: [(&str, &str); 9] = [
    (
        "LLXPRT_CONFIG_HOME, LLXPRT_DATA_HOME, LLXPRT_CACHE_HOME, LLXPRT_LOG_HOME",
        "Absolute paths that take the place of the folders above; the last three fall back to the first.",
    ),
    ("LLXPRT_NO_KEYRING", "1 leaves the keyring alone: sign-ins and keys go to sealed files."),
    ("BROWSER", "The command that opens a link, or a list of them; empty or none: never open a browser."),
    ("NO_BROWSER", "Not empty: never open a browser."),
    (
        "CI, DEBIAN_FRONTEND, SSH_CONNECTION, SSH_TTY, SSH_CLIENT, DISPLAY, WAYLAND_DISPLAY",
        "Tell whether a browser can be opened here; the sign-in says which of them decided.",
    ),
    ("NO_COLOR, CLICOLOR, CLICOLOR_FORCE", "Whether colours are used; the flag --color is stronger."),
    ("ACCESSIBLE", "Anything but 0 and false: plain mode, as by --plain. TERM=dumb does the same without line editor."),
    ("HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY", "Proxies; loopback addresses are always reached directly."),
    ("SSL_CERT_FILE, SSL_CERT_DIR", "Certificates to trust in place of those of the system."),
];

const EXAMPLES: [&str; 4] = [
    "llxprt --sandbox",
    "llxprt auth anthropic login work@company.com",
    "llxprt -p \"Say hello.\" --provider anthropic",
    "llxprt auth --json",
];

/// `llxprt man`
pub(super) fn man(run: &Run) -> Outcome {
    super::help::no_document(run)?;
    let mut page = Vec::new();
    render(run, &mut page).map_err(|e| Failure::new(Code::Internal, format!("The man page cannot be made: {e}.")))?;
    run.ui.data(&String::from_utf8_lossy(&page));
    Ok(())
}

fn render(run: &Run, page: &mut Vec<u8>) -> std::io::Result<()> {
    let made = Man::new(shell_command());
    made.render_title(page)?;
    made.render_name_section(page)?;
    let mut head = Roff::new();
    head.control("SH", ["SYNOPSIS"]);
    for (n, form) in SYNOPSIS.iter().enumerate() {
        if n > 0 {
            head.control("br", []);
        }
        head.text([bold("llxprt"), roman(format!(" {form}"))]);
    }
    head.control("SH", ["DESCRIPTION"]);
    head.text([roman(DESCRIPTION)]);
    page.extend(head.to_roff().bytes());
    made.render_options_section(page)?;
    let mut rest = Roff::new();
    rest.control("SH", ["COMMANDS"]);
    for (form, about) in shell_forms() {
        item(&mut rest, &form, &about);
    }
    rest.control("SH", ["EXIT STATUS"]);
    STATUS.iter().for_each(|(status, words)| item(&mut rest, status, words));
    rest.control("SH", ["FILES"]);
    FILES.iter().for_each(|(file, words)| item(&mut rest, file, words));
    rest.control("PP", []);
    rest.text([roman(PLACES)]);
    rest.control("SH", ["ENVIRONMENT"]);
    ENVIRONMENT.iter().for_each(|(names, words)| item(&mut rest, names, words));
    for manifest in run.registry.all().filter(|manifest| !manifest.api_key_env.is_empty()) {
        item(&mut rest, &manifest.api_key_env.join(", "), &format!("An API key for {}.", manifest.title));
    }
    rest.control("SH", ["EXAMPLES"]);
    for example in EXAMPLES {
        rest.control("PP", []);
        rest.text([italic(example)]);
    }
    page.extend(rest.to_roff().bytes());
    Ok(())
}

/// A term and what it means.
fn item(roff: &mut Roff, term: &str, words: &str) {
    roff.control("TP", []);
    roff.text([bold(term)]);
    roff.text([roman(words)]);
}
