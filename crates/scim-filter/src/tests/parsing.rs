use expect_test::{Expect, expect};
use scim_schema::{AttrPath, validate::Leniency};

use super::{LOOSE, parse};
use crate::{CompareOp, CompareValue, Filter, FilterError, Limits, ValuePath, parser::Leniencies};

const STRICT: Leniencies = Leniencies {
    sub_attribute_after_brackets: Leniency::Refuse,
    loose_values: Leniency::Refuse,
    loose_paths: Leniency::Refuse,
};

/// The tree, as a filter with every list and negation in parentheses.
fn shape(filter: &Filter) -> String {
    let list = |terms: &[Filter], word: &str| format!("({})", terms.iter().map(shape).collect::<Vec<_>>().join(word));
    match filter {
        Filter::And(terms) => list(terms, " AND "),
        Filter::Or(terms) => list(terms, " OR "),
        Filter::Not(inner) => format!("NOT({})", shape(inner)),
        Filter::Element(path, inner) => format!("{path}[{}]", shape(inner)),
        term => term.to_string(),
    }
}

fn value(text: &str, leniencies: Leniencies) -> Result<CompareValue, FilterError> {
    match Filter::parse(&format!("a eq {text}"), &Limits::FILTER, &leniencies)? {
        Filter::Compare(_, CompareOp::Eq, value) => Ok(value),
        other => panic!("{text} gave {other}"),
    }
}

fn string(text: &str) -> CompareValue {
    CompareValue::String(text.to_owned())
}

/// The text, what is underlined in it, and the reason.
fn render(text: &str, error: &FilterError) -> String {
    let before = text.get(..error.span.start).unwrap().chars().count();
    let under = text.get(error.span.clone()).unwrap().chars().count().max(1);
    format!(">{text}<\n {}{} {}\n", " ".repeat(before), "^".repeat(under), error.reason)
}

fn errors(texts: &[&str], leniencies: Leniencies) -> String {
    texts
        .iter()
        .map(|text| match Filter::parse(text, &Limits::FILTER, &leniencies) {
            Ok(filter) => format!(">{text}<\n accepted as {filter}\n"),
            Err(error) => render(text, &error),
        })
        .collect()
}

fn check(actual: &str, expected: &Expect) {
    expected.assert_eq(actual);
}

