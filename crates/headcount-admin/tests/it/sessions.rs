//! Signing in and out, cookies and headers.

use actix_web::http::Method;

use crate::browser::{Browser, House, PASSWORD};

#[actix_web::test]
async fn the_first_link_sets_the_console_up_once() {
    let house = House::new();
    let link = house.manage.first_administrator_link().unwrap().unwrap();
    let path = format!("/console/setup/{}", link.code.expose());
    let mut browser = Browser::default();
    let form = browser.get(&house, &path).await;
    assert!(form.status == 200 && form.body.contains("Create the first administrator"), "{}", form.body);
    let short = browser.post(&house, &path, &[("email", "ada@example.com"), ("password", "short")]).await;
    assert_eq!(short.status, 422);
    assert!(short.body.contains("at least 12 characters") && short.body.contains("ada@example.com"));
    let fields = [("email", "ada@example.com"), ("name", "Ada"), ("password", PASSWORD)];
    assert_eq!(browser.post(&house, &path, &fields).await.location(), "/console/");
    assert_eq!(browser.get(&house, "/console/").await.location(), "/console/tenants");
    let tenants = browser.get(&house, "/console/tenants").await;
    assert!(tenants.body.contains("The other"), "{}", tenants.body);
    assert_eq!(Browser::default().get(&house, &path).await.status, 404);
}

#[actix_web::test]
async fn signing_in_leads_where_one_wanted_and_nowhere_else() {
    let house = House::new();
    house.enter("ada@example.com", "operator", None).await;
    let mut browser = Browser::default();
    let away = browser.get(&house, "/console/t/default/sso").await;
    assert_eq!(away.location(), "/console/sign-in?next=/console/t/default/sso");
    let form = browser.get(&house, away.location()).await;
    assert_eq!(form.between("name=\"next\" value=\"", "\""), "/console/t/default/sso");
    let wrong = browser.post(&house, "/console/sign-in", &[("email", "ada@example.com"), ("password", "no")]).await;
    assert_eq!(wrong.status, 401);
    assert!(wrong.body.contains("do not match") && wrong.body.contains("After 4 more wrong tries"), "{}", wrong.body);
    for (next, expected) in [
        ("/console/t/default/sso", "/console/t/default/sso"),
        ("https://evil.example/", "/console/"),
        ("//evil.example", "/console/"),
    ] {
        let fields = [("email", "ada@example.com"), ("password", PASSWORD), ("next", next)];
        assert_eq!(browser.post(&house, "/console/sign-in", &fields).await.location(), expected);
    }
}

#[actix_web::test]
async fn a_session_that_somebody_else_chose_or_knew_is_not_the_one_signed_in() {
    let house = House::new();
    let before = house.enter("ada@example.com", "operator", None).await;
    let mut browser = before.clone();
    browser.post(&house, "/console/sign-in", &[("email", "ada@example.com"), ("password", PASSWORD)]).await;
    assert_ne!(browser.cookies["headcount"], before.cookies["headcount"]);
    assert_eq!(before.clone().get(&house, "/console/tenants").await.status, 303, "the one before has ended");
    assert_eq!(browser.get(&house, "/console/tenants").await.status, 200);
    let mut fixed = Browser::default();
    fixed.cookies.insert("headcount".to_owned(), "chosen".to_owned());
    fixed.post(&house, "/console/sign-in", &[("email", "ada@example.com"), ("password", PASSWORD)]).await;
    assert_ne!(fixed.cookies["headcount"], "chosen");
    let out = fixed.clone().post(&house, "/console/sign-out", &[]).await;
    assert_eq!(out.location(), "/console/sign-in");
    assert!(out.header("set-cookie").contains("Max-Age=0"));
    assert_eq!(fixed.get(&house, "/console/tenants").await.status, 303);
}

