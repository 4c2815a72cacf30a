//! File descriptors: readers must not take those that the database and the nodes need.

use std::num::NonZeroU16;

/// Descriptors kept free of readers: for files, logs, the pools of the database and of Redis, and the
/// connections to nodes, each with room for one that is about to close.
const KEPT_FREE: u64 = 160;
/// The connections of those who run the server: scrapers, orchestrators and a few people.
pub(super) const OPERATORS: usize = 64;
/// What a connection to the database for readers takes: `SQLite` opens its file, the log and the index
/// of the log.
const PER_READ: u64 = 3;

/// The number of connections that readers may have, at most `wanted`, where the
/// database needs connections for `reads`. Raises the process's own limit as far as it may.
pub(super) fn keep_free(wanted: usize, reads: NonZeroU16) -> usize {
    let allowed = allowed(raised_limit(), kept(reads));
    let allowed = usize::try_from(allowed).unwrap_or(usize::MAX);
    if allowed < wanted {
        tracing::warn!(
            "the limit of open files leaves {allowed} of {wanted} connections for readers: raise it \
             (`ulimit -n`, LimitNOFILE)"
        );
    }
    wanted.min(allowed)
}

/// The descriptors that readers must not take.
fn kept(reads: NonZeroU16) -> u64 {
    KEPT_FREE + OPERATORS as u64 + PER_READ * u64::from(reads.get())
}

/// How many connections a limit of descriptors leaves: at least half, since some is better than none.
const fn allowed(limit: Option<u64>, kept: u64) -> u64 {
    match limit {
        None => u64::MAX,
        Some(limit) if limit >= 2 * kept => limit - kept,
        Some(limit) => limit / 2,
    }
}

/// The limit of the process after it was raised; `None` for none.
#[cfg(unix)]
fn raised_limit() -> Option<u64> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    match setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
        Ok(()) => maximum,
        Err(_) => current,
    }
}

#[cfg(not(unix))]
fn raised_limit() -> Option<u64> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readers_and_operators_together_leave_what_the_rest_needs() {
        for limit in [1_024, 65_536] {
            let taken = allowed(Some(limit), kept(NonZeroU16::MIN)) + OPERATORS as u64;
            assert_eq!(limit - taken, KEPT_FREE + PER_READ, "{limit}");
        }
    }

    #[test]
    fn a_limit_leaves_what_the_database_and_the_nodes_need() {
        assert_eq!(allowed(Some(1_024), 160), 864);
        assert_eq!(allowed(Some(256), 160), 128);
        assert_eq!(allowed(None, 160), u64::MAX);
        let grows = |limit| allowed(Some(limit), 160) <= allowed(Some(limit + 1), 160);
        assert!((0..10_000).all(grows));
    }
}
