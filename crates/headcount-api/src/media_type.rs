//! Media types of bodies and answers (RFC 7644 §3.1, §8.1).

use headcount_model::switches::ResponseMediaType;
use http::{
    HeaderMap,
    header::{ACCEPT, CONTENT_ENCODING, CONTENT_TYPE},
};
use scim_schema::ScimError;

/// The media type of an answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum AnswerType {
    /// `application/scim+json`, which RFC 7644 registers.
    Scim,
    /// `application/json`.
    Json,
}

impl AnswerType {
    /// The value of `Content-Type`.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Scim => "application/scim+json; charset=utf-8",
            Self::Json => "application/json; charset=utf-8",
        }
    }
}

/// Checks that a body may be read: 415 unless it is JSON, plain, and in UTF-8. A body without a
/// Content-Type is taken for JSON.
///
/// # Errors
/// [`ScimError`] 415, or 400 `invalidSyntax` for JSON in another character set.
pub(crate) fn check_body(headers: &HeaderMap) -> Result<(), ScimError> {
    if headers.get_all(CONTENT_ENCODING).iter().any(|value| !value.as_bytes().trim_ascii().is_empty()) {
        return Err(ScimError::new(
            415,
            "the body has a Content-Encoding, and encoded bodies are not read; send it plain",
        ));
    }
    let mut values = headers.get_all(CONTENT_TYPE).iter();
    let Some(first) = values.next() else { return Ok(()) };
    if values.next().is_some() {
        return Err(unsupported());
    }
    let text = first.to_str().map_err(|_not_ascii| unsupported())?.trim();
    if text.is_empty() {
        return Ok(());
    }
    if !is_readable(text) {
        return Err(unsupported());
    }
    match charset(text) {
        Some(charset) if !["utf-8", "utf8", "us-ascii"].iter().any(|known| known.eq_ignore_ascii_case(charset)) => {
            Err(ScimError::invalid_syntax(
                "the Content-Type names a character set that JSON does not have; send the body in UTF-8",
            ))
        }
        _ => Ok(()),
    }
}

fn unsupported() -> ScimError {
    ScimError::new(415, "the Content-Type of the body is not supported; send application/scim+json or application/json")
}

fn is_readable(content_type: &str) -> bool {
    let essence = essence(content_type);
    ["application/scim+json", "application/json", "text/json"].iter().any(|known| known.eq_ignore_ascii_case(essence))
}

fn essence(media_type: &str) -> &str {
    media_type.split(';').next().unwrap_or_default().trim()
}

fn charset(content_type: &str) -> Option<&str> {
    content_type.split(';').skip(1).find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("charset").then(|| value.trim().trim_matches('"'))
    })
}

/// Chooses the media type of the answer. There is no 406: a client that names neither type gets
/// `application/scim+json`.
///
/// By `auto` it is `application/json` for a client that accepts it and not `application/scim+json`,
/// or that sends such a body and does not say what it accepts.
pub(crate) fn answer_type(setting: ResponseMediaType, headers: &HeaderMap, body_is_empty: bool) -> AnswerType {
    match setting {
        ResponseMediaType::Scim => AnswerType::Scim,
        ResponseMediaType::Json => AnswerType::Json,
        ResponseMediaType::Auto => {
            let accepted: Vec<&str> = headers
                .get_all(ACCEPT)
                .iter()
                .filter_map(|value| value.to_str().ok())
                .flat_map(|value| value.split(','))
                .filter(|range| !is_excluded(range))
                .map(essence)
                .filter(|range| !range.is_empty())
                .collect();
            let accepts = |wanted: &str| accepted.iter().any(|range| range.eq_ignore_ascii_case(wanted));
            let sent_json = || {
                let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
                content_type.is_some_and(|text| essence(text).eq_ignore_ascii_case("application/json"))
            };
            let json = if accepted.is_empty() {
                !body_is_empty && sent_json()
            } else {
                accepts("application/json")
                    && !["application/scim+json", "application/*", "*/*"].into_iter().any(accepts)
            };
            if json { AnswerType::Json } else { AnswerType::Scim }
        }
    }
}

