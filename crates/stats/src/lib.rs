//! Estimators and intervals for interleaved benchmarks.
