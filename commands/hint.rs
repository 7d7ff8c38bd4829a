//! The grey text after the cursor: how the line would go on.

use crate::complete::{complete, cursor};
use crate::known::Names;
use crate::side::Side;
use crate::tree::tree;
use crate::usage::form;
use crate::walk::Walk;

/// Returns the rest of the best candidate, or, where a new word begins, the form of what is wanted there: a form
/// begins with `<` or `[` and is for reading only.
pub fn hint(line: &str, names: &Names) -> Option<String> {
    let cursor = cursor(line, line.len())?;
    let candidates = complete(line, line.len(), names);
    if !cursor.typed.is_empty() {
        // A dash alone has not said which flag.
        if cursor.typed.trim_start_matches('-').is_empty() {
            return None;
        }
        let best = candidates.first()?;
        return line
            .get(best.start..)
            .and_then(|typed| best.text.strip_prefix(typed))
            .filter(|rest| !rest.is_empty())
            .map(str::to_owned);
    }
    if let [only] = &candidates[..] {
        return Some(only.text.clone());
    }
    let tree = tree(Side::Session);
    let walk = Walk::along(Side::Session, &tree, &cursor.before);
    if walk.path.is_empty() || walk.stray.is_some() || walk.odd_flag.is_some() {
        return None;
    }
    match walk.positional() {
        // Nobody is to be led into typing a key where it can be seen.
        Some(arg) if arg.get_id() == "key" => None,
        Some(arg) => Some(form(arg)),
        None if walk.here().has_subcommands() => Some("[action]".to_owned()),
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::complete::tests::names;

    #[test]
    fn the_best_candidate_is_finished() {
        for (line, rest) in [
            ("/au", Some("th")),
            ("/auth anthropic logi", Some("n")),
            ("/auth anthropic log", Some("in")),
            ("/auth anthropic switch w", Some("ork@company.com")),
            ("/auth anthropic switch company", None),
            ("/auth codex login --m", Some("emory")),
            ("/auth codex login --", None),
            ("/auth", None),
            ("/xyz", None),
            ("/", None),
            ("hello", None),
            ("", None),
        ] {
            assert_eq!(hint(line, &names()).as_deref(), rest, "{line}");
        }
    }

    #[test]
    fn a_new_word_shows_what_is_wanted() {
        for (line, form) in [
            ("/auth ", Some("[provider]")),
            ("/auth anthropic ", Some("[action]")),
            ("/auth anthropic login ", Some("[account]")),
            ("/auth codex rename default ", Some("<new-name>")),
            ("/key load ", Some("anthropic")),
            ("/key save ", Some("anthropic")),
            ("/key save work ", None),
            ("/profile save model ", Some("<name>")),
            ("/clear ", None),
        ] {
            assert_eq!(hint(line, &names()).as_deref(), form, "{line}");
        }
    }
}
