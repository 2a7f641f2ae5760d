//! Bounds on requests; each is answered as the documents say.

use std::num::NonZeroU32;

/// The bounds of an installation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Longest body, in bytes; 413.
    pub max_body_bytes: usize,
    /// Most members in one request; 413.
    pub max_members: usize,
    /// Most operations of a PATCH; 413.
    pub max_patch_operations: usize,
    /// Most operations of a bulk request; 413.
    pub max_bulk_operations: usize,
    /// Longest bulk body, in bytes; 413.
    pub max_bulk_bytes: usize,
    /// Deepest nesting of a JSON body; 400 `invalidSyntax`.
    pub max_json_depth: usize,
    /// Bounds on filters; 400 `invalidFilter`.
    pub filter: scim_filter::Limits,
    /// Bounds on PATCH paths; 400 `invalidPath`.
    pub path: scim_filter::Limits,
    /// Longest request target, in bytes; 414.
    pub max_uri_bytes: usize,
    /// Longest headers together, in bytes; 431.
    pub max_header_bytes: usize,
    /// Most requests a second of one connection in steady state, with four times as many at once
    /// after a rest; 429. `None`: as many as it likes. Identity providers need 25 or more.
    pub rate_per_s: Option<NonZeroU32>,
    /// Resources in a page when `count` is absent.
    pub default_page: u64,
    /// Most resources in a page.
    pub max_page: u64,
    /// How long a cursor is good, in seconds.
    pub cursor_timeout_s: i64,
    /// Most members in the answer to a PATCH of a group; above, 204.
    pub max_answer_members: u64,
    /// Most members of one group that are read before its answer is begun, all in one snapshot; the
    /// others are read while it is sent. A page of groups holds four times as many.
    pub members_at_once: u64,
    /// Most levels of groups above a user that are shown, counted from the user: its direct groups
    /// are the first.
    pub group_levels: u8,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_body_bytes: 10 * 1024 * 1024,
            max_members: 20_000,
            max_patch_operations: 1_000,
            max_bulk_operations: 1_000,
            max_bulk_bytes: 10 * 1024 * 1024,
            max_json_depth: 32,
            filter: scim_filter::Limits::FILTER,
            path: scim_filter::Limits::PATH,
            max_uri_bytes: 8 * 1024,
            max_header_bytes: 16 * 1024,
            rate_per_s: None,
            default_page: 100,
            max_page: 500,
            cursor_timeout_s: 3_600,
            max_answer_members: 1_000,
            members_at_once: 5_000,
            group_levels: 8,
        }
    }
}
