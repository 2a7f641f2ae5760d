use proptest::{collection::vec, prelude::*, sample::select};
use scim_schema::{
    AttrPath, Registry,
    validate::{Coercion, Write, accept},
};
use serde_json::{Number, Value};

use super::{LOOSE, users};
use crate::{
    CompareOp, CompareValue, CompileOptions, Filter, Limits, Predicate, ValuePath,
    arbitrary::{user_document, user_documents, user_elements, user_fields, user_filter},
    matches, order,
    parser::Leniencies,
};

const UNLIMITED: Limits = Limits { max_bytes: usize::MAX, max_depth: 64, max_nodes: usize::MAX };

/// `usual` cases, or as many as `PROPTEST_CASES` says.
fn cases(usual: u32) -> ProptestConfig {
    let default = ProptestConfig::default();
    let cases = if default.cases == 256 { usual } else { default.cases };
    ProptestConfig { cases, failure_persistence: None, ..default }
}

/// Key words are names too; most names come from a list because drawing text is slow.
fn name() -> impl Strategy<Value = String> {
    const NAMES: &[&str] =
        &["userName", "emails", "value", "a", "x-1_", "Z9", "not", "and", "or", "pr", "eq", "true", "null", "$ref"];
    prop_oneof![
        9 => select(NAMES).prop_map(str::to_owned),
        1 => "[a-zA-Z][a-zA-Z0-9_-]{0,6}",
    ]
}

fn attr_path() -> impl Strategy<Value = AttrPath> {
    let urn = prop_oneof![
        4 => Just(String::new()),
        1 => Just("urn:example:staff:2.0:".to_owned()),
        1 => Just("URN:ietf:params:scim:schemas:extension:enterprise:2.0:User:".to_owned()),
    ];
    (urn, name(), proptest::option::of(name())).prop_map(|(urn, name, sub)| {
        let sub = sub.map(|sub| format!(".{sub}")).unwrap_or_default();
        AttrPath::parse(&format!("{urn}{name}{sub}")).unwrap()
    })
}

fn compare_value() -> impl Strategy<Value = CompareValue> {
    /// What a lexer might trip over.
    const PIECES: &[&str] =
        &["\"", "'", "\\", "\\\"", " ", ")", "]", "(", "[", " and ", " or ", "a", "é", "\u{0}", "\n", "😀", "\u{2028}"];
    let real = any::<f64>().prop_filter_map("JSON has no such number", Number::from_f64);
    prop_oneof![
        2 => vec(any::<char>(), 0..4).prop_map(|text| CompareValue::String(text.into_iter().collect())),
        4 => vec(select(PIECES), 0..5).prop_map(|text| CompareValue::String(text.concat())),
        1 => any::<i64>().prop_map(|number| CompareValue::Number(number.into())),
        1 => any::<u64>().prop_map(|number| CompareValue::Number(number.into())),
        1 => real.prop_map(CompareValue::Number),
        1 => any::<bool>().prop_map(CompareValue::Boolean),
        1 => Just(CompareValue::Null),
    ]
}

fn joined(leaf: BoxedStrategy<Filter>) -> BoxedStrategy<Filter> {
    leaf.prop_recursive(3, 8, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 2..=3).prop_map(Filter::And),
            vec(inner.clone(), 2..=3).prop_map(Filter::Or),
            inner.prop_map(|filter| Filter::Not(Box::new(filter))),
        ]
    })
    .boxed()
}

fn any_filter() -> BoxedStrategy<Filter> {
    let term = prop_oneof![
        1 => attr_path().prop_map(Filter::Present),
        4 => (attr_path(), select(&CompareOp::ALL[..]), compare_value())
            .prop_map(|(path, op, value)| Filter::Compare(path, op, value)),
    ]
    .boxed();
    let whole = attr_path().prop_filter("brackets follow attributes", |path| path.sub().is_none());
    let element = (whole, joined(term.clone())).prop_map(|(path, inner)| Filter::Element(path, Box::new(inner)));
    joined(prop_oneof![3 => term, 1 => element].boxed())
}

proptest! {
    #![proptest_config(cases(20_000))]

    #[test]
    fn a_printed_filter_parses_back_to_itself(filter in any_filter()) {
        let text = filter.to_string();
        prop_assert_eq!(Filter::parse(&text, &UNLIMITED, &Leniencies::default()), Ok(filter), "{}", text);
    }
}

