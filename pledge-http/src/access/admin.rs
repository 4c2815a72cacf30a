//! What an admin does: users, roles, keys of programs, and who did what.

mod api_keys;
mod audit;
mod export;
mod invitations;
mod roles;
mod users;

use utoipa_axum::router::UtoipaMethodRouter;
use utoipa_axum::routes;

use super::AccessApi;

pub(super) use users::UserView;

/// The routes of admins.
pub(super) fn routes() -> Vec<UtoipaMethodRouter<AccessApi>> {
    vec![
        routes!(users::list),
        routes!(users::one),
        routes!(users::change_grants),
        routes!(users::ban),
        routes!(users::unban),
        routes!(users::remove),
        routes!(invitations::list),
        routes!(invitations::invite),
        routes!(invitations::revoke),
        routes!(roles::list),
        routes!(roles::add),
        routes!(roles::change),
        routes!(roles::remove),
        routes!(api_keys::list),
        routes!(api_keys::add),
        routes!(api_keys::revoke),
        routes!(audit::list),
        routes!(export::export),
    ]
}
