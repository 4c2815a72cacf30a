//! What the details of problems state.

use super::Kind;

/// One table of messages: a variant, the kind of problem that it explains, its key in the catalogues
/// and its arguments.
macro_rules! messages {
    ($($(#[$doc:meta])* $name:ident $kind:ident $key:literal { $($argument:ident),* })+) => {
        /// The detail of a problem, in no language yet: a message of the catalogues with its arguments.
        #[derive(Debug, Clone, PartialEq, Eq)]
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
    Unauthenticated Unauthenticated "unauthenticated" {}
    #[cfg_attr(not(feature = "live"), expect(dead_code, reason = "of live streams alone"))]
    ForbiddenTopic Forbidden "forbidden-topic" { topic }
    #[cfg_attr(not(feature = "live"), expect(dead_code, reason = "of live streams alone"))]
    ForeignOrigin ForeignOrigin "foreign-origin" { origin }
    #[cfg_attr(not(feature = "live"), expect(dead_code, reason = "of live streams alone"))]
    TooManyTopics TooManyTopics "too-many-topics" { most }
    #[cfg_attr(not(feature = "live"), expect(dead_code, reason = "of live streams alone"))]
    UpgradeRequired UpgradeRequired "upgrade-required" {}
    #[cfg_attr(not(feature = "live"), expect(dead_code, reason = "of live streams alone"))]
    NoCommand MalformedMessage "malformed-message" {}
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
}
