//! A JSON-RPC node over a scripted chain, honest until a switch is set.

#![expect(clippy::disallowed_methods, reason = "real sockets and a real clock")]

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

mod block;
mod chain;
mod envelope;
mod honest;
mod lie;
mod limits;
mod outlook;
mod random;
mod refusal;
mod switch;
mod wire;

pub use block::{Block, Transaction};
pub use chain::{Branch, HostileChain, transfer};
pub use envelope::Envelope;
pub use honest::Call;
use honest::{Reply, answer};
pub use lie::Lie;
pub use limits::{ADDRESSES_TEXT, Hint, LIMIT_TEXTS, LimitText};
pub use outlook::Outlook;
pub use random::{Failing, Struck};
pub use refusal::{Limit, Measure, Refusal};
pub use switch::{Fault, Switch, SwitchId};
use switch::{Stage, Switches};
pub use wire::Wire;

/// A node on a free port of 127.0.0.1, until the handle is dropped. Several may serve one chain,
/// each with faults of its own.
///
/// It uses the runtime that it was created on, so a test must not block that.
#[derive(Debug)]
pub struct HostileNode {
    port: u16,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    chain: HostileChain,
    switches: Switches,
    requests: Mutex<Vec<Vec<Call>>>,
    latency: Mutex<Duration>,
}

impl HostileNode {
    /// An honest node of a chain.
    pub async fn of(chain: &HostileChain) -> Self {
        let shared = Arc::new(Shared {
            chain: chain.clone(),
            switches: Switches::default(),
            requests: Mutex::default(),
            latency: Mutex::default(),
        });
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let port = listener.local_addr().expect("a bound listener has an address").port();
        let router = Router::new()
            .fallback(serve)
            .layer(DefaultBodyLimit::disable())
            .with_state(shared.clone());
        let server = tokio::spawn(async move {
            axum::serve(listener, router).await.expect("a listener goes on");
        });
        Self { port, shared, server }
    }

    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The URL of its JSON-RPC endpoint.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/", self.port)
    }

    pub fn chain(&self) -> &HostileChain {
        &self.shared.chain
    }

    /// Sets a switch. Later switches act on the result of earlier ones.
    pub fn on(&self, switch: impl Into<Switch>) -> SwitchId {
        self.shared.switches.on(switch.into())
    }

    /// Removes a switch.
    pub fn off(&self, id: SwitchId) {
        self.shared.switches.off(id);
    }

    /// Removes every switch.
    pub fn calm(&self) {
        self.shared.switches.calm();
    }

    /// How often a switch changed an answer.
    pub fn met(&self, id: SwitchId) -> u64 {
        self.shared.switches.met(id)
    }

    /// From now on every answer takes this long.
    pub fn takes(&self, latency: Duration) {
        *self.shared.latency.lock().expect("no holder panics") = latency;
    }

    /// Every request so far, each with its calls.
    pub fn requests(&self) -> Vec<Vec<Call>> {
        self.shared.requests.lock().expect("no holder panics").clone()
    }

    /// The parameters of every call of a method so far.
    pub fn asked(&self, method: &str) -> Vec<Value> {
        let calls = self.requests().into_iter().flatten();
        calls.filter(|call| call.method == method).map(|call| call.params).collect()
    }
}

impl Drop for HostileNode {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn serve(State(node): State<Arc<Shared>>, body: Bytes) -> Response {
    let Ok(request) = serde_json::from_slice::<Value>(&body) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let calls: Vec<Call> = match &request {
        Value::Array(calls) => calls.iter().map(Call::of).collect(),
        call => vec![Call::of(call)],
    };
    node.requests.lock().expect("no holder panics").push(calls.clone());
    let latency = *node.latency.lock().expect("no holder panics");
    if !latency.is_zero() {
        tokio::time::sleep(latency).await;
    }
    let (status, answer) = node.answer(&calls, request.is_array());
    let mut wire = None;
    node.switches.act(Stage::Wire, &calls, &node.chain.view(), |fault, _| match fault {
        Fault::Wire(fault) if wire.is_none() => wire.replace(fault.clone()).is_none(),
        _ => false,
    });
    match wire {
        Some(wire) => wire.send(answer.to_string()).await,
        None => (status, wire::json(Body::from(answer.to_string()))).into_response(),
    }
}

impl Shared {
    fn answer(&self, calls: &[Call], is_batch: bool) -> (StatusCode, Value) {
        let mut answers = Vec::new();
        for call in calls {
            let reply = self.reply(call);
            let status = reply.as_ref().err().map_or(200, |error| error.status);
            let answer = reply_json(call, reply);
            if status != 200 {
                return (StatusCode::from_u16(status).expect("a status"), answer);
            }
            answers.push(answer);
        }
        let mut answer = if is_batch { Value::Array(answers) } else { answers.remove(0) };
        self.switches.act(Stage::Envelope, calls, &self.chain.view(), |fault, _| match fault {
            Fault::Envelope(fault) => fault.spoil(&mut answer),
            _ => false,
        });
        (StatusCode::OK, answer)
    }

    fn reply(&self, call: &Call) -> Reply {
        let truth = self.chain.view();
        let call_alone = std::slice::from_ref(call);
        let mut view = truth.clone();
        self.switches.act(Stage::Outlook, call_alone, &truth, |fault, _| match fault {
            Fault::Outlook(fault) => fault.turn(&mut view),
            _ => false,
        });
        let mut reply = answer(&view, call);
        let asked = call.blocks(&view);
        self.switches.act(Stage::Refusal, call_alone, &truth, |fault, _| match fault {
            Fault::Refusal(fault) => fault.refuse(call, asked, &mut reply),
            _ => false,
        });
        self.switches.act(Stage::Lie, call_alone, &truth, |fault, blocks| {
            match (fault, &mut reply) {
                (Fault::Lie(fault), Ok(result)) => fault.apply(result, blocks),
                _ => false,
            }
        });
        reply
    }
}

fn reply_json(call: &Call, reply: Reply) -> Value {
    match reply {
        Ok(result) => json!({ "jsonrpc": "2.0", "id": call.id, "result": result }),
        Err(error) => {
            let error = json!({ "code": error.code, "message": error.message });
            json!({ "jsonrpc": "2.0", "id": call.id, "error": error })
        }
    }
}
