//! References: a URI or a relative reference (RFC 7643 §2.3.7; RFC 3986 §4.1), in which characters
//! beyond ASCII may stand as they are (RFC 3987 §2.2).

use std::{
    fmt::{Display, Write as _},
    net::Ipv6Addr,
};

use crate::error::ScimError;

/// Refuses what is no URI reference. Text of no characters is one, and means the resource itself.
pub(super) fn check(place: &dyn Display, text: &str) -> Result<(), ScimError> {
    match objection(text) {
        None => Ok(()),
        Some(objection) => Err(ScimError::invalid_value(format!(
            "\"{place}\" must be a URI or a relative reference (RFC 3986), in which {objection}"
        ))),
    }
}

/// What is wrong, as the end of "in which …".
fn objection(text: &str) -> Option<String> {
    let (text, fragment) = parted(text, '#');
    let (text, query) = parted(text, '?');
    let (scheme, rest) = match first_segment(text).split_once(':') {
        Some((scheme, _)) => (Some(scheme), text.get(scheme.len().saturating_add(1)..).unwrap_or_default()),
        None => (None, text),
    };
    let (authority, path) = match rest.strip_prefix("//") {
        Some(rest) => {
            let authority = first_segment(rest);
            (Some(authority), rest.get(authority.len()..).unwrap_or_default())
        }
        None => (None, rest),
    };
    scheme
        .and_then(in_scheme)
        .or_else(|| authority.and_then(in_authority))
        .or_else(|| in_text(path, |character| is_path(character) || character == '/'))
        .or_else(|| in_text(query, |character| is_query(character) || is_private(character)))
        .or_else(|| in_text(fragment, is_query))
}

/// The text before a character and that behind it.
fn parted(text: &str, at: char) -> (&str, &str) {
    text.split_once(at).unwrap_or((text, ""))
}

fn first_segment(text: &str) -> &str {
    parted(text, '/').0
}

fn in_scheme(scheme: &str) -> Option<String> {
    let begins = scheme.bytes().next().is_some_and(|first| first.is_ascii_alphabetic());
    let part = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
    if begins && scheme.bytes().all(part) {
        return None;
    }
    Some(
        "what stands before the first colon is a scheme such as \"https\"; write any other colon there as %3A"
            .to_owned(),
    )
}

/// `[userinfo "@"] host [":" port]` (RFC 3986 §3.2).
fn in_authority(authority: &str) -> Option<String> {
    let (user, host) = authority.rsplit_once('@').unwrap_or(("", authority));
    let in_user = in_text(user, |character| is_host(character) || character == ':');
    if in_user.is_some() {
        return in_user;
    }
    let port = if let Some(literal) = host.strip_prefix('[') {
        match literal.split_once(']') {
            Some((address, port)) if is_ip_literal(address) => port,
            _ => return Some("brackets hold an IPv6 address and nothing else".to_owned()),
        }
    } else {
        let end = host.find(':').unwrap_or(host.len());
        let (name, port) = host.split_at_checked(end).unwrap_or((host, ""));
        let in_name = in_text(name, is_host);
        if in_name.is_some() {
            return in_name;
        }
        port
    };
    let digits = port.strip_prefix(':').unwrap_or_default();
    if port.is_empty() || (port.starts_with(':') && digits.bytes().all(|byte| byte.is_ascii_digit())) {
        return None;
    }
    Some("a host is followed by nothing but a colon and the digits of a port".to_owned())
}

/// What may stand in brackets (RFC 3986 §3.2.2).
fn is_ip_literal(text: &str) -> bool {
    if text.parse::<Ipv6Addr>().is_ok() {
        return true;
    }
    let Some((version, address)) = text.strip_prefix(['v', 'V']).and_then(|rest| rest.split_once('.')) else {
        return false;
    };
    let part = |character: char| character.is_ascii() && (is_host(character) || character == ':');
    !version.is_empty()
        && version.bytes().all(|byte| byte.is_ascii_hexdigit())
        && !address.is_empty()
        && address.chars().all(part)
}

/// Looks for a character that is not allowed and for a percent sign without two hexadecimal digits.
fn in_text(text: &str, allowed: impl Fn(char) -> bool) -> Option<String> {
    let mut rest = text.chars();
    while let Some(character) = rest.next() {
        if character == '%' {
            let is_digit = |digit: Option<char>| digit.is_some_and(|digit| digit.is_ascii_hexdigit());
            if !is_digit(rest.next()) || !is_digit(rest.next()) {
                return Some(
                    "\"%\" is followed by two hexadecimal digits; write the character itself as %25".to_owned(),
                );
            }
        } else if !allowed(character) {
            return Some(cannot_stand(character));
        }
    }
    None
}

fn cannot_stand(character: char) -> String {
    let mut encoded = String::new();
    for byte in character.encode_utf8(&mut [0_u8; 4]).bytes() {
        // Writing to a string cannot fail.
        let _ = write!(encoded, "%{byte:02X}");
    }
    let named = if character.is_ascii_graphic() {
        format!("\"{character}\"")
    } else if character == ' ' {
        "a blank".to_owned()
    } else {
        format!("the character U+{:04X}", u32::from(character))
    };
    format!("{named} cannot stand where it does; write it as {encoded}, or correct the reference")
}

/// `unreserved` and `sub-delims` (RFC 3986 §2.2, §2.3) with `ucschar` (RFC 3987 §2.2).
fn is_host(character: char) -> bool {
    character.is_ascii_alphanumeric()
        || matches!(character, '-' | '.' | '_' | '~')
        || matches!(character, '!' | '$' | '&' | '\'' | '(' | ')' | '*' | '+' | ',' | ';' | '=')
        || is_beyond_ascii(character)
}

fn is_path(character: char) -> bool {
    is_host(character) || matches!(character, ':' | '@')
}

fn is_query(character: char) -> bool {
    is_path(character) || matches!(character, '/' | '?')
}

/// `ucschar` (RFC 3987 §2.2).
fn is_beyond_ascii(character: char) -> bool {
    match u32::from(character) {
        0xA0..=0xD7FF | 0xF900..=0xFDCF | 0xFDF0..=0xFFEF => true,
        code @ (0x1_0000..=0xD_FFFF | 0xE_1000..=0xE_FFFF) => code & 0xFFFF <= 0xFFFD,
        _ => false,
    }
}

/// `iprivate` (RFC 3987 §2.2), which a query may hold.
fn is_private(character: char) -> bool {
    match u32::from(character) {
        0xE000..=0xF8FF => true,
        code @ 0xF_0000..=0x10_FFFF => code & 0xFFFF <= 0xFFFD,
        _ => false,
    }
}

#[cfg(test)]
mod tests;
