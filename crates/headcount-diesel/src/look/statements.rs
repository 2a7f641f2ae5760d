//! The texts of the statements by which is looked.

use crate::{
    members::ids_as_text,
    sql::Fixed,
    tokens::{of_token, standing},
};

/// The columns of `FoundRow` of the row `r`. On PostgreSQL changes of members move a group's version
/// and time in `group_slots`.
macro_rules! columns {
    (sqlite) => {
        "r.seq, r.id, r.conn, r.adoptable, r.version, r.created, r.modified, r.doc"
    };
    (users) => {
        columns!(sqlite)
    };
    (postgres) => {
        concat!("r.seq, r.id, r.conn, r.adoptable, ", slotted!())
    };
}

/// Version, created, modified and document on PostgreSQL.
macro_rules! slotted {
    () => {
        "CASE WHEN r.type = 1 THEN r.version ELSE r.version + (SELECT COALESCE(SUM(s.n), 0)::bigint \
         FROM group_slots s WHERE s.tenant_id = r.tenant_id AND s.grp = r.seq) END, r.created, \
         CASE WHEN r.type = 1 THEN r.modified ELSE COALESCE((SELECT MAX(s.modified) \
         FROM group_slots s WHERE s.tenant_id = r.tenant_id AND s.grp = r.seq), r.modified) END, r.doc"
    };
}

/// The direct groups of the row `r`, as JSON or as `groups_in` reads them, up to the owner of the groups
/// that are seen; what `adoptable` must be for the others, and the end, follow. On PostgreSQL the binds
/// tenant and tenant stand between.
macro_rules! groups {
    (sqlite) => {
        "(SELECT json_group_array(json_array(g.seq, g.id, CAST(json_extract(g.doc, '$.displayName') AS TEXT), \
         EXISTS (SELECT 1 FROM memberships n WHERE n.tenant_id = g.tenant_id AND n.member = g.seq))) \
         FROM memberships m CROSS JOIN resources g WHERE m.tenant_id = r.tenant_id AND m.member = r.seq \
         AND g.seq = m.grp AND g.tenant_id = r.tenant_id AND (g.conn = "
    };
    (postgres) => {
        [groups!(1), groups!(2), groups!(3)]
    };
    (1) => {
        "array_to_string(ARRAY(SELECT concat(g.seq, ' ', n.member, ' ', octet_length(g.id), ' ', g.id, \
         g.doc::json -> 'displayName') FROM memberships m JOIN resources g ON g.tenant_id = m.tenant_id \
         AND g.seq = m.grp LEFT JOIN LATERAL (SELECT x.member FROM memberships x WHERE x.tenant_id = "
    };
    // The limit keeps each found by its key, also before there are statistics.
    (2) => {
        " AND x.member = m.grp LIMIT 1) n ON TRUE WHERE m.tenant_id = "
    };
    (3) => {
        " AND m.member = r.seq AND (g.conn = "
    };
}

pub(super) const GROUPS_END: &str = "))";
pub(super) const GROUP_LINES_END: &str = ")), E'\\n')";

/// The groups of all rows of the page `p`, in one of them, as `Found::of_page` reads them. Binds stand
/// between the parts: tenant, tenant, owner, what `adoptable` must be, tenant.
macro_rules! groups_of_page {
    // OFFSET 0 keeps everything found by its key, also before there are statistics.
    (1) => {
        ", e AS MATERIALIZED (SELECT m.member, m.grp FROM p CROSS JOIN LATERAL \
         (SELECT x.member, x.grp FROM memberships x WHERE x.tenant_id = "
    };
    (2) => {
        " AND x.member = p.seq OFFSET 0) m) SELECT "
    };
    (3) => {
        ", CASE WHEN p.seq = (SELECT MIN(x.seq) FROM p x) THEN concat(array_to_string(ARRAY(SELECT \
         concat(e.member, ' ', e.grp) FROM e), ' '), E'\\n', array_to_string(ARRAY(SELECT concat(g.seq, ' ', \
         n.member, ' ', octet_length(g.id), ' ', g.id, g.doc::json -> 'displayName') \
         FROM (SELECT DISTINCT e.grp FROM e) d CROSS JOIN LATERAL \
         (SELECT g.seq, g.id, g.doc FROM resources g WHERE g.tenant_id = "
    };
    (4) => {
        " AND g.seq = d.grp AND (g.conn = "
    };
    (5) => {
        ") OFFSET 0) g LEFT JOIN LATERAL (SELECT x.member FROM memberships x WHERE x.tenant_id = "
    };
    (6) => {
        " AND x.member = g.seq LIMIT 1) n ON TRUE), E'\\n')) END"
    };
}

