//! Kills the server in the middle of commits, and looks whether all that it acknowledged is there.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

use super::Options;
use super::people;
use super::progress::say;
use super::seed::group_of;
use super::stage::{Beside, Engine, Stage};
use super::statistics::{grouped, real};
use super::target::{Group, Running, Target, with_token};
use super::workload::{Random, new_numbers};
use crate::stopwatch::{Stopwatch, pause};
use crate::workspace::{Workspace, output};

/// Clients that write until the server is gone.
const WRITERS: usize = 64;

/// The server is killed after so many acknowledged writes, and at most so many more.
const LEAST_WRITES: u64 = 64;
const MOST_WRITES: usize = 1_000;

/// A machine that is busy is not waited for any longer.
const LONGEST_WAIT: Duration = Duration::from_secs(20);

/// The program that compares the database with its journal; Python has SQLite built in.
const LEDGER: &str = include_str!("ledger.py");

/// What one writer was told is done.
#[derive(Clone, Debug, Default)]
struct Acknowledged {
    /// The ids of users that were made.
    users: Vec<String>,
    /// Those of them that became members of the group.
    members: Vec<String>,
    /// How often the title of the writer's own user was changed; one more may have been.
    titles: u64,
}

/// One client and the user that it changes.
struct Writer {
    user: String,
    titles: u64,
}

/// Kills the server so often.
pub(crate) fn run(workspace: &Workspace, options: &Options, times: u32) -> Result<()> {
    let stage = Stage::open(workspace, &options.on(Engine::Sqlite), Beside::Nothing, "crash")?;
    let name = "crash";
    let url = stage.database_url(Engine::Sqlite, name)?;
    let folder = stage.subfolder(name)?;
    let (mut running, host) = stage.again(&url, name, "ours-0.log")?;
    let mut target = with_token(&stage.headcount, &url, &folder, &host)?;
    let (mut writers, group) = prepare(&target)?;
    let (mut acknowledged, mut lost, mut faults) = (0_u64, 0_u64, BTreeSet::new());
    let mut random = Random::new();
    let mut checked = Value::Null;
    for time in 1..=times {
        let enough = LEAST_WRITES.saturating_add(u64::try_from(random.below(MOST_WRITES)).unwrap_or(0));
        let told = write_until_killed(&target, &writers, &group, enough, running)?;
        let started = stage.again(&url, name, &format!("ours-{time}.log"))?;
        running = started.0;
        target.host = started.1;
        let (asked, missing) = look(&target, &mut writers, &group, &told)?;
        acknowledged = acknowledged.saturating_add(asked);
        lost = lost.saturating_add(missing);
        checked = ledger(&folder.join("ours.db"))?;
        let found = checked.get("faults").and_then(Value::as_array).into_iter().flatten();
        faults.extend(found.filter_map(Value::as_str).map(str::to_owned));
        say(&format!(
            "crash {time} of {times}: {} acknowledged, {lost} lost, {} half",
            grouped(real(acknowledged)),
            faults.len()
        ));
    }
    drop(running);
    println!("acknowledged {acknowledged}, lost {lost}, half {}", faults.len());
    for fault in faults.iter().take(20) {
        println!("  {fault}");
    }
    let count = |key: &str| checked.get(key).and_then(Value::as_u64);
    stage.results.add(
        "crash",
        json!({
            "times": times,
            "writers": WRITERS,
            "acknowledged": acknowledged,
            "lost": lost,
            "half": faults.len(),
            "resources": count("resources"),
            "entries": count("entries"),
        }),
    )?;
    if lost > 0 || !faults.is_empty() {
        bail!("{lost} acknowledged writes are lost and {} things are half done", faults.len());
    }
    if acknowledged == 0 {
        bail!("nothing was acknowledged between the crashes, so nothing was shown");
    }
    Ok(())
}

/// Makes a user for every writer, and the group.
fn prepare(target: &Target) -> Result<(Vec<Writer>, Group)> {
    let mut client = target.client();
    let mut writers = Vec::new();
    for number in 0..WRITERS {
        let id = create(&mut client, "crash", number)?.context("a writer's user could not be made")?;
        writers.push(Writer { user: id, titles: 0 });
    }
    let id = group_of(&mut client, "crash", &[], 1, |_| {})?;
    Ok((writers, Group { id, members: 0 }))
}

