//! Which attributes an answer holds (RFC 7644 §3.9; RFC 7643 §7 `returned`).

use std::ptr;

use serde_json::{Map, Value};

use crate::{
    attribute::{Attribute, Returned},
    error::ScimError,
    path::{AttrPath, AttrRef},
    registry::{Extension, ResourceType},
    schema::{Schema, SchemaUrn},
    validate::Leniency,
};

/// The `attributes` and `excludedAttributes` of a request.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Projection {
    /// Neither: the default set.
    #[default]
    Default,
    /// `attributes`: `schemas`, what is always returned, and these.
    Only(Vec<String>),
    /// `excludedAttributes`: the default set less these.
    Except(Vec<String>),
}

impl Projection {
    /// Reads the two parameters: comma lists with blanks round the commas. A list without a name is
    /// as good as none.
    /// `both` says whether `attributes` wins or the pair is refused.
    ///
    /// # Errors
    /// [`ScimError`] 400 `invalidValue` for both on a connection that refuses it.
    pub fn parse(attributes: Option<&str>, excluded: Option<&str>, both: Leniency) -> Result<Self, ScimError> {
        let attributes = names(attributes);
        let excluded = names(excluded);
        match (attributes.is_empty(), excluded.is_empty()) {
            (true, true) => Ok(Self::Default),
            (false, true) => Ok(Self::Only(attributes)),
            (true, false) => Ok(Self::Except(excluded)),
            // No client is known to need both; what is asked for by name is the clearer wish.
            (false, false) if both.accepts() => Ok(Self::Only(attributes)),
            (false, false) => Err(ScimError::invalid_value(
                "\"attributes\" and \"excludedAttributes\" exclude each other (RFC 7644 §3.9); send one of them",
            )),
        }
    }

    /// Whether the request asked for a projection at all.
    #[must_use]
    pub fn is_default(&self) -> bool {
        *self == Self::Default
    }

    /// The same projection, in which a bare name of an extension attribute (`department`) names that
    /// attribute too, as the switch `bare_extension_names` wants it; without this it selects nothing.
    #[must_use]
    pub fn with_bare_names(&self, resource_type: &ResourceType) -> Self {
        match self {
            Self::Default => Self::Default,
            Self::Only(names) => Self::Only(with_bare_names(resource_type, names)),
            Self::Except(names) => Self::Except(with_bare_names(resource_type, names)),
        }
    }

    /// Whether an answer would hold any part of this top-level core attribute (`members`,
    /// `groups`), so that stores need not read it otherwise.
    #[must_use]
    pub fn wants(&self, resource_type: &ResourceType, name: &str) -> bool {
        let Some(attribute) = resource_type.attribute(name) else {
            return false;
        };
        let selection = Selection::new(self, resource_type, &[]);
        selection.lets_through(None, attribute)
    }

    /// Takes out of a rendered resource what the projection and `returned` do not let through.
    /// The URN of a schema names all attributes that it declares; unknown names select nothing.
    /// Opaque (undeclared) attributes count as `returned: default` and are named as they stand in the
    /// document. An extension whose object is gone leaves `schemas` as it is (it says what the
    /// resource has).
    ///
    /// What is `returned: always` stays, sub-attributes too; `returned: request` needs to be named
    /// itself; `returned: never` and `writeOnly` never stay.
    pub fn apply(&self, resource_type: &ResourceType, document: &mut Map<String, Value>) {
        self.apply_after_write(resource_type, document, &[]);
    }

    /// Like [`Self::apply`], for the answer to a POST, PUT or PATCH that specified these attributes:
    /// what is `returned: request` among them stays too, unless `attributes` chose otherwise
    /// (RFC 7643 §7, `returned`).
    pub fn apply_after_write(
        &self,
        resource_type: &ResourceType,
        document: &mut Map<String, Value>,
        specified: &[String],
    ) {
        let selection = Selection::new(self, resource_type, specified);
        document.retain(|name, value| {
            if let Some(attribute) = resource_type.attribute(name) {
                return selection.trim(None, attribute, value);
            }
            if let Some(extension) = resource_type.extension(name) {
                return selection.trim_extension(extension, value);
            }
            self.trim_opaque(name, value)
        });
    }

