//! The requests of orchestrators, which are no load of readers.

/// Whether a path is one that an orchestrator asks, every few seconds.
pub(super) fn is_probe(path: &str) -> bool {
    ["/healthz", "/readyz"].contains(&path)
}
