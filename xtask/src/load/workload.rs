//! The workloads: which requests, and what a right answer to each is.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::atomic::{AtomicUsize, Ordering};

use super::client::{Client, encode};
use super::people;
use super::record::Recorder;
use super::target::{Group, Target};

/// A workload. W13 is no loop but an import, timed as a whole.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Workload {
    GetUser,
    FilterUserName,
    FirstPages,
    GetGroup,
    GetGroupAlone,
    FilterEmail,
    FilterFamilyName,
    FilterUserNameAndPresent,
    FilterEmailPath,
    FilterUserNameOrExternalId,
    LastPage,
    ReplaceUser,
    ActivateUser,
    AddMember,
    RemoveMember,
    Mixed,
    CreateUser,
    Bulk,
    Import,
}

/// Users of one bulk request, and members of one PATCH of an import.
pub(crate) const BATCH: usize = 100;

/// Users of a page.
pub(crate) const PAGE: usize = 100;

impl Workload {
    /// What is asked where something grows, tenants or servers.
    pub(crate) const OF_SCALES: [Self; 6] =
        [Self::GetUser, Self::FilterUserName, Self::ActivateUser, Self::AddMember, Self::Mixed, Self::CreateUser];

    /// All, in the order in which they are run: those that add users last.
    pub(crate) const ALL: [Self; 19] = [
        Self::GetUser,
        Self::FilterUserName,
        Self::FirstPages,
        Self::GetGroup,
        Self::GetGroupAlone,
        Self::FilterEmail,
        Self::FilterFamilyName,
        Self::FilterUserNameAndPresent,
        Self::FilterEmailPath,
        Self::FilterUserNameOrExternalId,
        Self::LastPage,
        Self::ReplaceUser,
        Self::ActivateUser,
        Self::AddMember,
        Self::RemoveMember,
        Self::Mixed,
        Self::CreateUser,
        Self::Bulk,
        Self::Import,
    ];

    /// Its short name, by which it is chosen.
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::GetUser => "W1",
            Self::FilterUserName => "W2",
            Self::FirstPages => "W3",
            Self::CreateUser => "W4",
            Self::ReplaceUser => "W5",
            Self::ActivateUser => "W6",
            Self::AddMember => "W7",
            Self::RemoveMember => "W8",
            Self::GetGroup => "W9",
            Self::GetGroupAlone => "W9x",
            Self::FilterEmail => "W10a",
            Self::FilterFamilyName => "W10b",
            Self::FilterUserNameAndPresent => "W10c",
            Self::FilterEmailPath => "W10d",
            Self::FilterUserNameOrExternalId => "W10e",
            Self::LastPage => "W11",
            Self::Bulk => "W12",
            Self::Import => "W13",
            Self::Mixed => "W14",
        }
    }

    /// What it asks, as a person reads it.
    pub(crate) fn request(self) -> &'static str {
        match self {
            Self::GetUser => "GET a user",
            Self::FilterUserName => "filter `userName eq`",
            Self::FirstPages => "a page of 100 among the first five",
            Self::LastPage => "the last page of 100",
            Self::CreateUser => "POST a user",
            Self::ReplaceUser => "PUT a user",
            Self::ActivateUser => "PATCH `active`",
            Self::AddMember => "PATCH that adds one member",
            Self::RemoveMember => "PATCH that removes one member",
            Self::GetGroup => "GET a group",
            Self::GetGroupAlone => "GET a group without its members",
            Self::FilterEmail => "filter `emails.value eq`",
            Self::FilterFamilyName => "filter `name.familyName co`",
            Self::FilterUserNameAndPresent => "filter `userName eq … and displayName pr`",
            Self::FilterEmailPath => "filter `emails[type eq \"work\" and value eq …]`",
            Self::FilterUserNameOrExternalId => "filter `userName eq … or externalId eq …`",
            Self::Bulk => "Bulk of 100 POSTs",
            Self::Import => "import of users in batches of 100, and one group (users)",
            Self::Mixed => "70 % W2, 15 % W1, 10 % W6, 5 % W7 and W8",
        }
    }

    /// Those that a list of codes names: `W1,W10,W14`. `W10` is all of W10a to W10e; W7 and W8 are one run.
    pub(crate) fn named(codes: &[String]) -> Vec<Self> {
        let chosen = |workload: &Self| {
            codes.iter().any(|code| {
                let own = workload.code();
                own.eq_ignore_ascii_case(code)
                    || (code.eq_ignore_ascii_case("W10") && own.starts_with("W10"))
                    || (*workload == Self::AddMember && code.eq_ignore_ascii_case("W8"))
            })
        };
        Self::ALL.into_iter().filter(chosen).collect()
    }

    /// Whether it is measured for each size of a group.
    pub(crate) fn by_group(self) -> bool {
        matches!(self, Self::GetGroup | Self::GetGroupAlone | Self::AddMember | Self::RemoveMember)
    }

    /// How many clients ask at once: identity providers change one group by a few only.
    pub(crate) fn clients(self) -> usize {
        if self == Self::AddMember { 4 } else { 8 }
    }

    /// Whether its answers are long, so that a check costs the machine about as much as the answer.
    fn is_long(self) -> bool {
        matches!(self, Self::FirstPages | Self::LastPage | Self::FilterFamilyName)
    }
}

