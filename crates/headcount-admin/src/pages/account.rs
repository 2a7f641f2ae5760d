//! Signing in and out, giving the password again, the appearance.

use askama::Template;
use headcount_model::Secret;
use headcount_service::administration::{AccessError, Begun};

use crate::{
    reply::{Refusal, Reply, Shell, capital},
    request::Visit,
    routes::safe_path,
};

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignInPage {
    shell: Shell,
    email: String,
    next: String,
    /// What went wrong, in a title and a sentence.
    error: Option<(String, String)>,
}

#[derive(Template)]
#[template(path = "again.html")]
struct AgainPage {
    shell: Shell,
    next: String,
    error: Option<(String, String)>,
}

/// `/console/`: to where the administrator works.
pub(crate) fn home(visit: &Visit<'_>) -> Result<Reply, Refusal> {
    let Some(tenant) = visit.who()?.administrator.role.tenant() else { return Ok(Reply::see("/console/tenants")) };
    let tenants = visit.manage()?.tenants()?;
    let own = tenants.iter().find(|known| known.key == tenant).ok_or_else(Refusal::not_found)?;
    Ok(Reply::see(format!("/console/t/{}/sso", own.slug)))
}

/// The form.
pub(crate) fn sign_in_form(visit: &Visit<'_>) -> Result<Reply, Refusal> {
    if visit.signed_in.is_some() {
        return Ok(Reply::see("/console/"));
    }
    let next = visit.request.parameter("next").and_then(safe_path).unwrap_or_default();
    let shell = visit.shell("Sign in");
    Reply::page(&SignInPage { shell, email: String::new(), next: next.to_owned(), error: None })
}

/// Signs in.
pub(crate) fn sign_in(visit: &Visit<'_>) -> Result<Reply, Refusal> {
    let request = visit.request;
    let (email, next) = (request.field("email"), safe_path(request.field("next")).unwrap_or_default());
    let password = Secret::new(request.field("password"));
    let begun = visit.console.options.administration.sign_in(
        email,
        &password,
        request.address,
        request.session_secret().as_ref(),
    );
    match begun {
        Ok(begun) => Ok(enter(visit, &begun, next)),
        Err(error) => {
            let (status, error) = wrong(error)?;
            let page = SignInPage {
                shell: visit.shell("Sign in"),
                email: email.to_owned(),
                next: next.to_owned(),
                error: Some(error),
            };
            Reply::page_with(status, &page)
        }
    }
}

/// Signs out.
pub(crate) fn sign_out(visit: &Visit<'_>) -> Result<Reply, Refusal> {
    if let Some(secret) = visit.request.session_secret() {
        visit.console.options.administration.sign_out(&secret)?;
    }
    Ok(Reply::see("/console/sign-in").with_session(None, visit.request.is_https))
}

/// The form that asks for the password again.
pub(crate) fn again_form(visit: &Visit<'_>) -> Result<Reply, Refusal> {
    let next = visit.request.parameter("next").and_then(safe_path).unwrap_or_default();
    Reply::page(&AgainPage { shell: visit.shell("Your password"), next: next.to_owned(), error: None })
}

/// Takes the password again.
pub(crate) fn again(visit: &Visit<'_>) -> Result<Reply, Refusal> {
    let request = visit.request;
    let next = safe_path(request.field("next")).unwrap_or_default();
    let Some(secret) = request.session_secret() else { return Err(Refusal::SignIn(String::new())) };
    let password = Secret::new(request.field("password"));
    let administration = &visit.console.options.administration;
    match administration.authenticate_again(visit.who()?, &password, request.address, &secret) {
        Ok(begun) => Ok(enter(visit, &begun, next)),
        Err(error) => {
            let (status, error) = wrong(error)?;
            let page = AgainPage { shell: visit.shell("Your password"), next: next.to_owned(), error: Some(error) };
            Reply::page_with(status, &page)
        }
    }
}

/// Chooses light, dark or the system's appearance.
#[expect(clippy::unnecessary_wraps, reason = "the table of routes holds functions of one form")]
pub(crate) fn appearance(visit: &Visit<'_>) -> Result<Reply, Refusal> {
    let theme = match visit.request.field("theme") {
        "light" => Some("light"),
        "dark" => Some("dark"),
        _ => None,
    };
    let back = safe_path(visit.request.field("back")).unwrap_or("/console/");
    Ok(Reply::see(back).with_theme(theme))
}

/// To where somebody wanted who is signed in now.
pub(crate) fn enter(visit: &Visit<'_>, begun: &Begun, next: &str) -> Reply {
    let next = if next.is_empty() { "/console/" } else { next };
    Reply::see(next).with_session(Some(begun.secret.expose()), visit.request.is_https)
}

/// What to say about a failed try, with its status; what is no try is refused.
fn wrong(error: AccessError) -> Result<(u16, (String, String)), Refusal> {
    let (status, title) = match &error {
        AccessError::Wrong { .. } => (401, "E-mail address and password do not match"),
        AccessError::Paused { .. } => (429, "Signing in pauses"),
        _ => return Err(error.into()),
    };
    Ok((status, (title.to_owned(), capital(&error.to_string()))))
}
