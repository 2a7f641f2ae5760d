//! Who owns what, and what the application imported, on every store.

use headcount_model::Preset;
use headcount_store::{
    Abort, StoreExt,
    query::{Adoptable, View},
    resources::Lock,
    system::SystemTx,
};
use headcount_testkit::App;
use serde_json::{Value, json};

use crate::stores::each_store;

fn import(app: &App, slug: &str, accounts: &[Value], adoptable: bool) {
    let _ = app.tenant(slug);
    let mut lines = accounts.iter().map(|account| Ok(account.to_string().into_bytes()));
    let imported = app.manage.import_users(slug, &mut lines, adoptable, &mut |_| {}).unwrap();
    assert_eq!((imported.created, imported.refused), (u64::try_from(accounts.len()).unwrap(), vec![]));
}

#[test]
fn an_adoptable_account_is_seen_by_all_until_one_writes_it() {
    each_store(|app| {
        import(
            app,
            "acme",
            &[json!({"userName": "ada@ex.com", "displayName": "Ada Byron"}), json!({"userName": "bob"})],
            true,
        );
        let (okta, hr) = (app.client("acme", Preset::Okta), app.client("acme", Preset::Generic));
        let _ = hr.user("own");
        for (client, total) in [(&okta, 2), (&hr, 3)] {
            assert_eq!(client.get("/Users").total(), total);
            assert_eq!(client.find("/Users", "userName eq \"ADA@ex.com\"").total(), 1);
        }
        let found = okta.find("/Users", "userName eq \"ada@ex.com\"").json()["Resources"][0].clone();
        assert_eq!(found["emails"][0]["value"], "ada@ex.com", "derived at import, for clients that rely on it");
        assert_eq!(found["name"], json!({"givenName": "Ada", "familyName": "Byron"}));
        let target = format!("/Users/{}", found["id"].as_str().unwrap());
        okta.patch(&target, &json!([{"op": "replace", "value": {"title": "Countess", "externalId": "x"}}]))
            .expect(200)
            .done();
        hr.get(&target).refused(404, "", &[]).done();
        assert_eq!((okta.get("/Users").total(), hr.get("/Users").total()), (2, 2));
        hr.post("/Users", &json!({"userName": "ada@ex.com"})).refused(409, "uniqueness", &["userName"]).done();
        assert_eq!(okta.get(&target).json()["externalId"], "x");
        let told = app.journal(&app.tenant("acme"));
        assert_eq!(told.iter().filter(|event| event.kind == "adopt").count(), 1);
    });
}

#[test]
fn accounts_that_are_not_adoptable_are_not_there() {
    each_store(|app| {
        import(app, "acme", &[json!({"userName": "ada"})], false);
        let client = app.client("acme", Preset::Entra);
        assert_eq!(client.get("/Users").total(), 0);
        client.post("/Users", &json!({"userName": "ADA"})).refused(409, "uniqueness", &["another source"]).done();
    });
}

#[test]
fn members_that_match_nobody_are_kept_in_sight() {
    each_store(|app| {
        let tenant = app.tenant("acme");
        let connection = app.connection(&tenant, Preset::Okta);
        let client = app.client_of(&connection);
        let user = client.user("ada");
        let group = client.group("Team", &[]);
        let operation = json!([{"op": "add", "path": "members", "value": [{"value": user}, {"value": "nobody-1"}]}]);
        client.patch(&format!("/Groups/{group}"), &operation).expect(200).done();
        assert_eq!(client.members(&group), [user]);
        let ctx = SystemTx::for_command_line().tenant(tenant.key);
        let unmatched = app.store().reading(&ctx, |txn| {
            let view = View { connection: connection.key, adoptable: Adoptable::Hidden };
            let found = txn.find_resource(&view, "Group", &group, Lock::None)?.unwrap();
            Ok::<_, Abort<()>>(txn.unmatched(found.seq)?)
        });
        assert_eq!(unmatched.unwrap(), ["nobody-1"]);
    });
}

#[test]
fn a_deleted_user_comes_back_where_rehire_is_revive() {
    each_store(|app| {
        let connection = app.connection(&app.tenant("acme"), Preset::Okta);
        let client = app.client_of(&connection);
        let user = client.post("/Users", &json!({"userName": "ada", "externalId": "1"})).expect(201).id();
        let group = client.group("Team", &[&user]);
        client.delete(&format!("/Users/{user}")).expect(204).done();
        assert!(client.members(&group).is_empty());
        let new = client.post("/Users", &json!({"userName": "ada"})).expect(201).id();
        assert_ne!(new, user);
        app.clock().advance_seconds(60);
        client.delete(&format!("/Users/{new}")).expect(204).done();
        app.set(&connection, &[("rehire", "revive")]);
        let back = client.post("/Users", &json!({"userName": "ADA"})).expect(201);
        assert_eq!(back.id(), new);
        assert_ne!(back.header("etag"), Some("W/\"1\""), "the version goes on");
    });
}
