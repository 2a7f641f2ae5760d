use std::borrow::Cow;

use proptest::prelude::*;

use super::{UNICODE_VERSION, fold, fold_user_name, prepare_password};

fn is_idempotent(text: &str) -> bool {
    let once = fold(text);
    fold(&once) == once
}

#[test]
fn unicode_version_is_that_of_the_compiled_tables() {
    assert_eq!(UNICODE_VERSION, icu_casemap_data::unicode_tag!());
    assert_eq!(UNICODE_VERSION, icu_normalizer_data::unicode_tag!());
}

#[test]
fn fold_is_idempotent_for_every_scalar_value() {
    let mut count = 0;
    let mut buffer = [0_u8; 4];
    for character in '\0'..=char::MAX {
        let text: &str = character.encode_utf8(&mut buffer);
        assert!(is_idempotent(text), "U+{:04X}", u32::from(character));
        count += 1;
    }
    assert_eq!(count, 1_112_064);
}

/// Marks whose place in a sequence folding could move, behind letters that compose with them.
#[test]
fn fold_is_idempotent_for_letters_with_marks() {
    let marks: Vec<char> = ('\u{300}'..='\u{36F}').collect();
    for letter in ['A', 'ſ', 'K', 'Ω', 'Å', 'α', 'Ι', 'ς', 'ẞ', 'ᾳ', 'İ', 'ı', 'Ꭰ', 'ꭰ', 'z'] {
        for first in &marks {
            for second in &marks {
                let text = String::from_iter([letter, *first, *second]);
                assert!(is_idempotent(&text), "{}", text.escape_unicode());
            }
        }
    }
}

proptest! {
    #[test]
    fn fold_is_idempotent_for_random_text(text in proptest::collection::vec(any::<char>(), 2..6)) {
        let text = String::from_iter(text);
        prop_assert!(is_idempotent(&text), "{}", text.escape_unicode());
    }

    #[test]
    fn canonically_equal_texts_have_one_comparison_form(text in proptest::collection::vec(any::<char>(), 1..6)) {
        let text = String::from_iter(text);
        let composed = icu_normalizer::ComposingNormalizerBorrowed::new_nfc().normalize(&text).into_owned();
        let decomposed = icu_normalizer::DecomposingNormalizerBorrowed::new_nfd().normalize(&text).into_owned();
        prop_assert_eq!(fold(&composed), fold(&decomposed));
        prop_assert_eq!(fold(&text), fold(&decomposed));
    }

    #[test]
    fn ascii_folds_to_lower_case(text in "[ -~]{0,40}") {
        prop_assert_eq!(fold(&text).into_owned(), text.to_ascii_lowercase());
    }
}

#[test]
fn pairs_that_are_one_name() {
    for (one, other) in [
        ("K", "k"),
        ("\u{212A}", "k"),
        ("Σ", "σ"),
        ("Σ", "ς"),
        ("É", "e\u{301}"),
        ("É", "\u{E9}"),
        ("ẞ", "ß"),
        ("Ǆ", "ǅ"),
        ("Å", "\u{212B}"),
        ("ADA@Example.COM", "ada@example.com"),
    ] {
        assert_eq!(fold(one), fold(other), "{one} {other}");
    }
}

#[test]
fn pairs_that_are_two_names() {
    for (one, other) in [("ß", "ss"), ("ı", "i"), ("İ", "i"), ("İ", "ı"), ("ﬁ", "fi"), ("e", "é"), ("a", "а")]
    {
        assert_ne!(fold(one), fold(other), "{one} {other}");
    }
}

#[test]
fn text_in_comparison_form_is_borrowed() {
    for text in ["", "ada@example.com", "straße", "é"] {
        assert!(matches!(fold(text), Cow::Borrowed(_)), "{text}");
    }
    assert!(matches!(fold("Ada"), Cow::Owned(_)));
}

#[test]
fn outer_white_space_is_no_part_of_a_user_name() {
    assert_eq!(fold_user_name(" \u{2003}Ada Byron "), "ada byron");
}

/// RFC 7644 §7.8; RFC 8265 §4.2.2.
#[test]
fn a_password_is_prepared_by_composition_and_plain_spaces_and_keeps_its_case() {
    for (left, right) in [
        ("p\u{e4}ss", "pa\u{308}ss"),
        ("correct\u{3000}horse", "correct horse"),
        ("a\u{a0}b\u{2003}c", "a b c"),
        (" Secret ", " Secret "),
    ] {
        assert_eq!(prepare_password(left), prepare_password(right));
    }
    for (left, right) in [("Secret", "secret"), ("a ", "a"), ("\u{ff41}", "a"), ("\u{df}", "ss")] {
        assert_ne!(prepare_password(left), prepare_password(right), "{left}");
    }
    for character in ('\u{0}'..=char::MAX).step_by(7) {
        let once = prepare_password(&format!("x{character}")).into_owned();
        assert_eq!(prepare_password(&once), once, "{character:?}");
    }
}
