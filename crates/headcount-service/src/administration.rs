//! Signing in to the console: links, passwords, sessions.
//!
//! What an administrator does once signed in is [`crate::Manage`]'s, with the administrator as its
//! actor; here is decided who that is.

mod attempts;

use std::{net::IpAddr, sync::Arc};

use headcount_model::{Actor, Administrator, Clock, Entropy, Event, EventKind, PublicId, Role, Secret, Timestamp};
use headcount_store::{
    Store, StoreError,
    administrators::{Purpose, Redemption, SecretDigest, Session},
};
use headcount_token::{PasswordHash, TokenError, Verifier};
use scim_schema::fold::fold;
use serde_json::json;

use self::attempts::{Attempts, Paused};
use crate::{
    manage::{
        ManageError,
        administrators::{parse_email, parse_name, random_text, taken},
    },
    password::prepared,
};

/// How long a session lives without being used, in seconds.
const IDLE_S: i64 = 12 * 3_600;
/// How long a session lives at most, in seconds.
const LIFETIME_S: i64 = 7 * 86_400;
/// How long after the password was given acts that need it fresh are allowed, in seconds.
const FRESH_S: i64 = 15 * 60;
/// How often the use of a session is noted, in seconds.
const NOTED_EVERY_S: i64 = 60;
/// Fewest characters of a password.
pub const MIN_PASSWORD_CHARS: usize = 12;
/// Most bytes of a password: hashing costs by length.
const MAX_PASSWORD_BYTES: usize = 1_024;

/// Why somebody does not get in. `Display` is a sentence for the page.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AccessError {
    /// The address or the password is wrong, or the administrator is disabled; which, is not told.
    #[error("check both and try again. After {left} more wrong tries, signing in pauses for 15 minutes")]
    Wrong {
        /// How many more wrong tries there are.
        left: u32,
    },
    /// Too many wrong tries.
    #[error(
        "there were too many wrong tries, so signing in pauses for {minutes} more minutes. Try again then, or ask an operator for a link that sets a new password, which works at once"
    )]
    Paused {
        /// How long it lasts, rounded up.
        minutes: i64,
    },
    /// What was written cannot be taken.
    #[error("{sentence}")]
    Invalid {
        /// The field of the form.
        field: Field,
        /// What is wrong and what to do.
        sentence: String,
    },
    /// The link is not good.
    #[error(
        "it has been used, has ended, or was replaced by a newer one. Ask whoever sent it for a new one; an operator makes it with `headcount admin reset-password`, and for the very first administrator `headcount serve` prints one at its next start"
    )]
    Link,
    /// The store failed.
    #[error("the database could not be used")]
    Store(#[from] StoreError),
    /// A password could not be hashed; [`TokenError::Busy`]: try again.
    #[error("the password could not be checked")]
    Hashing(#[source] TokenError),
}

/// A field of a form.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Field {
    /// The e-mail address.
    Email,
    /// The name.
    Name,
    /// The password.
    Password,
}

/// Somebody who is signed in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SignedIn {
    /// Who.
    pub administrator: Administrator,
    /// The session.
    pub session: Session,
}

impl SignedIn {
    /// Whether the password was given lately, as making tokens needs.
    #[must_use]
    pub fn is_fresh(&self, now: Timestamp) -> bool {
        (0..=FRESH_S).contains(&now.seconds_since(self.session.authenticated))
    }

    /// Who is named in journals.
    #[must_use]
    pub fn actor(&self) -> Actor {
        Actor::Administrator(self.administrator.id.clone())
    }
}

/// A session that was just begun, with its secret: the cookie's value.
#[derive(Clone, Debug)]
pub struct Begun {
    /// The secret.
    pub secret: Secret,
    /// Who is signed in by it.
    pub signed_in: SignedIn,
}

