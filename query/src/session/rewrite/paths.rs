//! Paths as people write them become columns.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{Expr, Ident, Query, Select, Value, VisitorMut};
use metalab_engine::name::nearest;

use super::Uses;
use super::names::{Names, call, exact, words};
use crate::columns::{Path, Root};
use crate::error::QueryError;
use crate::session::catalog::{Catalog, Kinds, Meaning, Relation, Word};
use crate::session::long::{DATA, DERIVED, PARAMS};

/// Replaces paths by columns.
pub(super) struct Paths<'a> {
    pub(super) catalog: &'a Catalog,
    pub(super) core: &'a [&'a str],
    pub(super) names: &'a Names,
    pub(super) uses: Uses,
    /// Columns of several types under the names that subqueries give them.
    pub(super) renamed: BTreeMap<String, Kinds>,
    pub(super) error: Option<QueryError>,
}

/// What written words are.
enum Place<'w> {
    /// Something that is none of our paths.
    Foreign,
    /// Perhaps a column of an experiment's view.
    Plain,
    /// A path, below a table if one was written.
    Path { table: Option<&'w Word>, root: Root, below: &'w [Word] },
}

impl Paths<'_> {
    fn place<'w>(&self, words: &'w [Word]) -> Place<'w> {
        let Some(first) = words.first() else { return Place::Foreign };
        if self.only_contents() {
            return Place::Plain;
        }
        let as_table = |word: &Word| {
            let folded = if word.quoted { word.text.clone() } else { word.text.to_lowercase() };
            self.names.relations.contains(&folded)
        };
        let second = words.get(1).and_then(|word| Root::parse(&word.text));
        let (table, root, below) = match (Root::parse(&first.text), second) {
            // `metrics.step` of the table `metrics`, not of a metric called `step`.
            (Some(root), _) if as_table(first) && words.len() == 2 && is_of_table(root, &words[1].text) => {
                return Place::Foreign;
            }
            (_, Some(root)) if as_table(first) && words.len() >= 2 => (Some(first), root, &words[2..]),
            (Some(_), _) if words.len() > 1 && as_table(first) && !self.any_paths() => return Place::Foreign,
            // A table of this name is meant before a root that few queries write.
            (Some(Root::Upstream), _) if words.len() == 1 || as_table(first) => return Place::Plain,
            // A step may be called as a root is that came later than it.
            (Some(Root::Data | Root::Derived), _)
                if words.len() > 1 && self.catalog.is_step(first) && !self.is_known(words) =>
            {
                (None, Root::Upstream, words)
            }
            (Some(root), _) => (None, root, &words[1..]),
            _ if !self.any_paths() => return Place::Plain,
            _ => match (as_table(first), words.len()) {
                (true, 3..) if self.catalog.is_step(&words[1]) => (Some(first), Root::Upstream, &words[1..]),
                (false, 2..) if self.catalog.is_step(first) => (None, Root::Upstream, words),
                _ => return Place::Plain,
            },
        };
        let is_alias = || self.names.aliases.contains(&first.text.to_lowercase());
        if words.len() == 1 && (is_alias() || !self.any_paths()) {
            return Place::Plain;
        }
        Place::Path { table, root, below }
    }

    /// Whether words are a path by their first word, a root.
    fn is_known(&self, words: &[Word]) -> bool {
        let Some(root) = words.first().and_then(|first| Root::parse(&first.text)) else { return false };
        !matches!(self.catalog.meaning(root, &words[1..]), Ok(Meaning::Unknown))
    }

    /// The types of the column that an expression is, if it is one of ours.
    pub(super) fn kinds(&self, expr: &Expr) -> Option<Kinds> {
        let words = words(expr)?;
        match self.place(&words) {
            Place::Foreign => None,
            Place::Path { root, below, .. } => match self.catalog.meaning(root, below) {
                Ok(Meaning::Column(path)) => self.kinds_of(&path),
                _ => None,
            },
            Place::Plain => {
                let last = words.last()?;
                let fits = |name: &str| {
                    name == last.text || !last.quoted && name.to_lowercase() == last.text.to_lowercase()
                };
                let experiments = self.uses.relations.values().filter_map(Relation::experiment);
                let mut found = Kinds::new();
                for experiment in experiments {
                    let plain = self.catalog.plain_names(experiment, self.core);
                    for (path, _) in plain.iter().filter(|(_, name)| fits(name)) {
                        found.extend(self.catalog.experiments.get(experiment)?.get(path)?);
                    }
                }
                found.extend(self.renamed.get(&last.text.to_lowercase()).into_iter().flatten());
                (!found.is_empty()).then_some(found)
            }
        }
    }

    /// The types of a path in the tables that are asked.
    fn kinds_of(&self, path: &Path) -> Option<Kinds> {
        let relations = &self.uses.relations;
        if relations.is_empty() || relations.values().any(Relation::has_paths) {
            return self.catalog.paths.get(path).cloned();
        }
        let of = |experiment: &str| self.catalog.experiments.get(experiment)?.get(path);
        let all = relations.values().filter_map(Relation::experiment).filter_map(of);
        Some(all.flatten().copied().collect())
    }

    /// The new form of an expression that is a path; `None` if it is none.
    fn path(&mut self, written: &str, words: &[Word]) -> Result<Option<Expr>, QueryError> {
        let (table, root, below) = match self.place(words) {
            Place::Foreign => return Ok(None),
            Place::Plain => return self.plain(words),
            Place::Path { table, root, below } => (table, root, below),
        };
        match self.catalog.meaning(root, below)? {
            Meaning::Column(path) => Ok(Some(self.column(table, &path))),
            Meaning::Struct(paths) => {
                let mut arguments = Vec::new();
                for path in &paths {
                    let name = path.parts[below.len()..].join(".");
                    arguments.push(Expr::value(Value::SingleQuotedString(name)));
                    arguments.push(self.column(table, path));
                }
                Ok(Some(call("named_struct", arguments)))
            }
            Meaning::Unknown => Err(self.unknown(written)),
        }
    }

    fn column(&mut self, table: Option<&Word>, path: &Path) -> Expr {
        self.uses.paths.insert(path.clone());
        let name = exact(self.column_name(path));
        match table {
            Some(table) => {
                let table =
                    if table.quoted { exact(table.text.clone()) } else { Ident::new(table.text.clone()) };
                Expr::CompoundIdentifier(vec![table, name])
            }
            None => Expr::Identifier(name),
        }
    }

    /// A plain column of an experiment's view, whose case the user need not know.
    fn plain(&mut self, words: &[Word]) -> Result<Option<Expr>, QueryError> {
        let Some(last) = words.last() else { return Ok(None) };
        let folded = last.text.to_lowercase();
        let mut found = BTreeSet::new();
        for experiment in self.uses.relations.values().filter_map(Relation::experiment) {
            let names = self.catalog.plain_names(experiment, self.core).into_iter();
            for (path, name) in names.filter(|(_, name)| name.to_lowercase() == folded) {
                self.uses.paths.insert(path);
                found.insert(name);
            }
        }
        if last.quoted || words.len() > 2 || self.names.aliases.contains(&folded) {
            return Ok(None);
        }
        if found.contains(&last.text) {
            found = BTreeSet::from([last.text.clone()]);
        }
        let mut found: Vec<String> = found.into_iter().collect();
        match (found.pop(), found.is_empty()) {
            (None, _) => Ok(None),
            (Some(one), true) if one == folded => Ok(None),
            (Some(one), true) => Ok(Some(match words {
                [table, _] => Expr::CompoundIdentifier(vec![Ident::new(table.text.clone()), exact(one)]),
                _ => Expr::Identifier(exact(one)),
            })),
            (Some(one), false) => {
                found.push(one);
                let candidates = found.iter().map(|name| format!("\"{name}\"")).collect();
                Err(QueryError::Ambiguous { column: last.text.clone(), candidates })
            }
        }
    }

    /// Whether nothing is asked but contents of artifacts, whose columns may be called like anything.
    fn only_contents(&self) -> bool {
        self.uses.relations.is_empty() && !self.uses.contents.is_empty()
    }

    /// Whether some table of the statement has params, metrics and output.
    fn any_paths(&self) -> bool {
        let relations = &self.uses.relations;
        relations.is_empty()
            || relations.values().any(|relation| relation.has_paths() || relation.experiment().is_some())
    }

    /// The name of a path's column: plain when only an experiment's view is asked.
    fn column_name(&self, path: &Path) -> String {
        if !self.uses.relations.values().any(Relation::has_paths) {
            for experiment in self.uses.relations.values().filter_map(Relation::experiment) {
                let names = self.catalog.plain_names(experiment, self.core);
                if let Some((_, name)) = names.into_iter().find(|(known, _)| known == path) {
                    return name;
                }
            }
        }
        path.shown()
    }

    fn unknown(&self, written: &str) -> QueryError {
        let paths: Vec<String> = self.catalog.paths.keys().map(Path::shown).collect();
        let known = paths.iter().map(String::as_str).chain(self.core.iter().copied());
        let table = self.uses.relations.keys().next().cloned();
        QueryError::NoColumn { column: written.to_owned(), table, nearest: nearest(written, known) }
    }
}

impl VisitorMut for Paths<'_> {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        self.sort_numbers_first(query);
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        for condition in [&mut select.selection, &mut select.having].into_iter().flatten() {
            self.as_truth(condition);
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        self.read_numbers(expr);
        let Some(words) = words(expr) else { return ControlFlow::Continue(()) };
        match self.path(&expr.to_string(), &words) {
            Ok(None) => ControlFlow::Continue(()),
            Ok(Some(new)) => {
                *expr = new;
                ControlFlow::Continue(())
            }
            Err(error) => {
                self.error = Some(error);
                ControlFlow::Break(())
            }
        }
    }
}

/// Whether a name is that of a column of the long table that is called like a root.
fn is_of_table(root: Root, name: &str) -> bool {
    let columns: &[&str] = match root {
        Root::Metrics => &["id", "name", "step", "value", "run_id"],
        Root::Params => PARAMS,
        Root::Data => DATA,
        Root::Derived => DERIVED,
        Root::Output | Root::Upstream => &[],
    };
    columns.iter().any(|known| known.eq_ignore_ascii_case(name))
}
