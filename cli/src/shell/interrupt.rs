//! Ctrl-C while a question is answered.

use std::sync::{Arc, Mutex, PoisonError};

use futures::channel::oneshot;
use futures::future::{self, BoxFuture, FutureExt};
use signal_hook::consts::SIGINT;
use signal_hook::iterator::Signals;

/// Tells the question at hand that it is to be stopped.
#[derive(Debug, Default)]
pub(super) struct Interrupt {
    waiting: Option<Arc<Mutex<Option<oneshot::Sender<()>>>>>,
}

impl Interrupt {
    /// Ctrl-C does what it does elsewhere.
    pub(super) fn none() -> Self {
        Self::default()
    }

    /// From now on Ctrl-C does not end the program.
    pub(super) fn listen() -> Self {
        let waiting: Arc<Mutex<Option<oneshot::Sender<()>>>> = Arc::default();
        let Ok(mut signals) = Signals::new([SIGINT]) else { return Self::none() };
        let told = waiting.clone();
        let listen = move || {
            for _ in signals.forever() {
                let sender = told.lock().unwrap_or_else(PoisonError::into_inner).take();
                // Between two questions nobody listens.
                let _ = sender.map(|sender| sender.send(()));
            }
        };
        let thread = std::thread::Builder::new().name("metalab-interrupt".into()).spawn(listen);
        Self { waiting: thread.ok().map(|_| waiting) }
    }

    /// Done at the next Ctrl-C.
    pub(super) fn next(&self) -> BoxFuture<'static, ()> {
        let Some(waiting) = &self.waiting else { return future::pending().boxed() };
        let (sender, receiver) = oneshot::channel();
        *waiting.lock().unwrap_or_else(PoisonError::into_inner) = Some(sender);
        receiver
            .then(|told| async move {
                if told.is_err() {
                    future::pending::<()>().await;
                }
            })
            .boxed()
    }
}
