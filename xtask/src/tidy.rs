//! Rules about files and their text that the compiler does not know.

use std::ffi::OsStr;
use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use serde_json::Value;

use crate::workspace::Workspace;

/// Lines of a source file, tests excluded, past which it should be split by concept.
const LONG: usize = 600;

/// Lines of a source file, tests excluded, past which it has to be.
const TOO_LONG: usize = 900;

/// File and folder names that say nothing about what is inside.
const EMPTY_NAMES: &[&str] = &["util", "utils", "helper", "helpers", "common", "misc"];

/// Tags of comments that are not the three allowed ones (INVARIANT, SECURITY, QUIRK).
const OTHER_TAGS: &[&str] =
    &["NOTE", "HACK", "FIXME", "XXX", "WARNING", "SAFETY", "BUG", "OPTIMIZE", "IMPORTANT", "PERF", "REVIEW"];

/// Code that may not stay, with the reason. The macros are cut in two so that this file passes.
const BANNED_CODE: &[(&str, &str)] = &[
    (concat!("#[", "ignore"), "a test that does not run proves nothing; mend it or take it out"),
    (concat!("#[", "serial"), "tests are independent of each other"),
    (concat!("todo", "!("), "finish it"),
    (concat!("unimplemented", "!("), "finish it"),
    (concat!("dbg", "!("), "debugging output"),
];

/// Beginnings of paths that exist on one machine only, cut in two so that this file passes.
const MACHINE_PATHS: &[&str] = &[concat!("/ro", "ot/"), concat!("/wo", "rk/"), concat!("/ho", "me/")];

/// One broken rule.
#[derive(PartialEq, Eq, Debug)]
struct Fault {
    file: PathBuf,
    line: Option<usize>,
    rule: String,
    weight: Weight,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Weight {
    Warning,
    Error,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let weight = match self.weight {
            Weight::Warning => "warning: ",
            Weight::Error => "",
        };
        match self.line {
            Some(line) => write!(f, "{weight}{}:{line}: {}", self.file.display(), self.rule),
            None => write!(f, "{weight}{}: {}", self.file.display(), self.rule),
        }
    }
}

/// Checks every file in git.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    let files = workspace.files()?;
    let mut faults = Vec::new();
    for file in &files {
        faults.extend(faults_of_name(file));
        if let Some(text) = workspace.read(file)? {
            faults.extend(faults_of_text(file, &text));
        }
    }
    for fault in &faults {
        println!("tidy: {fault}");
    }
    let errors = faults.iter().filter(|fault| fault.weight == Weight::Error).count();
    if errors > 0 {
        bail!("{errors} places break the house style; each line above says where and what");
    }
    println!("tidy: {} files", files.len());
    Ok(())
}

fn faults_of_name(file: &Path) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut fault = |rule: String| {
        faults.push(Fault { file: file.to_owned(), line: None, rule, weight: Weight::Error });
    };
    let mut parts: Vec<&str> = file.iter().filter_map(OsStr::to_str).collect();
    parts.pop();
    parts.extend(file.file_stem().and_then(OsStr::to_str));
    for part in parts {
        if is_rust(file) && EMPTY_NAMES.contains(&part) {
            fault(format!("the name `{part}` says nothing; name the concept"));
        }
    }
    match file.extension().and_then(OsStr::to_str) {
        Some("sh") => fault("automation is Rust in xtask, not a shell script".to_owned()),
        Some("orig" | "rej" | "bak" | "backup" | "swp") => {
            fault("a leftover of an editor or a merge".to_owned());
        }
        _ => {}
    }
    if file.starts_with("docs/decisions") && !is_decision_name(file) {
        fault("a decision record is named NNNN-title.md".to_owned());
    }
    faults
}

