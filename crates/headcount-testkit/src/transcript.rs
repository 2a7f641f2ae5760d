//! Transcripts: what a client sends, and what it must get.

mod matching;
mod run;
mod standing;

use std::{collections::BTreeMap, num::NonZeroU32, path::Path};

use headcount_model::Preset;
use serde::Deserialize;
use serde_json::Value;

pub use matching::Names;
pub use run::{CANARY_PASSWORD, run};

/// A conversation between a client and the API; `transcripts/README.md` tells its format.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Transcript {
    /// What it shows, in one sentence.
    pub title: String,
    /// The numbered rules it proves, or the words of the decision.
    pub rule: Vec<Rule>,
    /// Where the shapes come from: document or issue, and date.
    pub source: String,
    /// How far the source can be trusted.
    pub mark: Mark,
    /// The presets of the connection: it holds for each of them.
    pub preset: Presets,
    /// Switches that differ from the preset.
    #[serde(default)]
    pub switches: BTreeMap<String, String>,
    /// Requests a second that the server takes from one connection; unlimited unless it is told.
    #[serde(default)]
    pub rate_per_s: Option<NonZeroU32>,
    /// What is there before the first step.
    #[serde(default)]
    pub given: Given,
    /// More connections of the same tenant, by the name that `as` uses.
    #[serde(default)]
    pub connections: BTreeMap<String, Other>,
    /// Requests and answers, in order.
    pub steps: Vec<Step>,
}

/// Presets of the transcript's own connection.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(untagged)]
pub enum Presets {
    /// One, or `providers`: those of all named identity providers.
    One(String),
    /// Several.
    Some(Vec<String>),
}

impl Presets {
    /// The presets.
    ///
    /// # Errors
    /// The word that is none.
    pub fn list(&self) -> Result<Vec<Preset>, String> {
        let words = match self {
            Self::One(word) if word == "providers" => {
                let named = |preset: &Preset| !matches!(preset, Preset::Generic | Preset::Strict);
                return Ok(Preset::ALL.into_iter().filter(named).collect());
            }
            Self::One(word) => std::slice::from_ref(word),
            Self::Some(words) => words,
        };
        words.iter().map(|word| parse_preset(word)).collect()
    }
}

fn parse_preset(word: &str) -> Result<Preset, String> {
    Preset::parse(word).ok_or_else(|| format!("'{word}' is no preset"))
}

/// What a transcript proves.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(untagged)]
pub enum Rule {
    /// A numbered rule.
    Number(u32),
    /// The words of a decision.
    Words(String),
}

/// How far a source can be trusted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mark {
    /// The vendor's own documentation, tests or source code.
    Documented,
    /// An issue, a forum thread, a captured log.
    Reported,
    /// A conclusion from several of those.
    Inferred,
    /// The text of an RFC.
    Rfc,
    /// A decision of this project.
    Decided,
}

/// What is there before the first step.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Given {
    /// Users that the application imported.
    #[serde(default)]
    pub accounts: Vec<Value>,
    /// Whether connections may adopt them.
    #[serde(default)]
    pub adoptable: bool,
}

/// Another connection of the same tenant.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Other {
    /// Its preset.
    pub preset: String,
    /// Switches that differ from the preset.
    #[serde(default)]
    pub switches: BTreeMap<String, String>,
}

/// One request and its answer.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Why it is sent, where the request does not say.
    #[serde(default)]
    pub note: Option<String>,
    /// The connection that sends it, if not the transcript's own.
    #[serde(default, rename = "as")]
    pub sender: Option<String>,
    /// How often it is sent, with `{{n}}` from 1.
    #[serde(default)]
    pub repeat: Option<u32>,
    /// Seconds that pass before it.
    #[serde(default)]
    pub wait: i64,
    /// What is sent.
    pub request: StepRequest,
    /// What comes back.
    pub answer: StepAnswer,
    /// The kinds of the journal entries that it makes; none for a request that changes nothing.
    #[serde(default)]
    pub journal: Option<Vec<String>>,
}

/// What is sent.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StepRequest {
    /// The method.
    pub method: String,
    /// What follows the base, as it is on the wire.
    pub target: String,
    /// Headers; null takes away one that is sent otherwise.
    #[serde(default)]
    pub headers: BTreeMap<String, Option<String>>,
    /// A JSON body.
    #[serde(default)]
    pub body: Option<Value>,
    /// A body that is no JSON, or whose exact text matters.
    #[serde(default)]
    pub raw: Option<String>,
}

/// What comes back.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StepAnswer {
    /// The status.
    pub status: u16,
    /// Headers; null for one that must be absent.
    #[serde(default)]
    pub headers: BTreeMap<String, Option<String>>,
    /// The whole body.
    #[serde(default)]
    pub body: Option<Value>,
    /// A part of the body.
    #[serde(default)]
    pub includes: Option<Value>,
    /// The error's key word; absent for an error that has none.
    #[serde(default, rename = "scimType")]
    pub scim_type: Option<String>,
    /// Words that the error's detail holds.
    #[serde(default)]
    pub names: Vec<String>,
    /// Lengths of arrays, by JSON pointer.
    #[serde(default)]
    pub lengths: BTreeMap<String, usize>,
}

impl Transcript {
    /// Reads the text of a file.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let transcript: Self = serde_json::from_str(text).map_err(|error| error.to_string())?;
        for other in transcript.connections.values() {
            parse_preset(&other.preset)?;
        }
        if transcript.preset.list()?.is_empty() {
            return Err("a transcript holds for at least one preset".to_owned());
        }
        if transcript.source.trim().is_empty() || transcript.title.trim().is_empty() {
            return Err("title and source say something".to_owned());
        }
        if transcript.rule.is_empty() || transcript.steps.is_empty() {
            return Err("a transcript proves at least one rule by at least one step".to_owned());
        }
        for step in &transcript.steps {
            let answer = &step.answer;
            if answer.status >= 400 && (answer.body.is_some() || answer.includes.is_some()) {
                return Err("errors are told by scimType and names".to_owned());
            }
            if answer.status < 400 && (answer.scim_type.is_some() || !answer.names.is_empty()) {
                return Err("scimType and names are for errors".to_owned());
            }
            if step.sender.as_ref().is_some_and(|name| !transcript.connections.contains_key(name)) {
                return Err(format!("{:?} is no connection of the transcript", step.sender));
            }
        }
        Ok(transcript)
    }

    /// Every transcript below a folder with its path there, in the order of paths.
    #[must_use]
    pub fn all(folder: &Path) -> Vec<(String, Self)> {
        let mut found = Vec::new();
        let mut folders = vec![folder.to_owned()];
        while let Some(next) = folders.pop() {
            for entry in std::fs::read_dir(&next).unwrap_or_else(|error| panic!("{}: {error}", next.display())) {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|extension| extension == "json") {
                    let name = path.strip_prefix(folder).unwrap().display().to_string();
                    let text = std::fs::read_to_string(&path).unwrap();
                    found.push((name.clone(), Self::parse(&text).unwrap_or_else(|fault| panic!("{name}: {fault}"))));
                }
            }
        }
        found.sort_by(|(left, _), (right, _)| left.cmp(right));
        found
    }
}
