//! Every planted bug still has its place, and a sample of them is caught.
//!
//! `cargo run --release -p pledge-testing --example pledge-sim -- --planted` plays them all.

#[path = "../examples/pledge-sim/behind_plants.rs"]
mod behind_plants;
#[path = "../examples/pledge-sim/contract_plants.rs"]
mod contract_plants;
#[path = "../examples/pledge-sim/planted.rs"]
mod planted;
#[path = "../examples/pledge-sim/plants.rs"]
mod plants;

use std::path::Path;

/// Bugs of each part of the engine, of which a few seeds are enough even for a build that is not
/// optimized.
const SAMPLE: [&str; 6] = [
    "confirmed_one_block_early",
    "one_block_above_stays",
    "integral_not_moved",
    "window_closed_early",
    "first_event_skipped",
    "contracts_not_asked_for",
];
const SEEDS: u64 = 60;

#[test]
fn a_sample_of_the_planted_bugs_is_caught() {
    let copy = planted::Copy::build(false).unwrap_or_else(|reason| panic!("{reason}"));
    assert_eq!(copy.play(None, SEEDS), Ok(None), "the copy fails without a bug");
    for name in SAMPLE {
        assert!(plants::plants().any(|plant| plant.name == name), "{name} is not planted");
        let seeds = copy.play(Some(name), SEEDS).unwrap_or_else(|reason| panic!("{reason}"));
        assert!(seeds.is_some(), "{name} survived {SEEDS} seeds");
    }
}

#[test]
fn every_planted_bug_has_its_place() {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("../pledge-core/src");
    for plant in plants::plants() {
        let source = std::fs::read_to_string(sources.join(plant.file)).unwrap();
        let planted = planted::choice(plant, &source);
        assert!(planted.is_ok(), "{planted:?}");
    }
    assert!(plants::plants().count() >= 74);
}

#[test]
fn every_planted_bug_is_in_the_table() {
    let table = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/planted-bugs.md");
    let table = std::fs::read_to_string(table).unwrap();
    for plant in plants::plants() {
        assert!(
            table.contains(&format!("| `{}` | {} |", plant.name, plant.breaks)),
            "{}",
            plant.name
        );
    }
}