fn faults_of_text(file: &Path, text: &str) -> Vec<Fault> {
    let mut faults = faults_of_length(file, text);
    let mut before = "";
    for (index, line) in text.lines().enumerate() {
        let mut rules = faults_of_line(file, line);
        if before == "#[test]" && line.trim_start().starts_with("fn test_") {
            rules.push("a test's name says the behaviour, without the prefix `test_`".to_owned());
        }
        before = line.trim();
        for rule in rules {
            faults.push(Fault { file: file.to_owned(), line: Some(index + 1), rule, weight: Weight::Error });
        }
    }
    if file.extension().is_some_and(|extension| extension == "md") {
        for line in lines_with_two_sentences(text) {
            let rule = "more than one sentence; Markdown has one a line".to_owned();
            faults.push(Fault { file: file.to_owned(), line: Some(line), rule, weight: Weight::Error });
        }
    }
    if is_transcript(file)
        && let Some(rule) = fault_of_transcript(text)
    {
        faults.push(Fault { file: file.to_owned(), line: None, rule, weight: Weight::Error });
    }
    faults
}

fn faults_of_length(file: &Path, text: &str) -> Vec<Fault> {
    let in_tests = file.iter().any(|part| part == "tests") || file.file_stem().is_some_and(|stem| stem == "tests");
    if !is_rust(file) || in_tests {
        return Vec::new();
    }
    let lines = lines_without_tests(text);
    let weight = match lines {
        0..=LONG => return Vec::new(),
        _ if lines <= TOO_LONG => Weight::Warning,
        _ => Weight::Error,
    };
    let rule = format!("{lines} lines without tests; past {LONG} a file is split by concept");
    vec![Fault { file: file.to_owned(), line: None, rule, weight }]
}

/// The lines in front of `#[cfg(test)]` of the module of tests, which stands last.
fn lines_without_tests(text: &str) -> usize {
    let lines: Vec<&str> = text.lines().collect();
    let tests = lines.windows(2).position(
        |pair| matches!(pair, [attribute, module] if *attribute == "#[cfg(test)]" && module.starts_with("mod ")),
    );
    tests.unwrap_or(lines.len())
}

fn faults_of_line(file: &Path, line: &str) -> Vec<String> {
    let mut faults = Vec::new();
    if is_prose(file) || is_rust(file) {
        if let Some(path) = MACHINE_PATHS.iter().find(|path| names_machine_path(line, path)) {
            faults.push(format!("the path {path} exists on one machine only"));
        }
        if names_task_without_issue(line) {
            faults.push(concat!("a TO", "DO needs the number of an issue: TO", "DO(#12)").to_owned());
        }
    }
    if !is_rust(file) {
        return faults;
    }
    let code = line.trim_start();
    match code.strip_prefix("//") {
        Some(comment) => faults.extend(fault_of_comment(comment).map(str::to_owned)),
        None => {
            for (banned, reason) in BANNED_CODE {
                if contains_code(code, banned) {
                    faults.push(format!("`{banned}`: {reason}"));
                }
            }
        }
    }
    faults
}

/// Whether `banned` stands in the line with nothing of an identifier in front of it.
fn contains_code(line: &str, banned: &str) -> bool {
    line.match_indices(banned).any(|(at, _)| {
        let before = line.get(..at).and_then(|head| head.chars().next_back());
        !before.is_some_and(|c| c.is_alphanumeric() || c == '_')
    })
}

/// The fault of a comment, given what follows `//`.
fn fault_of_comment(comment: &str) -> Option<&'static str> {
    let is_doc = comment.starts_with(['/', '!']);
    let text = comment.trim_start_matches(['/', '!']).trim();
    if is_banner(comment) {
        return Some("a banner; a file with parts that need one is split");
    }
    if is_doc {
        return None;
    }
    let tag = text.split([':', '(', ' ']).next().unwrap_or_default();
    let tagged = text.strip_prefix(tag).is_some_and(|rest| rest.starts_with([':', '(']));
    if tagged && OTHER_TAGS.contains(&tag) {
        return Some("the only tags are INVARIANT, SECURITY and QUIRK(identity provider)");
    }
    if tagged && tag == "QUIRK" && !text.starts_with("QUIRK(") {
        return Some("a quirk names its identity provider: QUIRK(entra)");
    }
    if is_code(text) {
        return Some("code in a comment; git remembers it");
    }
    None
}

