//! The layer around each route: who asks, and whether that caller may.

use axum::RequestExt;
use axum::extract::{RawPathParams, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use pledge_core::query::SettlementId;
use pledge_core::types::{ChainId, TokenId};
use pledge_office::access::{Caller, Identity, Object, Permission, RightsOf, Unauthenticated};
use utoipa_axum::router::{UtoipaMethodRouter, UtoipaMethodRouterExt};

use super::Gatekeeper;
use super::table::{Entry, Rule, Touches};
use crate::bearer::{NotBearer, credential_of};
use crate::problem::{Message, Problem};

/// A route with the rule of its entry in the table around it.
///
/// # Panics
/// If the table has no entry for the route: nothing is served that nobody decided about.
pub(super) fn guarded<S: Clone + Send + Sync + 'static>(
    route: UtoipaMethodRouter<S>,
    keeper: &Gatekeeper,
) -> UtoipaMethodRouter<S> {
    let (path, item) = route.1.paths.iter().next().expect("a route has a path");
    let operations = [
        (Method::GET, &item.get),
        (Method::POST, &item.post),
        (Method::PUT, &item.put),
        (Method::PATCH, &item.patch),
        (Method::DELETE, &item.delete),
    ];
    let method = operations.into_iter().find(|(_, operation)| operation.is_some());
    let (method, _) = method.expect("a route has a method");
    let entry = Entry::of(&method, path);
    let entry = entry.unwrap_or_else(|| panic!("{method} {path} is not in the table of routes"));
    let state = Guard { rule: entry.rule, touches: entry.touches, keeper: keeper.clone() };
    route.map(|routes| routes.route_layer(from_fn_with_state(state, admit)))
}

/// The rule of one route, and who enforces it.
#[derive(Debug, Clone)]
struct Guard {
    rule: Rule,
    touches: Option<Touches>,
    keeper: Gatekeeper,
}

/// Lets a caller in that may come in; the routes find it in the extensions of the request.
async fn admit(State(guard): State<Guard>, mut request: Request, next: Next) -> Response {
    let object = object_of(&mut request).await;
    let caller = match guard.keeper.caller(guard.rule, request.headers()).await {
        Ok(caller) => caller,
        Err(refused) => return refused.into_response(),
    };
    if let Err(refused) = guard.keeper.require(guard.rule, &caller, object) {
        return refused.into_response();
    }
    let is_public = caller.identity == Identity::Anonymous;
    let touched = touched(guard.touches, &caller, &mut request).await;
    let admitted = Admitted { guard: guard.clone(), caller: caller.clone(), object };
    request.extensions_mut().insert(admitted);
    request.extensions_mut().insert(caller);
    let mut response = next.run(request).await;
    if let (true, Some(of), Some(watch)) =
        (response.status().is_success(), touched, &guard.keeper.watch)
    {
        watch.rights_changed(of);
    }
    keep_private(response.headers_mut(), is_public);
    response
}

/// By what right a request came in, for what is done later than that: a right may end meanwhile.
#[derive(Debug, Clone)]
pub(super) struct Admitted {
    guard: Guard,
    caller: Caller,
    object: Object,
}

impl Admitted {
    /// Refuses a request that would not come in now.
    pub(super) async fn check_again(&self) -> Result<(), Problem> {
        let Self { guard: Guard { rule, keeper, .. }, caller, object } = self;
        let now = match &keeper.authenticator {
            Some(authenticator) => authenticator.check_again(caller).await.map_err(refused)?,
            None => Caller::anonymous(),
        };
        keeper.require(*rule, &now, *object)
    }
}

fn refused(error: Unauthenticated) -> Problem {
    match error {
        Unauthenticated::Refused => Problem::new(Message::CredentialRefused {}),
        Unauthenticated::Store(error) => error.into(),
    }
}

