//! The kinds of errors.

use axum::http::StatusCode;

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident $status:ident $code:literal;)+) => {
        /// The kind of an error: each is one `type` of problem document.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        #[cfg_attr(
            not(feature = "access"),
            allow(dead_code, reason = "what only the routes of access refuse")
        )]
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
    /// Nothing is shown that lets the caller in, or what is shown does not.
    Unauthenticated UNAUTHORIZED "unauthenticated";
    /// The caller lacks a permission.
    Forbidden FORBIDDEN "forbidden";
    /// Nobody signs in here.
    AccessNotConfigured FORBIDDEN "access-not-configured";
    /// What was shown to sign in is not right.
    SignInRefused UNAUTHORIZED "sign-in-refused";
    RegistrationRefused FORBIDDEN "registration-refused";
    /// A field of the body is malformed, missing or unknown.
    InvalidBody BAD_REQUEST "invalid-body";
    UnsupportedMediaType UNSUPPORTED_MEDIA_TYPE "unsupported-media-type";
    /// Under the key another request was made.
    IdempotencyKeyReused UNPROCESSABLE_ENTITY "idempotency-key-reused";
    RequestUnderWay CONFLICT "request-under-way";
    /// The act would change nothing.
    NothingToDo CONFLICT "nothing-to-do";
    /// The act makes no sense as things are.
    NotPossible CONFLICT "not-possible";
    /// Something else was written meanwhile.
    StateMoved CONFLICT "state-moved";
    /// Something of this name is there already.
    Taken CONFLICT "taken";
    UnknownUser NOT_FOUND "unknown-user";
    UnknownRole NOT_FOUND "unknown-role";
    UnknownApiKey NOT_FOUND "unknown-api-key";
    UnknownInvitation NOT_FOUND "unknown-invitation";
    /// No node answers.
    NodeUnavailable SERVICE_UNAVAILABLE "node-unavailable";
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
