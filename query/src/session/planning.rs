//! How a question becomes a plan: names are resolved, what it needs of the stores is found out, and views are made.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use datafusion::catalog::{
    CatalogProvider, CatalogProviderList, MemoryCatalogProvider, MemoryCatalogProviderList,
    MemorySchemaProvider, SchemaProvider,
};
use datafusion::datasource::ViewTable;
use datafusion::error::DataFusionError;
use datafusion::execution::SessionStateBuilder;
use datafusion::execution::context::SessionState;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, lit};
use datafusion::sql::parser::Statement as Parsed;
use datafusion::sql::sqlparser::ast::Statement;
use metalab_engine::name::nearest;

use super::asking::{Inner, look};
use super::catalog::{Catalog, Others, Relation};
use super::contents::{self, Contents};
use super::derived;
use super::expressions::View;
use super::moments::{self, is_moment};
use super::rewrite::rewrite;
use super::views::{Sources, core_names};
use super::world::World;
use crate::error::QueryError;
use crate::past;

/// The schema of all stores together.
pub(crate) const ALL: &str = "all";

/// The session's own store, among all.
pub(super) const THIS: &str = "this";

/// A question that is understood.
pub(super) struct Planned {
    pub(super) state: SessionState,
    pub(super) plan: LogicalPlan,
    /// Names that a misspelt column may have meant.
    pub(super) known: Vec<String>,
}

impl Inner {
    pub(super) async fn plan(&self, statement: &Statement) -> Result<Planned, QueryError> {
        let mut statement = statement.clone();
        let core = core_names();
        let mut world = self.world.lock().await;
        self.register(&world)?;
        let written = statement.clone();
        let mut attached = self.attached.lock().await;
        for other in attached.values_mut() {
            other.refresh()?;
            self.register(other)?;
        }
        let mut past = self.past.lock().await;
        self.look_back(&mut past, &statement, &world, &attached).await?;
        let others = attached.iter().chain(past.iter());
        let others: Others = others.map(|(name, world)| (name.clone(), world.catalog())).collect();
        let mut uses = rewrite(&mut statement, &world.catalog(), &others, &core)?;
        if world.is_unattributed() && uses.relations.values().any(|used| used.experiment().is_some()) {
            self.attribute(&mut world).await?;
            statement = written;
            uses = rewrite(&mut statement, &world.catalog(), &others, &core)?;
        }
        let detailed =
            |used: &Relation| matches!(used, Relation::Metrics | Relation::Lineage | Relation::Data);
        let with_details = !uses.walks.is_empty() || uses.relations.values().any(detailed);
        let cells = |used: &Relation| {
            matches!(
                used,
                Relation::Runs | Relation::Run(_) | Relation::Experiments | Relation::Experiment(_)
            )
        };
        let of_experiment = uses.contents.values().any(|asked| asked.experiment.is_some());
        if of_experiment || uses.relations.values().any(cells) {
            self.compare(&mut world).await?;
        }
        let mut sources = world.sources(with_details)?;
        let mut stores = BTreeMap::new();
        if !uses.stores.is_empty() {
            let merged = Arc::new(Catalog::merged(&world.catalog(), &others));
            sources.catalog = Arc::clone(&merged);
            let named: BTreeSet<&str> = uses.stores.values().map(String::as_str).collect();
            let asked = |name: &str| named.contains(name) || named.contains(ALL) && !is_moment(name);
            let others = attached.iter_mut().chain(past.iter_mut());
            for (name, other) in others.filter(|(name, _)| asked(name)) {
                self.compare(other).await?;
                let mut sources = other.sources(with_details)?;
                sources.catalog = Arc::clone(&merged);
                stores.insert(name.clone(), sources);
            }
        }
        drop((attached, past));
        let mut walks = Vec::new();
        for (name, walk) in &uses.walks {
            walks.push((name.clone(), walk, world.run(walk.direction.function(), &walk.run)?));
        }
        for relation in uses.relations.values_mut() {
            if let Relation::Run(prefix) = relation {
                *prefix = world.run("run", prefix)?.0.to_hex();
            }
        }
        let reader = (!uses.contents.is_empty()).then(|| world.reader());
        drop(world);
        let mut walked = Vec::new();
        for (name, walk, beginning) in walks {
            let edges = self.rows(sources.edges()).await?;
            let reached = walk.go(beginning, &edges)?;
            walked.push((name, sources.walked(&reached).map_err(|error| self.failed(&error, &[]))?));
        }
        if let Some(reader) = reader {
            for (name, asked) in &uses.contents {
                walked.push((name.clone(), self.contents(asked, &sources, &reader).await?));
            }
        }
        let paths = (!uses.all).then_some(&uses.paths);
        let tables: Vec<(String, Relation)> = uses.relations.into_iter().collect();
        let known = self.known(&sources, &tables);
        let failed = |error: DataFusionError| self.failed(&error, &known);
        let mut views = Vec::new();
        for (name, relation) in &tables {
            let view = |sources| View { state: &self.state, sources, relation, paths }.plan();
            let plan = match uses.stores.get(name).map(String::as_str) {
                None => view(&sources)?,
                Some(ALL) => {
                    let own = (THIS, &sources);
                    let others = stores.iter().filter(|(name, _)| !is_moment(name));
                    let others = others.map(|(name, sources)| (name.as_str(), sources));
                    let all = std::iter::once(own).chain(others);
                    let plans = all.map(|(store, sources)| Ok((store, view(sources)?)));
                    together(plans.collect::<Result<_, QueryError>>()?)
                        .map_err(|error| self.failed(&error, &[]))?
                }
                Some(store) => match stores.get(store) {
                    Some(sources) => view(sources)?,
                    None => return Err(QueryError::NoTable { table: name.clone(), nearest: None }),
                },
            };
            views.push((name.clone(), plan));
        }
        views.extend(walked);
        let state = self.with_views(views).map_err(failed)?;
        let plan = state.statement_to_plan(Parsed::Statement(Box::new(statement))).await.map_err(failed)?;
        verify(&plan)?;
        Ok(Planned { state, plan, known })
    }

