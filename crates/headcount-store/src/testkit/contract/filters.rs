//! Filters: which resources satisfy which predicate, agreeing with the reference in `scim_filter`.

use headcount_model::PublicId;
use scim_filter::matches;
use serde_json::{Value, json};

use super::{EXTENSION, Fixture, World, id};
use crate::{index, members::GroupOf, members::MemberRef, resources::NewResource};

/// The users that the tables are about; user n has the id n.
fn people(world: &World) {
    let enterprise = scim_schema::builtin::ENTERPRISE_USER;
    let documents = [
        // 1: everything.
        json!({
            "userName": "Ann", "externalId": "Ext-1", "displayName": "Ann Smith", "active": true, "title": "Chief",
            "nickName": "Annie", "locale": "en",
            "name": {"familyName": "Smith", "givenName": "Ann", "formatted": "Ann Smith"},
            "emails": [
                {"value": "Ann@Example.com", "type": "work", "primary": true},
                {"value": "ann@home.example", "type": "home"},
            ],
            "phoneNumbers": [{"value": "+1 555", "type": "mobile"}],
            "addresses": [{"country": "DE", "locality": "Köln", "type": "work"}],
            enterprise: {"department": "Sales", "employeeNumber": "0042", "manager": {"value": "boss"}},
            EXTENSION: {
                "badge": "B-1", "level": 10, "score": 1.5, "since": "2024-01-01T00:00:00Z", "remote": true,
                "code": "aB", "tags": ["red", "Blue"], "note": "x",
            },
        }),
        // 2: much the same, otherwise typed.
        json!({
            "userName": "bob", "externalId": "ext-1", "displayName": "Bob", "active": false, "title": "chief",
            "name": {"familyName": "smith", "givenName": "Bob"},
            "emails": [{"value": "bob@example.com", "type": "home"}, {"value": "bob@work.example", "type": "WORK"}],
            enterprise: {"department": "sales", "employeeNumber": "42"},
            EXTENSION: {
                "level": 9, "score": -2, "since": "2024-01-01T01:30:00+01:00", "remote": false, "code": "ab",
                "tags": ["blue"],
            },
        }),
        // 3: only what it must have.
        json!({"userName": "c"}),
        // 4: signs that patterns could take for something.
        json!({
            "userName": "100%_sure\\'\"", "displayName": "a%b", "active": true, "title": "50%",
            "emails": [{"value": "x_y%z@example.com"}],
        }),
        // 5: what those would match if they were patterns.
        json!({
            "userName": "100 and sure", "displayName": "aXb", "active": true, "title": "50x",
            "emails": [{"value": "xAyBz@example.com", "type": "work"}],
        }),
        // 6: Greek with both small sigmas, and a name in decomposed form.
        json!({"userName": "ΟΔΥΣΣΕΎΣ", "displayName": "e\u{301}lan", "active": true, "name": {"familyName": "Straße"}}),
        // 7: the composed form, and what the sharp s is not.
        json!({"userName": "odysseus", "displayName": "ÉLAN", "active": false, "name": {"familyName": "STRASSE"}}),
        // 8: empty texts, elements without values.
        json!({
            "userName": "empty", "displayName": "", "active": true, "title": "", "externalId": "",
            "emails": [{"type": "work"}], "phoneNumbers": [{"value": ""}],
            EXTENSION: {"tags": [""], "code": ""},
        }),
        // 9: numbers at the edges.
        json!({"userName": "n9", "active": true, EXTENSION: {"level": 9_007_199_254_740_993_i64, "score": 1e20}}),
        json!({"userName": "n10", "active": true, EXTENSION: {"level": -9_007_199_254_740_993_i64, "score": 1.0}}),
    ];
    for (n, document) in (1..).zip(documents) {
        world.user(n, &document);
    }
    // Things that no filter may find: the other connection's.
    let hidden = json!({"userName": "hidden", "displayName": "Ann Smith", "active": true, "title": "Chief"});
    world.insert(&NewResource { owner: world.other, ..world.new_resource("User", 90, &hidden) });
}

