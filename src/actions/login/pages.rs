//! The pages that the browser ends on: static, without code, token or anything from elsewhere.

/// Makes a page of a heading and a sentence; both may hold a provider's words.
pub(super) fn page(heading: &str, words: &str) -> String {
    let (heading, words) = (escape(heading), escape(words));
    format!(
        r#"<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{heading}</title>
<style>
:root {{ color-scheme: light dark }}
body {{ font: 18px/1.5 system-ui, sans-serif; max-width: 32rem; margin: 18vh auto 0; padding: 0 1.5rem }}
h1 {{ font-size: 1.5rem; margin: 0 0 .5rem }}
p {{ margin: 0; opacity: .8 }}
</style></head>
<body><h1>{heading}</h1><p>{words}</p></body></html>
"#
    )
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in crate::ui::clean_line(text).chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    #[test]
    fn a3_words_of_a_provider_are_text_and_nothing_else() {
        let page = super::page("<script>", "\"x\" & \x1b[31m'y'");
        assert!(page.contains("<h1>&lt;script&gt;</h1><p>&quot;x&quot; &amp; &#39;y&#39;</p>"));
        assert!(!page.contains('\x1b') && !page.contains("http"));
    }
}
