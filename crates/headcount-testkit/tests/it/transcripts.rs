//! Every transcript on every store, and which rules they prove.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::Mutex,
};

use headcount_testkit::{
    App, Backend, Transcript,
    transcript::{Rule, run},
};

/// The last numbered rule of how identity providers behave.
const LAST_RULE: u32 = 77;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("transcripts")
}

/// Which of a transcript's presets are run.
#[derive(Clone, Copy)]
enum Which {
    Every,
    /// One of them, another one for the next transcript, so that each has its turn.
    InTurn,
}

/// Runs all transcripts, on as many servers as there are threads, each with its own database.
fn run_all(backend: Backend, which: Which) {
    if !backend.is_available() {
        return;
    }
    let mut jobs = Vec::new();
    for (turn, (name, transcript)) in Transcript::all(&folder()).into_iter().enumerate() {
        let presets = transcript.preset.list().unwrap();
        let chosen = match which {
            Which::Every => presets,
            Which::InTurn => vec![presets[turn % presets.len()]],
        };
        jobs.extend(chosen.into_iter().map(|preset| (name.clone(), transcript.clone(), preset)));
    }
    assert!(jobs.len() > 100, "the transcripts were not found");
    let count = jobs.len();
    let jobs = Mutex::new(jobs.into_iter().enumerate());
    let faults = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let app = App::new(backend);
                loop {
                    let next = jobs.lock().unwrap().next();
                    let Some((number, (name, transcript, preset))) = next else { break };
                    if let Err(fault) = run(&app, &format!("t{number}"), &transcript, preset) {
                        faults.lock().unwrap().push(format!("{name} ({}): {fault}", preset.as_str()));
                    }
                }
            });
        }
    });
    let mut faults = faults.into_inner().unwrap();
    faults.sort();
    assert!(faults.is_empty(), "{} of {count} failed on {backend:?}:\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn every_transcript_holds_in_memory() {
    run_all(Backend::Memory, Which::Every);
}

#[test]
fn every_transcript_holds_when_work_is_repeated() {
    run_all(Backend::Repeating, Which::InTurn);
}

#[test]
fn every_transcript_holds_on_sqlite() {
    run_all(Backend::Sqlite, Which::InTurn);
}

#[test]
fn every_transcript_holds_on_postgresql() {
    run_all(Backend::Postgres, Which::InTurn);
}

#[test]
fn every_numbered_rule_is_proved_by_a_transcript_or_answered_in_the_table() {
    let mut proved = BTreeSet::new();
    for (_, transcript) in Transcript::all(&folder()) {
        proved.extend(transcript.rule.iter().filter_map(|rule| match rule {
            Rule::Number(number) => Some(*number),
            Rule::Words(_) => None,
        }));
    }
    let table = std::fs::read_to_string(folder().join("README.md")).unwrap();
    let answered: BTreeSet<u32> = table
        .lines()
        .filter_map(|line| line.strip_prefix("| "))
        .filter_map(|line| line.split(" |").next())
        .filter_map(|cell| cell.parse().ok())
        .collect();
    let missing: Vec<u32> = (1..=LAST_RULE).filter(|rule| !proved.contains(rule) && !answered.contains(rule)).collect();
    assert!(missing.is_empty(), "neither a transcript nor the table speaks of {missing:?}");
    let twice: Vec<&u32> = answered.intersection(&proved).collect();
    assert!(twice.is_empty(), "{twice:?} are proved by transcripts, so the table need not answer them");
    assert!(proved.iter().chain(&answered).all(|rule| (1..=LAST_RULE).contains(rule)));
}

#[test]
fn every_acceptance_test_and_fixture_is_named() {
    let words = words().into_iter().collect::<Vec<_>>().join(", ").replace("fixtures", "fixture");
    for number in (1..=19).chain([22]) {
        assert!(words.split(", ").any(|word| word == format!("acceptance {number}")), "acceptance test {number}");
    }
    for fixture in ["F0", "F1", "F1b", "F2", "F3", "F4", "F5", "F6", "F7", "F8", "F9", "F10", "F11", "F12"] {
        assert!(words.split([' ', ',']).any(|word| word == fixture), "fixture {fixture}");
    }
}

/// Everything that transcripts prove and that has no number.
fn words() -> BTreeSet<String> {
    let rules = Transcript::all(&folder()).into_iter().flat_map(|(_, transcript)| transcript.rule);
    let words = |rule| match rule {
        Rule::Words(words) => Some(words),
        Rule::Number(_) => None,
    };
    rules.filter_map(words).collect()
}

#[test]
fn every_leniency_of_the_default_preset_is_proved() {
    let words = words();
    for number in 1..=11 {
        assert!(words.contains(&format!("generic ({number})")), "leniency {number}");
    }
    for number in [2, 3, 6, 7, 9] {
        assert!(words.contains(&format!("generic ({number}), refused")), "leniency {number} refused");
    }
}
