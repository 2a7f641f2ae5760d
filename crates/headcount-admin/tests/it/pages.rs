//! What the pages do: the path from a tenant to a token that works.

use headcount_model::{ConnectionState, Preset};

use crate::browser::{Browser, House, PASSWORD};

#[actix_web::test]
async fn an_admin_connects_an_identity_provider_and_generates_a_token_that_is_shown_once() {
    let house = House::new();
    let mut admin = house.enter("ada@example.com", "admin", Some("other")).await;
    let sso = admin.get(&house, "/console/").await.location().to_owned();
    assert_eq!(sso, "/console/t/other/sso");
    assert!(admin.get(&house, &sso).await.body.contains("Which identity provider?"));
    let made = admin.post(&house, "/console/t/other/connections", &[("preset", "okta")]).await;
    let page = made.location().to_owned();
    let (_, connection) = house.manage.connections(Some("other")).unwrap().pop().unwrap();
    assert_eq!((connection.preset, connection.state), (Preset::Okta, ConnectionState::Off));
    let base = format!("/console/t/other/connections/{}", connection.id);
    admin.post(&house, &format!("{base}/switch"), &[("state", "on")]).await;
    assert_eq!(house.manage.connection(connection.id.as_str()).unwrap().1.state, ConnectionState::On);
    let shown = admin.get(&house, &page).await;
    assert_eq!(shown.between("id=\"base\">", "<"), format!("http://127.0.0.1:8080/scim/v2/{}", connection.id));
    assert!(shown.body.contains("SCIM connector base URL") && shown.body.contains("No token yet"));

    let fields = [("known", "0"), ("name", "Okta production"), ("expires", "90")];
    let answer = admin.post(&house, &format!("{base}/tokens"), &fields).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("cache-control"), "no-store");
    let token = answer.between("data-secret>", "<").to_owned();
    assert!(token.starts_with("hc_") && token.len() == 65, "{token}");
    let again = admin.post(&house, &format!("{base}/tokens"), &fields).await;
    assert_eq!(again.status, 409, "a reload makes no other");
    let later = admin.get(&house, &page).await;
    for body in [&again.body, &later.body] {
        assert!(!body.contains(&token) && !body.contains("<dialog"), "nobody sees it again");
        assert!(body.contains("Okta production") && body.contains("by Ada"), "{body}");
    }
    let record = house.manage.tokens(Some("other")).unwrap().pop().unwrap().2;
    assert_eq!(record.lifetime_s, Some(90 * 86_400));

    let revoke = format!("/console/t/other/tokens/{}/revoke", record.id);
    let asked = admin.get(&house, &revoke).await;
    assert!(asked.body.contains("Revoke “Okta production”?"), "{}", asked.body);
    assert_eq!(house.manage.tokens(Some("other")).unwrap()[0].2.revoked, None, "asking revokes nothing");
    assert_eq!(admin.post(&house, &revoke, &[]).await.location(), page);
    assert!(house.manage.tokens(Some("other")).unwrap()[0].2.revoked.is_some());
    assert!(admin.get(&house, &page).await.body.contains("Revoked"));

    admin.post(&house, &format!("{base}/provider"), &[("preset", "entra")]).await;
    let (_, changed) = house.manage.connection(connection.id.as_str()).unwrap();
    assert_eq!((changed.preset, &*changed.name), (Preset::Entra, "Microsoft Entra ID"));
}

#[actix_web::test]
async fn a_tenant_without_the_entitlement_is_told_how_to_get_it_and_changes_nothing() {
    let house = House::new();
    let mut admin = house.enter("ada@example.com", "admin", Some("default")).await;
    house.manage.set_tenant("default", &[("entitled".to_owned(), "false".to_owned())]).unwrap();
    let page = admin.get(&house, "/console/t/default/sso").await;
    assert!(page.body.contains("not part of the plan") && page.body.contains("Frozen"), "{}", page.body);
    assert!(!page.body.contains("Generate token"));
    let base = format!("/console/t/default/connections/{}", house.connection("default"));
    for (path, fields) in [
        (format!("{base}/switch"), [("state", "off")]),
        (format!("{base}/tokens"), [("known", "0")]),
        (format!("{base}/provider"), [("preset", "okta")]),
        ("/console/t/default/connections".to_owned(), [("preset", "okta")]),
    ] {
        let answer = admin.post(&house, &path, &fields).await;
        assert!(answer.status == 403 && answer.body.contains("not part of this plan"), "{path}: {}", answer.status);
    }
    assert_eq!(house.manage.tokens(Some("default")).unwrap(), []);
    assert_eq!(house.manage.connections(Some("default")).unwrap()[0].1.state, ConnectionState::On);
}

