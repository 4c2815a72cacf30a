//! Who reads, as far as an answer depends on it.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use pledge_core::types::{ChainId, TokenId};
#[cfg(feature = "access")]
use pledge_office::access::{Caller, Object, Permission};

/// Who reads. Texts of nodes, of the store and of operators may contain hosts and keys, so only who may
/// read everything gets them; everyone else gets what they mean.
#[derive(Debug, Clone, Default)]
pub(crate) struct Reader {
    #[cfg(feature = "access")]
    caller: Option<Caller>,
}

#[cfg(feature = "access")]
impl Reader {
    /// Whether it gets all texts about a chain.
    pub(crate) fn sees_all_of_chain(&self, chain: ChainId) -> bool {
        self.sees(Object::Chain(chain))
    }

    /// Whether it gets all texts about a token.
    pub(crate) fn sees_all_of_token(&self, token: TokenId) -> bool {
        self.sees(Object::Token(token))
    }

    fn sees(&self, object: Object) -> bool {
        self.caller.as_ref().is_some_and(|caller| caller.may(Permission::ReadAll, object))
    }
}

#[cfg(not(feature = "access"))]
impl Reader {
    /// Nobody does, where nobody signs in.
    pub(crate) const fn sees_all_of_chain(&self, _: ChainId) -> bool {
        false
    }

    /// Nobody does, where nobody signs in.
    pub(crate) const fn sees_all_of_token(&self, _: TokenId) -> bool {
        false
    }
}

impl<S: Sync> FromRequestParts<S> for Reader {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        #[cfg(feature = "access")]
        let reader = Self { caller: parts.extensions.get().cloned() };
        #[cfg(not(feature = "access"))]
        let reader = {
            let _ = parts;
            Self::default()
        };
        Ok(reader)
    }
}
