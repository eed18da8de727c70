//! What can be completed in the shell: tables, columns, functions, words of SQL.

use std::collections::BTreeMap;

use metalab_query::Session;

use super::dots;

const WORDS: [&str; 41] = [
    "SELECT",
    "FROM",
    "WHERE",
    "GROUP BY",
    "ORDER BY",
    "HAVING",
    "LIMIT",
    "OFFSET",
    "DISTINCT",
    "AS",
    "AND",
    "OR",
    "NOT",
    "IN",
    "IS",
    "NULL",
    "LIKE",
    "ILIKE",
    "BETWEEN",
    "CASE",
    "WHEN",
    "THEN",
    "ELSE",
    "END",
    "JOIN",
    "LEFT JOIN",
    "CROSS JOIN",
    "ON",
    "USING",
    "UNION ALL",
    "WITH",
    "VALUES",
    "DESC",
    "ASC",
    "OVER",
    "PARTITION BY",
    "EXPLAIN",
    "DESCRIBE",
    "SHOW TABLES",
    "TRUE",
    "FALSE",
];

/// Names of a store, as they were when it was made.
#[derive(Debug, Default)]
pub(super) struct Catalogue {
    /// Columns by table.
    tables: BTreeMap<String, Vec<String>>,
    functions: Vec<String>,
}

impl Catalogue {
    pub(super) async fn of(session: &Session) -> Self {
        let mut tables = BTreeMap::new();
        for table in session.tables().await {
            // A table that cannot be described is completed without columns.
            let columns = session.columns(&table).await.unwrap_or_default();
            tables.insert(table, columns.into_iter().map(|column| column.name).collect());
        }
        Self { tables, functions: session.functions() }
    }

    /// Where the word before `pos` begins, and what it may become.
    pub(super) fn complete(&self, line: &str, pos: usize) -> (usize, Vec<String>) {
        let before = line.get(..pos).unwrap_or(line);
        if before.starts_with('.') {
            return self.command(before);
        }
        let start = word_start(before);
        let (typed, earlier) = (&before[start..], &before[..start]);
        if typed.is_empty() && earlier.trim().is_empty() || inside_text(before) {
            return (pos, Vec::new());
        }
        let previous = earlier.split_whitespace().next_back().unwrap_or_default().to_uppercase();
        let tables = self.tables.keys().map(|name| quoted(name));
        let mut found: Vec<String> = match previous.as_str() {
            "FROM" | "JOIN" | "DESCRIBE" | "TABLE" => tables.filter(|name| fits(name, typed)).collect(),
            _ => {
                let columns = self.columns(line).into_iter();
                let functions = self.functions.iter().map(|name| format!("{name}("));
                let words = WORDS.iter().map(|word| as_typed(word, typed));
                let all = columns.chain(functions).chain(words).chain(tables);
                all.filter(|name| !typed.is_empty() && fits(name, typed)).collect()
            }
        };
        let mut seen = std::collections::HashSet::new();
        found.retain(|name| seen.insert(name.clone()));
        (start, found)
    }

    fn command(&self, before: &str) -> (usize, Vec<String>) {
        let Some((name, argument)) = before.split_once(' ') else {
            let names = dots::NAMES.iter().filter(|name| name.starts_with(before));
            return (0, names.map(|name| (*name).to_owned()).collect());
        };
        let start = before.len() - argument.trim_start().len();
        let typed = &before[start..];
        let all: Vec<String> = match name {
            ".schema" => self.tables.keys().cloned().collect(),
            ".mode" => dots::modes().into_iter().map(str::to_owned).collect(),
            ".timing" => vec!["on".into(), "off".into()],
            _ => Vec::new(),
        };
        (start, all.into_iter().filter(|name| fits(name, typed)).collect())
    }

    /// Columns of the tables that occur in the text, of `runs` where none does.
    fn columns(&self, text: &str) -> Vec<String> {
        let words: Vec<&str> =
            text.split(|c: char| c.is_whitespace() || matches!(c, '(' | ')' | ',' | ';')).collect();
        let begins = |word: &str| word.eq_ignore_ascii_case("from") || word.eq_ignore_ascii_case("join");
        let named = words.windows(2).filter(|pair| begins(pair[0])).map(|pair| pair[1].trim_matches('"'));
        let named: Vec<&str> = named.filter(|name| self.tables.contains_key(*name)).collect();
        let mut columns: Vec<String> = match named.as_slice() {
            [] => self.tables.get("runs").cloned().unwrap_or_default(),
            named => named.iter().flat_map(|name| self.tables[*name].clone()).collect(),
        };
        columns.sort();
        columns.dedup();
        columns.iter().map(|name| path(name)).collect()
    }
}

