//! Observe, plan, act, record.
