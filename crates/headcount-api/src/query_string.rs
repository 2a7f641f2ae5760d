//! The query string (RFC 7644 §3.4.2, §3.9; RFC 9865), read by hand: a form decoder would lose
//! literal pluses, and dropping what it cannot read would widen results.
//!
//! - Names are compared ignoring ASCII case; unknown parameters are ignored.
//! - A parameter with an empty value is as if it were absent, except `cursor`, whose empty value
//!   asks for the first page (RFC 9865 §2), and `filter`: an empty filter is refused further in,
//!   because leaving it out would answer with everything.
//! - A parameter given twice with one value counts once. With two values it is refused: whichever
//!   were taken, the answer would not be what was asked for.

use headcount_service::QueryRequest;
use percent_encoding::percent_decode_str;
use scim_schema::{ScimError, ScimType};

const NAMES: [&str; 8] =
    ["filter", "sortBy", "sortOrder", "startIndex", "count", "cursor", "attributes", "excludedAttributes"];

/// Reads a raw query string.
///
/// # Errors
/// [`ScimError`] 400 for a value that is no UTF-8 or holds U+0000, and for a parameter with two
/// values: `invalidFilter` if it is `filter`, else `invalidValue`.
pub(crate) fn parse(raw: &str) -> Result<QueryRequest, ScimError> {
    let mut request = QueryRequest::default();
    for pair in raw.split('&').filter(|pair| !pair.is_empty()) {
        let (raw_name, raw_value) = pair.split_once('=').unwrap_or((pair, ""));
        let given_name = percent_decode_str(raw_name).decode_utf8_lossy();
        let Some(name) = NAMES.into_iter().find(|name| name.eq_ignore_ascii_case(&given_name)) else {
            continue;
        };
        if raw_value.is_empty() && !matches!(name, "cursor" | "filter") {
            continue;
        }
        let (value, retry) =
            if name == "filter" { read_filter(raw_value)? } else { (read_value(name, raw_value)?, None) };
        let place = match name {
            "filter" => &mut request.filter,
            "sortBy" => &mut request.sort_by,
            "sortOrder" => &mut request.sort_order,
            "startIndex" => &mut request.start_index,
            "count" => &mut request.count,
            "cursor" => &mut request.cursor,
            "attributes" => &mut request.attributes,
            _ => &mut request.excluded_attributes,
        };
        if place.as_ref().is_some_and(|earlier| *earlier != value) {
            return Err(refusal(
                name,
                format!("the parameter {name} is given twice with different values; send it once"),
            ));
        }
        *place = Some(value);
        if name == "filter" {
            request.filter_retry = retry;
        }
    }
    Ok(request)
}

fn refusal(name: &str, detail: String) -> ScimError {
    let scim_type = if name == "filter" { ScimType::InvalidFilter } else { ScimType::InvalidValue };
    ScimError::typed(scim_type, detail)
}

/// `+` is a blank, as forms have it: no parameter but `filter` can hold a plus.
fn read_value(name: &str, raw: &str) -> Result<String, ScimError> {
    checked(name, percent_decode_str(&raw.replace('+', " ")).collect())
}

