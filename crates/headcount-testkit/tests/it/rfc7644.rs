//! The examples of RFC 7644 §3.3 to §3.14 as requests and answers, on every store.

use headcount_testkit::{
    Client, Reply,
    client::{BULK_REQUEST, ENTERPRISE, ERROR, LIST_RESPONSE, USER, encode},
};
use serde_json::{Value, json};

use crate::stores::each_strict;

fn barbara() -> Value {
    json!({
        "schemas": [USER],
        "userName": "bjensen",
        "externalId": "bjensen",
        "name": {"formatted": "Ms. Barbara J Jensen III", "familyName": "Jensen", "givenName": "Barbara"},
    })
}

fn conditional(client: &Client, method: &str, target: &str, etag: &str, body: Option<&Value>) -> Reply {
    let headers = [("content-type", Some("application/scim+json")), ("if-match", Some(etag))];
    client.call(method, target, &headers, body.map(|body| body.to_string().into()))
}

fn patch(client: &Client, target: &str, operations: &Value) -> Reply {
    let etag = client.get(target).header("etag").unwrap().to_owned();
    let body = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": operations});
    conditional(client, "PATCH", target, &etag, Some(&body))
}

/// A group with the first of two users in it.
fn tour_guides(client: &Client) -> (String, String, String) {
    let (babs, james) = (client.user("bjensen"), client.user("jsmith"));
    let group = client.group("Tour Guides", &[&babs]);
    (format!("/Groups/{group}"), babs, james)
}

fn member(client: &Client, id: &str, display: &str) -> Value {
    json!({"display": display, "$ref": format!("{}/Users/{id}", client.base), "value": id})
}

fn members(client: &Client, path: &str) -> Vec<String> {
    client.members(path.strip_prefix("/Groups/").unwrap())
}

fn sorted(ids: &[&str]) -> Vec<String> {
    let mut ids: Vec<String> = ids.iter().map(|id| (*id).to_owned()).collect();
    ids.sort();
    ids
}

#[test]
fn rfc7644_3_3_creating_a_user_answers_201_with_location_and_version() {
    each_strict(|client| {
        let reply = client.post("/Users", &barbara()).expect(201);
        let body = reply.json();
        let location = format!("{}/Users/{}", client.base, reply.id());
        assert_eq!(reply.header("location"), Some(location.as_str()));
        assert_eq!(body["meta"]["location"], json!(location));
        assert_eq!(body["meta"]["resourceType"], "User");
        assert_eq!(body["meta"]["created"], body["meta"]["lastModified"]);
        assert_eq!(reply.header("etag"), body["meta"]["version"].as_str());
        for (name, value) in barbara().as_object().unwrap() {
            assert_eq!(body[name], *value);
        }
        client.post("/Users", &barbara()).refused(409, "uniqueness", &["userName"]).done();
    });
}

#[test]
fn rfc7644_3_4_1_a_known_resource_is_read() {
    each_strict(|client| {
        let mut sent = barbara();
        sent["phoneNumbers"] = json!([{"value": "555-555-8377", "type": "work"}]);
        sent["emails"] = json!([{"value": "bjensen@example.com", "type": "work"}]);
        let made = client.post("/Users", &sent).expect(201);
        let read = client.get(&format!("/Users/{}", made.id())).expect(200);
        assert_eq!(read.json(), made.json());
        assert_eq!(read.header("location"), made.header("location"));
        assert_eq!(read.header("etag"), made.header("etag"));
        assert_eq!(read.header("content-type"), Some("application/scim+json; charset=utf-8"));
    });
}

#[test]
fn rfc7644_3_4_2_the_user_names_of_all_users() {
    each_strict(|client| {
        let (babs, james) = (client.user("bjensen"), client.user("jsmith"));
        let list = client.get("/Users?attributes=userName").expect(200).json();
        assert_eq!((&list["schemas"], &list["totalResults"]), (&json!([LIST_RESPONSE]), &json!(2)));
        let user = |id: &str, name: &str| json!({"schemas": [USER], "id": id, "userName": name});
        assert_eq!(list["Resources"], json!([user(&babs, "bjensen"), user(&james, "jsmith")]));
    });
}

