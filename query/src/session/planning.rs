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
use metalab_engine::id::RunId;
use metalab_engine::name::nearest;

use super::asking::{Inner, look};
use super::catalog::{Catalog, Others, Relation};
use super::contents::{self, Contents};
use super::derived;
use super::expressions::View;
use super::moments::{self, is_moment};
use super::rewrite::{Uses, rewrite};
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

/// A question whose names are resolved, with what it needs of the stores.
struct Asked {
    statement: Statement,
    uses: Uses,
    sources: Sources,
    /// Other stores, and moments.
    stores: BTreeMap<String, Sources>,
    /// The runs at which walks begin, by the names of the walks.
    beginnings: BTreeMap<String, RunId>,
    reader: contents::Reader,
}

impl Inner {
    pub(super) async fn plan(&self, statement: &Statement) -> Result<Planned, QueryError> {
        let asked = self.understand(statement).await?;
        let Asked { statement, uses, sources, .. } = &asked;
        let known = self.known(sources, &uses.relations);
        let failed = |error: DataFusionError| self.failed(&error, &known);
        let mut views = self.of_functions(&asked).await?;
        for (name, relation) in &uses.relations {
            views.push((name.clone(), self.view(name, relation, &asked)?));
        }
        let state = self.with_views(views).map_err(failed)?;
        let statement = Parsed::Statement(Box::new(statement.clone()));
        let plan = state.statement_to_plan(statement).await.map_err(failed)?;
        verify(&plan)?;
        Ok(Planned { state, plan, known })
    }

    /// Resolves names, and takes from the stores what the question needs.
    async fn understand(&self, written: &Statement) -> Result<Asked, QueryError> {
        let core = core_names();
        let mut world = self.world.lock().await;
        self.register(&world)?;
        let mut attached = self.attached.lock().await;
        for other in attached.values_mut() {
            other.refresh()?;
            self.register(other)?;
        }
        let mut past = self.past.lock().await;
        self.look_back(&mut past, written, &world, &attached).await?;
        let others = attached.iter().chain(past.iter());
        let others: Others = others.map(|(name, world)| (name.clone(), world.catalog())).collect();
        let mut statement = written.clone();
        let mut uses = rewrite(&mut statement, &world.catalog(), &others, &core)?;
        if world.is_unattributed() && uses.has_experiments() {
            self.attribute(&mut world).await?;
            statement = written.clone();
            uses = rewrite(&mut statement, &world.catalog(), &others, &core)?;
        }
        if uses.has_cells() {
            self.compare(&mut world).await?;
        }
        let with_details = uses.has_details();
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
        let mut beginnings = BTreeMap::new();
        for (name, walk) in &uses.walks {
            beginnings.insert(name.clone(), world.run(walk.direction.function(), &walk.run)?);
        }
        for relation in uses.relations.values_mut() {
            if let Relation::Run(prefix) = relation {
                *prefix = world.run("run", prefix)?.0.to_hex();
            }
        }
        Ok(Asked { statement, uses, sources, stores, beginnings, reader: world.reader() })
    }

    /// The tables that functions stand for: walks along the lineage, and contents of artifacts.
    async fn of_functions(&self, asked: &Asked) -> Result<Vec<(String, LogicalPlan)>, QueryError> {
        let mut views = Vec::new();
        for (name, beginning) in &asked.beginnings {
            let edges = self.rows(asked.sources.edges()).await?;
            let reached = asked.uses.walks[name].go(*beginning, &edges)?;
            let walked = asked.sources.walked(&reached).map_err(|error| self.failed(&error, &[]))?;
            views.push((name.clone(), walked));
        }
        for (name, contents) in &asked.uses.contents {
            views.push((name.clone(), self.contents(contents, &asked.sources, &asked.reader).await?));
        }
        Ok(views)
    }

    /// The view of a table: of the session's own store, of another, or of all.
    fn view(&self, name: &str, relation: &Relation, asked: &Asked) -> Result<LogicalPlan, QueryError> {
        let paths = (!asked.uses.all).then_some(&asked.uses.paths);
        let view = |sources| View { state: &self.state, sources, relation, paths }.plan();
        match asked.uses.stores.get(name).map(String::as_str) {
            None => view(&asked.sources),
            Some(ALL) => {
                let own = (THIS, &asked.sources);
                let others = asked.stores.iter().filter(|(name, _)| !is_moment(name));
                let others = others.map(|(name, sources)| (name.as_str(), sources));
                let plans = std::iter::once(own).chain(others);
                let plans = plans.map(|(store, sources)| Ok((store, view(sources)?)));
                let plans = plans.collect::<Result<_, QueryError>>()?;
                together(plans).map_err(|error| self.failed(&error, &[]))
            }
            Some(store) => match asked.stores.get(store) {
                Some(sources) => view(sources),
                None => Err(QueryError::NoTable { table: name.to_owned(), nearest: None }),
            },
        }
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
        for (name, moment) in named {
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
            // A past has no tables, so there is nothing of which to warn, and no file to register.
            let (world, _) = look(&then, false).await?;
            past.insert(name, world);
        }
        Ok(())
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
    fn known(&self, sources: &Sources, tables: &BTreeMap<String, Relation>) -> Vec<String> {
        let mut known: Vec<String> = Vec::new();
        for relation in tables.values() {
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
