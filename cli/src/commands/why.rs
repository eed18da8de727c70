//! `metalab why`: what a run id is made of, and where two runs part.

use metalab_engine::inspect::{self, Why};

use super::print_one;
use crate::args::WhyArgs;
use crate::console::{Console, Paint};
use crate::error::CliError;
use crate::open;
use crate::sheet::Sheet;

pub(super) fn why(store: &str, args: &WhyArgs, console: &mut Console<'_>) -> Result<(), CliError> {
    let (glance, run) = open::run(store, &args.run)?;
    let other = args.other.as_deref().map(|other| inspect::find_run(&glance, other)).transpose()?;
    let found = inspect::why(&glance, &run, other.as_ref())?;
    let paint = console.paint();
    print_one(args.text.format, console, || text(&found, paint), &found)
}

fn text(why: &Why, paint: Paint) -> String {
    let mut sheet = Sheet::default();
    let confirmed = match why.confirmed {
        true => "hashed again, the parts below give this id",
        false => "the parts below do NOT give this id: the record is damaged, or was made by another version",
    };
    sheet.head(format!("run {}", why.run)).plain(confirmed);
    let Some(other) = &why.other else {
        sheet.head("hashed");
        for (name, value) in &why.hashed {
            sheet.entry(name, value);
        }
        if !why.code.is_empty() {
            sheet.head("code that counts");
            for (name, digest) in &why.code {
                sheet.entry(name, digest);
            }
        }
        return sheet.render(paint);
    };
    sheet.head(format!("compared with {other}"));
    if why.differences.is_empty() {
        sheet.plain("nothing that is hashed differs: it is the same run");
    }
    for difference in &why.differences {
        sheet.plain(difference.to_string());
    }
    if !why.warnings.is_empty() {
        sheet.head("not hashed");
        for warning in &why.warnings {
            sheet.plain(warning);
        }
    }
    sheet.render(paint)
}
