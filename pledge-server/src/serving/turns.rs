//! One turn for each request that reads, so that overload sheds readers whole and at once.

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use pledge_core::admission::Admission;
use pledge_http::Refusal;
use pledge_http::live::Turns;

use crate::config::ReadsConfig;
use crate::metrics::TurnMeter;

/// The entrance of all reads for readers outside.
pub fn turns(reads: ReadsConfig) -> Turns {
    Turns { admission: Admission::new(reads.concurrent, reads.waiting), wait: reads.wait }
}

/// Routes that read, each request of which takes a turn for all of its reads. One without a turn, and
/// one whose wait ends, is refused as busy.
pub fn taking_turns(routes: Router, turns: &Turns, meter: &TurnMeter) -> Router {
    routes.route_layer(from_fn_with_state((turns.clone(), meter.clone()), take_turn))
}

async fn take_turn(
    State((turns, meter)): State<(Turns, TurnMeter)>,
    request: Request,
    next: Next,
) -> Response {
    let waiting = meter.waits();
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