    /// Cuts an attribute or extension that no schema declares; whether anything of it stays.
    fn trim_opaque(&self, name: &str, value: &mut Value) -> bool {
        match self {
            Self::Default => true,
            Self::Only(names) => {
                if names.iter().any(|named| named.eq_ignore_ascii_case(name)) {
                    return true;
                }
                let Value::Object(members) = value else {
                    return false;
                };
                members.retain(|part, _| names.iter().any(|named| names_part(named, name, part)));
                !members.is_empty()
            }
            Self::Except(names) => {
                if names.iter().any(|named| named.eq_ignore_ascii_case(name)) {
                    return false;
                }
                if let Value::Object(members) = value {
                    members.retain(|part, _| !names.iter().any(|named| names_part(named, name, part)));
                }
                true
            }
        }
    }
}

/// These names and, for each that is the bare name of an extension attribute, its key
/// ([`AttrRef::key`]).
#[must_use]
pub fn with_bare_names(resource_type: &ResourceType, names: &[String]) -> Vec<String> {
    let key = |name: &String| {
        let path = AttrPath::parse(name).ok()?;
        let at = resource_type.resolve_bare(&path)?;
        (path.urn().is_none() && at.extension.is_some()).then(|| at.key())
    };
    // The name stays: an attribute that no schema declares may have it.
    names.iter().cloned().chain(names.iter().filter_map(key)).collect()
}

/// The names of a comma list, without the blanks round them.
fn names(list: Option<&str>) -> Vec<String> {
    list.unwrap_or_default().split(',').map(str::trim).filter(|name| !name.is_empty()).map(ToOwned::to_owned).collect()
}

/// Whether `named` is `name.part` or, for an undeclared extension, `name:part`.
fn names_part(named: &str, name: &str, part: &str) -> bool {
    let Some((head, rest)) = named.split_at_checked(name.len()) else {
        return false;
    };
    let rest = rest.strip_prefix(['.', ':']);
    head.eq_ignore_ascii_case(name) && rest.is_some_and(|rest| rest.eq_ignore_ascii_case(part))
}

/// What the named paths are to one attribute.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Named {
    /// It, or its whole extension, is named.
    Whole { itself: bool },
    /// At least one of its sub-attributes is named, and not it as a whole.
    Parts,
    /// Nothing of it is named.
    No,
}

/// Which list the paths came from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Default,
    Only,
    Except,
}

/// A projection whose names are resolved against a resource type.
struct Selection<'a> {
    mode: Mode,
    named: Vec<AttrRef<'a>>,
    /// The core schema, if its URN is named.
    schema: Option<&'a Schema>,
    /// The names as given, for what no schema declares.
    names: &'a [String],
    /// What the request wrote.
    written: Vec<AttrRef<'a>>,
}

impl<'a> Selection<'a> {
    fn new(projection: &'a Projection, resource_type: &'a ResourceType, specified: &[String]) -> Self {
        let (mode, names): (Mode, &'a [String]) = match projection {
            Projection::Default => (Mode::Default, &[]),
            Projection::Only(names) => (Mode::Only, names),
            Projection::Except(names) => (Mode::Except, names),
        };
        let resolve = |name: &String| resource_type.resolve(&AttrPath::parse(name).ok()?);
        let schema = names.iter().any(|name| resource_type.schema.urn.is(name)).then_some(&*resource_type.schema);
        Self {
            mode,
            named: names.iter().filter_map(resolve).collect(),
            schema,
            names,
            written: specified.iter().filter_map(resolve).collect(),
        }
    }

    /// Whether the request wrote the attribute, or, given a sub-attribute, that part of it.
    fn wrote(&self, extension: Option<&SchemaUrn>, attribute: &Attribute, sub: Option<&Attribute>) -> bool {
        self.mode != Mode::Only
            && self.written.iter().any(|at| {
                at.extension == extension
                    && at.attribute.is_some_and(|written| written.name == attribute.name)
                    && sub.is_none_or(|sub| at.sub.is_none_or(|written| written.name == sub.name))
            })
    }

    fn named(&self, extension: Option<&SchemaUrn>, attribute: &Attribute) -> Named {
        // A common attribute belongs to no schema (RFC 7643 §3.1), and neither does one of an extension.
        let in_schema = |schema: &Schema| schema.attributes.iter().any(|declared| ptr::eq(declared, attribute));
        let mut found = if self.schema.is_some_and(in_schema) { Named::Whole { itself: false } } else { Named::No };
        for at in self.named.iter().filter(|at| at.extension == extension) {
            match (at.attribute, at.sub) {
                (None, _) if found != (Named::Whole { itself: true }) => found = Named::Whole { itself: false },
                (Some(named), None) if named.name == attribute.name => found = Named::Whole { itself: true },
                (Some(named), Some(_)) if named.name == attribute.name && found == Named::No => {
                    found = Named::Parts;
                }
                _ => {}
            }
        }
        found
    }