/// What a link is good for, as the page of it asks.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum OpenLink {
    /// It makes the first administrator.
    FirstAdministrator,
    /// It lets this administrator in for the first time.
    Invitation(Administrator),
    /// It sets a new password of this administrator.
    PasswordReset(Administrator),
}

/// What the page of a link is filled in with.
#[derive(Clone, Debug)]
pub struct Acceptance {
    /// The address; looked at for the first administrator only.
    pub email: String,
    /// The name; empty leaves it as it is.
    pub name: String,
    /// The password.
    pub password: Secret,
}

/// Signing in to the console; cheap to clone.
#[derive(Clone)]
pub struct Administration {
    inner: Arc<Inner>,
}

struct Inner {
    store: Arc<dyn Store>,
    verifier: Arc<Verifier>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    attempts: Attempts,
    /// What an unknown address is verified against, so that it takes as long as a known one.
    nobody: PasswordHash,
}

impl Administration {
    /// Over a store.
    ///
    /// # Errors
    /// [`TokenError`] if no password can be hashed.
    pub fn new(
        store: Arc<dyn Store>,
        verifier: Arc<Verifier>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Result<Self, TokenError> {
        let nobody = verifier.hash_password(&random_text(&*entropy), &*entropy)?;
        Ok(Self { inner: Arc::new(Inner { store, verifier, clock, entropy, attempts: Attempts::default(), nobody }) })
    }

    /// The time by its clock.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.inner.clock.now()
    }

    /// What the link of this code is good for now.
    ///
    /// # Errors
    /// [`AccessError::Link`], [`AccessError::Store`].
    pub fn open_link(&self, code: &str) -> Result<OpenLink, AccessError> {
        let found = self.inner.store.administrators().find_link(&digest(code))?;
        let Some((link, whose)) = found.filter(|(link, _)| self.now() < link.expires) else {
            return Err(AccessError::Link);
        };
        match (link.purpose, whose.filter(|whose| whose.disabled.is_none())) {
            (Purpose::FirstAdministrator, _) => Ok(OpenLink::FirstAdministrator),
            (Purpose::Invitation(_), Some(whose)) => Ok(OpenLink::Invitation(whose)),
            (Purpose::PasswordReset(_), Some(whose)) => Ok(OpenLink::PasswordReset(whose)),
            _ => Err(AccessError::Link),
        }
    }

    /// Uses the link of this code, once, and signs its administrator in.
    ///
    /// # Errors
    /// [`AccessError`]; a link whose acceptance was refused stays good.
    pub fn accept_link(
        &self,
        code: &str,
        acceptance: &Acceptance,
        replaced: Option<&Secret>,
    ) -> Result<Begun, AccessError> {
        let link = self.open_link(code)?;
        let now = self.now();
        let name = parse_name(&acceptance.name).map_err(|error| invalid(Field::Name, &error))?;
        let (email, email_key) = match &link {
            OpenLink::FirstAdministrator => {
                parse_email(&acceptance.email).map_err(|error| invalid(Field::Email, &error))?
            }
            OpenLink::Invitation(one) | OpenLink::PasswordReset(one) => (one.email.clone(), one.email_key.clone()),
        };
        check_password(&acceptance.password, &email_key)?;
        let hash = self.hash(&acceptance.password)?;
        let new = Administrator {
            id: PublicId::mint(now, &*self.inner.entropy),
            email,
            email_key: email_key.clone(),
            name: name.clone(),
            role: Role::Operator,
            created: now,
            password_set: Some(now),
            disabled: None,
        };
        let (redemption, id) = match &link {
            OpenLink::FirstAdministrator => (Redemption::First(&new, &hash), &new.id),
            OpenLink::Invitation(one) | OpenLink::PasswordReset(one) => {
                (Redemption::Password(Some(&*name).filter(|name| !name.is_empty()), &hash), &one.id)
            }
        };
        let event = self.event(EventKind::AdministratorPasswordSet, id);
        let store = self.inner.store.administrators();
        let redeemed = store.redeem_link(&digest(code), now, redemption, &event);
        let id = redeemed.map_err(|error| email_taken(error, &new.email))?.ok_or(AccessError::Link)?;
        // Whoever proved by a link who they are is not kept waiting for wrong tries before.
        self.inner.attempts.forgive(&email_key);
        let (administrator, _) = store.find(&id)?.ok_or(AccessError::Link)?;
        tracing::info!(administrator = %id, "a link was used to set a password");
        self.begin(administrator, replaced, AccessError::Link)
    }

