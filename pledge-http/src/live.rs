//! Live updates: what happens, to readers that stay.
//!
//! A [`Hub`] follows the log of events and passes on what its readers follow, by `/stream` (server-sent
//! events) and `/ws` (WebSocket). The log is the truth, hints only wake the hub ([ADR
//! 0038](https://github.com/pledge/pledge/blob/main/docs/adr/0038-the-log-is-the-truth-of-live-streams.md)).
//! Two kinds of delivery: an event comes at least once, with its number, and a reader that was away goes on
//! after it; of a state only the newest comes. No reader waits for another: each has a bounded queue, and one
//! that takes less than there is has to go, and may come again.
//!
//! `docs/live.md` has the protocol.

mod answer;
mod beat;
mod checks;
mod command;
mod cut;
mod entrance;
mod follow;
mod hub;
mod meter;
mod parts;
mod queue;
mod reader;
mod refresh;
mod replay;
mod resume;
mod rights;
mod run;
mod sight;
mod socket;
mod stream;
mod table;
mod texts;
mod topic;
mod touched;

use axum::Router;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub use hub::Hub;
pub use meter::LiveCounts;
pub use parts::{AllowedOrigins, EventHints, LiveLimits, LiveParts, OwnOrigin, Turns};
pub use socket::bounded;
pub use topic::{Topic, UnknownTopic};

use crate::language::Language;
use crate::localized::localized;
use crate::problem;

/// `/stream` and `/ws`, to be merged into the routes of [`router`](crate::router) or nested by themselves.
///
/// What they answer does not end: a host leaves them out of its limits in time for whole answers, and of
/// compression. Each message to a reader has a deadline of its own, and each reader a bounded queue.
pub fn routes(hub: Hub) -> Router {
    let (routes, _) = documented().split_for_parts();
    let routes = routes.method_not_allowed_fallback(problem::wrong_method).with_state(hub);
    localized(routes, Language::default())
}

/// The routes, with what the document states of each.
pub(crate) fn documented() -> OpenApiRouter<Hub> {
    OpenApiRouter::new().routes(routes!(stream::open)).routes(routes!(socket::open))
}