#[actix_web::test]
async fn a_viewer_sees_and_is_offered_nothing_to_change() {
    let house = House::new();
    let mut viewer = house.enter("ada@example.com", "viewer", Some("default")).await;
    let page = viewer.get(&house, "/console/t/default/sso").await;
    assert_eq!(page.status, 200);
    for offer in ["Generate token</button>", "role=\"switch\"", "/provider", "/console/tenants"] {
        assert!(!page.body.contains(offer), "{offer}");
    }
}

#[actix_web::test]
async fn markup_in_names_is_text_on_every_page() {
    const MARKUP: &str = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>";
    let house = House::new();
    let mut operator = house.enter("ada@example.com", "operator", None).await;
    let (_, link) = house.manage.create_administrator("eve@example.com", "", "admin", Some("default")).unwrap();
    let mut eve = Browser::default();
    let path = format!("/console/setup/{}", link.code.expose());
    eve.post(&house, &path, &[("name", MARKUP), ("password", PASSWORD)]).await;
    house.manage.set_tenant("default", &[("name".to_owned(), MARKUP.to_owned())]).unwrap();
    let connection = house.connection("default");
    house.manage.set_connection(&connection, &[("name".to_owned(), MARKUP.to_owned())]).unwrap();
    house.manage.create_connection("default", Preset::Okta, Some(MARKUP), ConnectionState::Off).unwrap();
    let tokens = format!("/console/t/default/connections/{connection}/tokens");
    let dialog = eve.post(&house, &tokens, &[("known", "0"), ("name", MARKUP)]).await;
    assert_eq!(dialog.status, 200);
    let token = house.manage.tokens(Some("default")).unwrap()[0].2.id.to_string();
    let mut bodies = vec![dialog.body];
    for path in [
        "/console/tenants".to_owned(),
        "/console/tenants?q=%3Cscript%3E%22".to_owned(),
        "/console/tenants?q=%3Cscript%3Enothing".to_owned(),
        "/console/t/default/sso".to_owned(),
        format!("/console/t/default/connections/{connection}/provider"),
        format!("/console/t/default/tokens/{token}/revoke"),
        "/console/authenticate?next=%22%3E%3Cscript%3E".to_owned(),
        "/console/%3Cscript%3Ealert(1)".to_owned(),
    ] {
        bodies.push(eve.get(&house, &path).await.body);
        bodies.push(operator.get(&house, &path).await.body);
    }
    let wrong = [("email", MARKUP), ("password", "x"), ("next", MARKUP)];
    bodies.push(Browser::default().post(&house, "/console/sign-in", &wrong).await.body);
    assert!(
        bodies.iter().filter(|body| body.contains("&#60;script&#62;") || body.contains("&lt;script&gt;")).count() >= 6
    );
    for body in bodies {
        assert!(!body.contains("<script>") && !body.contains("<img"), "{body}");
    }
}

#[actix_web::test]
async fn tenants_are_found_by_name_slug_and_host() {
    let house = House::new();
    house.manage.create_tenant("acme", Some("Acme Corp"), &["acme.example.com".to_owned()], false).unwrap();
    let mut operator = house.enter("ada@example.com", "operator", None).await;
    for (asked, expected) in [("ACME", true), ("corp", true), ("acme.example", true), ("globex", false)] {
        let page = operator.get(&house, &format!("/console/tenants?q={asked}")).await;
        assert_eq!(page.body.contains("/console/t/acme/sso"), expected, "{asked}");
        assert!(!page.body.contains("/console/t/other/sso"), "{asked}");
    }
    let page = operator.get(&house, "/console/t/acme/sso").await;
    assert!(page.body.contains("headcount tenant set acme entitled=true"), "{}", page.body);
}
