//! Sections of the RFCs, and the tests that bear their numbers.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use anyhow::{Context as _, Result, bail};

/// An RFC and the number of a section in it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct SectionId {
    rfc: u32,
    number: Vec<u32>,
}

impl SectionId {
    fn parse(rfc: u32, number: &str) -> Option<Self> {
        let number: Option<Vec<u32>> = number.split('.').map(|part| part.parse().ok()).collect();
        number.map(|number| Self { rfc, number })
    }

    /// The number as the RFC prints it.
    pub(crate) fn number(&self) -> String {
        let parts: Vec<String> = self.number.iter().map(u32::to_string).collect();
        parts.join(".")
    }

    pub(crate) fn rfc(&self) -> u32 {
        self.rfc
    }
}

impl fmt::Display for SectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RFC {} §{}", self.rfc, self.number())
    }
}

/// What is claimed of a section.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Claim {
    /// Kept, as far as tests bear its number.
    ByTests,
    /// Kept in part; the note says which.
    Partial(String),
    /// Not kept; the note says why.
    No(String),
}

/// One row of docs/conformance.toml.
pub(crate) struct Section {
    pub(crate) id: SectionId,
    pub(crate) title: String,
    pub(crate) claim: Claim,
}

/// Reads docs/conformance.toml.
pub(crate) fn parse(text: &str) -> Result<Vec<Section>> {
    let table: toml::Table = text.parse().context("docs/conformance.toml is not TOML")?;
    let rows = table.get("section").and_then(toml::Value::as_array);
    let mut sections: Vec<Section> = Vec::new();
    for row in rows.context("docs/conformance.toml has no [[section]]")? {
        let section = section_of(row)?;
        if sections.iter().any(|other| other.id == section.id) {
            bail!("docs/conformance.toml has {} twice", section.id);
        }
        sections.push(section);
    }
    Ok(sections)
}

fn section_of(row: &toml::Value) -> Result<Section> {
    let text = |key: &str| row.get(key).and_then(toml::Value::as_str);
    let number = text("number").with_context(|| format!("a section has no `number`: {row}"))?;
    let rfc = row.get("rfc").and_then(toml::Value::as_integer).and_then(|rfc| u32::try_from(rfc).ok());
    let rfc = rfc.with_context(|| format!("section {number} has no `rfc`"))?;
    let id = SectionId::parse(rfc, number).with_context(|| format!("`{number}` is no section number"))?;
    let title = text("title").with_context(|| format!("{id} has no `title`"))?.to_owned();
    let claim = match (text("status"), text("note")) {
        (None, None) => Claim::ByTests,
        (Some("partial"), Some(note)) => Claim::Partial(note.to_owned()),
        (Some("no"), Some(note)) => Claim::No(note.to_owned()),
        _ => {
            bail!("{id} needs `status` = \"partial\" or \"no\" together with a `note`, or neither")
        }
    };
    Ok(Section { id, title, claim })
}

/// The tests of each section, as `crate: name`.
pub(crate) type TestsBySection = BTreeMap<SectionId, Vec<String>>;

/// Finds the tests of one source file that bear the number of a section.
/// What names no known section is an error, since it is a slip of the pen.
pub(crate) fn collect(file: &Path, text: &str, sections: &[Section], found: &mut TestsBySection) -> Result<()> {
    let owner = owner_of(file);
    let mut pending = Pending::default();
    for line in text.lines() {
        let line = line.trim();
        if let Some(doc) = line.strip_prefix("///") {
            pending.documented.extend(sections_in(doc));
        } else if line.starts_with("#[") {
            pending.is_test |= line.contains("test");
        } else if let Some(name) = function_name(line) {
            let named = section_of_name(name, sections).with_context(|| {
                format!("{}: the test {name} names a section that docs/conformance.toml lacks", file.display())
            })?;
            let is_test = pending.is_test || named.is_some();
            let mut ids: Vec<SectionId> = named.into_iter().collect();
            if is_test {
                // A test may speak of other RFCs as well; only those with rows are collected.
                let spoken_of = pending.documented.drain(..);
                for id in spoken_of.filter(|id| sections.iter().any(|section| section.id.rfc == id.rfc)) {
                    let known = longest_known(id.rfc, &id.number, sections);
                    let message =
                        || format!("{}: {name} speaks of {id}, which docs/conformance.toml lacks", file.display());
                    ids.push(known.with_context(message)?);
                }
            }
            ids.sort();
            ids.dedup();
            for id in ids {
                found.entry(id).or_default().push(format!("{owner}: {name}"));
            }
            pending = Pending::default();
        } else {
            pending = Pending::default();
        }
    }
    Ok(())
}

/// What was read above a function.
#[derive(Default)]
struct Pending {
    documented: Vec<SectionId>,
    is_test: bool,
}

/// The crate that a file belongs to: `crates/scim-patch/src/apply.rs` is of `scim-patch`.
fn owner_of(file: &Path) -> String {
    let mut parts = file.iter().filter_map(std::ffi::OsStr::to_str);
    match (parts.next(), parts.next()) {
        (Some("crates" | "bin"), Some(name)) | (Some(name), _) => name.to_owned(),
        _ => String::new(),
    }
}

/// The name of the function that a line begins.
fn function_name(line: &str) -> Option<&str> {
    let rest = line.strip_prefix("fn ").or_else(|| line.strip_prefix("async fn "))?;
    let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_')?;
    rest.get(..end)
}

