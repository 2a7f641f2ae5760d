//! Presets: one row of switches for each identity provider. A preset is data, never code.

use crate::switches::Switches;

/// The identity provider of a connection.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Preset {
    /// The RFCs with the leniencies that cannot harm; the default.
    Generic,
    /// The RFCs and nothing else.
    Strict,
    /// Okta, all three flavours.
    Okta,
    /// Microsoft Entra ID.
    Entra,
    /// OneLogin.
    OneLogin,
    /// JumpCloud.
    JumpCloud,
    /// Google Workspace.
    Google,
    /// PingFederate and PingOne.
    Ping,
    /// SailPoint.
    SailPoint,
    /// CyberArk Identity.
    CyberArk,
    /// authentik.
    Authentik,
    /// Keycloak's SCIM clients.
    Keycloak,
    /// rauthy.
    Rauthy,
}

impl Preset {
    /// All presets, in the order of lists.
    pub const ALL: [Self; 13] = [
        Self::Generic,
        Self::Strict,
        Self::Okta,
        Self::Entra,
        Self::OneLogin,
        Self::JumpCloud,
        Self::Google,
        Self::Ping,
        Self::SailPoint,
        Self::CyberArk,
        Self::Authentik,
        Self::Keycloak,
        Self::Rauthy,
    ];

    /// The word in settings.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Generic => "generic",
            Self::Strict => "strict",
            Self::Okta => "okta",
            Self::Entra => "entra",
            Self::OneLogin => "onelogin",
            Self::JumpCloud => "jumpcloud",
            Self::Google => "google",
            Self::Ping => "ping",
            Self::SailPoint => "sailpoint",
            Self::CyberArk => "cyberark",
            Self::Authentik => "authentik",
            Self::Keycloak => "keycloak",
            Self::Rauthy => "rauthy",
        }
    }

    /// The name for people.
    #[must_use]
    pub fn display_name(self) -> &'static str {
        match self {
            Self::Generic => "Generic SCIM 2.0",
            Self::Strict => "Strict SCIM 2.0",
            Self::Okta => "Okta",
            Self::Entra => "Microsoft Entra ID",
            Self::OneLogin => "OneLogin",
            Self::JumpCloud => "JumpCloud",
            Self::Google => "Google Workspace",
            Self::Ping => "Ping Identity",
            Self::SailPoint => "SailPoint",
            Self::CyberArk => "CyberArk Identity",
            Self::Authentik => "authentik",
            Self::Keycloak => "Keycloak",
            Self::Rauthy => "rauthy",
        }
    }

    /// The preset of this word, ignoring ASCII case.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|preset| preset.as_str().eq_ignore_ascii_case(text))
    }

    /// The preset's row of switches.
    #[must_use]
    pub fn switches(self) -> Switches {
        crate::switches::row(self)
    }
}
