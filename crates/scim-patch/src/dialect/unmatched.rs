//! The element that a value filter describes, where nothing matches it.

use scim_filter::{CompareOp, CompareValue, Filter};
use serde_json::Value;

/// The terms of a filter that is one `attribute eq value` or several joined by `and`; `None` for
/// any other, which describes no single element.
pub(crate) fn eq_terms(filter: &Filter) -> Option<Vec<(&str, Value)>> {
    // QUIRK(entra): `add emails[type eq "work"].value` is how it makes the first work e-mail.
    match filter {
        Filter::Compare(path, CompareOp::Eq, value) if path.urn().is_none() && path.sub().is_none() => {
            Some(vec![(path.name(), literal(value))])
        }
        Filter::And(filters) => {
            let mut terms = Vec::with_capacity(filters.len());
            for filter in filters {
                terms.extend(eq_terms(filter)?);
            }
            Some(terms)
        }
        _ => None,
    }
}

fn literal(value: &CompareValue) -> Value {
    match value {
        CompareValue::String(text) => Value::String(text.clone()),
        CompareValue::Number(number) => Value::Number(number.clone()),
        CompareValue::Boolean(truth) => Value::Bool(*truth),
        CompareValue::Null => Value::Null,
    }
}
