//! Fills a server through its own API: users by bulk requests, groups by PATCH.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use super::client::Client;
use super::people;
use super::progress::{Progress, Told};
use super::target::{Group, Target};

/// Users of one bulk request, and members of one PATCH; the most that Headcount takes unless told.
const BATCH: usize = 1_000;

/// Clients that fill a server.
const CLIENTS: usize = 8;

/// Makes users until there are so many, and groups of so many members each.
pub(crate) fn seed(target: &mut Target, users: usize, groups: &[usize], what: &str) -> Result<()> {
    seed_told(target, users, groups, what, CLIENTS, Told::Shown)
}

/// The same by one client and without a word, for one tenant of many.
pub(crate) fn seed_quietly(target: &mut Target, users: usize, groups: &[usize]) -> Result<()> {
    seed_told(target, users, groups, "a tenant", 1, Told::Hidden)
}

fn seed_told(
    target: &mut Target,
    users: usize,
    groups: &[usize],
    what: &str,
    clients: usize,
    told: Told,
) -> Result<()> {
    let from = target.users.len();
    if from < users {
        let ids = make_users(target, from, users, what, clients, told)?;
        target.users.extend(ids);
    }
    for members in groups {
        if target.group(*members).is_none() && *members <= users {
            let group = make_group(target, *members, what, told)?;
            target.groups.push(group);
        }
    }
    Ok(())
}

/// Makes the users of these numbers, and gives their ids in order.
fn make_users(target: &Target, from: usize, to: usize, what: &str, clients: usize, told: Told) -> Result<Vec<String>> {
    let count = to.saturating_sub(from);
    let ids = Mutex::new(vec![String::new(); count]);
    let next = AtomicUsize::new(from);
    let progress = Progress::told(&format!("{what}: users"), count, told);
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..clients)
            .map(|_| {
                scope.spawn(|| -> Result<()> {
                    let mut client = target.client();
                    loop {
                        let first = next.fetch_add(BATCH, Ordering::Relaxed);
                        if first >= to {
                            return Ok(());
                        }
                        let last = first.saturating_add(BATCH).min(to);
                        let made = send_bulk(&mut client, &target.prefix, first, last)?;
                        let mut ids = ids.lock().unwrap_or_else(PoisonError::into_inner);
                        for (number, id) in made {
                            if let Some(place) = ids.get_mut(number.saturating_sub(from)) {
                                *place = id;
                            }
                        }
                        drop(ids);
                        progress.advance(last - first);
                    }
                })
            })
            .collect();
        for thread in threads {
            match thread.join() {
                Ok(outcome) => outcome?,
                Err(_) => bail!("a client panicked"),
            }
        }
        Ok(())
    })
    .with_context(|| format!("{what}: users could not be made"))?;
    progress.finish();
    Ok(ids.into_inner().unwrap_or_else(PoisonError::into_inner))
}

fn send_bulk(client: &mut Client, prefix: &str, first: usize, last: usize) -> Result<Vec<(usize, String)>> {
    let body = people::bulk(prefix, first..last);
    let status = client.send("POST", "/Bulk", Some(body.as_bytes()))?;
    let made = people::made_by_bulk(client);
    if status != 200 || made.len() != last.saturating_sub(first) {
        bail!("a bulk request of {} users was answered {status}: {}", last - first, client.excerpt());
    }
    Ok(made)
}

/// Makes a group of the first so many users.
fn make_group(target: &Target, members: usize, what: &str, told: Told) -> Result<Group> {
    let progress = Progress::told(&format!("{what}: a group of"), members, told);
    let name = format!("group of {members} {}", target.prefix);
    let ids = target.users.get(..members).unwrap_or_default();
    let id = group_of(&mut target.client(), &name, ids, BATCH, |added| progress.advance(added))?;
    progress.finish();
    Ok(Group { id, members })
}

/// Makes a group and adds the members in batches; its id.
pub(crate) fn group_of(
    client: &mut Client,
    name: &str,
    members: &[String],
    batch: usize,
    mut added: impl FnMut(usize),
) -> Result<String> {
    let status = client.send("POST", "/Groups", Some(people::group(name).as_bytes()))?;
    let answer = client.json();
    let id = answer.get("id").and_then(Value::as_str).map(str::to_owned);
    let (201, Some(id)) = (status, id) else {
        bail!("the POST of a group was answered {status}: {}", client.excerpt());
    };
    let path = format!("/Groups/{id}");
    for ids in members.chunks(batch) {
        let status = client.send("PATCH", &path, Some(people::addition(ids.iter()).as_bytes()))?;
        if !matches!(status, 200 | 204) {
            bail!("a PATCH that adds {} members was answered {status}: {}", ids.len(), client.excerpt());
        }
        added(ids.len());
    }
    Ok(id)
}
