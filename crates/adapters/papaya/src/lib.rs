//! papaya, with a guard an operation or a guard a batch.