#[test]
fn rfc7644_3_4_2_1_a_query_of_the_root_by_resource_type() {
    each_strict(|client| {
        let user = client.user("bjensen");
        let group = client.group("Tour Guides", &[]);
        let filter = "(meta.resourceType eq \"User\") or (meta.resourceType eq \"Group\")";
        assert_eq!(client.find("/", filter).expect(200).each("/id"), [user.as_str(), group.as_str()]);
        assert_eq!(client.find("/", "meta.resourceType eq \"User\"").expect(200).each("/id"), [user.as_str()]);
        client.find("/", "(meta.resourceType eq User)").refused(400, "invalidFilter", &[]).done();
        assert_eq!(client.find(&format!("/Users/{user}"), "userName eq \"bjensen\"").status, 200);
    });
}

#[test]
fn rfc7644_3_4_2_2_figure_2_filters_find_whom_they_name() {
    each_strict(|client| {
        let user = |name: &str, body: Value| {
            let mut body = body;
            body["userName"] = json!(name);
            client.post("/Users", &body).expect(201).done();
        };
        user(
            "bjensen",
            json!({"name": {"familyName": "Jensen"}, "title": "Guide", "userType": "Employee",
            "emails": [{"type": "work", "value": "bjensen@example.com"}], ENTERPRISE: {"department": "Tours"}}),
        );
        user(
            "jsmith",
            json!({"name": {"familyName": "O'Malley"}, "userType": "Intern",
            "emails": [{"type": "home", "value": "j@example.org"}]}),
        );
        user(
            "kim",
            json!({"title": "Chef", "userType": "Contractor", "ims": [{"type": "xmpp", "value": "kim@foo.com"}]}),
        );
        let (b, j, k) = ("bjensen", "jsmith", "kim");
        let employee = "userType eq \"Employee\"";
        let all: &[&str] = &[b, j, k];
        for (filter, found) in [
            ("userName eq \"bjensen\"".to_owned(), &[b][..]),
            ("userName Eq \"bjensen\"".to_owned(), &[b]),
            ("Username eq \"bjensen\"".to_owned(), &[b]),
            ("name.familyName co \"O'Malley\"".to_owned(), &[j]),
            ("userName sw \"J\"".to_owned(), &[j]),
            (format!("{USER}:userName sw \"J\""), &[j]),
            ("title pr".to_owned(), &[b, k]),
            ("meta.lastModified gt \"2011-05-13T04:42:34Z\"".to_owned(), all),
            ("meta.lastModified ge \"2011-05-13T04:42:34Z\"".to_owned(), all),
            ("meta.lastModified lt \"2011-05-13T04:42:34Z\"".to_owned(), &[]),
            ("meta.lastModified le \"2011-05-13T04:42:34Z\"".to_owned(), &[]),
            (format!("title pr and {employee}"), &[b]),
            ("title pr or userType eq \"Intern\"".to_owned(), all),
            (format!("schemas eq \"{ENTERPRISE}\""), &[b]),
            (format!("{employee} and (emails co \"example.com\" or emails.value co \"example.org\")"), &[b]),
            ("userType ne \"Employee\" and not (emails co \"example.com\" or emails.value co \"example.org\")".to_owned(), &[k]),
            (format!("{employee} and (emails.type eq \"work\")"), &[b]),
            (format!("{employee} and emails[type eq \"work\" and value co \"@example.com\"]"), &[b]),
            ("emails[type eq \"work\" and value co \"@example.com\"] or ims[type eq \"xmpp\" and value co \"@foo.com\"]".to_owned(), &[b, k]),
        ] {
            let reply = client.find("/Users", &filter).expect(200);
            assert_eq!(reply.each("/userName"), found, "{filter}");
            assert_eq!(reply.total(), u64::try_from(found.len()).unwrap(), "{filter}");
        }
        for ordered in ["active gt true", "x509Certificates.value lt \"AAAA\""] {
            client.find("/Users", ordered).refused(400, "invalidFilter", &[]).done();
        }
    });
}