pub(super) use {columns, groups, groups_of_page, slotted};

/// The end of a statement by id.
macro_rules! by_id {
    ($start:expr, $($before:expr),*) => {
        &[
            $($before,)*
            concat!($start, of_token!(), " LEFT JOIN resources r ON r.tenant_id = "),
            " AND r.id = ",
            " AND r.type = ",
            " AND (r.conn = ",
            " OR r.adoptable >= ",
            ") WHERE t.tenant_id = ",
            " AND t.id = ",
            "",
        ]
    };
}

/// A standing and a resource, a user or another; binds: tenant, id, type, view, tenant, token.
pub(super) struct ById<const USER: bool>;

impl<const USER: bool> Fixed for ById<USER> {
    const SQLITE: &'static [&'static str] = by_id!(concat!("SELECT ", standing!(), ", ", columns!(sqlite), ", NULL"),);
    const POSTGRES: &'static [&'static str] = if USER {
        by_id!(concat!("SELECT ", standing!(), ", ", columns!(users), ", NULL"),)
    } else {
        by_id!(concat!("SELECT ", standing!(), ", ", columns!(postgres), ", NULL"),)
    };
}

/// The same with the resource's groups; before the others, on PostgreSQL, tenant and tenant, and the binds
/// of the view.
pub(super) struct ByIdWithGroups<const USER: bool>;

impl<const USER: bool> Fixed for ByIdWithGroups<USER> {
    const SQLITE: &'static [&'static str] = by_id!(
        "))",
        concat!("SELECT ", standing!(), ", ", columns!(sqlite), ", ", groups!(sqlite)),
        " OR g.adoptable >= "
    );
    const POSTGRES: &'static [&'static str] = if USER {
        by_id!(
            ")), E'\\n')",
            concat!("SELECT ", standing!(), ", ", columns!(users), ", ", groups!(1)),
            groups!(2),
            groups!(3),
            " OR g.adoptable >= "
        )
    } else {
        by_id!(
            ")), E'\\n')",
            concat!("SELECT ", standing!(), ", ", columns!(postgres), ", ", groups!(1)),
            groups!(2),
            groups!(3),
            " OR g.adoptable >= "
        )
    };
}

/// The same with the resource's first members; before the others, how many.
pub(super) struct ByIdWithMembers;

/// The members of the row `r`, in one text.
macro_rules! members_of_row {
    ($text:expr) => {
        concat!(
            "(SELECT ",
            $text,
            " FROM (SELECT m.member_id, m.member_type FROM memberships m WHERE m.tenant_id = r.tenant_id \
             AND m.grp = r.seq ORDER BY m.member LIMIT 0 + "
        )
    };
}

impl Fixed for ByIdWithMembers {
    const SQLITE: &'static [&'static str] = by_id!(
        ") l)",
        concat!("SELECT ", standing!(), ", ", columns!(sqlite), ", ", members_of_row!(ids_as_text!(sqlite)))
    );
    const POSTGRES: &'static [&'static str] = by_id!(
        ") l)",
        concat!("SELECT ", standing!(), ", ", columns!(postgres), ", ", members_of_row!(ids_as_text!(postgres)))
    );
}

/// The beginning of a kept count, and of one behind it; binds of each: tenant, owner, type.
macro_rules! count {
    (own) => {
        "(SELECT CAST(COALESCE(SUM(o.n), 0) AS BIGINT) FROM counts o WHERE o.tenant_id = "
    };
    (adoptable) => {
        concat!("), ", count!(own))
    };
}

/// Two kept counts; binds of each: tenant, owner, type.
macro_rules! counts {
    ($before:expr, $after:expr) => {
        &[
            concat!($before, count!(own)),
            " AND o.conn = ",
            " AND o.type = ",
            count!(adoptable),
            " AND o.conn = ",
            " AND o.type = ",
            concat!(")", $after),
            " AND t.id = ",
            "",
        ]
    };
}

/// A page by sequence in this direction.
macro_rules! page_from {
    ($direction:literal) => {
        &[
            "SELECT r.seq, r.id, r.version, r.created, r.modified, r.doc FROM (SELECT q.seq FROM resources q \
             WHERE q.tenant_id = ",
            " AND q.conn = ",
            " AND q.type = ",
            concat!(" ORDER BY q.seq", $direction, " LIMIT 0 + "),
            " OFFSET ",
            ") p CROSS JOIN resources r WHERE r.seq = p.seq AND r.tenant_id = ",
            concat!(" ORDER BY p.seq", $direction),
        ]
    };
}