/// Numbers of users that were made during a run; none is given twice.
static NEXT: AtomicUsize = AtomicUsize::new(10_000_000);

/// The first of so many numbers that were not given before.
pub(crate) fn new_numbers(count: usize) -> usize {
    NEXT.fetch_add(count, Ordering::Relaxed)
}

/// The prefix of users that are made during a run.
pub(crate) fn new_prefix(prefix: &str) -> String {
    format!("{prefix}{}", std::process::id())
}

/// Numbers drawn at random (xorshift); good enough to spread requests over users.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new() -> Self {
        Self(RandomState::new().hash_one(0_u8) | 1)
    }

    /// A number below the limit; 0 if the limit is 0.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        let drawn = usize::try_from(self.0 >> 11).unwrap_or(usize::MAX);
        drawn.checked_rem(limit).unwrap_or(0)
    }
}

/// One client of a workload.
pub(crate) struct Worker<'a> {
    pub(crate) target: &'a Target,
    pub(crate) group: Option<&'a Group>,
    /// Which of the clients, from 0; each changes users of its own.
    pub(crate) place: usize,
    pub(crate) clients: usize,
    pub(crate) client: Client,
    pub(crate) random: Random,
    pub(crate) recorder: Recorder,
    turn: u64,
}

impl<'a> Worker<'a> {
    pub(crate) fn new(target: &'a Target, group: Option<&'a Group>, place: usize, clients: usize) -> Self {
        Self {
            target,
            group,
            place,
            clients,
            client: target.client(),
            random: Random::new(),
            recorder: Recorder::default(),
            turn: 0,
        }
    }