    /// Signs in. `replaced` is the secret of a session that the browser had before; it ends, so that
    /// nobody who knew it is signed in by this.
    ///
    /// # Errors
    /// [`AccessError`].
    pub fn sign_in(
        &self,
        email: &str,
        password: &Secret,
        address: Option<IpAddr>,
        replaced: Option<&Secret>,
    ) -> Result<Begun, AccessError> {
        let email_key = fold(email.trim()).into_owned();
        let attempt = self.inner.attempts.begin(&email_key, address, self.now()).map_err(paused)?;
        let found = self.inner.store.administrators().find_by_email(&email_key)?;
        let (administrator, hash) = match found {
            Some((administrator, Some(hash))) if administrator.disabled.is_none() => (Some(administrator), hash),
            // SECURITY: an unknown address takes as long as a wrong password, and is told the same.
            _ => (None, self.inner.nobody.clone()),
        };
        let verified = self.verify(password, &hash);
        if matches!(&verified, Err(error) if *error != TokenError::Wrong) {
            // Nobody was told anything about the password, so it was no try.
            self.inner.attempts.take_back(&attempt);
        }
        match (verified, administrator) {
            (Ok(()), Some(administrator)) => {
                self.inner.attempts.succeed(&attempt);
                tracing::info!(administrator = %administrator.id, "an administrator signed in");
                self.begin(administrator, replaced, AccessError::Wrong { left: attempt.left })
            }
            (Ok(()) | Err(TokenError::Wrong), _) => Err(AccessError::Wrong { left: attempt.left }),
            (Err(error), _) => Err(AccessError::Hashing(error)),
        }
    }

    /// Gives the password again within a session: the session goes on under a new secret.
    ///
    /// # Errors
    /// [`AccessError`].
    pub fn authenticate_again(
        &self,
        signed_in: &SignedIn,
        password: &Secret,
        address: Option<IpAddr>,
        secret: &Secret,
    ) -> Result<Begun, AccessError> {
        self.sign_in(&signed_in.administrator.email, password, address, Some(secret))
    }

    /// Who is signed in by this secret. Notes the use of the session once a minute.
    ///
    /// # Errors
    /// [`AccessError::Store`].
    pub fn find_session(&self, secret: &Secret) -> Result<Option<SignedIn>, AccessError> {
        let store = self.inner.store.administrators();
        let digest = SecretDigest::of(secret);
        let Some((mut session, administrator)) = store.find_session(&digest)? else { return Ok(None) };
        let now = self.now();
        if now >= session.idle_until || now >= session.ends || administrator.disabled.is_some() {
            return Ok(None);
        }
        if now.seconds_since(session.seen) >= NOTED_EVERY_S {
            session.seen = now;
            session.idle_until = now.plus_seconds(IDLE_S);
            store.touch_session(&digest, session.seen, session.idle_until)?;
        }
        Ok(Some(SignedIn { administrator, session }))
    }

    /// Signs out.
    ///
    /// # Errors
    /// [`AccessError::Store`].
    pub fn sign_out(&self, secret: &Secret) -> Result<(), AccessError> {
        Ok(self.inner.store.administrators().end_session(&SecretDigest::of(secret))?)
    }

