//! `docs/guide/parameters.md`.

use metalab::{Experiment, Store};
use metalab::params::{Params, Source};

#[metalab::operation]
fn train(lr: f64, depth: u64, optimizer: String, #[default(0.0)] momentum: f64) -> f64 {
    lr * depth as f64 + optimizer.len() as f64 + momentum
}

#[metalab::resolver]
fn fits(set: &Params) -> metalab::Result<bool> {
    Ok(set.get::<u64>("depth")? * set.get::<u64>("width")? < 100)
}

fn grids(exp: Experiment) -> metalab::Result<()> {
    let exp = exp.sweep(Train::grid().lr([0.1, 0.01]).depth(2..=8).optimizer("adam"));
    Ok(())
}

fn samples(exp: Experiment) -> metalab::Result<()> {
    use metalab::params::{LatinHypercube, Random, Sobol, choice, int_range, log_uniform, uniform};

    let random = Train::sample(Random::new(200).seed(7));
    let exp = exp.sweep(random.lr(log_uniform(1e-5, 1e-1)).depth(int_range(2..=12)).optimizer(choice(["sgd", "adam"])));
    let sobol = Train::sample(Sobol::new(256));
    let exp = exp.sweep(sobol.lr(log_uniform(1e-5, 1e-1)).depth(4).optimizer(["sgd", "adam"]).named("spread"));
    Ok(())
}

fn others(coarse: Source, fine: Source, store: Store) -> metalab::Result<()> {
    use metalab::params;

    let models = params::grid().axis("depth", [2, 4, 8]).axis("width", [16, 32]);
    let pairs  = params::grid().axis("lr", [0.1, 0.01]).zip(params::grid().axis("epochs", [10, 100]));
    let some = Train::from(models.product(pairs).filter(Fits).slice(..10));
    let of_a_file = Train::from(params::csv("sets.csv")?);     // also json (a list of objects), ndjson and parquet
    let two_rounds = Train::from(coarse.chain(fine));          // in the second one nothing of the first runs again
    #[cfg(feature = "query")]
    let of_a_question = Train::from(metalab::query::params(&store, "SELECT params.lr, params.width FROM sweep ORDER BY metrics.loss LIMIT 5")?);
    Ok(())
}

#[cfg(feature = "query")]
fn questions(exp: Experiment, store: Store) -> metalab::Result<()> {
    use metalab::{params, seeds};

    let best = metalab::query::params(&store, "SELECT lr FROM sweep GROUP BY lr ORDER BY min(loss) LIMIT 3")?;
    let wider = best.product(params::grid().axis("width", [128, 256]));
    let exp = exp.sweep(Train::from(wider)).seeds(seeds(42).replicates(5));
    Ok(())
}

fn resolvers(exp: Experiment) -> metalab::Result<()> {
    #[metalab::resolver]
    fn momentum(set: &metalab::params::Params) -> metalab::Result<Option<f64>> {
        Ok((set.get::<String>("optimizer")? == "sgd").then_some(0.9))
    }

    let exp = exp.sweep(Train::grid().lr([0.1, 0.01]).depth(4).optimizer(["sgd", "adam"]).momentum(Momentum));
    Ok(())
}
