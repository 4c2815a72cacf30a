//! The ids of what the access domain keeps.

use std::fmt;
use std::str::FromStr;

use pledge_core::primitives::hex;
use pledge_core::types::OutOfRange;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident $what:literal;)+) => {$(
        $(#[$doc])*
        ///
        /// 16 random bytes, shown as 32 hex digits. It is no secret.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; 16]);

        impl $name {
            /// Wraps the bytes of an id: random ones for a new one.
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(bytes)
            }

            /// The bytes of the id.
            pub const fn to_bytes(self) -> [u8; 16] {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&hex::encode(self.0))
            }
        }

        impl FromStr for $name {
            type Err = OutOfRange;

            fn from_str(text: &str) -> Result<Self, OutOfRange> {
                let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
                let is_plain = text.len() == 32 && text.bytes().all(is_digit);
                let bytes = is_plain.then(|| hex::decode_to_array(text).ok()).flatten();
                bytes.map(Self).ok_or_else(|| OutOfRange::new($what, text, "32 lowercase hex digits"))
            }
        }
    )+};
}

ids! {
    /// A user, for as long as the database lasts: also of one that was renamed or removed.
    UserId "user";
    /// A sign-in, with every token that follows from it.
    SessionId "session";
    /// A key of a program.
    ApiKeyId "API key";
    /// What lets a person become a user, once.
    InvitationId "invitation";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_read_as_it_is_shown_and_in_no_other_way() {
        let id = UserId::from_bytes([0xab; 16]);
        assert_eq!(id.to_string().parse(), Ok(id));
        for wrong in ["", "ab", &"AB".repeat(16), &"0x".repeat(16), &"ab".repeat(17)] {
            assert!(wrong.parse::<UserId>().is_err(), "{wrong}");
        }
    }
}
