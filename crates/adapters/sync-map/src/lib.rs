//! The algorithm of Go's sync.Map before Go 1.24.
