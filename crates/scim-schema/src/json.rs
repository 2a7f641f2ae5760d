//! From bytes to a JSON object, with bounded nesting (RFC 8259).

use serde_json::{Map, Value};

use crate::{document::kind, error::ScimError};

const BYTE_ORDER_MARK: &[u8] = &[0xEF, 0xBB, 0xBF];

/// Parses a request body that must be one JSON object. `max_depth` is how many objects and arrays
/// may lie inside each other, the outermost counted. A repeated key has its last value. A UTF-8
/// byte order mark in front is ignored, as RFC 8259 §8.1 allows.
///
/// # Errors
/// [`ScimError`] 400 `invalidSyntax`: no bytes, not UTF-8, nested too deep (found before anything is
/// parsed), no JSON, or JSON that is no object.
pub fn parse_object(bytes: &[u8], max_depth: usize) -> Result<Map<String, Value>, ScimError> {
    parse(text(bytes, max_depth)?)
}

/// The text of a request body, which is not parsed yet: no byte order mark, not empty, not nested too
/// deep.
///
/// # Errors
/// As [`parse_object`], but for what parsing finds.
pub fn text(bytes: &[u8], max_depth: usize) -> Result<&str, ScimError> {
    let bytes = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
    let text = std::str::from_utf8(bytes).map_err(|error| {
        ScimError::invalid_syntax(format!(
            "the body is not UTF-8 text: byte {} cannot stand there; send JSON encoded as UTF-8",
            error.valid_up_to()
        ))
    })?;
    if text.trim_ascii().is_empty() {
        return Err(ScimError::invalid_syntax("the body is empty; send a JSON object"));
    }
    check_depth(text.as_bytes(), max_depth)?;
    Ok(text)
}

/// Parses what [`text`] returned.
///
/// # Errors
/// As [`parse_object`].
pub fn parse(text: &str) -> Result<Map<String, Value>, ScimError> {
    let value: Value = serde_json::from_str(text)
        .map_err(|error| ScimError::invalid_syntax(format!("the body is not valid JSON: {error}")))?;
    match value {
        Value::Object(object) => Ok(object),
        other => Err(ScimError::invalid_syntax(format!("the body must be a JSON object, but is {}", kind(&other)))),
    }
}

/// Refuses what nests too deep, without reading it.
///
/// # Errors
/// [`ScimError`] 400 `invalidSyntax`.
pub fn check_depth(body: &[u8], max_depth: usize) -> Result<(), ScimError> {
    if exceeds_depth(body, max_depth) {
        return Err(ScimError::invalid_syntax(format!(
            "the body holds objects or arrays nested more than {max_depth} deep"
        )));
    }
    Ok(())
}

/// Whether brackets outside strings ever nest deeper than `max_depth`. Text that is no JSON gives
/// some answer; the parser refuses it afterwards, and never goes deeper than was found here.
fn exceeds_depth(text: &[u8], max_depth: usize) -> bool {
    let mut depth = 0_usize;
    let mut in_string = false;
    let mut escaped = false;
    for byte in text.iter().copied() {
        if in_string {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => in_string = false,
                _ => {}
            }
            continue;
        }
        match byte {
            b'"' => in_string = true,
            b'{' | b'[' => {
                depth = depth.saturating_add(1);
                if depth > max_depth {
                    return true;
                }
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    false
}

#[cfg(test)]
mod tests;
