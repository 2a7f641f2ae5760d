//! Filters on what only an answer holds: `meta.location` and the `$ref` of members, groups and
//! manager are made when a resource is rendered, and never stored. What a filter asks of them is
//! turned here into the same question about the ids behind them.

use scim_filter::{
    ast::CompareOp,
    predicate::{Literal, Predicate, Target, Term, Test},
};
use scim_schema::{Attribute, ResourceType, ScimError, builtin};

use crate::{
    membership,
    render::{Frame, decoded_segment},
    show,
};

/// Where a term stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Scope {
    Resource,
    /// In the brackets of a multi-valued attribute, all terms of which are about one element.
    Element,
}

/// The predicate with every question about a reference answered from ids.
///
/// # Errors
/// [`ScimError`] 400 `invalidFilter` for an operator that cannot be answered so.
pub(crate) fn from_ids(
    predicate: Predicate,
    frame: &Frame<'_>,
    resource_type: &ResourceType,
) -> Result<Predicate, ScimError> {
    Located { frame, resource_type }.predicate(predicate, Scope::Resource)
}

struct Located<'a> {
    frame: &'a Frame<'a>,
    resource_type: &'a ResourceType,
}

impl Located<'_> {
    /// The parser has bounded the depth.
    fn predicate(&self, predicate: Predicate, scope: Scope) -> Result<Predicate, ScimError> {
        let all = |parts: Vec<Predicate>| -> Result<Vec<Predicate>, ScimError> {
            parts.into_iter().map(|part| self.predicate(part, scope)).collect()
        };
        Ok(match predicate {
            Predicate::And(parts) => Predicate::And(all(parts)?),
            Predicate::Or(parts) => Predicate::Or(all(parts)?),
            Predicate::Not(inner) => Predicate::Not(Box::new(self.predicate(*inner, scope)?)),
            // Every resource has one `meta`, so that its brackets only group.
            Predicate::Element(target, inner) if target.extension.is_none() && &*target.name == "meta" => {
                self.predicate(*inner, scope)?
            }
            Predicate::Element(target, inner) => {
                Predicate::Element(target, Box::new(self.predicate(*inner, Scope::Element)?))
            }
            Predicate::Term(term) => self.term(term, scope)?,
            constant @ (Predicate::All | Predicate::Nothing) => constant,
        })
    }

    fn term(&self, term: Term, scope: Scope) -> Result<Predicate, ScimError> {
        let of = self.resource_type;
        let core = |name: &str| of.attribute(name);
        match (term.target.extension.as_deref(), &*term.target.name, term.target.sub.as_deref()) {
            (None, "meta", Some("location")) => {
                let Some(id) = core("id") else { return Ok(Predicate::Term(term)) };
                Ok(by_id(&term.test, &Target::new(None, id, None), &self.start(&of.name)))
            }
            (None, "groups", Some("$ref")) if show::has_groups(of) => {
                let Some(value) = value_of(None, core("groups")) else { return Ok(Predicate::Term(term)) };
                let test = eq_or_present(&term)?;
                Ok(by_id(&test, &value, &self.start("Group")))
            }
            (None, "members", Some("$ref")) if membership::has_members(of) => {
                let test = eq_or_present(&term)?;
                Ok(self.members(test, core("members"), scope).unwrap_or(Predicate::Term(term)))
            }
            (Some(builtin::ENTERPRISE_USER), "manager", Some("$ref")) => {
                let extension = of.extension(builtin::ENTERPRISE_USER);
                let manager = extension.and_then(|extension| extension.schema.attribute("manager"));
                let Some(value) = value_of(Some(builtin::ENTERPRISE_USER), manager) else {
                    return Ok(Predicate::Term(term));
                };
                Ok(match eq_or_present(&term)? {
                    Test::Compare(_, Literal::Text(text)) => {
                        let segment = text.strip_prefix(&*self.start("User")).and_then(decoded_segment);
                        segment.map_or(Predicate::Nothing, |segment| equals(&value, &segment))
                    }
                    test => Predicate::Term(Term { target: value, test }),
                })
            }
            _ => Ok(Predicate::Term(term)),
        }
    }

    /// What the URLs of a resource type's resources begin with.
    fn start(&self, resource_type: &str) -> String {
        self.frame.location(resource_type, "")
    }

    /// The id in a member's reference is that of one resource, but the type in it has to be right.
    fn members(&self, question: Test, members: Option<&Attribute>, scope: Scope) -> Option<Predicate> {
        let members = members?;
        let part = |name: &str| Some(Target::new(None, members, Some(members.sub_attribute(name)?)));
        let (value, kind) = (part("value")?, part("type")?);
        let Test::Compare(_, Literal::Text(text)) = question else {
            return Some(Predicate::Term(Term { target: value, test: question }));
        };
        let found = self.frame.registry.resource_types().iter().find_map(|known| {
            let id = text.strip_prefix(&*self.start(&known.name)).filter(|id| value.comparison_form(id) == *id)?;
            Some((known.name.as_str(), id))
        });
        let Some((name, id)) = found else { return Some(Predicate::Nothing) };
        let same = Predicate::And(vec![equals(&value, id), equals(&kind, name)]);
        Some(match scope {
            Scope::Element => same,
            Scope::Resource => {
                let element = Predicate::Element(Target::new(None, members, None), Box::new(same));
                Predicate::And(vec![equals(&value, id), element])
            }
        })
    }
}

