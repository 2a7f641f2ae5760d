//! From a filter as written to a checked predicate.

use scim_schema::{
    AttrPath, AttrType, Attribute, Mutability, Registry, ResourceType, Returned, ScimError, ScimType,
    validate::Leniency,
};

use crate::{
    ast::{CompareOp, CompareValue, Filter},
    error::excerpt,
    lexer::parse_number,
    predicate::{CompileOptions, Literal, Predicate, Target, Term, Test},
};

/// See [`Predicate::compile`].
pub(crate) fn filter(
    filter: &Filter,
    registry: &Registry,
    resource_type: &ResourceType,
    over_several_types: bool,
    options: CompileOptions,
) -> Result<Predicate, ScimError> {
    let scope = Scope::Resource { registry, resource_type, over_several_types };
    scope.compile(filter, options)
}

/// See [`Predicate::compile_element`].
pub(crate) fn element(
    filter: &Filter,
    extension: Option<&str>,
    attribute: &Attribute,
    options: CompileOptions,
) -> Result<Predicate, ScimError> {
    Scope::Element { extension, attribute }.compile(filter, options)
}

/// See [`Target::for_sort`].
pub(crate) fn sort_target(
    path: &AttrPath,
    resource_type: &ResourceType,
    options: CompileOptions,
) -> Result<Target, ScimError> {
    let refused = |reason: String| ScimError::typed(ScimType::InvalidValue, reason);
    let name = || excerpt(&path.to_string());
    let Some((extension, attribute, sub)) = look_up(path, resource_type, options) else {
        return Err(refused(format!("cannot sort by '{}': it is not an attribute of {}", name(), resource_type.name)));
    };
    let subject = Subject { extension, attribute, sub };
    let Some(subject) = subject.simple() else {
        return Err(refused(format!(
            "cannot sort by '{}': it is complex, so name one of its sub-attributes ({})",
            name(),
            names(&attribute.sub_attributes)
        )));
    };
    if subject.is_secret() {
        return Err(refused(format!("cannot sort by '{}': it is never returned", name())));
    }
    Ok(subject.target())
}

/// Where names are looked up.
#[derive(Clone, Copy)]
enum Scope<'a> {
    Resource {
        registry: &'a Registry,
        resource_type: &'a ResourceType,
        over_several_types: bool,
    },
    /// Inside brackets: names are sub-attributes.
    Element {
        extension: Option<&'a str>,
        attribute: &'a Attribute,
    },
}

/// An attribute that was found.
#[derive(Clone, Copy)]
struct Subject<'a> {
    extension: Option<&'a str>,
    attribute: &'a Attribute,
    sub: Option<&'a Attribute>,
}

impl<'a> Scope<'a> {
    /// Filters come from the parser, which bounds their depth.
    fn compile(self, filter: &Filter, options: CompileOptions) -> Result<Predicate, ScimError> {
        let all = |terms: &[Filter]| -> Result<Vec<Predicate>, ScimError> {
            terms.iter().map(|term| self.compile(term, options)).collect()
        };
        match filter {
            Filter::And(terms) => Ok(Predicate::And(all(terms)?)),
            Filter::Or(terms) => Ok(Predicate::Or(all(terms)?)),
            Filter::Not(inner) => Ok(Predicate::Not(Box::new(self.compile(inner, options)?))),
            Filter::Present(path) => match self.find(path, options)? {
                Some(subject) => Ok(subject.term(Test::Present)),
                None => Ok(Predicate::Nothing),
            },
            Filter::Compare(path, op, value) => {
                let subject = self.find(path, options)?;
                comparison(subject, path, *op, value, options)
            }
            Filter::Element(path, inner) => self.element(path, inner, options),
        }
    }

    fn element(self, path: &AttrPath, inner: &Filter, options: CompileOptions) -> Result<Predicate, ScimError> {
        if let Self::Element { attribute, .. } = self {
            return Err(invalid(format!("brackets cannot stand inside the brackets of '{}'", attribute.name)));
        }
        let Some(subject) = self.find(path, options)? else {
            return Ok(Predicate::Nothing);
        };
        let Subject { extension, attribute, sub } = subject;
        if sub.is_some() || !(attribute.multi_valued || attribute.attr_type == AttrType::Complex) {
            return Err(invalid(format!(
                "brackets cannot follow '{}': it has no parts; compare it directly, as in {} eq \"…\"",
                excerpt(&path.to_string()),
                excerpt(&path.to_string())
            )));
        }
        let inner = Self::Element { extension, attribute }.compile(inner, options)?;
        Ok(Predicate::Element(subject.target(), Box::new(inner)))
    }

