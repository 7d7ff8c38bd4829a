//! The reference page, from the declaration.

use std::fmt::Write;

use clap::Arg;

use crate::help::page;
use crate::place::{Place, unmarked};
use crate::side::Side;
use crate::tree::tree;
use crate::usage::{form, usage};

const HEAD: &str = "\
<!-- Made from the declaration in commands/; a test compares. -->
# Commands

The same words work after a slash in a session and as arguments of `llxprt` in the shell: `/auth anthropic status` is
`llxprt auth anthropic status`. Commands, actions and provider names ignore case. `--json` can end every command that
only shows something.
";

/// Returns the reference of all commands and flags in Markdown.
pub fn reference() -> String {
    let tree = tree(Side::Shell);
    let mut text = HEAD.to_owned();
    for command in tree.get_subcommands() {
        section(&mut text, &tree, command, &[command.get_name().to_owned()]);
    }
    text.push_str("\n## Flags of the program\n\nThey stand before or after the words and hold for this run only.\n\n");
    for flag in tree.get_arguments().filter(|arg| arg.get_long().is_some()) {
        line(&mut text, &spelling(flag), flag);
    }
    text.push_str("- `-h`, `--help`: The page of the program, or of a command\n- `-V`, `--version`: The version\n");
    text
}

/// Returns every command that the shell has, in the form in which it takes it, with one sentence about it.
pub fn shell_forms() -> Vec<(String, String)> {
    fn below(tree: &clap::Command, command: &clap::Command, path: &[String], forms: &mut Vec<(String, String)>) {
        if !Place::of(command).allows(Side::Shell) {
            return;
        }
        let about = command.get_about().map(ToString::to_string).unwrap_or_default();
        forms.push((usage(Side::Shell, tree, path), format!("{}.", unmarked(&about))));
        for inner in command.get_subcommands() {
            below(tree, inner, &[path, &[inner.get_name().to_owned()]].concat(), forms);
        }
    }
    let (tree, mut forms) = (tree(Side::Shell), Vec::new());
    tree.get_subcommands().for_each(|command| below(&tree, command, &[command.get_name().to_owned()], &mut forms));
    forms
}

fn section(text: &mut String, tree: &clap::Command, command: &clap::Command, path: &[String]) {
    let place = Place::of(command);
    let side = if place == Place::Shell { Side::Shell } else { Side::Session };
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    let outer = path.len() == 1;
    let mark = if outer { "##" } else { "###" };
    push(text, format_args!("\n{mark} `{}`\n\n{}.", usage(side, tree, path), unmarked(&about)));
    match place {
        Place::Anywhere => {}
        Place::Session => text.push_str(" Inside a session only."),
        Place::Shell => text.push_str(" In the shell only."),
    }
    let aliases: Vec<_> = command.get_visible_aliases().map(|alias| format!("`/{alias}`")).collect();
    if !aliases.is_empty() {
        push(text, format_args!(" Also {}.", aliases.join(", ")));
    }
    text.push('\n');
    let mut arguments = command.get_arguments().filter(|arg| !arg.is_hide_set()).peekable();
    if arguments.peek().is_some() {
        text.push('\n');
    }
    for arg in arguments {
        line(text, &if arg.is_positional() { format!("`{}`", form(arg)) } else { spelling(arg) }, arg);
    }
    for inner in command.get_subcommands() {
        section(text, tree, inner, &[path, &[inner.get_name().to_owned()]].concat());
    }
    let examples: Vec<_> =
        page(path).lines().filter(|line| line.starts_with("  /") || line.starts_with("  llxprt")).collect();
    if outer && !examples.is_empty() {
        let examples: Vec<_> = examples.into_iter().map(str::trim_start).collect();
        push(text, format_args!("\n```text\n{}\n```\n", examples.join("\n")));
    }
}

/// One argument or flag with its meaning.
fn line(text: &mut String, spelling: &str, arg: &Arg) {
    let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
    push(text, format_args!("- {spelling}: {}\n", unmarked(&help)));
}

/// A flag in all its spellings.
fn spelling(flag: &Arg) -> String {
    let value = match (flag.get_action().takes_values(), flag.get_value_names(), flag.is_require_equals_set()) {
        (true, Some([name, ..]), false) => format!(" {name}"),
        (true, Some([name, ..]), true) => format!("[={name}]"),
        _ => String::new(),
    };
    let short = flag.get_short().map(|short| format!("`-{short}`"));
    let long = flag.get_long_and_visible_aliases().unwrap_or_default();
    let long = long.into_iter().map(|long| format!("`--{long}{value}`"));
    short.into_iter().chain(long).collect::<Vec<_>>().join(", ")
}

/// Writing to a `String` cannot fail.
fn push(text: &mut String, part: std::fmt::Arguments<'_>) {
    let _ = text.write_fmt(part);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_and_flag_is_in_it() {
        let page = reference();
        for part in [
            "## `/auth [provider] [action]`\n\nSign in and out, and see who is signed in.\n",
            "### `/auth <provider> login [account]`\n\nSign in now.\n\n- `[account]`: Your label",
            "- `--device`, `--device-code`, `--device-auth`: Use a short code",
            "### `/auth <provider> switch <account>`\n\nUse another account in this session. Inside a session only.",
            "### `llxprt auth <provider> token [account]`\n\nPrint a valid access token. In the shell only.",
            "### `/profile save loadbalancer <name> <failover|roundrobin> <profile> <profile…>`",
            "## `/doctor`\n\nCheck this machine. Also `/diagnostics`.",
            "```text\n/doctor\nllxprt doctor --json\n```",
            "- `--browser[=CMD]`: Open a browser",
            "- `-p`, `--prompt TEXT`: One prompt",
            "- `--bucket NAME`, `--account NAME`: The account",
        ] {
            assert!(page.contains(part), "{part}\nis not in\n{page}");
        }
    }
}
