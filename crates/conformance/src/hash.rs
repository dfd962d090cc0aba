use std::hash::{BuildHasher, Hasher};

use foldhash::fast::FixedState;

/// A hasher with few distinct values, so that most keys collide.
#[derive(Clone)]
pub struct FewValues(pub FixedState);

impl BuildHasher for FewValues {
    type Hasher = FewValuesHasher;
    fn build_hasher(&self) -> FewValuesHasher {
        FewValuesHasher(self.0.build_hasher())
    }
}

/// The hasher of [`FewValues`].
pub struct FewValuesHasher(foldhash::fast::FoldHasher<'static>);

impl Hasher for FewValuesHasher {
    fn finish(&self) -> u64 {
        // Both ends of the word: maps take their bucket from one and their tag from the other.
        let few = self.0.finish() & 3;
        few | few << 62
    }
    fn write(&mut self, bytes: &[u8]) {
        self.0.write(bytes);
    }
}