proptest! {
    #![proptest_config(cases(4_000))]

    #[test]
    fn a_printed_path_parses_back_to_itself(
        path in attr_path(), filter in proptest::option::of(any_filter()), sub in proptest::option::of("[a-z]{1,5}"),
    ) {
        let brackets = filter.filter(|filter| path.sub().is_none() && !has_brackets(filter));
        let sub = sub.filter(|_| brackets.is_some());
        let value_path = ValuePath { path, filter: brackets, sub };
        let text = value_path.to_string();
        prop_assert_eq!(ValuePath::parse(&text, &UNLIMITED, &Leniencies::default()), Ok(value_path), "{}", text);
    }

    /// Leniencies change only what the RFC refuses; a number may be kept as it was written.
    #[test]
    fn a_filter_in_rfc_form_reads_the_same_with_every_leniency(filter in any_filter()) {
        let text = filter.to_string();
        let loose = Filter::parse(&text, &UNLIMITED, &LOOSE);
        prop_assert_eq!(loose, Ok(filter), "{}", text);
    }

    #[test]
    fn any_text_is_parsed_or_refused_with_a_span_inside_it(text in "[a-c.:\\[\\]()\"'\\\\ éeqnotandrp0-9-]{0,60}") {
        for leniencies in [Leniencies::default(), LOOSE] {
            match Filter::parse(&text, &Limits::FILTER, &leniencies) {
                Ok(filter) => {
                    let printed = filter.to_string();
                    prop_assert_eq!(Filter::parse(&printed, &UNLIMITED, &Leniencies::default()), Ok(filter));
                }
                Err(error) => prop_assert!(text.get(error.span.clone()).is_some(), "{:?}", error),
            }
            if let Err(error) = ValuePath::parse(&text, &Limits::PATH, &leniencies) {
                prop_assert!(text.get(error.span.clone()).is_some(), "{:?}", error);
            }
        }
    }
}

proptest! {
    #![proptest_config(cases(1_000))]

    #[test]
    fn random_user_filters_compile_and_obey_the_laws_of_logic(filter in user_filter(), document in user_document()) {
        let registry = Registry::builtin();
        let compile = |filter: &Filter| {
            Predicate::compile(filter, &registry, users(&registry), false, CompileOptions::default()).unwrap()
        };
        let answer = |filter: &Filter| matches::resource(&compile(filter), &document);
        let holds = answer(&filter);
        let not = |filter: Filter| Filter::Not(Box::new(filter));
        prop_assert_eq!(answer(&not(filter.clone())), !holds);
        let negated = match &filter {
            Filter::And(terms) => Some(Filter::Or(terms.iter().cloned().map(not).collect())),
            Filter::Or(terms) => Some(Filter::And(terms.iter().cloned().map(not).collect())),
            Filter::Compare(path, CompareOp::Ne, value) => {
                Some(Filter::Compare(path.clone(), CompareOp::Eq, value.clone()))
            }
            _ => None,
        };
        if let Some(negated) = negated {
            prop_assert_eq!(answer(&negated), !holds);
        }
    }

    /// Else stores would be tested with documents that no request can make.
    #[test]
    fn random_users_are_resources_as_validation_leaves_them(mut document in user_document()) {
        let registry = Registry::builtin();
        document.shift_remove("id");
        document.shift_remove("meta");
        let accepted = accept(
            &registry, users(&registry), document.clone(), Write::Create, &Coercion::default(), &[],
        );
        let accepted = accepted.map(|accepted| Value::Object(accepted.resource.into_document()));
        prop_assert_eq!(accepted, Ok(Value::Object(document)));
    }

    #[test]
    fn populations_have_distinct_ids_and_sort_totally(documents in user_documents(0..12)) {
        let registry = Registry::builtin();
        let mut ids: Vec<_> = documents.iter().map(|document| document["id"].as_str().unwrap()).collect();
        ids.sort_unstable();
        prop_assert!(ids.windows(2).all(|pair| pair[0] < pair[1]));
        for field in user_fields() {
            let Ok(target) = crate::Target::for_sort(&field.path, users(&registry), CompileOptions::default()) else {
                continue;
            };
            let mut keys: Vec<_> = documents.iter().map(|document| order::sort_key(&target, document)).collect();
            keys.sort_by(|left, right| order::ascending(left.as_ref(), right.as_ref()));
            let present = keys.iter().take_while(|key| key.is_some()).count();
            prop_assert!(keys[present..].iter().all(Option::is_none));
        }
    }
}

#[test]
fn the_generator_knows_only_attributes_of_users() {
    let registry = Registry::builtin();
    assert_eq!(user_fields().len(), 21);
    for field in user_fields() {
        assert!(users(&registry).resolve(&field.path).is_some(), "{}", field.path);
    }
    for (path, parts) in user_elements() {
        for part in parts {
            assert!(users(&registry).resolve(&path.with_sub(part.path.name())).is_some(), "{path}.{}", part.path);
        }
    }
}

/// A generator whose filters hardly ever match would prove nothing.
#[test]
fn random_filters_often_match_and_often_do_not() {
    use proptest::{strategy::ValueTree, test_runner::TestRunner};

    let registry = Registry::builtin();
    let mut runner = TestRunner::deterministic();
    let draws = 600;
    let mut matched = 0;
    for _ in 0..draws {
        let filter = user_filter().new_tree(&mut runner).unwrap().current();
        let document = user_document().new_tree(&mut runner).unwrap().current();
        let predicate =
            Predicate::compile(&filter, &registry, users(&registry), false, CompileOptions::default()).unwrap();
        matched += u32::from(matches::resource(&predicate, &document));
    }
    assert!((draws / 5..draws * 4 / 5).contains(&matched), "{matched} of {draws}");
}

fn has_brackets(filter: &Filter) -> bool {
    match filter {
        Filter::Element(..) => true,
        Filter::And(terms) | Filter::Or(terms) => terms.iter().any(has_brackets),
        Filter::Not(inner) => has_brackets(inner),
        Filter::Compare(..) | Filter::Present(_) => false,
    }
}
