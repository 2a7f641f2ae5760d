//! Conditions that a column is among many values, as one bind: one text, and one prepared statement,
//! for lists of any length.

use crate::{connection::Dialect, sql::Sql};

/// A condition: the column is one of these numbers.
pub(crate) fn among_ints(dialect: Dialect, column: &'static str, values: &[i64]) -> Sql {
    if let [value] = values {
        return Sql::new(column).raw(" = ").int(*value);
    }
    match dialect {
        Dialect::Sqlite => Sql::new(column).raw(JSON).text(bracketed('[', values, ']')).raw("))"),
        Dialect::Postgres => Sql::new(column).raw(UNNESTED).text(bracketed('{', values, '}')).raw(" AS BIGINT[])))"),
    }
}

/// A condition: the column is one of these texts.
pub(crate) fn among_texts(dialect: Dialect, column: &'static str, values: &[&str]) -> Sql {
    if let [value] = values {
        return Sql::new(column).raw(" = ").text(*value);
    }
    match dialect {
        Dialect::Sqlite => Sql::new(column).raw(JSON).text(texts(dialect, values)).raw("))"),
        Dialect::Postgres => Sql::new(column).raw(UNNESTED).text(texts(dialect, values)).raw(" AS TEXT[])))"),
    }
}

/// Rows of these texts, as the table `x` with the column `value`.
pub(crate) fn rows_of_texts(dialect: Dialect, values: &[&str]) -> Sql {
    match dialect {
        Dialect::Sqlite => Sql::new("json_each(").text(texts(dialect, values)).raw(") AS x"),
        Dialect::Postgres => Sql::new("UNNEST(CAST(").text(texts(dialect, values)).raw(" AS TEXT[])) AS x (value)"),
    }
}

/// A set and no `= ANY`: where PostgreSQL does not use an index for it, since it has no statistics yet,
/// it would compare every row with every element, one after another.
const UNNESTED: &str = " IN (SELECT UNNEST(CAST(";

const JSON: &str = " IN (SELECT value FROM json_each(";

fn bracketed(open: char, values: &[i64], close: char) -> String {
    let mut text = String::with_capacity(values.len().saturating_mul(8).saturating_add(2));
    text.push(open);
    for (n, value) in values.iter().enumerate() {
        if n > 0 {
            text.push(',');
        }
        text.push_str(&value.to_string());
    }
    text.push(close);
    text
}

/// The texts as one: an array of JSON, or of PostgreSQL, in which quotes and backslashes are escaped.
fn texts(dialect: Dialect, values: &[&str]) -> String {
    if dialect == Dialect::Sqlite {
        return values.iter().copied().collect::<serde_json::Value>().to_string();
    }
    let mut text = String::with_capacity(values.len().saturating_mul(40).saturating_add(2));
    text.push('{');
    for (n, value) in values.iter().enumerate() {
        text.push_str(if n > 0 { ",\"" } else { "\"" });
        for character in value.chars() {
            if matches!(character, '"' | '\\') {
                text.push('\\');
            }
            text.push(character);
        }
        text.push('"');
    }
    text.push('}');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_stand_as_they_are_in_arrays() {
        let values = ["a", "", "NULL", "{b}", "q\"uote", "back\\slash", "com,ma", "é"];
        assert_eq!(texts(Dialect::Postgres, &values), r#"{"a","","NULL","{b}","q\"uote","back\\slash","com,ma","é"}"#);
        assert_eq!(texts(Dialect::Sqlite, &values), r#"["a","","NULL","{b}","q\"uote","back\\slash","com,ma","é"]"#);
        assert_eq!(bracketed('{', &[1, -2, 3], '}'), "{1,-2,3}");
    }
}