#[test]
fn not_binds_closer_than_and_which_binds_closer_than_or() {
    let table = [
        "a pr or b pr and c pr",
        "a pr and b pr or c pr and d pr",
        "(a pr or b pr) and c pr",
        "not (a pr) and b pr or c pr",
        "not(a pr or b pr)",
        "NOT (a pr) OR b PR AND c Pr",
        "a pr and (b pr and c pr)",
        "((a pr))",
        "a[b pr or c pr and not (d pr)] and e pr",
        "(a pr)and(b pr)or(c pr)",
        "\ta  pr\r\n and\nb eq  1 ",
        "not pr and and pr or or pr and not[pr pr]",
    ];
    let trees: Vec<String> = table.iter().map(|text| shape(&parse(text))).collect();
    check(
        &(trees.join("\n") + "\n"),
        &expect![[r#"
        (a pr OR (b pr AND c pr))
        ((a pr AND b pr) OR (c pr AND d pr))
        ((a pr OR b pr) AND c pr)
        ((NOT(a pr) AND b pr) OR c pr)
        NOT((a pr OR b pr))
        (NOT(a pr) OR (b pr AND c pr))
        (a pr AND (b pr AND c pr))
        a pr
        (a[(b pr OR (c pr AND NOT(d pr)))] AND e pr)
        ((a pr AND b pr) OR c pr)
        (a pr AND b eq 1)
        ((not pr AND and pr) OR (or pr AND not[pr pr]))
    "#]],
    );
}

#[test]
fn values_are_json() {
    let number = |text: &str| CompareValue::Number(serde_json::from_str(text).unwrap());
    for (text, expected) in [
        (r#""x""#, string("x")),
        (r#""""#, string("")),
        (r#""a \"b\" \\ \/ \n \u00e9 \ud83d\ude00""#, string("a \"b\" \\ / \n é 😀")),
        (r#""a) and [b] or c""#, string("a) and [b] or c")),
        ("true", CompareValue::Boolean(true)),
        ("False", CompareValue::Boolean(false)),
        ("NULL", CompareValue::Null),
        ("0", number("0")),
        ("-1.50e3", number("-1500.0")),
        ("18446744073709551615", number("18446744073709551615")),
    ] {
        assert_eq!(value(text, STRICT).unwrap(), expected, "{text}");
        assert!(
            matches!((value(text, LOOSE).unwrap(), &expected),
            (loose, strict) if loose == *strict || loose == string(text)),
            "{text} loosely"
        );
    }
}

#[test]
fn numbers_are_rounded_to_the_nearest() {
    for text in ["0.1", "1.7976931348623157e308", "5e-324", "2.2250738585072011e-308", "123456789012345678901234567890"]
    {
        let CompareValue::Number(number) = value(text, STRICT).unwrap() else { panic!("{text}") };
        assert_eq!(number.as_f64().unwrap().to_bits(), text.parse::<f64>().unwrap().to_bits(), "{text}");
    }
}

#[test]
fn faults_are_underlined_and_say_what_was_expected() {
    check(
        &errors(
            &[
                "",
                "  ",
                "userName",
                "userName eq",
                "userName eq bjensen",
                "userName eq 'bjensen'",
                "userName eq \"bjensen",
                r#"userName eq "a"b""#,
                r#"userName eq "a\d""#,
                r#"userName eq "\ud800""#,
                "userName eq \"a\tb\"",
                "userName eq 01",
                "userName eq +1",
                "userName eq 1e999",
                r#"userName regex "a""#,
                r#"userName = "a""#,
                r#"userName eq "b" xor x pr"#,
                r#"userName eq "b" title pr"#,
                r#"userName eq "a" and"#,
                r#"and userName eq "a""#,
                "not userName pr",
                "not not (userName pr)",
                "(userName pr",
                "userName pr)",
                "userName pr]",
                "(userName pr]",
                "()",
                "emails[]",
                "emails[type pr",
                "emails[type pr)",
                "emails[type[x pr]]",
                "emails.value[type pr]",
                r#"emails[type eq "work"].value eq "x""#,
                r#"emails[type eq "work"] .value eq "x""#,
                r#""userName" eq "x""#,
                r#"user name eq "x""#,
                r#"é eq "x""#,
                r#"title eq "é" or ü pr"#,
                r#"userName.a.b eq "x""#,
                r#"1a eq "x""#,
                "userName prx",
            ],
            STRICT,
        ),
        &expect![[r#"
            ><
             ^ the filter is empty
            >  <
               ^ the filter is empty
            >userName<
                     ^ expected an operator after 'userName': eq, ne, co, sw, ew, gt, ge, lt, le or pr
            >userName eq<
                        ^ expected a value: a quoted string, number, true, false or null
            >userName eq bjensen<
                         ^^^^^^^ expected a value: a quoted string, number, true, false or null
            >userName eq 'bjensen'<
                         ^^^^^^^^^ a string stands in double quotes, not in single ones
            >userName eq "bjensen<
                         ^^^^^^^^ the string has no closing quote
            >userName eq "a"b"<
                            ^^ expected a blank or the end after the string; a quote inside a string is written \"
            >userName eq "a\d"<
                         ^^^^^ the string has an escape that JSON does not know; a backslash is written \\
            >userName eq "\ud800"<
                         ^^^^^^^^ the string has an escape that JSON does not know; a backslash is written \\
            >userName eq "a	b"<
                         ^^^^^ a control character inside a string is written as an escape such as \n or \u0000
            >userName eq 01<
                         ^^ expected a value: a quoted string, number, true, false or null
            >userName eq +1<
                         ^^ expected a value: a quoted string, number, true, false or null
            >userName eq 1e999<
                         ^^^^^ the number is too large
            >userName regex "a"<
                      ^^^^^ the operator 'regex' is not supported: use eq, ne, co, sw, ew, gt, ge, lt, le or pr
            >userName = "a"<
                      ^ the operator '=' is not supported: use eq, ne, co, sw, ew, gt, ge, lt, le or pr
            >userName eq "b" xor x pr<
                             ^^^ expected 'and', 'or' or the end of the filter
            >userName eq "b" title pr<
                             ^^^^^ expected 'and', 'or' or the end of the filter
            >userName eq "a" and<
                                ^ expected an attribute name, 'not' or '(', found the end
            >and userName eq "a"<
             ^^^ expected an attribute name, 'not' or '(' before 'and'
            >not userName pr<
                 ^^^^^^^^ expected '(' after 'not'
            >not not (userName pr)<
                 ^^^ expected '(' after 'not'
            >(userName pr<
             ^ this '(' is not closed by a ')'
            >userName pr)<
                        ^ this ')' closes no '('
            >userName pr]<
                        ^ this ']' closes no '['
            >(userName pr]<
                         ^ expected 'and', 'or' or ')'
            >()<
              ^ expected an attribute name, 'not' or '(', found ')'
            >emails[]<
                    ^ expected an attribute name, 'not' or '(', found ']'
            >emails[type pr<
                   ^ this '[' is not closed by a ']'
            >emails[type pr)<
                           ^ expected 'and', 'or' or ']'
            >emails[type[x pr]]<
                        ^ brackets cannot stand inside brackets
            >emails.value[type pr]<
             ^^^^^^^^^^^^ brackets stand behind an attribute, not behind a sub-attribute: write it inside them, as in emails[value eq "…"]
            >emails[type eq "work"].value eq "x"<
                                   ^^^^^^ a filter ends at ']': write the comparison inside the brackets, as in emails[type eq "work" and value eq "…"]
            >emails[type eq "work"] .value eq "x"<
                                    ^^^^^^ expected 'and', 'or' or the end of the filter
            >"userName" eq "x"<
             ^ expected an attribute name; names stand without quotes
            >user name eq "x"<
                  ^^^^ the operator 'name' is not supported: use eq, ne, co, sw, ew, gt, ge, lt, le or pr
            >é eq "x"<
             ^ 'é' is no attribute: the character U+00E9 cannot begin an attribute name, which is a letter and then letters, digits, "$", "-" and "_"
            >title eq "é" or ü pr<
                             ^ 'ü' is no attribute: the character U+00FC cannot begin an attribute name, which is a letter and then letters, digits, "$", "-" and "_"
            >userName.a.b eq "x"<
                       ^^ 'userName.a.b' is no attribute: "." cannot stand in an attribute name, which is a letter and then letters, digits, "$", "-" and "_"
            >1a eq "x"<
             ^^ '1a' is no attribute: "1" cannot begin an attribute name, which is a letter and then letters, digits, "$", "-" and "_"
            >userName prx<
                      ^^^ the operator 'prx' is not supported: use eq, ne, co, sw, ew, gt, ge, lt, le or pr
        "#]],
    );
}

#[test]
fn faults_that_no_leniency_mends() {
    check(
        &errors(
            &[
                "userName eq",
                "userName eq \"bjensen",
                "userName eq 'bjensen",
                r#"userName eq "a\d""#,
                r#"emails[type eq "work"]."#,
                r#"emails[type eq "work"].a.b eq "x""#,
                r#"emails[type eq "work"].value"#,
                r#"emails[type eq "work"] .value pr"#,
                "userName eq a b",
            ],
            LOOSE,
        ),
        &expect![[r#"
            >userName eq<
                        ^ expected a value: a quoted string, number, true, false or null
            >userName eq "bjensen<
                         ^^^^^^^^ the string has no closing quote
            >userName eq 'bjensen<
                         ^^^^^^^^ the string has no closing quote
            >userName eq "a\d"<
                         ^^^^^ the string has an escape that JSON does not know; a backslash is written \\
            >emails[type eq "work"].<
                                   ^ expected the name of one sub-attribute after the dot
            >emails[type eq "work"].a.b eq "x"<
                                   ^^^^ expected the name of one sub-attribute after the dot
            >emails[type eq "work"].value<
                                         ^ expected an operator after 'value': eq, ne, co, sw, ew, gt, ge, lt, le or pr
            >emails[type eq "work"] .value pr<
                                    ^^^^^^ expected 'and', 'or' or the end of the filter
            >userName eq a b<
                           ^ expected 'and', 'or' or the end of the filter
        "#]],
    );
}

#[test]
fn an_error_names_the_character_not_the_byte() {
    let error = Filter::parse("title eq \"éé\" or ü pr", &Limits::FILTER, &STRICT).unwrap_err();
    assert_eq!((error.span.start, error.character), (19, 18));
    assert!(error.to_string().ends_with("(at character 18)"), "{error}");
}

#[test]
fn an_error_does_not_echo_long_or_unprintable_text() {
    let long = "x".repeat(5000);
    for text in [
        long.clone(),
        format!("a {long} 1"),
        format!("a eq {long}"),
        format!("a pr {long}"),
        format!("{long}.{long}.a pr"),
    ] {
        let error = Filter::parse(&text, &Limits::FILTER, &STRICT).unwrap_err();
        assert!(error.to_string().len() < 400, "{error}");
    }
    let error = Filter::parse("a \u{1}\u{202e} 1", &Limits::FILTER, &STRICT).unwrap_err();
    assert!(!error.to_string().contains('\u{1}'), "{error}");
}

#[test]
fn loose_values_read_what_identity_providers_send() {
    for (text, expected) in [
        ("bjensen", string("bjensen")),
        ("a@b.c", string("a@b.c")),
        ("O'Malley", string("O'Malley")),
        ("007", string("007")),
        ("2026-01-01T00:00:00Z", string("2026-01-01T00:00:00Z")),
        ("'b jensen'", string("b jensen")),
        ("'it''s'", string("it''s")),
        (r"'it\'s'", string("it's")),
        (r#"'say "hi"'"#, string("say \"hi\"")),
        ("'O'Malley'", string("O'Malley")),
        ("''", string("")),
        (r#""say "hi" now""#, string("say \"hi\" now")),
        (r#""a"b""#, string("a\"b")),
        (r#"""hi"""#, string("\"hi\"")),
        (r#""a" b""#, string("a\" b")),
        (r#""a" and "b""#, string("a\" and \"b")),
    ] {
        assert!(value(text, STRICT).is_err(), "{text} strictly");
        assert_eq!(value(text, LOOSE).unwrap(), expected, "{text}");
    }
}

#[test]
fn loose_numbers_are_kept_as_text_where_a_number_would_not_print_back() {
    assert_eq!(value("12", LOOSE).unwrap(), CompareValue::Number(12.into()));
    for text in ["1.50", "1e2", "123456789012345678901234567890"] {
        assert!(matches!(value(text, STRICT).unwrap(), CompareValue::Number(_)), "{text}");
        assert_eq!(value(text, LOOSE).unwrap(), string(text));
    }
}

#[test]
fn loose_values_end_where_the_filter_goes_on() {
    for (text, expected) in [
        ("(a eq x)", r#"a eq "x""#),
        ("(a eq x) and b eq y", r#"a eq "x" and b eq "y""#),
        ("a[b eq x]", r#"a[b eq "x"]"#),
        ("a[b eq 'x y'] or c eq 'z'", r#"a[b eq "x y"] or c eq "z""#),
        (r#"a eq "x"y" and b eq "z""#, r#"a eq "x\"y" and b eq "z""#),
        (r#"a eq "x" and b eq "z""#, r#"a eq "x" and b eq "z""#),
        (r#"(a eq "x" or b eq "y") and c eq "z""#, r#"(a eq "x" or b eq "y") and c eq "z""#),
    ] {
        let filter = Filter::parse(text, &Limits::FILTER, &LOOSE).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(filter.to_string(), expected, "{text}");
    }
}

#[test]
fn a_sub_attribute_behind_brackets_moves_into_them() {
    for (text, expected) in [
        (r#"emails[type eq "work"].value eq "x""#, r#"emails[type eq "work" and value eq "x"]"#),
        (r#"emails[type eq "work"].value pr"#, r#"emails[type eq "work" and value pr]"#),
        (r#"emails[a pr and b pr].value ne "x" or c pr"#, r#"emails[a pr and b pr and value ne "x"] or c pr"#),
        (r#"emails[a pr or b pr].value sw "x""#, r#"emails[(a pr or b pr) and value sw "x"]"#),
        ("emails[not (a pr)].value eq null", "emails[not (a pr) and value eq null]"),
    ] {
        let leniencies = Leniencies { sub_attribute_after_brackets: Leniency::Accept, ..STRICT };
        let filter = Filter::parse(text, &Limits::FILTER, &leniencies).unwrap();
        assert_eq!(filter.to_string(), expected, "{text}");
        assert_eq!(parse(expected), filter, "{text}");
        assert!(Filter::parse(text, &Limits::FILTER, &STRICT).is_err(), "{text}");
    }
}

fn paths(texts: &[&str], leniencies: Leniencies) -> String {
    texts
        .iter()
        .map(|text| match ValuePath::parse(text, &Limits::PATH, &leniencies) {
            Ok(path) => format!(">{text}<\n accepted as {path}\n"),
            Err(error) => render(text, &error),
        })
        .collect()
}

#[test]
fn faulty_paths_are_underlined_and_say_what_was_expected() {
    check(
        &paths(
            &[
                "",
                " ",
                "/emails",
                " emails",
                "emails ",
                "emails x",
                "emails.",
                ".value",
                "emails.a.b",
                "emails[",
                "emails[]",
                r#"emails[type eq "work""#,
                r#"emails[type eq "work"]]"#,
                r#"emails[type eq "work"]value"#,
                r#"emails[type eq "work"] .value"#,
                r#"emails[type eq "work"].value "#,
                r#"emails[type eq "work"].a.b"#,
                r#"emails[type eq "work"]."#,
                r#"emails[type eq "work"].value[x pr]"#,
                r#"emails.value[type eq "work"]"#,
                "emails[type eq work]",
                "emails[0]",
                "not (emails pr)",
                "urn:",
            ],
            STRICT,
        ),
        &expect![[r#"
            ><
             ^ the path is empty
            > <
             ^ a path does not start with a blank: take it away
            >/emails<
             ^ a path does not start with '/': write the attribute's name, such as name.familyName
            > emails<
             ^ a path does not start with a blank: take it away
            >emails <
                   ^ a path does not end with a blank: take it away
            >emails x<
                    ^ expected the end of the path
            >emails.<
                    ^ 'emails.' is no attribute: an attribute name is missing here
            >.value<
             ^^^^^^ '.value' is no attribute: an attribute name is missing here
            >emails.a.b<
                     ^^ 'emails.a.b' is no attribute: "." cannot stand in an attribute name, which is a letter and then letters, digits, "$", "-" and "_"
            >emails[<
                    ^ expected an attribute name, 'not' or '(', found the end
            >emails[]<
                    ^ expected an attribute name, 'not' or '(', found ']'
            >emails[type eq "work"<
                   ^ this '[' is not closed by a ']'
            >emails[type eq "work"]]<
                                   ^ expected the end of the path
            >emails[type eq "work"]value<
                                   ^^^^^ expected the end of the path
            >emails[type eq "work"] .value<
                                    ^^^^^^ expected the end of the path
            >emails[type eq "work"].value <
                                         ^ a path does not end with a blank: take it away
            >emails[type eq "work"].a.b<
                                   ^^^^ expected the name of one sub-attribute after the dot
            >emails[type eq "work"].<
                                   ^ expected the name of one sub-attribute after the dot
            >emails[type eq "work"].value[x pr]<
                                         ^ expected the end of the path
            >emails.value[type eq "work"]<
             ^^^^^^^^^^^^ brackets stand behind an attribute, not behind a sub-attribute: write it inside them, as in emails[value eq "…"]
            >emails[type eq work]<
                            ^^^^ expected a value: a quoted string, number, true, false or null
            >emails[0]<
                    ^ '0' is no attribute: "0" cannot begin an attribute name, which is a letter and then letters, digits, "$", "-" and "_"
            >not (emails pr)<
                 ^ expected the end of the path
            >urn:<
                 ^ 'urn:' is no attribute: an attribute name is missing here
        "#]],
    );
}

#[test]
fn loose_paths_lose_a_slash_and_outer_blanks() {
    check(
        &paths(&[" emails ", "/emails", " /name.givenName\t", "//emails", "/", " ", "", "/ emails"], LOOSE),
        &expect![[r#"
            > emails <
             accepted as emails
            >/emails<
             accepted as emails
            > /name.givenName	<
             accepted as name.givenName
            >//emails<
              ^ a path does not start with '/': write the attribute's name, such as name.familyName
            >/<
              ^ the path is empty
            > <
             ^ the path is empty
            ><
             ^ the path is empty
            >/ emails<
              ^ a path does not start with a blank: take it away
        "#]],
    );
}

#[test]
fn bytes_nodes_and_depth_are_limited() {
    let limits = Limits { max_bytes: 60, max_depth: 2, max_nodes: 4 };
    let table = [
        "((a pr))",
        "(((a pr)))",
        "not (not (a pr))",
        "not (not (not (a pr)))",
        "(a[b pr])",
        "(a[(b pr)])",
        "a pr and b pr",
        "a pr and b pr and c pr",
        "a[b pr and c pr]",
        "a[b pr and not (c pr)]",
        "a eq \"the longest text that is accepted is sixty bytes long\"",
        "a eq \"the longest text that is accepted is sixty bytes long!\"",
    ];
    let outcome: String = table
        .iter()
        .map(|text| match Filter::parse(text, &limits, &STRICT) {
            Ok(_) => format!("{text}: accepted\n"),
            Err(error) => format!("{text}: {error}\n"),
        })
        .collect();
    check(
        &outcome,
        &expect![[r#"
            ((a pr)): accepted
            (((a pr))): the filter is nested more than 2 deep (at character 3)
            not (not (a pr)): accepted
            not (not (not (a pr))): the filter is nested more than 2 deep (at character 15)
            (a[b pr]): accepted
            (a[(b pr)]): the filter is nested more than 2 deep (at character 4)
            a pr and b pr: accepted
            a pr and b pr and c pr: the filter has more than 4 terms and operators: ask in several smaller ones (at character 21)
            a[b pr and c pr]: accepted
            a[b pr and not (c pr)]: the filter has more than 4 terms and operators: ask in several smaller ones (at character 19)
            a eq "the longest text that is accepted is sixty bytes long": accepted
            a eq "the longest text that is accepted is sixty bytes long!": the filter is 61 bytes long, and at most 60 are accepted (at character 1)
        "#]],
    );
}

#[test]
fn hostile_input_is_refused_without_exhausting_the_stack() {
    let unlimited = Limits { max_bytes: usize::MAX, max_depth: usize::MAX, max_nodes: usize::MAX };
    let deep = 10_000;
    for text in [
        "(".repeat(deep),
        format!("{}a pr{}", "(".repeat(deep), ")".repeat(deep)),
        "not ".repeat(deep),
        "not (".repeat(deep),
        "not(".repeat(deep),
        "a[".repeat(deep),
        "a[(".repeat(deep),
        "(a pr and ".repeat(deep),
        "a pr or (".repeat(deep),
        "a eq \"".repeat(deep + 1),
        "a eq '".repeat(deep),
        "\"\\".repeat(deep),
        "a eq \"x\"\"".repeat(deep / 10),
        ".".repeat(deep),
        "a.".repeat(deep),
        ":".repeat(deep),
        "urn:".repeat(deep),
        "\u{0}".repeat(deep),
        "\u{feff}a pr".to_owned(),
        "]".repeat(deep),
        "and ".repeat(deep),
    ] {
        for limits in [Limits::FILTER, unlimited] {
            for leniencies in [STRICT, LOOSE] {
                let start: String = text.chars().take(20).collect();
                // With loose values almost anything between two quotes is a string.
                let accepted = Filter::parse(&text, &limits, &leniencies).is_ok();
                assert!(!accepted || (leniencies == LOOSE && text.contains(['"', '\''])), "{start}");
                assert!(ValuePath::parse(&text, &limits, &leniencies).is_err(), "{start}");
            }
        }
    }
    let wide = vec!["a pr"; 10_000].join(" and ");
    assert!(Filter::parse(&wide, &Limits::FILTER, &STRICT).is_err());
    let Filter::And(terms) = Filter::parse(&wide, &unlimited, &STRICT).unwrap() else { panic!("no list") };
    assert_eq!(terms.len(), 10_000);
}

#[test]
fn lists_inside_lists_keep_their_parentheses() {
    let a = || Filter::Present(AttrPath::plain("a", None));
    let tree = Filter::And(vec![
        Filter::And(vec![a(), a()]),
        Filter::Or(vec![a(), Filter::Or(vec![a(), Filter::And(vec![a(), a()])])]),
        Filter::Not(Box::new(Filter::Or(vec![a(), a()]))),
    ]);
    let text = "(a pr and a pr) and (a pr or (a pr or a pr and a pr)) and not (a pr or a pr)";
    assert_eq!(tree.to_string(), text);
    assert_eq!(parse(text), tree);
}
