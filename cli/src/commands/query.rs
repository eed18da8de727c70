//! `metalab query`: SQL over a store.

use std::path::Path;
use std::time::Duration;

use metalab_query::{Answer, Format, Options};

use crate::args::{QueryArgs, SqlArgs};
use crate::console::Console;
use crate::error::CliError;
use crate::open;
use crate::write;

pub(super) fn query(locator: &str, args: &QueryArgs, console: &mut Console<'_>) -> Result<(), CliError> {
    if console.is_interactive() && args.begins_shell() {
        let (format, memory, read_only) = (args.format, args.memory, args.read_only);
        let stores = args.stores.clone();
        let args = SqlArgs { format, memory, read_only, no_pager: false, no_history: false, stores };
        return crate::shell::shell(locator, &args, console);
    }
    let output = args.output.path.as_deref();
    let format = args.format.unwrap_or_else(|| by_name(output));
    refuse_binary(format, output, "answer")?;
    if let Some(path) = output {
        write::refuse_existing(path, args.output.force)?;
    }
    let sql = question(args, console)?;
    let mut options = Options::default();
    options.memory = args.memory;
    options.time = (args.timeout > 0.0).then(|| Duration::from_secs_f64(args.timeout));
    options.fold = !args.read_only;
    let answer = futures::executor::block_on(async {
        let session = open::session(locator, options, &args.stores).await?;
        let answer = session.sql(&sql).await?;
        session.warnings().iter().for_each(|warning| console.warn(warning));
        Ok::<Answer, CliError>(answer)
    })?;
    match output {
        Some(path) => write::file(path, args.output.force, |to| Ok(answer.write(format, None, to)?)),
        None => {
            let width = console.width();
            let written = answer.write(format, width, &mut console.out);
            written.map_err(|error| CliError::from(error).or_output(console))?;
            if let (Format::Table, Some(width)) = (format, width)
                && !answer.without_room(width)?.is_empty()
            {
                console.tell("note", "`--format line` shows all columns, the other formats too");
            }
            Ok(())
        }
    }
}

/// Binary formats are for files.
pub(super) fn refuse_binary(format: Format, output: Option<&Path>, name: &str) -> Result<(), CliError> {
    if format.is_binary() && output.is_none() {
        return Err(CliError::Usage {
            message: format!("{format} is not for standard output"),
            hint: Some(format!("write it to a file: `-o {name}.{format}`")),
        });
    }
    Ok(())
}

pub(super) fn by_name(output: Option<&Path>) -> Format {
    let extension = output.and_then(Path::extension).and_then(|extension| extension.to_str());
    extension.and_then(|extension| extension.parse().ok()).unwrap_or_default()
}

fn question(args: &QueryArgs, console: &mut Console<'_>) -> Result<String, CliError> {
    let unreadable = |what: &str| {
        let what = what.to_owned();
        move |source| CliError::Read { what, source }
    };
    if let Some(path) = &args.file {
        return std::fs::read_to_string(path).map_err(unreadable(&format!("`{}`", path.display())));
    }
    match args.sql.as_deref() {
        Some(sql) if sql != "-" => Ok(sql.to_owned()),
        _ => {
            let text = console.read_input().map_err(unreadable("standard input"))?;
            text.filter(|text| !text.trim().is_empty()).ok_or_else(|| CliError::Usage {
                message: "no question was asked".into(),
                hint: Some("for example: metalab query \"SELECT experiment, status, count(*) FROM runs GROUP BY 1, 2\"".into()),
            })
        }
    }
}
