//! The kinds of errors.

use axum::http::StatusCode;

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident $status:ident $code:literal;)+) => {
        /// The kind of an error: each is one `type` of problem document.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub(crate) enum Kind {
            $($(#[$doc])* $name,)+
        }

        impl Kind {
            /// Every kind.
            #[cfg(test)]
            pub(crate) const ALL: &[Self] = &[$(Self::$name),+];

            /// The status of its answers.
            pub(crate) const fn status(self) -> StatusCode {
                match self {
                    $(Self::$name => StatusCode::$status,)+
                }
            }

            /// Its stable code, in every language.
            pub(crate) const fn code(self) -> &'static str {
                match self {
                    $(Self::$name => $code,)+
                }
            }
        }
    };
}

kinds! {
    /// A parameter of the path or the query is malformed or unknown.
    InvalidParameter BAD_REQUEST "invalid-parameter";
    /// No credential, or one that is not valid.
    Unauthenticated UNAUTHORIZED "unauthenticated";
    /// The caller may not do this.
    Forbidden FORBIDDEN "forbidden";
    /// A script of a site that may not open a stream.
    ForeignOrigin FORBIDDEN "foreign-origin";
    /// More topics than one reader follows.
    TooManyTopics UNPROCESSABLE_ENTITY "too-many-topics";
    /// The request asks for no WebSocket where only that is served.
    UpgradeRequired UPGRADE_REQUIRED "upgrade-required";
    /// A message over a socket that is none of those that there are.
    MalformedMessage BAD_REQUEST "malformed-message";
    UnknownRoute NOT_FOUND "unknown-route";
    WrongMethod METHOD_NOT_ALLOWED "wrong-method";
    UnknownChain NOT_FOUND "unknown-chain";
    UnknownToken NOT_FOUND "unknown-token";
    UnknownProgramme NOT_FOUND "unknown-programme";
    UnknownAccount NOT_FOUND "unknown-account";
    UnknownSettlement NOT_FOUND "unknown-settlement";
    /// The account is on more tokens than one answer has.
    TooManyTokens UNPROCESSABLE_ENTITY "too-many-tokens";
    /// The token has no confirmed block yet.
    NotStarted CONFLICT "not-started";
    /// An instant after the confirmed time.
    TooLate CONFLICT "too-late";
    /// An instant before the token's first block.
    TooEarly CONFLICT "too-early";
    /// The ledger was rewound while the answer was read.
    Rewinding SERVICE_UNAVAILABLE "moving";
    /// The store cannot be read.
    Unavailable SERVICE_UNAVAILABLE "unavailable";
    /// As many read already as may.
    Busy SERVICE_UNAVAILABLE "busy";
    /// The process is starting.
    Starting SERVICE_UNAVAILABLE "starting";
    /// The process is ending.
    Stopping SERVICE_UNAVAILABLE "stopping";
    Internal INTERNAL_SERVER_ERROR "internal";
    /// No answer within the time for a request.
    TimedOut SERVICE_UNAVAILABLE "timed-out";
    BodyTooLarge PAYLOAD_TOO_LARGE "body-too-large";
    /// The client did not send all of its request.
    IncompleteBody BAD_REQUEST "incomplete-body";
    UriTooLong URI_TOO_LONG "uri-too-long";
    TooManyRequests TOO_MANY_REQUESTS "too-many-requests";
}

impl Kind {
    /// The `type` of its problem documents.
    pub(crate) fn uri(self) -> String {
        format!("urn:pledge:problem:{}", self.code())
    }

    /// The message of the catalogue that is its title.
    pub(crate) fn title(self) -> String {
        format!("title-{}", self.code())
    }
}
