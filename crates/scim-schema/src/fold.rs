//! The comparison form of text: `NFC(simple_casefold(NFC(x)))`.

use std::borrow::Cow;

use icu_casemap::CaseMapper;
use icu_normalizer::ComposingNormalizerBorrowed;

/// The version of the Unicode tables behind [`fold`]; stored in the database, since another
/// version may give other keys. A test holds it against the tables that are compiled in.
pub const UNICODE_VERSION: &str = "18.0.0";

/// The comparison form of attributes with `caseExact: false`: canonical composition, Unicode's
/// simple case folding (C and S mappings, no locale, no full foldings), canonical composition
/// again. Idempotent.
///
/// Text that already has the form is borrowed.
#[must_use]
pub fn fold(text: &str) -> Cow<'_, str> {
    // ASCII is its own composition, and its folding is its lower case.
    if text.is_ascii() {
        if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Cow::Owned(text.to_ascii_lowercase());
        }
        return Cow::Borrowed(text);
    }
    let nfc = ComposingNormalizerBorrowed::new_nfc();
    let mapper = CaseMapper::new();
    let composed = nfc.normalize(text);
    if composed.chars().all(|character| mapper.simple_fold(character) == character) {
        return composed;
    }
    let folded: String = composed.chars().map(|character| mapper.simple_fold(character)).collect();
    Cow::Owned(nfc.normalize(&folded).into_owned())
}

/// The comparison form of a userName: outer white space is no part of it, then [`fold`].
#[must_use]
pub fn fold_user_name(text: &str) -> Cow<'_, str> {
    fold(text.trim())
}

/// The form in which a password is hashed and compared: every space of Unicode becomes U+0020, then
/// canonical composition (RFC 7644 §7.8; the mappings of `OpaqueString`, RFC 8265 §4.2.2, without its
/// refusals, since a password that an identity provider has already taken is not ours to refuse).
#[must_use]
pub fn prepare_password(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return Cow::Borrowed(text);
    }
    let spaced: String = text.chars().map(|character| if is_space(character) { ' ' } else { character }).collect();
    Cow::Owned(ComposingNormalizerBorrowed::new_nfc().normalize(&spaced).into_owned())
}

/// Whether the character's general category is `Zs`.
fn is_space(character: char) -> bool {
    matches!(character, ' ' | '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}')
}

#[cfg(test)]
mod tests;
