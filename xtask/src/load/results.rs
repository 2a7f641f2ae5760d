//! Results as JSON lines: every line one object with a `kind`, added to what is there.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use super::machine;

/// The file of results.
pub(crate) struct Results {
    file: PathBuf,
}

impl Results {
    pub(crate) fn new(folder: &Path) -> Result<Self> {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        Ok(Self { file: folder.join("results.jsonl") })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.file
    }

    /// Adds a line about what is measured and where.
    pub(crate) fn begin(&self, run: &str) -> Result<()> {
        let mut line = machine::facts();
        if let Value::Object(members) = &mut line {
            members.insert("run".to_owned(), run.into());
        }
        self.add("machine", line)
    }

    /// Adds a line; it is written before anything else is measured, so that an end in between loses nothing.
    pub(crate) fn add(&self, kind: &str, mut line: Value) -> Result<()> {
        if let Value::Object(members) = &mut line {
            members.insert("kind".to_owned(), kind.into());
        }
        let mut file = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(&self.file)
            .with_context(|| format!("cannot write {}", self.file.display()))?;
        writeln!(file, "{line}").with_context(|| format!("cannot write {}", self.file.display()))
    }

    /// The lines of a kind; of those that agree in all the keys, the last one, in the order of the first.
    pub(crate) fn latest(&self, kind: &str, keys: &[&str]) -> Result<Vec<Value>> {
        let text = std::fs::read_to_string(&self.file).with_context(|| {
            format!("there are no results in {}; run `cargo xtask load` first", self.file.display())
        })?;
        Ok(latest_of(&text, kind, keys))
    }
}

fn latest_of(text: &str, kind: &str, keys: &[&str]) -> Vec<Value> {
    let mut found: Vec<(Value, Value)> = Vec::new();
    for line in text.lines() {
        let Ok(line) = serde_json::from_str::<Value>(line) else { continue };
        if line.get("kind").and_then(Value::as_str) != Some(kind) {
            continue;
        }
        let identity: Value = keys.iter().map(|key| json!(line.get(key))).collect();
        match found.iter_mut().find(|(known, _)| *known == identity) {
            Some((_, kept)) => *kept = line,
            None => found.push((identity, line)),
        }
    }
    found.into_iter().map(|(_, line)| line).collect()
}

/// A number out of a line; 0 if there is none.
pub(crate) fn number(line: &Value, pointer: &str) -> f64 {
    line.pointer(pointer).and_then(Value::as_f64).unwrap_or_default()
}

/// A text out of a line.
pub(crate) fn text<'a>(line: &'a Value, pointer: &str) -> &'a str {
    line.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// A number rounded to so many digits after the point, as it is written down.
pub(crate) fn rounded(number: f64, digits: i32) -> f64 {
    let scale = 10_f64.powi(digits);
    (number * scale).round() / scale
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{latest_of, rounded};

    #[test]
    fn the_last_line_of_the_same_keys_counts() {
        let text = concat!(
            "{\"kind\":\"a\",\"n\":1,\"v\":1}\n{\"kind\":\"b\",\"n\":1}\nbroken\n",
            "{\"kind\":\"a\",\"n\":2,\"v\":2}\n{\"kind\":\"a\",\"n\":1,\"v\":3}\n"
        );
        let lines = latest_of(text, "a", &["n"]);
        assert_eq!(lines, [json!({"kind": "a", "n": 1, "v": 3}), json!({"kind": "a", "n": 2, "v": 2})]);
    }

    #[test]
    fn numbers_are_rounded() {
        assert!((rounded(1.2345, 2) - 1.23).abs() < 1e-12);
    }
}
