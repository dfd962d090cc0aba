//! flurry, with a guard an operation or a guard a batch.
