//! Roles that are given, as requests and answers have them.

use std::collections::BTreeSet;

use pledge_core::types::{ChainId, TokenId};
use pledge_office::access::{GivenGrant, GivenGrants, RoleName, Scope};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::problem::{Message, Problem};

/// A role, and where it is valid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Grant)]
#[serde(deny_unknown_fields)]
pub(crate) struct GrantView {
    /// The name of the role.
    #[schema(value_type = crate::schema::RoleNameSchema)]
    role: String,
    /// The chains on which it is valid, with all that is on them. Null together with `tokens` for everywhere.
    #[schema(value_type = Option<Vec<crate::schema::ChainIdSchema>>)]
    chains: Option<Vec<ChainId>>,
    /// The tokens for which it is valid, as `chain_id:address`. Null together with `chains` for everywhere.
    #[schema(value_type = Option<Vec<crate::schema::TokenIdSchema>>)]
    tokens: Option<Vec<String>>,
}

/// The grants of a body.
pub(crate) fn given(views: Vec<GrantView>) -> Result<GivenGrants, Problem> {
    let grants: Result<Vec<_>, _> = views.into_iter().map(GrantView::given).collect();
    GivenGrants::new(grants?).map_err(|_| Problem::invalid("grants", Message::TooManyGrants {}))
}

/// Grants as they are shown.
pub(crate) fn shown(grants: &GivenGrants) -> Vec<GrantView> {
    grants.as_slice().iter().map(GrantView::shown).collect()
}

impl GrantView {
    fn given(self) -> Result<GivenGrant, Problem> {
        let Self { role, chains, tokens } = self;
        let role = RoleName::new(&role).map_err(|_| Problem::wrong_field("role"))?;
        if chains.is_none() && tokens.is_none() {
            return Ok(GivenGrant { role, scope: Scope::Everywhere });
        }
        let chains = chains.unwrap_or_default().into_iter().collect();
        let tokens: Option<BTreeSet<_>> =
            tokens.unwrap_or_default().iter().map(|text| token(text)).collect();
        let tokens = tokens.ok_or_else(|| Problem::wrong_field("tokens"))?;
        Ok(GivenGrant { role, scope: Scope::Within { chains, tokens } })
    }

    fn shown(grant: &GivenGrant) -> Self {
        let role = grant.role.to_string();
        match &grant.scope {
            Scope::Everywhere => Self { role, chains: None, tokens: None },
            Scope::Within { chains, tokens } => Self {
                role,
                chains: Some(chains.iter().copied().collect()),
                tokens: Some(tokens.iter().map(TokenId::to_string).collect()),
            },
        }
    }
}

/// `chain_id:address`.
fn token(text: &str) -> Option<TokenId> {
    let (chain, address) = text.split_once(':')?;
    let chain = chain.parse().ok().map(ChainId::new)?;
    let address = Some(address).filter(|text| text.starts_with("0x"))?.parse().ok()?;
    Some(TokenId { chain, address })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(json: &str) -> GrantView {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn grants_are_read_as_they_are_shown() {
        let of_token = r#"{"role":"operator","chains":[1,56],
            "tokens":["1:0x70CE000000000000000000000000000000000001"]}"#;
        let views = vec![view(r#"{"role":"viewer","chains":null,"tokens":null}"#), view(of_token)];
        let grants = given(views.clone()).unwrap();
        assert_eq!(shown(&grants), views);
        assert_eq!(grants.as_slice()[0].scope, Scope::Everywhere);
    }

    #[test]
    fn an_empty_list_is_nowhere_and_not_everywhere() {
        let grants = given(vec![view(r#"{"role":"viewer","chains":[]}"#)]).unwrap();
        assert_ne!(grants.as_slice()[0].scope, Scope::Everywhere);
    }

    #[test]
    fn a_token_has_its_chain_and_its_prefix() {
        for wrong in ["1", "1:70CE000000000000000000000000000000000001", "x:0x00", ""] {
            assert_eq!(token(wrong), None, "{wrong}");
        }
    }
}
