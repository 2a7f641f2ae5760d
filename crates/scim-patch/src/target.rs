//! What the path of an operation names in a resource type.

use scim_filter::ValuePath;
use scim_schema::{AttrPath, AttrRef, Attribute, ResourceType, SchemaUrn, ScimError, ScimType};

use crate::dialect::Dialect;

/// A declared attribute, or one of its sub-attributes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'a> {
    /// The extension that declares it; `None`: the core schema or a common attribute.
    pub(crate) extension: Option<&'a SchemaUrn>,
    /// The top-level attribute.
    pub(crate) attribute: &'a Attribute,
    /// The sub-attribute.
    pub(crate) sub: Option<&'a Attribute>,
}

impl<'a> Place<'a> {
    /// The definition the place ends at.
    pub(crate) fn leaf(&self) -> &'a Attribute {
        self.sub.unwrap_or(self.attribute)
    }

    /// The canonical spelling, as [`AttrRef::key`].
    pub(crate) fn key(&self) -> String {
        AttrRef { extension: self.extension, attribute: Some(self.attribute), sub: self.sub }.key()
    }

    /// The extension's URN as text.
    pub(crate) fn urn(&self) -> Option<&str> {
        self.extension.map(SchemaUrn::as_str)
    }
}

/// A name that no schema declares.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct UnknownName {
    /// The URN in front; in canonical spelling if it is an extension of the resource type.
    pub(crate) urn: Option<String>,
    /// The attribute.
    pub(crate) name: String,
    /// The sub-attribute.
    pub(crate) sub: Option<String>,
}

/// What a path names.
#[derive(Clone, Debug)]
pub(crate) enum Target<'a> {
    /// The core schema (`None`) or an extension as a whole.
    Schema(Option<&'a SchemaUrn>),
    /// Something declared.
    Declared(Place<'a>),
    /// A sub-attribute that the declared attribute does not have.
    UnknownSub(Place<'a>, String),
    /// An attribute that nothing declares.
    Unknown(UnknownName),
}

/// Finds what the path names.
///
/// # Errors
/// [`ScimError`] 400 `invalidPath` if a whole schema has a value filter.
pub(crate) fn resolve<'a>(
    resource_type: &'a ResourceType,
    path: &ValuePath,
    dialect: &Dialect,
) -> Result<Target<'a>, ScimError> {
    let full = match &path.sub {
        Some(sub) => path.path.with_sub(sub),
        None => path.path.clone(),
    };
    if let Some(found) = look_up(resource_type, &full, dialect) {
        return match found.attribute {
            Some(attribute) => Ok(Target::Declared(Place { extension: found.extension, attribute, sub: found.sub })),
            None if path.filter.is_some() => Err(ScimError::typed(
                ScimType::InvalidPath,
                "the path has a value filter on a schema; a filter selects elements of a multi-valued attribute",
            )),
            None => Ok(Target::Schema(found.extension)),
        };
    }
    if let Some(sub) = full.sub()
        && let Some(parent) = without_sub(&full)
        && let Some(found) = look_up(resource_type, &parent, dialect)
    {
        if let Some(attribute) = found.attribute {
            let place = Place { extension: found.extension, attribute, sub: None };
            return Ok(Target::UnknownSub(place, sub.to_owned()));
        }
        // QUIRK(entra): a dot in the place of the colon between URN and attribute.
        if dialect.grammar.loose_paths.accepts()
            && let Some(urn) = found.extension
            && let Some(mended) = AttrPath::parse(&format!("{urn}:{sub}")).ok()
            && let Some(AttrRef { attribute: Some(attribute), sub, .. }) = resource_type.resolve(&mended)
        {
            return Ok(Target::Declared(Place { extension: Some(urn), attribute, sub }));
        }
    }
    let urn = full.urn().map(|urn| match resource_type.extension(urn) {
        Some(extension) => extension.schema.urn.as_str().to_owned(),
        None => urn.to_owned(),
    });
    // The core schema's own URN in front of an unknown name is no container of its own.
    let urn = urn.filter(|urn| !resource_type.schema.urn.is(urn));
    Ok(Target::Unknown(UnknownName { urn, name: full.name().to_owned(), sub: full.sub().map(ToOwned::to_owned) }))
}

fn look_up<'a>(resource_type: &'a ResourceType, path: &AttrPath, dialect: &Dialect) -> Option<AttrRef<'a>> {
    if dialect.names.bare_extension_names.accepts() {
        resource_type.resolve_bare(path)
    } else {
        resource_type.resolve(path)
    }
}

fn without_sub(path: &AttrPath) -> Option<AttrPath> {
    match path.urn() {
        None => Some(AttrPath::plain(path.name(), None)),
        Some(urn) => AttrPath::parse(&format!("{urn}:{}", path.name())).ok(),
    }
}