#[test]
fn rfc7644_3_4_2_3_users_are_sorted_by_a_sub_attribute() {
    each_strict(|client| {
        for (name, given) in [("a", Some("carl")), ("b", None), ("c", Some("Ada")), ("d", Some("bob"))] {
            let mut body = json!({"userName": name});
            if let Some(given) = given {
                body["name"] = json!({"givenName": given});
            }
            client.post("/Users", &body).expect(201).done();
        }
        let order =
            |query: &str| client.get(&format!("/Users?sortBy=name.givenName{query}")).expect(200).each("/userName");
        assert_eq!(order(""), ["c", "d", "a", "b"]);
        assert_eq!(order("&sortOrder=ascending"), ["c", "d", "a", "b"]);
        assert_eq!(order("&sortOrder=descending"), ["b", "a", "d", "c"]);
    });
}

#[test]
fn rfc7644_3_4_2_4_the_first_ten_of_many_users_and_the_next() {
    each_strict(|client| {
        for number in 1..=25 {
            let _ = client.user(&format!("u{number}"));
        }
        let page = |query: &str| client.get(&format!("/Users?{query}")).expect(200);
        let first = page("startIndex=1&count=10");
        let body = first.json();
        assert_eq!(
            (&body["totalResults"], &body["itemsPerPage"], &body["startIndex"], &body["schemas"]),
            (&json!(25), &json!(10), &json!(1), &json!([LIST_RESPONSE]))
        );
        assert_eq!(first.each("/userName")[9], "u10");
        assert_eq!(page("startIndex=11&count=10").each("/userName")[0], "u11");
        assert_eq!(page("startIndex=21&count=10").each("/userName").len(), 5);
        assert_eq!(page("startIndex=-3&count=2").each("/userName"), ["u1", "u2"]);
        let none = page("count=-1").json();
        assert_eq!((&none["totalResults"], &none["itemsPerPage"]), (&json!(25), &json!(0)));
        assert_eq!(page("count=0").total(), 25);
    });
}

#[test]
fn rfc7644_3_4_3_figure_4_a_query_in_a_body() {
    each_strict(|client| {
        client.post("/Users", &json!({"userName": "jsmith", "displayName": "Smith, James"})).expect(201).done();
        client.post("/Groups", &json!({"displayName": "Smith Family"})).expect(201).done();
        client.post("/Groups", &json!({"displayName": "Tour Guides"})).expect(201).done();
        let search = json!({
            "attributes": ["displayName", "userName"],
            "filter": "displayName sw \"smith\"",
            "startIndex": 1,
            "count": 10,
        });
        let reply = client.post("/.search", &search).expect(200);
        assert_eq!(reply.total(), 2);
        assert_eq!(reply.each("/userName"), ["jsmith", "(none)"]);
        assert_eq!(reply.each("/displayName"), ["Smith, James", "Smith Family"]);
        assert_eq!(client.post("/Groups/.search", &search).expect(200).each("/displayName"), ["Smith Family"]);
    });
}

