//! Decimal text for integers: what JSON and logs carry instead of numbers.

/// Gives a newtype over a wide unsigned integer `Display`, `FromStr` and serde as a decimal string.
macro_rules! decimal_text {
    ($type:ident, $inner:ty) => {
        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }

        impl std::str::FromStr for $type {
            type Err = crate::types::OutOfRange;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                // The integer types parse an empty text as zero and skip underscores.
                let is_plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
                let number = <$inner>::from_str_radix(text, 10).ok();
                number.filter(|_| is_plain).map(Self).ok_or_else(|| {
                    crate::types::OutOfRange::new(stringify!($type), text, "a decimal integer")
                })
            }
        }

        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

pub(crate) use decimal_text;
