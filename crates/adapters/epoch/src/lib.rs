//! A snapshot behind an atomic pointer, freed by epoch.
