//! Snapshots of a Delta table and commits on them.
//!
//! A commit carries, in its information, the cursor of the journal that the table has reached with it
//! ([`CURSOR`]), the version of the tables' format ([`FORMAT`]) and the store it was folded from. A fold appends on
//! exactly the snapshot whose cursor it read: when another was faster, the commit fails and the fold begins again.

use std::collections::{BTreeMap, HashMap};

use deltalake::kernel::transaction::{CommitBuilder, CommitProperties, TransactionError};
use deltalake::kernel::{Action, Add, Metadata, Protocol, Remove};
use deltalake::protocol::{DeltaOperation, SaveMode};
use deltalake::{DeltaTable, DeltaTableBuilder, DeltaTableError};
use futures::TryStreamExt;
use metalab_engine::journal::Cursor;
use object_store::path::Path;
use serde_json::{Value, json};
use url::Url;

use super::files::Files;
use super::schema::{Table, Type};
use super::write::Part;
use crate::error::QueryError;

/// The version of the tables' format. Tables of another one are written anew from the journal: 2 has `lineage`, and
/// `submissions` knows steps that were completed later and cells that were skipped; 3 has `data`, `derived` and
/// `expressions`, and `submissions` knows manifests.
pub(crate) const FORMAT_VERSION: u64 = 3;

const CURSOR: &str = "metalab.cursor";
const FORMAT: &str = "metalab.format";
const STORE: &str = "metalab.store";

/// How many commits are searched for a cursor, should others have written to the table.
const HISTORY: usize = 50;

/// A file that belongs to a snapshot.
#[derive(Clone, Debug)]
pub(crate) struct LiveFile {
    /// Where it lies below `tables/`.
    pub(crate) path: Path,
    /// Its size in bytes.
    pub(crate) size: u64,
    /// Its rows, if they were written down.
    pub(crate) rows: Option<usize>,
}

/// A table as of one version.
#[derive(Clone, Debug)]
pub(crate) struct Snapshot {
    /// Which table.
    pub(crate) table: Table,
    /// The columns beside the core, stored name and type, sorted.
    pub(crate) columns: BTreeMap<String, Type>,
    /// The live files.
    pub(crate) files: Vec<LiveFile>,
    /// What of the journal is in it.
    pub(crate) cursor: Cursor,
    delta: Option<DeltaTable>,
    removable: Vec<Remove>,
}

/// What a commit came to.
#[derive(Debug)]
pub(crate) enum Conflict {
    /// Another committed first: read again.
    Lost,
    /// It failed.
    Failed(QueryError),
}

impl Snapshot {
    /// A table that is not there yet.
    pub(crate) fn absent(table: Table) -> Self {
        Self {
            table,
            columns: BTreeMap::new(),
            files: Vec::new(),
            cursor: Cursor::default(),
            delta: None,
            removable: Vec::new(),
        }
    }

    /// Reads the newest version; a table without any file is absent.
    ///
    /// # Errors
    /// With the reason why it must be rebuilt: a log that cannot be read, a foreign store, a newer format, no cursor,
    /// a file that is missing or has another size than was committed.
    pub(crate) async fn open(files: &Files, table: Table, store_id: &str) -> Result<Self, String> {
        let store = files.object_store();
        let folder = Path::from(table.name());
        let present: HashMap<Path, u64> = store
            .list(Some(&folder))
            .map_ok(|meta| (meta.location, meta.size))
            .try_collect()
            .await
            .map_err(|error| format!("its files cannot be listed: {error}"))?;
        if present.is_empty() {
            return Ok(Self::absent(table));
        }
        let delta = builder(files, table).map_err(|e| e.to_string())?.load().await;
        let delta = delta.map_err(|error| format!("its log cannot be read: {error}"))?;
        let info = last_cursor(&delta).await?;
        let format = info.get(FORMAT).and_then(Value::as_u64);
        if format != Some(FORMAT_VERSION) {
            return Err(format!("it has format {format:?}, this metalab writes {FORMAT_VERSION}"));
        }
        if info.get(STORE).and_then(Value::as_str) != Some(store_id) {
            return Err("it was folded from another store".into());
        }
        let cursor = info.get(CURSOR).and_then(Value::as_str).unwrap_or_default();
        let cursor = Cursor::from_text(cursor).map_err(|error| error.to_string())?;

        let state = delta.snapshot().map_err(|e| e.to_string())?;
        let columns = read_schema(table, state.metadata())?;
        let mut live = Vec::new();
        let mut removable = Vec::new();
        for file in state.log_data().iter() {
            let path = Path::from_iter([folder.as_ref(), file.path().as_ref()]);
            let path = Path::parse(percent_free(path.as_ref())).map_err(|e| e.to_string())?;
            let size = file.size().unsigned_abs();
            if present.get(&path) != Some(&size) {
                return Err(format!("its file {path} is missing or damaged"));
            }
            live.push(LiveFile { path, size, rows: file.num_records() });
            removable.push(file.remove_action(false));
        }
        Ok(Self { table, columns, files: live, cursor, delta: Some(delta), removable })
    }

