//! Applying a PATCH request to a resource.

use std::collections::BTreeSet;

use scim_filter::{Filter, ValuePath};
use scim_schema::{
    Mutability, Registry, Resource, ResourceType, SchemaUrn, ScimError, ScimType,
    validate::{UnknownAttributes, is_membership, is_password},
};
use serde_json::{Map, Value};

use crate::{
    attribute::{Change, WriteOp},
    changes,
    delta::MemberDelta,
    dialect::{self, Dialect, ReadOnlyInput},
    password::PasswordChange,
    read_only,
    request::{Op, Operation, PatchRequest, in_operation, parse_path},
    schemas,
    target::{Place, Target, UnknownName, resolve},
};

/// The result of a PATCH request.
#[derive(Clone, PartialEq, Debug)]
pub struct Patched {
    /// The resource after all operations; equal to the one before if nothing changed.
    pub resource: Resource,
    /// Canonical keys of the attributes whose values differ from before, top-level or
    /// `extension:attribute`, sorted. `schemas` is never among them: it only follows the extensions.
    pub changed: BTreeSet<String>,
    /// Changes to the membership list, in order.
    pub members: Vec<MemberDelta>,
    /// What the request does to the password, the last operation that names it; never part of the
    /// document.
    pub password: Option<PasswordChange>,
}

/// Applies the operations in order to a copy of `resource`. `read_only` holds the present values of
/// what the document does not store (`id`, `meta`, `groups`), so that equal values in a no-path
/// value are no change.
///
/// The engine does not check what only the finished resource can tell, but for removal of required
/// attributes (`mutability`); call [`scim_schema::validate::finished`] on the result.
///
/// # Errors
/// [`ScimError`] 400 `invalidPath`, `noTarget`, `mutability`, `invalidValue`, `invalidFilter`, and
/// `invalidSyntax` for a name in a no-path value that no schema declares, where those are rejected;
/// 413 if the operations together go through, or write, far more than their own size.
/// The text says which operation, counted from one.
pub fn apply(
    registry: &Registry,
    resource_type: &ResourceType,
    resource: &Resource,
    read_only: &Map<String, Value>,
    request: &PatchRequest,
    dialect: &Dialect,
) -> Result<Patched, ScimError> {
    let mut engine = Engine {
        registry,
        resource_type,
        read_only,
        dialect,
        document: resource.document().clone(),
        members: Vec::new(),
        password: None,
        created: Vec::new(),
        visited: 0,
        kept_bytes: 0,
        spread_bytes: 0,
    };
    for (index, operation) in request.operations.iter().enumerate() {
        engine.run(operation).map_err(in_operation(index))?;
    }
    let changed = changes::between(resource_type, resource.document(), &engine.document);
    let after = if changed.is_empty() {
        resource.clone()
    } else {
        let mut after = Resource::from_document(engine.document);
        after.refresh_schemas(resource_type);
        after
    };
    Ok(Patched { resource: after, changed, members: engine.members, password: engine.password })
}

/// Where the name of an attribute stood.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Origin {
    /// In `path`.
    Path,
    /// A key in a value without path, or in the object of an extension.
    Key,
}

/// An element that an unmatched value filter made in this request.
#[derive(Clone, Debug)]
pub(crate) struct Created {
    pub(crate) key: String,
    pub(crate) filter: Filter,
    pub(crate) index: usize,
}

/// The copy that the operations work on.
pub(crate) struct Engine<'a> {
    pub(crate) registry: &'a Registry,
    pub(crate) resource_type: &'a ResourceType,
    pub(crate) read_only: &'a Map<String, Value>,
    pub(crate) dialect: &'a Dialect,
    pub(crate) document: Map<String, Value>,
    pub(crate) members: Vec<MemberDelta>,
    pub(crate) password: Option<PasswordChange>,
    pub(crate) created: Vec<Created>,
    /// How many elements of lists the operations have read.
    pub(crate) visited: usize,
    /// How many bytes of undeclared attributes the operations have written.
    pub(crate) kept_bytes: usize,
    /// How many bytes the operations have written to several elements at once.
    pub(crate) spread_bytes: usize,
}

