//! Administrators: who may sign in to the console, and what each may do there.

use crate::{
    id::{PublicId, TenantKey},
    time::Timestamp,
};

/// Somebody who may sign in to the console.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Administrator {
    /// The public id, which journal entries name.
    pub id: PublicId,
    /// The e-mail address as it was written.
    pub email: String,
    /// The address in its comparison form, by which it is unique and found.
    pub email_key: String,
    /// The name for people; empty until the administrator has given it.
    pub name: String,
    /// What the administrator may do, and where.
    pub role: Role,
    /// When the administrator was made.
    pub created: Timestamp,
    /// When the password was last set; `None`: invited, and not here yet.
    pub password_set: Option<Timestamp>,
    /// When the administrator was disabled.
    pub disabled: Option<Timestamp>,
}

impl Administrator {
    /// The name, or the address where there is none yet.
    #[must_use]
    pub fn shown_name(&self) -> &str {
        if self.name.is_empty() { &self.email } else { &self.name }
    }
}

/// What an administrator may do, and where.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// Everything, in all tenants: who runs Headcount.
    Operator,
    /// Provisioning of one tenant: its connections and tokens.
    Admin(TenantKey),
    /// Looks at one tenant, or at all, and changes nothing.
    Viewer(Option<TenantKey>),
}

impl Role {
    /// The word in settings and answers.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Admin(_) => "admin",
            Self::Viewer(_) => "viewer",
        }
    }

    /// The role of this word in this tenant; `None` for a word that is none, an operator of one
    /// tenant, or an admin of all.
    #[must_use]
    pub fn parse(word: &str, tenant: Option<TenantKey>) -> Option<Self> {
        match (word, tenant) {
            ("operator", None) => Some(Self::Operator),
            ("admin", Some(tenant)) => Some(Self::Admin(tenant)),
            ("viewer", tenant) => Some(Self::Viewer(tenant)),
            _ => None,
        }
    }

    /// The one tenant it is bound to.
    #[must_use]
    pub fn tenant(self) -> Option<TenantKey> {
        match self {
            Self::Operator => None,
            Self::Admin(tenant) => Some(tenant),
            Self::Viewer(tenant) => tenant,
        }
    }

    /// Whether it allows the deed in this tenant; `None`: over all of the installation.
    #[must_use]
    pub fn may(self, deed: Deed, on: Option<TenantKey>) -> bool {
        if self.tenant().is_some() && deed != Deed::OwnAccount && self.tenant() != on {
            return false;
        }
        match deed {
            Deed::OwnAccount | Deed::SeeTenants | Deed::SeeTenant => true,
            Deed::ChangeConnections | Deed::MakeTokens | Deed::RevokeTokens => !matches!(self, Self::Viewer(_)),
            Deed::ChangeTenants => self == Self::Operator,
        }
    }
}

/// What somebody does in the console. Every route of it names one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Deed {
    /// Signing out, giving the password again, the appearance: one's own matters.
    OwnAccount,
    /// Seeing the list of all tenants.
    SeeTenants,
    /// Seeing a tenant: its settings, connections, and tokens but for the tokens themselves.
    SeeTenant,
    /// Making connections of a tenant, choosing the identity provider, the switch.
    ChangeConnections,
    /// Making tokens.
    MakeTokens,
    /// Revoking tokens.
    RevokeTokens,
    /// Making tenants, and changing entitlement, name and hosts.
    ChangeTenants,
}

impl Deed {
    /// All deeds, in the order of tables.
    pub const ALL: [Self; 7] = [
        Self::OwnAccount,
        Self::SeeTenants,
        Self::SeeTenant,
        Self::ChangeConnections,
        Self::MakeTokens,
        Self::RevokeTokens,
        Self::ChangeTenants,
    ];
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: TenantKey = TenantKey(1);
    const OTHER: TenantKey = TenantKey(2);

    /// The whole matrix: who may do what, over the installation, in the own tenant, in another one.
    #[test]
    fn roles_may_what_the_table_says_and_nothing_else() {
        let roles = [Role::Operator, Role::Viewer(None), Role::Admin(OWN), Role::Viewer(Some(OWN))];
        let places = [None, Some(OWN), Some(OTHER)];
        // A column is a role, in it a letter a place: installation, own tenant, other tenant.
        let table = [
            (Deed::OwnAccount, ["yyy", "yyy", "yyy", "yyy"]),
            (Deed::SeeTenants, ["yyy", "yyy", "-y-", "-y-"]),
            (Deed::SeeTenant, ["yyy", "yyy", "-y-", "-y-"]),
            (Deed::ChangeConnections, ["yyy", "---", "-y-", "---"]),
            (Deed::MakeTokens, ["yyy", "---", "-y-", "---"]),
            (Deed::RevokeTokens, ["yyy", "---", "-y-", "---"]),
            (Deed::ChangeTenants, ["yyy", "---", "---", "---"]),
        ];
        assert_eq!(table.map(|(deed, _)| deed), Deed::ALL, "every deed has its row");
        for (deed, columns) in table {
            for (role, column) in roles.into_iter().zip(columns) {
                let found: String = places.iter().map(|place| if role.may(deed, *place) { 'y' } else { '-' }).collect();
                assert_eq!(found, column, "{deed:?} of {role:?}");
            }
        }
    }

    #[test]
    fn roles_are_read_as_they_are_written_and_none_is_without_its_place() {
        for role in [Role::Operator, Role::Admin(OWN), Role::Viewer(None), Role::Viewer(Some(OWN))] {
            assert_eq!(Role::parse(role.as_str(), role.tenant()), Some(role));
        }
        assert_eq!(Role::parse("operator", Some(OWN)), None);
        assert_eq!(Role::parse("admin", None), None);
        assert_eq!(Role::parse("Operator", None), None);
    }
}
