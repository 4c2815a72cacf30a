//! How fast the demo's chain time passes.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;
use std::time::Duration;

/// Seconds of chain time in a second, from 1 to a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Speed(NonZeroU32);

/// Why a text is no speed.
#[derive(Debug, thiserror::Error)]
#[error(
    "write the seconds of chain time that pass in one second, a whole number from 1 to {}, such as \
     600: ten minutes in a second",
    Speed::MAX
)]
pub struct SpeedError;

impl Speed {
    const MAX: u32 = 86_400;

    /// How long some chain time takes.
    pub fn real(self, chain: Duration) -> Duration {
        chain / self.0.get()
    }
}

impl FromStr for Speed {
    type Err = SpeedError;

    fn from_str(text: &str) -> Result<Self, SpeedError> {
        let speed = text.parse().map_err(|_| SpeedError)?;
        NonZeroU32::new(speed).filter(|speed| speed.get() <= Self::MAX).map(Self).ok_or(SpeedError)
    }
}

impl fmt::Display for Speed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_speed_divides_chain_time() {
        let speed: Speed = "600".parse().unwrap();
        assert_eq!(speed.real(Duration::from_secs(3_600)), Duration::from_secs(6));
    }

    #[test]
    fn what_is_no_speed_is_refused_with_an_example() {
        for text in ["0", "-1", "", "fast", "1.5", "86401", "99999999999"] {
            let error = text.parse::<Speed>().unwrap_err().to_string();
            assert!(error.contains("such as 600"), "{text}: {error}");
        }
        assert!("86400".parse::<Speed>().is_ok());
    }
}