/// Whether a comment is decoration: a run of one sign, with or without words in it.
fn is_banner(comment: &str) -> bool {
    let text = comment.trim();
    let is_sign = |c: char| matches!(c, '-' | '=' | '*' | '#' | '~' | '/' | '+' | '_');
    let run = text.chars().take_while(|c| is_sign(*c)).count();
    // A table or a fence of a doc comment begins with `|` or backticks, so neither is a sign here.
    run >= 4 && !comment.starts_with(['/', '!']) || comment.chars().filter(|c| *c == '/').count() > 40
}

/// Whether a comment line is a statement of Rust.
fn is_code(text: &str) -> bool {
    let starts = ["let ", "fn ", "pub ", "use ", "impl ", "struct ", "enum ", "return ", "match ", "if let "];
    starts.iter().any(|start| text.starts_with(start)) && text.ends_with([';', '{'])
}

/// Whether the line speaks of something to be done without naming an issue.
fn names_task_without_issue(line: &str) -> bool {
    const WORD: &str = concat!("TO", "DO");
    line.match_indices(WORD).any(|(at, _)| {
        let before = line.get(..at).and_then(|head| head.chars().next_back());
        let after = line.get(at + WORD.len()..).unwrap_or_default();
        let whole = !before.is_some_and(char::is_alphanumeric) && !after.starts_with(char::is_alphanumeric);
        let numbered = after.strip_prefix("(#").is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
        whole && !numbered
    })
}

/// Whether the line names a path from the root of one machine: one that follows no other path.
fn names_machine_path(line: &str, path: &str) -> bool {
    line.match_indices(path).any(|(at, _)| {
        let before = line.get(..at).and_then(|head| head.chars().next_back());
        !before.is_some_and(|c| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | '}' | '>' | '~' | '*'))
    })
}

/// The numbers of the lines of prose in which one sentence ends and another begins.
/// Tables and code are left alone: a cell cannot be broken into lines.
fn lines_with_two_sentences(text: &str) -> Vec<usize> {
    let mut found = Vec::new();
    let mut in_code = false;
    for (index, line) in text.lines().enumerate() {
        let prose = line.trim_start();
        if prose.starts_with("```") {
            in_code = !in_code;
        }
        if !in_code && !prose.starts_with(['|', '#']) && has_two_sentences(prose) {
            found.push(index + 1);
        }
    }
    found
}

fn has_two_sentences(prose: &str) -> bool {
    // What stands between backticks is a name or a command, not prose.
    let words: Vec<&str> = prose.split('`').step_by(2).flat_map(str::split_whitespace).collect();
    words.windows(2).any(|pair| match pair {
        [last, first] => {
            let ends = last.ends_with(['.', '?', '!']) && last.chars().filter(|c| c.is_alphanumeric()).count() > 1;
            let is_short = ["e.g.", "i.e.", "etc.", "cf.", "vs.", "St.", "Dr.", "No."].contains(last);
            let is_number = last.trim_end_matches('.').chars().all(|c| c.is_ascii_digit());
            ends && !is_short && !is_number && first.starts_with(char::is_uppercase)
        }
        _ => false,
    })
}

/// What is wrong with a recorded conversation: it has to say where its shape comes from.
fn fault_of_transcript(text: &str) -> Option<String> {
    let Ok(value) = serde_json::from_str::<Value>(text) else {
        return Some("a transcript is one JSON document".to_owned());
    };
    let source = value.get("source").is_some_and(|source| match source {
        Value::String(text) => !text.trim().is_empty(),
        Value::Object(members) => !members.is_empty(),
        _ => false,
    });
    (!source).then(|| "a transcript states in `source` where its shape comes from: document and date".to_owned())
}

