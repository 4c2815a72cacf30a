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
}
