//! The request target, made regular before anything is looked up in it.
//!
//! Administrators type base URLs by hand and clients append to them, so that doubled and trailing
//! slashes and the feature words of Microsoft Entra ID arrive in places where no URL has them.
//! Dot segments are never resolved: they stay what they are, and no route is called so.

use std::borrow::Cow;

/// Words that an administrator appends to the tenant URL to choose a dialect of Entra's client.
/// They mean nothing here: both dialects are understood.
// QUIRK(entra): the words may arrive alone, or stuck to the path or to the next parameter.
const FEATURE_WORDS: [&str; 2] = ["aadOptscim062020", "AzureAdScimPatch2017"];

/// As many segments as the path of a resource has at either base.
const USUAL_SEGMENTS: usize = 5;

/// A request target in regular form.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Target<'t> {
    path: Cow<'t, str>,
    /// The raw query, `""` if there is none.
    pub(crate) query: Cow<'t, str>,
}

impl<'t> Target<'t> {
    /// Tidies a path and a raw query.
    pub(crate) fn new(path: &'t str, query: Option<&'t str>) -> Self {
        let mut path = Cow::Borrowed(path);
        let mut query = query.unwrap_or_default();
        while let Some(rest) = FEATURE_WORDS.iter().find_map(|word| strip_prefix(query, word)) {
            if rest.starts_with('/') {
                // The word was typed at the end of the base URL, and the client appended its path
                // and query behind it.
                let end = rest.find(['?', '&']).unwrap_or(rest.len());
                path.to_mut().push_str(rest.get(..end).unwrap_or_default());
                query = rest.get(end.saturating_add(1)..).unwrap_or_default();
            } else if rest.starts_with('=') {
                // An ordinary parameter of that name, unknown like any other.
                break;
            } else {
                query = rest.strip_prefix(['&', '?']).unwrap_or(rest);
            }
        }
        let is_tidy = query.split('&').all(|pair| without_feature_word(pair).len() == pair.len());
        let query = if is_tidy {
            Cow::Borrowed(query)
        } else {
            Cow::Owned(query.split('&').map(without_feature_word).collect::<Vec<_>>().join("&"))
        };
        Self { path, query }
    }

    /// The segments of the path, none empty, percent-encoded as sent.
    pub(crate) fn segments(&self) -> Vec<&str> {
        let mut segments = Vec::with_capacity(USUAL_SEGMENTS);
        segments.extend(
            self.path
                .split('/')
                .map(|segment| FEATURE_WORDS.iter().find_map(|word| strip_suffix(segment, word)).unwrap_or(segment))
                .filter(|segment| !segment.is_empty()),
        );
        segments
    }
}

fn without_feature_word(pair: &str) -> &str {
    match FEATURE_WORDS.iter().find_map(|word| strip_prefix(pair, word)) {
        Some(rest) if !rest.starts_with('=') => rest,
        _ => pair,
    }
}

fn strip_prefix<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let head = text.get(..word.len())?;
    head.eq_ignore_ascii_case(word).then(|| text.get(word.len()..)).flatten()
}

fn strip_suffix<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let start = text.len().checked_sub(word.len())?;
    let tail = text.get(start..)?;
    tail.eq_ignore_ascii_case(word).then(|| text.get(..start)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(target: &str, segments: &[&str], query: &str) {
        let (path, raw) = match target.split_once('?') {
            Some((path, raw)) => (path, Some(raw)),
            None => (target, None),
        };
        let found = Target::new(path, raw);
        assert_eq!((found.segments().as_slice(), &*found.query), (segments, query), "{target}");
    }

    #[test]
    fn doubled_and_trailing_slashes_are_no_segments() {
        check("/scim/v2/c1//Users/", &["scim", "v2", "c1", "Users"], "");
        check("//scim/v2/c1/Users?", &["scim", "v2", "c1", "Users"], "");
        check("/", &[], "");
    }

    #[test]
    fn feature_words_of_entra_vanish_wherever_they_stick() {
        let users = &["scim", "v2", "c1", "Users"];
        check("/scim/v2/c1/Users?aadOptscim062020", users, "");
        check("/scim/v2/c1/Users?aadOptscim062020&filter=a", users, "filter=a");
        check("/scim/v2/c1/Users?AADOPTSCIM062020filter=a", users, "filter=a");
        check("/scim/v2/c1/Users?count=1&AzureAdScimPatch2017startIndex=2", users, "count=1&startIndex=2");
        check("/scim/v2/c1?aadOptscim062020/Users?filter=a&count=1", users, "filter=a&count=1");
        check("/scim/v2/c1?aadOptscim062020/Users&filter=a", users, "filter=a");
        check("/scim/v2/c1?aadOptscim062020/Users", users, "");
        check("/scim/v2/c1aadOptscim062020/Users", users, "");
        check("/scim/v2/c1/AzureAdScimPatch2017/Users", users, "");
        check("/scim/v2/c1/UsersaadOptscim062020", users, "");
        check("/scim/v2/c1/Users?aadOptscim062020&AzureAdScimPatch2017&filter=a", users, "filter=a");
    }

    #[test]
    fn a_parameter_that_is_named_like_a_feature_word_is_left_alone() {
        check("/Users?aadOptscim062020=1&count=2", &["Users"], "aadOptscim062020=1&count=2");
        check("/Users?count=2&aadOptscim062020=1", &["Users"], "count=2&aadOptscim062020=1");
    }

    #[test]
    fn dot_segments_and_encoded_slashes_stay_what_they_are() {
        check("/scim/v2/c1/../c2/Users", &["scim", "v2", "c1", "..", "c2", "Users"], "");
        check("/scim/v2/c1/Users/a%2Fb", &["scim", "v2", "c1", "Users", "a%2Fb"], "");
    }

    #[test]
    fn text_of_many_bytes_a_character_is_never_cut_inside_one() {
        check("/é/aadOptscim06202é?é&aadOptscim062020é=1", &["é", "aadOptscim06202é"], "é&é=1");
    }

    #[test]
    fn ten_thousand_segments_and_pairs_are_read() {
        let path = "/a".repeat(10_000);
        let query = "aadOptscim062020&".repeat(10_000);
        let target = Target::new(&path, Some(&query));
        assert_eq!(target.segments().len(), 10_000);
        assert_eq!(target.query, "");
    }
}
