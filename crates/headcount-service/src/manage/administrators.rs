//! Administrators of the console, as the command line makes them.

use base64::Engine;
use headcount_model::{Administrator, EventKind, PublicId, Role, Secret, Tenant, Timestamp};
use headcount_store::{
    StoreError,
    administrators::{AdministratorChange, Link, Purpose, SecretDigest},
};
use scim_schema::fold::fold;
use serde_json::json;

use super::{Manage, ManageError};

/// How long an invitation, and the link for the first administrator, is good, in seconds.
const INVITATION_S: i64 = 7 * 86_400;
/// How long a link for a new password is good, in seconds.
const RESET_S: i64 = 86_400;

/// A link that was just made: the only moment its code exists.
#[derive(Clone, Debug)]
pub struct MadeLink {
    /// The code, the last part of `<public_url>/console/setup/<code>`.
    pub code: Secret,
    /// When the link ends.
    pub expires: Timestamp,
}

impl Manage {
    /// Makes the link for the first administrator while there is none; every earlier one is void then.
    ///
    /// # Errors
    /// [`ManageError::Store`].
    pub fn first_administrator_link(&self) -> Result<Option<MadeLink>, ManageError> {
        let (made, is_kept) = self.make_link(Purpose::FirstAdministrator, INVITATION_S)?;
        Ok(is_kept.then_some(made))
    }

    /// Makes an administrator, and the link by which they choose their password. `role` is `operator`,
    /// `admin` or `viewer`.
    ///
    /// # Errors
    /// [`ManageError::Invalid`] for an address that is none or a role without its place,
    /// [`ManageError::NotFound`] for the tenant, [`ManageError::Taken`] for the address.
    pub fn create_administrator(
        &self,
        email: &str,
        name: &str,
        role: &str,
        tenant: Option<&str>,
    ) -> Result<(Administrator, MadeLink), ManageError> {
        let (email, email_key) = parse_email(email)?;
        let tenant = tenant.map(|tenant| self.tenant(tenant)).transpose()?;
        let role = parse_role(role, tenant.as_ref())?;
        let new = Administrator {
            id: self.mint(),
            email,
            email_key,
            name: parse_name(name)?,
            role,
            created: self.clock.now(),
            password_set: None,
            disabled: None,
        };
        let event = self
            .event(EventKind::AdministratorCreated, &json!({"administrator": new.id.as_str(), "role": role.as_str()}));
        self.store.administrators().insert(&new, None, &event).map_err(|error| taken(error, &new.email))?;
        let (link, _) = self.make_link(Purpose::Invitation(new.id.clone()), INVITATION_S)?;
        Ok((new, link))
    }

    /// All administrators with their tenants, by address.
    ///
    /// # Errors
    /// [`ManageError::Store`].
    pub fn administrators(&self) -> Result<Vec<(Administrator, Option<Tenant>)>, ManageError> {
        let tenants = self.store.list_tenants()?;
        let all = self.store.administrators().list()?;
        let with_tenant = |one: Administrator| {
            let tenant = one.role.tenant().and_then(|key| tenants.iter().find(|tenant| tenant.key == key));
            (one, tenant.cloned())
        };
        Ok(all.into_iter().map(with_tenant).collect())
    }

    /// The administrator of this address or id.
    ///
    /// # Errors
    /// [`ManageError::NotFound`].
    pub fn administrator(&self, email_or_id: &str) -> Result<Administrator, ManageError> {
        let store = self.store.administrators();
        let found = match store.find_by_email(&fold(email_or_id.trim()))? {
            Some(found) => Some(found),
            None => store.find(&PublicId::from_text(email_or_id))?,
        };
        found.map(|(one, _)| one).ok_or_else(|| {
            ManageError::NotFound(format!(
                "there is no administrator '{email_or_id}'; `headcount admin list` shows those there are"
            ))
        })
    }

    /// Makes a link by which an administrator sets a new password, and voids earlier ones. The old
    /// password stays good until the link is used. One who has not come in yet is invited anew.
    ///
    /// # Errors
    /// [`ManageError::NotFound`], [`ManageError::Invalid`] for one who is disabled.
    pub fn reset_administrator_password(&self, email_or_id: &str) -> Result<(Administrator, MadeLink), ManageError> {
        let one = self.administrator(email_or_id)?;
        if one.disabled.is_some() {
            return Err(ManageError::Invalid(format!(
                "{} is disabled, and a new password would let nobody in; enable the administrator first with `headcount admin enable {}`",
                one.email, one.email
            )));
        }
        let (purpose, lifetime_s) = match one.password_set {
            Some(_) => (Purpose::PasswordReset(one.id.clone()), RESET_S),
            None => (Purpose::Invitation(one.id.clone()), INVITATION_S),
        };
        let (link, _) = self.make_link(purpose, lifetime_s)?;
        Ok((one, link))
    }

