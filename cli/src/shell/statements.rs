//! Where one question ends and the next begins.

/// The questions and dot commands of a text. A question ends with `;` outside of quotes and comments, or with the text;
/// a line that begins with a dot, where no question has begun, is a command.
pub(super) fn split(text: &str) -> Vec<String> {
    let mut pieces = Vec::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start();
        if rest.is_empty() {
            return pieces;
        }
        let end = match rest.starts_with('.') {
            true => rest.find('\n').unwrap_or(rest.len()),
            false => end_of_question(rest).unwrap_or(rest.len()),
        };
        let piece = rest[..end].trim().trim_end_matches(';').trim();
        if has_words(piece) {
            pieces.push(piece.to_owned());
        }
        rest = &rest[end..];
    }
}

/// Whether a text is to be carried out, or more of it is to come.
pub(super) fn is_whole(text: &str) -> bool {
    let mut rest = text.trim();
    loop {
        rest = rest.trim_start();
        if rest.is_empty() || rest.starts_with('.') {
            return true;
        }
        match end_of_question(rest) {
            Some(end) => rest = &rest[end..],
            None => return !has_words(rest),
        }
    }
}

/// The place behind the first `;` that ends something.
fn end_of_question(text: &str) -> Option<usize> {
    walk(text, |at, c, plain| (plain && c == ';').then_some(at + 1))
}

/// Whether there is anything but blanks and comments.
fn has_words(text: &str) -> bool {
    walk(text, |_, c, plain| (!plain || !c.is_whitespace()).then_some(())).is_some()
}

/// Looks at the characters outside of comments; the last argument tells whether one is outside of quotes too.
fn walk<T>(text: &str, mut look: impl FnMut(usize, char, bool) -> Option<T>) -> Option<T> {
    let mut quote = None;
    let mut characters = text.char_indices().peekable();
    while let Some((at, c)) = characters.next() {
        let next = characters.peek().map(|(_, next)| *next);
        match (quote, c, next) {
            (Some(open), c, _) => {
                if c == open {
                    quote = None;
                }
                if let Some(found) = look(at, c, false) {
                    return Some(found);
                }
                continue;
            }
            (None, '\'' | '"', _) => {
                quote = Some(c);
                if let Some(found) = look(at, c, false) {
                    return Some(found);
                }
                continue;
            }
            (None, '-', Some('-')) => {
                while characters.next_if(|(_, c)| *c != '\n').is_some() {}
                continue;
            }
            (None, '/', Some('*')) => {
                characters.next();
                let mut before = ' ';
                for (_, c) in characters.by_ref() {
                    if before == '*' && c == '/' {
                        break;
                    }
                    before = c;
                }
                continue;
            }
            _ => {}
        }
        if let Some(found) = look(at, c, true) {
            return Some(found);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_end_with_semicolons_outside_of_quotes() {
        assert_eq!(split("select 1; select 2"), ["select 1", "select 2"]);
        assert_eq!(
            split("select ';';\n.tables\nselect \"a;b\" -- x; y\n;"),
            ["select ';'", ".tables", "select \"a;b\" -- x; y"]
        );
        assert_eq!(split("select /* ; */ 1;;; -- nothing"), ["select /* ; */ 1"]);
        assert_eq!(split("select 'it''s; so'"), ["select 'it''s; so'"]);
        assert_eq!(split(" \n -- only words\n"), [""; 0]);
        assert_eq!(split("select .5\n.5;"), ["select .5\n.5"]);
        assert_eq!(split("select 'never ends; select 2"), ["select 'never ends; select 2"]);
    }

    #[test]
    fn more_is_waited_for_until_a_question_has_ended() {
        for text in
            ["", " ", ".help", "select 1;", "select 1; -- and so on", "select 1;\n", "-- words", "/* x */"]
        {
            assert!(is_whole(text), "{text:?}");
        }
        for text in ["select 1", "select ';", "select 1; select 2", "select 1 -- ;", "select 1 /* ;", "'"] {
            assert!(!is_whole(text), "{text:?}");
        }
    }
}
