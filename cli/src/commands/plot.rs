//! `metalab plot`: a quick look at numbers, in the terminal or as a picture.

mod data;

use std::io::Write;
use std::path::Path;

use futures::executor::block_on;
use metalab_engine::index::Glance;
use metalab_engine::inspect::find_run;
use metalab_engine::store::Store;
use metalab_query::{Listing, Options, Session};

use crate::args::{PlotArgs, PlotFormat};
use crate::console::{Console, Paint};
use crate::draw::{Bar, Chart, Labels, Line, Points, Scale};
use crate::error::CliError;
use crate::{open, words, write};
use data::{Kind, Pairs, Statistics};

/// The width where nothing says one.
const WIDTH: usize = 80;
/// The most places whose mean is drawn: with more, points tell as much.
const MEANS: usize = 60;
/// The most runs whose stepped metrics are drawn over each other.
const RUNS: usize = 6;

/// What is drawn, and the numbers of it as a table.
struct Drawing {
    labels: Labels,
    chart: Chart,
    head: Vec<&'static str>,
    rows: Vec<Vec<String>>,
    /// Rows without a number to draw.
    left_out: usize,
}

pub(super) fn plot(locator: &str, args: &PlotArgs, console: &mut Console<'_>) -> Result<(), CliError> {
    let output = args.output.path.as_deref();
    if let Some(path) = output {
        write::refuse_existing(path, args.output.force)?;
    }
    let store = open::to_ask_at(locator, &args.moment)?;
    let session = block_on(Session::open(&store, Options::default()))?;
    let format = args.format.or_else(|| by_name(output?)).unwrap_or(PlotFormat::Text);
    let is_here = output.is_none() && format == PlotFormat::Text;
    let look = Look { paint: if is_here { console.paint() } else { Paint(false) }, log: args.log };
    let drawing = match args.what.strip_prefix("series.") {
        Some(name) => series(&store, &session, name, args, look)?,
        None => columns(&session, args, look)?,
    };
    let nothing = || CliError::NothingToDraw { what: args.what.clone(), log: args.log };
    let text = match format {
        PlotFormat::Text => {
            let width = if output.is_some() { WIDTH } else { console.width().unwrap_or(WIDTH) };
            let picture = drawing.chart.text(width, look.paint).ok_or_else(nothing)?;
            format!("{}\n{picture}", look.paint.bold(&drawing.labels.title))
        }
        PlotFormat::Svg => drawing.chart.svg(&drawing.labels).ok_or_else(nothing)?,
        PlotFormat::Csv => {
            let mut writer = csv::Writer::from_writer(Vec::new());
            writer.write_record(&drawing.head)?;
            drawing.rows.iter().try_for_each(|row| writer.write_record(row))?;
            let bytes = writer.into_inner().map_err(|error| CliError::Output(error.into_error()))?;
            String::from_utf8_lossy(&bytes).into_owned()
        }
    };
    match output {
        Some(path) => write::file(path, args.output.force, |to| Ok(to.write_all(text.as_bytes())?))?,
        None => console.out.write_all(text.as_bytes())?,
    }
    if drawing.left_out > 0 {
        let rows = words::count(drawing.left_out as u64, "row");
        let why = if args.log { "no number above zero" } else { "no number" };
        console.tell("note", &format!("{rows} left out: {why} there"));
    }
    Ok(())
}

fn by_name(output: &Path) -> Option<PlotFormat> {
    match output.extension()?.to_str()?.to_ascii_lowercase().as_str() {
        "svg" => Some(PlotFormat::Svg),
        "csv" => Some(PlotFormat::Csv),
        _ => None,
    }
}

#[derive(Clone, Copy)]
struct Look {
    paint: Paint,
    log: bool,
}

fn listing(args: &PlotArgs, columns: &[&str]) -> Listing {
    let mut listing = Listing::of("runs").columns(columns.iter().copied());
    if let Some(experiment) = &args.experiment {
        listing = listing.equals("experiment", experiment);
    }
    args.filter.iter().fold(listing, Listing::filter)
}

