//! The attribute and derive macros of metalab: [`macro@operation`], [`macro@resolver`], [`macro@derived`],
//! [`macro@Context`], [`macro@experiment`] and [`macro@main`].
//!
//! The macros know nobody: what they write names everything through the crate `metalab` (or the path given by
//! `crate = "..."`), and its parts are documented there. What is here, by the question it answers:
//!
//! | module | question |
//! | --- | --- |
//! | `operation::options` | what did the attribute say? |
//! | `operation::arguments`, `operation::output` | what does the function take and return, and is that allowed? |
//! | `operation::expand`, `operation::builder` | what is written for it? |
//! | `code` | which code does it reach, and what is the digest of that? |
//! | `derived` | functions over finished runs |
//! | `context` | the derive for contexts |
//! | `resolver` | functions over a parameter set |
//! | `main_attribute` | what comes before the body of `main`, and which experiments a program has |

#![cfg_attr(test, expect(clippy::unwrap_used, reason = "tests"))]

mod code;
mod context;
mod derived;
mod main_attribute;
mod operation;
mod resolver;

use proc_macro::TokenStream;

/// Makes a function an operation: something that can be swept, recorded and reused.
///
/// The function stays as it is and can be called from a unit test. Beside it stand, with the same visibility, for
/// a function `train`:
///
/// * `Train`, which implements `metalab::Operation` and is registered;
/// * `TrainParams`, a struct with the arguments the function owns;
/// * `TrainGrid`, the builder returned by `Train::grid()`, in which an argument left out, or set twice, is a
///   compile error.
///
/// ```ignore
/// /// Throws darts at a square.
/// #[metalab::operation(version = "2")]
/// pub fn estimate_pi(n_samples: u64, #[default(1.0)] radius: f64, seeds: &SeedBundle) -> metalab::Result<f64> {
///     ...
/// }
///
/// experiment.sweep(EstimatePi::grid().n_samples([1_000, 10_000]))
/// ```
///
/// # Arguments
///
/// What is owned is data: a part of the run's identity and a column of its tables. `&T` is lent by the run:
/// `&SeedBundle`, `&Capture`, `&Runtime` and contexts. On an owned argument,
///
/// * `#[default(expression)]` makes it optional: equal to its default, it is left out of the identity;
/// * `#[rename("name")]` gives it another name in columns, builder and parameter struct;
/// * `#[serde(...)]` and doc comments go to the field of the parameter struct.
///
/// # Options
///
/// | option | meaning | if left out |
/// | --- | --- | --- |
/// | `version = "2"` | raise it to say that results changed | `"1"` |
/// | `name = "..."` | the recorded name | the function's name |
/// | `code = "reach"` | how much code counts: `reach`, `body`, `binary`, `manual` | `"reach"` |
/// | `uses(item, crate_name)` | items and crates that count although they are not mentioned | none |
/// | `codec = path` | how the output becomes bytes | chosen from the output type |
/// | `type = "..."`, `params = "..."` | names of the generated types | from the function's name |
/// | `crate = "..."` | path of the crate `metalab` | `::metalab` |
#[proc_macro_attribute]
pub fn operation(options: TokenStream, item: TokenStream) -> TokenStream {
    operation::attribute(options.into(), item.into()).into()
}

/// Makes a function of a finished run a derived metric.
///
/// The function stays as it is; beside it stands, for a function `efficiency`, the type `Efficiency`, which is registered
/// and given to `Experiment::derive` or `metalab::derive(&results).with(...)`.
///
/// ```ignore
/// /// Accuracy per second of training.
/// #[metalab::derived]
/// fn efficiency(run: &RunResult) -> metalab::Result<f64> {
///     Ok(run.metric_f64("accuracy")? / run.param::<f64>("cost")?)
/// }
/// ```
///
/// A number, truth value or text is a metric called like the function; `None` and `()` are none; a struct, a map, a list
/// of pairs or `metalab::derived::Metrics` are several. With or without a `Result` around it.
///
/// # Options
///
/// | option | meaning | if left out |
/// | --- | --- | --- |
/// | `name = "..."` | name of the function, and of its metric | the function's name |
/// | `version = "2"` | raise it to say that results changed | `"1"` |
/// | `code = "reach"` | how much code counts: `reach`, `body`, `binary`, `manual` | `"reach"` |
/// | `uses(item, crate_name)` | items and crates that count although they are not mentioned | none |
/// | `metrics("a", "b")` | names of the metrics it gives, so that a collision is found before anything runs | its own name |
/// | `type = "..."` | name of the generated type | from the function's name |
/// | `crate = "..."` | path of the crate `metalab` | `::metalab` |
#[proc_macro_attribute]
pub fn derived(options: TokenStream, item: TokenStream) -> TokenStream {
    derived::attribute(options.into(), item.into()).into()
}