/// Whether a media range has the weight 0, which means "not this" (RFC 9110 §12.4.2).
fn is_excluded(range: &str) -> bool {
    range.split(';').skip(1).any(|parameter| {
        parameter.split_once('=').is_some_and(|(name, value)| {
            let value = value.trim();
            name.trim().eq_ignore_ascii_case("q")
                && value.starts_with('0')
                && value.chars().all(|c| c == '0' || c == '.')
        })
    })
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in pairs {
            map.append(*name, HeaderValue::from_static(value));
        }
        map
    }

    fn body_status(pairs: &[(&'static str, &'static str)]) -> u16 {
        check_body(&headers(pairs)).map_or_else(|error| error.status, |()| 200)
    }

    #[test]
    fn json_bodies_are_read_under_every_name_they_have() {
        for content_type in [
            "application/scim+json",
            "application/json",
            "text/json",
            "APPLICATION/SCIM+JSON",
            "application/json; charset=utf-8",
            "application/scim+json;charset=\"UTF-8\"",
            "application/json; odata=verbose; charset=utf8",
            "application/json; charset=us-ascii",
            "",
        ] {
            assert_eq!(body_status(&[("content-type", content_type)]), 200, "{content_type}");
        }
        assert_eq!(body_status(&[]), 200);
    }

    #[test]
    fn other_bodies_are_415() {
        for content_type in [
            "application/xml",
            "text/xml",
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=x",
            "text/plain",
            "application/json-patch+json",
            "application/jsonp",
            "json",
            "application/json, application/json",
        ] {
            assert_eq!(body_status(&[("content-type", content_type)]), 415, "{content_type}");
        }
        assert_eq!(body_status(&[("content-type", "application/json"), ("content-type", "application/xml")]), 415);
    }

    #[test]
    fn json_in_another_character_set_is_a_syntax_error() {
        for content_type in ["application/json; charset=iso-8859-1", "application/scim+json; Charset=utf-16"] {
            let error = check_body(&headers(&[("content-type", content_type)])).unwrap_err();
            assert_eq!((error.status, error.scim_type.unwrap().as_str()), (400, "invalidSyntax"), "{content_type}");
        }
    }

    #[test]
    fn any_content_encoding_is_415() {
        for encoding in ["gzip", "deflate", "br", "identity", "gzip, identity"] {
            assert_eq!(body_status(&[("content-encoding", encoding)]), 415, "{encoding}");
        }
        assert_eq!(body_status(&[("content-encoding", "")]), 200);
    }

    fn auto(pairs: &[(&'static str, &'static str)], body_is_empty: bool) -> AnswerType {
        answer_type(ResponseMediaType::Auto, &headers(pairs), body_is_empty)
    }

    #[test]
    fn answers_follow_what_the_client_accepts() {
        use AnswerType::{Json, Scim};
        for (accept, expected) in [
            ("application/scim+json", Scim),
            ("application/scim+json; charset=utf-8", Scim),
            ("*/*", Scim),
            ("application/json", Json),
            ("application/json; charset=utf-8", Json),
            ("Application/JSON", Json),
            ("application/json, */*", Scim),
            ("application/json, application/scim+json", Scim),
            ("application/json, application/*;q=0.5", Scim),
            ("application/json, text/plain", Json),
            ("application/json, */*;q=0", Json),
            ("application/json;q=0, */*", Scim),
            ("text/html", Scim),
            ("", Scim),
        ] {
            assert_eq!(auto(&[("accept", accept)], true), expected, "{accept}");
        }
    }

    #[test]
    fn without_accept_the_answer_follows_the_body() {
        assert_eq!(auto(&[("content-type", "application/json; charset=utf-8")], false), AnswerType::Json);
        assert_eq!(auto(&[("content-type", "application/json")], true), AnswerType::Scim);
        assert_eq!(auto(&[("content-type", "application/scim+json")], false), AnswerType::Scim);
        assert_eq!(auto(&[("content-type", "application/json"), ("accept", "*/*")], false), AnswerType::Scim);
        assert_eq!(auto(&[], false), AnswerType::Scim);
    }

    #[test]
    fn the_setting_decides_alone() {
        let json = headers(&[("accept", "application/json")]);
        assert_eq!(answer_type(ResponseMediaType::Scim, &json, false), AnswerType::Scim);
        let scim = headers(&[("accept", "application/scim+json")]);
        assert_eq!(answer_type(ResponseMediaType::Json, &scim, false), AnswerType::Json);
    }
}
