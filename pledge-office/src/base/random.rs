//! Random bytes, for ids and secrets.

use std::fmt::Debug;

/// A source of bytes that no one can guess, such as the operating system's.
///
/// # Contract
/// - All bytes are filled, each time with others, whatever the process and the machine.
/// - It does not fail: where the system has no random bytes, no secret can be made, and it panics.
#[auto_impl::auto_impl(Arc, Box)]
pub trait Random: Debug + Send + Sync + 'static {
    /// Fills the whole slice.
    fn fill(&self, bytes: &mut [u8]);
}

/// That many random bytes.
pub fn random_bytes<const N: usize>(random: &dyn Random) -> [u8; N] {
    let mut bytes = [0; N];
    random.fill(&mut bytes);
    bytes
}
