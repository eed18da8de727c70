//! The table of results.

/// One row: what was measured, what was aimed at, what was reached.
pub(crate) struct Row {
    pub(crate) work: String,
    pub(crate) goal: &'static str,
    pub(crate) reached: String,
    pub(crate) met: bool,
}

#[expect(clippy::print_stdout, reason = "a table is what it prints")]
pub(crate) fn print(rows: &[Row]) {
    println!("| work | to reach | reached | |");
    println!("| --- | --- | --- | --- |");
    for Row { work, goal, reached, met } in rows {
        println!("| {work} | {goal} | {reached} | {} |", if *met { "yes" } else { "**no**" });
    }
}