    /// Looks at stores as they were at the moments that a statement names, and forgets those it does not name.
    async fn look_back(
        &self,
        past: &mut BTreeMap<String, World>,
        statement: &Statement,
        own: &World,
        attached: &BTreeMap<String, World>,
    ) -> Result<(), QueryError> {
        let named = moments::named(statement);
        past.retain(|name, _| named.contains_key(name));
        for (number, (name, moment)) in named.into_iter().enumerate() {
            if let Some(known) = past.get_mut(&name) {
                known.refresh()?;
                continue;
            }
            let now = match &moment.store {
                None => own,
                Some(store) => attached.get(store).ok_or_else(|| QueryError::NoStore {
                    name: store.clone(),
                    nearest: nearest(store, attached.keys().map(String::as_str)),
                })?,
            };
            let then = past::store(now.store(), &moment.written.parse()?)?;
            let (mut world, _) = look(&then, false).await?;
            // No attached store has a point in its name.
            world.call(&format!("moment.{number}"));
            past.insert(name, world);
        }
        past.values().try_for_each(|world| self.register(world))
    }

    /// Says where the files of a store's tables are.
    fn register(&self, world: &World) -> Result<(), QueryError> {
        if let Some(files) = &world.tables.files {
            let address = url::Url::parse(world.address())
                .map_err(|error| QueryError::Sql { message: error.to_string() })?;
            self.state.runtime_env().register_object_store(&address, files.object_store());
        }
        Ok(())
    }

    /// Finds out which experiments have which derived metrics.
    pub(super) async fn attribute(&self, world: &mut World) -> Result<(), QueryError> {
        self.compare(world).await?;
        let sources = world.sources(false)?;
        let found = self.rows(sources.derived_by_experiment()).await?;
        world.attribute(derived::by_experiment(&found));
        Ok(())
    }

    /// Finds out which run stands in which cell, where that was not done yet.
    pub(super) async fn compare(&self, world: &mut World) -> Result<(), QueryError> {
        let Some(mut comparison) = world.uncompared() else { return Ok(()) };
        let sources = world.sources(false)?;
        comparison.take(&self.rows(sources.claims(&comparison.experiments())).await?)?;
        if let Some(runs) = world.unknown(&comparison)? {
            comparison.take(&self.rows(sources.claims_of(&runs)).await?)?;
        }
        world.compared(comparison.finish()?);
        Ok(())
    }

