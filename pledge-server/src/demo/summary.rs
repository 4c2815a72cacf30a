//! The state of the running market, as text.

use std::fmt;
use std::time::Duration;

use pledge_core::types::{ChainId, RawPoints, Scale, Timestamp};

use super::speed::Speed;
use super::story::ForkStory;

/// The figures of the market at one moment.
#[derive(Debug, Clone)]
pub(super) struct Snapshot {
    pub(super) name: &'static str,
    pub(super) chain: ChainId,
    pub(super) seed: u64,
    pub(super) speed: Speed,
    /// Time of the newest block.
    pub(super) time: Timestamp,
    pub(super) head: u64,
    pub(super) confirmed: u64,
    /// Changes in the ledger.
    pub(super) changes: u64,
    /// Changes written since it started, including those removed again.
    pub(super) written: u64,
    /// How long it has been running.
    pub(super) lives: Duration,
    pub(super) holders: u64,
    /// Sum over all accounts up to `settled`.
    pub(super) points: RawPoints,
    pub(super) scale: Scale,
    pub(super) settled: Option<Timestamp>,
    pub(super) statements: u64,
    pub(super) statements_reversed: u64,
    pub(super) fork: Option<ForkSeen>,
    pub(super) reorg: Option<ReorgSeen>,
    pub(super) audit: Option<AuditSeen>,
}

/// The newest fork, of any depth.
#[derive(Debug, Clone, Copy)]
pub(super) struct ForkSeen {
    pub(super) blocks: u64,
    pub(super) ago: Duration,
}

/// The newest fork that reached the ledger.
#[derive(Debug, Clone, Copy)]
pub(super) struct ReorgSeen {
    pub(super) blocks: u64,
    pub(super) ledger: ForkStory,
    pub(super) ago: Duration,
}

/// The newest verification. A fault would have ended the demo, so it agreed.
#[derive(Debug, Clone, Copy)]
pub(super) struct AuditSeen {
    pub(super) at_block: u64,
    pub(super) accounts: u64,
    pub(super) ago: Duration,
}

impl Snapshot {
    /// One line, for a log.
    pub(super) fn line(&self) -> String {
        let Self { name, head, confirmed, changes, holders, statements, .. } = self;
        let (time, lag) = (self.time, self.lag());
        let (points, rate) = (self.scale.points(self.points), self.changes_per_second());
        let reversed = self.statements_reversed;
        let reorg = self.reorg.map_or(String::new(), |reorg| format!("; reorg {reorg}"));
        let verified = self.audit.map_or(String::new(), |seen| format!("; verification {seen}"));
        format!(
            "{name} at {time}: head {head}, confirmed {confirmed}, {lag} behind; {changes} changes, \
             {rate} a second; {holders} holders; {points} points; {statements} statements, \
             {reversed} taken back{reorg}{verified}"
        )
    }

    const fn lag(&self) -> u64 {
        self.head.saturating_sub(self.confirmed)
    }

    fn changes_per_second(&self) -> u128 {
        u128::from(self.written) * 1_000 / self.lives.as_millis().max(1)
    }
}

impl fmt::Display for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, chain, seed, speed, head, confirmed, statements, .. } = self;
        let lag = self.lag();
        let time = self.time;
        let settled = self.settled.map_or("-".to_owned(), |settled| settled.to_string());
        // Lines stay below 80 columns: a wrapped line would not be cleared when the terminal is
        // resized.
        let points = self.scale.points(self.points);
        let whole = points.split('.').next().unwrap_or_default();
        let (rate, reversed) = (self.changes_per_second(), self.statements_reversed);
        writeln!(f, "{name} ({chain}), seed {seed}, {speed} s of chain time a second")?;
        writeln!(f, "        time  {time}")?;
        writeln!(f, "      blocks  head {head}, confirmed {confirmed}, {lag} behind")?;
        writeln!(
            f,
            "      ledger  {} changes, {rate} a second, {} holders",
            self.changes, self.holders
        )?;
        writeln!(f, "      points  {whole} whole ones issued")?;
        writeln!(f, "     settled  {settled}")?;
        writeln!(f, "  statements  {statements} published, {reversed} taken back")?;
        writeln!(f, "        fork  {}", or_none(self.fork))?;
        writeln!(f, "       reorg  {}", or_none(self.reorg))?;
        write!(f, "verification  {}", or_none(self.audit))
    }
}

impl fmt::Display for ForkSeen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} blocks, {} ago", self.blocks, whole_seconds(self.ago))
    }
}

impl fmt::Display for ReorgSeen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ForkStory { changes_removed, statements_reversed, .. } = self.ledger;
        let (blocks, ago) = (self.blocks, whole_seconds(self.ago));
        write!(
            f,
            "{blocks} blocks, {ago} ago: -{changes_removed} changes, -{statements_reversed} statements"
        )
    }
}