/// Makes a struct a context: settings and paths that the runs of an experiment share and operations borrow.
///
/// Every field enters the identity of the runs that borrow the context, unless it is marked `#[context(skip)]`.
/// `#[context(name = "...")]` on the struct gives the recorded name, `#[context(crate = "...")]` the path of the
/// crate `metalab`.
///
/// ```ignore
/// #[derive(metalab::Context)]
/// struct Site {
///     digits: metalab::FilePath,
///     #[context(skip)]
///     verbose: bool,
/// }
/// ```
#[proc_macro_derive(Context, attributes(context))]
pub fn context(item: TokenStream) -> TokenStream {
    context::derive(item.into()).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Makes a function over a parameter set a resolver: what gives an argument its value, or keeps a set.
///
/// The function stays as it is. Beside it stands, for a function `momentum`, the type `Momentum`, which implements
/// `metalab::params::Resolver` and is registered as `package::momentum`. It is given to the setter of the argument that it
/// finds, or, if it returns `bool`, to `Source::filter`. It returns a value, an `Option` of it (nothing leaves the argument
/// at its default), or a `Result` of either.
///
/// ```ignore
/// #[metalab::resolver]
/// fn momentum(set: &metalab::params::Params) -> metalab::Result<Option<f64>> {
///     Ok((set.get::<String>("optimizer")? == "sgd").then_some(0.9))
/// }
///
/// experiment.sweep(Train::sample(Random::new(100)).optimizer(choice(["sgd", "adam"])).momentum(Momentum))
/// ```
///
/// Resolvers are called when the experiment is planned, once for each set. Only what they find enters the identity of a
/// run. `type = "..."` and `name = "..."` give type and recorded name, `crate = "..."` the path of the crate `metalab`.
#[proc_macro_attribute]
pub fn resolver(options: TokenStream, item: TokenStream) -> TokenStream {
    resolver::expand(options.into(), item.into()).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Makes a program its own worker: `metalab::init()` runs before the body of `main`.
///
/// Experiments may then run in processes (`.processes(4)`): the driver starts the same program again, and there `init`
/// performs runs instead of going on. Arguments of the command line are not touched. `crate = "..."` gives the path of
/// the crate `metalab`.
///
/// ```ignore
/// #[metalab::main]
/// fn main() -> metalab::Result<()> {
///     metalab::run(experiment()).processes(4).blocking()?;
///     Ok(())
/// }
/// ```
///
/// An empty `fn main() {}` becomes the command line for the experiments of the program (see [`macro@experiment`]): `run NAME`,
/// `plan`, `graph`, `verify` and all commands of `metalab`. It needs the feature `cli`.
///
/// An `async fn main` is refused: workers must be up before a runtime is.
#[proc_macro_attribute]
pub fn main(options: TokenStream, item: TokenStream) -> TokenStream {
    main_attribute::expand(options.into(), item.into()).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Registers an experiment: what `run NAME` finds in a program whose `main` is `#[metalab::main]`.
///
/// ```ignore
/// #[metalab::experiment]
/// fn pi() -> Experiment {
///     Experiment::new("pi_mc", "0.1").sweep(EstimatePi::grid().n_samples([1_000, 10_000]))
/// }
///
/// #[metalab::main]
/// fn main() {}
/// ```
#[proc_macro_attribute]
pub fn experiment(options: TokenStream, item: TokenStream) -> TokenStream {
    main_attribute::experiment(options.into(), item.into())
        .unwrap_or_else(syn::Error::into_compile_error)
        .into()
}
