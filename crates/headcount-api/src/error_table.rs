//! Every status and key word that the API answers with, and what causes it.
//!
//! `docs/api-errors.md` is made from this table, and a test provokes every row.

use scim_schema::ScimType;

/// One kind of refusal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ErrorRow {
    /// The HTTP status.
    pub status: u16,
    /// The `scimType`, where there is one.
    pub scim_type: Option<ScimType>,
    /// What causes it.
    pub cause: &'static str,
    /// What the client, or its administrator, does about it.
    pub remedy: &'static str,
}

const fn row(status: u16, scim_type: Option<ScimType>, cause: &'static str, remedy: &'static str) -> ErrorRow {
    ErrorRow { status, scim_type, cause, remedy }
}

const TABLE: &[ErrorRow] = &[
    row(
        400,
        None,
        "The lengths in the headers contradict each other or the body, or there are several Host headers.",
        "Send a well-formed HTTP request.",
    ),
    row(
        400,
        Some(ScimType::InvalidSyntax),
        "The body is no JSON object, is nested too deep, lacks its schemas, or a message lacks a part.",
        "Send the message as RFC 7644 describes it.",
    ),
    row(
        400,
        Some(ScimType::InvalidValue),
        "A value is missing, of the wrong type, too long, or not acceptable; so is a query parameter.",
        "Correct the attribute or parameter that the detail names.",
    ),
    row(
        400,
        Some(ScimType::InvalidFilter),
        "The filter cannot be parsed, names an unknown attribute, compares what cannot be compared, or is too long or deep.",
        "Correct the filter at the place that the detail names.",
    ),
    row(
        400,
        Some(ScimType::InvalidPath),
        "The path of a PATCH operation cannot be parsed, is too long, or names nothing that a schema declares.",
        "Correct the path.",
    ),
    row(
        400,
        Some(ScimType::NoTarget),
        "A PATCH operation has no path where it needs one, or its value filter matches nothing.",
        "Send a path that names something that is there.",
    ),
    row(
        400,
        Some(ScimType::Mutability),
        "A read-only attribute, an immutable one that has a value, or a required one is changed or removed.",
        "Leave the attribute as it is.",
    ),
    row(
        400,
        Some(ScimType::TooMany),
        "A filter or sort on an attribute without an index would read too many resources.",
        "Narrow the filter by an indexed attribute, or have the attribute marked as searchable.",
    ),
    row(
        400,
        Some(ScimType::InvalidCursor),
        "The cursor is not one of ours, or belongs to another query or connection.",
        "Start again with an empty cursor.",
    ),
    row(400, Some(ScimType::ExpiredCursor), "The cursor is too old.", "Start again with an empty cursor."),
    row(
        400,
        Some(ScimType::InvalidCount),
        "The count differs from that of the first page, or is larger than a page may be.",
        "Send the same count with every page.",
    ),
    row(
        401,
        None,
        "There is no credential, or its token is malformed, wrong, revoked, expired, or of another connection or host.",
        "Send a token of this connection as 'Authorization: Bearer <token>'.",
    ),
    row(
        403,
        None,
        "The connection is switched off, the workspace is not entitled to provisioning, the token lacks the scope, or discovery was filtered.",
        "Switch the connection on, see to the plan, or make a token with the scope.",
    ),
    row(
        404,
        None,
        "There is no such endpoint, or no such resource for this connection.",
        "Check the base URL; look the resource up again.",
    ),
    row(405, None, "The endpoint does not take this method.", "Use a method of the Allow header."),
    row(408, None, "The body did not arrive in time.", "Send the request again."),
    row(
        409,
        Some(ScimType::Uniqueness),
        "A value that must be unique is already in use.",
        "Look up who has it and change that resource, or send another value.",
    ),
    row(
        412,
        None,
        "If-Match names another version than the present one, or If-None-Match the present one.",
        "Read the resource again and repeat the change if it is still wanted.",
    ),
    row(
        413,
        None,
        "The body, the members, the PATCH operations or the bulk operations are more than the limit.",
        "Split the request.",
    ),
    row(414, None, "The address is longer than the limit.", "Send the query by POST to /.search."),
    row(
        415,
        None,
        "The body is not JSON by its Content-Type, or has a Content-Encoding.",
        "Send application/scim+json, not compressed.",
    ),
    row(
        429,
        None,
        "The connection sends more requests a second than limits.rate_per_s allows; by default there is no such limit.",
        "Wait as Retry-After says and send the request again; have the limit raised if this happens often.",
    ),
    row(431, None, "The headers together are longer than the limit.", "Send fewer or shorter headers."),
    row(500, None, "The server failed.", "Give the request id to whoever runs the server: the log says more."),
    row(501, None, "/Me is not supported.", "Use /Users."),
    row(
        503,
        None,
        "The server or its database is busy or away; or whether a change was made is not known.",
        "Wait as Retry-After says, look, and send the request again.",
    ),
];

/// The table, by status and key word.
#[must_use]
pub fn error_table() -> &'static [ErrorRow] {
    TABLE
}

/// The table as a Markdown document.
#[must_use]
pub fn to_markdown() -> String {
    let mut text = String::from(
        "# Errors of the SCIM API\n\n\
         Every answer of the SCIM API that is no success carries the error body of RFC 7644 §3.12.\n\
         Its `detail` says what happened in this one case; this table says what can happen at all.\n\n\
         | status | scimType | cause | what to do |\n|---|---|---|---|\n",
    );
    for row in TABLE {
        let scim_type = row.scim_type.map_or_else(String::new, |scim_type| format!("`{}`", scim_type.as_str()));
        text.extend(["| ", &row.status.to_string(), " | ", &scim_type, " | ", row.cause, " | ", row.remedy, " |\n"]);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_status_and_key_word_has_one_row_and_the_rows_are_in_order() {
        let keys: Vec<(u16, Option<&str>)> =
            TABLE.iter().map(|row| (row.status, row.scim_type.map(ScimType::as_str))).collect();
        for (n, key) in keys.iter().enumerate() {
            assert!(!keys[..n].contains(key), "{key:?} twice");
        }
        assert!(keys.is_sorted_by_key(|(status, _)| *status));
    }

    #[test]
    fn rfc7644_3_12_a_key_word_comes_with_400_or_with_409() {
        for row in TABLE {
            match row.scim_type {
                Some(ScimType::Uniqueness) => assert_eq!(row.status, 409),
                Some(_) => assert_eq!(row.status, 400),
                None => {}
            }
        }
    }

    #[test]
    fn the_document_has_a_line_for_every_row() {
        let text = to_markdown();
        assert_eq!(text.lines().filter(|line| line.starts_with("| ")).count(), TABLE.len() + 1);
        assert!(text.contains("| 409 | `uniqueness` |"));
    }
}
