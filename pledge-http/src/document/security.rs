//! States who may use an operation, by the table of routes.

use serde_json::json;
use utoipa::openapi::extensions::ExtensionsBuilder;
use utoipa::openapi::path::{Operation, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{OpenApi, RefOr, Required};

use super::operations_of;
use super::refused::responses;
use crate::access::key;
use crate::access::table::Rule;
use crate::problem::Kind;

/// The name of the one way in which a credential is shown.
const BEARER: &str = "bearer";

/// The document with the rule of each route of the table.
pub(super) fn stated(mut openapi: OpenApi) -> OpenApi {
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("An access token of a sign-in, or the key of a program."))
        .build();
    let components = openapi.components.get_or_insert_default();
    components.security_schemes.insert(BEARER.to_owned(), RefOr::T(SecurityScheme::Http(bearer)));
    for (path, item) in &mut openapi.paths.paths {
        let below = path.strip_prefix(crate::API).unwrap_or(path).to_owned();
        for (method, operation) in operations_of(item) {
            if let Some(rule) = Rule::stated(&method, &below) {
                state(operation, rule);
                if rule.permission().is_some() && method != axum::http::Method::GET {
                    name_request(operation);
                }
            }
        }
    }
    openapi
}

fn state(operation: &mut Operation, rule: Rule) {
    let mut extensions = ExtensionsBuilder::new().add("x-role", json!(rule.least_role()));
    if let Some(permission) = rule.permission() {
        extensions = extensions.add("x-permission", json!(permission.as_str()));
    }
    operation.extensions.get_or_insert_default().merge(extensions.build());
    let shown = SecurityRequirement::new(BEARER, [""; 0]);
    operation.security = match rule {
        Rule::SignIn => None,
        // A credential is not needed, and shows more to those who may read everything.
        Rule::Read => Some(vec![SecurityRequirement::default(), shown]),
        Rule::SignedIn | Rule::Person | Rule::May(_) => Some(vec![shown]),
    };
    if rule == Rule::Read {
        let kinds = [Kind::Unauthenticated, Kind::Forbidden, Kind::AccessNotConfigured];
        operation.responses.responses.extend(responses(&kinds));
    }
}

/// States the header by which a repeated request is known again.
fn name_request(operation: &mut Operation) {
    let text = ObjectBuilder::new()
        .schema_type(Type::String)
        .min_length(Some(8))
        .max_length(Some(64))
        .pattern(Some("^[!-~]{8,64}$"))
        .examples(["7b0c3a52-pause-1"]);
    let about = "What the client calls the request. A repetition under the same key is answered with what was \
                 answered first, and does nothing.";
    let header = ParameterBuilder::new()
        .name(key::HEADER)
        .parameter_in(ParameterIn::Header)
        .required(Required::True)
        .description(Some(about))
        .schema(Some(text.build()));
    operation.parameters.get_or_insert_default().push(RefOr::T(header.build()));
}