fn columns(session: &Session, args: &PlotArgs, look: Look) -> Result<Drawing, CliError> {
    let what = args.what.as_str();
    let asked = [Some(what), args.by.as_deref()];
    let asked: Vec<&str> = asked.into_iter().flatten().collect();
    let pairs = Pairs::of(&block_on(session.list(&listing(args, &asked)))?)?;
    Ok(match (&args.by, pairs.kind(0), pairs.kind(asked.len() - 1)) {
        (None, Kind::Number, _) => histogram(what, &pairs.numbers(0), look),
        (None, Kind::Text, _) => counts(what, &pairs.texts(0)),
        (Some(_), Kind::Text, _) => {
            return Err(CliError::Usage {
                message: format!("`{what}` is text: only numbers can be drawn over something"),
                hint: Some(format!("`metalab plot \"{what}\"` counts its values")),
            });
        }
        (Some(by), Kind::Number, Kind::Number) => {
            scatter(what, by, &pairs.numbers(0), &pairs.numbers(1), look)
        }
        (Some(by), Kind::Number, Kind::Text) => grouped(what, by, &pairs.numbers(0), &pairs.texts(1)),
    })
}

/// How often values occur, in ranges of equal size.
fn histogram(what: &str, values: &[Option<f64>], look: Look) -> Drawing {
    let drawable = |x: &f64| x.is_finite() && (!look.log || *x > 0.0);
    let numbers: Vec<f64> = values.iter().flatten().copied().filter(drawable).collect();
    let left_out = values.len() - numbers.len();
    let title = format!("{what}: {}", words::count(numbers.len() as u64, "value"));
    let labels = Labels { title, x: what.to_owned(), y: "runs".into() };
    let (mut edges, mut counts) = (Vec::new(), Vec::new());
    if let Some(scale) = Scale::of(numbers.iter().copied(), look.log) {
        // The rule of Sturges, for a screen.
        let ranges = ((numbers.len() as f64).log2().ceil() as usize + 1).clamp(1, 20);
        counts = vec![0_u64; ranges];
        for place in numbers.iter().filter_map(|x| scale.place(*x)) {
            counts[((place * ranges as f64) as usize).min(ranges - 1)] += 1;
        }
        edges = (0..=ranges).map(|at| scale.at(at as f64 / ranges as f64)).collect();
    }
    let row =
        |(edges, count): (&[f64], &u64)| vec![edges[0].to_string(), edges[1].to_string(), count.to_string()];
    let rows = edges.windows(2).zip(&counts).map(row).collect();
    let chart = Chart::Histogram { edges, counts, log: look.log };
    Drawing { labels, chart, head: vec!["from", "to", "count"], rows, left_out }
}

/// How often texts occur, the most frequent first.
fn counts(what: &str, values: &[Option<String>]) -> Drawing {
    let mut counts: Vec<(String, u64)> = data::counted(values.iter().flatten());
    let left_out = values.iter().filter(|value| value.is_none()).count();
    counts.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    let rows = counts.iter().map(|(name, count)| vec![name.clone(), count.to_string()]).collect();
    let title = format!("{what}: {}", words::count(counts.len() as u64, "value"));
    let labels = Labels { title, x: "runs".into(), y: String::new() };
    let bar = |(name, count): &(String, u64)| Bar {
        name: name.clone(),
        value: *count as f64,
        said: count.to_string(),
        spread: None,
    };
    let chart = Chart::Bars(counts.iter().map(bar).collect());
    Drawing { labels, chart, head: vec!["value", "count"], rows, left_out }
}

/// The mean of each group, in the order of their names.
fn grouped(what: &str, by: &str, values: &[Option<f64>], groups: &[Option<String>]) -> Drawing {
    let pairs = values.iter().zip(groups).filter_map(|(value, group)| Some((group.clone()?, (*value)?)));
    let (groups, used) = data::by_group(pairs);
    let left_out = values.len() - used;
    let said = |found: &Statistics| {
        let spread = found.deviation().map(|sd| format!(" ± {}", words::number(sd))).unwrap_or_default();
        format!("{}{spread} (n={})", words::number(found.mean()), found.count)
    };
    let bar = |(name, found): &(String, Statistics)| Bar {
        name: name.clone(),
        value: found.mean(),
        said: said(found),
        spread: found.deviation(),
    };
    let row = |(name, found): &(String, Statistics)| {
        let deviation = found.deviation().map(|sd| sd.to_string()).unwrap_or_default();
        vec![name.clone(), found.count.to_string(), found.mean().to_string(), deviation]
    };
    let rows = groups.iter().map(row).collect();
    let title = format!("{what} by {by}: mean ± standard deviation");
    let labels = Labels { title, x: what.to_owned(), y: String::new() };
    let chart = Chart::Bars(groups.iter().map(bar).collect());
    Drawing { labels, chart, head: vec!["group", "n", "mean", "std"], rows, left_out }
}

