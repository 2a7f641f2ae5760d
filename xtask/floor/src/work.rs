//! What a request asks for, and what comes of it.

use serde_json::{Value, json};

/// A read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Read {
    /// One user by id.
    User(String),
    /// `userName eq`.
    UserName(String),
    /// `emails.value eq`, and the same as a value path.
    Email(String),
    /// `name.familyName co`.
    FamilyName(String),
    /// `userName eq … or externalId eq …`.
    UserNameOrExternalId(String, String),
    /// A page of the list of all users.
    Page {
        /// The number of the first, from 1.
        start: i64,
        /// How many.
        count: i64,
    },
    /// One group by id, with its members.
    Group(String),
    /// One group by id, without its members.
    GroupAlone(String),
}

/// A user as the floor stores it: what is looked for, and its JSON.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Person {
    pub(crate) id: String,
    pub(crate) user_name: String,
    pub(crate) external_id: Option<String>,
    pub(crate) family_name: String,
    pub(crate) emails: Vec<String>,
    pub(crate) json: String,
}

impl Person {
    /// Reads a user out of the body of a request.
    pub(crate) fn of(mut value: Value, id: String) -> Self {
        let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
        let emails = value.get("emails").and_then(Value::as_array);
        let emails = emails.into_iter().flatten().map(|email| text(email.get("value")).to_lowercase()).collect();
        let user_name = text(value.get("userName")).to_lowercase();
        let external_id = value.get("externalId").and_then(Value::as_str).map(str::to_owned);
        let family_name = text(value.pointer("/name/familyName"));
        if let Value::Object(members) = &mut value {
            let meta = json!({
                "resourceType": "User",
                "created": "2026-01-01T00:00:00Z",
                "lastModified": "2026-01-01T00:00:00Z",
                "location": format!("/scim/v2/Users/{id}"),
                "version": "W/\"1\"",
            });
            members.insert("meta".to_owned(), meta);
            members.insert("id".to_owned(), id.as_str().into());
        }
        Self { id, user_name, external_id, family_name, emails, json: value.to_string() }
    }
}

/// A change.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Change {
    /// A user is made.
    Insert(Person),
    /// A user is replaced.
    Replace(Person),
    /// A user's `active` is set.
    Activate {
        /// The user.
        id: String,
        /// The new value.
        active: bool,
    },
    /// A group is made.
    InsertGroup {
        /// The group.
        id: String,
        /// Its JSON without members.
        json: String,
        /// The ids of its members.
        members: Vec<String>,
    },
    /// Members of a group are added and taken out.
    Members {
        /// The group.
        group: String,
        /// The ids of those that are added.
        add: Vec<String>,
        /// The ids of those that are taken out.
        remove: Vec<String>,
    },
    /// Several changes in one.
    Many(Vec<Self>),
}

/// What came of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Outcome {
    /// This JSON answers it.
    Json(String),
    /// It is done, and there is nothing to say.
    Done,
    /// There is no such resource.
    Absent,
}

impl Outcome {
    /// The JSON of a resource, if there is one.
    pub(crate) fn found(json: Option<String>) -> Self {
        json.map_or(Self::Absent, Self::Json)
    }
}
