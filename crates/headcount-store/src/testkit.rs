//! The contract suite of stores and the in-memory store.
