//! What is secret is in no answer and no journal entry, whatever goes wrong.

use headcount_model::Preset;
use headcount_testkit::client::encode;
use serde_json::json;

use crate::stores::each_store;

const CANARY: &str = "canary-5ecret-passw0rd";

#[test]
fn tokens_and_passwords_are_never_told() {
    each_store(|app| {
        for preset in [Preset::Generic, Preset::Okta, Preset::Strict] {
            let tenant = app.tenant(&format!("t-{}", preset.as_str()));
            for passwords in ["ignore", "store", "refuse"] {
                let earlier = app.journal(&tenant).len();
                let connection = app.connection(&tenant, preset);
                app.set(&connection, &[("passwords", passwords)]);
                let client = app.client_of(&connection);
                let user = client.user(&format!("ada-{passwords}"));
                let target = format!("/Users/{user}");
                let word = json!(CANARY);
                let mut replies = vec![
                    client.post("/Users", &json!({"userName": format!("eve-{passwords}"), "password": word})),
                    client.post("/Users", &json!({"userName": format!("eve2-{passwords}"), "password": [word]})),
                    client.put(&target, &json!({"userName": format!("ada-{passwords}"), "password": word})),
                    client.put(&target, &json!({"userName": 7, "password": {"a": word}})),
                    client.patch(&target, &json!([{"op": "replace", "path": "password", "value": word}])),
                    client.patch(&target, &json!([{"op": "replace", "path": "password.x", "value": word}])),
                    client.patch(&target, &json!([{"op": "replace", "value": {"password": word, "active": "x"}}])),
                    client.bulk(&json!([{"method": "PATCH", "path": target, "data": {"password": word}}])),
                    client.get(&target),
                    client.get(&format!("{target}?attributes=password")),
                    client.get("/Users"),
                    client.find("/Users", &format!("password eq \"{CANARY}\"")),
                    client.get(&format!("/Users?sortBy=password&x={}", encode(CANARY))),
                    client.get("/ServiceProviderConfig"),
                    client.get("/Schemas"),
                ];
                let wrong = format!("{}x", client.token);
                replies.push(client.clone().with_header("authorization", Some(&wrong)).get("/Users"));
                replies.push(client.get(&format!("/Users/{}", client.token)));
                replies.push(client.get(&format!("/Users?access_token={}", client.token)));
                for reply in &replies {
                    let asked_by_id = reply.what.contains(&client.token);
                    let secret = client.token.rsplit('_').next().unwrap();
                    assert!(!reply.text().contains(CANARY), "{}: {}", reply.what, reply.text());
                    assert!(!reply.text().contains("$argon2"), "{}: {}", reply.what, reply.text());
                    assert!(asked_by_id || !reply.text().contains(secret), "{}: {}", reply.what, reply.text());
                    assert!(reply.status < 500, "{}: {}", reply.what, reply.text());
                    for value in reply.headers.values() {
                        assert!(!value.to_str().unwrap().contains(CANARY) && !value.to_str().unwrap().contains(secret));
                    }
                }
                for event in app.journal(&tenant).into_iter().skip(earlier) {
                    let text = format!("{event:?}");
                    assert!(!text.contains(CANARY) && !text.contains("$argon2"), "{text}");
                    assert!(!text.contains(client.token.rsplit('_').next().unwrap()), "{text}");
                    assert!(!event.paths.iter().any(|path| path == "password") || passwords == "store", "{text}");
                }
            }
        }
    });
}
