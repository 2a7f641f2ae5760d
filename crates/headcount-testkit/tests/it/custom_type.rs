//! A resource type that an operator loads is served like the built-in ones, on every store.

use headcount_model::Preset;
use headcount_testkit::{
    App, AppOptions, Client,
    client::PATCH_OP,
    fixtures::{TEST_EXTENSION, TEST_RESOURCE, with_test_resource},
};
use serde_json::{Value, json};

use crate::stores::BACKENDS;

fn each(body: impl Fn(&Client)) {
    for backend in BACKENDS.into_iter().filter(|backend| backend.is_available()) {
        let app = App::with(AppOptions { registry: with_test_resource(), ..AppOptions::new(backend) });
        body(&app.client("acme", Preset::Strict));
    }
}

fn full() -> Value {
    json!({
        "schemas": [TEST_RESOURCE, TEST_EXTENSION],
        "name": "First",
        "label": "L1",
        "inventoryNumber": "Inv-1",
        "text": "Text",
        "exactText": "Exact",
        "flag": true,
        "amount": 7,
        "ratio": 1.25,
        "since": "2011-05-13T04:42:34.000Z",
        "blob": "aGVsbG8=",
        "homepage": "https://example.com/",
        "serialNumber": "S-1",
        "passphrase": "canary-pass",
        "remarks": "shown on request",
        "tags": ["red", "green"],
        "levels": [3, 1],
        "place": {"building": "B", "floor": 2, "open": false},
        "contacts": [{"value": "a", "type": "work", "primary": true}, {"value": "b", "type": "home"}],
        TEST_EXTENSION: {"note": "N", "rank": 5},
    })
}

#[test]
fn it_is_made_read_listed_and_deleted() {
    each(|client| {
        let made = client.post("/TestResources", &full()).expect(201);
        let target = format!("/TestResources/{}", made.id());
        let body = client.get(&target).expect(200).json();
        for (name, value) in full().as_object().unwrap() {
            match name.as_str() {
                "passphrase" | "remarks" => assert!(body.get(name).is_none(), "{name}"),
                "schemas" => {}
                _ => assert_eq!(body[name], *value, "{name}"),
            }
        }
        assert_eq!(body["meta"]["resourceType"], "TestResource");
        assert_eq!(body["meta"]["location"], json!(format!("{}{target}", client.base)));
        assert_eq!(client.get("/TestResources").total(), 1);
        assert_eq!(client.get("/").total(), 1);
        client.delete(&target).expect(204).done();
        client.get(&target).refused(404, "", &[]).done();
    });
}

#[test]
fn what_is_returned_follows_the_schema() {
    each(|client| {
        let id = client.post("/TestResources", &full()).expect(201).id();
        let get = |query: &str| client.get(&format!("/TestResources/{id}?{query}")).expect(200).json();
        let schemas = json!([TEST_RESOURCE, TEST_EXTENSION]);
        let bare = get("attributes=remarks");
        assert_eq!(bare, json!({"schemas": schemas, "id": id, "label": "L1", "remarks": "shown on request"}));
        assert!(get("attributes=passphrase").get("passphrase").is_none());
        assert_eq!(get("excludedAttributes=label,text")["label"], "L1", "always is always");
        assert!(get("excludedAttributes=label,text").get("text").is_none());
        assert_eq!(get(&format!("attributes={TEST_EXTENSION}:rank"))[TEST_EXTENSION], json!({"rank": 5}));
        assert_eq!(get("attributes=place.floor")["place"], json!({"floor": 2}));
    });
}

#[test]
fn uniqueness_follows_the_schema() {
    each(|client| {
        client.post("/TestResources", &full()).expect(201).done();
        let other = |name: &str, number: &str| json!({"name": name, "label": "L", "inventoryNumber": number});
        client.post("/TestResources", &other("FIRST", "Inv-2")).refused(409, "uniqueness", &["name"]).done();
        client
            .post("/TestResources", &other("Second", "Inv-1"))
            .refused(409, "uniqueness", &["inventoryNumber"])
            .done();
        let second = client.post("/TestResources", &other("Second", "inv-1")).expect(201).id();
        let target = format!("/TestResources/{second}");
        client
            .patch(&target, &json!([{"op": "replace", "path": "inventoryNumber", "value": "Inv-1"}]))
            .refused(409, "uniqueness", &["inventoryNumber"])
            .done();
        client.patch(&target, &json!([{"op": "remove", "path": "inventoryNumber"}])).expect(200).done();
        let third = client.post("/TestResources", &other("Third", "inv-1"));
        third.expect(201).done();
    });
}

#[test]
fn mutability_follows_the_schema() {
    each(|client| {
        let mut body = full();
        body["issuedBy"] = json!("me");
        body.as_object_mut().unwrap().remove("serialNumber");
        let made = client.post("/TestResources", &body).expect(201);
        assert!(made.json().get("issuedBy").is_none(), "read-only input is ignored");
        let target = format!("/TestResources/{}", made.id());
        let set =
            |path: &str, value: Value| client.patch(&target, &json!([{"op": "add", "path": path, "value": value}]));
        set("issuedBy", json!("me")).refused(400, "mutability", &["issuedBy"]).done();
        set("serialNumber", json!("S-2")).expect(200).done();
        set("serialNumber", json!("S-2")).expect(200).done();
        set("serialNumber", json!("S-3")).refused(400, "mutability", &["serialNumber"]).done();
        client
            .patch(&target, &json!([{"op": "remove", "path": "serialNumber"}]))
            .refused(400, "mutability", &[])
            .done();
        body["serialNumber"] = json!("S-3");
        client.put(&target, &body).refused(400, "mutability", &["serialNumber"]).done();
        body["serialNumber"] = json!("S-2");
        client.put(&target, &body).expect(200).done();
        client
            .patch(&target, &json!([{"op": "remove", "path": "label"}]))
            .refused(400, "mutability", &["label"])
            .done();
    });
}

