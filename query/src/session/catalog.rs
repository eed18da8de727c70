//! What can be asked about: tables, paths and their types.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use metalab_engine::name::nearest;
use metalab_engine::record::KeptExpression;

use crate::columns::{Kind, Path, Root};
use crate::error::QueryError;

/// A table of the SQL side.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Relation {
    /// One row per cell.
    Runs,
    /// One row per run.
    DistinctRuns,
    /// One row per attempt.
    Attempts,
    /// Stepped metrics.
    Metrics,
    /// Arguments, one row per value.
    Params,
    /// Captured data, one row per value.
    Data,
    /// What functions derived from runs, one row per value.
    Derived,
    /// Named artifacts.
    Artifacts,
    /// One row per submission.
    Submissions,
    /// One row per experiment.
    Experiments,
    /// Inputs of runs.
    Lineage,
    /// Runs whose successes differ.
    Nondeterministic,
    /// One row per column.
    Columns,
    /// The runs of one experiment, with plain column names.
    Experiment(String),
    /// The cells of one run, whose id in hexadecimal this is; as written, its beginning.
    Run(String),
}

impl Relation {
    /// The tables every store has.
    pub(crate) const FIXED: [(Self, &'static str); 13] = [
        (Self::Runs, "runs"),
        (Self::DistinctRuns, "distinct_runs"),
        (Self::Attempts, "attempts"),
        (Self::Params, "params"),
        (Self::Metrics, "metrics"),
        (Self::Data, "data"),
        (Self::Derived, "derived"),
        (Self::Artifacts, "artifacts"),
        (Self::Lineage, "lineage"),
        (Self::Nondeterministic, "nondeterministic"),
        (Self::Submissions, "submissions"),
        (Self::Experiments, "experiments"),
        (Self::Columns, "columns"),
    ];

    /// The experiment whose runs it is.
    pub(crate) fn experiment(&self) -> Option<&str> {
        if let Self::Experiment(name) = self { Some(name) } else { None }
    }

    /// Whether it has `params`, `metrics` and `output`.
    pub(crate) fn has_paths(&self) -> bool {
        matches!(self, Self::Runs | Self::DistinctRuns | Self::Attempts | Self::Run(_))
    }
}

/// The types a path has in the store.
pub(crate) type Kinds = BTreeSet<Kind>;

/// One row of the table `columns`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Counted {
    /// The experiment, if the attempts belonged to one.
    pub(crate) experiment: Option<String>,
    /// The operation.
    pub(crate) operation: Option<String>,
    /// The stored column.
    pub(crate) column: String,
    /// How many attempts have a value there.
    pub(crate) count: i64,
}

/// All names of a store at one moment.
#[derive(Clone, Debug, Default)]
pub(crate) struct Catalog {
    /// All paths and their types.
    pub(crate) paths: BTreeMap<Path, Kinds>,
    /// The same by experiment.
    pub(crate) experiments: BTreeMap<String, BTreeMap<Path, Kinds>>,
    /// The rows of `columns`.
    pub(crate) counted: Vec<Counted>,
    /// Derived metrics that are expressions.
    pub(crate) kept: Vec<KeptExpression>,
}

/// The names of other stores in the same question.
pub(crate) type Others = BTreeMap<String, Arc<Catalog>>;

/// What a written path means.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// A column.
    Column(Path),
    /// All columns below: a struct.
    Struct(Vec<Path>),
    /// Nothing.
    Unknown,
}

/// A part of a path as written.
#[derive(Clone, Debug)]
pub(crate) struct Word {
    /// The text, without quotes.
    pub(crate) text: String,
    /// Whether it was quoted and so is exact.
    pub(crate) quoted: bool,
}

