//! Configurations, right and wrong: what is wrong is named by its full key, with a remedy.

#![expect(clippy::unwrap_used, reason = "tests panic")]

mod contracts;
mod documented;
mod effective;
mod file;
mod flags;
mod good;
mod values;
mod variables;
mod wrong_keys;
mod wrong_values;
