//! What the compiler says when the macros are misused: one file per mistake.

/// `TRYBUILD=overwrite` writes the expected messages anew; they are those of the Rust version of the workspace.
#[test]
fn mistakes_are_explained_at_compile_time() {
    trybuild::TestCases::new().compile_fail("tests/compile_fail/*.rs");
}
