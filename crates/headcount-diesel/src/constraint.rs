//! From errors of the databases to [`StoreError`]: the one place that reads their texts.

use diesel::result::{DatabaseErrorInformation, DatabaseErrorKind, Error};
use headcount_store::StoreError;

use crate::scan::TOOK_TOO_LONG;

/// What an error of a statement means.
pub(crate) fn store_error(error: Error) -> StoreError {
    match &error {
        Error::DatabaseError(DatabaseErrorKind::UniqueViolation, info) => {
            StoreError::Unique { attribute: attribute_of(&**info).to_owned() }
        }
        Error::DatabaseError(DatabaseErrorKind::ForeignKeyViolation, _) => StoreError::NotFound,
        Error::DatabaseError(_, info) if info.message().contains(TOOK_TOO_LONG) => {
            StoreError::TooMany { attribute: "the filter".to_owned() }
        }
        _ if is_lost(&error) || is_conflict(&error) || is_wait(&error) => StoreError::Busy(Some(Box::new(error))),
        _ => StoreError::Backend(Box::new(error)),
    }
}

/// What an error of a statement that wrote a resource of this type means.
pub(crate) fn resource_error(error: Error, resource_type: &str) -> StoreError {
    match store_error(error) {
        StoreError::Unique { attribute } if attribute == KEY => StoreError::Unique {
            attribute: if resource_type == "Group" { "displayName" } else { "userName" }.to_owned(),
        },
        other => other,
    }
}

/// Whether running the work again may help at once: the database chose this transaction to give way.
pub(crate) fn is_conflict(error: &Error) -> bool {
    match error {
        Error::DatabaseError(DatabaseErrorKind::SerializationFailure, _) => true,
        // 40P01 has no kind of its own, so its English text is all there is to know it by.
        Error::DatabaseError(_, info) => info.message().contains("deadlock detected"),
        _ => false,
    }
}

/// Whether the connection is gone.
pub(crate) fn is_lost(error: &Error) -> bool {
    const SIGNS: [&str; 6] = [
        "server closed the connection",
        "no connection to the server",
        "terminating connection",
        "connection not open",
        "could not receive data from server",
        "could not send data to server",
    ];
    match error {
        Error::DatabaseError(DatabaseErrorKind::ClosedConnection, _) | Error::BrokenTransactionManager => true,
        Error::DatabaseError(_, info) => SIGNS.iter().any(|sign| info.message().contains(sign)),
        _ => false,
    }
}

/// Whether a lock, or time, was waited for in vain.
fn is_wait(error: &Error) -> bool {
    const SIGNS: [&str; 6] = [
        "database is locked",
        "database table is locked",
        "database schema is locked",
        "canceling statement due to",
        "could not obtain lock",
        "the database system is",
    ];
    match error {
        Error::DatabaseError(_, info) => SIGNS.iter().any(|sign| info.message().contains(sign)),
        _ => false,
    }
}

/// The attribute behind a unique violation: PostgreSQL names the constraint, SQLite its columns.
fn attribute_of(info: &dyn DatabaseErrorInformation) -> &'static str {
    let place = info.constraint_name().unwrap_or(info.message());
    let table = [
        ("r_key", KEY),
        ("resources.key", KEY),
        ("r_id", "id"),
        ("resources.id", "id"),
        ("email_key", "email"),
        ("host_index", "host"),
        ("tenant_hosts", "host"),
        ("unique_values", "unique value"),
        ("token", "token"),
        ("connection_index", "connection"),
        ("memberships", "members"),
        ("tombstones", "id"),
    ];
    table.iter().find(|(sign, _)| place.contains(sign)).map_or("a unique value", |(_, attribute)| attribute)
}

/// Stands for userName or displayName until the resource type is known.
const KEY: &str = "userName or displayName";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_violation_names_the_attribute_on_both_databases() {
        let sqlite =
            |message: &str| Error::DatabaseError(DatabaseErrorKind::UniqueViolation, Box::new(message.to_owned()));
        let cases = [
            (
                "UNIQUE constraint failed: resources.tenant_id, resources.scope, resources.type, resources.key",
                "User",
                "userName",
            ),
            (
                "UNIQUE constraint failed: resources.tenant_id, resources.scope, resources.type, resources.key",
                "Group",
                "displayName",
            ),
            ("UNIQUE constraint failed: resources.tenant_id, resources.id", "User", "id"),
            ("UNIQUE constraint failed: host_index.kind, host_index.name", "", "host"),
        ];
        for (message, resource_type, expected) in cases {
            match resource_error(sqlite(message), resource_type) {
                StoreError::Unique { attribute } => assert_eq!(attribute, expected, "{message}"),
                other => panic!("{message}: {other:?}"),
            }
        }
    }

    #[test]
    fn a_lock_is_busy_and_a_missing_table_is_not() {
        let unknown = |message: &str| Error::DatabaseError(DatabaseErrorKind::Unknown, Box::new(message.to_owned()));
        assert!(matches!(store_error(unknown("database is locked")), StoreError::Busy(_)));
        assert!(matches!(store_error(unknown("deadlock detected")), StoreError::Busy(_)));
        assert!(matches!(store_error(unknown("no such table: x")), StoreError::Backend(_)));
    }
}
