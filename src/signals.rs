//! Ctrl-C: once lets running runs finish, twice stops them.

use metalab_engine::running::Handle;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// Cancels the submission at SIGINT and SIGTERM, and leaves the signals as they were when it has ended.
pub(crate) fn listen(handle: &Handle) {
    let Ok(mut signals) = Signals::new([SIGINT, SIGTERM]) else { return };
    let closer = signals.handle();
    let cancelled = handle.clone();
    let listener = std::thread::Builder::new().name("metalab-signals".into());
    let listener = listener.spawn(move || signals.forever().for_each(|_| cancelled.cancel()));
    let ended = handle.clone();
    let waiter = std::thread::Builder::new().name("metalab-signals-end".into());
    let waiter = waiter.spawn(move || {
        let _ = ended.wait();
        closer.close();
    });
    // Without threads there is nothing to listen with; Ctrl-C then ends the program, which loses nothing durable.
    let _ = (listener, waiter);
}
