//! What the links lead to by which administrators come in.

use askama::Template;
use headcount_model::Secret;
use headcount_service::administration::{Acceptance, AccessError, Field, OpenLink};

use crate::{
    pages::account::enter,
    reply::{Refusal, Reply, Shell, capital},
    request::Visit,
};

#[derive(Template)]
#[template(path = "setup.html")]
struct SetupPage {
    shell: Shell,
    code: String,
    lead: &'static str,
    /// The address that is asked for, or known.
    email: String,
    asks_email: bool,
    /// The name that is asked for.
    name: String,
    asks_name: bool,
    button: &'static str,
    email_error: Option<String>,
    name_error: Option<String>,
    password_error: Option<String>,
}

impl SetupPage {
    fn new(visit: &Visit<'_>, link: &OpenLink) -> Self {
        let (title, lead, button) = match link {
            OpenLink::FirstAdministrator => (
                "Set up Headcount",
                "You are the first here. You become an operator, who sees all tenants and can make other administrators.",
                "Create the first administrator",
            ),
            OpenLink::Invitation(_) => (
                "Choose a password",
                "You were invited to the console, from which an identity provider is connected.",
                "Set password and sign in",
            ),
            OpenLink::PasswordReset(_) => (
                "Choose a new password",
                "Your old password, and every browser that is signed in with it, ends with this.",
                "Set password and sign in",
            ),
        };
        let known = match link {
            OpenLink::FirstAdministrator => None,
            OpenLink::Invitation(one) | OpenLink::PasswordReset(one) => Some(one),
        };
        Self {
            shell: Shell::bare(title, visit.request.theme()),
            code: visit.part("code").to_owned(),
            lead,
            email: known.map(|one| one.email.clone()).unwrap_or_default(),
            asks_email: known.is_none(),
            name: known.map(|one| one.name.clone()).unwrap_or_default(),
            asks_name: !matches!(link, OpenLink::PasswordReset(_)),
            button,
            email_error: None,
            name_error: None,
            password_error: None,
        }
    }
}

/// The form of a link.
pub(crate) fn show(visit: &Visit<'_>) -> Result<Reply, Refusal> {
    let link = visit.console.options.administration.open_link(visit.part("code"))?;
    Reply::page(&SetupPage::new(visit, &link))
}

/// Uses a link.
pub(crate) fn accept(visit: &Visit<'_>) -> Result<Reply, Refusal> {
    let (request, code) = (visit.request, visit.part("code"));
    let administration = &visit.console.options.administration;
    let link = administration.open_link(code)?;
    let acceptance = Acceptance {
        email: request.field("email").to_owned(),
        name: request.field("name").to_owned(),
        password: Secret::new(request.field("password")),
    };
    match administration.accept_link(code, &acceptance, request.session_secret().as_ref()) {
        Ok(begun) => Ok(enter(visit, &begun, "")),
        Err(AccessError::Invalid { field, sentence }) => {
            let mut page = SetupPage::new(visit, &link);
            if page.asks_email {
                page.email = acceptance.email;
            }
            page.name = acceptance.name;
            let sentence = Some(capital(&sentence));
            match field {
                Field::Email => page.email_error = sentence,
                Field::Name => page.name_error = sentence,
                Field::Password => page.password_error = sentence,
            }
            Reply::page_with(422, &page)
        }
        Err(error) => Err(error.into()),
    }
}
