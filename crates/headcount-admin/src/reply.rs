//! Answers: pages, ways to other pages, refusals.

use actix_web::{
    HttpResponse,
    http::{
        StatusCode,
        header::{
            CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue, LOCATION,
            REFERRER_POLICY, SET_COOKIE, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS,
        },
    },
};
use askama::Template;
use headcount_model::Role;
use headcount_service::{administration::AccessError, manage::ManageError};
use headcount_store::StoreError;
use headcount_token::TokenError;

use crate::{
    assets::{ICON, SCRIPT, STYLESHEET},
    request::{PLAIN_COOKIE, SECURE_COOKIE, THEME_COOKIE, Visit},
};

/// Nothing from elsewhere, nothing inline, in no frame.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// An answer.
#[derive(Debug)]
pub(crate) struct Reply {
    status: u16,
    html: String,
    location: Option<String>,
    cookies: Vec<String>,
    holds_secret: bool,
}

impl Reply {
    /// A page.
    pub(crate) fn page(template: &impl Template) -> Result<Self, Refusal> {
        Self::page_with(200, template)
    }

    /// A page with another status.
    pub(crate) fn page_with(status: u16, template: &impl Template) -> Result<Self, Refusal> {
        let html = template.render().map_err(|error| {
            tracing::error!(%error, "a page could not be rendered");
            Refusal::failed("a page could not be rendered")
        })?;
        Ok(Self { status, html, location: None, cookies: Vec::new(), holds_secret: false })
    }

    /// The way to another page, which is read and not sent anything.
    pub(crate) fn see(path: impl Into<String>) -> Self {
        let location = Some(path.into());
        Self { status: 303, html: String::new(), location, cookies: Vec::new(), holds_secret: false }
    }

    /// Marks a page that shows a secret: it is not compressed, since its length would tell of it.
    pub(crate) fn with_secret(self) -> Self {
        Self { holds_secret: true, ..self }
    }

    /// Sets the cookie of the session, or takes it away.
    pub(crate) fn with_session(mut self, secret: Option<&str>, is_https: bool) -> Self {
        let name = if is_https { SECURE_COOKIE } else { PLAIN_COOKIE };
        let age = if secret.is_some() { "" } else { "; Max-Age=0" };
        let secure = if is_https { "; Secure" } else { "" };
        let value = secret.unwrap_or_default();
        self.cookies.push(format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax{secure}{age}"));
        self
    }

    /// Sets the cookie of the appearance, or takes it away.
    pub(crate) fn with_theme(mut self, theme: Option<&str>) -> Self {
        let (value, age) = theme.map_or(("", 0), |theme| (theme, 365 * 86_400));
        self.cookies.push(format!("{THEME_COOKIE}={value}; Path=/console; HttpOnly; SameSite=Lax; Max-Age={age}"));
        self
    }

    pub(crate) fn into_response(self, is_https: bool) -> HttpResponse {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut answer = HttpResponse::build(status);
        answer
            .insert_header((CONTENT_SECURITY_POLICY, POLICY))
            .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
            // Codes of links stand in paths; other sites are told nothing. `no-referrer` would take the
            // origin out of our own forms.
            .insert_header((REFERRER_POLICY, "same-origin"))
            .insert_header((HeaderName::from_static("cross-origin-opener-policy"), "same-origin"))
            .insert_header((CACHE_CONTROL, "no-store"));
        if is_https {
            answer.insert_header((STRICT_TRANSPORT_SECURITY, "max-age=31536000"));
        }
        if self.holds_secret {
            answer.insert_header((CONTENT_ENCODING, HeaderValue::from_static("identity")));
        }
        for cookie in self.cookies {
            answer.append_header((SET_COOKIE, cookie));
        }
        match self.location {
            Some(path) => answer.insert_header((LOCATION, path)).finish(),
            None => answer.insert_header((CONTENT_TYPE, "text/html; charset=utf-8")).body(self.html),
        }
    }
}

/// What every page has around it.
#[derive(Debug)]
pub(crate) struct Shell {
    pub(crate) title: String,
    pub(crate) theme: Option<&'static str>,
    pub(crate) stylesheet: String,
    pub(crate) script: String,
    pub(crate) icon: String,
    /// Name, address and role of who is signed in.
    pub(crate) who: Option<[String; 3]>,
    /// Slug and name of the tenant.
    pub(crate) tenant: Option<(String, String)>,
    /// Whether the list of all tenants is theirs to see.
    pub(crate) sees_all: bool,
    /// The path to come back to after a small act.
    pub(crate) back: String,
    pub(crate) version: &'static str,
}

impl Shell {
    pub(crate) fn new(title: &str, theme: Option<&'static str>, visit: &Visit<'_>) -> Self {
        let role = visit.signed_in.as_ref().map(|who| who.administrator.role);
        let is_read = visit.request.method == "GET";
        Self {
            who: visit.signed_in.as_ref().map(|who| {
                let one = &who.administrator;
                [one.shown_name().to_owned(), one.email.clone(), role_name(one.role).to_owned()]
            }),
            tenant: visit.tenant.as_ref().map(|tenant| (tenant.slug.clone(), tenant.name.clone())),
            sees_all: role.is_some_and(|role| role.tenant().is_none()),
            back: if is_read { visit.request.path.clone() } else { "/console/".to_owned() },
            ..Self::bare(title, theme)
        }
    }

