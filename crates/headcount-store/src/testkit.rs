//! The contract suite of stores, and the in-memory store.

pub mod contract;
pub mod memory;

pub use memory::MemoryStore;
