//! One turn for each request that reads, so that overload sheds readers whole and at once.

use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use pledge_core::admission::Admission;
use pledge_http::Refusal;

use crate::config::ReadsConfig;
use crate::metrics::TurnMeter;

/// Routes that read, each request of which takes a turn for all of its reads. One without a turn, and
/// one whose wait ends, is refused as busy.
pub fn taking_turns(routes: Router, reads: ReadsConfig, meter: &TurnMeter) -> Router {
    let admission = Admission::new(reads.concurrent, reads.waiting);
    let turns = Turns { admission, wait: reads.wait, meter: meter.clone() };
    routes.route_layer(from_fn_with_state(turns, take_turn))
}

/// The turns of all routes, how long one is waited for, and what counts them.
#[derive(Debug, Clone)]
struct Turns {
    admission: Admission,
    wait: Duration,
    meter: TurnMeter,
}

async fn take_turn(State(turns): State<Turns>, request: Request, next: Next) -> Response {
    let waiting = turns.meter.waits();
    match turns.admission.admit(tokio::time::sleep(turns.wait)).await {
        // Both held until the answer is made: its last read is over then.
        Ok(_turn) => {
            let _counted = waiting.begins();
            next.run(request).await
        }
        Err(refused) => {
            waiting.ends(refused);
            tracing::debug!("a reader is refused: {refused}");
            Refusal::Busy.into_response()
        }
    }
}
