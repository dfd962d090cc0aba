//! scc HashMap and HashIndex.