/// The section in a test's name; `None` if the name does not begin with an RFC.
fn section_of_name(name: &str, sections: &[Section]) -> Result<Option<SectionId>> {
    let Some(rest) = name.strip_prefix("rfc") else {
        return Ok(None);
    };
    let (rfc, rest) = rest.split_once('_').unwrap_or((rest, ""));
    let Ok(rfc) = rfc.parse::<u32>() else {
        return Ok(None);
    };
    if !sections.iter().any(|section| section.id.rfc == rfc) {
        return Ok(None);
    }
    let number: Vec<u32> = rest.split('_').map_while(|part| part.parse().ok()).collect();
    if number.is_empty() {
        return Ok(None);
    }
    match longest_known(rfc, &number, sections) {
        Some(id) => Ok(Some(id)),
        None => bail!("no section of RFC {rfc} begins with {number:?}"),
    }
}

/// The longest known beginning of a number: a test's name may go on with a number of its own, as in
/// `rfc7644_3_12_404_for_unknown_ids`.
fn longest_known(rfc: u32, number: &[u32], sections: &[Section]) -> Option<SectionId> {
    (1..=number.len()).rev().find_map(|length| {
        let beginning = number.get(..length)?;
        let known = sections.iter().find(|section| section.id.rfc == rfc && section.id.number == beginning);
        known.map(|section| section.id.clone())
    })
}

/// Every `RFC 7644 §3.5.2.1` in a line.
fn sections_in(line: &str) -> Vec<SectionId> {
    let mut found = Vec::new();
    for part in line.split("RFC ").skip(1) {
        let digits: String = part.chars().take_while(char::is_ascii_digit).collect();
        let Ok(rfc) = digits.parse::<u32>() else {
            continue;
        };
        for number in part.split('§').skip(1) {
            let number: String = number.chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect();
            found.extend(SectionId::parse(rfc, number.trim_end_matches('.')));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{Claim, Section, SectionId, TestsBySection, collect, parse, section_of_name, sections_in};

    fn sections() -> Vec<Section> {
        let text = r#"
            [[section]]
            rfc = 7644
            number = "3.5.2"
            title = "PATCH"
            [[section]]
            rfc = 7644
            number = "3.5.2.1"
            title = "Add"
            [[section]]
            rfc = 7644
            number = "3.12"
            title = "Errors"
            status = "partial"
            note = "why"
        "#;
        parse(text).unwrap()
    }

    fn of_name(name: &str) -> Option<String> {
        section_of_name(name, &sections()).unwrap().map(|id| id.to_string())
    }

    #[test]
    fn a_name_gives_its_section() {
        assert_eq!(of_name("rfc7644_3_5_2_1_add_members").as_deref(), Some("RFC 7644 §3.5.2.1"));
        assert_eq!(of_name("rfc7644_3_5_2_without_path").as_deref(), Some("RFC 7644 §3.5.2"));
        assert_eq!(of_name("rfc7644_3_12_404_for_unknown").as_deref(), Some("RFC 7644 §3.12"));
        assert_eq!(of_name("rfc6750_2_1_bearer"), None);
        assert_eq!(of_name("add_members"), None);
        assert_eq!(of_name("rfc7644_request"), None);
    }

    #[test]
    fn an_unknown_section_in_a_name_is_an_error() {
        assert!(section_of_name("rfc7644_9_9_x", &sections()).is_err());
        assert!(section_of_name("rfc7644_12_7_x", &sections()).is_err());
    }

    #[test]
    fn a_line_of_documentation_gives_its_sections() {
        let ids = sections_in(" RFC 7644 §3.5.2.1, §3.12. And RFC 7643 §2.4");
        let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
        assert_eq!(ids, ["RFC 7644 §3.5.2.1", "RFC 7644 §3.12", "RFC 7643 §2.4"]);
        assert_eq!(sections_in("RFC ABC § RFC"), []);
    }

    #[test]
    fn tests_are_found_by_name_and_by_documentation() {
        let text = "
            #[test]
            fn rfc7644_3_5_2_1_adds() {}
            /// RFC 7644 §3.12
            #[test]
            fn errors_have_a_body() {}
            /// RFC 7644 §3.12 is what this function is about, but it is no test.
            fn respond() {}
        ";
        let mut found = TestsBySection::new();
        collect(Path::new("crates/scim-patch/src/x.rs"), text, &sections(), &mut found).unwrap();
        let lines: Vec<String> = found.iter().map(|(id, tests)| format!("{id} {tests:?}")).collect();
        assert_eq!(
            lines,
            [
                r#"RFC 7644 §3.5.2.1 ["scim-patch: rfc7644_3_5_2_1_adds"]"#,
                r#"RFC 7644 §3.12 ["scim-patch: errors_have_a_body"]"#,
            ]
        );
    }

    #[test]
    fn sections_are_ordered_by_number_not_by_text() {
        let id = |number: &str| SectionId::parse(7644, number).unwrap();
        assert!(id("3.4") < id("3.12"));
        assert!(id("3.5") < id("3.5.2"));
    }

    #[test]
    fn a_claim_needs_its_note() {
        assert_eq!(sections()[2].claim, Claim::Partial("why".to_owned()));
        let bare = "[[section]]\nrfc = 7644\nnumber = \"1\"\ntitle = \"x\"\nstatus = \"no\"";
        assert!(parse(bare).is_err());
        let wrong = "[[section]]\nrfc = 7644\nnumber = \"1\"\ntitle = \"x\"\nstatus = \"yes\"\nnote = \"x\"";
        assert!(parse(wrong).is_err());
    }

    #[test]
    fn a_section_stands_once() {
        let row = "[[section]]\nrfc = 7644\nnumber = \"1\"\ntitle = \"x\"\n";
        assert!(parse(row).is_ok());
        assert!(parse(&row.repeat(2)).is_err());
    }
}
