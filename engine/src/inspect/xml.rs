//! Texts inside of XML.

/// A text as it stands in XML, in an element or in an attribute. What XML cannot hold at all becomes the sign for that.
///
/// ```
/// use metalab_engine::inspect::xml_text;
/// assert_eq!(xml_text("a < b & \"c\""), "a &lt; b &amp; &quot;c&quot;");
/// ```
pub fn xml_text(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' => escaped.push('\n'),
            '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            _ if c.is_control() => escaped.push('\u{fffd}'),
            _ => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    #[test]
    fn text_stays_text() {
        assert_eq!(
            super::xml_text("</text><a href=\"x\">&\u{7}\u{ffff}"),
            "&lt;/text&gt;&lt;a href=&quot;x&quot;&gt;&amp;\u{fffd}\u{fffd}"
        );
    }
}
