//! The `BulkRequest` (RFC 7644 §3.7).

use std::{collections::BTreeSet, fmt, marker::PhantomData};

use scim_schema::{ScimError, builtin, json};
use serde::{
    Deserialize, Deserializer,
    de::{self, MapAccess, Visitor},
};
use serde_json::{Value, value::RawValue};

/// A bulk request whose shape is right. What is wrong inside one operation is that operation's own
/// error.
#[derive(Debug)]
pub(super) struct BulkRequest<'t> {
    /// After how many errors the rest is left undone.
    pub(super) fail_on_errors: Option<u64>,
    /// The operations, in order.
    pub(super) operations: Vec<RawOperation<'t>>,
}

/// One operation as sent.
#[derive(Debug, Default)]
pub(super) struct RawOperation<'t> {
    pub(super) method: Option<String>,
    pub(super) bulk_id: Option<String>,
    pub(super) version: Option<String>,
    pub(super) path: Option<String>,
    /// Its data, still text: a request may have megabytes of it, which take many times that once they
    /// are values.
    data: Option<&'t RawValue>,
}

impl<'t> BulkRequest<'t> {
    /// Reads the text of a JSON object: names in any letter case, of a name given twice the last
    /// counts. The data of operations is read later ([`RawOperation::data`]).
    ///
    /// # Errors
    /// 400 for the request as a whole; 413 for more operations than `max_operations`.
    pub(super) fn parse(text: &'t str, any_schemas: bool, max_operations: usize) -> Result<Self, ScimError> {
        let Object(Members { schemas, operations, fail_on_errors }) =
            serde_json::from_str(text).map_err(|error| not_json(text, &error))?;
        if !any_schemas {
            check_schemas(schemas.as_ref())?;
        }
        let fail_on_errors = match fail_on_errors {
            None | Some(Value::Null) => None,
            Some(value) => Some(value.as_u64().filter(|errors| *errors > 0).ok_or_else(|| {
                ScimError::invalid_value("failOnErrors is no positive whole number; send one, or leave it out")
            })?),
        };
        let Some(operations) = operations.filter(|operations| operations.get().starts_with('[')) else {
            return Err(ScimError::invalid_syntax("a bulk request needs Operations, an array of objects"));
        };
        let operations: Vec<&RawValue> =
            serde_json::from_str(operations.get()).map_err(|error| not_json(text, &error))?;
        if operations.len() > max_operations {
            return Err(ScimError::too_large(format!(
                "the request has {} operations and at most {max_operations} (maxOperations) are taken at once, so nothing was done; send them in several requests",
                operations.len()
            )));
        }
        let mut ids = BTreeSet::new();
        let operations = operations
            .into_iter()
            .enumerate()
            .map(|(index, operation)| {
                let number = index.saturating_add(1);
                let operation = RawOperation::parse(operation, number, text)?;
                match &operation.bulk_id {
                    None if operation.method.as_deref() == Some("POST") => {
                        return Err(ScimError::invalid_syntax(format!(
                            "operation {number} is a POST without bulkId; give it one, so that its result can be told from the others"
                        )));
                    }
                    Some(id) if !ids.insert(id.clone()) => {
                        return Err(ScimError::invalid_value(format!(
                            "the bulkId \"{id}\" of operation {number} is that of an earlier operation; give each its own"
                        )));
                    }
                    _ => {}
                }
                Ok(operation)
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { fail_on_errors, operations })
    }
}

impl<'t> RawOperation<'t> {
    fn parse(operation: &'t RawValue, number: usize, text: &str) -> Result<Self, ScimError> {
        if !operation.get().starts_with('{') {
            return Err(ScimError::invalid_syntax(format!("operation {number} is no object")));
        }
        let Object(Envelope { method, bulk_id, version, path, data }) =
            serde_json::from_str(operation.get()).map_err(|error| not_json(text, &error))?;
        let bulk_id = match bulk_id {
            None | Some(Value::Null) => None,
            Some(Value::String(id)) if !id.is_empty() => Some(id),
            Some(_) => {
                return Err(ScimError::invalid_value(format!(
                    "the bulkId of operation {number} is no text; send any text that no other operation has"
                )));
            }
        };
        Ok(Self { method, bulk_id, version, path, data })
    }