#[test]
fn rfc7644_3_5_1_a_user_is_replaced() {
    each_strict(|client| {
        let made = client.post("/Users", &barbara()).expect(201);
        let target = format!("/Users/{}", made.id());
        let mut body = barbara();
        body["id"] = json!(made.id());
        body["name"]["middleName"] = json!("Jane");
        body["roles"] = json!([]);
        body["emails"] = json!([{"value": "bjensen@example.com"}, {"value": "babs@jensen.org"}]);
        conditional(client, "PUT", &target, "W/\"a330bc54f0671c9\"", Some(&body)).refused(412, "", &[]).done();
        let reply = conditional(client, "PUT", &target, made.header("etag").unwrap(), Some(&body)).expect(200);
        let found = reply.json();
        assert_ne!(reply.header("etag"), made.header("etag"));
        assert_eq!(reply.header("location"), made.header("location"));
        assert_eq!((&found["name"], &found["emails"]), (&body["name"], &body["emails"]));
        assert!(found.get("roles").is_none());
        assert_eq!(client.get(&target).json(), found);
        client.put(&format!("{target}0"), &body).refused(404, "", &[]).done();
    });
}

#[test]
fn rfc7644_3_5_2_1_a_member_is_added_once() {
    each_strict(|client| {
        let (path, babs, james) = tour_guides(client);
        let add = |id: &str| json!([{"op": "add", "path": "members", "value": [member(client, id, "Babs Jensen")]}]);
        let changed = patch(client, &path, &add(&james)).expect(200);
        assert_eq!(members(client, &path), sorted(&[&babs, &james]));
        let again = patch(client, &path, &add(&james)).expect(200);
        assert_eq!(again.header("etag"), changed.header("etag"));
        assert_eq!(again.json()["meta"]["lastModified"], changed.json()["meta"]["lastModified"]);
    });
}

#[test]
fn rfc7644_3_5_2_1_attributes_are_added_without_a_path() {
    each_strict(|client| {
        let user = client.post(
            "/Users",
            &json!({"userName": "bjensen", "emails": [{"value": "bjensen@example.com", "type": "work"}]}),
        );
        let target = format!("/Users/{}", user.expect(201).id());
        let value = json!({"emails": [{"value": "babs@jensen.org", "type": "home"}], "nickname": "Babs"});
        let body = patch(client, &target, &json!([{"op": "add", "value": value}])).expect(200).json();
        assert_eq!(body["nickName"], "Babs");
        assert_eq!(body["emails"].as_array().unwrap().len(), 2);
    });
}

#[test]
fn rfc7644_3_5_2_2_members_are_removed() {
    each_strict(|client| {
        let (path, babs, james) = tour_guides(client);
        let remove = |id: &str| json!([{"op": "remove", "path": format!("members[value eq \"{id}\"]")}]);
        let before = client.get(&path);
        let none = patch(client, &path, &remove(&james)).expect(200);
        assert_eq!(none.header("etag"), before.header("etag"), "who is no member is removed without a change");
        patch(client, &path, &remove(&babs)).expect(200).done();
        assert_eq!(members(client, &path), sorted(&[]));
        patch(client, &path, &json!([{"op": "add", "path": "members", "value": [member(client, &babs, "x"), member(client, &james, "y")]}]))
            .expect(200)
            .done();
        patch(client, &path, &json!([{"op": "remove", "path": "members"}])).expect(200).done();
        assert_eq!(members(client, &path), sorted(&[]));
    });
}

#[test]
fn rfc7644_3_5_2_2_an_element_is_removed_by_a_filter() {
    each_strict(|client| {
        let emails = json!([{"type": "work", "value": "b@example.com"}, {"type": "home", "value": "b@example.org"}]);
        let user = client.post("/Users", &json!({"userName": "bjensen", "emails": emails})).expect(201).id();
        let path = "emails[type eq \"work\" and value ew \"example.com\"]";
        let body =
            patch(client, &format!("/Users/{user}"), &json!([{"op": "remove", "path": path}])).expect(200).json();
        assert_eq!(body["emails"], json!([{"type": "home", "value": "b@example.org"}]));
        patch(client, &format!("/Users/{user}"), &json!([{"op": "remove"}])).refused(400, "noTarget", &[]).done();
    });
}