/// A standing and two counts; then the binds tenant and token.
pub(super) struct PageHead;

impl Fixed for PageHead {
    const SQLITE: &'static [&'static str] =
        counts!(concat!("SELECT ", standing!(), ", "), concat!(of_token!(), " WHERE t.tenant_id = "));
    const POSTGRES: &'static [&'static str] = Self::SQLITE;
}

/// An owner's resources of a type by sequence; binds: tenant, owner, type, limit, offset, tenant.
pub(super) struct PageFromFront;

impl Fixed for PageFromFront {
    const SQLITE: &'static [&'static str] = page_from!("");
    const POSTGRES: &'static [&'static str] = Self::SQLITE;
}

/// The same from the other end.
pub(super) struct PageFromBack;

impl Fixed for PageFromBack {
    const SQLITE: &'static [&'static str] = page_from!(" DESC");
    const POSTGRES: &'static [&'static str] = Self::SQLITE;
}

/// An owner's resources of a type after a sequence; binds: tenant, owner, type, sequence, limit.
pub(super) struct PageAfter;

impl Fixed for PageAfter {
    const SQLITE: &'static [&'static str] = &[
        "SELECT r.seq, r.id, r.version, r.created, r.modified, r.doc FROM resources r WHERE r.tenant_id = ",
        " AND r.conn = ",
        " AND r.type = ",
        " AND r.seq > ",
        " ORDER BY r.seq LIMIT 0 + ",
        "",
    ];
    const POSTGRES: &'static [&'static str] = Self::SQLITE;
}

/// The end of a statement for a page: counts, standing, page.
macro_rules! page_once {
    ($start:expr) => {
        &[
            concat!($start, ", ", count!(own)),
            " AND o.conn = ",
            " AND o.type = ",
            count!(adoptable),
            " AND o.conn = ",
            " AND o.type = ",
            concat!(")", of_token!(), " LEFT JOIN (SELECT q.seq FROM resources q WHERE q.tenant_id = "),
            " AND q.conn = ",
            " AND q.type = ",
            " ORDER BY q.seq LIMIT 0 + ",
            " OFFSET ",
            ") p ON TRUE LEFT JOIN resources r ON r.tenant_id = ",
            " AND r.seq = p.seq WHERE t.tenant_id = ",
            " AND t.id = ",
            " ORDER BY p.seq",
        ]
    };
}

/// A standing, two counts and a page of users or of others; binds: those of the counts, tenant, owner, type,
/// limit, offset, tenant, tenant, token.
pub(super) struct PageOnce<const USER: bool>;

impl<const USER: bool> Fixed for PageOnce<USER> {
    const SQLITE: &'static [&'static str] = &[];
    const POSTGRES: &'static [&'static str] = if USER {
        page_once!(concat!("SELECT ", standing!(), ", ", columns!(users), ", NULL"))
    } else {
        page_once!(concat!("SELECT ", standing!(), ", ", columns!(postgres), ", NULL"))
    };
}

/// A page with groups.
macro_rules! page_with_groups {
    ($columns:expr) => {
        &[
            "WITH p AS MATERIALIZED (SELECT q.seq FROM resources q WHERE q.tenant_id = ",
            " AND q.conn = ",
            " AND q.type = ",
            " ORDER BY q.seq LIMIT 0 + ",
            " OFFSET ",
            concat!(")", groups_of_page!(1)),
            concat!(groups_of_page!(2), standing!(), ", ", $columns, groups_of_page!(3)),
            groups_of_page!(4),
            " OR g.adoptable >= ",
            groups_of_page!(5),
            concat!(groups_of_page!(6), ", ", count!(own)),
            " AND o.conn = ",
            " AND o.type = ",
            count!(adoptable),
            " AND o.conn = ",
            " AND o.type = ",
            concat!(")", of_token!(), " LEFT JOIN p ON TRUE LEFT JOIN resources r ON r.tenant_id = "),
            " AND r.seq = p.seq WHERE t.tenant_id = ",
            " AND t.id = ",
            " ORDER BY p.seq",
        ]
    };
}

/// The same with groups; binds: tenant, owner, type, limit, offset, those of [`groups_of_page`], those of the
/// counts, tenant, tenant, token.
pub(super) struct PageOnceWithGroups<const USER: bool>;

impl<const USER: bool> Fixed for PageOnceWithGroups<USER> {
    const SQLITE: &'static [&'static str] = &[];
    const POSTGRES: &'static [&'static str] =
        if USER { page_with_groups!(columns!(users)) } else { page_with_groups!(columns!(postgres)) };
}
