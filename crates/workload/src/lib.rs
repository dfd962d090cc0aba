//! Workload definitions and seeded operation streams.
