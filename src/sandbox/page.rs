//! The pages that a person sees in the browser.
//!
//! Plain HTML: no script, nothing loaded from anywhere, usable by keyboard and by WebDriver (`#allow`, `#deny`,
//! `#other`, `input[name=account]`, `#code`).

use super::answer::Answer;
use super::people::{self, OFFERED};
use super::received::Received;

const FRAME: &str = include_str!("page.html");
const STYLE: &str = include_str!("style.css");

/// How a provider's pages look.
pub(super) struct Look {
    /// The name of the service as its owner writes it.
    pub(super) title: &'static str,
    /// The name of the client that asks.
    pub(super) client: &'static str,
    /// A colour of its own, so that two providers are not mixed up.
    pub(super) accent: &'static str,
}

/// Shows the accounts and the two buttons.
pub(super) fn login(look: &Look, call: &Received, scopes: &[String]) -> Answer {
    let scopes: String = scopes.iter().map(|scope| format!("<li><code>{}</code></li>", escape(scope))).collect();
    let asks = format!("<p class=\"asks\">{} asks for:</p><ul class=\"scopes\">{scopes}</ul>", escape(look.client));
    let hint = call.param("login_hint").unwrap_or_default();
    let form = choice(&hint, &asks, "");
    show(look, 200, &format!("Sign in to {}", look.title), "Who are you today?", &form)
}

/// Shows the same with a field for the code of a device.
pub(super) fn device(look: &Look, user_code: &str) -> Answer {
    let code = format!(
        "<label class=\"field\" for=\"user_code\">The code that your terminal shows</label>\
         <input id=\"user_code\" name=\"user_code\" type=\"text\" value=\"{}\" autocomplete=\"off\" \
         spellcheck=\"false\" autocapitalize=\"characters\">",
        escape(user_code)
    );
    let form = choice("", "", &code);
    show(look, 200, &format!("Connect a device to {}", look.title), "Who are you today?", &form)
}

/// Shows a code to copy.
pub(super) fn code(look: &Look, code: &str) -> Answer {
    let body = format!(
        "<p><label for=\"code\">Copy this code and paste it into the terminal.</label></p>\
         <textarea id=\"code\" readonly rows=\"4\" spellcheck=\"false\">{}</textarea>\
         <p class=\"small\">The code works once, for ten minutes.</p>",
        escape(code)
    );
    show(look, 200, "Your sign-in code", "Almost done.", &body)
}

/// Shows that a person can close the page.
pub(super) fn done(look: &Look, title: &str, words: &str) -> Answer {
    show(look, 200, title, words, "")
}

/// Shows an error that is for the person and not for the client.
pub(super) fn failure(look: &Look, status: u16, why: &str) -> Answer {
    let body = format!("<p id=\"error\" class=\"error\">{}</p>", escape(why));
    show(look, status, "This sign-in cannot go on", "Nothing was given to anyone.", &body)
}

fn choice(hint: &str, before: &str, fields: &str) -> String {
    let hinted = people::email(hint).unwrap_or_default();
    let known = OFFERED.iter().any(|(email, _)| *email == hinted);
    let chosen = if known { hinted.as_str() } else { OFFERED[0].0 };
    let mut accounts = String::new();
    for (email, about) in OFFERED {
        let mark = if email == chosen { " checked" } else { "" };
        accounts.push_str(&format!(
            "<label class=\"account\"><input type=\"radio\" name=\"account\" value=\"{email}\"{mark}>\
             <span class=\"face\" aria-hidden=\"true\">{}</span>\
             <span class=\"who\"><strong>{email}</strong><small>{about}</small></span></label>",
            email[..1].to_uppercase()
        ));
    }
    let typed = if known { "" } else { hinted.as_str() };
    format!(
        "{before}<form method=\"post\">{fields}<fieldset><legend>Accounts</legend>{accounts}\
         <label class=\"field\" for=\"other\">Or any other email</label>\
         <input id=\"other\" name=\"other\" type=\"email\" value=\"{}\" placeholder=\"name@example.com\" \
         autocomplete=\"off\" spellcheck=\"false\"></fieldset><div class=\"buttons\">\
         <button id=\"allow\" name=\"decision\" value=\"allow\">Allow</button>\
         <button id=\"deny\" name=\"decision\" value=\"deny\" formnovalidate>Deny</button></div></form>",
        escape(typed)
    )
}

fn show(look: &Look, status: u16, title: &str, lead: &str, body: &str) -> Answer {
    let page = FRAME
        .replace("{{style}}", STYLE)
        .replace("{{accent}}", look.accent)
        .replace("{{title}}", &escape(title))
        .replace("{{provider}}", &escape(look.title))
        .replace("{{lead}}", &escape(lead))
        .replace("{{body}}", body);
    Answer::html(status, page)
        .header("cache-control", "no-store")
        .header("referrer-policy", "no-referrer")
        .header("x-content-type-options", "nosniff")
        .header("content-security-policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'")
}

/// Makes a text safe inside HTML, attributes included.
pub(super) fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            // Braces would be taken for a place of the template.
            '{' => safe.push_str("&#123;"),
            '}' => safe.push_str("&#125;"),
            c => safe.push(c),
        }
    }
    safe
}
