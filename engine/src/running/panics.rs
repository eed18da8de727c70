//! Panics of operations become failed runs, with their backtrace.

use std::backtrace::Backtrace;
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

/// What a panic said and where.
#[derive(Debug)]
pub(crate) struct Panicked {
    pub(crate) message: String,
    pub(crate) backtrace: String,
}

thread_local! {
    /// `Some` while an operation runs on this thread; filled by the hook.
    static CAUGHT: RefCell<Option<Option<Panicked>>> = const { RefCell::new(None) };
}

/// Runs `work`; a panic inside it is returned and printed nowhere.
pub(crate) fn contain<T>(work: impl FnOnce() -> T) -> Result<T, Panicked> {
    install_hook();
    // A panic may be contained inside of what contains panics itself.
    let outer = CAUGHT.replace(Some(None));
    let result = catch_unwind(AssertUnwindSafe(work));
    let caught = CAUGHT.replace(outer).flatten();
    result.map_err(|payload| {
        caught.unwrap_or_else(|| Panicked { message: message(&*payload), backtrace: String::new() })
    })
}

/// The hook of the process keeps what panics in operations say and passes every other panic on.
fn install_hook() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let ours = CAUGHT.try_with(|caught| {
                let mut caught = caught.borrow_mut();
                let Some(slot) = caught.as_mut() else { return false };
                let place =
                    info.location().map(|at| format!(" at {}:{}", at.file(), at.line())).unwrap_or_default();
                *slot = Some(Panicked {
                    message: format!("panicked{place}: {}", message(info.payload())),
                    backtrace: Backtrace::force_capture().to_string(),
                });
                true
            });
            if !ours.unwrap_or(false) {
                before(info);
            }
        }));
    });
}

fn message(payload: &(dyn std::any::Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a value that is not text".into())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_contained_with_message_and_place() {
        let panicked = contain(|| -> () { panic!("no {}", "luck") }).unwrap_err();
        assert!(
            panicked.message.contains("no luck") && panicked.message.contains("panics.rs"),
            "{panicked:?}"
        );
        assert!(!panicked.backtrace.is_empty());
        assert_eq!(contain(|| 7).unwrap(), 7);
    }
}
