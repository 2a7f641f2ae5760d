//! Connections: one identity provider linked to one tenant.

use crate::{
    id::{ConnectionKey, PublicId, TenantKey},
    preset::Preset,
    switches::{SwitchOverrides, Switches},
    time::Timestamp,
};

/// What a connection is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ConnectionKind {
    /// The tenant's built-in connection, which owns what the application imported. It has no
    /// tokens, and is neither counted nor listed.
    Application,
    /// An identity provider.
    IdentityProvider,
}

/// The switch of a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ConnectionState {
    /// Every call is refused with 403.
    Off,
    /// Calls are answered and recorded as if on, but nothing reaches the application.
    Shadow,
    /// On.
    On,
}

impl ConnectionState {
    /// The word in settings and answers.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Shadow => "shadow",
            Self::On => "on",
        }
    }

    /// The state of this word.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Off, Self::Shadow, Self::On].into_iter().find(|state| state.as_str() == text)
    }
}

/// A connection and its settings.
#[derive(Clone, PartialEq, Debug)]
pub struct Connection {
    /// The key inside this database.
    pub key: ConnectionKey,
    /// The id in its base URL: letters, digits and hyphens.
    pub id: PublicId,
    /// Whose it is.
    pub tenant: TenantKey,
    /// What it is.
    pub kind: ConnectionKind,
    /// The name for people; the preset's display name unless given.
    pub name: String,
    /// Its identity provider.
    pub preset: Preset,
    /// Its switch.
    pub state: ConnectionState,
    /// The switches that differ from the preset's row.
    pub overrides: SwitchOverrides,
    /// Grows by one with every change of the settings.
    pub revision: i64,
    /// When it was made.
    pub created: Timestamp,
}

impl Connection {
    /// The switches in force: the preset's row with the overrides applied.
    #[must_use]
    pub fn switches(&self) -> Switches {
        self.overrides.applied_to(self.preset.switches())
    }
}