impl Gatekeeper {
    /// Who asks. A credential that is none is refused also where nobody needs one, so that its owner learns
    /// that it is over.
    async fn caller(&self, rule: Rule, headers: &HeaderMap) -> Result<Caller, Problem> {
        let Some(authenticator) = &self.authenticator else {
            let is_read = rule == Rule::Read && self.public_reads;
            let refused = || Problem::new(Message::AccessNotConfigured {});
            return is_read.then(Caller::anonymous).ok_or_else(refused);
        };
        if rule == Rule::SignIn {
            return Ok(Caller::anonymous());
        }
        let credential = credential_of(headers);
        let credential = credential.map_err(|NotBearer| refused(Unauthenticated::Refused))?;
        let Some(credential) = credential else { return Ok(Caller::anonymous()) };
        authenticator.authenticate(&credential).await.map_err(refused)
    }

    /// Whether a caller may use a route about something.
    fn require(&self, rule: Rule, caller: &Caller, object: Object) -> Result<(), Problem> {
        let signed_in = || Problem::new(Message::Unauthenticated {});
        let is_anonymous = caller.identity == Identity::Anonymous;
        let may = |permission: Permission| {
            if caller.may(permission, object) {
                Ok(())
            } else if is_anonymous {
                Err(signed_in())
            } else {
                let permission = permission.to_string();
                Err(Problem::new(Message::Forbidden { permission }))
            }
        };
        // A caller that shows nothing may have the permission: it is asked to sign in.
        match rule {
            Rule::SignIn => Ok(()),
            Rule::Read if self.public_reads => Ok(()),
            Rule::Read => may(Permission::ReadAll),
            Rule::SignedIn if is_anonymous => Err(signed_in()),
            Rule::SignedIn => Ok(()),
            Rule::Person => match caller.identity {
                Identity::User { .. } => Ok(()),
                Identity::Anonymous => Err(signed_in()),
                Identity::ApiKey { .. } => Err(Problem::new(Message::PersonsOnly {})),
            },
            Rule::May(permission) => may(permission),
        }
    }
}

/// What a path is about. What cannot be read in it is nothing that a narrow role covers.
async fn object_of(request: &mut Request) -> Object {
    let Ok(params) = request.extract_parts::<RawPathParams>().await else {
        return Object::General;
    };
    let named =
        |wanted: &str| params.iter().find(|(name, _)| *name == wanted).map(|(_, value)| value);
    if let Some(id) = named("id") {
        let id = id.parse::<SettlementId>().ok();
        return id.map_or(Object::General, |id| Object::Token(id.programme.token));
    }
    let Some(chain) = named("chain_id").and_then(|text| text.parse().ok()).map(ChainId::new) else {
        return Object::General;
    };
    match named("token") {
        None => Object::Chain(chain),
        Some(address) => match address.parse() {
            Ok(address) => Object::Token(TokenId { chain, address }),
            Err(_) => Object::General,
        },
    }
}

/// Whose rights a request may change.
async fn touched(
    touches: Option<Touches>,
    caller: &Caller,
    request: &mut Request,
) -> Option<RightsOf> {
    let touches = touches?;
    let params = request.extract_parts::<RawPathParams>().await.ok()?;
    let named = |name| params.iter().find(|(found, _)| *found == name).map(|(_, value)| value);
    match touches {
        Touches::Own => RightsOf::caller(caller),
        Touches::NamedUser => named("user")?.parse().ok().map(RightsOf::User),
        Touches::NamedKey => named("key")?.parse().ok().map(RightsOf::ApiKey),
        Touches::Everyone => Some(RightsOf::Everyone),
    }
}

/// Keeps an answer out of caches that others share: what one caller may read, another one may not.
fn keep_private(headers: &mut HeaderMap, is_public: bool) {
    headers.append(header::VARY, HeaderValue::from_static("authorization"));
    let is_stored = headers.get(header::CACHE_CONTROL).is_none_or(|value| value != "no-store");
    if !is_public && is_stored {
        let private = HeaderValue::from_static("private, no-cache");
        headers.insert(header::CACHE_CONTROL, private);
    }
}
