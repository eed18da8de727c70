//! Questions with their answers, written down in files.

use std::path::Path;

use metalab_query::{Session, fold_blocking};

use super::lab::Lab;

/// Asks the questions of a file, which is relative to the crate, before and after a fold: `anew` writes the file with the
/// answers that are given now, and that is what must stand there. With `METALAB_SLT=overwrite` it is written instead.
pub(crate) fn check(file: &str, lab: &Lab, anew: impl Fn(&Session, &str) -> String) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    let overwrite = std::env::var("METALAB_SLT").is_ok_and(|value| value == "overwrite");
    for folded in [false, true] {
        if folded {
            fold_blocking(&lab.store).unwrap();
        }
        let session = lab.session();
        let text = std::fs::read_to_string(&path).unwrap();
        let new = anew(&session, &text);
        if overwrite && !folded {
            std::fs::write(&path, &new).unwrap();
        } else {
            assert_eq!(new, text, "{file} (folded: {folded}); METALAB_SLT=overwrite writes it anew");
        }
    }
}