/// A point for each run, and the means of places with several.
fn scatter(what: &str, by: &str, ys: &[Option<f64>], xs: &[Option<f64>], look: Look) -> Drawing {
    let drawable = |(x, y): &(f64, f64)| x.is_finite() && y.is_finite() && (!look.log || *y > 0.0);
    let points = xs.iter().zip(ys).filter_map(|(x, y)| Some(((*x)?, (*y)?)));
    let points: Vec<(f64, f64)> = points.filter(drawable).collect();
    let left_out = xs.len() - points.len();
    let rows = points.iter().map(|(x, y)| vec![x.to_string(), y.to_string()]).collect();
    let means = data::means(&points);
    // Places that lie apart by factors are drawn by their logarithms.
    let x_log = data::spans_factors(&means.iter().map(|mean| mean.0).collect::<Vec<_>>());
    let mut title = format!("{what} by {by}: {}", words::count(points.len() as u64, "run"));
    let several = means.len() < points.len() && (2..=MEANS).contains(&means.len());
    let mut groups = vec![(Points { name: "runs".into(), points }, Line::Points)];
    if several {
        groups.push((Points { name: "mean".into(), points: means }, Line::Joined));
        title += ", the line is the mean";
    }
    if x_log || look.log {
        let axes = [(x_log, "x"), (look.log, "y")]
            .iter()
            .filter(|axis| axis.0)
            .map(|axis| axis.1)
            .collect::<Vec<_>>();
        title += &format!(" (logarithmic: {})", axes.join(", "));
    }
    let labels = Labels { title, x: by.to_owned(), y: what.to_owned() };
    let chart = Chart::Points { groups, log: (x_log, look.log) };
    Drawing { labels, chart, head: vec!["x", "y"], rows, left_out }
}

/// Stepped metrics of some runs.
fn series(
    store: &Store,
    session: &Session,
    name: &str,
    args: &PlotArgs,
    look: Look,
) -> Result<Drawing, CliError> {
    if args.run.is_empty() || args.run.len() > RUNS {
        return Err(CliError::Usage {
            message: format!("a stepped metric is drawn for one run, or for up to {RUNS}"),
            hint: Some(format!("`metalab plot series.{name} --run 3f1c`; `metalab runs` lists runs")),
        });
    }
    let mut groups = Vec::new();
    let mut rows = Vec::new();
    let mut left_out = 0;
    let glance = Glance::at(store)?;
    for prefix in &args.run {
        let run = find_run(&glance, prefix)?;
        let listing = Listing::of("metrics").columns(["step", "value"]).sort("step", false);
        let listing = listing.equals("run_id", run.to_string()).equals("name", name);
        let pairs = Pairs::of(&block_on(session.list(&listing))?)?;
        let (steps, values) = (pairs.numbers(0), pairs.numbers(1));
        let points = steps.iter().zip(&values).filter_map(|(x, y)| Some(((*x)?, (*y)?)));
        let points: Vec<_> = points.filter(|(_, y)| y.is_finite() && (!look.log || *y > 0.0)).collect();
        left_out += steps.len() - points.len();
        rows.extend(points.iter().map(|(x, y)| vec![run.to_string(), x.to_string(), y.to_string()]));
        groups.push((Points { name: run.short(), points }, Line::Joined));
    }
    let names = groups.iter().enumerate().map(|(at, (group, _))| look.paint.group(at, &group.name));
    let title = format!("{name} by step: {}", names.collect::<Vec<_>>().join(", "));
    let labels = Labels { title, x: "step".into(), y: name.to_owned() };
    let chart = Chart::Points { groups, log: (false, look.log) };
    Ok(Drawing { labels, chart, head: vec!["run", "step", "value"], rows, left_out })
}