impl fmt::Display for AuditSeen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { at_block, accounts, ago } = self;
        let ago = whole_seconds(*ago);
        write!(f, "ok at block {at_block}, {ago} ago: {accounts} accounts agree")
    }
}

fn or_none(seen: Option<impl fmt::Display>) -> String {
    seen.map_or("none yet".to_owned(), |seen| seen.to_string())
}

fn whole_seconds(span: Duration) -> humantime::FormattedDuration {
    humantime::format_duration(Duration::from_secs(span.as_secs()))
}

#[cfg(test)]
mod tests {
    use pledge_core::primitives::U512;
    use pledge_core::types::Decimals;

    use super::*;

    const FORK: ForkStory = ForkStory {
        from_block: 900,
        to_block: 879,
        changes_removed: 402,
        statements_reversed: 133,
    };

    fn young() -> Snapshot {
        let scale = Scale::of(Decimals::new(6).unwrap());
        Snapshot {
            name: "market",
            chain: ChainId::new(31_338),
            seed: 7,
            speed: "600".parse().unwrap(),
            time: Timestamp::new(1_767_404_400).unwrap(),
            head: 588,
            confirmed: 582,
            changes: 1_200,
            written: 93,
            lives: Duration::from_millis(3_100),
            holders: 212,
            points: (scale.get() / U512::from(2)).to_string().parse().unwrap(),
            scale,
            settled: None,
            statements: 800,
            statements_reversed: 31,
            fork: None,
            reorg: None,
            audit: None,
        }
    }

    fn grown() -> Snapshot {
        let ledger = FORK;
        let ago = Duration::from_millis(72_900);
        Snapshot {
            settled: Some(Timestamp::new(1_767_402_000).unwrap()),
            fork: Some(ForkSeen { blocks: 4, ago: Duration::from_millis(900) }),
            reorg: Some(ReorgSeen { blocks: 27, ledger, ago }),
            audit: Some(AuditSeen { at_block: 900, accounts: 301, ago }),
            ..young()
        }
    }

    #[test]
    fn a_board_of_a_young_market_shows_what_is_not_there_yet() {
        assert_eq!(
            young().to_string(),
            "market (31338), seed 7, 600 s of chain time a second\n\
             \x20       time  2026-01-03T01:40:00Z\n\
             \x20     blocks  head 588, confirmed 582, 6 behind\n\
             \x20     ledger  1200 changes, 30 a second, 212 holders\n\
             \x20     points  0 whole ones issued\n\
             \x20    settled  -\n\
             \x20 statements  800 published, 31 taken back\n\
             \x20       fork  none yet\n\
             \x20      reorg  none yet\n\
             verification  none yet"
        );
    }

    #[test]
    fn a_board_shows_the_last_fork_reorg_and_verification() {
        let text = grown().to_string();
        for line in [
            "settled  2026-01-03T01:00:00Z",
            "fork  4 blocks, 0s ago",
            "reorg  27 blocks, 1m 12s ago: -402 changes, -133 statements",
            "verification  ok at block 900, 1m 12s ago: 301 accounts agree",
        ] {
            assert!(text.contains(line), "{line} in:\n{text}");
        }
    }

    #[test]
    fn no_line_of_a_board_is_broken_by_a_narrow_terminal() {
        let (day, most) = (Duration::from_secs(86_399), u64::from(u32::MAX));
        let ledger = ForkStory { changes_removed: 999_999, statements_reversed: 99_999, ..FORK };
        let market = Snapshot {
            seed: most,
            head: most,
            confirmed: most - 6,
            points: "9".repeat(77).parse().unwrap(),
            fork: Some(ForkSeen { blocks: 99, ago: day }),
            reorg: Some(ReorgSeen { blocks: 99, ledger, ago: day }),
            audit: Some(AuditSeen { at_block: most, accounts: 99_999, ago: day }),
            ..grown()
        };
        for line in market.to_string().lines() {
            assert!(line.chars().count() < 80, "{line}");
        }
    }

    #[test]
    fn a_line_is_one_line_with_the_same_figures() {
        assert_eq!(
            grown().line(),
            "market at 2026-01-03T01:40:00Z: head 588, confirmed 582, 6 behind; 1200 changes, 30 a \
             second; 212 holders; 0.5 points; 800 statements, 31 taken back; reorg 27 blocks, \
             1m 12s ago: -402 changes, -133 statements; verification ok at block 900, 1m 12s ago: \
             301 accounts agree"
        );
        assert!(young().line().ends_with("31 taken back"));
    }
}