impl<'a> Engine<'a> {
    fn run(&mut self, operation: &Operation) -> Result<(), ScimError> {
        let value = operation.value.clone();
        match (&operation.path, operation.op) {
            (Some(path), op) => self.at(op, path, value, Origin::Path),
            (None, Op::Remove) => self.remove_members_without_path(value.as_ref()),
            (None, op @ (Op::Add | Op::Replace)) => {
                let object = dialect::value::no_path_object(value.unwrap_or(Value::Null), self.dialect)?;
                for (name, value) in object {
                    self.at_key(op, None, &name, value)?;
                }
                Ok(())
            }
        }
    }

    /// Applies the operation to what a key of a value without path names (rulings: dotted and
    /// URN-prefixed keys are paths).
    fn at_key(&mut self, op: Op, extension: Option<&SchemaUrn>, name: &str, value: Value) -> Result<(), ScimError> {
        let text = match extension {
            Some(urn) => format!("{urn}:{name}"),
            None => name.to_owned(),
        };
        let path = parse_path(&text, self.dialect);
        let has_filter = path.as_ref().is_ok_and(|path| path.filter.is_some());
        match path {
            // QUIRK(entra): a key may be a whole path with a value filter, `emails[type eq "work"].value`.
            Ok(path) if !has_filter || self.dialect.grammar.loose_paths.accepts() => {
                self.at(op, &path, Some(value), Origin::Key)
            }
            Ok(_) => Err(ScimError::typed(
                ScimType::InvalidPath,
                "a name in `value` holds a value filter; send it as the `path` of an operation of its own",
            )),
            Err(error) if name.contains(['[', '"']) => Err(error),
            Err(_) => {
                let urn = extension.map(|urn| urn.as_str().to_owned());
                let unknown = UnknownName { urn, name: name.to_owned(), sub: None };
                self.unknown(op, &unknown, None, Some(value), Origin::Key)
            }
        }
    }

    fn at(&mut self, op: Op, path: &ValuePath, value: Option<Value>, origin: Origin) -> Result<(), ScimError> {
        let filter = path.filter.as_ref();
        match resolve(self.resource_type, path, self.dialect)? {
            Target::Schema(extension) => self.schema(op, extension, value),
            Target::Declared(place)
                if place.extension.is_none() && is_membership(self.resource_type, place.attribute) =>
            {
                self.change_members(op, place, filter, value)
            }
            Target::Declared(place) => self.declared(op, place, filter, value, origin),
            Target::UnknownSub(place, sub) => match (self.dialect.coercion.unknown_attributes, origin) {
                (UnknownAttributes::Keep, _) => {
                    let stored_apart = is_membership(self.resource_type, place.attribute);
                    if stored_apart || place.attribute.mutability == Mutability::ReadOnly {
                        return Ok(());
                    }
                    self.keep_sub(op, place, &sub, filter, value)
                }
                (policy, origin) => refuse_unknown(policy, origin, &format!("{}.{sub}", place.key())),
            },
            Target::Unknown(_)
                if origin == Origin::Path && self.resource_type.schema.urn.is(&path.path.to_string()) =>
            {
                Err(ScimError::typed(
                    ScimType::InvalidPath,
                    format!(
                        "the path names the schema `{}` and no attribute of it; name one, or leave the path out to write several",
                        self.resource_type.schema.urn
                    ),
                ))
            }
            Target::Unknown(unknown) => self.unknown(op, &unknown, filter, value, origin),
        }
    }

    fn unknown(
        &mut self,
        op: Op,
        unknown: &UnknownName,
        filter: Option<&Filter>,
        value: Option<Value>,
        origin: Origin,
    ) -> Result<(), ScimError> {
        match self.dialect.coercion.unknown_attributes {
            UnknownAttributes::Keep => self.keep(op, unknown, filter, value),
            policy => refuse_unknown(policy, origin, &unknown.name),
        }
    }