/// Makes a user; its id, or `None` if the server was gone.
fn create(client: &mut super::client::Client, prefix: &str, number: usize) -> Result<Option<String>> {
    let body = people::user(prefix, number).to_string();
    let Ok(status) = client.send_once("POST", "/Users", Some(body.as_bytes())) else { return Ok(None) };
    let id = client.json().get("id").and_then(Value::as_str).map(str::to_owned);
    match (status, id) {
        (201, Some(id)) => Ok(Some(id)),
        _ => bail!("the POST of a user was answered {status}: {}", client.excerpt()),
    }
}

/// Lets all writers write, kills the server when so much is acknowledged, and gives what they were told.
fn write_until_killed(
    target: &Target,
    writers: &[Writer],
    group: &Group,
    enough: u64,
    running: Running,
) -> Result<Vec<Acknowledged>> {
    let done = AtomicU64::new(0);
    std::thread::scope(|scope| {
        let done = &done;
        let threads: Vec<_> =
            writers.iter().map(|writer| scope.spawn(move || write(target, writer, group, done))).collect();
        let watch = Stopwatch::start();
        while done.load(Ordering::Relaxed) < enough && watch.elapsed() < LONGEST_WAIT {
            pause(Duration::from_millis(1));
        }
        running.kill()?;
        let mut told = Vec::new();
        for thread in threads {
            match thread.join() {
                Ok(acknowledged) => told.push(acknowledged?),
                Err(_) => bail!("a writer panicked"),
            }
        }
        Ok(told)
    })
}

/// Writes until the server is gone.
fn write(target: &Target, writer: &Writer, group: &Group, done: &AtomicU64) -> Result<Acknowledged> {
    let mut client = target.client();
    let count = || {
        done.fetch_add(1, Ordering::Relaxed);
    };
    let mut told = Acknowledged { titles: writer.titles, ..Acknowledged::default() };
    loop {
        let Some(user) = create(&mut client, "crashed", new_numbers(1))? else { return Ok(told) };
        told.users.push(user.clone());
        count();
        let title = title(told.titles.saturating_add(1));
        if !patch(&mut client, &format!("/Users/{}", writer.user), &people::promotion(&title))? {
            return Ok(told);
        }
        told.titles = told.titles.saturating_add(1);
        count();
        if !patch(&mut client, &format!("/Groups/{}", group.id), &people::addition_of_one(&user))? {
            return Ok(told);
        }
        told.members.push(user);
        count();
    }
}

fn title(number: u64) -> String {
    format!("Title {number}")
}

/// Whether a PATCH was acknowledged; not if the server was gone.
fn patch(client: &mut super::client::Client, path: &str, body: &str) -> Result<bool> {
    match client.send_once("PATCH", path, Some(body.as_bytes())) {
        Ok(200 | 204) => Ok(true),
        Ok(status) => bail!("PATCH {path} was answered {status}: {}", client.excerpt()),
        Err(_) => Ok(false),
    }
}

/// Looks for all that was acknowledged: how much it was, and how much of it is not there.
fn look(target: &Target, writers: &mut [Writer], group: &Group, told: &[Acknowledged]) -> Result<(u64, u64)> {
    let mut client = target.client();
    let (mut asked, mut missing) = (0_u64, 0_u64);
    let mut judge = |there: bool| {
        asked = asked.saturating_add(1);
        missing = missing.saturating_add(u64::from(!there));
    };
    client.send("GET", &format!("/Groups/{}", group.id), None)?;
    let answer = client.json();
    let members = answer.get("members").and_then(Value::as_array).into_iter().flatten();
    let members: BTreeSet<&str> = members.filter_map(|member| member.get("value")?.as_str()).collect();
    for (writer, told) in writers.iter_mut().zip(told) {
        for user in &told.users {
            judge(client.send("GET", &format!("/Users/{user}"), None)? == 200);
        }
        told.members.iter().for_each(|user| judge(members.contains(user.as_str())));
        client.send("GET", &format!("/Users/{}", writer.user), None)?;
        let shown = client.json().get("title").and_then(Value::as_str).unwrap_or_default().to_owned();
        // The one that was under way may be there or not; what is there is what the next one follows.
        let under_way = told.titles.saturating_add(1);
        let kept = shown == title(under_way) || shown == title(told.titles) || told.titles == 0;
        for change in writer.titles..told.titles {
            judge(kept || shown == title(change.saturating_add(1)));
        }
        writer.titles = if shown == title(under_way) { under_way } else { told.titles };
    }
    Ok((asked, missing))
}

/// Compares the database with its journal.
fn ledger(database: &Path) -> Result<Value> {
    let mut command = Command::new("python3");
    let text = output(command.args(["-c", LEDGER]).arg(database)).context("the database cannot be checked")?;
    serde_json::from_str(&text).context("the check of the database printed no JSON")
}