#[test]
fn rfc7644_3_5_2_2_one_member_goes_and_another_comes_in_one_request() {
    each_strict(|client| {
        let (path, babs, james) = tour_guides(client);
        let operations = json!([
            {"op": "remove", "path": format!("members[value eq\"{babs}\"]")},
            {"op": "add", "path": "members", "value": [member(client, &james, "James Smith")]}
        ]);
        // The RFC prints this one without the blank that its own grammar asks for.
        patch(client, &path, &operations).expect(200).done();
        assert_eq!(members(client, &path), sorted(&[&james]));
    });
}

#[test]
fn rfc7644_3_5_2_2_all_members_are_replaced_by_a_remove_and_an_add() {
    each_strict(|client| {
        let (path, babs, james) = tour_guides(client);
        let operations = json!([
            {"op": "remove", "path": "members"},
            {"op": "add", "path": "members", "value": [member(client, &babs, "Babs Jensen"), member(client, &james, "James Smith")]}
        ]);
        patch(client, &path, &operations).expect(200).done();
        assert_eq!(members(client, &path), sorted(&[&babs, &james]));
    });
}

#[test]
fn rfc7644_3_5_2_3_all_members_are_replaced() {
    each_strict(|client| {
        let (path, _, james) = tour_guides(client);
        let operations =
            json!([{"op": "replace", "path": "members", "value": [member(client, &james, "James Smith")]}]);
        patch(client, &path, &operations).expect(200).done();
        assert_eq!(members(client, &path), sorted(&[&james]));
    });
}

#[test]
fn rfc7644_3_5_2_3_addresses_and_attributes_are_replaced() {
    each_strict(|client| {
        let addresses = json!([{"type": "work", "streetAddress": "1 Road"}, {"type": "home", "primary": true}]);
        let user = client.post("/Users", &json!({"userName": "bjensen", "addresses": addresses})).expect(201).id();
        let target = format!("/Users/{user}");
        let hollywood = json!({
            "type": "work", "streetAddress": "911 Universal City Plaza", "locality": "Hollywood", "region": "CA",
            "postalCode": "91608", "country": "US",
            "formatted": "911 Universal City Plaza\nHollywood, CA 91608 US", "primary": true,
        });
        let operation = json!([{"op": "replace", "path": "addresses[type eq \"work\"]", "value": hollywood}]);
        let body = patch(client, &target, &operation).expect(200).json();
        assert_eq!(body["addresses"][0], hollywood);
        assert_eq!(body["addresses"][1]["primary"], false);
        let street = json!([{"op": "replace", "path": "addresses[type eq \"work\"].streetAddress", "value": "1010 Broadway Ave"}]);
        let body = patch(client, &target, &street).expect(200).json();
        assert_eq!(body["addresses"][0]["streetAddress"], "1010 Broadway Ave");
        let value = json!({
            "emails": [{"value": "bjensen@example.com", "type": "work", "primary": true}, {"value": "babs@jensen.org", "type": "home"}],
            "nickname": "Babs",
        });
        let body = patch(client, &target, &json!([{"op": "replace", "value": value}])).expect(200).json();
        assert_eq!((&body["emails"], &body["nickName"]), (&value["emails"], &json!("Babs")));
        assert_eq!(body["addresses"][0]["streetAddress"], "1010 Broadway Ave", "other attributes are unaffected");
    });
}

#[test]
fn rfc7644_3_6_a_deleted_user_is_not_found_again() {
    each_strict(|client| {
        let made = client.post("/Users", &barbara()).expect(201);
        let target = format!("/Users/{}", made.id());
        conditional(client, "DELETE", &target, "W/\"c310cd84f0281b7\"", None).refused(412, "", &[]).done();
        let reply = conditional(client, "DELETE", &target, made.header("etag").unwrap(), None).expect(204);
        assert!(reply.body.is_empty());
        let error = client.get(&target).refused(404, "", &[&made.id()]).json();
        assert_eq!((&error["schemas"], &error["status"]), (&json!([ERROR]), &json!("404")));
        assert_eq!(client.get("/Users").total(), 0);
        client.post("/Users", &barbara()).expect(201).done();
    });
}

