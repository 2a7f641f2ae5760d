//! Queries (RFC 7644 §3.4.2, §3.4.3).

use headcount_model::Preset;
use headcount_service::QueryRequest;
use scim_schema::builtin;
use serde_json::{Value, json};

use crate::fixture::{World, refusal, texts};

fn asked(pairs: &[(&str, &str)]) -> QueryRequest {
    let mut request = QueryRequest::default();
    for (name, value) in pairs {
        let value = Some((*value).to_owned());
        match *name {
            "filter" => request.filter = value,
            "retry" => request.filter_retry = value,
            "sortBy" => request.sort_by = value,
            "sortOrder" => request.sort_order = value,
            "startIndex" => request.start_index = value,
            "count" => request.count = value,
            "cursor" => request.cursor = value,
            "attributes" => request.attributes = value,
            "excludedAttributes" => request.excluded_attributes = value,
            other => panic!("{other}"),
        }
    }
    request
}

#[test]
fn rfc7644_3_4_2_list_response() {
    let world = World::new();
    let client = world.client(Preset::Generic);
    let empty = client.query(Some("User"), &asked(&[("filter", "userName eq \"nobody\"")])).unwrap();
    assert_eq!(
        empty,
        json!({"schemas": [builtin::LIST_RESPONSE], "totalResults": 0, "itemsPerPage": 0, "startIndex": 1, "Resources": []})
    );
    let ids: Vec<String> = ["ada", "bob", "eve"].map(|name| client.user(name)).into();
    let page = client.query(Some("User"), &asked(&[("startIndex", "2"), ("count", "1")])).unwrap();
    assert_eq!((&page["totalResults"], &page["itemsPerPage"], &page["startIndex"]), (&json!(3), &json!(1), &json!(2)));
    assert_eq!(texts(&page["Resources"], "id"), [ids[1].as_str()]);
    let beyond = client.query(Some("User"), &asked(&[("startIndex", "9")])).unwrap();
    assert_eq!(
        (&beyond["totalResults"], &beyond["startIndex"], &beyond["Resources"]),
        (&json!(3), &json!(9), &json!([]))
    );
    assert_eq!(page["Resources"][0], client.get("User", &ids[1]).unwrap().body.unwrap());
}

#[test]
fn rfc7644_3_4_2_1_a_query_at_the_root_spans_the_types() {
    let world = World::new();
    let client = world.client(Preset::Generic);
    client.user("ada");
    client.group("ada", &[]);
    let all = client.query(None, &QueryRequest::default()).unwrap();
    assert_eq!(all["totalResults"], 2);
    let users = client.query(None, &asked(&[("filter", "userName eq \"ada\"")])).unwrap();
    assert_eq!(users["totalResults"], 1, "a group has no userName");
    let groups = client.query(None, &asked(&[("filter", "meta.resourceType eq \"Group\"")])).unwrap();
    assert_eq!(groups["Resources"][0]["displayName"], "ada");
    assert_eq!(refusal(client.query(None, &asked(&[("filter", "nonsense eq 1")]))), (400, "invalidFilter"));
}

#[test]
fn rfc7644_3_4_2_3_sorting() {
    let world = World::new();
    let client = world.client(Preset::Generic);
    for (name, family) in [("ada", Some("b")), ("Bob", None), ("eve", Some("A"))] {
        let mut body = json!({"schemas": [builtin::USER], "userName": name});
        if let Some(family) = family {
            body["name"] = json!({"familyName": family});
        }
        client.post("User", body).unwrap();
    }
    let names =
        |pairs: &[(&str, &str)]| texts(&client.query(Some("User"), &asked(pairs)).unwrap()["Resources"], "userName");
    assert_eq!(names(&[]), ["ada", "Bob", "eve"]);
    assert_eq!(names(&[("sortBy", "name.familyName")]), ["eve", "ada", "Bob"]);
    assert_eq!(names(&[("sortBy", "name.familyName"), ("sortOrder", "descending")]), ["Bob", "ada", "eve"]);
    assert_eq!(names(&[("sortOrder", "descending")]), ["ada", "Bob", "eve"]);
    for pairs in [
        &[("sortBy", "nonsense")][..],
        &[("sortBy", "groups")],
        &[("sortBy", "groups.value")],
        &[("sortBy", "password")],
        &[("sortBy", "")],
        &[("sortBy", "userName"), ("sortOrder", "up")],
    ] {
        assert_eq!(refusal(client.query(Some("User"), &asked(pairs))), (400, "invalidValue"), "{pairs:?}");
    }
    client.set(&[("unknown_sort", "accept")]);
    assert_eq!(names(&[("sortBy", "nonsense"), ("sortOrder", "up")]), ["ada", "Bob", "eve"]);
}

