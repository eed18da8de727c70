//! The reference in `docs/guide/cli.md` says what the program does.

use std::path::Path;

#[test]
fn the_reference_is_the_definition() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/guide/cli.md");
    let text = std::fs::read_to_string(&path).unwrap();
    let marker = "The rest of this page is made from the definition of the commands.\n\n";
    let (head, rest) = text.split_once(marker).unwrap();
    let reference = metalab_cli::reference();
    if std::env::var_os("METALAB_BLESS").is_some() {
        std::fs::write(&path, format!("{head}{marker}{reference}")).unwrap();
    } else {
        assert!(
            rest == reference,
            "docs/guide/cli.md is not what the program does; METALAB_BLESS=1 writes it anew"
        );
    }
    for code in 0..=5 {
        assert!(head.contains(&format!("\n| {code} | ")), "exit code {code}");
    }
}