    /// Disables an administrator, who is signed out everywhere from then on, or enables one again.
    ///
    /// # Errors
    /// [`ManageError::NotFound`], [`ManageError::Invalid`] for the last operator who can sign in.
    pub fn set_administrator_state(
        &self,
        email_or_id: &str,
        state: AdministratorState,
    ) -> Result<Administrator, ManageError> {
        let one = self.administrator(email_or_id)?;
        let disabled = match state {
            AdministratorState::Enabled => None,
            AdministratorState::Disabled => Some(one.disabled.unwrap_or_else(|| self.clock.now())),
        };
        let is_operator = |one: &Administrator| one.role == Role::Operator && one.disabled.is_none();
        if disabled.is_some() && is_operator(&one) {
            let all = self.store.administrators().list()?;
            if !all.iter().any(|other| other.id != one.id && other.password_set.is_some() && is_operator(other)) {
                return Err(ManageError::Invalid(format!(
                    "{} is the only operator who can sign in; make another one first with `headcount admin create`",
                    one.email
                )));
            }
        }
        let event = self.event(
            EventKind::AdministratorChanged,
            &json!({"administrator": one.id.as_str(), "disabled": disabled.is_some()}),
        );
        let change = AdministratorChange { disabled: Some(disabled), ..AdministratorChange::default() };
        Ok(self.store.administrators().change(&one.id, &change, &event)?)
    }

    /// Keeps a fresh link; the second value tells whether it was kept.
    fn make_link(&self, purpose: Purpose, lifetime_s: i64) -> Result<(MadeLink, bool), ManageError> {
        let code = random_text(&*self.entropy);
        let created = self.clock.now();
        let expires = created.plus_seconds(lifetime_s);
        let link = Link { digest: SecretDigest::of(&code), purpose, created, expires };
        let is_kept = self.store.administrators().insert_link(&link)?;
        Ok((MadeLink { code, expires }, is_kept))
    }
}

/// Whether an administrator may sign in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AdministratorState {
    /// The administrator may.
    Enabled,
    /// The administrator may not.
    Disabled,
}

/// A secret of 256 random bits that can stand in a path and in a cookie.
pub(crate) fn random_text(entropy: &dyn headcount_model::Entropy) -> Secret {
    let mut bytes = [0_u8; 32];
    entropy.fill(&mut bytes);
    Secret::new(base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes))
}

/// An e-mail address as it is shown, and in its comparison form.
///
/// # Errors
/// [`ManageError::Invalid`].
pub(crate) fn parse_email(text: &str) -> Result<(String, String), ManageError> {
    let text = text.trim();
    let is_plain = |c: char| !c.is_whitespace() && !c.is_control();
    let has_both = text.split_once('@').is_some_and(|(name, host)| !name.is_empty() && !host.is_empty());
    if has_both && text.len() <= 254 && text.matches('@').count() == 1 && text.chars().all(is_plain) {
        Ok((text.to_owned(), fold(text).into_owned()))
    } else {
        Err(ManageError::Invalid(format!("'{text}' is no e-mail address; write it as ada@example.com")))
    }
}

/// A name for people; empty is none.
///
/// # Errors
/// [`ManageError::Invalid`].
pub(crate) fn parse_name(text: &str) -> Result<String, ManageError> {
    let text = text.trim();
    if text.chars().count() <= 100 && !text.chars().any(char::is_control) {
        Ok(text.to_owned())
    } else {
        Err(ManageError::Invalid("a name has at most 100 characters, in one line".to_owned()))
    }
}

fn parse_role(word: &str, tenant: Option<&Tenant>) -> Result<Role, ManageError> {
    Role::parse(word, tenant.map(|tenant| tenant.key)).ok_or_else(|| {
        ManageError::Invalid(match (word, tenant) {
            ("operator", Some(_)) => {
                "an operator sees all tenants; leave --tenant away, or choose the role admin or viewer".to_owned()
            }
            ("admin", None) => "an admin belongs to one tenant; name it with --tenant".to_owned(),
            _ => format!("'{word}' is no role; it is operator, admin or viewer"),
        })
    })
}

pub(crate) fn taken(error: StoreError, email: &str) -> ManageError {
    match error {
        StoreError::Unique { attribute } if attribute == "email" => {
            ManageError::Taken(format!("there is an administrator {email} already; choose another address"))
        }
        error => ManageError::Store(error),
    }
}
