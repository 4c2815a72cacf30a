//! The body of an act that needs nothing but a reason.

use pledge_core::audit::Reason;
use serde::Deserialize;
use utoipa::ToSchema;

/// The reason of an act.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReasonRequest {
    /// Kept with who did it.
    pub(crate) reason: Reason,
}
