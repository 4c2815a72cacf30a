//! The requests of orchestrators and scrapers, which are no load of readers.

/// Whether a path is one that an orchestrator or a scraper asks, every few seconds.
pub(super) fn is_probe(path: &str) -> bool {
    ["/healthz", "/metrics", "/ping", "/readyz"].contains(&path)
}