#[test]
fn filters_and_order_follow_the_types() {
    each(|client| {
        client.post("/TestResources", &full()).expect(201).done();
        let second = json!({
            "name": "Second", "label": "L2", "flag": false, "amount": 10, "ratio": 0.5, "since": "2024-02-29T23:59:59.000Z",
            "exactText": "exact", "text": "text", "tags": ["blue"], "levels": [20],
        });
        client.post("/TestResources", &second).expect(201).done();
        let found = |filter: &str| client.find("/TestResources", filter).expect(200).each("/name");
        let (first, second): (&[&str], &[&str]) = (&["First"], &["Second"]);
        for (filter, expected) in [
            ("amount gt 9", second),
            ("amount eq 7", first),
            ("amount le 7.0", first),
            ("ratio lt 1", second),
            ("ratio eq 1.250", first),
            ("flag eq true", first),
            ("flag ne true", second),
            ("since gt \"2011-05-13T06:42:34+02:00\"", second),
            ("since eq \"2011-05-13T06:42:34+02:00\"", first),
            ("exactText eq \"exact\"", second),
            ("text eq \"TEXT\"", &["First", "Second"]),
            ("tags eq \"RED\"", first),
            ("tags co \"u\"", second),
            ("levels gt 5", second),
            ("levels eq 1", first),
            ("place.floor eq 2", first),
            ("place.open eq false", first),
            ("contacts[type eq \"work\" and value eq \"a\"]", first),
            ("contacts[type eq \"work\" and value eq \"b\"]", &[]),
            ("contacts eq \"b\"", first),
            ("not (contacts pr)", second),
            (&format!("{TEST_EXTENSION}:rank ge 5"), first),
            ("remarks pr", first),
            ("homepage sw \"https:\"", first),
        ] {
            assert_eq!(found(filter), expected, "{filter}");
        }
        for refused in [
            "flag gt true",
            "blob lt \"a\"",
            "passphrase eq \"canary-pass\"",
            "amount eq \"7\"",
            "text eq 7",
            "since eq \"soon\"",
            "nothing pr",
        ] {
            client.find("/TestResources", refused).refused(400, "invalidFilter", &[]).done();
        }
        let order = |by: &str| client.get(&format!("/TestResources?sortBy={by}")).expect(200).each("/name");
        assert_eq!(order("amount"), ["First", "Second"]);
        assert_eq!(order("ratio"), ["Second", "First"]);
        assert_eq!(order("since"), ["First", "Second"]);
        assert_eq!(order("exactText"), ["First", "Second"]);
        assert_eq!(order("place.floor"), ["First", "Second"]);
        assert_eq!(order("flag&sortOrder=descending"), ["First", "Second"]);
    });
}

#[test]
fn a_patch_is_checked_against_the_types() {
    each(|client| {
        let target = format!("/TestResources/{}", client.post("/TestResources", &full()).expect(201).id());
        let before = client.get(&target).json();
        for (path, value) in [
            ("amount", json!("7")),
            ("amount", json!(1.5)),
            ("flag", json!("true")),
            ("since", json!("yesterday")),
            ("blob", json!("not base64!")),
            ("tags", json!([1])),
            ("place", json!("here")),
            ("place.floor", json!("2")),
            ("contacts", json!(["a"])),
        ] {
            let body = json!({"schemas": [PATCH_OP], "Operations": [{"op": "replace", "path": path, "value": value}]});
            let headers = [("content-type", Some("application/scim+json"))];
            client
                .call("PATCH", &target, &headers, Some(body.to_string().into()))
                .refused(400, "invalidValue", &[])
                .done();
        }
        assert_eq!(client.get(&target).json(), before);
        let operations = json!([
            {"op": "add", "path": "tags", "value": ["blue"]},
            {"op": "remove", "path": "levels"},
            {"op": "replace", "path": "place.floor", "value": 3},
            {"op": "remove", "path": "contacts[type eq \"home\"]"},
            {"op": "replace", "path": format!("{TEST_EXTENSION}:note"), "value": "M"}
        ]);
        let body = client.patch(&target, &operations).expect(200).json();
        assert_eq!(body["tags"], json!(["red", "green", "blue"]));
        assert!(body.get("levels").is_none());
        assert_eq!(body["place"], json!({"building": "B", "floor": 3, "open": false}));
        assert_eq!(body["contacts"].as_array().unwrap().len(), 1);
        assert_eq!(body[TEST_EXTENSION], json!({"note": "M", "rank": 5}));
    });
}

#[test]
fn it_is_described() {
    each(|client| {
        assert_eq!(client.get("/ResourceTypes").total(), 3);
        let described = client.get("/ResourceTypes/TestResource").expect(200).json();
        assert_eq!((&described["endpoint"], &described["schema"]), (&json!("/TestResources"), &json!(TEST_RESOURCE)));
        let schema = client.get(&format!("/Schemas/{TEST_RESOURCE}")).expect(200).json();
        let names: Vec<&str> =
            schema["attributes"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
        assert!(names.contains(&"contacts") && names.contains(&"inventoryNumber"));
    });
}
