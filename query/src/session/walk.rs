//! `upstream_of('3f1c')` and `downstream_of('3f1c')`: the runs that a run was made from, and those made from it.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BinaryViewArray, BinaryViewBuilder, Int64Builder, RecordBatch, StringViewArray,
    StringViewBuilder,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema};
use arrow::error::ArrowError;
use datafusion::common::{Column, JoinType, Result as PlanResult};
use datafusion::functions::unicode::expr_fn::left;
use datafusion::logical_expr::{LogicalPlan, lit};
use metalab_cas::DigestPrefix;
use metalab_engine::id::RunId;
use metalab_engine::index::Index;

use super::views::{Sources, hex, mem, of};
use crate::error::QueryError;

/// The columns of an edge that a walk reads.
pub(super) const EDGE: [&str; 5] = ["run_id", "from_run_id", "input", "coordinates", "artifact"];

/// A walk along the lineage, as it was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Walk {
    /// Where to.
    pub(crate) direction: Direction,
    /// The run it begins at: its id or the beginning of it.
    pub(crate) run: String,
    /// How many steps it goes at most; `None` for all.
    pub(crate) depth: Option<u64>,
}

/// Where a walk goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    /// To the runs that made inputs.
    Up,
    /// To the runs that have outputs for inputs.
    Down,
}

impl Direction {
    /// The name of its function.
    pub(crate) const fn function(self) -> &'static str {
        match self {
            Self::Up => "upstream_of",
            Self::Down => "downstream_of",
        }
    }

    /// The direction of a function, whatever the case of its name.
    pub(crate) fn parse(function: &str) -> Option<Self> {
        [Self::Up, Self::Down].into_iter().find(|one| one.function().eq_ignore_ascii_case(function))
    }
}

/// A run that was reached.
struct Reached {
    run: Vec<u8>,
    /// The run one step nearer to the beginning, and the edge between the two.
    via: Vec<u8>,
    depth: i64,
    input: Option<String>,
    coordinates: Option<String>,
    artifact: Option<String>,
}

/// The run whose id begins like this, for a function that was called with it.
pub(crate) fn find(function: &'static str, written: &str, index: &Index) -> Result<RunId, QueryError> {
    let prefix: DigestPrefix =
        written.parse().map_err(|error: <DigestPrefix as std::str::FromStr>::Err| {
            QueryError::call(function, error.to_string())
        })?;
    match index.find(&prefix).as_slice() {
        [one] => Ok(*one),
        [] => Err(QueryError::NoRun { prefix: written.to_owned() }),
        several => {
            let candidates = several.iter().take(5).map(RunId::short).collect();
            Err(QueryError::SeveralRuns { prefix: written.to_owned(), candidates })
        }
    }
}

impl Walk {
    /// Walks over the edges, breadth first; each run is reached once, on one of its shortest ways.
    pub(crate) fn go(&self, begin: RunId, edges: &[RecordBatch]) -> Result<RecordBatch, QueryError> {
        let failed = QueryError::table::<ArrowError>("lineage", "walking along it");
        self.reached(begin, edges).and_then(|reached| batch(&reached)).map_err(failed)
    }

    fn reached(&self, begin: RunId, edges: &[RecordBatch]) -> Result<Vec<Reached>, ArrowError> {
        let edges = edges.iter().map(Edges::of).collect::<Result<Vec<_>, _>>()?;
        let mut seen: HashSet<Vec<u8>> = HashSet::from([begin.as_bytes().to_vec()]);
        let mut frontier = seen.clone();
        let mut all = Vec::new();
        let most = self.depth.unwrap_or(u64::MAX);
        for depth in 1..=most {
            let mut next: HashMap<Vec<u8>, Reached> = HashMap::new();
            for edges in &edges {
                let (near, far) = match self.direction {
                    Direction::Up => (&edges.runs, &edges.from),
                    Direction::Down => (&edges.from, &edges.runs),
                };
                for row in 0..near.len() {
                    if !frontier.contains(near.value(row)) || seen.contains(far.value(row)) {
                        continue;
                    }
                    let text = |at: usize| {
                        let texts: &StringViewArray = &edges.texts[at];
                        texts.is_valid(row).then(|| texts.value(row).to_owned())
                    };
                    let new = Reached {
                        run: far.value(row).to_vec(),
                        via: near.value(row).to_vec(),
                        depth: i64::try_from(depth).unwrap_or(i64::MAX),
                        input: text(0),
                        coordinates: text(1),
                        artifact: text(2),
                    };
                    match next.get_mut(&new.run) {
                        Some(known) if known.key() <= new.key() => {}
                        Some(known) => *known = new,
                        None => {
                            next.insert(new.run.clone(), new);
                        }
                    }
                }
            }
            if next.is_empty() {
                break;
            }
            frontier = next.keys().cloned().collect();
            seen.extend(frontier.iter().cloned());
            all.extend(next.into_values());
        }
        all.sort_by(|a, b| (a.depth, a.key()).cmp(&(b.depth, b.key())));
        Ok(all)
    }
}

