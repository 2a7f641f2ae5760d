//! The switches of a connection: named enums whose default is the RFC.
//!
//! Each is read in the one layer that owns the behaviour. A preset is a row of them ([`row`]), and
//! an operator changes one with `headcount connection set ID KEY=VALUE`.

use std::collections::BTreeMap;

use scim_filter::{parser::Leniencies, predicate::CompileOptions};
use scim_patch::dialect::{ComplexValues, Dialect, ReadOnlyInput, UnmatchedValueFilter};
use scim_schema::validate::{Coercion, Leniency, UnknownAttributes};

use crate::preset::Preset;

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub enum $name { $($(#[$vdoc])* $variant),+ }

        impl Word for $name {
            const WORDS: &'static [&'static str] = &[$($word),+];
            fn word(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
            fn of(text: &str) -> Option<Self> {
                match text { $($word => Some(Self::$variant),)+ _ => None }
            }
        }
    };
}

/// A value of a switch: one of a closed set of words.
pub trait Word: Copy + Sized {
    /// All words, in order; the RFC's own behaviour first.
    const WORDS: &'static [&'static str];
    /// The word of this value.
    fn word(self) -> &'static str;
    /// The value of this word, exactly.
    fn of(text: &str) -> Option<Self>;
}

impl Word for Leniency {
    const WORDS: &'static [&'static str] = &["refuse", "accept"];
    fn word(self) -> &'static str {
        match self {
            Self::Refuse => "refuse",
            Self::Accept => "accept",
        }
    }
    fn of(text: &str) -> Option<Self> {
        match text {
            "refuse" => Some(Self::Refuse),
            "accept" => Some(Self::Accept),
            _ => None,
        }
    }
}

impl Word for UnknownAttributes {
    const WORDS: &'static [&'static str] = &["reject", "ignore", "keep"];
    fn word(self) -> &'static str {
        match self {
            Self::Reject => "reject",
            Self::Ignore => "ignore",
            Self::Keep => "keep",
        }
    }
    fn of(text: &str) -> Option<Self> {
        match text {
            "reject" => Some(Self::Reject),
            "ignore" => Some(Self::Ignore),
            "keep" => Some(Self::Keep),
            _ => None,
        }
    }
}

impl Word for ReadOnlyInput {
    const WORDS: &'static [&'static str] = &["refuse", "ignore"];
    fn word(self) -> &'static str {
        match self {
            Self::Refuse => "refuse",
            Self::Ignore => "ignore",
        }
    }
    fn of(text: &str) -> Option<Self> {
        match text {
            "refuse" => Some(Self::Refuse),
            "ignore" => Some(Self::Ignore),
            _ => None,
        }
    }
}

impl Word for UnmatchedValueFilter {
    const WORDS: &'static [&'static str] = &["no_target", "create"];
    fn word(self) -> &'static str {
        match self {
            Self::NoTarget => "no_target",
            Self::Create => "create",
        }
    }
    fn of(text: &str) -> Option<Self> {
        match text {
            "no_target" => Some(Self::NoTarget),
            "create" => Some(Self::Create),
            _ => None,
        }
    }
}

impl Word for ComplexValues {
    const WORDS: &'static [&'static str] = &["rfc", "merge"];
    fn word(self) -> &'static str {
        match self {
            Self::Rfc => "rfc",
            Self::Merge => "merge",
        }
    }
    fn of(text: &str) -> Option<Self> {
        match text {
            "rfc" => Some(Self::Rfc),
            "merge" => Some(Self::Merge),
            _ => None,
        }
    }
}

words! {
    /// Which media type answers carry.
    ResponseMediaType {
        /// By the request's `Accept` and `Content-Type` (rule 10).
        Auto = "auto",
        /// Always `application/scim+json`.
        Scim = "scim",
        /// Always `application/json`.
        Json = "json",
    }
}
words! {
    /// What a PUT does to something it does not name.
    Absent {
        /// It is cleared.
        Clear = "clear",
        /// It stays.
        Keep = "keep",
    }
}
words! {
    /// A member id that names nothing this connection can see.
    UnknownMember {
        /// 400 `invalidValue` naming it.
        Error = "error",
        /// Skipped, counted and shown (R15).
        Skip = "skip",
    }
}
words! {
    /// What a PATCH of a group answers.
    GroupPatchAnswer {
        /// 200 with the group; 204 above 1,000 members.
        Body = "body",
        /// 204.
        None = "none",
    }
}
words! {
    /// Whether something is there.
    Toggle {
        /// No.
        Off = "off",
        /// Yes.
        On = "on",
    }
}
words! {
    /// Which groups a user's `groups` shows.
    UserGroups {
        /// Direct ones, and with `type: indirect` those above them.
        All = "all",
        /// Direct ones only.
        Direct = "direct",
    }
}
words! {
    /// What a change of userName or of an e-mail address does (R11).
    IdentityChanges {
        /// It applies.
        Follow = "follow",
        /// The stored value stays, the rest applies, a conflict is recorded.
        Immutable = "immutable",
        /// 400 `mutability`.
        Reject = "reject",
    }
}
words! {
    /// Whether a write takes over an adoptable account of the application.
    Adopt {
        /// By the first successful PUT or PATCH.
        OnWrite = "on_write",
        /// Never.
        Never = "never",
    }
}
words! {
    /// What a POST of the userName of a deleted user does.
    Rehire {
        /// Makes a new account.
        New = "new",
        /// Brings back the deleted one, with its id and memberships.
        Revive = "revive",
    }
}
words! {
    /// What happens to a password (RFC 7643 §4.1.1, §9.2).
    Passwords {
        /// Accepted and dropped.
        Ignore = "ignore",
        /// Stored as an argon2id hash, apart from the document. A change of it alone is one journal
        /// entry and leaves version and `lastModified`; the same password sent again is one too. An
        /// empty one is dropped.
        Store = "store",
        /// 400, and not declared (IPSIE AL1).
        Refuse = "refuse",
    }
}