/// Reads a filter and, where a `+` may have meant itself, the other reading.
///
/// A client that writes `%20` for blanks means a plus by `+`; any other writes blanks so. The one
/// doubt that is left is an e-mail address whose plus was not encoded by a client that writes its
/// blanks as `+`: inside quotes, with an `@` behind it.
// QUIRK(entra, onelogin, authentik): blanks as `+`. QUIRK(rauthy): addresses are not encoded.
fn read_filter(raw: &str) -> Result<(String, Option<String>), ScimError> {
    let literal_plus = raw.contains("%20") || raw.contains(' ');
    if literal_plus || !raw.contains('+') {
        return Ok((checked("filter", percent_decode_str(raw).collect())?, None));
    }
    let blanks = checked("filter", percent_decode_str(&raw.replace('+', " ")).collect())?;
    let mut other: Vec<u8> = Vec::with_capacity(raw.len());
    let mut doubtful: Vec<usize> = Vec::new();
    let mut quoted = false;
    let mut escaped = false;
    for (n, part) in raw.split('+').enumerate() {
        if n > 0 {
            if quoted {
                doubtful.push(other.len());
            }
            other.push(b' ');
            escaped = false;
        }
        for byte in percent_decode_str(part) {
            match byte {
                _ if escaped => escaped = false,
                b'\\' if quoted => escaped = true,
                b'"' => {
                    quoted = !quoted;
                    doubtful.clear();
                }
                b'@' if quoted => {
                    for place in doubtful.drain(..) {
                        if let Some(blank) = other.get_mut(place) {
                            *blank = b'+';
                        }
                    }
                }
                _ => {}
            }
            other.push(byte);
        }
    }
    let other = checked("filter", other)?;
    let retry = (other != blanks).then_some(other);
    Ok((blanks, retry))
}

