//! A header whose hash is recomputed.

use alloy::consensus;
use alloy::primitives::B256;

use crate::asker::Asker;
use crate::failure::Failure;
use crate::response::Json;
use crate::wire::WireHeader;

/// A header, and all of it if its fields give its hash.
pub(super) struct Hashed {
    pub(super) header: Option<WireHeader>,
    pub(super) hashed: Option<consensus::Header>,
}

impl Hashed {
    pub(super) fn parse(asker: &Asker, answer: Json) -> Result<Self, Failure> {
        let header: Option<WireHeader> = asker.parse(answer.clone())?;
        let hashed = header.as_ref().and_then(|header| hashed_header(&answer, header.hash));
        Ok(Self { header, hashed })
    }
}

/// The header in an answer, if its fields give its hash.
pub(super) fn hashed_header(header: &Json, hash: B256) -> Option<consensus::Header> {
    let header = header.parse::<consensus::Header>().ok()?;
    (header.hash_slow() == hash).then_some(header)
}
