//! The form of a command in one line, from its declaration.

use clap::Arg;

use crate::side::Side;
use crate::walk::many;

/// Returns the form of the command at a path, such as `/auth <provider> login [account]`.
pub(crate) fn usage(side: Side, root: &clap::Command, path: &[String]) -> String {
    let mut line = side.prefix().trim_end().to_owned();
    let mut here = root;
    for (depth, name) in path.iter().enumerate() {
        if depth > 0 {
            // The arguments of an outer command stand before the action, unless it is one or the other.
            let outer = here.get_positionals().filter(|_| !here.is_args_conflicts_with_subcommands_set());
            outer.for_each(|arg| line.push_str(&format!(" <{}>", value_name(arg))));
        }
        if !line.ends_with('/') {
            line.push(' ');
        }
        line.push_str(name);
        here = match here.find_subcommand(name) {
            Some(command) => command,
            None => return line,
        };
    }
    let forms: Vec<String> = here.get_positionals().map(form).collect();
    if here.is_args_conflicts_with_subcommands_set() && !forms.is_empty() {
        return format!("{line} {} | {}", nested(&forms), instead(here));
    }
    forms.iter().for_each(|form| line.push_str(&format!(" {form}")));
    if here.has_subcommands() {
        line.push_str(if here.is_subcommand_required_set() { " <action>" } else { " [action]" });
    }
    line
}

/// Forms of which each needs those before it: `[setting [value…]]`.
fn nested(forms: &[String]) -> String {
    let around = |inner: String, form: &String| match form.strip_suffix(']') {
        Some(open) if !inner.is_empty() => format!("{open} {inner}]"),
        _ => form.clone(),
    };
    forms.iter().rev().fold(String::new(), around)
}

/// What can stand in the place of a command's own arguments: its only action in full, or any of them.
fn instead(here: &clap::Command) -> String {
    let actions: Vec<_> = here.get_subcommands().collect();
    match actions.as_slice() {
        [only] => {
            let words = std::iter::once(only.get_name().to_owned()).chain(only.get_positionals().map(form));
            words.collect::<Vec<_>>().join(" ")
        }
        _ => "<action>".to_owned(),
    }
}

/// Returns the form of one positional argument: `<name>`, `[account…]`, `<profile> <profile…>`.
pub(crate) fn form(arg: &Arg) -> String {
    let name = value_name(arg);
    let dots = if many(arg) { "…" } else { "" };
    match (arg.is_required_set(), arg.get_num_args().is_some_and(|n| n.min_values() > 1)) {
        (true, true) => format!("<{name}> <{name}{dots}>"),
        (true, false) => format!("<{name}{dots}>"),
        (false, _) => format!("[{name}{dots}]"),
    }
}

/// Returns what a value is called in the declaration.
pub(crate) fn value_name(arg: &Arg) -> String {
    arg.get_value_names().and_then(|names| names.first()).map(ToString::to_string).unwrap_or_default()
}

/// Follows a path through the tree as far as it goes.
pub(crate) fn follow<'t>(root: &'t clap::Command, path: &[String]) -> &'t clap::Command {
    path.iter().fold(root, |here, name| here.find_subcommand(name).unwrap_or(here))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::tree;

    fn slash(path: &[&str]) -> String {
        let path: Vec<_> = path.iter().map(ToString::to_string).collect();
        usage(Side::Session, &tree(Side::Session), &path)
    }

    #[test]
    fn forms_are_those_of_the_declaration() {
        assert_eq!(slash(&["auth"]), "/auth [provider] [action]");
        assert_eq!(slash(&["auth", "login"]), "/auth <provider> login [account]");
        assert_eq!(slash(&["auth", "logout"]), "/auth <provider> logout [account|all]");
        assert_eq!(slash(&["auth", "rename"]), "/auth <provider> rename <account> <new-name>");
        assert_eq!(slash(&["profile", "save"]), "/profile save <action>");
        assert_eq!(slash(&["profile", "save", "model"]), "/profile save model <name> [account…]");
        assert_eq!(
            slash(&["profile", "save", "loadbalancer"]),
            "/profile save loadbalancer <name> <failover|roundrobin> <profile> <profile…>"
        );
        assert_eq!(slash(&["set"]), "/set [setting [value…]] | unset <setting>");
        assert_eq!(slash(&["key"]), "/key [key|none] | <action>");
        assert_eq!(slash(&["set", "unset"]), "/set unset <setting>");
        assert_eq!(usage(Side::Shell, &tree(Side::Shell), &["man".to_owned()]), "llxprt man");
    }
}