#[test]
fn paging_parameters_are_checked_or_loosely_read() {
    let world = World::new();
    let client = world.client(Preset::Generic);
    client.user("ada");
    for pairs in [&[("count", "x")][..], &[("startIndex", "1.0")], &[("cursor", ""), ("startIndex", "1")]] {
        assert_eq!(refusal(client.query(Some("User"), &asked(pairs))), (400, "invalidValue"), "{pairs:?}");
    }
    let okta = world.client(Preset::Okta);
    okta.user("ada");
    let list = okta.query(Some("User"), &asked(&[("count", "x"), ("startIndex", "y")])).unwrap();
    assert_eq!(list["totalResults"], 1);
}

#[test]
fn a_second_reading_of_the_filter_is_tried_when_the_first_finds_nothing() {
    let world = World::new();
    let client = world.client(Preset::Generic);
    let plus = client.user("ada+x@y.test");
    let both = asked(&[("filter", "userName eq \"ada x@y.test\""), ("retry", "userName eq \"ada+x@y.test\"")]);
    assert_eq!(texts(&client.query(Some("User"), &both).unwrap()["Resources"], "id"), [plus]);
    let blank = client.user("ada x@y.test");
    assert_eq!(texts(&client.query(Some("User"), &both).unwrap()["Resources"], "id"), [blank]);
}

/// RFC 7644 §3.4.2.5.
#[test]
fn projections_of_lists() {
    let world = World::new();
    let client = world.client(Preset::Generic);
    let ada = client.user("ada");
    client.group("staff", &[&ada]);
    let first = |kind: &str, pairs: &[(&str, &str)]| -> Value {
        client.query(Some(kind), &asked(pairs)).unwrap()["Resources"][0].clone()
    };
    assert_eq!(
        first("User", &[("attributes", "userName")]),
        json!({"schemas": [builtin::USER], "id": ada, "userName": "ada"})
    );
    assert_eq!(first("Group", &[("excludedAttributes", "members")]).get("members"), None);
    assert_eq!(first("Group", &[("attributes", "members.value")])["members"], json!([{"value": ada}]));
    let both = asked(&[("attributes", "userName"), ("excludedAttributes", "meta")]);
    assert_eq!(refusal(client.query(Some("User"), &both)), (400, "invalidValue"));
}

#[test]
fn filters_are_bounded_and_never_ignored() {
    let world = World::new();
    let client = world.client(Preset::Generic);
    let long = format!("userName eq \"{}\"", "x".repeat(9_000));
    for filter in [
        "userName eq",
        "nonsense eq \"x\"",
        "active gt true",
        "password eq \"x\"",
        "",
        long.as_str(),
        "userName eq 'x'",
    ] {
        let refused = client.query(Some("User"), &asked(&[("filter", filter)]));
        assert_eq!(refusal(refused), (400, "invalidFilter"), "{filter}");
    }
}

/// RFC 7644 §3.9, §3.10: an attribute of an extension is named with the URN of its schema; the
/// presets of identity providers take the bare name too.
#[test]
fn bare_names_in_projections_mean_extensions_for_identity_providers_only() {
    let world = World::new();
    for (preset, kept) in [(Preset::Strict, false), (Preset::Generic, false), (Preset::Entra, true)] {
        let client = world.connect(&world.tenant(preset.as_str()), preset);
        let user = json!({
            "schemas": [builtin::USER, builtin::ENTERPRISE_USER],
            "userName": "ada",
            (builtin::ENTERPRISE_USER): {"department": "Engines", "division": "D"},
        });
        let projection = scim_schema::Projection::Only(vec!["department".to_owned()]);
        let posted = client.post_as("User", user, &projection).unwrap().body.unwrap();
        let listed = client.query(Some("User"), &asked(&[("attributes", "department")])).unwrap();
        let rest = client.query(Some("User"), &asked(&[("excludedAttributes", "division")])).unwrap();
        for answer in [&posted, &listed["Resources"][0]] {
            let extension = answer.get(builtin::ENTERPRISE_USER);
            assert_eq!(extension, kept.then_some(&json!({"department": "Engines"})), "{preset:?}");
        }
        let division = rest["Resources"][0][builtin::ENTERPRISE_USER].get("division");
        assert_eq!(division.is_none(), kept, "{preset:?}");
    }
}

