//! Leniencies of paths.

use std::borrow::Cow;

use scim_schema::builtin;

use crate::dialect::Dialect;

/// Whether a path of blanks alone stands for no path.
pub(crate) fn is_blank(text: &str, dialect: &Dialect) -> bool {
    // QUIRK(okta): templates leave the path of a whole-resource operation empty; where outer blanks
    // are tolerated, nothing but blanks is the absence of a path.
    dialect.grammar.loose_paths.accepts() && text.trim().is_empty()
}

/// The enterprise extension's URN spelt right: without its last colon (`…enterprise:2.0User`), and
/// with a dot in the place of the colon behind it (`…:User.manager.value`).
pub(crate) fn mend_enterprise_urn<'t>(text: &'t str, dialect: &Dialect) -> Cow<'t, str> {
    let trimmed = text.trim_start();
    // QUIRK(entra): one of its documented samples mistypes the URN of the enterprise extension.
    if dialect.coercion.any_schemas.accepts()
        && let Some(rest) = strip_prefix_ignore_case(trimmed, MISTYPED_ENTERPRISE_USER)
        && is_boundary(rest)
    {
        return Cow::Owned(format!("{}{}", builtin::ENTERPRISE_USER, with_colon(rest)));
    }
    // QUIRK(entra): attribute mappings join the URN and the attribute with a dot.
    if dialect.grammar.loose_paths.accepts()
        && let Some(rest) = strip_prefix_ignore_case(trimmed, builtin::ENTERPRISE_USER)
        && rest.starts_with('.')
    {
        return Cow::Owned(format!("{}{}", builtin::ENTERPRISE_USER, with_colon(rest)));
    }
    Cow::Borrowed(text)
}

fn with_colon(rest: &str) -> String {
    match rest.strip_prefix('.') {
        Some(attribute) => format!(":{attribute}"),
        None => rest.to_owned(),
    }
}

fn is_boundary(rest: &str) -> bool {
    rest.is_empty() || rest.starts_with([':', '.'])
}

fn strip_prefix_ignore_case<'t>(text: &'t str, prefix: &str) -> Option<&'t str> {
    let (head, tail) = text.split_at_checked(prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then_some(tail)
}

const MISTYPED_ENTERPRISE_USER: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0User";