fn checked(name: &str, bytes: Vec<u8>) -> Result<String, ScimError> {
    let text = String::from_utf8(bytes).map_err(|error| {
        let place = error.utf8_error().valid_up_to();
        refusal(name, format!("the parameter {name} is no UTF-8 text from byte {place} on; percent-encode UTF-8"))
    })?;
    if text.contains('\0') {
        return Err(refusal(name, format!("the parameter {name} holds the character U+0000, which no value can hold")));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(raw: &str) -> (String, Option<String>) {
        let request = parse(raw).unwrap();
        (request.filter.unwrap(), request.filter_retry)
    }

    fn refused(raw: &str) -> &'static str {
        parse(raw).unwrap_err().scim_type.unwrap().as_str()
    }

    #[test]
    fn okta_probe_is_read() {
        let request = parse("startIndex=1&count=2").unwrap();
        assert_eq!((request.start_index.as_deref(), request.count.as_deref()), (Some("1"), Some("2")));
    }

    #[test]
    fn entra_probe_with_pluses_for_blanks_is_read() {
        assert_eq!(
            filter("filter=userName+eq+%220d7c5a6e-6a0f-4a52-9f5e-0f2f3c1b7a11%22"),
            ("userName eq \"0d7c5a6e-6a0f-4a52-9f5e-0f2f3c1b7a11\"".to_owned(), None)
        );
    }

    #[test]
    fn authentik_look_up_without_quotes_is_read() {
        assert_eq!(filter("filter=userName+eq+ada%40ex.com"), ("userName eq ada@ex.com".to_owned(), None));
    }

    #[test]
    fn onelogin_look_up_with_a_trailing_ampersand_is_read() {
        assert_eq!(filter("filter=userName+eq+%22ada%22&"), ("userName eq \"ada\"".to_owned(), None));
    }

    #[test]
    fn rauthy_look_up_keeps_its_literal_plus() {
        assert_eq!(
            filter("filter=userName%20eq%20%22ada+x@ex.com%22"),
            ("userName eq \"ada+x@ex.com\"".to_owned(), None)
        );
    }

    #[test]
    fn an_encoded_plus_is_always_a_plus() {
        assert_eq!(
            filter("filter=userName+eq+%22ada%2Bx%40ex.com%22"),
            ("userName eq \"ada+x@ex.com\"".to_owned(), None)
        );
        assert_eq!(
            filter("filter=userName%20eq%20%22ada%2Bx%40ex.com%22"),
            ("userName eq \"ada+x@ex.com\"".to_owned(), None)
        );
    }

    #[test]
    fn a_plus_in_quotes_before_an_at_sign_has_a_second_reading() {
        assert_eq!(
            filter("filter=userName+eq+%22ada+x%40ex.com%22+and+title+eq+%22a+b%22"),
            (
                "userName eq \"ada x@ex.com\" and title eq \"a b\"".to_owned(),
                Some("userName eq \"ada+x@ex.com\" and title eq \"a b\"".to_owned())
            )
        );
    }

    #[test]
    fn a_plus_in_quotes_without_an_at_sign_behind_it_has_one_reading() {
        assert_eq!(filter("filter=displayName+eq+%22Team+A%22").1, None);
        assert_eq!(filter("filter=a+eq+%22x@y+z%22").1, None);
        assert_eq!(filter("filter=displayName+eq+%22Team+A%22+or+userName+eq+%22x@y%22").1, None);
    }

    #[test]
    fn an_escaped_quote_does_not_end_the_quotes() {
        assert_eq!(filter("filter=a+eq+%22x%5C%22y+z%40w%22").1.as_deref(), Some("a eq \"x\\\"y+z@w\""));
    }

    #[test]
    fn names_are_compared_in_any_letter_case_and_may_be_encoded() {
        let request = parse("STARTINDEX=3&COUNT=4&sortby=userName&SortOrder=descending&%61ttributes=id").unwrap();
        assert_eq!(request.start_index.as_deref(), Some("3"));
        assert_eq!(request.count.as_deref(), Some("4"));
        assert_eq!(request.sort_by.as_deref(), Some("userName"));
        assert_eq!(request.sort_order.as_deref(), Some("descending"));
        assert_eq!(request.attributes.as_deref(), Some("id"));
    }

    #[test]
    fn empty_pairs_and_unknown_parameters_are_ignored() {
        assert_eq!(parse("&&count=1&&").unwrap(), parse("count=1").unwrap());
        assert_eq!(parse("").unwrap(), QueryRequest::default());
        assert_eq!(parse("tenant=x&_=1&count=").unwrap(), QueryRequest::default());
        assert_eq!(parse("unknown=%ff").unwrap(), QueryRequest::default());
    }

    #[test]
    fn rfc9865_2_an_empty_cursor_survives() {
        assert_eq!(parse("cursor=").unwrap().cursor.as_deref(), Some(""));
        assert_eq!(parse("cursor&count=10").unwrap().cursor.as_deref(), Some(""));
        assert_eq!(parse("count=10").unwrap().cursor, None);
    }

    #[test]
    fn an_empty_filter_is_handed_on_to_be_refused() {
        assert_eq!(parse("filter=").unwrap().filter.as_deref(), Some(""));
        assert_eq!(parse("filter").unwrap().filter.as_deref(), Some(""));
    }

    #[test]
    fn a_repeated_parameter_counts_once_and_a_contradiction_is_refused() {
        assert_eq!(parse("count=1&Count=1").unwrap().count.as_deref(), Some("1"));
        assert_eq!(refused("count=1&count=2"), "invalidValue");
        assert_eq!(refused("filter=id+pr&filter=title+pr"), "invalidFilter");
    }

    #[test]
    fn text_that_is_no_utf_8_is_refused() {
        assert_eq!(refused("filter=userName%20eq%20%22%ff%22"), "invalidFilter");
        assert_eq!(refused("filter=userName+eq+%22+%c3%22"), "invalidFilter");
        assert_eq!(refused("attributes=%ff"), "invalidValue");
    }

    #[test]
    fn the_null_character_is_refused() {
        assert_eq!(refused("filter=userName+eq+%22%00%22"), "invalidFilter");
        assert_eq!(refused("sortBy=%00"), "invalidValue");
    }

    #[test]
    fn attribute_lists_may_have_blanks_written_as_plus() {
        assert_eq!(parse("attributes=userName,+emails").unwrap().attributes.as_deref(), Some("userName, emails"));
        assert_eq!(
            parse("excludedAttributes=members,%20meta").unwrap().excluded_attributes.as_deref(),
            Some("members, meta")
        );
    }

    #[test]
    fn malformed_percent_signs_stand_for_themselves() {
        assert_eq!(filter("filter=a%20eq%20%22100%%22").0, "a eq \"100%\"");
        assert_eq!(filter("filter=a%20eq%20%22%zz%22").0, "a eq \"%zz\"");
    }
}