    /// Whether the table exists.
    pub(crate) fn exists(&self) -> bool {
        self.delta.is_some()
    }

    /// Appends files and moves the cursor, in one commit on exactly this snapshot.
    pub(crate) async fn append(
        &self,
        files: &Files,
        store_id: &str,
        parts: &[Part],
        cursor: &Cursor,
    ) -> Result<(), Conflict> {
        let adds = parts.iter().map(|part| Action::Add(add(part, true))).collect();
        let operation = DeltaOperation::Write { mode: SaveMode::Append, partition_by: None, predicate: None };
        self.commit(files, store_id, parts, adds, cursor, operation).await
    }

    /// Replaces all files of this snapshot by `parts`, which hold the same rows; the cursor stays.
    pub(crate) async fn compact(
        &self,
        files: &Files,
        store_id: &str,
        parts: &[Part],
    ) -> Result<(), Conflict> {
        let mut actions: Vec<Action> = parts.iter().map(|part| Action::Add(add(part, false))).collect();
        actions.extend(self.removable.iter().cloned().map(Action::Remove));
        let operation = DeltaOperation::Optimize { predicate: None, target_size: 0 };
        self.commit(files, store_id, parts, actions, &self.cursor, operation).await
    }

    async fn commit(
        &self,
        files: &Files,
        store_id: &str,
        parts: &[Part],
        mut actions: Vec<Action>,
        cursor: &Cursor,
        operation: DeltaOperation,
    ) -> Result<(), Conflict> {
        let name = self.table.name();
        let fail = |error: DeltaTableError| Conflict::Failed(QueryError::table(name, "committing")(error));
        let mut columns = self.columns.clone();
        for field in parts.iter().flat_map(|part| part.schema.fields()) {
            if !self.table.core().iter().any(|(core, _)| core == field.name()) {
                columns.insert(field.name().clone(), Type::of(field.data_type()));
            }
        }
        let old = match &self.delta {
            Some(delta) => Some(delta.snapshot().map_err(fail)?),
            None => None,
        };
        if old.is_none() || columns != self.columns {
            let old = old.map(|state| state.metadata());
            actions.insert(
                0,
                Action::Metadata(metadata(self.table, &columns, old).map_err(|error| fail(error.into()))?),
            );
        }
        let operation = match old {
            Some(_) => operation,
            None => {
                let protocol: Protocol =
                    serde_json::from_value(json!({ "minReaderVersion": 1, "minWriterVersion": 2 }))
                        .map_err(|error| fail(error.into()))?;
                actions.insert(0, Action::Protocol(protocol.clone()));
                let metadata = metadata(self.table, &columns, None).map_err(|error| fail(error.into()))?;
                DeltaOperation::Create {
                    mode: SaveMode::ErrorIfExists,
                    location: url(self.table),
                    protocol,
                    metadata,
                }
            }
        };
        let information = [
            (CURSOR.to_owned(), Value::from(cursor.to_text())),
            (FORMAT.to_owned(), Value::from(FORMAT_VERSION)),
            (STORE.to_owned(), Value::from(store_id)),
        ];
        let properties = CommitProperties::default().with_metadata(information).with_max_retries(0);
        let log = builder(files, self.table).and_then(|builder| builder.build_storage()).map_err(fail)?;
        let table = old.map(|state| state as &dyn deltalake::kernel::transaction::TableReference);
        let commit = CommitBuilder::from(properties).with_actions(actions).build(table, log, operation);
        match commit.await {
            Ok(_) => Ok(()),
            Err(DeltaTableError::Transaction {
                source:
                    TransactionError::MaxCommitAttempts(_)
                    | TransactionError::VersionAlreadyExists(_)
                    | TransactionError::CommitConflict(_),
            }) => Err(Conflict::Lost),
            Err(error) => Err(fail(error)),
        }
    }
}

