//! How callers sign in, stay so and leave.

mod me;
mod sessions;
mod sign_in;
mod tokens;

use utoipa_axum::router::UtoipaMethodRouter;
use utoipa_axum::routes;

use super::AccessApi;

/// The routes of sign-in.
pub(super) fn routes() -> Vec<UtoipaMethodRouter<AccessApi>> {
    vec![
        routes!(sign_in::nonce),
        routes!(sign_in::wallet),
        routes!(sign_in::password),
        routes!(sign_in::register),
        routes!(tokens::refresh),
        routes!(tokens::ticket),
        routes!(sessions::logout),
        routes!(sessions::logout_everywhere),
        routes!(sessions::list),
        routes!(sessions::revoke),
        routes!(me::read),
        routes!(me::change),
    ]
}
