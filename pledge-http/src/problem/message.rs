//! What the details of problems state.

use axum::http::HeaderValue;

use super::Kind;

/// One table of messages: a variant, the kind of problem that it explains, its key in the catalogues
/// and its arguments.
macro_rules! messages {
    ($($(#[$doc:meta])* $name:ident $kind:ident $key:literal { $($argument:ident),* })+) => {
        /// The detail of a problem, in no language yet: a message of the catalogues with its arguments.
        #[derive(Debug, Clone, PartialEq, Eq)]
        #[cfg_attr(
            not(feature = "access"),
            allow(dead_code, reason = "what only the routes of access refuse")
        )]
        pub(crate) enum Message {
            $($(#[$doc])* $name { $($argument: String),* },)+
        }

        impl Message {
            /// Every key, with the names of its arguments.
            #[cfg(test)]
            pub(crate) const ALL: &[(&str, &[&str])] = &[$(($key, &[$(stringify!($argument)),*])),+];

            /// The kind of problem that it explains.
            pub(crate) const fn kind(&self) -> Kind {
                match self {
                    $(Self::$name { .. } => Kind::$kind,)+
                }
            }

            /// Its key in the catalogues.
            pub(crate) const fn key(&self) -> &'static str {
                match self {
                    $(Self::$name { .. } => $key,)+
                }
            }

            /// Its arguments by name.
            pub(crate) fn arguments(&self) -> Vec<(&'static str, &str)> {
                match self {
                    $(Self::$name { $($argument),* } =>
                        vec![$((stringify!($argument), $argument.as_str())),*],)+
                }
            }
        }
    };
}

messages! {
    /// `form` is one of [`Form`](super::Form).
    MalformedParameter InvalidParameter "malformed-parameter" { parameter, value, form }
    NotUtf8 InvalidParameter "not-utf8" { parameter }
    UnknownParameter InvalidParameter "unknown-parameter" { parameter, known }
    NoParameters InvalidParameter "no-parameters" { parameter }
    RepeatedParameter InvalidParameter "repeated-parameter" { parameter }
    MalformedQuery InvalidParameter "malformed-query" {}
    ForeignCursor InvalidParameter "foreign-cursor" {}
    MalformedProgramme InvalidParameter "malformed-programme" {}
    BoundsReversed InvalidParameter "bounds-reversed" { from, to }
    #[cfg_attr(not(feature = "live"), expect(dead_code, reason = "of live streams alone"))]
    ForbiddenTopic Forbidden "forbidden-topic" { topic }
    #[cfg_attr(not(feature = "live"), expect(dead_code, reason = "of live streams alone"))]
    ForeignOrigin ForeignOrigin "foreign-origin" { origin }
    #[cfg_attr(not(feature = "live"), expect(dead_code, reason = "of live streams alone"))]
    TooManyTopics TooManyTopics "too-many-topics" { most }
    #[cfg_attr(not(feature = "live"), expect(dead_code, reason = "of live streams alone"))]
    UpgradeRequired UpgradeRequired "upgrade-required" {}
    #[cfg_attr(not(feature = "live"), expect(dead_code, reason = "of live streams alone"))]
    NoCommand MalformedMessage "no-command" {}
    EdgesDescend InvalidParameter "edges-descend" { earlier, later }
    /// `start` is the path at which a reader begins.
    UnknownRoute UnknownRoute "unknown-route" { path, start }
    WrongMethod WrongMethod "wrong-method" { path, method }
    UnknownChain UnknownChain "unknown-chain" { chain }
    UnknownToken UnknownToken "unknown-token" { token }
    UnknownProgramme UnknownProgramme "unknown-programme" { programme }
    UnknownProgrammeName UnknownProgramme "unknown-programme-name" { programme }
    NoTokenWithProgramme UnknownProgramme "no-token-with-programme" {}
    ZeroAccount UnknownAccount "zero-account" {}
    UnknownSettlement UnknownSettlement "unknown-settlement" { settlement }
    TooManyTokens TooManyTokens "too-many-tokens" { account, most }
    NotStarted NotStarted "not-started" { token }
    TooLate TooLate "too-late" { asked, bound }
    TooEarly TooEarly "too-early" { asked, bound }
    Moving Rewinding "moving" {}
    Unavailable Unavailable "unavailable" {}
    Busy Busy "busy" {}
    Starting Starting "starting" {}
    /// The store was not read yet.
    NotReadYet Starting "not-read-yet" {}
    Stopping Stopping "stopping" {}
    /// The cause is in the log alone.
    Internal Internal "internal" {}
    TimedOut TimedOut "timed-out" {}
    BodyTooLarge BodyTooLarge "body-too-large" { most }
    IncompleteBody IncompleteBody "incomplete-body" {}
    UriTooLong UriTooLong "uri-too-long" { most }
    TooManyRequests TooManyRequests "too-many-requests" { seconds }
    /// The credential of a request is missing.
    Unauthenticated Unauthenticated "unauthenticated" {}
    CredentialRefused Unauthenticated "credential-refused" {}
    Forbidden Forbidden "forbidden" { permission }
    PersonsOnly Forbidden "persons-only" {}
    GivesMore Forbidden "gives-more" { permission }
    Outranked Forbidden "outranked" { permission }
    AccessNotConfigured AccessNotConfigured "access-not-configured" {}
    SignInRefused SignInRefused "sign-in-refused" {}
    WrongPassword SignInRefused "wrong-password" {}
    OtherMessageSigned SignInRefused "message-refused" {}
    NotRegistered SignInRefused "not-registered" {}
    RefreshRefused SignInRefused "refresh-refused" {}
    SignInSlowed TooManyRequests "sign-in-slowed" { seconds }
    RegistrationClosed RegistrationRefused "registration-closed" {}
    InvitationNeeded RegistrationRefused "invitation-needed" {}
    InvitationOver RegistrationRefused "invitation-over" {}
    NotJson UnsupportedMediaType "not-json" {}
    MalformedJson InvalidBody "malformed-json" { line, column }
    NotAnObject InvalidBody "not-an-object" {}
    UnknownField InvalidBody "unknown-field" { field, known }
    MissingField InvalidBody "missing-field" { field }
    RepeatedField InvalidBody "repeated-field" { field }
    /// `form` is one of [`Form`](super::Form).
    MalformedField InvalidBody "malformed-field" { field, form }
    MalformedSignIn InvalidBody "malformed-message" { line }
    UnfitPassword InvalidBody "unfit-password" {}
    OneWayIn InvalidBody "one-way-in" {}
    TooManyGrants InvalidBody "too-many-grants" {}
    EndHasPassed InvalidBody "end-has-passed" {}
    NameNeeded InvalidBody "name-needed" {}
    NoIdempotencyKey InvalidParameter "no-idempotency-key" {}
    MalformedIdempotencyKey InvalidParameter "malformed-idempotency-key" {}
    KeyReused IdempotencyKeyReused "key-reused" {}
    UnderWay RequestUnderWay "under-way" {}
    RewindUnderWay RequestUnderWay "rewind-under-way" { block, actor }
    ChainNotStopped NothingToDo "chain-not-stopped" { chain }
    TokenNotStopped NothingToDo "token-not-stopped" { token }
    NothingFailed NothingToDo "nothing-failed" { settlement }
    NothingAbove NothingToDo "nothing-above" { block }
    ChainHalted NotPossible "chain-halted" { chain }
    ChainFollowed NotPossible "chain-followed" { chain }
    NoNode NotPossible "no-node" { chain }
    RewindRefused NotPossible "rewind-refused" {}
    RateSettled NotPossible "rate-settled" { programme, settled }
    ProgrammeDeclared NotPossible "programme-declared" { programme }
    LastAdmin NotPossible "last-admin" {}
    LastWayIn NotPossible "last-way-in" {}
    UserNotActive NotPossible "user-not-active" {}
    RoleBuiltIn NotPossible "role-built-in" { role }
    TooMany NotPossible "too-many" { most }
    PlanMoved StateMoved "plan-moved" {}
    StateMoved StateMoved "state-moved" {}
    OtherStop StateMoved "other-stop" {}
    ProgrammeExists Taken "programme-exists" { programme }
    NameTaken Taken "name-taken" {}
    WalletTaken Taken "wallet-taken" {}
    RoleTaken Taken "role-taken" { role }
    KeyNameTaken Taken "key-name-taken" {}
    UnknownUser UnknownUser "unknown-user" {}
    UnknownRole UnknownRole "unknown-role" { role }
    UnknownApiKey UnknownApiKey "unknown-api-key" {}
    UnknownInvitation UnknownInvitation "unknown-invitation" {}
    NodeUnavailable NodeUnavailable "node-unavailable" {}
}

impl Message {
    /// What a caller is asked to show (RFC 6750).
    pub(crate) const fn challenge(&self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::CredentialRefused {} => r#"Bearer realm="pledge", error="invalid_token""#,
            _ => r#"Bearer realm="pledge""#,
        })
    }
}