    /// One request, or a pair of them.
    pub(crate) fn step(&mut self, workload: Workload) {
        let checked = if workload.is_long() && self.turn >= 64 {
            self.turn.is_multiple_of(64)
        } else {
            self.turn.is_multiple_of(8)
        };
        let users = self.target.users.len();
        let prefix = &self.target.prefix;
        match workload {
            Workload::GetUser => self.get_user(workload, checked),
            Workload::FilterUserName => self.filter_user_name(workload, checked),
            Workload::FirstPages => {
                let start = 1 + PAGE * self.random.below((users / PAGE).min(5));
                self.page(workload, start, checked);
            }
            Workload::LastPage => self.page(workload, users.saturating_sub(PAGE - 1).max(1), checked),
            Workload::GetGroup => {
                // The whole of a large group is looked through once only: it has a dozen megabytes.
                let checked = self.turn == 0 && self.place == 0;
                self.get_group(checked);
            }
            Workload::GetGroupAlone => {
                let path = format!("/Groups/{}?excludedAttributes=members", self.group_id());
                if self.ask(workload, "GET", &path, None, &[200]) && checked {
                    let shown = contains(self.client.body(), "\"members\"");
                    self.expect(workload, !shown, "members are shown");
                }
            }
            Workload::FilterEmail => {
                let name = people::user_name(prefix, self.random.below(users));
                self.filter(workload, &format!("emails.value eq \"{name}\""), 1, checked);
            }
            Workload::FilterFamilyName => {
                let number = self.random.below(users.min(people::FAMILY_NAMES));
                let name = people::family_name(number);
                let part = name.get(1..).unwrap_or_default();
                let found = (number..users).step_by(people::FAMILY_NAMES).count();
                self.filter(workload, &format!("name.familyName co \"{part}\""), found, checked);
            }
            Workload::FilterUserNameAndPresent => {
                let name = people::user_name(prefix, self.random.below(users));
                self.filter(workload, &format!("userName eq \"{name}\" and displayName pr"), 1, checked);
            }
            Workload::FilterEmailPath => {
                let name = people::user_name(prefix, self.random.below(users));
                let filter = format!("emails[type eq \"work\" and value eq \"{name}\"]");
                self.filter(workload, &filter, 1, checked);
            }
            Workload::FilterUserNameOrExternalId => {
                let (one, other) = (self.random.below(users), self.random.below(users));
                let (name, external_id) = (people::user_name(prefix, one), people::external_id(prefix, other));
                let filter = format!("userName eq \"{name}\" or externalId eq \"{external_id}\"");
                self.filter(workload, &filter, if one == other { 1 } else { 2 }, checked);
            }
            Workload::ReplaceUser => {
                let number = self.own(0, users);
                let id = self.target.user(number);
                let body = people::changed_user(prefix, number, id, self.turn).to_string();
                self.ask(workload, "PUT", &format!("/Users/{id}"), Some(&body), &[200]);
            }
            Workload::ActivateUser => self.activate(workload, checked),
            Workload::AddMember | Workload::RemoveMember => self.move_member(),
            Workload::CreateUser => {
                let body = people::user(&new_prefix(prefix), new_numbers(1)).to_string();
                self.ask(workload, "POST", "/Users", Some(&body), &[201]);
            }
            Workload::Bulk | Workload::Import => {
                let first = new_numbers(BATCH);
                let body = people::bulk(&new_prefix(prefix), first..first + BATCH);
                if self.ask(workload, "POST", "/Bulk", Some(&body), &[200]) {
                    let made = people::made_by_bulk(&self.client).len();
                    self.expect(workload, made == BATCH, &format!("{made} of {BATCH} users were made"));
                }
            }
            Workload::Mixed => self.mix(checked),
        }
        self.turn = self.turn.saturating_add(1);
    }

    fn mix(&mut self, checked: bool) {
        let workload = Workload::Mixed;
        match self.random.below(100) {
            0..70 => self.filter_user_name(workload, checked),
            70..85 => self.get_user(workload, checked),
            85..95 => self.activate(workload, checked),
            _ => {
                let (users, members) = (self.target.users.len(), self.group.map_or(0, |group| group.members));
                let outside = users.saturating_sub(members) >= self.clients;
                let number = self.own(if outside { members } else { 0 }, users);
                let id = self.target.user(number);
                let body =
                    if self.turn.is_multiple_of(2) { people::addition_of_one(id) } else { people::removal_of_one(id) };
                let path = format!("/Groups/{}", self.group_id());
                self.ask(workload, "PATCH", &path, Some(&body), &[200, 204]);
            }
        }
    }

    fn get_user(&mut self, workload: Workload, checked: bool) {
        let id = self.target.user(self.random.below(self.target.users.len()));
        if self.ask(workload, "GET", &format!("/Users/{id}"), None, &[200]) && checked {
            let right = contains(self.client.body(), id);
            self.expect(workload, right, &format!("the id {id} is not in the answer"));
        }
    }

    fn filter_user_name(&mut self, workload: Workload, checked: bool) {
        let name = people::user_name(&self.target.prefix, self.random.below(self.target.users.len()));
        self.filter(workload, &format!("userName eq \"{name}\""), 1, checked);
    }

    fn activate(&mut self, workload: Workload, checked: bool) {
        let id = self.target.user(self.own(0, self.target.users.len()));
        let active = self.turn % 2 == 1;
        let body = people::activation(active);
        let path = format!("/Users/{id}");
        if self.ask(workload, "PATCH", &path, Some(&body), &[200, 204]) && checked && !self.client.body().is_empty() {
            let right = self.client.json().get("active") == Some(&active.into());
            self.expect(workload, right, &format!("`active` of {id} is not {active}"));
        }
    }

    /// Adds a user who is no member and takes him out; if all are members, the other way round.
    fn move_member(&mut self) {
        let users = self.target.users.len();
        let members = self.group.map_or(0, |group| group.members);
        let path = format!("/Groups/{}", self.group_id());
        let outside = users.saturating_sub(members) >= self.clients;
        let number = if outside { self.own(members, users) } else { self.own(0, users.min(members)) };
        let id = self.target.user(number);
        let add = (Workload::AddMember, people::addition_of_one(id));
        let remove = (Workload::RemoveMember, people::removal_of_one(id));
        let pair = if outside { [add, remove] } else { [remove, add] };
        for (workload, body) in pair {
            self.ask(workload, "PATCH", &path, Some(&body), &[200, 204]);
        }
    }