    /// Begins a session. `changed` is said if the password was changed, or the administrator disabled,
    /// since it was read.
    fn begin(
        &self,
        administrator: Administrator,
        replaced: Option<&Secret>,
        changed: AccessError,
    ) -> Result<Begun, AccessError> {
        let secret = random_text(&*self.inner.entropy);
        let now = self.now();
        let session = Session {
            digest: SecretDigest::of(&secret),
            created: now,
            seen: now,
            idle_until: now.plus_seconds(IDLE_S),
            ends: now.plus_seconds(LIFETIME_S),
            authenticated: now,
        };
        let replaced = replaced.map(SecretDigest::of);
        match self.inner.store.administrators().begin_session(&administrator, &session, replaced.as_ref()) {
            Ok(()) => Ok(Begun { secret, signed_in: SignedIn { administrator, session } }),
            Err(StoreError::NotFound) => Err(changed),
            Err(error) => Err(error.into()),
        }
    }

    fn hash(&self, password: &Secret) -> Result<PasswordHash, AccessError> {
        let prepared = prepared(password.expose());
        self.inner.verifier.hash_password(&prepared, &*self.inner.entropy).map_err(AccessError::Hashing)
    }

    fn verify(&self, password: &Secret, hash: &PasswordHash) -> Result<(), TokenError> {
        // One that is too long to have been set is compared in short, and takes as long as any other.
        let text = if password.expose().len() > MAX_PASSWORD_BYTES { "" } else { password.expose() };
        self.inner.verifier.verify_password(&prepared(text), hash)
    }

    /// An entry of the journal that tells of an administrator's own act.
    fn event(&self, kind: EventKind, id: &PublicId) -> Event {
        let now = self.now();
        Event {
            at: now,
            kind,
            actor: Actor::Administrator(id.clone()),
            resource: None,
            version: 0,
            paths: Vec::new(),
            transaction: PublicId::mint(now, &*self.inner.entropy),
            detail: Some(json!({"administrator": id.as_str()}).to_string()),
        }
    }
}

fn digest(code: &str) -> SecretDigest {
    SecretDigest::of(&Secret::new(code))
}

fn paused(paused: Paused) -> AccessError {
    AccessError::Paused { minutes: paused.minutes }
}

fn invalid(field: Field, error: &ManageError) -> AccessError {
    AccessError::Invalid { field, sentence: error.to_string() }
}

fn email_taken(error: StoreError, email: &str) -> AccessError {
    match taken(error, email) {
        ManageError::Store(error) => AccessError::Store(error),
        error => invalid(Field::Email, &error),
    }
}

fn check_password(password: &Secret, email_key: &str) -> Result<(), AccessError> {
    let text = password.expose();
    let refused = |sentence: &str| Err(AccessError::Invalid { field: Field::Password, sentence: sentence.to_owned() });
    if text.chars().count() < MIN_PASSWORD_CHARS {
        return refused("a password has at least 12 characters; a few words that you remember are good");
    }
    if text.len() > MAX_PASSWORD_BYTES {
        return refused("a password has at most 1,024 bytes; choose a shorter one");
    }
    let folded = fold(text.trim());
    let name = email_key.split('@').next().unwrap_or_default();
    if folded == email_key || text.chars().all(|c| text.starts_with(c)) || folded == name {
        return refused(
            "the password is the e-mail address or one repeated character, which is guessed first; choose another one",
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_that_are_short_or_guessed_first_are_refused() {
        let key = "ada.lovelace@example.com";
        for text in [
            "",
            "short",
            "elevenchars",
            "ada.lovelace@example.com",
            "ADA.Lovelace@Example.com",
            "Ada.Lovelace",
            "aaaaaaaaaaaaaa",
        ] {
            assert!(check_password(&Secret::new(text), key).is_err(), "{text}");
        }
        for text in ["twelve chars", "äöüäöüäöüäöü", "ada.lovelace@example.com!"] {
            assert!(check_password(&Secret::new(text), key).is_ok(), "{text}");
        }
        assert!(check_password(&Secret::new("ab".repeat(513)), key).is_err());
    }
}
