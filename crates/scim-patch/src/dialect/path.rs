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

/// The enterprise extension's URN spelt right: with its last colon (`…enterprise:2.0User`).
pub(crate) fn mend_enterprise_urn<'t>(text: &'t str, dialect: &Dialect) -> Cow<'t, str> {
    // QUIRK(entra): one of its documented samples mistypes the URN of the enterprise extension.
    if dialect.coercion.any_schemas.accepts()
        && let Some(rest) = strip_prefix_ignore_case(text.trim_start(), MISTYPED_ENTERPRISE_USER)
        && is_boundary(rest)
    {
        return Cow::Owned(format!("{}{rest}", builtin::ENTERPRISE_USER));
    }
    Cow::Borrowed(text)
}

fn is_boundary(rest: &str) -> bool {
    rest.is_empty() || rest.starts_with([':', '.'])
}

fn strip_prefix_ignore_case<'t>(text: &'t str, prefix: &str) -> Option<&'t str> {
    let (head, tail) = text.split_at_checked(prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then_some(tail)
}

const MISTYPED_ENTERPRISE_USER: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0User";
