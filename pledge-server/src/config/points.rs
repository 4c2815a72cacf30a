//! `[chains.NAME.tokens.NAME.points]`.

use std::time::Duration;

use chrono::DateTime;
use pledge_core::points::Programme;
use pledge_core::types::{
    ProgrammeId, Rate, RateSchedule, ShardCount, Step, Timestamp, TokenId, WindowLength,
};

use super::durations::duration_text;
use super::raw::{Flag, RateText, RawSchedule, RawStep};
use super::section::{Kind as _, Shown, optional, preset, required, section};
use super::{ConfigError, Key, Problems};

section! {
    /// The points of a token; without this section only its ledger is kept.
    RawPoints shown as PointsShown {
        /// Points per whole token per hour, as text: a number would not be exact.
        rate: Option<RateText> = required(RateText("0.05".to_owned())),
        /// How long a settlement's window is. It cannot be changed later.
        window: String = preset("1h"),
        /// With `true` a new programme may have windows of less than 1m.
        allow_short_windows: Flag = preset(Flag(false)),
        /// Other rates from an instant on, at most 4096; a last step to `"0"` ends a season. No default.
        schedule: Option<RawSchedule> =
            optional(RawSchedule(vec![RawStep::new("2026-01-01T00:00:00Z", "0.10")])),
    }
}

/// The rule of the programme `main`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PointsConfig {
    /// Its key in the configuration.
    pub key: Key,
    /// Points per whole token per hour over time.
    pub rates: RateSchedule,
    /// How long a window is.
    pub window: WindowLength,
    /// Whether a new programme may have windows of less than a minute.
    pub allow_short_windows: bool,
}

/// In seconds. Shorter windows would only make long lists of statements over a few seconds each.
const WINDOW_MIN: u64 = 60;

impl PointsConfig {
    /// The programme of a token.
    pub fn programme(&self, token: TokenId) -> Programme {
        Programme {
            id: ProgrammeId::main(token),
            rates: self.rates.clone(),
            window: self.window,
            shards: ShardCount::default(),
        }
    }

    pub(super) fn check(raw: RawPoints, key: &Key, problems: &mut Problems) -> Option<Self> {
        let RawPoints { rate, window, allow_short_windows: Flag(allow_short_windows), schedule } =
            raw;
        let rate = check_rate(rate, &key.child("rate"), problems);
        let window = problems.take(&key.child("window"), parse_window(&window));
        let RawSchedule(steps) = schedule.unwrap_or(RawSchedule(Vec::new()));
        let steps = check_steps(steps, &key.child("schedule"), problems);
        let rates = RateSchedule::new(rate?, steps?);
        Some(Self {
            key: key.clone(),
            rates: problems.take(&key.child("schedule"), rates)?,
            window: window?,
            allow_short_windows,
        })
    }

    pub(super) fn shown(&self) -> PointsShown {
        let Self { key: _, rates, window, allow_short_windows } = self;
        // The first piece is the rate itself, which has a key of its own.
        let later = rates.pieces(Timestamp::ZERO, Timestamp::MAX).skip(1);
        let schedule = RawSchedule(later.map(|step| RawStep::new(step.from, step.value)).collect());
        PointsShown {
            rate: Shown::text(rates.at(Timestamp::ZERO)),
            window: Shown::text(duration_text(Duration::from_secs(window.get()))),
            allow_short_windows: Shown::flag(*allow_short_windows),
            schedule: Shown::Value(schedule.to_toml()),
        }
    }

    /// Why a new programme may not have this window. An existing programme keeps its own.
    pub fn refuse_new(&self) -> Option<ConfigError> {
        let seconds = self.window.get();
        (seconds < WINDOW_MIN && !self.allow_short_windows).then(|| {
            let what = format!(
                "{seconds}s is shorter than 1m, and a window's length can never be changed: write \
                 1m or more, or allow_short_windows = true next to it"
            );
            ConfigError::at(&self.key.child("window"), what)
        })
    }
}

fn check_rate(raw: Option<RateText>, key: &Key, problems: &mut Problems) -> Option<Rate> {
    let RateText(text) = problems.require(key, raw, "rate = \"0.05\"")?;
    problems.take(key, text.parse())
}

fn check_steps(raw: Vec<RawStep>, key: &Key, problems: &mut Problems) -> Option<Vec<Step<Rate>>> {
    let count = raw.len();
    let mut steps: Vec<Step<Rate>> = Vec::with_capacity(count);
    for (index, RawStep { from, rate }) in raw.into_iter().enumerate() {
        let key = key.index(index);
        let from_key = key.child("from");
        let from = problems.require(&from_key, from, "from = \"2026-01-01T00:00:00Z\"");
        let from = from.and_then(|text| problems.take(&from_key, parse_instant(&text)));
        let rate = check_rate(rate, &key.child("rate"), problems);
        let (Some(from), Some(value)) = (from, rate) else {
            continue;
        };
        if steps.last().is_some_and(|before| before.from >= from) {
            problems.add(&from_key, "is not later than the step before it: sort the steps by time");
            continue;
        }
        steps.push(Step { from, value });
    }
    (steps.len() == count).then_some(steps)
}

fn parse_window(text: &str) -> Result<WindowLength, String> {
    let example = "write one such as \"1h\"";
    let length = humantime::parse_duration(text)
        .map_err(|error| format!("`{text}` is not a duration ({error}): {example}"))?;
    if length.subsec_nanos() != 0 {
        return Err(format!("`{text}` is not a whole number of seconds: {example}"));
    }
    WindowLength::new(length.as_secs()).map_err(|error| format!("{error}: {example}"))
}

fn parse_instant(text: &str) -> Result<Timestamp, String> {
    let example = "write UTC as 2026-01-01T00:00:00Z";
    let instant = DateTime::parse_from_rfc3339(text)
        .map_err(|error| format!("`{text}` is not a time in RFC 3339 ({error}): {example}"))?;
    let whole = instant.timestamp_subsec_nanos() == 0;
    let seconds = u64::try_from(instant.timestamp()).ok().filter(|_| whole);
    seconds
        .and_then(|seconds| Timestamp::new(seconds).ok())
        .ok_or_else(|| format!("`{text}` is not a whole second since 1970: {example}"))
}