#[test]
fn rfc7644_3_7_1_groups_in_a_circle() {
    each_strict(|client| {
        let group = |bulk_id: &str, name: &str, member: &str| {
            json!({"method": "POST", "path": "/Groups", "bulkId": bulk_id, "data": {
                "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": name,
                "members": [{"type": "Group", "value": format!("bulkId:{member}")}]
            }})
        };
        let done = client.bulk(&json!([group("qwerty", "Group A", "ytrewq"), group("ytrewq", "Group B", "qwerty")]));
        assert_eq!(done.expect(200).json()["Operations"][1]["status"], "201");
        let list = client.find("/Groups", "displayName sw \"Group\"").expect(200);
        assert_eq!(list.total(), 2);
        let body = list.json();
        for (one, other) in [(0, 1), (1, 0)] {
            let (one, other) = (&body["Resources"][one], &body["Resources"][other]);
            assert_eq!(
                one["members"],
                json!([{"value": other["id"], "$ref": other["meta"]["location"], "type": "Group"}])
            );
        }
        let quoted = format!("/Groups?filter={}", encode("displayName sw 'Group'"));
        client.get(&quoted).refused(400, "invalidFilter", &[]).done();
    });
}

#[test]
fn rfc7644_3_7_2_bulk_ids_stand_for_what_was_made() {
    each_strict(|client| {
        let user = |bulk_id: &str, name: &str| json!({"method": "POST", "path": "/Users", "bulkId": bulk_id, "data": {"schemas": [USER], "userName": name}});
        let done = client.bulk(&json!([
            user("qwerty", "Alice"),
            {"method": "POST", "path": "/Groups", "bulkId": "ytrewq", "data": {
                "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": "Tour Guides",
                "members": [{"type": "User", "value": "bulkId:qwerty"}]}},
            {"method": "POST", "path": "/Users", "bulkId": "bob", "data": {
                "schemas": [USER, ENTERPRISE], "userName": "Bob",
                ENTERPRISE: {"employeeNumber": "11250", "manager": {"value": "bulkId:qwerty"}}}}
        ]));
        let body = done.expect(200).json();
        assert_eq!(body["schemas"], json!(["urn:ietf:params:scim:api:messages:2.0:BulkResponse"]));
        let operations = body["Operations"].as_array().unwrap();
        for (operation, bulk_id) in operations.iter().zip(["qwerty", "ytrewq", "bob"]) {
            assert_eq!(
                (&operation["method"], &operation["bulkId"], &operation["status"]),
                (&json!("POST"), &json!(bulk_id), &json!("201"))
            );
        }
        let at = |number: usize| {
            let location = operations[number]["location"].as_str().unwrap();
            let reply = client.get(location.strip_prefix(&client.base).unwrap()).expect(200);
            assert_eq!(reply.header("etag"), operations[number]["version"].as_str());
            reply.json()
        };
        let (alice, guides, bob) = (at(0), at(1), at(2));
        assert_eq!(
            guides["members"],
            json!([{"value": alice["id"], "$ref": alice["meta"]["location"], "type": "User"}])
        );
        assert_eq!(bob[ENTERPRISE]["manager"]["value"], alice["id"]);
    });
}