/// What the last commit of ours says. Others may have optimised the table since.
async fn last_cursor(delta: &DeltaTable) -> Result<HashMap<String, Value>, String> {
    for commits in [1, HISTORY] {
        let mut history = delta.history(Some(commits));
        while let Some(info) =
            history.try_next().await.map_err(|e| format!("its history cannot be read: {e}"))?
        {
            if info.info.contains_key(CURSOR) {
                return Ok(info.info);
            }
        }
    }
    Err("it carries no cursor of the journal".into())
}

/// The address of a table inside the object store whose root is `tables/`.
fn url(table: Table) -> Url {
    Url::parse(&format!("memory:///{}", table.name())).expect("names of tables are plain words")
}

fn builder(files: &Files, table: Table) -> Result<DeltaTableBuilder, DeltaTableError> {
    let url = url(table);
    Ok(DeltaTableBuilder::from_url(url.clone())?.with_storage_backend(files.object_store(), url))
}

fn add(part: &Part, data_change: bool) -> Add {
    Add {
        path: part.path.clone(),
        partition_values: HashMap::new(),
        size: part.size as i64,
        modification_time: chrono::Utc::now().timestamp_millis(),
        data_change,
        stats: Some(part.stats.clone()),
        tags: None,
        deletion_vector: None,
        base_row_id: None,
        default_row_commit_version: None,
        clustering_provider: None,
    }
}

/// The metadata action for a table with these columns; its id stays.
fn metadata(
    table: Table,
    columns: &BTreeMap<String, Type>,
    old: Option<&Metadata>,
) -> Result<Metadata, serde_json::Error> {
    let core = table.core().iter().map(|(name, kind)| (*name, *kind));
    let wide = columns.iter().map(|(name, kind)| (name.as_str(), *kind));
    let field = |(name, kind): (&str, Type)| json!({ "name": name, "type": kind.delta(), "nullable": true, "metadata": {} });
    let schema = json!({ "type": "struct", "fields": core.chain(wide).map(field).collect::<Vec<_>>() });
    let old = old.map(serde_json::to_value).transpose()?;
    let kept = |key: &str| old.as_ref().and_then(|old| old.get(key)).cloned();
    let id = kept("id").unwrap_or_else(|| Value::from(fresh_id()));
    let created = kept("createdTime").unwrap_or_else(|| Value::from(chrono::Utc::now().timestamp_millis()));
    serde_json::from_value(json!({
        "id": id,
        "name": table.name(),
        "description": null,
        "format": { "provider": "parquet", "options": {} },
        "schemaString": schema.to_string(),
        "partitionColumns": [],
        "createdTime": created,
        "configuration": {},
    }))
}

/// An id in the form that Delta asks for.
fn fresh_id() -> String {
    let digits = metalab_engine::id::WriterId::random().map(|id| id.to_string()).unwrap_or_default();
    match digits.len() {
        32 => [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]].join("-"),
        _ => "00000000-0000-0000-0000-000000000000".to_owned(),
    }
}

/// The columns beside the core, from the metadata action.
fn read_schema(table: Table, metadata: &Metadata) -> Result<BTreeMap<String, Type>, String> {
    let metadata = serde_json::to_value(metadata).map_err(|e| e.to_string())?;
    let schema = metadata.get("schemaString").and_then(Value::as_str).unwrap_or_default();
    let schema: Value =
        serde_json::from_str(schema).map_err(|error| format!("its schema cannot be read: {error}"))?;
    let fields = schema.get("fields").and_then(Value::as_array).ok_or("its schema has no fields")?;
    let mut core = 0;
    let mut columns = BTreeMap::new();
    for field in fields {
        let name = field.get("name").and_then(Value::as_str).ok_or("a column has no name")?;
        let kind = field.get("type").and_then(Value::as_str).and_then(Type::from_delta);
        let kind = kind.ok_or_else(|| format!("its column {name} has a foreign type"))?;
        match table.core().iter().find(|(known, _)| *known == name) {
            Some((_, known)) if *known == kind => core += 1,
            Some(_) => return Err(format!("its column {name} has another type")),
            None => {
                columns.insert(name.to_owned(), kind);
            }
        }
    }
    if core == table.core().len() { Ok(columns) } else { Err("it lacks columns".into()) }
}

/// Our file names need no escapes; the log may still carry them.
fn percent_free(path: &str) -> String {
    path.replace("%2E", ".").replace("%2F", "/")
}

impl From<QueryError> for Conflict {
    fn from(error: QueryError) -> Self {
        Self::Failed(error)
    }
}