    /// The attribute of this name; `None` if only another resource type has it and that is no error.
    fn find(self, path: &AttrPath, options: CompileOptions) -> Result<Option<Subject<'a>>, ScimError> {
        let subject = match self {
            Self::Element { extension, attribute } => {
                let sub = sub_attribute(attribute, path)?;
                Subject { extension, attribute, sub }
            }
            Self::Resource { registry, resource_type, over_several_types } => {
                match look_up(path, resource_type, options) {
                    Some((extension, attribute, sub)) => Subject { extension, attribute, sub },
                    None => return absent(path, registry, resource_type, over_several_types, options),
                }
            }
        };
        if subject.is_secret() {
            return Err(invalid(format!(
                "'{}' cannot be filtered by: it is never returned",
                excerpt(&path.to_string())
            )));
        }
        Ok(Some(subject))
    }
}

impl<'a> Subject<'a> {
    fn leaf(self) -> &'a Attribute {
        self.sub.unwrap_or(self.attribute)
    }

    /// Itself, or its `value` if it is complex; `None` if it has none.
    fn simple(self) -> Option<Self> {
        if self.leaf().attr_type != AttrType::Complex {
            return Some(self);
        }
        let value = self.attribute.sub_attribute("value")?;
        Some(Self { sub: Some(value), ..self })
    }

    /// Whether its value is never shown, so that no filter or order may give it away.
    fn is_secret(self) -> bool {
        let secret = |attribute: &Attribute| {
            attribute.returned == Returned::Never || attribute.mutability == Mutability::WriteOnly
        };
        secret(self.attribute) || self.sub.is_some_and(secret)
    }

    fn target(self) -> Target {
        Target::new(self.extension, self.attribute, self.sub)
    }

    fn term(self, test: Test) -> Predicate {
        Predicate::Term(Term { target: self.target(), test })
    }
}

type Found<'a> = (Option<&'a str>, &'a Attribute, Option<&'a Attribute>);

fn look_up<'a>(path: &AttrPath, resource_type: &'a ResourceType, options: CompileOptions) -> Option<Found<'a>> {
    let found = match options.bare_extension_names {
        Leniency::Refuse => resource_type.resolve(path),
        Leniency::Accept => resource_type.resolve_bare(path),
    }?;
    Some((found.extension.map(scim_schema::SchemaUrn::as_str), found.attribute?, found.sub))
}

/// What to do about an attribute that the resource type lacks (RFC 7644 §3.4.2.1).
fn absent<'a>(
    path: &AttrPath,
    registry: &Registry,
    resource_type: &ResourceType,
    over_several_types: bool,
    options: CompileOptions,
) -> Result<Option<Subject<'a>>, ScimError> {
    let shown = excerpt(&path.to_string());
    let elsewhere = registry.resource_types().iter().find(|other| look_up(path, other, options).is_some());
    if let Some(other) = elsewhere {
        if over_several_types {
            return Ok(None);
        }
        return Err(invalid(format!("'{shown}' is an attribute of {} and not of {}", other.name, resource_type.name)));
    }
    let whole_extension = registry.resource_types().iter().any(|other| other.resolve(path).is_some());
    if whole_extension {
        return Err(invalid(format!(
            "'{shown}' names a whole extension: name one of its attributes, or ask for the extension by \
             schemas eq \"…\""
        )));
    }
    if let Some(suggestion) = extension_with(path, resource_type) {
        return Err(invalid(format!(
            "'{shown}' is not an attribute of {}; with its schema in front it would be {suggestion}",
            resource_type.name
        )));
    }
    Err(invalid(format!("'{shown}' is not an attribute of {} or of any of its extensions", resource_type.name)))
}

/// The full name of an extension's attribute that was named without its schema.
fn extension_with(path: &AttrPath, resource_type: &ResourceType) -> Option<String> {
    path.urn().is_none().then(|| resource_type.resolve_bare(path)).flatten().map(|found| found.key())
}

/// The sub-attribute a path inside brackets names; `None` for the `value` of a simple attribute.
fn sub_attribute<'a>(attribute: &'a Attribute, path: &AttrPath) -> Result<Option<&'a Attribute>, ScimError> {
    let shown = || excerpt(&path.to_string());
    if path.urn().is_some() || path.sub().is_some() {
        return Err(invalid(format!(
            "inside the brackets of '{}' sub-attributes are named alone, not as '{}'",
            attribute.name,
            shown()
        )));
    }
    if attribute.attr_type == AttrType::Complex {
        return match attribute.sub_attribute(path.name()) {
            Some(sub) => Ok(Some(sub)),
            None => Err(invalid(format!(
                "'{}' is not a sub-attribute of '{}'; it has {}",
                shown(),
                attribute.name,
                names(&attribute.sub_attributes)
            ))),
        };
    }
    if path.name().eq_ignore_ascii_case("value") {
        return Ok(None);
    }
    Err(invalid(format!(
        "'{}' is not a sub-attribute of '{}', which holds simple values; inside its brackets they are named \
         'value'",
        shown(),
        attribute.name
    )))
}