    /// Writes to, or removes, the core schema or an extension as a whole. An extension's object is
    /// treated like a complex attribute: what the value does not name stays (RFC 7644 §3.5.2.3).
    fn schema(&mut self, op: Op, extension: Option<&'a SchemaUrn>, value: Option<Value>) -> Result<(), ScimError> {
        match (op, value) {
            (Op::Add | Op::Replace, Some(Value::Object(object))) => {
                for (name, value) in object {
                    self.at_key(op, extension, &name, value)?;
                }
                Ok(())
            }
            (Op::Remove, _) | (_, None | Some(Value::Null)) => self.remove_schema(extension),
            (Op::Add | Op::Replace, Some(_)) => Err(ScimError::typed(
                ScimType::InvalidValue,
                "the value for a whole schema must be an object that names its attributes",
            )),
        }
    }

    fn remove_schema(&mut self, extension: Option<&SchemaUrn>) -> Result<(), ScimError> {
        let Some(extension) = extension.and_then(|urn| self.resource_type.extension(urn.as_str())) else {
            return Err(ScimError::typed(
                ScimType::Mutability,
                "the core schema cannot be removed from a resource; remove the attributes instead",
            ));
        };
        let urn = &extension.schema.urn;
        let Some(present) = self.document.get(urn.as_str()).and_then(Value::as_object) else {
            return Ok(());
        };
        if extension.required {
            return Err(ScimError::typed(
                ScimType::Mutability,
                format!("the extension {urn} is required and cannot be removed"),
            ));
        }
        let mut kept = Map::new();
        for (name, value) in present {
            match extension.schema.attribute(name) {
                Some(attribute) if attribute.mutability == Mutability::ReadOnly => {
                    kept.insert(name.clone(), value.clone());
                }
                Some(attribute) => {
                    let place = Place { extension: Some(urn), attribute, sub: None };
                    refuse_immutable_change(place, Some(value), None)?;
                }
                None => {}
            }
        }
        let urn = urn.as_str().to_owned();
        self.created.retain(|created| !created.key.starts_with(&urn));
        if kept.is_empty() {
            self.document.shift_remove(&urn);
        } else {
            self.document.insert(urn, Value::Object(kept));
        }
        Ok(())
    }

    fn declared(
        &mut self,
        op: Op,
        place: Place<'_>,
        filter: Option<&Filter>,
        value: Option<Value>,
        origin: Origin,
    ) -> Result<(), ScimError> {
        let change = match (op, value) {
            (Op::Remove, _) | (_, None | Some(Value::Null)) => Change::Remove,
            (Op::Add, Some(value)) => Change::Write(WriteOp::Add, value),
            (Op::Replace, Some(value)) => Change::Write(WriteOp::Replace, value),
        };
        if place.extension.is_none() && place.attribute.name == "schemas" {
            let selects = filter.is_some();
            return schemas::check(self.registry, self.resource_type, &self.document, &change, selects, self.dialect);
        }
        if is_read_only(place) {
            return self.read_only_change(place, filter, &change, origin);
        }
        if place.extension.is_none() && is_password(self.resource_type, place.attribute) {
            return self.change_password(place, change);
        }
        match filter {
            Some(filter) => self.change_selected(place, filter, change),
            None => self.change_attribute(place, change),
        }
    }

    fn read_only_change(
        &self,
        place: Place<'_>,
        filter: Option<&Filter>,
        change: &Change,
        origin: Origin,
    ) -> Result<(), ScimError> {
        if self.dialect.read_only == ReadOnlyInput::Ignore {
            return Ok(());
        }
        if origin == Origin::Key && filter.is_none() {
            let stored = self.container(place.urn()).and_then(|container| container.get(&place.attribute.name));
            let apart = || match place.extension {
                None => read_only::find_ignore_case(self.read_only, &place.attribute.name),
                Some(_) => None,
            };
            let mut present = stored.or_else(apart);
            let mut leaf = place.attribute;
            if let Some(sub) = place.sub {
                leaf = sub;
                present = present
                    .and_then(Value::as_object)
                    .and_then(|object| read_only::find_ignore_case(object, &sub.name));
            }
            let sent = match change {
                Change::Remove => &Value::Null,
                Change::Write(_, value) => value,
            };
            if read_only::says_nothing_new(leaf, sent, present) {
                return Ok(());
            }
        }
        let key = place.key();
        Err(ScimError::typed(ScimType::Mutability, format!("`{key}` is read-only; leave it out of the request")))
    }

