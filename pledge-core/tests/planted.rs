//! Every planted bug still has its place: the text that it replaces is in its file exactly once.
//!
//! `cargo run --release -p pledge-core --example pledge-sim -- --planted` plays them.

#[expect(dead_code, reason = "played by the example, not here")]
#[path = "../examples/pledge-sim/plants.rs"]
mod plants;

use std::path::Path;

#[test]
fn every_planted_bug_has_its_place() {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for plant in plants::PLANTS {
        let source = std::fs::read_to_string(sources.join(plant.file)).unwrap();
        assert_eq!(source.matches(plant.right).count(), 1, "{}: `{}`", plant.name, plant.right);
    }
    assert!(plants::PLANTS.len() >= 20);
}

#[test]
fn every_planted_bug_is_in_the_table() {
    let table = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/planted-bugs.md");
    let table = std::fs::read_to_string(table).unwrap();
    for plant in plants::PLANTS {
        assert!(table.contains(&format!("| `{}` |", plant.name)), "{}", plant.name);
    }
}
