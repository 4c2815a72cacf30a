//! The requests of orchestrators and scrapers, which are no load of readers.

/// Whether a path is one that an orchestrator or a scraper asks, every few seconds.
pub(super) fn is_probe(path: &str) -> bool {
    is_of_health(path) || path == "/metrics"
}

/// Whether a path is one by which an orchestrator decides whether to end the process.
pub(super) fn is_of_health(path: &str) -> bool {
    ["/healthz", "/ping", "/readyz"].contains(&path)
}
