//! What an operator does: pause and resume, retry, rewind, change programmes.

mod chains;
mod programmes;
mod rewind;
mod settlements;
mod tokens;

use utoipa_axum::router::UtoipaMethodRouter;
use utoipa_axum::routes;

use super::AccessApi;

/// The routes of operators.
pub(super) fn routes() -> Vec<UtoipaMethodRouter<AccessApi>> {
    vec![
        routes!(chains::pause),
        routes!(chains::resume),
        routes!(rewind::plan),
        routes!(rewind::apply),
        routes!(tokens::pause),
        routes!(tokens::resume),
        routes!(programmes::add),
        routes!(programmes::change),
        routes!(settlements::retry),
    ]
}