    /// Around a page that knows nobody.
    pub(crate) fn bare(title: &str, theme: Option<&'static str>) -> Self {
        Self {
            title: title.to_owned(),
            theme,
            stylesheet: STYLESHEET.path(),
            script: SCRIPT.path(),
            icon: ICON.path(),
            who: None,
            tenant: None,
            sees_all: false,
            back: "/console/".to_owned(),
            version: env!("CARGO_PKG_VERSION"),
        }
    }
}

/// The name of a role for people.
pub(crate) fn role_name(role: Role) -> &'static str {
    match role {
        Role::Operator => "Operator",
        Role::Admin(_) => "Tenant admin",
        Role::Viewer(Some(_)) => "Viewer",
        Role::Viewer(None) => "Viewer of all tenants",
    }
}

/// Why there is no page.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// Nobody is signed in; who signs in comes back to this path.
    SignIn(String),
    /// The password was given too long ago; who gives it comes back to this path.
    Again(String),
    /// What happened, why, and what to do.
    Told { status: u16, what: String, why: String, remedy: String },
}

#[derive(Template)]
#[template(path = "refused.html")]
struct RefusedPage {
    shell: Shell,
    what: String,
    why: String,
    remedy: String,
}

impl Refusal {
    pub(crate) fn told(status: u16, what: &str, why: &str, remedy: &str) -> Self {
        Self::Told { status, what: what.to_owned(), why: why.to_owned(), remedy: remedy.to_owned() }
    }

    pub(crate) fn not_found() -> Self {
        Self::told(
            404,
            "There is no such page",
            "The address is mistyped, or what it showed was removed, or belongs to a tenant that is not yours.",
            "Go back to where you came from, or start again from the console.",
        )
    }

    pub(crate) fn forbidden() -> Self {
        Self::told(
            403,
            "Your role does not allow this",
            "You can look at this tenant, and change nothing here. Nothing was changed.",
            "Ask an operator, or the tenant's admin, to do it or to give you another role.",
        )
    }

    pub(crate) fn cross_site() -> Self {
        Self::told(
            403,
            "This was not sent from the console",
            "The browser says that another site, or nobody it can name, sent it, and what changes something is taken from our own pages only. Nothing was changed.",
            "Open the page in the console and press the button there. Behind a proxy, let the Host header through as the browser sent it.",
        )
    }

    pub(crate) fn too_long() -> Self {
        Self::told(
            413,
            "The form is too long",
            "No form of the console takes more than 16 KiB. Nothing was changed.",
            "Go back and shorten what you wrote.",
        )
    }

    pub(crate) fn busy() -> Self {
        Self::told(
            503,
            "The server is busy",
            "The database, or what checks passwords, did not answer in time. Nothing was changed.",
            "Try again in a few seconds.",
        )
    }

    /// Something of ours failed; the reason is logged and not shown.
    pub(crate) fn failed(reason: &str) -> Self {
        tracing::error!(reason, "a page of the console failed");
        Self::told(
            500,
            "The page could not be made",
            "Something in the server failed, and was written to its log.",
            "Try again; if it stays, tell the operator when it happened.",
        )
    }

    pub(crate) fn into_reply(self, theme: Option<&'static str>) -> Reply {
        match self {
            Self::SignIn(next) if next.is_empty() => Reply::see("/console/sign-in"),
            Self::SignIn(next) => Reply::see(format!("/console/sign-in?next={next}")),
            Self::Again(next) => Reply::see(format!("/console/authenticate?next={next}")),
            Self::Told { status, what, why, remedy } => {
                let page = RefusedPage { shell: Shell::bare(&what, theme), what, why, remedy };
                Reply::page_with(status, &page).unwrap_or_else(|_| Reply {
                    status: 500,
                    html: String::new(),
                    location: None,
                    cookies: Vec::new(),
                    holds_secret: false,
                })
            }
        }
    }
}

/// What a failure of the store means to whoever looks at a page. The details are logged here, once.
fn of_store(error: &StoreError) -> Refusal {
    if let StoreError::Busy(_) = error {
        return Refusal::busy();
    }
    let cause: &(dyn std::error::Error + 'static) = error;
    tracing::error!(error = cause, "the store failed under a page of the console");
    match error {
        StoreError::Unknown(_) => Refusal::told(
            503,
            "Whether it was done is not known",
            "The database went away while the change was saved.",
            "Open the page again and look whether the change is there before you repeat it.",
        ),
        _ => Refusal::failed("the store failed"),
    }
}

fn of_hashing(error: &TokenError) -> Refusal {
    if *error == TokenError::Busy { Refusal::busy() } else { Refusal::failed(&error.to_string()) }
}

impl From<ManageError> for Refusal {
    fn from(error: ManageError) -> Self {
        match error {
            ManageError::NotFound(_) => Self::not_found(),
            ManageError::Invalid(sentence) | ManageError::Taken(sentence) => Self::told(
                400,
                "That cannot be done so",
                &capital(&sentence),
                "Nothing was changed. Go back, change it, and try again.",
            ),
            ManageError::Store(error) => of_store(&error),
            ManageError::Token(error) | ManageError::Password(error) => of_hashing(&error),
            error => Self::failed(&error.to_string()),
        }
    }
}

impl From<AccessError> for Refusal {
    fn from(error: AccessError) -> Self {
        match error {
            AccessError::Store(error) => of_store(&error),
            AccessError::Hashing(error) => of_hashing(&error),
            AccessError::Link => Self::told(
                404,
                "This link does not work any more",
                &capital(&error.to_string()),
                "If you have chosen a password with it already, sign in.",
            ),
            error => Self::told(400, "That cannot be done so", &capital(&error.to_string()), "Go back and try again."),
        }
    }
}

/// A sentence with its first letter as a capital, and its full stop.
pub(crate) fn capital(sentence: &str) -> String {
    let mut letters = sentence.chars();
    let first: String = letters.next().into_iter().flat_map(char::to_uppercase).collect();
    let stop = if sentence.ends_with(['.', '?']) { "" } else { "." };
    format!("{first}{}{stop}", letters.as_str())
}