/// One row of the table of all switches, for help texts and generated documents.
#[derive(Clone, Copy, Debug)]
pub struct SwitchInfo {
    /// The key.
    pub key: &'static str,
    /// One sentence: what it decides.
    pub meaning: &'static str,
    /// The words it takes; the RFC's own first.
    pub words: &'static [&'static str],
}

macro_rules! switches {
    ($($(#[doc = $meaning:literal])+ $key:ident: $type:ty = $strict:expr),+ $(,)?) => {
        /// The switches in force for a connection.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub struct Switches {
            $($(#[doc = $meaning])+ pub $key: $type),+
        }

        impl Switches {
            /// The RFCs and nothing else: the row of `strict`, from which every other row differs.
            pub const STRICT: Self = Self { $($key: $strict),+ };

            /// All switches.
            pub const ALL: &'static [SwitchInfo] = &[
                $(SwitchInfo { key: stringify!($key), meaning: concat!($($meaning),+), words: <$type as Word>::WORDS }),+
            ];

            /// The word in force for a key.
            #[must_use]
            pub fn word(&self, key: &str) -> Option<&'static str> {
                match key {
                    $(stringify!($key) => Some(self.$key.word()),)+
                    _ => None,
                }
            }

            /// Sets one switch.
            ///
            /// # Errors
            /// A sentence that names the known keys, or the words that the key takes.
            pub fn set(&mut self, key: &str, word: &str) -> Result<(), String> {
                match key {
                    $(stringify!($key) => {
                        self.$key = <$type as Word>::of(word).ok_or_else(|| wrong_word(key, word, <$type as Word>::WORDS))?;
                    })+
                    _ => return Err(unknown_key(key)),
                }
                Ok(())
            }
        }
    };
}

fn wrong_word(key: &str, word: &str, words: &[&str]) -> String {
    format!("'{word}' is no value of {key}; it takes {}", words.join(", "))
}

fn unknown_key(key: &str) -> String {
    let keys: Vec<&str> = Switches::ALL.iter().map(|info| info.key).collect();
    format!("'{key}' is no switch; the switches are {}", keys.join(", "))
}

switches! {
    /// Strings "true" and "false" in any letter case where a boolean is due, also in filters.
    string_booleans: Leniency = Leniency::Refuse,
    /// One object where an array of objects is due.
    object_for_array: Leniency = Leniency::Refuse,
    /// A number where a string is due.
    number_for_string: Leniency = Leniency::Refuse,
    /// A bare string as an element of a multi-valued complex attribute such as emails or members.
    bare_string_element: Leniency = Leniency::Refuse,
    /// A one-element array where a single value is due.
    array_for_single: Leniency = Leniency::Refuse,
    /// An empty string for manager or externalId unassigns it; a bare string for manager is its id.
    string_manager: Leniency = Leniency::Refuse,
    /// A schemas attribute that is absent, outdated, incomplete or names unknown schemas.
    any_schemas: Leniency = Leniency::Refuse,
    /// More than one primary element: the first, or the one just written by PATCH, is kept.
    duplicate_primary: Leniency = Leniency::Refuse,
    /// A reference that is no URI is stored as it is.
    loose_references: Leniency = Leniency::Refuse,
    /// What happens to attributes and extensions that no schema declares.
    unknown_attributes: UnknownAttributes = UnknownAttributes::Reject,
    /// A sub-attribute after the brackets of a filter, as in emails[type eq "work"].value eq "x".
    filter_sub_attribute: Leniency = Leniency::Refuse,
    /// Unquoted and single-quoted values in a filter.
    loose_filter_values: Leniency = Leniency::Refuse,
    /// A leading slash or outer blanks in a PATCH path.
    loose_paths: Leniency = Leniency::Refuse,
    /// Bare names of extension attributes, such as department, in paths, filters and projections.
    bare_extension_names: Leniency = Leniency::Refuse,
    /// A remove of members with a non-empty value takes out only those members.
    remove_members_by_value: Leniency = Leniency::Refuse,
    /// A PATCH with no operations is a success without change.
    empty_operations: Leniency = Leniency::Refuse,
    /// A PATCH value that is a JSON string holding an object.
    string_value_object: Leniency = Leniency::Refuse,
    /// A remove without a path but with members in its value.
    remove_without_path: Leniency = Leniency::Refuse,
    /// What a read-only attribute in a PATCH does.
    read_only_input: ReadOnlyInput = ReadOnlyInput::Refuse,
    /// What an add or replace does whose value filter matches nothing.
    unmatched_value_filter: UnmatchedValueFilter = UnmatchedValueFilter::NoTarget,
    /// Whether add and replace of a complex value keep the sub-attributes they do not name.
    complex_values: ComplexValues = ComplexValues::Rfc,
    /// A count or startIndex that is no integer is taken as absent.
    loose_paging: Leniency = Leniency::Refuse,
    /// A sortBy that names nothing, or a sortOrder that is no order, is ignored.
    unknown_sort: Leniency = Leniency::Refuse,
    /// attributes and excludedAttributes in one request: the first wins.
    both_projections: Leniency = Leniency::Refuse,
    /// The token in the Authorization header without the word Bearer, or with it twice.
    bare_token: Leniency = Leniency::Refuse,
    /// The token as the password of HTTP Basic authentication.
    basic_token: Leniency = Leniency::Refuse,
    /// Which media type answers carry.
    response_media_type: ResponseMediaType = ResponseMediaType::Auto,
    /// What a PUT does to externalId, userName, displayName of a group, and members that it does not name.
    put_absent_identity: Absent = Absent::Clear,
    /// What a PUT does to every other attribute that it does not name.
    put_absent_profile: Absent = Absent::Clear,
    /// What a member id does that names nobody this connection can see.
    unknown_member: UnknownMember = UnknownMember::Error,
    /// What a PATCH of a group answers.
    group_patch_answer: GroupPatchAnswer = GroupPatchAnswer::Body,
    /// Whether members and groups carry the display name.
    member_display: Toggle = Toggle::Off,
    /// Which groups a user shows.
    user_groups: UserGroups = UserGroups::All,
    /// Whether type and primary of e-mail addresses are filled in when they are written.
    email_defaults: Toggle = Toggle::Off,
    /// Whether externalId is unique within the connection and resource type.
    external_id_unique: Toggle = Toggle::Off,
    /// Whether the displayName of groups is unique within the connection.
    unique_group_names: Toggle = Toggle::On,
    /// What a change of userName or of an e-mail address does.
    identity_changes: IdentityChanges = IdentityChanges::Follow,
    /// Whether a write takes over an adoptable account.
    adopt: Adopt = Adopt::OnWrite,
    /// What a POST does that names a deleted user.
    rehire: Rehire = Rehire::New,
    /// What happens to a password: dropped, kept as an argon2id hash, or refused.
    passwords: Passwords = Passwords::Ignore,
}

/// The switches of a preset.
#[must_use]
pub fn row(preset: Preset) -> Switches {
    use Leniency::Accept;

    let generic = Switches {
        string_booleans: Accept,
        object_for_array: Accept,
        duplicate_primary: Accept,
        unknown_attributes: UnknownAttributes::Ignore,
        filter_sub_attribute: Accept,
        remove_members_by_value: Accept,
        empty_operations: Accept,
        ..Switches::STRICT
    };
    // The rules of section 16 that every named identity provider gets.
    let provider = Switches {
        number_for_string: Accept,
        bare_string_element: Accept,
        array_for_single: Accept,
        string_manager: Accept,
        any_schemas: Accept,
        loose_references: Accept,
        unknown_attributes: UnknownAttributes::Keep,
        loose_filter_values: Accept,
        loose_paths: Accept,
        bare_extension_names: Accept,
        string_value_object: Accept,
        remove_without_path: Accept,
        read_only_input: ReadOnlyInput::Ignore,
        unmatched_value_filter: UnmatchedValueFilter::Create,
        complex_values: ComplexValues::Merge,
        loose_paging: Accept,
        unknown_sort: Accept,
        both_projections: Accept,
        bare_token: Accept,
        put_absent_identity: Absent::Keep,
        unknown_member: UnknownMember::Skip,
        member_display: Toggle::On,
        ..generic
    };
    match preset {
        Preset::Strict => Switches::STRICT,
        Preset::Generic => generic,
        Preset::Okta => Switches {
            basic_token: Accept,
            email_defaults: Toggle::On,
            identity_changes: IdentityChanges::Immutable,
            ..provider
        },
        Preset::Entra => {
            Switches { external_id_unique: Toggle::On, group_patch_answer: GroupPatchAnswer::None, ..provider }
        }
        Preset::OneLogin => {
            Switches { response_media_type: ResponseMediaType::Json, put_absent_profile: Absent::Keep, ..provider }
        }
        Preset::Ping => {
            Switches { basic_token: Accept, email_defaults: Toggle::On, put_absent_profile: Absent::Keep, ..provider }
        }
        Preset::Rauthy => Switches { user_groups: UserGroups::Direct, ..provider },
        Preset::JumpCloud
        | Preset::Google
        | Preset::SailPoint
        | Preset::CyberArk
        | Preset::Authentik
        | Preset::Keycloak => provider,
    }
}

impl Switches {
    /// The value coercions.
    #[must_use]
    pub fn coercion(&self) -> Coercion {
        Coercion {
            string_booleans: self.string_booleans,
            object_for_array: self.object_for_array,
            number_for_string: self.number_for_string,
            bare_string_element: self.bare_string_element,
            array_for_single: self.array_for_single,
            string_manager: self.string_manager,
            any_schemas: self.any_schemas,
            duplicate_primary: self.duplicate_primary,
            loose_references: self.loose_references,
            unknown_attributes: self.unknown_attributes,
        }
    }

    /// The grammar of filters and paths.
    #[must_use]
    pub fn grammar(&self) -> Leniencies {
        Leniencies {
            sub_attribute_after_brackets: self.filter_sub_attribute,
            loose_values: self.loose_filter_values,
            loose_paths: self.loose_paths,
        }
    }

    /// How filters are checked.
    #[must_use]
    pub fn compile_options(&self) -> CompileOptions {
        CompileOptions {
            string_booleans: self.string_booleans,
            bare_extension_names: self.bare_extension_names,
            loose_values: self.loose_filter_values,
        }
    }

    /// The PATCH dialect.
    #[must_use]
    pub fn dialect(&self) -> Dialect {
        Dialect {
            coercion: self.coercion(),
            grammar: self.grammar(),
            names: self.compile_options(),
            remove_members_by_value: self.remove_members_by_value,
            empty_operations: self.empty_operations,
            string_value_object: self.string_value_object,
            remove_without_path: self.remove_without_path,
            read_only: self.read_only_input,
            unmatched: self.unmatched_value_filter,
            complex: self.complex_values,
        }
    }
}

/// The switches of a connection that differ from its preset's row: key to word, all valid.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SwitchOverrides(BTreeMap<String, String>);

impl SwitchOverrides {
    /// Reads stored overrides; a key or word that this version does not know is left out.
    #[must_use]
    pub fn from_stored(pairs: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut scratch = Switches::STRICT;
        Self(pairs.into_iter().filter(|(key, word)| scratch.set(key, word).is_ok()).collect())
    }

    /// Sets one; the word `preset` takes the override away.
    ///
    /// # Errors
    /// As [`Switches::set`].
    pub fn set(&mut self, key: &str, word: &str) -> Result<(), String> {
        let mut scratch = Switches::STRICT;
        if word == "preset" {
            if scratch.word(key).is_none() {
                return Err(unknown_key(key));
            }
            self.0.remove(key);
            return Ok(());
        }
        scratch.set(key, word)?;
        self.0.insert(key.to_owned(), word.to_owned());
        Ok(())
    }

    /// The pairs, by key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, word)| (key.as_str(), word.as_str()))
    }

    /// The row with these set.
    #[must_use]
    pub fn applied_to(&self, mut row: Switches) -> Switches {
        for (key, word) in &self.0 {
            // INVARIANT: every pair was checked when it was set or read, so this cannot fail.
            let _ = row.set(key, word);
        }
        row
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_switch_takes_each_of_its_words_and_no_other() {
        for info in Switches::ALL {
            let mut row = Switches::STRICT;
            for word in info.words {
                row.set(info.key, word).unwrap();
                assert_eq!(row.word(info.key), Some(*word));
            }
            assert!(row.set(info.key, "nonsense").unwrap_err().contains(info.key));
        }
        assert!(Switches::STRICT.clone().set("no_such", "on").is_err());
    }

    #[test]
    fn an_override_wins_over_the_preset_until_it_is_taken_away() {
        let mut overrides = SwitchOverrides::default();
        overrides.set("identity_changes", "follow").unwrap();
        assert_eq!(overrides.applied_to(row(Preset::Okta)).identity_changes, IdentityChanges::Follow);
        overrides.set("identity_changes", "preset").unwrap();
        assert_eq!(overrides.applied_to(row(Preset::Okta)).identity_changes, IdentityChanges::Immutable);
    }
}
