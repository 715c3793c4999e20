//! Simulated runtime, etcd, store and clock; seeded scenarios.