    /// Reads its data; `text` is the whole request.
    ///
    /// # Errors
    /// 400 for the request as a whole.
    pub(super) fn data(&self, text: &str) -> Result<Option<Value>, ScimError> {
        let data = self.data.map(|data| serde_json::from_str(data.get())).transpose();
        data.map_err(|error| not_json(text, &error))
    }
}

/// What is known among the members of a JSON object.
trait Known<'t>: Default {
    /// What the object is called where it is none.
    const NAME: &'static str;

    /// Reads the value of a member; `name` is in small letters.
    fn read<A: MapAccess<'t>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error>;
}

/// Of a request.
#[derive(Default)]
struct Members<'t> {
    schemas: Option<Value>,
    operations: Option<&'t RawValue>,
    fail_on_errors: Option<Value>,
}

impl<'t> Known<'t> for Members<'t> {
    const NAME: &'static str = "a bulk request";

    fn read<A: MapAccess<'t>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        match name {
            "schemas" => self.schemas = Some(map.next_value()?),
            "operations" => put(&mut self.operations, map.next_value()?)?,
            "failonerrors" => self.fail_on_errors = Some(map.next_value()?),
            _ => drop(map.next_value::<Value>()?),
        }
        Ok(())
    }
}

/// Of an operation.
#[derive(Default)]
struct Envelope<'t> {
    method: Option<String>,
    bulk_id: Option<Value>,
    version: Option<String>,
    path: Option<String>,
    data: Option<&'t RawValue>,
}

impl<'t> Known<'t> for Envelope<'t> {
    const NAME: &'static str = "an operation";

    fn read<A: MapAccess<'t>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        match name {
            "method" => self.method = text_of(map.next_value()?),
            "version" => self.version = text_of(map.next_value()?),
            "path" => self.path = text_of(map.next_value()?),
            "data" => put(&mut self.data, map.next_value()?)?,
            "bulkid" => self.bulk_id = Some(map.next_value()?),
            _ => drop(map.next_value::<Value>()?),
        }
        Ok(())
    }
}

fn text_of(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text),
        _ => None,
    }
}

/// Puts a text in the place of an earlier one, which must be JSON all the same.
fn put<'t, E: de::Error>(place: &mut Option<&'t RawValue>, value: &'t RawValue) -> Result<(), E> {
    if let Some(earlier) = place.replace(value) {
        serde_json::from_str::<Value>(earlier.get()).map_err(E::custom)?;
    }
    Ok(())
}

/// An object of which the known members are kept.
struct Object<T>(T);

impl<'t, T: Known<'t>> Deserialize<'t> for Object<T> {
    fn deserialize<D: Deserializer<'t>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Reader(PhantomData))
    }
}

struct Reader<T>(PhantomData<T>);

impl<'t, T: Known<'t>> Visitor<'t> for Reader<T> {
    type Value = Object<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::NAME)
    }

    fn visit_map<A: MapAccess<'t>>(self, mut map: A) -> Result<Object<T>, A::Error> {
        let mut known = T::default();
        while let Some(name) = map.next_key::<String>()? {
            known.read(&name.to_ascii_lowercase(), &mut map)?;
        }
        Ok(Object(known))
    }
}

/// What is said of a text that is not the JSON of an object: what is said of it as a whole, since a
/// position inside a part of it tells nobody where that is.
fn not_json(text: &str, error: &serde_json::Error) -> ScimError {
    match json::parse(text) {
        Err(error) => error,
        Ok(_) => ScimError::invalid_syntax(format!("the body is not valid JSON: {error}")),
    }
}

fn check_schemas(schemas: Option<&Value>) -> Result<(), ScimError> {
    let named = schemas.and_then(Value::as_array).is_some_and(|urns| {
        urns.iter().all(Value::is_string)
            && urns.iter().filter_map(Value::as_str).any(|urn| urn.eq_ignore_ascii_case(builtin::BULK_REQUEST))
    });
    if named {
        return Ok(());
    }
    Err(ScimError::invalid_syntax(format!(
        "schemas is not an array of strings that holds \"{}\"",
        builtin::BULK_REQUEST
    )))
}