/// Where the word at the end begins: letters, digits, `_`, `.` and quoted names.
fn word_start(text: &str) -> usize {
    let is_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '"');
    text.char_indices().rev().take_while(|(_, c)| is_word(*c)).last().map_or(text.len(), |(at, _)| at)
}

/// Whether the end of a text is inside of single quotes.
fn inside_text(text: &str) -> bool {
    text.matches('\'').count() % 2 == 1
}

fn fits(name: &str, typed: &str) -> bool {
    let mut name = name.chars().flat_map(char::to_lowercase);
    typed.chars().flat_map(char::to_lowercase).all(|c| name.next() == Some(c))
}

/// A word of SQL in the case in which it was begun.
fn as_typed(word: &str, typed: &str) -> String {
    let lower = typed.chars().next().is_some_and(char::is_lowercase);
    if lower { word.to_lowercase() } else { word.to_owned() }
}

/// A name as it must be written.
fn quoted(name: &str) -> String {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let is_plain = name.chars().all(plain) && !name.starts_with(|c: char| c.is_ascii_digit());
    if is_plain && !name.is_empty() { name.to_owned() } else { format!("\"{}\"", name.replace('"', "\"\"")) }
}

/// A column as it must be written: each part of `params.x` may need quotes.
pub(crate) fn path(name: &str) -> String {
    match name.split_once('.') {
        Some((root, rest)) if !rest.is_empty() => {
            format!("{root}.{}", rest.split('.').map(quoted).collect::<Vec<_>>().join("."))
        }
        _ => quoted(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn catalogue() -> Catalogue {
        let columns = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        Catalogue {
            tables: BTreeMap::from([
                (
                    "runs".into(),
                    columns(&["id", "status", "params.k", "params.mood", "params.Big one", "metrics.loss"]),
                ),
                ("metrics".into(), columns(&["run_id", "step", "value"])),
                ("params".into(), columns(&["name"])),
                ("My lab".into(), columns(&["k"])),
            ]),
            functions: columns(&["avg", "approx_median"]),
        }
    }

    fn completed(line: &str) -> Vec<String> {
        let (start, found) = catalogue().complete(line, line.len());
        found.into_iter().map(|name| format!("{}{name}", &line[..start])).collect()
    }

    #[test]
    fn names_fit_the_place() {
        assert_eq!(
            completed("select params."),
            ["select params.\"Big one\"", "select params.k", "select params.mood"]
        );
        assert_eq!(completed("select params.m"), ["select params.mood"]);
        assert_eq!(completed("SELECT avg(metr"), ["SELECT avg(metrics.loss", "SELECT avg(metrics"]);
        assert_eq!(
            completed("select a"),
            ["select avg(", "select approx_median(", "select as", "select and", "select asc"]
        );
        assert_eq!(completed("SEL"), ["SELECT"]);
        assert_eq!(
            completed("select * from "),
            [
                "select * from \"My lab\"",
                "select * from metrics",
                "select * from params",
                "select * from runs"
            ]
        );
        assert_eq!(completed("select * from r"), ["select * from runs"]);
        assert_eq!(
            completed("select count(*) from metrics where st"),
            ["select count(*) from metrics where step"]
        );
        assert_eq!(completed("select 'par"), [""; 0]);
        assert_eq!(completed(""), [""; 0]);
        let (start, found) = catalogue().complete("select sta from runs", 10);
        assert_eq!((start, found), (7, vec!["status".to_owned()]));
    }

    #[test]
    fn commands_and_their_arguments() {
        assert_eq!(completed(".t"), [".tables", ".timing"]);
        assert_eq!(completed(".schema m"), [".schema My lab", ".schema metrics"]);
        assert_eq!(
            completed(".mode "),
            dots::modes().iter().map(|mode| format!(".mode {mode}")).collect::<Vec<_>>()
        );
        assert_eq!(completed(".output x"), [""; 0]);
    }

    #[test]
    fn odd_places_do_no_harm() {
        for line in ["ä", "select ä", "\"", ".", "select \"", "'", "select .", "日本"] {
            completed(line);
            catalogue().complete(line, 1);
        }
    }
}