impl Catalog {
    /// The catalog of these counts; `named` are experiments that may have no runs yet.
    pub(crate) fn new(
        counts: impl IntoIterator<Item = Counted>,
        named: impl IntoIterator<Item = String>,
        kept: Vec<KeptExpression>,
    ) -> Self {
        let mut sums: BTreeMap<(Option<String>, Option<String>, String), i64> = BTreeMap::new();
        for row in counts {
            *sums.entry((row.experiment, row.operation, row.column)).or_default() += row.count;
        }
        let mut catalog = Self::default();
        for ((experiment, operation, column), count) in sums {
            if let Some((path, kind)) = Path::parse(&column) {
                catalog.paths.entry(path.clone()).or_default().insert(kind);
                if let Some(experiment) = &experiment {
                    let paths = catalog.experiments.entry(experiment.clone()).or_default();
                    paths.entry(path).or_default().insert(kind);
                }
            }
            catalog.counted.push(Counted { experiment, operation, column, count });
        }
        for name in named {
            catalog.experiments.entry(name).or_default();
        }
        // An expression is a column without a stored type, in the place of what functions gave under its name.
        for kept in &kept {
            let path = Path { root: Root::Derived, parts: vec![kept.name.clone()] };
            catalog.paths.insert(path.clone(), Kinds::new());
            for (name, paths) in &mut catalog.experiments {
                if kept.experiment.as_ref().is_none_or(|of| of == name) {
                    paths.insert(path.clone(), Kinds::new());
                }
            }
        }
        catalog.kept = kept;
        catalog
    }

    /// The names of several stores together; of expressions that both have, the first store's count.
    pub(crate) fn merged(own: &Self, others: &Others) -> Self {
        let mut all = own.clone();
        for other in others.values() {
            for (path, kinds) in &other.paths {
                all.paths.entry(path.clone()).or_default().extend(kinds);
            }
            for (experiment, paths) in &other.experiments {
                let known = all.experiments.entry(experiment.clone()).or_default();
                for (path, kinds) in paths {
                    known.entry(path.clone()).or_default().extend(kinds);
                }
            }
            for kept in &other.kept {
                let same = |known: &KeptExpression| {
                    (&known.name, &known.experiment) == (&kept.name, &kept.experiment)
                };
                if !all.kept.iter().any(same) {
                    all.kept.push(kept.clone());
                }
            }
        }
        all
    }

    /// Whether a path is a derived metric that is an expression.
    pub(crate) fn is_expression(&self, path: &Path) -> bool {
        path.root == Root::Derived
            && path.parts.len() == 1
            && self.kept.iter().any(|kept| kept.name == path.parts[0])
    }

    /// Whether there are metrics that were derived after their runs, which tells nothing of experiments.
    pub(crate) fn has_unattributed(&self) -> bool {
        let is_derived = |row: &&Counted| {
            row.experiment.is_none()
                && row.operation.is_none()
                && Path::parse(&row.column).is_some_and(|(path, _)| path.root == Root::Derived)
        };
        self.counted.iter().any(|row| is_derived(&row))
    }

    /// The name of an experiment's view.
    pub(crate) fn view_name(experiment: &str) -> String {
        let taken = Relation::FIXED.iter().any(|(_, name)| name.eq_ignore_ascii_case(experiment));
        if taken { format!("experiment_{experiment}") } else { experiment.to_owned() }
    }

    /// All tables by name.
    pub(crate) fn relations(&self) -> Vec<(Relation, String)> {
        let fixed = Relation::FIXED.into_iter().map(|(relation, name)| (relation, name.to_owned()));
        let views =
            self.experiments.keys().map(|name| (Relation::Experiment(name.clone()), Self::view_name(name)));
        fixed.chain(views).collect()
    }

    /// The table that a written name means.
    pub(crate) fn relation(&self, word: &Word) -> Result<(Relation, String), QueryError> {
        let all = self.relations();
        if let Some(exact) = all.iter().find(|(_, name)| *name == word.text) {
            return Ok(exact.clone());
        }
        let folded: Vec<_> = all
            .iter()
            .filter(|(_, name)| !word.quoted && name.to_lowercase() == word.text.to_lowercase())
            .collect();
        match folded.as_slice() {
            [one] => Ok((*one).clone()),
            [] => Err(QueryError::NoTable {
                table: word.text.clone(),
                nearest: nearest(&word.text, all.iter().map(|(_, name)| name.as_str())),
            }),
            several => Err(QueryError::Ambiguous {
                column: word.text.clone(),
                candidates: several.iter().map(|(_, name)| format!("\"{name}\"")).collect(),
            }),
        }
    }

