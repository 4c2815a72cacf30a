//! How laws are listed: once, in the module that defines them.
//!
//! A law is a private function, so one that is not listed is dead code, and the compiler names it.
//! Each listed law becomes one test wherever a backend runs the laws.

/// Lists the laws of a module: `laws! { __events of event_store(Fixture): a_law another_law }`.
/// Defines a hidden macro that writes their tests, over an expression for a future of the laws'
/// argument.
macro_rules! laws {
    ($tests:ident of $module:ident($given:ty): $($law:ident)+) => {
        laws! { @ ($) $tests $module($given): $($law)+ }
    };
    // A macro that defines a macro with parameters needs its `$` as a parameter.
    (@ ($d:tt) $tests:ident $module:ident($given:ty): $($law:ident)+) => {
        #[doc(hidden)]
        pub mod laws {
            use super::*;

            $(pub async fn $law(given: $given) {
                super::$law(given).await;
            })+
        }

        #[doc(hidden)]
        #[macro_export]
        macro_rules! $tests {
            ($d given:expr) => {
                $(
                    #[test]
                    fn $law() {
                        $crate::conformance::run(async {
                            let given = $d given.await;
                            $crate::conformance::$module::laws::$law(given).await;
                        });
                    }
                )+
            };
        }
    };
}

/// Lists the properties of a module, likewise: functions of a number of cases and of a closure that
/// returns a fresh fixture.
macro_rules! properties {
    ($tests:ident of $module:ident: $($law:ident)+) => {
        properties! { @ ($) $tests $module: $($law)+ }
    };
    (@ ($d:tt) $tests:ident $module:ident: $($law:ident)+) => {
        #[doc(hidden)]
        pub mod properties {
            use crate::conformance::engine_properties::Fresh;

            $(pub fn $law(cases: u32, fresh: impl Fn() -> Fresh) {
                super::$law(cases, fresh);
            })+
        }

        #[doc(hidden)]
        #[macro_export]
        macro_rules! $tests {
            ($d fixture:expr, $d cases:expr) => {
                $(
                    #[test]
                    fn $law() {
                        $crate::conformance::$module::properties::$law($d cases, || {
                            Box::pin(async { $d fixture.await })
                        });
                    }
                )+
            };
        }
    };
}