/// The `value` of a complex attribute.
fn value_of(extension: Option<&str>, attribute: Option<&Attribute>) -> Option<Target> {
    let attribute = attribute?;
    Some(Target::new(extension, attribute, Some(attribute.value_attribute()?)))
}

fn eq_or_present(term: &Term) -> Result<Test, ScimError> {
    match &term.test {
        test @ (Test::Present | Test::Compare(CompareOp::Eq, _)) => Ok(test.clone()),
        Test::Compare(op, _) => Err(ScimError::invalid_filter(format!(
            "'{op}' cannot be used with '{}', which is made from ids when it is shown; use eq, ne or pr, or compare the value",
            term.target
        ))),
    }
}

fn asked(target: &Target, op: CompareOp, text: &str) -> Predicate {
    let text = target.comparison_form(text).into_owned();
    Predicate::Term(Term { target: target.clone(), test: Test::Compare(op, Literal::Text(text)) })
}

fn equals(target: &Target, text: &str) -> Predicate {
    asked(target, CompareOp::Eq, text)
}

/// What a test of a URL, which is `start` and then an id, asks of that id.
fn by_id(question: &Test, id: &Target, start: &str) -> Predicate {
    let present = || Predicate::Term(Term { target: id.clone(), test: Test::Present });
    let constant = |holds: bool| if holds { present() } else { Predicate::Nothing };
    let Test::Compare(op, Literal::Text(text)) = question else { return present() };
    let behind = text.strip_prefix(start);
    // What of the text may be in the id, if the rest of it is at the end of `start`.
    let across = |op: CompareOp| {
        let cuts = text.char_indices().skip(1).filter_map(|(cut, _)| text.split_at_checked(cut));
        cuts.filter(|(head, _)| start.ends_with(head)).map(move |(_, tail)| asked(id, op, tail))
    };
    match op {
        // References are case exact (RFC 7643 §2.3.7), also where the ids in them are not.
        CompareOp::Eq | CompareOp::Ne => {
            let exact = behind.filter(|id_text| id.comparison_form(id_text) == *id_text);
            exact.map_or(Predicate::Nothing, |id_text| equals(id, id_text))
        }
        CompareOp::Sw if start.starts_with(text.as_str()) => present(),
        CompareOp::Sw => behind.map_or(Predicate::Nothing, |id_text| asked(id, *op, id_text)),
        CompareOp::Co if start.contains(text.as_str()) => present(),
        CompareOp::Co => Predicate::Or(std::iter::once(asked(id, *op, text)).chain(across(CompareOp::Sw)).collect()),
        CompareOp::Ew => Predicate::Or(std::iter::once(asked(id, *op, text)).chain(across(CompareOp::Eq)).collect()),
        CompareOp::Gt | CompareOp::Ge => {
            behind.map_or_else(|| constant(start > text.as_str()), |id_text| asked(id, *op, id_text))
        }
        CompareOp::Lt | CompareOp::Le => {
            behind.map_or_else(|| constant(start < text.as_str()), |id_text| asked(id, *op, id_text))
        }
    }
}
