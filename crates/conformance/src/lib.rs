//! Tests every strategy must pass before it may be measured.
