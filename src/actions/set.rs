//! `/set`: list, show, change, remove.

use llxprt_commands::{Set, SetAction};
use serde_json::{Value, json};

use crate::config::Origin;
use crate::config::declared;
use crate::error::Outcome;
use crate::run::Run;

/// `/set`, `/set KEY`, `/set KEY VALUE`, `/set unset KEY`
pub(super) fn set(run: &mut Run, set: Set) -> Outcome {
    let Set { key, value, action } = set;
    match (action, key) {
        (Some(SetAction::Unset { key }), _) => unset(run, &key),
        (None, None) => list(run),
        (None, Some(key)) if value.is_empty() => show(run, &key),
        (None, Some(key)) => change(run, &key, &value.join(" ")),
    }
}

fn change(run: &mut Run, key: &str, text: &str) -> Outcome {
    run.settings.set(key, text)?;
    let value = run.settings.get(key).map_or(Value::Null, |(v, _)| v.clone());
    run.ui.say(&format!("{key} is {} now, and stays so (settings.json).", shown(&value)));
    Ok(())
}

fn unset(run: &mut Run, key: &str) -> Outcome {
    let there = run.settings.unset(key)?;
    let default = declared::find(key)?.default;
    run.ui.say(&match there {
        true => format!("{key} is removed; the default holds: {default}."),
        false => format!("{key} was not set; the default holds: {default}."),
    });
    Ok(())
}

fn show(run: &Run, key: &str) -> Outcome {
    let declared = declared::find(key)?;
    let (value, origin) = match run.settings.get(key) {
        Some((value, origin)) => (value.clone(), origin),
        None => (Value::from(declared.default), Origin::Default),
    };
    if run.ui.json {
        let row = json!({ "schema": "llxprt.setting.v1", "key": key, "value": value, "origin": origin.word() });
        run.ui.document(&row);
        return Ok(());
    }
    run.ui.data(&format!("{key} = {}  ({})", shown(&value), origin.word()));
    run.ui.note(declared.about);
    Ok(())
}

fn list(run: &Run) -> Outcome {
    let rows = run.settings.listed();
    if run.ui.json {
        let rows: Vec<_> = rows.iter().map(|(k, v, o)| json!({ "key": k, "value": v, "origin": o.word() })).collect();
        run.ui.document(&json!({ "schema": "llxprt.set.v1", "settings": rows }));
        return run.settings.whole();
    }
    let wide = |f: &dyn Fn(&(String, Value, Origin)) -> usize| rows.iter().map(f).max().unwrap_or(0);
    let (keys, values) = (wide(&|r| r.0.len()), wide(&|r| shown(&r.1).len()));
    for (key, value, origin) in &rows {
        run.ui.data(&format!("{key:keys$}  {:values$}  {}", shown(value), origin.word()));
    }
    run.settings.whole()
}

fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => crate::ui::clean_line(text),
        other => other.to_string(),
    }
}
