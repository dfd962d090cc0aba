//! One std lock over the std HashMap.
