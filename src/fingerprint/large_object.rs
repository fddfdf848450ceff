//! The hash of one large object, as its bytes come by.

use std::fmt;

use xxhash_rust::xxh3::Xxh3;

use crate::snapshot::Fingerprint;

/// Hashes a large object's number (four bytes, little endian) and then its content, in
/// pieces of any size.
pub struct LargeObjectHasher {
    state: Box<Xxh3>,
}

impl LargeObjectHasher {
    /// Starts with the object's number.
    #[must_use]
    pub fn new(oid: u32) -> Self {
        let mut state = Box::new(Xxh3::new());
        state.update(&oid.to_le_bytes());
        Self { state }
    }

    /// The next bytes of its content.
    pub fn update(&mut self, bytes: &[u8]) {
        self.state.update(bytes);
    }

    /// The hash of all of it.
    #[must_use]
    pub fn finish(self) -> Fingerprint {
        Fingerprint(self.state.digest128())
    }
}

impl fmt::Debug for LargeObjectHasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LargeObjectHasher").finish_non_exhaustive()
    }
}