/// RFC 7643 §2.3.7, §3.1: a reference is case exact, and `meta.location` is one.
#[test]
fn references_that_only_an_answer_holds_are_found_by_filters() {
    let world = World::new();
    let client = world.client(Preset::Generic);
    let base = client.base();
    let manager = json!({
        "schemas": [builtin::USER, builtin::ENTERPRISE_USER],
        "userName": "bob",
        (builtin::ENTERPRISE_USER): {"manager": {"value": "A b/é"}},
    });
    let ada = client.user("ada");
    let bob = client.post("User", manager).unwrap().body.unwrap()["id"].as_str().unwrap().to_owned();
    let crew = client.group("crew", &[&ada]);
    let all = client.group("all", &[crew.as_str(), &bob]);
    let user = |id: &str| format!("{base}/Users/{id}");
    let group = |id: &str| format!("{base}/Groups/{id}");
    let enterprise = builtin::ENTERPRISE_USER;
    let check = |kind: &str, filter: &str, expected: &[&String]| {
        let mut expected: Vec<String> = expected.iter().map(|id| (*id).clone()).collect();
        let mut found = client.find(kind, filter);
        expected.sort();
        found.sort();
        assert_eq!(found, expected, "{filter}");
    };
    let (both, none): (_, [&String; 0]) = ([&ada, &bob], []);
    check("User", "meta.location pr", &both);
    check("User", &format!("meta.location eq \"{}\"", user(&ada)), &[&ada]);
    check("User", &format!("META[location eq \"{}\"]", user(&ada)), &[&ada]);
    check("User", &format!("meta.location ne \"{}\"", user(&ada)), &[&bob]);
    check("User", &format!("meta.location eq \"{}\"", user(&ada).to_uppercase()), &none);
    check("User", &format!("meta.location eq \"{}\"", group(&ada)), &none);
    check("User", &format!("meta.location eq \"{ada}\""), &none);
    check("User", &format!("meta.location sw \"{base}\""), &both);
    check("User", &format!("meta.location sw \"{}\"", user(&ada).trim_end_matches(char::is_alphanumeric)), &[&ada]);
    check("User", "meta.location sw \"urn:\"", &none);
    check("User", "meta.location co \"/Users/\"", &both);
    check("User", &format!("meta.location co \"s/{}\"", ada.trim_end_matches(char::is_alphanumeric)), &[&ada]);
    check("User", &format!("meta.location co \"{}\"", bob.trim_start_matches(char::is_alphanumeric)), &[&bob]);
    check("User", "meta.location co \"/Groups\"", &none);
    check("User", &format!("meta.location ew \"rs/{ada}\""), &[&ada]);
    check("User", &format!("meta.location ew \"{}\"", ada.trim_start_matches(char::is_alphanumeric)), &[&ada]);
    check("User", "meta.location ew \"Users/\"", &none);
    check("User", &format!("meta.location gt \"{}\"", user(&ada)), &[&bob]);
    check("User", "meta.location ge \"a\" and meta.location lt \"z\"", &both);
    check("User", "meta.location lt \"a\"", &none);

    check("Group", "members.$ref pr", &[&crew, &all]);
    check("Group", &format!("members.$ref eq \"{}\"", user(&ada)), &[&crew]);
    check("Group", &format!("members.$ref eq \"{}\"", group(&crew)), &[&all]);
    check("Group", &format!("members.$ref eq \"{}\"", user(&crew)), &none);
    check("Group", &format!("members.$ref ne \"{}\"", user(&bob)), &[&crew]);
    check("Group", &format!("members[$ref eq \"{}\" and type eq \"User\"]", user(&bob)), &[&all]);
    check("Group", &format!("members[$ref eq \"{}\" and type eq \"Group\"]", user(&bob)), &none);
    check("User", "groups.$ref pr", &both);
    check("User", &format!("groups.$ref eq \"{}\"", group(&all)), &[&bob]);
    check("User", &format!("groups.$ref eq \"{}\"", group(&all).to_uppercase()), &none);
    check("User", &format!("groups.$ref eq \"{base}/Groups/{}\"", all.to_uppercase()), &none);
    check("User", &format!("{enterprise}:manager.$ref pr"), &[&bob]);
    check("User", &format!("{enterprise}:manager.$ref eq \"{base}/Users/A%20b%2F%C3%A9\""), &[&bob]);
    check("User", &format!("{enterprise}:manager.$ref eq \"{base}/Users/A%20b%2f%C3%A9\""), &none);
    for (kind, filter) in [("Group", "members.$ref co \"x\""), ("User", "groups.$ref gt \"x\"")] {
        assert_eq!(refusal(client.query(Some(kind), &asked(&[("filter", filter)]))), (400, "invalidFilter"));
    }
}