/// What the reference says of every resource of the type that the view shows.
fn reference(world: &World, resource_type: &str, filter: &str) -> Vec<PublicId> {
    let predicate = world.predicate(resource_type, filter);
    let all = world.run(&world.query(resource_type, "")).unwrap().resources;
    let matching = all.into_iter().filter(|resource| {
        let groups: Vec<GroupOf> = world.read(|txn| txn.groups_of(&world.view(), &[resource.seq], 1)).unwrap();
        let members: Vec<MemberRef> = world.read(|txn| txn.members(resource.seq, None, 1_000)).unwrap();
        matches::resource(&predicate, &index::candidate(resource, &groups, &members).unwrap())
    });
    matching.map(|resource| resource.id).collect()
}

/// Checks a table against the store, the reference, and for each filter its negation.
fn check(world: &World, resource_type: &str, table: &[(&str, &[u32])]) {
    let all = world.ids(resource_type, "");
    for (filter, expected) in table {
        let expected: Vec<PublicId> = expected.iter().copied().map(id).collect();
        assert_eq!(reference(world, resource_type, filter), expected, "the reference for {filter}");
        assert_eq!(world.ids(resource_type, filter), expected, "{filter}");
        let rest: Vec<PublicId> = all.iter().filter(|id| !expected.contains(id)).cloned().collect();
        let negated = format!("not ({filter})");
        assert_eq!(world.ids(resource_type, &negated), rest, "{negated}");
        let twice = format!("not (not ({filter}))");
        assert_eq!(world.ids(resource_type, &twice), expected, "{twice}");
        let both = format!("({filter}) and ({negated})");
        assert_eq!(world.ids(resource_type, &both), [], "{both}");
        let either = format!("({filter}) or ({negated})");
        assert_eq!(world.ids(resource_type, &either), all, "{either}");
    }
}

fn check_people(fixture: &dyn Fixture, table: &[(&str, &[u32])]) {
    let world = World::new(fixture);
    people(&world);
    check(&world, "User", table);
}

