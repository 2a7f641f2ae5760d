//! Who may come: the whole table of routes against everybody there is.

use actix_web::http::Method;
use headcount_admin::routes::{Access, ROUTES, Route};
use headcount_model::{Deed, ScopeSet};

use crate::browser::{Browser, House};

/// A path of the route for the tenant `default`, with a connection and a token that are there.
fn path(route: &Route, house: &House, token: &str) -> String {
    route
        .path
        .replace("{tenant}", "default")
        .replace("{connection}", &house.connection("default"))
        .replace("{token}", token)
        .replace("{code}", "no-such-code")
}

/// What an answer says about who asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Verdict {
    /// The page ran.
    In,
    /// Sign in first.
    SignIn,
    /// It is as if it were not there.
    Absent,
    /// It may be looked at and not changed.
    Refused,
}

async fn verdict(house: &House, browser: &Browser, route: &Route, path: &str) -> Verdict {
    let mut browser = browser.clone();
    let answer = match route.method {
        "GET" => browser.get(house, path).await,
        _ => browser.post(house, path, &[("state", "on"), ("preset", "okta"), ("known", "none")]).await,
    };
    match (answer.status, answer.location()) {
        (303, location) if location.starts_with("/console/sign-in") => Verdict::SignIn,
        (404, _) => Verdict::Absent,
        (403, _) => Verdict::Refused,
        (200 | 303 | 401 | 409 | 429, _) => Verdict::In,
        (status, _) => panic!("{} {path}: {status} {}", route.method, answer.body),
    }
}

#[actix_web::test]
#[expect(clippy::match_same_arms, reason = "the arms are a table, read from the top")]
async fn every_route_lets_in_whom_the_table_says_and_nobody_else() {
    let house = House::new();
    let made = house.manage.create_token("default", None, "", ScopeSet::default(), None).unwrap();
    let mut scim = Browser::default();
    scim.cookies.insert("headcount".to_owned(), made.token.text().expose().to_owned());
    let people = [
        ("nobody", Browser::default()),
        ("a SCIM token", scim),
        ("operator", house.enter("operator@example.com", "operator", None).await),
        ("admin", house.enter("admin@example.com", "admin", Some("default")).await),
        ("viewer", house.enter("viewer@example.com", "viewer", Some("default")).await),
        ("viewer of all", house.enter("all@example.com", "viewer", None).await),
        ("admin of another", house.enter("other@example.com", "admin", Some("other")).await),
    ];
    let mut cells = 0;
    for route in ROUTES {
        let path = path(route, &house, made.record.id.as_str());
        for (who, browser) in &people {
            // Its own session is not ended for those that come after.
            if route.path.ends_with("sign-out") && !matches!(*who, "nobody" | "a SCIM token") {
                continue;
            }
            let expected = match (route.access, *who) {
                (Access::Public, _) if route.path.contains("setup") => Verdict::Absent,
                (Access::Public, _) => Verdict::In,
                (_, "nobody" | "a SCIM token") => Verdict::SignIn,
                (Access::Installation(Deed::OwnAccount), _) | (_, "operator") => Verdict::In,
                (Access::Installation(_), "viewer of all") => Verdict::In,
                (Access::Installation(_), _) => Verdict::Absent,
                (Access::Tenant(_), "admin of another") => Verdict::Absent,
                (Access::Tenant(_), "admin") => Verdict::In,
                (Access::Tenant(Deed::SeeTenant), _) => Verdict::In,
                (Access::Tenant(_), _) => Verdict::Refused,
            };
            assert_eq!(verdict(&house, browser, route, &path).await, expected, "{who}: {} {path}", route.method);
            cells += 1;
        }
    }
    assert!(cells >= ROUTES.len() * 6, "{cells}");
}

#[actix_web::test]
async fn what_is_another_tenants_answers_as_if_it_were_not_there() {
    let house = House::new();
    let mut admin = house.enter("admin@example.com", "admin", Some("other")).await;
    let made = house.manage.create_token("default", None, "theirs", ScopeSet::default(), None).unwrap();
    let absent = admin.get(&house, "/console/t/nobody/sso").await;
    let foreign = admin.get(&house, "/console/t/default/sso").await;
    assert_eq!((foreign.status, &foreign.body), (404, &absent.body));
    // Another tenant's connection and token under the own tenant's path.
    let connection = house.connection("default");
    for path in [
        format!("/console/t/other/connections/{connection}/switch"),
        format!("/console/t/other/connections/{connection}/tokens"),
        format!("/console/t/other/tokens/{}/revoke", made.record.id),
    ] {
        assert_eq!(admin.post(&house, &path, &[("state", "off"), ("known", "1")]).await.status, 404, "{path}");
    }
    assert_eq!(house.manage.tokens(Some("default")).unwrap()[0].2.revoked, None);
}

#[actix_web::test]
async fn what_changes_something_is_taken_from_our_own_pages_only() {
    let house = House::new();
    let operator = house.enter("ada@example.com", "operator", None).await;
    let connection = house.connection("default");
    let routes: Vec<&Route> = ROUTES.iter().filter(|route| route.method == "POST").collect();
    let cases: [(&[(&str, &str)], bool); 8] = [
        (&[], false),
        (&[("sec-fetch-site", "cross-site")], false),
        (&[("sec-fetch-site", "same-site")], false),
        (&[("sec-fetch-site", "cross-site"), ("origin", "http://127.0.0.1:8080")], false),
        (&[("origin", "https://evil.example")], false),
        (&[("origin", "null")], false),
        (&[("origin", "http://127.0.0.1:8080")], true),
        (&[("sec-fetch-site", "none")], true),
    ];
    for route in routes {
        let path = path(route, &house, "none");
        for (headers, is_taken) in cases {
            let mut request = operator.request(Method::POST, &path).set_form([("preset", "okta")]);
            for header in headers {
                request = request.insert_header(*header);
            }
            if is_taken && route.path.ends_with("sign-out") {
                continue;
            }
            let answer = house.send(request).await;
            let is_refused = answer.status == 403 && answer.body.contains("not sent from the console");
            assert_eq!(is_refused, !is_taken, "{path} {headers:?}: {}", answer.status);
        }
    }
    // Other methods than those of forms reach nothing.
    for method in [Method::PUT, Method::DELETE, Method::PATCH, Method::OPTIONS] {
        let path = format!("/console/t/default/connections/{connection}/switch");
        let request = operator.request(method, &path).insert_header(("sec-fetch-site", "same-origin"));
        assert_eq!(house.send(request).await.status, 404);
    }
}