fn comparison(
    subject: Option<Subject<'_>>,
    path: &AttrPath,
    op: CompareOp,
    value: &CompareValue,
    options: CompileOptions,
) -> Result<Predicate, ScimError> {
    let shown = || excerpt(&path.to_string());
    if *value == CompareValue::Null {
        let present = subject.map_or(Predicate::Nothing, |subject| subject.term(Test::Present));
        return match op {
            CompareOp::Eq => Ok(Predicate::Not(Box::new(present))),
            CompareOp::Ne => Ok(present),
            _ => Err(invalid(format!("'{op}' cannot compare '{}' with null: only eq and ne can", shown()))),
        };
    }
    let term = |op| -> Result<Predicate, ScimError> {
        let Some(subject) = subject else {
            return Ok(Predicate::Nothing);
        };
        let Some(simple) = subject.simple() else {
            return Err(invalid(format!(
                "'{}' is complex and cannot be compared as a whole: name one of its sub-attributes ({}), or use pr",
                shown(),
                names(&subject.attribute.sub_attributes)
            )));
        };
        if simple.is_secret() {
            return Err(invalid(format!("'{}' cannot be filtered by: it is never returned", shown())));
        }
        let target = simple.target();
        check_operator(&target, op)?;
        let literal = literal(&target, op, value, options)?;
        Ok(Predicate::Term(Term { target, test: Test::Compare(op, literal) }))
    };
    match op {
        // `ne` is exactly `not eq`, also for absent attributes and many values.
        CompareOp::Ne => Ok(Predicate::Not(Box::new(term(CompareOp::Eq)?))),
        op => term(op),
    }
}

/// Refuses the operators that a type does not have; the table is at [`Predicate::compile`].
fn check_operator(target: &Target, op: CompareOp) -> Result<(), ScimError> {
    let is_text = matches!(target.attr_type, AttrType::String | AttrType::Reference);
    if op.is_substring() && !is_text {
        return Err(invalid(format!(
            "'{op}' cannot be used with '{target}': it is {}, and only texts have parts",
            with_article(target.attr_type)
        )));
    }
    if op.is_ordering() && matches!(target.attr_type, AttrType::Boolean | AttrType::Binary) {
        return Err(invalid(format!(
            "'{op}' cannot be used with '{target}': it is {}, which has no order; use eq, ne or pr",
            with_article(target.attr_type)
        )));
    }
    Ok(())
}

fn literal(
    target: &Target,
    op: CompareOp,
    value: &CompareValue,
    options: CompileOptions,
) -> Result<Literal, ScimError> {
    let loose = options.loose_values.accepts();
    let literal = match (target.attr_type, value) {
        (AttrType::String | AttrType::Reference | AttrType::Binary, CompareValue::String(text)) => {
            Some(Literal::Text(target.literal_form(op, text)))
        }
        (AttrType::String | AttrType::Reference, CompareValue::Number(number)) if loose => {
            Some(Literal::Text(target.literal_form(op, &number.to_string())))
        }
        // Unquoted `true` may be text as well as `12` may be.
        (AttrType::String | AttrType::Reference, CompareValue::Boolean(boolean)) if loose => {
            Some(Literal::Text(target.literal_form(op, &boolean.to_string())))
        }
        (AttrType::DateTime, CompareValue::String(text)) => scim_schema::datetime::parse(text).map(Literal::Instant),
        (AttrType::Integer | AttrType::Decimal, CompareValue::Number(number)) => Some(Literal::Number(number.clone())),
        (AttrType::Integer | AttrType::Decimal, CompareValue::String(text)) if loose => {
            parse_number(text).map(Literal::Number)
        }
        (AttrType::Boolean, CompareValue::Boolean(boolean)) => Some(Literal::Boolean(*boolean)),
        (AttrType::Boolean, CompareValue::String(text)) if options.string_booleans.accepts() => {
            match text.to_ascii_lowercase().as_str() {
                "true" => Some(Literal::Boolean(true)),
                "false" => Some(Literal::Boolean(false)),
                _ => None,
            }
        }
        _ => None,
    };
    literal.ok_or_else(|| {
        let expected = match target.attr_type {
            AttrType::String | AttrType::Reference | AttrType::Binary => "a string in double quotes",
            AttrType::Boolean => "true or false without quotes",
            AttrType::Decimal | AttrType::Integer => "a number without quotes",
            AttrType::DateTime => "a date and time in double quotes, such as \"2026-01-31T12:00:00Z\"",
            AttrType::Complex => "one of its sub-attributes in its place",
        };
        invalid(format!(
            "the value compared with '{target}' does not fit: it is {}, so write {expected}",
            with_article(target.attr_type)
        ))
    })
}

fn with_article(attr_type: AttrType) -> &'static str {
    match attr_type {
        AttrType::String => "a string",
        AttrType::Boolean => "a boolean",
        AttrType::Decimal => "a decimal number",
        AttrType::Integer => "an integer",
        AttrType::DateTime => "a dateTime",
        AttrType::Binary => "a binary value",
        AttrType::Reference => "a reference",
        AttrType::Complex => "complex",
    }
}

fn names(attributes: &[Attribute]) -> String {
    attributes.iter().map(|attribute| attribute.name.as_str()).collect::<Vec<_>>().join(", ")
}

fn invalid(reason: String) -> ScimError {
    ScimError::typed(ScimType::InvalidFilter, reason)
}
