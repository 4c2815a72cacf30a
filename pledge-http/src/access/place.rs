//! Places in lists that are ordered by a time.

use std::str::FromStr;

use pledge_office::access::Position;
use pledge_office::base::StoreTime;
use serde::{Deserialize, Serialize};

use crate::page::PageKey;
use crate::problem::{Message, Problem};

/// A place in a list that is ordered by a time, the newest first, then by an id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TimePlace {
    /// In milliseconds since 1970.
    at: u64,
    id: String,
}

impl TimePlace {
    pub(crate) fn of(at: StoreTime, id: impl ToString) -> Self {
        Self { at: at.get(), id: id.to_string() }
    }

    /// What a store begins behind. A cursor that a client made up is none of the list.
    pub(crate) fn position<Id: FromStr>(&self) -> Result<Position<Id>, Problem> {
        let foreign = || Problem::invalid("cursor", Message::ForeignCursor {});
        let at = StoreTime::new(self.at).map_err(|_| foreign())?;
        let id = self.id.parse().map_err(|_| foreign())?;
        Ok(Position { at, id })
    }
}

/// Declares the places of lists.
macro_rules! places {
    ($($(#[$doc:meta])* $name:ident $list:literal;)+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Serialize, Deserialize)]
        #[serde(transparent)]
        pub(crate) struct $name(pub(crate) TimePlace);

        impl PageKey for $name {
            const LIST: &'static str = $list;
        }
    )+};
}

places! {
    /// Of a user.
    UserPlace "users";
    /// Of an invitation.
    InvitationPlace "invitations";
    /// Of the key of a program.
    ApiKeyPlace "api-keys";
    /// Of a sign-in.
    SessionPlace "sessions";
}

/// Unix seconds of an instant of the store's clock.
pub(crate) const fn seconds(at: StoreTime) -> u64 {
    at.get() / 1_000
}