    fn change_password(&mut self, place: Place<'_>, change: Change) -> Result<(), ScimError> {
        match change {
            Change::Remove => self.password = Some(PasswordChange::Remove),
            Change::Write(_, value) => {
                if let Value::String(text) = self.checked(place.attribute, &place.key(), value)? {
                    self.password = Some(PasswordChange::Set(text));
                }
            }
        }
        Ok(())
    }

    /// The object that holds the attributes of the core schema or of an extension.
    pub(crate) fn container(&self, urn: Option<&str>) -> Option<&Map<String, Value>> {
        match urn {
            None => Some(&self.document),
            Some(urn) => self.document.get(urn).and_then(Value::as_object),
        }
    }

    /// Puts a value in an attribute's place, or takes it out; an extension without attributes goes.
    pub(crate) fn put(&mut self, urn: Option<&str>, name: &str, value: Option<Value>) {
        let Some(urn) = urn else {
            put_in(&mut self.document, name, value);
            return;
        };
        if value.is_none() && self.container(Some(urn)).is_none() {
            return;
        }
        let slot = self.document.entry(urn).or_insert_with(|| Value::Object(Map::new()));
        if !slot.is_object() {
            *slot = Value::Object(Map::new());
        }
        let mut is_empty = false;
        if let Value::Object(container) = slot {
            put_in(container, name, value);
            is_empty = container.is_empty();
        }
        if is_empty {
            self.document.shift_remove(urn);
        }
    }
}

/// Puts a value under a name, or takes it out; the order of the others stays.
pub(crate) fn put_in(map: &mut Map<String, Value>, name: &str, value: Option<Value>) {
    match value {
        Some(value) => {
            map.insert(name.to_owned(), value);
        }
        None => {
            map.shift_remove(name);
        }
    }
}

/// # Errors
/// [`ScimError`] 400 `mutability` if an immutable attribute, or an immutable part of a single
/// complex one, would get another value or none.
pub(crate) fn refuse_immutable_change(
    place: Place<'_>,
    current: Option<&Value>,
    next: Option<&Value>,
) -> Result<(), ScimError> {
    let Some(current) = current else {
        return Ok(());
    };
    let attribute = place.attribute;
    if attribute.mutability == Mutability::Immutable {
        if next.is_some_and(|next| read_only::same(attribute, current, next)) {
            return Ok(());
        }
        return Err(immutable(&place.key()));
    }
    if next.is_none()
        && let Value::Object(parts) = current
    {
        for sub in &attribute.sub_attributes {
            if sub.mutability == Mutability::Immutable && parts.contains_key(&sub.name) {
                return Err(immutable(&Place { sub: Some(sub), ..place }.key()));
            }
        }
    }
    Ok(())
}

/// The refusal of a change to an immutable attribute that has a value.
pub(crate) fn immutable(key: &str) -> ScimError {
    ScimError::typed(
        ScimType::Mutability,
        format!("`{key}` is immutable and has a value; it can neither be changed nor removed"),
    )
}

/// Whether clients cannot write here: the attribute or the sub-attribute is read-only.
fn is_read_only(place: Place<'_>) -> bool {
    place.attribute.mutability == Mutability::ReadOnly
        || place.sub.is_some_and(|sub| sub.mutability == Mutability::ReadOnly)
}

fn refuse_unknown(policy: UnknownAttributes, origin: Origin, name: &str) -> Result<(), ScimError> {
    match (origin, policy) {
        (Origin::Path, _) => Err(ScimError::typed(
            ScimType::InvalidPath,
            format!("the path names `{name}`, which no schema of this resource type declares"),
        )),
        (Origin::Key, UnknownAttributes::Reject) => Err(ScimError::typed(
            ScimType::InvalidSyntax,
            format!("`value` names `{name}`, which no schema of this resource type declares"),
        )),
        (Origin::Key, UnknownAttributes::Ignore | UnknownAttributes::Keep) => Ok(()),
    }
}
