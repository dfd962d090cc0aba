//! A plain map behind Go's runtime check for overlapping access.
