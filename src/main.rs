//! The program `metalab`.

use std::process::ExitCode;

/// Queries and indices over millions of runs allocate much, in several threads.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    metalab_cli::main()
}
