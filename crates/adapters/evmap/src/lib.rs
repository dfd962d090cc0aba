//! evmap, publishing on every write or a batch at a time.
