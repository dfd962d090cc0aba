//! DashMap 6 and 7.