    /// What a path means: exactly, else whatever its case, else with its dots taken as part of one name.
    pub(crate) fn meaning(&self, root: Root, words: &[Word]) -> Result<Meaning, QueryError> {
        let below = |path: &&Path| path.root == root && path.parts.len() >= words.len();
        let fits = |path: &Path, exact: bool| {
            words.iter().zip(&path.parts).all(|(word, part)| {
                word.text == *part
                    || !exact && !word.quoted && word.text.to_lowercase() == part.to_lowercase()
            })
        };
        for exact in [true, false] {
            let found: Vec<&Path> =
                self.paths.keys().filter(below).filter(|path| fits(path, exact)).collect();
            let full: Vec<&Path> =
                found.iter().copied().filter(|path| path.parts.len() == words.len()).collect();
            match full.as_slice() {
                [] if found.is_empty() => {}
                [] => return Ok(Meaning::Struct(found.into_iter().cloned().collect())),
                [one] => return Ok(Meaning::Column((*one).clone())),
                several => {
                    let written: Vec<&str> = words.iter().map(|word| word.text.as_str()).collect();
                    return Err(QueryError::Ambiguous {
                        column: format!("{}.{}", root.as_str(), written.join(".")),
                        candidates: several.iter().map(|path| quoted(path)).collect(),
                    });
                }
            }
        }
        // Names with dots in them, written without quotes.
        let joined = words.iter().map(|word| word.text.as_str()).collect::<Vec<_>>().join(".");
        let quoted = words.iter().any(|word| word.quoted);
        for exact in [true, false] {
            let fits = |path: &&Path| {
                let known = path.parts.join(".");
                path.root == root
                    && (known == joined || !exact && !quoted && known.to_lowercase() == joined.to_lowercase())
            };
            let mut dotted = self.paths.keys().filter(fits);
            if let (Some(one), None) = (dotted.next(), dotted.next()) {
                return Ok(Meaning::Column(one.clone()));
            }
        }
        Ok(Meaning::Unknown)
    }

    /// Whether coordinates of a step of this name are columns. The first word of a name with dots will do.
    pub(crate) fn is_step(&self, word: &Word) -> bool {
        let is_it =
            |name: &str| word.text == name || !word.quoted && word.text.to_lowercase() == name.to_lowercase();
        let mut steps = self.paths.keys().filter(|path| path.root == Root::Upstream);
        steps.any(|path| {
            let step = path.parts.first().map_or("", String::as_str);
            is_it(step) || step.split('.').next().is_some_and(is_it)
        })
    }

    /// The plain column names of an experiment's view: the last names of paths, or whole paths where those collide.
    pub(crate) fn plain_names(&self, experiment: &str, core: &[&str]) -> Vec<(Path, String)> {
        let empty = BTreeMap::new();
        let paths = self.experiments.get(experiment).unwrap_or(&empty);
        let plain =
            |path: &Path| if path.parts.is_empty() { path.root.as_str().into() } else { path.shown_below() };
        let mut uses: BTreeMap<String, usize> = BTreeMap::new();
        for path in paths.keys() {
            *uses.entry(plain(path)).or_default() += 1;
        }
        let name = |path: &Path| {
            let plain = plain(path);
            let taken = uses[&plain] > 1 || core.contains(&plain.as_str());
            (path.clone(), if taken { path.shown() } else { plain })
        };
        paths.keys().map(name).collect()
    }
}

fn quoted(path: &Path) -> String {
    let parts: Vec<String> = path.parts.iter().map(|part| format!("\"{part}\"")).collect();
    format!("{}.{}", path.root.as_str(), parts.join("."))
}