impl Reached {
    /// Which of several ways of one length is told: one that does not depend on the order of the edges.
    fn key(&self) -> ([&Option<String>; 3], [&[u8]; 2]) {
        ([&self.input, &self.coordinates, &self.artifact], [&self.via, &self.run])
    }
}

/// A batch of edges, read.
struct Edges {
    runs: BinaryViewArray,
    from: BinaryViewArray,
    texts: [StringViewArray; 3],
}

impl Edges {
    fn of(batch: &RecordBatch) -> Result<Self, ArrowError> {
        Ok(Self {
            runs: column(batch, 0, &DataType::BinaryView)?,
            from: column(batch, 1, &DataType::BinaryView)?,
            texts: [
                column(batch, 2, &DataType::Utf8View)?,
                column(batch, 3, &DataType::Utf8View)?,
                column(batch, 4, &DataType::Utf8View)?,
            ],
        })
    }
}

/// A column as an array of the type that it is meant to have.
pub(super) fn column<T: Array + Clone + 'static>(
    batch: &RecordBatch,
    at: usize,
    kind: &DataType,
) -> Result<T, ArrowError> {
    let array = cast(batch.column(at), kind)?;
    let wrong = || ArrowError::CastError(format!("column {at} is no {kind}"));
    array.as_any().downcast_ref::<T>().cloned().ok_or_else(wrong)
}

fn batch(reached: &[Reached]) -> Result<RecordBatch, ArrowError> {
    let mut depth = Int64Builder::new();
    let mut ids = [BinaryViewBuilder::new(), BinaryViewBuilder::new()];
    let mut texts: [StringViewBuilder; 3] = std::array::from_fn(|_| StringViewBuilder::new());
    for one in reached {
        depth.append_value(one.depth);
        ids[0].append_value(&one.run);
        ids[1].append_value(&one.via);
        for (builder, text) in texts.iter_mut().zip([&one.input, &one.coordinates, &one.artifact]) {
            builder.append_option(text.as_deref());
        }
    }
    let mut columns: Vec<(&str, ArrayRef)> = vec![("depth", Arc::new(depth.finish()))];
    for (name, ids) in ["reached", "via"].into_iter().zip(&mut ids) {
        columns.push((name, Arc::new(ids.finish())));
    }
    for (name, texts) in ["input", "coordinates", "artifact"].into_iter().zip(&mut texts) {
        columns.push((name, Arc::new(texts.finish())));
    }
    let field = |(name, array): &(&str, ArrayRef)| Field::new(*name, array.data_type().clone(), true);
    let schema = Schema::new(columns.iter().map(field).collect::<Vec<_>>());
    RecordBatch::try_new(Arc::new(schema), columns.into_iter().map(|(_, array)| array).collect())
}

impl Sources {
    /// What people see of a walk: the runs it reached, and what is known of them.
    pub(crate) fn walked(&self, reached: &RecordBatch) -> PlanResult<LogicalPlan> {
        let runs = self.standing()?.build()?;
        let on = (vec![Column::new(Some("walk"), "reached")], vec![Column::new(Some("attempts"), "run_id")]);
        let plan = mem("walk", std::slice::from_ref(reached))?.join(runs, JoinType::Left, on, None)?;
        let id = |name: &str| hex(of("walk", name));
        let way = |name: &str| of("walk", name).alias(name);
        let run = |name: &str| of("attempts", name).alias(name);
        let columns = [
            way("depth"),
            left(id("reached"), lit(12)).alias("id"),
            run("operation"),
            run("status"),
            run("experiment"),
            run("step"),
            way("input"),
            way("coordinates"),
            way("artifact"),
            id("reached").alias("run_id"),
            id("via").alias("via_run_id"),
        ];
        plan.project(columns)?.build()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_have_directions() {
        assert_eq!(Direction::parse("UPSTREAM_OF"), Some(Direction::Up));
        assert_eq!(Direction::parse("downstream_of"), Some(Direction::Down));
        assert_eq!(Direction::parse("upstream"), None);
    }
}