/// The three users that the example changes, and its operations upon them.
fn add_update_and_remove(client: &Client, alice_schema: &str, versions: bool) -> Value {
    let made = |name: &str| client.post("/Users", &json!({"userName": name, "nickName": name})).expect(201);
    let (bob, dave, eve) = (made("bob-old"), made("dave-old"), made("eve-old"));
    let version = |reply: &Reply| {
        if versions { reply.header("etag").unwrap().to_owned() } else { "W/\"3694e05e9dff591\"".to_owned() }
    };
    json!([
        {"method": "POST", "path": "/Users", "bulkId": "qwerty", "data": {"schemas": [alice_schema], "userName": "Alice"}},
        {"method": "PUT", "path": format!("/Users/{}", bob.id()), "version": version(&bob),
            "data": {"schemas": [USER], "id": bob.id(), "userName": "Bob"}},
        {"method": "PATCH", "path": format!("/Users/{}", dave.id()), "version": version(&dave), "data": {
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
            "Operations": [{"op": "remove", "path": "nickName"}, {"op": "add", "path": "userName", "value": "Dave"}]}},
        {"method": "DELETE", "path": format!("/Users/{}", eve.id()), "version": version(&eve)}
    ])
}

fn statuses(reply: &Reply) -> Vec<String> {
    let body = reply.json();
    let operations = body["Operations"].as_array().unwrap();
    operations.iter().map(|operation| operation["status"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn rfc7644_3_7_3_users_are_added_updated_and_removed() {
    each_strict(|client| {
        let operations = add_update_and_remove(client, USER, true);
        let body = json!({"schemas": [BULK_REQUEST], "failOnErrors": 1, "Operations": operations});
        let reply = client.post("/Bulk", &body).expect(200);
        assert_eq!(statuses(&reply), ["201", "200", "200", "204"]);
        let done = reply.json();
        assert!(done["Operations"].as_array().unwrap().iter().all(|operation| operation["location"].is_string()));
        assert!(done.get("failOnErrors").is_none());
        let mut names = client.get("/Users").each("/userName");
        names.sort();
        assert_eq!(names, ["Alice", "Bob", "Dave"]);
    });
}

#[test]
fn rfc7644_3_7_3_the_first_error_ends_the_job() {
    each_strict(|client| {
        let operations = add_update_and_remove(client, "urn:ietf:params:scim:api:messages:2.0:User", true);
        let body = json!({"schemas": [BULK_REQUEST], "failOnErrors": 1, "Operations": operations});
        let reply = client.post("/Bulk", &body).expect(200);
        assert_eq!(statuses(&reply), ["400"]);
        let operation = &reply.json()["Operations"][0];
        assert_eq!(operation["response"]["scimType"], "invalidSyntax");
        assert_eq!(operation["response"]["status"], "400");
        assert!(operation.get("location").is_none(), "a POST that failed has none");
        assert_eq!(client.get("/Users").total(), 3);
    });
}

#[test]
fn rfc7644_3_7_3_all_operations_fail_each_for_its_own_reason() {
    each_strict(|client| {
        let mut operations = add_update_and_remove(client, "urn:ietf:params:scim:api:messages:2.0:User", false);
        let gone = operations[3]["path"].as_str().unwrap().to_owned();
        client.delete(&gone).expect(204).done();
        operations[3].as_object_mut().unwrap().remove("version");
        let reply = client.bulk(&operations).expect(200);
        assert_eq!(statuses(&reply), ["400", "412", "412", "404"]);
        for operation in reply.json()["Operations"].as_array().unwrap().iter().skip(1) {
            assert_eq!(operation["response"]["status"], operation["status"]);
            assert!(operation["location"].is_string());
        }
    });
}

#[test]
fn rfc7644_3_7_4_too_many_operations_name_the_limit() {
    each_strict(|client| {
        let operation = |number: usize| json!({"method": "POST", "path": "/Users", "bulkId": format!("b{number}"), "data": {"schemas": [USER], "userName": format!("u{number}")}});
        let operations: Vec<Value> = (0..1_001).map(operation).collect();
        client.bulk(&json!(operations)).refused(413, "", &["1000"]).done();
        assert_eq!(client.get("/Users").total(), 0);
        assert_eq!(statuses(&client.bulk(&json!(operations[..1_000])).expect(200)).len(), 1_000);
    });
}

#[test]
fn rfc7644_3_8_json_is_answered_as_scim_unless_json_is_asked_for() {
    each_strict(|client| {
        let user = client.user("bjensen");
        let asked = |accept: Option<&str>| {
            let reply = client.call("GET", &format!("/Users/{user}"), &[("accept", accept)], None).expect(200);
            reply.header("content-type").unwrap().to_owned()
        };
        assert_eq!(asked(Some("application/scim+json")), "application/scim+json; charset=utf-8");
        assert_eq!(asked(Some("application/json")), "application/json; charset=utf-8");
        assert_eq!(asked(None), "application/scim+json; charset=utf-8");
        client.get(&format!("/Users/{user}.scim")).refused(404, "", &[]).done();
    });
}

#[test]
fn rfc7644_3_9_only_what_is_asked_for_is_answered() {
    each_strict(|client| {
        let made = client.post("/Users", &barbara()).expect(201);
        let reply = client.get(&format!("/Users/{}?attributes=userName", made.id())).expect(200);
        assert_eq!(reply.json(), json!({"schemas": [USER], "id": made.id(), "userName": "bjensen"}));
        assert_eq!(reply.header("etag"), made.header("etag"));
        assert_eq!(reply.header("location"), made.header("location"));
    });
}

#[test]
fn rfc7644_3_10_names_may_carry_their_schema() {
    each_strict(|client| {
        let made = client.post("/Users", &barbara()).expect(201);
        let given = format!("{}:name.givenName", USER.to_uppercase());
        let reply = client.get(&format!("/Users/{}?attributes={given}", made.id())).expect(200);
        assert_eq!(reply.json(), json!({"schemas": [USER], "id": made.id(), "name": {"givenName": "Barbara"}}));
        assert_eq!(client.find("/Users", &format!("{given} eq \"barbara\"")).total(), 1);
    });
}

#[test]
fn rfc7644_3_12_errors_are_told_in_the_body() {
    each_strict(|client| {
        let missing = "2819c223-7f76-453a-919d-413861904646";
        client.get(&format!("/Users/{missing}")).refused(404, "", &[missing]).done();
        let user = client.user("bjensen");
        let operation = json!([{"op": "replace", "path": "id", "value": "mine"}]);
        client.patch(&format!("/Users/{user}"), &operation).refused(400, "mutability", &["id"]).done();
    });
}

#[test]
fn rfc7644_3_14_an_unchanged_resource_is_304() {
    each_strict(|client| {
        let made = client.post("/Users", &barbara()).expect(201);
        let target = format!("/Users/{}", made.id());
        let etag = made.header("etag").unwrap();
        assert!(etag.starts_with("W/\""));
        let reply = client.call("GET", &target, &[("if-none-match", Some(etag))], None).expect(304);
        assert!(reply.body.is_empty());
        client.patch(&target, &json!([{"op": "add", "path": "title", "value": "Guide"}])).expect(200).done();
        client.call("GET", &target, &[("if-none-match", Some(etag))], None).expect(200).done();
    });
}

#[test]
fn rfc7644_3_4_2_5_attributes_are_chosen_or_left_out() {
    each_strict(|client| {
        let mut sent = barbara();
        sent["emails"] = json!([{"value": "bjensen@example.com", "type": "work"}]);
        let id = client.post("/Users", &sent).expect(201).id();
        let list = |query: &str| client.get(&format!("/Users?{query}")).expect(200).json()["Resources"][0].clone();
        assert_eq!(
            list("attributes=name.givenName,emails.type"),
            json!({"schemas": [USER], "id": id, "name": {"givenName": "Barbara"}, "emails": [{"type": "work"}]})
        );
        let without = list("excludedAttributes=id,schemas,name,emails.type");
        assert_eq!(without["id"], json!(id), "what is always returned cannot be left out");
        assert_eq!(without["emails"], json!([{"value": "bjensen@example.com"}]));
        assert!(without.get("name").is_none());
        client.get("/Users?attributes=name&excludedAttributes=name").refused(400, "invalidValue", &[]).done();
    });
}
