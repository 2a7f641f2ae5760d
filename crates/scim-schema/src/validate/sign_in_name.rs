//! What a userName may hold.

use icu_normalizer::ComposingNormalizerBorrowed;
use icu_properties::{
    CodePointSetData,
    props::{BidiControl, DefaultIgnorableCodePoint},
};

use crate::error::ScimError;

// SECURITY: two names that look alike to a person must not be two accounts, so what cannot be seen
// and what is a mere variant of another character's form is refused.
pub(super) fn check(text: &str) -> Result<(), ScimError> {
    if text.trim().is_empty() {
        return Err(ScimError::invalid_value("\"userName\" must not be empty or blank"));
    }
    for character in text.chars() {
        if let Some(reason) = objection(character) {
            return Err(ScimError::invalid_value(format!(
                "\"userName\" holds the character U+{:04X}, which {reason}; send the name without it",
                u32::from(character)
            )));
        }
    }
    Ok(())
}

fn objection(character: char) -> Option<&'static str> {
    if character.is_control() {
        return Some("is a control character");
    }
    if character.is_ascii() {
        return None;
    }
    if CodePointSetData::new::<BidiControl>().contains(character) {
        return Some("changes the direction of writing");
    }
    if CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(character) {
        return Some("is invisible");
    }
    if has_compatibility_form(character) {
        return Some("is a variant form of other characters");
    }
    None
}

/// Whether the NFC and NFKC forms of a character differ.
fn has_compatibility_form(character: char) -> bool {
    let mut buffer = [0_u8; 4];
    let text: &str = character.encode_utf8(&mut buffer);
    ComposingNormalizerBorrowed::new_nfc().normalize(text) != ComposingNormalizerBorrowed::new_nfkc().normalize(text)
}
