//! Preconditions on versions (RFC 7644 §3.14; RFC 9110 §8.8.3, §13.1).

use scim_schema::ScimError;

use crate::service::Precondition;

/// The weak entity tag of a version.
pub(crate) fn etag(version: i64) -> String {
    format!("W/\"{version}\"")
}

/// What a header of entity tags says about a version.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Said {
    /// One of the tags is this version's, or `*`.
    Matches,
    /// None of them is.
    Differs,
    /// It is no list of entity tags.
    Malformed,
}

/// Whether a GET is answered with the resource or with 304.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Freshness {
    /// The client's copy is current.
    NotModified,
    /// The client needs the resource.
    Modified,
}

/// Checks the preconditions of a write. A malformed `If-Match` matches nothing; a malformed
/// `If-None-Match` excludes nothing.
pub(crate) fn check_write(precondition: &Precondition, version: i64) -> Result<(), ScimError> {
    check_if_match(precondition, version)?;
    if let Some(tags) = &precondition.if_none_match
        && said(tags, version) == Said::Matches
    {
        return Err(ScimError::new(
            412,
            "the resource exists in a version that If-None-Match excludes, so nothing was changed",
        ));
    }
    Ok(())
}

/// Checks the preconditions of a GET.
pub(crate) fn check_read(precondition: &Precondition, version: i64) -> Result<Freshness, ScimError> {
    check_if_match(precondition, version)?;
    match &precondition.if_none_match {
        Some(tags) if said(tags, version) == Said::Matches => Ok(Freshness::NotModified),
        _ => Ok(Freshness::Modified),
    }
}

fn check_if_match(precondition: &Precondition, version: i64) -> Result<(), ScimError> {
    let Some(tags) = &precondition.if_match else { return Ok(()) };
    match said(tags, version) {
        Said::Matches => Ok(()),
        Said::Differs => Err(ScimError::new(
            412,
            "the resource is not in the version that If-Match names: it was changed since it was read; read it again and repeat the request with the version found there",
        )),
        Said::Malformed => Err(ScimError::new(
            412,
            "If-Match is no list of entity tags such as W/\"3\", so no version matches it; send the value of meta.version as it was received",
        )),
    }
}

fn said(header: &str, version: i64) -> Said {
    let mut rest = header.trim();
    if rest == "*" {
        return Said::Matches;
    }
    let wanted = version.to_string();
    let mut matches = false;
    let mut any = false;
    loop {
        // An empty element of a list is allowed and says nothing (RFC 9110 §5.6.1.2).
        rest = rest.trim_start_matches([' ', '\t', ',']);
        if rest.is_empty() {
            break;
        }
        let opened = rest.strip_prefix("W/").unwrap_or(rest);
        let Some((tag, after)) = opened.strip_prefix('"').and_then(|opened| opened.split_once('"')) else {
            return Said::Malformed;
        };
        any = true;
        matches |= tag == wanted;
        rest = after.trim_start();
        if !rest.is_empty() && !rest.starts_with(',') {
            return Said::Malformed;
        }
    }
    match (any, matches) {
        (false, _) => Said::Malformed,
        (true, true) => Said::Matches,
        (true, false) => Said::Differs,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_of_entity_tags_is_read_as_a_list_and_compared_weakly() {
        for (header, expected) in [
            ("W/\"3\"", Said::Matches),
            ("\"3\"", Said::Matches),
            ("*", Said::Matches),
            ("W/\"1\", W/\"3\"", Said::Matches),
            ("\"1\",,\"3\" ", Said::Matches),
            ("W/\"1\"", Said::Differs),
            ("W/\"03\"", Said::Differs),
            ("W/\"\"", Said::Differs),
            ("3", Said::Malformed),
            ("", Said::Malformed),
            (",", Said::Malformed),
            ("w/\"3\"", Said::Malformed),
            ("W/\"3", Said::Malformed),
            ("\"1\" \"3\"", Said::Malformed),
            ("*, \"3\"", Said::Malformed),
        ] {
            assert_eq!(said(header, 3), expected, "{header}");
        }
    }
}
