//! Findings of conformance tools that are expected, each with the text of the RFC that explains it.

use anyhow::{Context as _, Result, bail};

/// One finding of a tool.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Finding {
    pub(crate) tool: String,
    /// What was checked.
    pub(crate) name: String,
    /// The resource type, or the tool's phase; may be empty.
    pub(crate) subject: String,
    pub(crate) outcome: Outcome,
    pub(crate) detail: String,
}

/// What a tool says of one check.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Outcome {
    Passed,
    Failed,
    Skipped,
}

/// A row of docs/conformance-deviations.toml.
#[derive(Debug)]
pub(crate) struct Deviation {
    tool: String,
    check: String,
    subject: Option<String>,
    contains: String,
}

impl Deviation {
    /// Whether a failed check is what this row expects.
    pub(crate) fn explains(&self, finding: &Finding) -> bool {
        finding.outcome == Outcome::Failed
            && self.tool == finding.tool
            && self.check == finding.name
            && self.subject.as_ref().is_none_or(|subject| *subject == finding.subject)
            && finding.detail.contains(&self.contains)
    }

    /// How a person finds the row.
    pub(crate) fn title(&self) -> String {
        format!("{} {} {:?}", self.tool, self.check, self.contains)
    }
}

/// Reads docs/conformance-deviations.toml.
pub(crate) fn parse(text: &str) -> Result<Vec<Deviation>> {
    let table: toml::Table = text.parse().context("docs/conformance-deviations.toml is not TOML")?;
    let Some(rows) = table.get("deviation") else {
        return Ok(Vec::new());
    };
    let rows = rows.as_array().context("docs/conformance-deviations.toml: `deviation` is written [[deviation]]")?;
    rows.iter().map(deviation_of).collect()
}

fn deviation_of(row: &toml::Value) -> Result<Deviation> {
    let text = |key: &str| {
        let value = row.get(key).and_then(toml::Value::as_str).map(str::trim);
        value.filter(|value| !value.is_empty()).map(str::to_owned)
    };
    let need = |key: &str| text(key).with_context(|| format!("a deviation needs `{key}`: {row}"));
    // `rfc` and `why` are for readers, and are what makes a deviation one: none goes without.
    if !need("rfc")?.contains('§') {
        bail!("`rfc` of a deviation names a section with § and quotes it: {row}");
    }
    need("why")?;
    Ok(Deviation { tool: need("tool")?, check: need("check")?, subject: text("subject"), contains: need("contains")? })
}

#[cfg(test)]
mod tests {
    use super::{Finding, Outcome, parse};

    const ROW: &str = r#"
        [[deviation]]
        tool = "scim2-tester"
        check = "check_add_attribute"
        subject = "TestResource"
        contains = "'ratio'"
        rfc = "RFC 7643 §2.3.3: text"
        why = "reason"
    "#;

    fn finding() -> Finding {
        Finding {
            tool: "scim2-tester".to_owned(),
            name: "check_add_attribute".to_owned(),
            subject: "TestResource".to_owned(),
            outcome: Outcome::Failed,
            detail: "Failed to add attribute 'ratio': …".to_owned(),
        }
    }

    #[test]
    fn a_row_explains_the_failure_it_describes() {
        let deviations = parse(ROW).unwrap();
        assert!(deviations[0].explains(&finding()));
    }

    #[test]
    fn a_row_explains_nothing_else() {
        let deviations = parse(ROW).unwrap();
        let others = [
            Finding { tool: "scim-sanity".to_owned(), ..finding() },
            Finding { name: "check_replace_attribute".to_owned(), ..finding() },
            Finding { subject: "User".to_owned(), ..finding() },
            Finding { outcome: Outcome::Skipped, ..finding() },
            Finding { detail: "Failed to add attribute 'blob'".to_owned(), ..finding() },
        ];
        for other in others {
            assert!(!deviations[0].explains(&other), "{other:?}");
        }
    }

    #[test]
    fn a_row_without_the_text_of_the_rfc_is_refused() {
        assert!(parse(&ROW.replace("rfc =", "other =")).is_err());
        assert!(parse(&ROW.replace('§', "section ")).is_err());
        assert!(parse(&ROW.replace("why =", "other =")).is_err());
        assert_eq!(parse("").unwrap().len(), 0);
    }
}
