//! The table of the planted bugs.

use super::planted::Copy;
use super::plants::plants;
use super::play;

/// The number of seeds within which each bug must be caught.
const SEEDS: u64 = 10_000;

/// Plays each bug, or the named one, and prints how many seeds caught it. Returns whether all were.
pub(crate) fn print(only: Option<&str>) -> Result<bool, String> {
    let copy = Copy::build(true)?;
    if copy.play(None, SEEDS)?.is_some() {
        return Err("the copy fails without a bug".to_owned());
    }
    play::print("| bug | what it breaks | seeds until caught |\n|---|---|---|");
    let mut all_caught = true;
    for plant in plants().filter(|plant| only.is_none_or(|only| only == plant.name)) {
        let seeds = copy.play(Some(plant.name), SEEDS)?;
        let caught = seeds.map_or_else(|| "**survived**".to_owned(), |seeds| seeds.to_string());
        play::print(&format!("| `{}` | {} | {caught} |", plant.name, plant.breaks));
        all_caught &= seeds.is_some();
    }
    Ok(all_caught)
}