    fn get_group(&mut self, checked: bool) {
        let path = format!("/Groups/{}", self.group_id());
        if self.ask(Workload::GetGroup, "GET", &path, None, &[200]) && checked {
            let members = self.group.map_or(0, |group| group.members);
            let shown = count(self.client.body(), b"\"value\"");
            self.expect(Workload::GetGroup, shown == members, &format!("{shown} members of {members}"));
        }
    }

    fn page(&mut self, workload: Workload, start: usize, checked: bool) {
        let path = format!("/Users?startIndex={start}&count={PAGE}");
        if self.ask(workload, "GET", &path, None, &[200]) && checked {
            let shown = length_of(&self.client, "Resources");
            self.expect(workload, shown == PAGE, &format!("{shown} resources on a page of {PAGE}"));
        }
    }

    fn filter(&mut self, workload: Workload, filter: &str, found: usize, checked: bool) {
        let path = format!("/Users?filter={}&startIndex=1&count={PAGE}", encode(filter));
        if self.ask(workload, "GET", &path, None, &[200]) && checked {
            let answer = self.client.json();
            let total = answer.get("totalResults").and_then(serde_json::Value::as_u64);
            let total = total.and_then(|total| usize::try_from(total).ok());
            let shown = length_of(&self.client, "Resources");
            let right = total == Some(found) && shown == found.min(PAGE);
            self.expect(workload, right, &format!("{filter}: {shown} of {total:?} shown, expected {found}"));
        }
    }

    /// A number from `from` up to `to` that no other client draws.
    fn own(&mut self, from: usize, to: usize) -> usize {
        let each = to.saturating_sub(from) / self.clients.max(1);
        let drawn = from + self.random.below(each) * self.clients + self.place;
        drawn.min(to.saturating_sub(1))
    }

    fn group_id(&self) -> &'a str {
        self.group.map_or("", |group| &group.id)
    }

    fn ask(&mut self, workload: Workload, method: &str, path: &str, body: Option<&str>, good: &[u16]) -> bool {
        self.recorder.ask(workload, &mut self.client, method, path, body, good)
    }

    fn expect(&mut self, workload: Workload, right: bool, otherwise: &str) {
        if !right {
            self.recorder.wrong(workload, otherwise);
        }
    }
}

/// How many items a list in the last answer has.
fn length_of(client: &Client, member: &str) -> usize {
    client.json().get(member).and_then(serde_json::Value::as_array).map_or(0, Vec::len)
}

fn contains(body: &[u8], text: &str) -> bool {
    String::from_utf8_lossy(body).contains(text)
}

fn count(body: &[u8], word: &[u8]) -> usize {
    body.windows(word.len()).filter(|window| *window == word).count()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{Random, Workload, count};

    #[test]
    fn every_workload_has_a_code_of_its_own_and_is_found_by_it() {
        let codes: BTreeSet<_> = Workload::ALL.map(Workload::code).into();
        assert_eq!(codes.len(), Workload::ALL.len());
        for workload in Workload::ALL {
            assert!(Workload::named(&[workload.code().to_lowercase()]).contains(&workload), "{workload:?}");
        }
    }

    #[test]
    fn a_family_of_filters_is_named_by_its_number() {
        assert_eq!(Workload::named(&["W10".to_owned()]).len(), 5);
        assert_eq!(Workload::named(&["W1".to_owned()]), [Workload::GetUser]);
        assert_eq!(Workload::named(&["W99".to_owned()]), []);
    }

    #[test]
    fn random_numbers_stay_below_their_limit_and_reach_all_of_it() {
        let mut random = Random::new();
        let drawn: BTreeSet<usize> = (0..1_000).map(|_| random.below(7)).collect();
        assert_eq!(drawn, (0..7).collect());
        assert_eq!(random.below(0), 0);
    }

    #[test]
    fn words_are_counted() {
        assert_eq!(count(br#"[{"value":"value"},{"value":1}]"#, b"\"value\":"), 2);
    }
}