    fn names_sub(&self, extension: Option<&SchemaUrn>, attribute: &Attribute, sub: &Attribute) -> bool {
        self.named.iter().any(|at| {
            at.extension == extension
                && at.attribute.is_some_and(|named| named.name == attribute.name)
                && at.sub.is_some_and(|named| named.name == sub.name)
        })
    }

    /// Whether the attribute stays as a whole, its sub-attributes aside.
    fn keeps(&self, extension: Option<&SchemaUrn>, named: Named, attribute: &Attribute) -> bool {
        match attribute.returned {
            _ if attribute.is_secret() => false,
            Returned::Never => false,
            Returned::Always => true,
            Returned::Default => match self.mode {
                Mode::Default => true,
                Mode::Only => matches!(named, Named::Whole { .. }),
                Mode::Except => !matches!(named, Named::Whole { .. }),
            },
            Returned::Request => match self.mode {
                Mode::Only => named == (Named::Whole { itself: true }),
                Mode::Default => self.wrote(extension, attribute, None),
                Mode::Except => named == Named::No && self.wrote(extension, attribute, None),
            },
        }
    }

    /// Whether a sub-attribute stays, given whether its attribute does.
    fn keeps_sub(
        &self,
        extension: Option<&SchemaUrn>,
        attribute: &Attribute,
        sub: &Attribute,
        attribute_stays: bool,
    ) -> bool {
        if attribute.is_secret() || sub.is_secret() {
            return false;
        }
        match sub.returned {
            Returned::Never => false,
            Returned::Always => true,
            Returned::Default => match self.mode {
                Mode::Default => attribute_stays,
                Mode::Only => attribute_stays || self.names_sub(extension, attribute, sub),
                Mode::Except => attribute_stays && !self.names_sub(extension, attribute, sub),
            },
            Returned::Request => match self.mode {
                Mode::Only => self.names_sub(extension, attribute, sub),
                Mode::Default | Mode::Except => {
                    attribute_stays
                        && !self.names_sub(extension, attribute, sub)
                        && self.wrote(extension, attribute, Some(sub))
                }
            },
        }
    }

    /// Whether any part of the attribute can be in an answer.
    fn lets_through(&self, extension: Option<&SchemaUrn>, attribute: &Attribute) -> bool {
        let stays = self.keeps(extension, self.named(extension, attribute), attribute);
        if attribute.sub_attributes.is_empty() {
            return stays;
        }
        attribute.sub_attributes.iter().any(|sub| self.keeps_sub(extension, attribute, sub, stays))
    }

    /// Cuts a value down; whether anything of it stays.
    fn trim(&self, extension: Option<&SchemaUrn>, attribute: &Attribute, value: &mut Value) -> bool {
        let named = self.named(extension, attribute);
        let stays = self.keeps(extension, named, attribute);
        if attribute.sub_attributes.is_empty() || attribute.is_secret() {
            return stays;
        }
        let trim_object = |value: &mut Value| match value {
            Value::Object(members) => {
                members.retain(|name, _| match attribute.sub_attribute(name) {
                    Some(sub) => self.keeps_sub(extension, attribute, sub, stays),
                    None => self.keeps_undeclared(&attribute.name, name, stays),
                });
                !members.is_empty()
            }
            _ => stays,
        };
        match value {
            // An empty list, such as a group without members, has nothing to cut.
            Value::Array(elements) if elements.is_empty() => stays,
            Value::Array(elements) => {
                elements.retain_mut(trim_object);
                !elements.is_empty()
            }
            single => trim_object(single),
        }
    }

    /// Whether a part that no schema declares stays: it goes with what it is in, if it is not named.
    fn keeps_undeclared(&self, container: &str, part: &str, container_stays: bool) -> bool {
        let named = self.names.iter().any(|named| names_part(named, container, part));
        match self.mode {
            Mode::Default => true,
            Mode::Only => container_stays || named,
            Mode::Except => container_stays && !named,
        }
    }

    fn trim_extension(&self, extension: &Extension, value: &mut Value) -> bool {
        let Value::Object(members) = value else {
            return false;
        };
        let urn = Some(&extension.schema.urn);
        let whole = self.named.iter().any(|at| at.extension == urn && at.attribute.is_none());
        members.retain(|name, value| match extension.schema.attribute(name) {
            Some(attribute) => self.trim(urn, attribute, value),
            None => self.keeps_undeclared(extension.schema.urn.as_str(), name, whole == (self.mode == Mode::Only)),
        });
        !members.is_empty()
    }
}

#[cfg(test)]
mod tests;
