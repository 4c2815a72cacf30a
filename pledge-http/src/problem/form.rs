//! What a parameter must look like.

macro_rules! forms {
    ($($name:ident $key:literal $([$parameter:literal])+;)+) => {
        /// The form of a parameter, which its name decides: a name means the same on every route.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Form {
            $($name,)+
        }

        impl Form {
            /// Every form.
            #[cfg(test)]
            pub(crate) const ALL: &[Self] = &[$(Self::$name),+];

            /// The form of a parameter of this name; `None` if no route has one.
            pub(crate) fn of(parameter: &str) -> Option<Self> {
                match parameter {
                    $($($parameter)|+ => Some(Self::$name),)+
                    _ => None,
                }
            }

            /// Its name in the catalogues.
            pub(crate) const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => $key,)+
                }
            }
        }
    };
}

forms! {
    ChainId "chain-id" ["chain_id"];
    Address "address" ["token"] ["account"];
    Instant "instant" ["at"] ["from"] ["to"];
    Length "length" ["bucket"];
    Limit "limit" ["limit"];
    Cursor "cursor" ["cursor"];
    Programme "programme" ["programme"];
    Sort "sort" ["sort"];
    SettlementStatus "settlement-status" ["status"];
    SettlementId "settlement-id" ["id"];
    Topics "topics" ["topics"];
    EventId "event-id" ["after"] ["last-event-id"];
    Flag "flag" ["strict"];
    EntityId "entity-id" ["user"] ["session"] ["key"] ["invitation"] ["owner"];
    RoleName "role-name" ["role"];
    Actor "actor" ["actor"];
    Action "action" ["action"];
    Object "object" ["object"];
    ExportFormat "export-format" ["format"];
    Block "block" ["to_block"];
    Digest "digest" ["digest"];
    Reason "reason" ["reason"];
    Rate "rate" ["rate"];
    Schedule "schedule" ["schedule"];
    WindowSeconds "window-seconds" ["window_seconds"];
    PlainName "plain-name" ["name"];
    DisplayName "display-name" ["display_name"];
    LanguageTag "language-tag" ["language"];
    TimeZone "time-zone" ["time_zone"];
    Grants "grants" ["grants"];
    ChainIds "chain-ids" ["chains"];
    TokenIds "token-ids" ["tokens"];
    Permissions "permissions" ["permissions"];
    LastsSeconds "lasts-seconds" ["lasts_seconds"];
    Note "note" ["note"];
    Until "until" ["until"];
    Signature "signature" ["signature"];
    Found "found" ["found"];
    Text "text" ["message"] ["password"] ["refresh_token"];
}
