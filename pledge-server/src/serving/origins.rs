//! The origins that may read the API in a browser.

use std::sync::{Arc, PoisonError, RwLock};

use pledge_http::live::AllowedOrigins;

use crate::config::WebOrigin;

/// The origins, which a reload may replace. A clone is another handle to the same.
#[derive(Debug, Clone, Default)]
pub(super) struct Origins(Arc<RwLock<Vec<WebOrigin>>>);

impl Origins {
    pub(super) fn new(origins: Vec<WebOrigin>) -> Self {
        Self(Arc::new(RwLock::new(origins)))
    }

    pub(super) fn replace(&self, origins: Vec<WebOrigin>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = origins;
    }
}

impl AllowedOrigins for Origins {
    /// Whether an origin is listed. Browsers send it in one form.
    fn contain(&self, origin: &[u8]) -> bool {
        let origins = self.0.read().unwrap_or_else(PoisonError::into_inner);
        origins.iter().any(|listed| listed.as_str().as_bytes() == origin)
    }
}
