//! The core User schema (RFC 7643 §4.1, §8.7.1).

use crate::{
    attribute::{AttrType, Attribute, Mutability, Returned},
    builtin::{
        USER,
        define::{
            complex, flag, kind, list, plural, primary, read_only, reference, required, returned, schema, searchable,
            suggesting, text, typed, unique, with_mutability,
        },
    },
    schema::Schema,
};

/// The core User schema. `emails`, `phoneNumbers`, `roles` and `entitlements` are searchable by
/// their `value`.
#[must_use]
pub fn user() -> Schema {
    schema(USER, "User", "User Account", singular().into_iter().chain(plurals()).collect())
}

fn singular() -> Vec<Attribute> {
    vec![
        required(unique(text("userName", "The name by which the user signs in; unique and never empty."))),
        complex(
            "name",
            "The parts of the user's name.",
            vec![
                text("formatted", "The whole name as it is written out."),
                text("familyName", "The family name, or last name in most Western languages."),
                text("givenName", "The given name, or first name in most Western languages."),
                text("middleName", "The middle names."),
                text("honorificPrefix", "What stands before the name, such as Ms."),
                text("honorificSuffix", "What stands behind the name, such as III."),
            ],
        ),
        text("displayName", "The name shown to other people."),
        text("nickName", "The casual way to address the user."),
        reference("profileUrl", &["external"], "A page that shows the user's profile."),
        text("title", "The user's title, such as Vice President."),
        text("userType", "How the user relates to the organization, such as Contractor."),
        text("preferredLanguage", "The languages the user prefers, as in an Accept-Language header."),
        text("locale", "The language and region by which things are written for the user, such as en-US."),
        text("timezone", "The user's time zone by its name in the IANA database."),
        flag("active", "Whether the user may use the application."),
        returned(
            with_mutability(text("password", "The user's password in clear; never returned."), Mutability::WriteOnly),
            Returned::Never,
        ),
    ]
}

fn plurals() -> Vec<Attribute> {
    let text_value = |description| text("value", description);
    vec![
        searchable(plural(
            "emails",
            "The user's e-mail addresses.",
            text_value("An e-mail address."),
            &["work", "home", "other"],
        )),
        searchable(plural(
            "phoneNumbers",
            "The user's phone numbers.",
            text_value("A phone number."),
            &["work", "home", "mobile", "fax", "pager", "other"],
        )),
        plural(
            "ims",
            "The user's instant messaging addresses.",
            text_value("An instant messaging address."),
            &["aim", "gtalk", "icq", "xmpp", "msn", "skype", "qq", "yahoo"],
        ),
        plural(
            "photos",
            "Pictures of the user.",
            reference("value", &["external"], "Where the picture is."),
            &["photo", "thumbnail"],
        ),
        list(complex(
            "addresses",
            "The user's postal addresses.",
            vec![
                text("formatted", "The whole address as it is written on a letter."),
                text("streetAddress", "Street, house number, post office box."),
                text("locality", "The city or locality."),
                text("region", "The state or region."),
                text("postalCode", "The postal code."),
                text("country", "The country."),
                kind(&["work", "home", "other"]),
                primary(),
            ],
        )),
        read_only(list(complex(
            "groups",
            "The groups that the user belongs to.",
            vec![
                text("value", "The identifier of the group."),
                reference("$ref", &["User", "Group"], "Where the group is."),
                text("display", "The group's name."),
                suggesting(
                    text("type", "Whether the user is in the group itself or in one that is in it."),
                    &["direct", "indirect"],
                ),
            ],
        ))),
        searchable(plural("entitlements", "What the user is entitled to.", text_value("An entitlement."), &[])),
        searchable(plural("roles", "The user's roles.", text_value("A role."), &[])),
        plural(
            "x509Certificates",
            "The user's X.509 certificates.",
            typed("value", AttrType::Binary, "A certificate: DER in base64."),
            &[],
        ),
    ]
}