#[actix_web::test]
async fn the_cookie_is_kept_from_scripts_other_sites_and_where_it_can_be_plain_http() {
    for (url, name, is_secure) in
        [("http://127.0.0.1:8080", "headcount", false), ("https://scim.example.com", "__Host-headcount", true)]
    {
        let house = House::at(url);
        let (_, link) = house.manage.create_administrator("ada@example.com", "", "operator", None).unwrap();
        let path = format!("/console/setup/{}", link.code.expose());
        let answer = Browser::default().post(&house, &path, &[("password", PASSWORD)]).await;
        let cookie = answer.header("set-cookie");
        assert!(cookie.starts_with(&format!("{name}=")), "{cookie}");
        for flag in ["; Path=/;", "; HttpOnly", "; SameSite=Lax"] {
            assert!(cookie.contains(flag), "{flag} in {cookie}");
        }
        assert_eq!(cookie.contains("; Secure"), is_secure, "{cookie}");
        assert!(!cookie.contains("Domain"), "{cookie}");
        assert_eq!(!answer.header("strict-transport-security").is_empty(), is_secure);
    }
}

#[actix_web::test]
async fn every_page_has_the_headers_that_keep_it_safe() {
    let house = House::new();
    let mut operator = house.enter("ada@example.com", "operator", None).await;
    for path in ["/console/", "/console/tenants", "/console/t/default/sso", "/console/sign-in", "/console/nowhere"] {
        let answer = operator.get(&house, path).await;
        let policy = answer.header("content-security-policy");
        for part in ["default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "form-action 'self'"] {
            assert!(policy.contains(part), "{path}: {policy}");
        }
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("referrer-policy"), "same-origin");
        assert_eq!(answer.header("cache-control"), "no-store");
        for inline in ["style=", "<style", "onclick", "javascript:"] {
            assert!(!answer.body.contains(inline), "{path}: {inline}");
        }
    }
}

#[actix_web::test]
async fn the_stylesheet_and_the_script_may_be_kept_for_ever() {
    let house = House::new();
    let mut browser = Browser::default();
    let page = browser.get(&house, "/console/sign-in").await;
    for (before, kind) in
        [("href=\"", "text/css"), ("src=\"", "text/javascript"), ("rel=\"icon\" href=\"", "image/svg+xml")]
    {
        let path = page.between(before, "\"").to_owned();
        let asset = browser.get(&house, &path).await;
        assert_eq!(asset.status, 200, "{path}");
        assert!(asset.header("content-type").starts_with(kind) && asset.header("cache-control").contains("immutable"));
        let request = browser.request(Method::GET, &path).insert_header(("if-none-match", asset.header("etag")));
        assert_eq!(house.send(request).await.status, 304);
    }
    assert_eq!(browser.get(&house, "/console/assets/../lib.rs").await.status, 404);
}

#[actix_web::test]
async fn the_appearance_is_kept_in_a_cookie() {
    let house = House::new();
    let mut browser = Browser::default();
    let answer = browser.post(&house, "/console/appearance", &[("theme", "dark"), ("back", "//evil.example")]).await;
    assert_eq!(answer.location(), "/console/");
    assert!(browser.get(&house, "/console/sign-in").await.body.contains("data-theme=\"dark\""));
    browser.post(&house, "/console/appearance", &[("theme", "\"><script>")]).await;
    assert!(!browser.get(&house, "/console/sign-in").await.body.contains("data-theme"));
}

#[actix_web::test]
async fn making_a_token_needs_the_password_within_a_quarter_of_an_hour_and_a_new_secret_follows() {
    let house = House::new();
    let mut admin = house.enter("ada@example.com", "admin", Some("default")).await;
    house.clock.advance_seconds(15 * 60 + 1);
    let tokens = format!("/console/t/default/connections/{}/tokens", house.connection("default"));
    let asked = admin.post(&house, &tokens, &[("known", "0")]).await;
    assert_eq!(asked.location(), "/console/authenticate?next=/console/t/default/sso");
    assert_eq!(house.manage.tokens(Some("default")).unwrap(), []);
    let form = admin.get(&house, asked.location()).await;
    assert!(form.body.contains("ada@example.com"), "{}", form.body);
    let before = admin.cookies["headcount"].clone();
    let fields = |password| [("next", "/console/t/default/sso"), ("password", password)];
    assert_eq!(admin.post(&house, "/console/authenticate", &fields("wrong")).await.status, 401);
    assert_eq!(admin.cookies["headcount"], before);
    let given = admin.post(&house, "/console/authenticate", &fields(PASSWORD)).await;
    assert_eq!(given.location(), "/console/t/default/sso");
    assert_ne!(admin.cookies["headcount"], before);
    assert_eq!(admin.post(&house, &tokens, &[("known", "0")]).await.status, 200);
}