/// Every operator on columns of folded text.
pub fn filters_on_folded_columns(fixture: &dyn Fixture) {
    check_people(
        fixture,
        &[
            (r#"userName eq "ANN""#, &[1]),
            (r#"userName eq " ann ""#, &[1]),
            (r#"userName eq "an""#, &[]),
            (r#"userName ne "ann""#, &[2, 3, 4, 5, 6, 7, 8, 9, 10]),
            (r#"userName sw "AN""#, &[1]),
            (r#"userName sw """#, &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]),
            (r#"userName co "N""#, &[1, 5, 9, 10]),
            (r#"userName ew "B""#, &[2]),
            (r#"userName gt "bob""#, &[3, 6, 7, 8, 9, 10]),
            (r#"userName ge "bob""#, &[2, 3, 6, 7, 8, 9, 10]),
            (r#"userName lt "bob""#, &[1, 4, 5]),
            (r#"userName le "BOB""#, &[1, 2, 4, 5]),
            ("userName pr", &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]),
            (r#"displayName eq "ann smith""#, &[1]),
            (r#"displayName ne "bob""#, &[1, 3, 4, 5, 6, 7, 8, 9, 10]),
            (r#"displayName co " S""#, &[1]),
            (r#"displayName gt "b""#, &[2, 6, 7]),
            (r#"displayName lt "b""#, &[1, 4, 5, 8]),
            (r#"name.familyName eq "SMITH""#, &[1, 2]),
            (r#"name.familyName sw "s""#, &[1, 2, 6, 7]),
            (r#"name.familyName ew "TH""#, &[1, 2]),
            (r#"name.familyName co "mit""#, &[1, 2]),
            ("name.familyName pr", &[1, 2, 6, 7]),
            (r#"name.givenName eq "bob""#, &[2]),
            ("name pr", &[1, 2, 6, 7]),
        ],
    );
}

/// Absent and empty values, and null.
pub fn filters_on_absent_and_empty_values(fixture: &dyn Fixture) {
    check_people(
        fixture,
        &[
            ("displayName pr", &[1, 2, 4, 5, 6, 7]),
            (r#"displayName eq """#, &[8]),
            (r#"displayName ne """#, &[1, 2, 3, 4, 5, 6, 7, 9, 10]),
            (r#"displayName sw """#, &[1, 2, 4, 5, 6, 7, 8]),
            (r#"displayName co """#, &[1, 2, 4, 5, 6, 7, 8]),
            ("displayName eq null", &[3, 8, 9, 10]),
            ("displayName ne null", &[1, 2, 4, 5, 6, 7]),
            ("externalId pr", &[1, 2]),
            (r#"externalId eq """#, &[8]),
            ("title pr", &[1, 2, 4, 5]),
            (r#"title eq """#, &[8]),
            ("emails pr", &[1, 2, 4, 5, 8]),
            ("emails.value pr", &[1, 2, 4, 5]),
            ("emails.type pr", &[1, 2, 5, 8]),
            ("emails eq null", &[3, 6, 7, 9, 10]),
            ("phoneNumbers pr", &[1]),
            ("phoneNumbers.value pr", &[1]),
            (r#"phoneNumbers.value eq """#, &[8]),
            ("addresses pr", &[1]),
            ("photos pr", &[]),
            (&format!("{EXTENSION}:tags pr"), &[1, 2]),
            (&format!("{EXTENSION}:tags eq \"\""), &[8]),
            (&format!("{EXTENSION}:code pr"), &[1, 2]),
            (&format!("{EXTENSION}:level pr"), &[1, 2, 9, 10]),
            (&format!("{}:manager pr", scim_schema::builtin::ENTERPRISE_USER), &[1]),
            (r#"emails.value lt "zzz""#, &[1, 2, 4, 5]),
            (r#"emails.value ne "bob@example.com""#, &[1, 3, 4, 5, 6, 7, 8, 9, 10]),
        ],
    );
}

/// externalId, id and case-exact attributes are compared as they are.
pub fn filters_on_case_exact_attributes(fixture: &dyn Fixture) {
    check_people(
        fixture,
        &[
            (r#"externalId eq "Ext-1""#, &[1]),
            (r#"externalId eq "EXT-1""#, &[]),
            (r#"externalId sw "ext""#, &[2]),
            (r#"externalId gt "Ext-1""#, &[2]),
            (&format!("id eq \"{}\"", id(3)), &[3]),
            (&format!("id eq \"{}\"", id(90)), &[]),
            (&format!("id gt \"{}\"", id(8)), &[9, 10]),
            (r#"id sw "018bcfe5""#, &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]),
            (r#"id sw "018BCFE5""#, &[]),
            (&format!("{EXTENSION}:code eq \"aB\""), &[1]),
            (&format!("{EXTENSION}:code ge \"aB\""), &[1, 2]),
            (&format!("{EXTENSION}:code gt \"aB\""), &[2]),
            (&format!("{EXTENSION}:code ew \"b\""), &[2]),
        ],
    );
}

/// Values of many; each term may be about another element.
pub fn filters_on_multi_valued_attributes(fixture: &dyn Fixture) {
    check_people(
        fixture,
        &[
            (r#"emails eq "ann@example.com""#, &[1]),
            (r#"emails.value eq "BOB@work.example""#, &[2]),
            (r#"emails.value ew "example.com""#, &[1, 2, 4, 5]),
            (r#"emails.value co "@work.""#, &[2]),
            (r#"emails.value sw "ann""#, &[1]),
            (r#"emails.value gt "bob@example.com""#, &[2, 4, 5]),
            (r#"emails.type eq "work""#, &[1, 2, 5, 8]),
            (r#"emails.type eq "home" and emails.value eq "ann@example.com""#, &[1]),
            ("emails.primary eq true", &[1]),
            (r#"phoneNumbers.value co "555""#, &[1]),
            (r#"phoneNumbers.type eq "MOBILE""#, &[1]),
            (r#"addresses.country eq "de""#, &[1]),
            (&format!("{EXTENSION}:tags eq \"RED\""), &[1]),
            (&format!("{EXTENSION}:tags eq \"blue\""), &[1, 2]),
            (&format!("{EXTENSION}:tags ne \"red\""), &[2, 3, 4, 5, 6, 7, 8, 9, 10]),
            (&format!("{EXTENSION}:tags co \"e\""), &[1, 2]),
            (&format!("{EXTENSION}:tags lt \"c\""), &[1, 2, 8]),
        ],
    );
}

/// Inside brackets all terms are about one element.
pub fn filters_on_one_element(fixture: &dyn Fixture) {
    check_people(
        fixture,
        &[
            (r#"emails[type eq "work" and value eq "ann@example.com"]"#, &[1]),
            (r#"emails[type eq "home" and value eq "ann@example.com"]"#, &[]),
            (r#"emails[type eq "home" and value ew "example"]"#, &[1]),
            (r#"emails[type eq "work" and value co "bob"]"#, &[2]),
            (r#"emails[type eq "work"]"#, &[1, 2, 5, 8]),
            (r#"emails[type ne "work"]"#, &[1, 2, 4]),
            (r#"emails[not (type eq "work")]"#, &[1, 2, 4]),
            (r#"emails[type eq "work" and not (value pr)]"#, &[8]),
            ("emails[not (type pr) and value pr]", &[4]),
            (r#"emails[primary eq true and value sw "ann"]"#, &[1]),
            (r#"emails[primary eq true and value sw "bob"]"#, &[]),
            (r#"emails[not (primary eq true) and value sw "ann"]"#, &[1]),
            (r#"emails[value eq "bob@example.com" or value eq "ann@home.example"]"#, &[1, 2]),
            (r#"emails[(type eq "home" or type eq "work") and value sw "x"]"#, &[5]),
            (r#"emails[value ne "bob@example.com"]"#, &[1, 2, 4, 5, 8]),
            (r#"emails[value gt "c"]"#, &[4, 5]),
            ("emails[value pr]", &[1, 2, 4, 5]),
            (r#"addresses[country eq "DE" and locality eq "köln"]"#, &[1]),
            (r#"addresses[country eq "DE" and locality eq "koln"]"#, &[]),
            (r#"phoneNumbers[type eq "mobile" and value pr]"#, &[1]),
            (r#"name[familyName eq "smith" and givenName eq "ann"]"#, &[1]),
            (&format!("{EXTENSION}:tags[value eq \"red\" or value eq \"green\"]"), &[1]),
            (&format!("{EXTENSION}:tags[not (value eq \"red\")]"), &[1, 2, 8]),
        ],
    );
}

/// Numbers, dates and booleans by value.
pub fn filters_on_numbers_dates_and_booleans(fixture: &dyn Fixture) {
    let at = |name: &str, rest: &str| format!("{EXTENSION}:{name} {rest}");
    check_people(
        fixture,
        &[
            ("active eq true", &[1, 4, 5, 6, 8, 9, 10]),
            ("active eq false", &[2, 7]),
            ("active ne true", &[2, 3, 7]),
            ("active pr", &[1, 2, 4, 5, 6, 7, 8, 9, 10]),
            ("not (active pr)", &[3]),
            (&at("level", "eq 10"), &[1]),
            (&at("level", "eq 10.0"), &[1]),
            (&at("level", "ne 10"), &[2, 3, 4, 5, 6, 7, 8, 9, 10]),
            (&at("level", "gt 9"), &[1, 9]),
            (&at("level", "ge 9"), &[1, 2, 9]),
            (&at("level", "lt 10"), &[2, 10]),
            (&at("level", "le -9007199254740993"), &[10]),
            (&at("level", "eq 9007199254740993"), &[9]),
            (&at("level", "eq 9007199254740992"), &[]),
            (&at("score", "eq 1.50"), &[1]),
            (&at("score", "eq 1"), &[10]),
            (&at("score", "lt 0"), &[2]),
            (&at("score", "gt 1"), &[1, 9]),
            (&at("score", "ge 100000000000000000000"), &[9]),
            (&at("since", "eq \"2024-01-01T02:00:00+02:00\""), &[1]),
            (&at("since", "gt \"2024-01-01T00:00:00Z\""), &[2]),
            (&at("since", "ge \"2024-01-01T00:00:00Z\""), &[1, 2]),
            (&at("since", "lt \"2024-01-01T00:30:00Z\""), &[1]),
            (&at("since", "pr"), &[1, 2]),
            (&at("remote", "eq true"), &[1]),
            (&at("remote", "ne true"), &[2, 3, 4, 5, 6, 7, 8, 9, 10]),
            (&at("remote", "eq false"), &[2]),
        ],
    );
}

/// The parts of `meta` and `schemas`.
pub fn filters_on_meta(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    people(&world);
    let user = world.run(&world.query("User", r#"userName eq "ann""#)).unwrap().resources.remove(0);
    let document: Value = serde_json::from_str(&user.document).unwrap();
    world.update(&user, &document, world.connection, false).unwrap();
    check(
        &world,
        "User",
        &[
            (&format!("meta.created eq \"{}\"", super::at(3)), &[3]),
            (&format!("meta.created gt \"{}\"", super::at(8)), &[9, 10]),
            (&format!("meta.created le \"{}\"", super::at(2)), &[1, 2]),
            (&format!("meta.lastModified ge \"{}\"", super::at(10)), &[1, 10]),
            (&format!("meta.lastModified eq \"{}\"", super::at(1_000)), &[1]),
            ("meta.created pr", &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]),
            (r#"meta.resourceType eq "User""#, &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]),
            (r#"meta.resourceType eq "Group""#, &[]),
            (r#"meta.resourceType sw "Us" and userName eq "bob""#, &[2]),
            (r#"meta.version eq "W/\"2\"""#, &[1]),
        ],
    );
}

/// Attributes that only the document has.
pub fn filters_on_document_only_attributes(fixture: &dyn Fixture) {
    check_people(
        fixture,
        &[
            (r#"title eq "CHIEF""#, &[1, 2]),
            (r#"title eq "chief" and active eq false"#, &[2]),
            (r#"title co "50""#, &[4, 5]),
            (r#"nickName sw "ann""#, &[1]),
            (r#"nickName eq "annie" or title eq "chief" or userName eq "c""#, &[1, 2, 3]),
            (r#"name.formatted co "smith""#, &[1]),
            (r#"locale eq "EN""#, &[1]),
            (&format!("{EXTENSION}:note eq \"X\""), &[1]),
            ("not (title pr) and active eq true", &[6, 8, 9, 10]),
        ],
    );
}

/// `and`, `or` and `not` over everything.
pub fn filters_combined(fixture: &dyn Fixture) {
    check_people(
        fixture,
        &[
            (r#"userName eq "ann" or userName eq "bob""#, &[1, 2]),
            (r#"userName eq "ann" and userName eq "bob""#, &[]),
            (r#"userName eq "ann" or emails.value eq "bob@example.com" or externalId eq "zzz""#, &[1, 2]),
            (r#"(active eq false or displayName pr) and not (name.familyName eq "smith")"#, &[4, 5, 6, 7]),
            (r#"active eq false or displayName pr and userName sw "a""#, &[1, 2, 7]),
            ("not (active eq true and emails pr)", &[2, 3, 6, 7, 9, 10]),
            (r#"not (userName eq "ann" or not (emails.value pr))"#, &[2, 4, 5]),
            (r#"emails.value pr and not (emails[type eq "work" and value pr])"#, &[4]),
        ],
    );
    let world = World::new(fixture);
    people(&world);
    // As many terms as the parser lets through, as flat and as deep as it lets through.
    let flat: Vec<String> = (0..60).map(|n| format!("userName eq \"nobody{n}\"")).collect();
    assert_eq!(world.ids("User", &format!("{} or userName eq \"ann\"", flat.join(" or "))), [id(1)]);
    let flat: Vec<String> = (0..60).map(|n| format!("userName ne \"nobody{n}\"")).collect();
    assert_eq!(world.ids("User", &format!("{} and userName eq \"ann\"", flat.join(" and "))), [id(1)]);
    let flat: Vec<String> = (0..60).map(|n| format!("emails.value eq \"nobody{n}\"")).collect();
    assert_eq!(world.ids("User", &format!("{} or emails.value sw \"ann\"", flat.join(" or "))), [id(1)]);
    let deep = (0..28).fold("userName eq \"ann\"".to_owned(), |inner, _| format!("not ({inner})"));
    assert_eq!(world.ids("User", &deep), [id(1)]);
    let deep = (0..28).fold("userName eq \"ann\"".to_owned(), |inner, n| {
        if n % 2 == 0 {
            format!("(active eq true and {inner})")
        } else {
            format!("(active eq false and {inner} or {inner2})", inner2 = "userName eq \"ann\"")
        }
    });
    assert_eq!(world.ids("User", &deep), [id(1)]);
}

/// `%`, `_`, quotes and backslashes mean themselves.
pub fn filters_take_no_sign_for_a_pattern(fixture: &dyn Fixture) {
    check_people(
        fixture,
        &[
            (r#"userName co "0%_s""#, &[4]),
            (r#"userName sw "100%""#, &[4]),
            (r#"userName co "%""#, &[4]),
            (r#"userName co "_""#, &[4]),
            (r#"userName ew "sure\\'\"""#, &[4]),
            (r#"userName eq "100%_SURE\\'\"""#, &[4]),
            (r#"userName co "\\""#, &[4]),
            (r#"userName co "'""#, &[4]),
            (r#"displayName eq "a%b""#, &[4]),
            (r#"displayName sw "a%""#, &[4]),
            (r#"displayName co "a_b""#, &[]),
            (r#"emails.value co "x_y""#, &[4]),
            (r#"emails.value co "y%z""#, &[4]),
            (r#"emails.value sw "x_""#, &[4]),
            (r#"emails.value ew "%z@example.com""#, &[4]),
            (r#"title co "%""#, &[4]),
            (r#"userName co "*""#, &[]),
            (r#"userName co "?""#, &[]),
            (r#"userName co "[a-z]""#, &[]),
            (r#"userName eq "'; DROP TABLE resources; --""#, &[]),
        ],
    );
}

/// Text is compared in its folded, composed form, and by nothing more than simple folding.
pub fn filters_fold_text(fixture: &dyn Fixture) {
    check_people(
        fixture,
        &[
            (r#"userName eq "οδυσσεύς""#, &[6]),
            (r#"userName eq "οδυσσεύσ""#, &[6]),
            (r#"userName ew "ς""#, &[6]),
            (r#"userName co "ΔΥ""#, &[6]),
            (r#"userName sw "ὀ""#, &[]),
            (r#"displayName eq "élan""#, &[6, 7]),
            ("displayName eq \"E\u{301}LAN\"", &[6, 7]),
            ("displayName sw \"e\u{301}\"", &[6, 7]),
            (r#"displayName sw "é""#, &[6, 7]),
            (r#"displayName sw "e""#, &[]),
            (r#"name.familyName eq "straße""#, &[6]),
            (r#"name.familyName eq "strasse""#, &[7]),
            (r#"name.familyName co "ß""#, &[6]),
            (r#"name.familyName co "ss""#, &[7]),
        ],
    );
}

/// Values longer than a value row are told apart behind the cut.
pub fn filters_on_long_values(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    // 510 bytes, then a character of four bytes over the cut.
    let head = "é".repeat(255);
    let value = |tail: &str| format!("{head}\u{1F600}{tail}");
    for (n, tail) in (1..).zip(["end", "ENDS", "", "other"]) {
        world.user(
            n,
            &json!({
                "userName": format!("u{n}"),
                "emails": [{"value": value(tail), "type": "work"}],
                "name": {"familyName": value(tail)},
                EXTENSION: {"code": value(tail), "tags": [value(tail)]},
            }),
        );
    }
    world.user(5, &json!({"userName": "u5", "emails": [{"value": head, "type": "work"}], EXTENSION: {"code": head, "tags": [head]}}));
    for path in ["emails.value".to_owned(), format!("{EXTENSION}:tags"), "name.familyName".to_owned()] {
        let five: &[u32] = if path == "name.familyName" { &[] } else { &[5] };
        let (all, none): (Vec<u32>, &[u32]) = ([1, 2, 3, 4].iter().chain(five).copied().collect(), &[]);
        check(
            &world,
            "User",
            &[
                (&format!("{path} eq \"{}\"", value("END")), &[1]),
                (&format!("{path} eq \"{}\"", value("")), &[3]),
                (&format!("{path} eq \"{head}\""), five),
                (&format!("{path} sw \"{}\"", value("end")), &[1, 2]),
                (&format!("{path} sw \"{head}\""), &all),
                (&format!("{path} sw \"{}\"", value("endsx")), none),
                (&format!("{path} co \"\u{1F600}e\""), &[1, 2]),
                (&format!("{path} co \"ther\""), &[4]),
                (&format!("{path} ew \"nds\""), &[2]),
                (&format!("{path} ew \"\u{1F600}\""), &[3]),
                (&format!("{path} gt \"{}\"", value("end")), &[2, 4]),
                (&format!("{path} ge \"{}\"", value("end")), &[1, 2, 4]),
                (&format!("{path} lt \"{}\"", value("ends")), &[1, 3].iter().chain(five).copied().collect::<Vec<_>>()),
                (&format!("{path} le \"{head}\""), five),
            ],
        );
    }
    check(
        &world,
        "User",
        &[
            (&format!("emails[type eq \"work\" and value eq \"{}\"]", value("end")), &[1]),
            (&format!("emails[type eq \"home\" and value eq \"{}\"]", value("end")), &[]),
            (&format!("emails[type eq \"work\" and value ew \"{}\"]", "nds"), &[2]),
            (&format!("{EXTENSION}:code eq \"{}\"", value("END")), &[]),
            (&format!("{EXTENSION}:code eq \"{}\"", value("ENDS")), &[2]),
        ],
    );
}

/// `groups.value` is about direct groups, `members.value` about members.
pub fn filters_on_groups_and_members(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let users: Vec<_> = (1..=3).map(|n| world.named_user(n)).collect();
    let groups = [11, 12, 13].map(|n| world.group(n));
    world.add(&groups[0], &[&users[0], &users[1]]);
    world.add(&groups[1], &[&groups[0], &users[2]]);
    check(
        &world,
        "User",
        &[
            (&format!("groups.value eq \"{}\"", id(11)), &[1, 2]),
            (&format!("groups eq \"{}\"", id(11)), &[1, 2]),
            (&format!("groups.value eq \"{}\"", id(12)), &[3]),
            (&format!("groups.value ne \"{}\"", id(11)), &[3]),
            (&format!("groups.value eq \"{}\"", id(13)), &[]),
            (&format!("groups[value eq \"{}\"]", id(11)), &[1, 2]),
            (&format!("groups.value eq \"{}\" and userName eq \"user2\"", id(11)), &[2]),
            (&format!("groups.value eq \"{}\" or groups.value eq \"{}\"", id(11), id(12)), &[1, 2, 3]),
            (&format!("groups.value gt \"{}\"", id(11)), &[3]),
            (r#"groups.value sw "018bcfe5""#, &[1, 2, 3]),
            (r#"groups.value eq "nobody""#, &[]),
            ("groups pr", &[1, 2, 3]),
            ("groups.value pr", &[1, 2, 3]),
            (r#"groups.display eq "group 11""#, &[1, 2]),
        ],
    );
    check(
        &world,
        "Group",
        &[
            (&format!("members.value eq \"{}\"", id(1)), &[11]),
            (&format!("members eq \"{}\"", id(1)), &[11]),
            (&format!("members.value eq \"{}\"", id(11)), &[12]),
            (&format!("members.value ne \"{}\"", id(1)), &[12, 13]),
            (&format!("members[value eq \"{}\"]", id(3)), &[12]),
            (&format!("members[value eq \"{}\" and type eq \"Group\"]", id(11)), &[12]),
            (&format!("members[value eq \"{}\" and type eq \"User\"]", id(11)), &[]),
            (&format!("displayName eq \"group 11\" and members.value eq \"{}\"", id(2)), &[11]),
            (r#"members.type eq "Group""#, &[12]),
            ("members pr", &[11, 12]),
            ("not (members pr)", &[13]),
            ("members.value pr", &[11, 12]),
            (r#"members.value eq "nobody""#, &[]),
            (r#"displayName sw "GROUP""#, &[11, 12, 13]),
            (r#"displayName eq "Group 13""#, &[13]),
            ("externalId pr", &[]),
        ],
    );
}

/// Types of an operator's own.
pub fn filters_on_a_type_of_its_own(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    for (n, serial) in (1..).zip(["A", "a", "B"]) {
        world.insert(&world.new_resource(
            "Device",
            n,
            &json!({"serial": serial, "displayName": format!("Device {n}")}),
        ));
    }
    check(
        &world,
        "Device",
        &[
            (r#"serial eq "A""#, &[1]),
            (r#"serial ge "B""#, &[2, 3]),
            (r#"displayName eq "DEVICE 2""#, &[2]),
            ("serial pr", &[1, 2, 3]),
            (r#"meta.resourceType eq "Device""#, &[1, 2, 3]),
        ],
    );
}

/// A filter sorted and paged has the same members.
pub fn filters_hold_with_order_and_pages(fixture: &dyn Fixture) {
    use crate::{
        page::Window,
        query::{Order, Query},
    };
    let world = World::new(fixture);
    people(&world);
    for filter in [r#"emails.value ew "example.com""#, r#"not (emails.value ew "example.com")"#, "title pr"] {
        let mut expected = reference(&world, "User", filter);
        for attribute in ["userName", "emails.value", "title"] {
            let mut found = Vec::new();
            for offset in 0..12 {
                let sort = Some(world.sort("User", attribute, Order::Descending));
                let window = Window::Index { offset, limit: 1 };
                let page = world.run(&Query { sort, window, ..world.query("User", filter) }).unwrap();
                assert_eq!(page.total, u64::try_from(expected.len()).unwrap(), "{filter} by {attribute}");
                found.extend(page.resources.into_iter().map(|resource| resource.id));
            }
            found.sort();
            expected.sort();
            assert_eq!(found, expected, "{filter} by {attribute}");
        }
    }
}
