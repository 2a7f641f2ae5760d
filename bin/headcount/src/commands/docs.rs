//! `headcount docs …`: the generated documents, for the repository's own use.

use std::{fmt::Write, fs, path::Path};

use anyhow::{Context, Result};
use headcount_model::{Preset, Switches};

use crate::{
    cli,
    config::{KEYS, variable},
    output,
};

/// Writes or prints generated documents.
pub(crate) fn run(command: cli::Docs) -> Result<()> {
    match command {
        cli::Docs::Idp { dir } => idp(&dir),
        cli::Docs::Config => output::text_of(&configuration()?),
        cli::Docs::Errors => output::text_of(&headcount_api::error_table::to_markdown()),
    }
}

fn idp(dir: &Path) -> Result<()> {
    fs::create_dir_all(dir).with_context(|| format!("{} cannot be made", dir.display()))?;
    let write = |name: &str, text: String| {
        let path = dir.join(format!("{name}.md"));
        fs::write(&path, text).with_context(|| format!("{} cannot be written", path.display()))
    };
    for preset in Preset::ALL {
        write(preset.as_str(), page(preset)?)?;
    }
    write("switches", switches()?)
}

/// The page of one preset: what an admin pastes, and the switches that differ from the RFC.
fn page(preset: Preset) -> Result<String> {
    let mut text = String::new();
    writeln!(text, "# {}\n", preset.display_name())?;
    writeln!(text, "Generated from the table of presets by `cargo xtask docs`; do not edit.\n")?;
    writeln!(
        text,
        "```\nheadcount connection create --tenant SLUG --preset {preset}\nheadcount token create --tenant SLUG --connection ID\n```\n",
        preset = preset.as_str()
    )?;
    writeln!(text, "{}\n", setup_note(preset))?;
    let row = preset.switches();
    let differing: Vec<_> =
        Switches::ALL.iter().filter(|info| row.word(info.key) != Switches::STRICT.word(info.key)).collect();
    if differing.is_empty() {
        writeln!(text, "This preset is the RFCs and nothing else: no switch differs from them.")?;
        return Ok(text);
    }
    writeln!(text, "## What differs from the strict reading of the RFCs\n")?;
    writeln!(text, "Each can be changed with `headcount connection set ID KEY=VALUE`.\n")?;
    writeln!(text, "| switch | value | what it decides |\n|---|---|---|")?;
    for info in differing {
        writeln!(text, "| `{}` | `{}` | {} |", info.key, row.word(info.key).unwrap_or_default(), info.meaning.trim())?;
    }
    Ok(text)
}

/// Where the two values go on the identity provider's side.
fn setup_note(preset: Preset) -> &'static str {
    match preset {
        Preset::Generic => {
            "Paste the base URL and the token into the client: any that speaks SCIM 2.0 with a bearer token."
        }
        Preset::Strict => "For clients under test: everything that the RFCs do not allow is refused.",
        Preset::Okta => {
            "In the application's Provisioning tab choose HTTP Header, paste the base URL as SCIM connector base URL, `userName` as unique identifier field, and the token as bearer token; then press Test Connector Configuration."
        }
        Preset::Entra => {
            "In the enterprise application's Provisioning page choose Automatic, paste the base URL as Tenant URL and the token as Secret Token; then press Test Connection."
        }
        Preset::OneLogin => {
            "In the application's Configuration tab paste the base URL as SCIM Base URL and the token as SCIM Bearer Token; then enable the API connection."
        }
        Preset::JumpCloud => {
            "In the application's Identity Management tab choose SCIM 2.0, paste the base URL and the token, give the address of a test user, and activate; JumpCloud makes and deletes a test user and a test group."
        }
        Preset::Google => {
            "In the application's Autoprovisioning section paste the token as access token and the base URL as endpoint URL."
        }
        Preset::Ping => {
            "In the SCIM connection paste the base URL as SCIM URL and the token as bearer token (OAuth 2 Bearer Token), with `userName` as unique user identifier."
        }
        Preset::SailPoint => {
            "In the SCIM 2.0 source paste the base URL and the token with API Token as authentication."
        }
        Preset::CyberArk => {
            "In the application's Provisioning page paste the base URL as SCIM Service URL and the token with authorization type Authorization Header."
        }
        Preset::Authentik => {
            "In the SCIM provider paste the base URL and the token, and assign the provider to the application."
        }
        Preset::Keycloak => {
            "In the SCIM client's settings paste the base URL as endpoint and the token with bearer authentication."
        }
        Preset::Rauthy => "In the client's SCIM settings paste the base URL without a trailing slash and the token.",
    }
}

/// All switches with their words and the value in each preset.
fn switches() -> Result<String> {
    let mut text = String::from(
        "# Switches of a connection\n\nGenerated from the table of presets by `cargo xtask docs`; do not edit.\n\n",
    );
    writeln!(text, "The first value is the RFCs' own.\n")?;
    writeln!(text, "| switch | values | what it decides |\n|---|---|---|")?;
    for info in Switches::ALL {
        writeln!(text, "| `{}` | {} | {} |", info.key, words(info.words), info.meaning.trim())?;
    }
    writeln!(text, "\n## By preset\n")?;
    let presets = Preset::ALL.map(Preset::as_str);
    writeln!(text, "| switch | {} |\n|---|{}", presets.join(" | "), "---|".repeat(presets.len()))?;
    for info in Switches::ALL {
        let row = Preset::ALL.map(|preset| preset.switches().word(info.key).unwrap_or_default());
        writeln!(text, "| `{}` | {} |", info.key, row.join(" | "))?;
    }
    Ok(text)
}

fn words(words: &[&str]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

/// The reference of the configuration.
fn configuration() -> Result<String> {
    let mut text = String::new();
    writeln!(text, "| key | environment | default | meaning |\n|---|---|---|---|")?;
    for key in KEYS {
        let default = if key.default.is_empty() { "none".to_owned() } else { format!("`{}`", key.default) };
        writeln!(text, "| `{}` | `{}` | {default} | {} |", key.name, variable(key.name), key.meaning)?;
    }
    Ok(text)
}
