//! `docs/guide/execution.md`.

use metalab::{Experiment, Progress};

async fn waiting(experiment: Experiment) -> metalab::Result<()> {
    let again = experiment.clone();
    let results = metalab::run(experiment).store("./runs").progress(true).blocking()?;       // no runtime needed
    let experiment = again;
    let handle  = metalab::run(experiment).store("./runs").await?;                            // under any async runtime
    drop((results, handle));
    Ok(())
}

mod processes {
    fn experiment() -> metalab::Experiment {
        metalab::Experiment::new("empty", "1")
    }

    fn main() -> metalab::Result<()> {
        metalab::init();                          // or #[metalab::main]: makes this program its own worker
        metalab::run(experiment()).processes(4).blocking()?;
        Ok(())
    }
}

fn progress(experiment: Experiment) {
    let run = metalab::run(experiment)
        .progress(true)                                                              // a bar on a terminal, lines elsewhere
        .progress(Progress::new().title("round two").metric("loss:.4f").metric("accuracy:.1%"))
        .progress(Progress::plain())                                                 // lines, also on a terminal
        .progress(Progress::json())                                                  // JSON lines for other programs
    ;
    drop(run);
}
