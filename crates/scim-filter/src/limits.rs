//! Bounds on what is parsed.

/// Bounds on a filter; checked before descending, so that no input can exhaust the stack.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Longest text, in bytes.
    pub max_bytes: usize,
    /// Deepest nesting of parentheses, `not` and brackets.
    pub max_depth: usize,
    /// Most comparisons, `pr` terms, logical operators and brackets together.
    pub max_nodes: usize,
}

impl Limits {
    /// For filters: 8 KiB, 32, 128.
    pub const FILTER: Self = Self { max_bytes: 8 * 1024, max_depth: 32, max_nodes: 128 };
    /// For PATCH paths: 1 KiB, 32, 128.
    pub const PATH: Self = Self { max_bytes: 1024, max_depth: 32, max_nodes: 128 };
}