    /// The rows of artifacts.
    async fn contents(
        &self,
        asked: &Contents,
        sources: &Sources,
        reader: &contents::Reader,
    ) -> Result<LogicalPlan, QueryError> {
        if let Some(experiment) = &asked.experiment
            && !sources.catalog.experiments.contains_key(experiment)
        {
            let nearest = nearest(experiment, sources.catalog.experiments.keys().map(String::as_str));
            let meant = nearest.map(|nearest| format!("; did you mean `{nearest}`?")).unwrap_or_default();
            return Err(QueryError::Contents { reason: format!("no experiment `{experiment}`{meant}") });
        }
        let held = self.rows(sources.holders(asked)).await?;
        let held = contents::Holder::of(asked, &held)
            .map_err(QueryError::table("artifacts", "listing artifacts"))?;
        if held.is_empty() {
            let reason = format!(
                "no run has `{}`; `SELECT DISTINCT name FROM artifacts` lists what there is",
                asked.name
            );
            return Err(QueryError::Contents { reason });
        }
        let found = contents::look(asked, held, reader.clone(), self.memory).await;
        if let Some(warning) = &found.warning {
            let mut warnings = self.warnings.lock().unwrap_or_else(|broken| broken.into_inner());
            if !warnings.contains(warning) {
                warnings.push(warning.clone());
            }
        }
        contents::plan(found).map_err(|error| self.failed(&error, &[]))
    }

    /// The state of one query: the session's, with just the views it names.
    fn with_views(&self, views: Vec<(String, LogicalPlan)>) -> Result<SessionState, DataFusionError> {
        let schema = MemorySchemaProvider::new();
        for (name, plan) in views {
            schema.register_table(name, Arc::new(ViewTable::new(plan, None)))?;
        }
        let catalog = MemoryCatalogProvider::new();
        let defaults = &self.state.config_options().catalog;
        catalog.register_schema(&defaults.default_schema, Arc::new(schema))?;
        let catalogs = MemoryCatalogProviderList::new();
        catalogs.register_catalog(defaults.default_catalog.clone(), Arc::new(catalog));
        let builder = SessionStateBuilder::new_from_existing(self.state.clone());
        let mut state = builder.with_catalog_list(Arc::new(catalogs)).build();
        // What `now()` is for the whole of the question.
        state.mark_start_execution();
        Ok(state)
    }

    /// Names that a misspelt column may have meant.
    fn known(&self, sources: &Sources, tables: &[(String, Relation)]) -> Vec<String> {
        let mut known: Vec<String> = Vec::new();
        for (_, relation) in tables {
            if let Ok(plan) = sources.plan(relation, None) {
                known.extend(plan.schema().fields().iter().map(|field| field.name().clone()));
            }
        }
        known
    }
}

/// The rows of several stores, with the name of each.
fn together(plans: Vec<(&str, LogicalPlan)>) -> Result<LogicalPlan, DataFusionError> {
    let named = |(store, plan): (&str, LogicalPlan)| {
        let columns = plan.schema().columns().into_iter();
        let flat = columns.map(|column| Expr::Column(column.clone()).alias(column.name)).collect::<Vec<_>>();
        LogicalPlanBuilder::from(plan).project(std::iter::once(lit(store).alias("store")).chain(flat))
    };
    let mut all: Option<LogicalPlanBuilder> = None;
    for plan in plans {
        let next = named(plan)?;
        all = Some(match all {
            Some(before) => before.union(next.build()?)?,
            None => next,
        });
    }
    match all {
        Some(all) => all.build(),
        None => LogicalPlanBuilder::empty(false).build(),
    }
}

/// A second look at what the guard let through: plans that would write are not made.
fn verify(plan: &LogicalPlan) -> Result<(), QueryError> {
    let options = datafusion::execution::context::SQLOptions::new()
        .with_allow_ddl(false)
        .with_allow_dml(false)
        .with_allow_statements(false);
    options.verify_plan(plan).map_err(|_| QueryError::Refused { what: "this statement".into() })
}