fn is_transcript(file: &Path) -> bool {
    file.extension().is_some_and(|extension| extension == "json")
        && file.starts_with("crates/headcount-testkit/transcripts")
}

fn is_rust(file: &Path) -> bool {
    file.extension().is_some_and(|extension| extension == "rs")
}

fn is_prose(file: &Path) -> bool {
    let extension = file.extension().and_then(OsStr::to_str);
    matches!(extension, Some("md" | "toml" | "json" | "py" | "sql" | "yml" | "yaml")) || extension.is_none()
}

fn is_decision_name(file: &Path) -> bool {
    let stem = file.file_stem().and_then(OsStr::to_str).unwrap_or_default();
    let (number, title) = stem.split_once('-').unwrap_or_default();
    let numbered = number.len() == 4 && number.bytes().all(|b| b.is_ascii_digit());
    numbered && !title.is_empty() && file.extension().is_some_and(|extension| extension == "md")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{
        Weight, fault_of_comment, fault_of_transcript, faults_of_length, faults_of_line, faults_of_name,
        faults_of_text, lines_with_two_sentences, lines_without_tests, names_machine_path, names_task_without_issue,
    };

    fn line(text: &str) -> Vec<String> {
        faults_of_line(Path::new("crates/a/src/lib.rs"), text)
    }

    #[test]
    fn names_that_say_nothing_are_refused() {
        for name in ["crates/a/src/utils.rs", "crates/a/src/helpers/x.rs", "crates/a/tests/common/mod.rs"] {
            assert_eq!(faults_of_name(Path::new(name)).len(), 1, "{name}");
        }
        for name in ["crates/a/src/useful.rs", "docs/common/x.md", "crates/a/src/commonly.rs"] {
            assert_eq!(faults_of_name(Path::new(name)), [], "{name}");
        }
    }

    #[test]
    fn shell_scripts_and_leftovers_are_refused() {
        assert_eq!(faults_of_name(Path::new("build.sh")).len(), 1);
        assert_eq!(faults_of_name(Path::new("crates/a/src/lib.rs.orig")).len(), 1);
        assert_eq!(faults_of_name(Path::new(".ci/run")), []);
    }

    #[test]
    fn decisions_are_numbered() {
        assert_eq!(faults_of_name(Path::new("docs/decisions/0001-stores.md")), []);
        assert_eq!(faults_of_name(Path::new("docs/decisions/stores.md")).len(), 1);
        assert_eq!(faults_of_name(Path::new("docs/decisions/1-stores.md")).len(), 1);
    }

    #[test]
    fn length_counts_what_stands_before_the_tests() {
        let text = format!("{}#[cfg(test)]\nmod tests {{\n{}}}\n", "fn f() {}\n".repeat(10), "// x\n".repeat(2000));
        assert_eq!(lines_without_tests(&text), 10);
        assert_eq!(faults_of_length(Path::new("crates/a/src/lib.rs"), &text), []);
    }

    #[test]
    fn long_files_are_warned_of_and_then_refused() {
        let weight = |lines: usize, name: &str| {
            let faults = faults_of_length(Path::new(name), &"x\n".repeat(lines));
            faults.first().map(|fault| fault.weight)
        };
        assert_eq!(weight(600, "crates/a/src/lib.rs"), None);
        assert_eq!(weight(601, "crates/a/src/lib.rs"), Some(Weight::Warning));
        assert_eq!(weight(901, "crates/a/src/lib.rs"), Some(Weight::Error));
        assert_eq!(weight(5000, "crates/a/src/tests.rs"), None);
        assert_eq!(weight(5000, "crates/a/tests/it/main.rs"), None);
        assert_eq!(weight(5000, "docs/a.md"), None);
    }

    #[test]
    fn code_that_may_not_stay_is_named() {
        assert_eq!(line(concat!("    todo", "!()")).len(), 1);
        assert_eq!(line(concat!("#[", "ignore = \"slow\"]")).len(), 1);
        assert_eq!(line(concat!("let x = dbg", "!(y);")).len(), 1);
        assert_eq!(line(concat!("// says todo", "!(now) in words")), Vec::<String>::new());
    }

    #[test]
    fn a_test_is_not_called_test() {
        let faults = |text: &str| faults_of_text(Path::new("crates/a/src/lib.rs"), text).len();
        assert_eq!(faults("#[test]\nfn test_it() {}"), 1);
        assert_eq!(faults("fn test_resource() {}\n#[test]\nfn it_works() {}"), 0);
    }

    #[test]
    fn tasks_need_an_issue() {
        assert!(names_task_without_issue(concat!("// TO", "DO: later")));
        assert!(!names_task_without_issue(concat!("// TO", "DO(#12): later")));
        assert!(names_task_without_issue(concat!("// TO", "DO(me): later")));
        assert!(!names_task_without_issue("MASTODON"));
    }

    #[test]
    fn tags_are_the_three_of_the_house() {
        assert_eq!(fault_of_comment(" INVARIANT: sorted."), None);
        assert_eq!(fault_of_comment(" QUIRK(entra): sends `Add`."), None);
        assert!(fault_of_comment(" QUIRK: sends `Add`.").is_some());
        assert!(fault_of_comment(" HACK: works.").is_some());
        assert!(fault_of_comment(" NOTE(me): works.").is_some());
        assert_eq!(fault_of_comment(" PATCH: the verb."), None);
    }

    #[test]
    fn banners_are_refused_and_doc_tables_are_not() {
        assert!(fault_of_comment(" ------------------").is_some());
        assert!(fault_of_comment(" ==== parsing ====").is_some());
        assert!(fault_of_comment(&"/".repeat(60)).is_some());
        assert_eq!(fault_of_comment("/ ---- in a doc example"), None);
        assert_eq!(fault_of_comment(" -- a dash"), None);
    }

    #[test]
    fn code_in_comments_is_refused() {
        assert!(fault_of_comment(" let x = 1;").is_some());
        assert_eq!(fault_of_comment(" let us say what it does"), None);
        assert_eq!(fault_of_comment("/ let x = 1;"), None);
    }

    #[test]
    fn paths_of_one_machine_are_found_and_urls_are_not() {
        let path = concat!("/ho", "me/");
        assert!(names_machine_path(concat!("see /ho", "me/me/x"), path));
        assert!(!names_machine_path(concat!("https://a.example/ho", "me/x"), path));
        assert_eq!(line(concat!("// see /ro", "ot/x")).len(), 1);
    }

    #[test]
    fn markdown_has_one_sentence_a_line() {
        const NONE: [usize; 0] = [];
        let lines = |text: &str| lines_with_two_sentences(text);
        assert_eq!(lines("One sentence. Another."), [1]);
        assert_eq!(lines("One sentence.\nAnother."), NONE);
        assert_eq!(lines("| A cell. Another. |\n```\nCode. Code.\n```\n# A title. Two"), NONE);
        assert_eq!(lines("Clients, e.g. Okta, send it. They do."), [1]);
        assert_eq!(lines("Clients, e.g. Okta, send it."), NONE);
        assert_eq!(lines("Names like `a. B` and version 2. Two is a list's number."), NONE);
    }

    #[test]
    fn a_transcript_states_its_source() {
        assert_eq!(fault_of_transcript(r#"{"source": "vendor document, 2026-01-01"}"#), None);
        assert!(fault_of_transcript(r#"{"source": ""}"#).is_some());
        assert!(fault_of_transcript("{}").is_some());
        assert!(fault_of_transcript("not JSON").is_some());
    }
}
