//! The credential of a request: a bearer token in the `Authorization` header and nowhere else
//! (RFC 6750 §2.1).

use base64::Engine;
use headcount_model::{Secret, Switches};
use http::{HeaderMap, header::AUTHORIZATION};

/// What the `Authorization` header holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Credential {
    /// There is no header, or an empty one.
    Absent,
    /// `Bearer <token>`.
    Bearer(Secret),
    /// A token in a form that a connection has to allow.
    Unusual(Form, Secret),
    /// Nothing that could be a token; the text says what and what to send instead.
    Unusable(&'static str),
}

/// A form that RFC 6750 does not have.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Form {
    /// The token without the word `Bearer`, or with it twice (switch `bare_token`).
    Bare,
    /// The password of HTTP Basic authentication (switch `basic_token`).
    Basic,
}

impl Form {
    /// Whether a connection with these switches allows it.
    pub(crate) fn is_allowed(self, switches: &Switches) -> bool {
        match self {
            Self::Bare => switches.bare_token.accepts(),
            Self::Basic => switches.basic_token.accepts(),
        }
    }
}

/// What a client is told that sent something else than `Bearer <token>`.
pub(crate) const EXPECTED: &str =
    "the Authorization header is not of the form 'Bearer <token>'; send the token of this connection so";

/// Reads the `Authorization` header. The scheme is compared ignoring ASCII case, blanks round the
/// parts are no part of them.
pub(crate) fn read(headers: &HeaderMap) -> Credential {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let Some(value) = values.next() else { return Credential::Absent };
    if values.next().is_some() {
        return Credential::Unusable("the request has more than one Authorization header; send one");
    }
    let Ok(text) = value.to_str() else { return Credential::Unusable(EXPECTED) };
    let words: Vec<&str> = text.split([' ', '\t']).filter(|word| !word.is_empty()).collect();
    let is_bearer = |word: &str| word.eq_ignore_ascii_case("Bearer");
    match words.as_slice() {
        [] => Credential::Absent,
        [scheme] if is_bearer(scheme) => Credential::Unusable(
            "the Authorization header holds the word Bearer and no token behind it; send the token too",
        ),
        [scheme, token] if is_bearer(scheme) && !is_bearer(token) => Credential::Bearer(Secret::new(*token)),
        // QUIRK(okta): the field for the header's value puts no scheme in front.
        [token] => Credential::Unusual(Form::Bare, Secret::new(*token)),
        // Whoever types "Bearer x" into a field that adds the word sends it twice.
        [first, second, token] if is_bearer(first) && is_bearer(second) => {
            Credential::Unusual(Form::Bare, Secret::new(*token))
        }
        [scheme, encoded] if scheme.eq_ignore_ascii_case("Basic") => basic(encoded),
        _ => Credential::Unusable(EXPECTED),
    }
}

/// The password of Basic authentication (RFC 7617 §2); the user's name does not matter.
// QUIRK(okta, ping): the token can be configured as a password only.
fn basic(encoded: &str) -> Credential {
    let password = base64::engine::general_purpose::STANDARD
        .decode(encoded)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .and_then(|pair| pair.split_once(':').map(|(_, password)| password.trim().to_owned()));
    match password {
        Some(password) if !password.is_empty() => Credential::Unusual(Form::Basic, Secret::new(password)),
        _ => Credential::Unusable(EXPECTED),
    }
}

#[cfg(test)]
mod tests {
    use headcount_model::Preset;
    use http::HeaderValue;

    use super::*;

    fn read_one(value: &str) -> Credential {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        read(&headers)
    }

    fn bearer(token: &str) -> Credential {
        Credential::Bearer(Secret::new(token))
    }

    #[test]
    fn the_scheme_is_read_in_any_letter_case_and_with_any_number_of_blanks() {
        for value in ["Bearer t", "bearer t", "BEARER  t", "Bearer \t t ", "  Bearer t"] {
            assert_eq!(read_one(value), bearer("t"), "{value:?}");
        }
    }

    #[test]
    fn a_bare_or_doubled_token_needs_its_switch() {
        for value in ["t", " t ", "Bearer Bearer t", "bearer BEARER  t"] {
            assert_eq!(read_one(value), Credential::Unusual(Form::Bare, Secret::new("t")), "{value:?}");
        }
        assert!(Form::Bare.is_allowed(&Preset::Okta.switches()));
        assert!(!Form::Bare.is_allowed(&Preset::Generic.switches()));
        assert!(!Form::Bare.is_allowed(&Preset::Strict.switches()));
    }

    #[test]
    fn the_password_of_basic_needs_its_switch() {
        // "user:hc_x" and ":hc_x" and "a:b:c"
        for (value, token) in [("Basic dXNlcjpoY194", "hc_x"), ("basic OmhjX3g=", "hc_x"), ("Basic YTpiOmM=", "b:c")] {
            assert_eq!(read_one(value), Credential::Unusual(Form::Basic, Secret::new(token)), "{value:?}");
        }
        assert!(Form::Basic.is_allowed(&Preset::Okta.switches()));
        assert!(Form::Basic.is_allowed(&Preset::Ping.switches()));
        assert!(!Form::Basic.is_allowed(&Preset::Entra.switches()));
    }

    #[test]
    fn what_could_be_no_token_is_unusable() {
        for value in [
            "Bearer",
            "Bearer ",
            "Bearer a b",
            "Digest username=\"x\"",
            "Token t",
            "Basic",
            "Basic !!",
            "Basic dXNlcg==",
            "Basic dXNlcjo=",
            "Bearer Bearer",
            "Bearer Bearer a b",
            "é",
        ] {
            let credential = read_one(value);
            let usable = match &credential {
                // The single words are bare tokens by form; no such token exists.
                Credential::Unusual(Form::Bare, text) => text.expose() != value.trim(),
                Credential::Bearer(_) | Credential::Unusual(Form::Basic, _) | Credential::Absent => true,
                Credential::Unusable(_) => false,
            };
            assert!(!usable, "{value:?} gave {credential:?}");
        }
    }

    #[test]
    fn several_headers_are_refused_even_if_equal() {
        let mut headers = HeaderMap::new();
        headers.append(AUTHORIZATION, HeaderValue::from_static("Bearer t"));
        headers.append(AUTHORIZATION, HeaderValue::from_static("Bearer t"));
        assert!(matches!(read(&headers), Credential::Unusable(_)));
    }

    #[test]
    fn no_header_and_an_empty_one_are_absent() {
        assert_eq!(read(&HeaderMap::new()), Credential::Absent);
        assert_eq!(read_one(""), Credential::Absent);
        assert_eq!(read_one("  "), Credential::Absent);
    }

    #[test]
    fn the_token_is_not_in_debug_output() {
        assert!(!format!("{:?}", read_one("Bearer verysecret")).contains("verysecret"));
    }
}
