//! Who asks, after authentication.

use std::sync::{
    Arc,
    atomic::{AtomicI64, AtomicU8, Ordering},
};

use headcount_model::{Actor, PublicId, Switches, Timestamp, TokenId, switches::Adopt};
use headcount_store::{
    TenantCtx,
    query::{Adoptable, View},
    tokens::{Credential, Standing},
};

use crate::base_url;

/// By which base the request came.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Entry<'a> {
    /// `/scim/v2/<connection>/`: the id in the path.
    Connection(&'a str),
    /// `/api/service/scim/`: the request's host, as sent.
    Host(&'a str),
}

/// Where [`crate::Service::authenticate_as`] may take a credential from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Source {
    /// From an earlier request, if its token is remembered. Whether it is still true is for the
    /// request's own look at the store to tell ([`crate::Service::confirm`]).
    Memory,
    /// From the store.
    Store,
}

/// What became of a caller by the end of a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Confirmation {
    /// What was known of the credential is true, by the store's word in this request.
    Stands,
    /// It is not: whatever was found is void, and the request is to be done again from
    /// [`Source::Store`].
    Stale,
    /// There was no telling without waiting, which this caller must not ([`Pace::Now`]): whatever was
    /// found is void, and the request is to be done again where it may wait.
    Later,
}

/// Whether a request may wait for the store.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Pace {
    /// It may.
    Patient,
    /// It may not, so that it can be answered on a thread that others wait for. It can read one
    /// resource, or find a few; everything else is [`Confirmation::Later`].
    Now,
}

/// A credential as it was read, and what follows from it.
#[derive(Debug)]
pub struct Known {
    /// Token, connection and tenant.
    pub credential: Credential,
    /// The connection's switches.
    pub switches: Switches,
    pub(crate) standing: Standing,
    pub(crate) view: View,
    /// The base of answers to requests by the connection's URL.
    pub(crate) connection_url: Arc<str>,
    /// The tenant's hosts, each with the base of answers to requests by it.
    pub(crate) host_urls: Vec<(String, Arc<str>)>,
    /// When this server last noted the token's use, in microseconds.
    noted: AtomicI64,
}

impl Known {
    pub(crate) fn new(credential: Credential, public_url: &str) -> Self {
        let switches = credential.connection.switches();
        let host_url = |host: &String| (host.clone(), base_url::by_host(public_url, host).into());
        Self {
            standing: Standing::of(&credential),
            view: view(&credential, &switches),
            connection_url: base_url::by_connection(public_url, &credential.connection).into(),
            host_urls: credential.tenant.hosts.iter().map(host_url).collect(),
            switches,
            credential,
            noted: AtomicI64::new(i64::MIN),
        }
    }

    /// The token's public part.
    #[must_use]
    pub fn token(&self) -> &TokenId {
        &self.credential.token.id
    }

    /// The public id of the connection.
    #[must_use]
    pub fn connection(&self) -> &PublicId {
        &self.credential.connection.id
    }

    /// Who is named in the journal.
    pub(crate) fn actor(&self) -> Actor {
        Actor::Connection(self.credential.connection.key, self.token().clone())
    }

    /// Claims the note of a use, so that of many requests at once one writes it.
    pub(crate) fn claim_note(&self, now: Timestamp, every_s: i64) -> bool {
        let noted = self.noted.load(Ordering::Relaxed);
        let is_recent = noted != i64::MIN && now.seconds_since(Timestamp::from_micros(noted)) < every_s;
        !is_recent && self.noted.compare_exchange(noted, now.micros(), Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    /// Gives a claim back whose note could not be written.
    pub(crate) fn release_note(&self) {
        self.noted.store(i64::MIN, Ordering::Relaxed);
    }
}

/// What a connection with these switches sees.
pub(crate) fn view(credential: &Credential, switches: &Switches) -> View {
    View {
        connection: credential.connection.key,
        adoptable: match switches.adopt {
            Adopt::OnWrite => Adoptable::Seen,
            Adopt::Never => Adoptable::Hidden,
        },
    }
}

/// A caller whose token is good as far as is known; every look at the store looks at it again.
#[derive(Debug)]
pub struct Caller {
    /// The right to open the tenant's transactions.
    pub ctx: TenantCtx,
    /// Token, connection and tenant as they are known.
    pub known: Arc<Known>,
    /// The connection's switches.
    pub switches: Switches,
    /// The base that `meta.location`, `Location` and `$ref` begin with, without trailing slash.
    pub base_url: Arc<str>,
    /// The id shared by all journal entries of this request; also its request id.
    pub transaction: PublicId,
    pub(crate) source: Source,
    pub(crate) pace: Pace,
    pub(crate) seen: Seen,
}

impl Caller {
    /// Token, connection and tenant as they are known.
    #[must_use]
    pub fn credential(&self) -> &Credential {
        &self.known.credential
    }

    /// The same caller, for what is read after the request was answered: whatever the store says then
    /// of its credential is what counts.
    pub(crate) fn afterwards(&self) -> Self {
        Self {
            ctx: self.ctx.clone(),
            known: Arc::clone(&self.known),
            switches: self.switches,
            base_url: Arc::clone(&self.base_url),
            transaction: self.transaction.clone(),
            source: Source::Store,
            pace: Pace::Patient,
            seen: Seen::nothing(),
        }
    }
}

/// What the store said in this request of a remembered credential.
#[derive(Debug)]
pub(crate) struct Seen {
    said: AtomicU8,
    last_used: AtomicI64,
}

const NOTHING: u8 = 0;
const SAME: u8 = 1;
const OTHER: u8 = 2;
const LATER: u8 = 3;

impl Seen {
    pub(crate) fn nothing() -> Self {
        Self { said: AtomicU8::new(NOTHING), last_used: AtomicI64::new(i64::MIN) }
    }

    /// The credential is as it was known.
    pub(crate) fn same(&self, standing: &Standing) {
        self.said.fetch_max(SAME, Ordering::Relaxed);
        self.last_used.store(standing.last_used.map_or(i64::MIN, Timestamp::micros), Ordering::Relaxed);
    }

    /// It is another, and what was begun with it is given up.
    pub(crate) fn other(&self) {
        self.said.fetch_max(OTHER, Ordering::Relaxed);
    }

    /// There was no telling without waiting.
    pub(crate) fn later(&self) {
        self.said.fetch_max(LATER, Ordering::Relaxed);
    }

    pub(crate) fn is_later(&self) -> bool {
        self.said.load(Ordering::Relaxed) == LATER
    }

    pub(crate) fn is_nothing(&self) -> bool {
        self.said.load(Ordering::Relaxed) == NOTHING
    }

    pub(crate) fn is_other(&self) -> bool {
        self.said.load(Ordering::Relaxed) == OTHER
    }

    /// When the token's use was last noted, by the store's word.
    pub(crate) fn last_used(&self) -> Option<Timestamp> {
        let micros = self.last_used.load(Ordering::Relaxed);
        (micros != i64::MIN).then(|| Timestamp::from_micros(micros))
    }
}
