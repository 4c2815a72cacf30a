//! Sign-ins, as they are kept.

use std::fmt;
use std::net::IpAddr;

use pledge_core::primitives::{Address, B256, Bytes};
use pledge_core::types::{ChainId, OutOfRange};

use super::{PasswordHash, SessionId, Signs, TokenHash, User, UserAgent, UserId, Wallet};
use crate::base::StoreTime;

/// What a user has shown to sign in, as the driver verified it. The store checks that it still is the user's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shown {
    /// A password of this hash.
    Password(PasswordHash),
    /// A signature of the key of an address.
    Key(Address),
    /// A signature that a contract accepts.
    Contract(ContractSignature),
}

impl Shown {
    /// How the session of a user begins that has shown this; `None` where it is not what the user has now.
    /// `password` is that of the user.
    pub fn accepted(&self, user: &User, password: Option<&PasswordHash>) -> Option<SignedInBy> {
        let has = |address, signs| user.wallets.contains(&Wallet { address, signs });
        match self {
            Self::Password(shown) => (password == Some(shown)).then_some(SignedInBy::Password),
            Self::Key(address) => has(*address, Signs::ByKey).then_some(SignedInBy::Key(*address)),
            Self::Contract(kept) => has(kept.address, Signs::ByContract(kept.chain))
                .then(|| SignedInBy::Contract(kept.clone())),
        }
    }
}

/// A signature that a contract has accepted. It is kept, so that the contract is asked again at each refresh.
#[derive(Clone, PartialEq, Eq)]
pub struct ContractSignature {
    /// The address of the contract.
    pub address: Address,
    /// The chain that it is on.
    pub chain: ChainId,
    /// The digest that was signed.
    pub digest: B256,
    signature: Bytes,
}

impl ContractSignature {
    /// The longest signature, in bytes.
    pub const BYTES_MAX: usize = 16_384;

    /// An error for a signature of more than [`ContractSignature::BYTES_MAX`] bytes.
    pub fn new(
        address: Address,
        chain: ChainId,
        digest: B256,
        signature: Bytes,
    ) -> Result<Self, OutOfRange> {
        if signature.len() > Self::BYTES_MAX {
            let bound = "at most 16384 bytes";
            return Err(OutOfRange::new("length of a signature", signature.len(), bound));
        }
        Ok(Self { address, chain, digest, signature })
    }

    /// The signature, to ask the contract again.
    pub const fn expose(&self) -> &Bytes {
        &self.signature
    }
}

impl fmt::Debug for ContractSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { address, chain, .. } = self;
        write!(f, "ContractSignature({chain}:{address}, ***)")
    }
}

/// How a session began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignedInBy {
    /// With name and password.
    Password,
    /// With the key of an address.
    Key(Address),
    /// With a contract.
    Contract(ContractSignature),
}

/// Why a session ended before its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionEnd {
    /// The user signed out.
    Logout,
    /// The user ended it from another session.
    EndedByUser,
    /// Another person ended it.
    EndedByOther,
    /// Its refresh token was used twice.
    TokenReused,
    /// The user got another password, or none.
    PasswordChanged,
    /// The wallet that signed is no longer the user's.
    WalletRemoved,
    /// The contract that accepted the signature no longer does.
    SignatureRefused,
    /// The user was banned.
    Banned,
    /// The user was removed.
    Removed,
    /// The user began one more than it may have, and this one was unused for longest.
    Displaced,
}

impl SessionEnd {
    /// Every end, each once.
    pub const ALL: [Self; 10] = [
        Self::Logout,
        Self::EndedByUser,
        Self::EndedByOther,
        Self::TokenReused,
        Self::PasswordChanged,
        Self::WalletRemoved,
        Self::SignatureRefused,
        Self::Banned,
        Self::Removed,
        Self::Displaced,
    ];

    /// Its name, as it is stored and shown.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Logout => "logout",
            Self::EndedByUser => "ended_by_user",
            Self::EndedByOther => "ended_by_other",
            Self::TokenReused => "token_reused",
            Self::PasswordChanged => "password_changed",
            Self::WalletRemoved => "wallet_removed",
            Self::SignatureRefused => "signature_refused",
            Self::Banned => "banned",
            Self::Removed => "removed",
            Self::Displaced => "displaced",
        }
    }

    /// The one of a name.
    pub fn named(name: &str) -> Result<Self, OutOfRange> {
        let found = Self::ALL.into_iter().find(|end| end.name() == name);
        found.ok_or_else(|| OutOfRange::new("end of a session", name, "not a name of one"))
    }
}

/// A sign-in that is to be recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSession {
    /// Random bytes, which no other session has.
    pub id: SessionId,
    /// Who signs in.
    pub user: UserId,
    /// What it has shown.
    pub shown: Shown,
    /// The first refresh token of the session.
    pub token: TokenHash,
    /// Where the request came from.
    pub address: Option<IpAddr>,
    /// What the client writes about itself.
    pub user_agent: Option<UserAgent>,
}

/// A sign-in, with all that followed from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// The id, which access tokens name.
    pub id: SessionId,
    /// Whose it is.
    pub user: UserId,
    /// How it began.
    pub signed_in_by: SignedInBy,
    /// When it began.
    pub signed_in: StoreTime,
    /// When its newest refresh token was given out.
    pub refreshed: StoreTime,
    /// When it is over at the latest; exclusive.
    pub until: StoreTime,
    /// Where it began.
    pub address: Option<IpAddr>,
    /// What the client wrote about itself.
    pub user_agent: Option<UserAgent>,
    /// When and why it ended before its time.
    pub ended: Option<(StoreTime, SessionEnd)>,
}

impl Session {
    /// The most sessions of a user that have not ended.
    pub const PER_USER_MAX: usize = 100;
}

/// What a refresh token gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refreshed {
    /// Its successor, which is one of those that the caller named.
    Successor {
        /// The session, of which no other facts than its own have changed.
        session: Box<Session>,
        /// The hash of the token to give out.
        token: TokenHash,
    },
    /// Nothing: it was used before, and the session has ended for it.
    Reused,
    /// Nothing: it is no token, or its session is over, or its user may not sign in.
    Over,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_of_a_contract_is_never_shown() {
        let bytes = Bytes::from_static(b"s3cret");
        let one =
            ContractSignature::new(Address::ZERO, ChainId::new(1), B256::ZERO, bytes).unwrap();
        let by = SignedInBy::Contract(one);
        assert!(!format!("{by:?}").contains("s3cret"), "{by:?}");
        let long = Bytes::from(vec![0; ContractSignature::BYTES_MAX + 1]);
        assert!(ContractSignature::new(Address::ZERO, ChainId::new(1), B256::ZERO, long).is_err());
    }

    #[test]
    fn each_end_of_a_session_has_a_name_of_its_own() {
        for end in SessionEnd::ALL {
            assert_eq!(SessionEnd::named(end.name()), Ok(end));
        }
        assert!(SessionEnd::named("other").is_err());
    }
}
