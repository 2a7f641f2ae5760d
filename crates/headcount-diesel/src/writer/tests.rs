use std::{
    collections::BTreeSet,
    path::PathBuf,
    sync::{Barrier, Mutex},
};

use diesel::sql_types::BigInt;
use headcount_model::Secret;

use super::*;
use crate::migrate::prepare_file;

const THREADS: usize = 32;
const EACH: usize = 120;

/// A path where no file is; the files stay in the temporary folder.
fn file(name: &str) -> PathBuf {
    let file = std::env::temp_dir().join(format!("headcount-writer-{name}-{}.db", std::process::id()));
    for suffix in ["", "-wal", "-shm"] {
        let mut name = file.as_os_str().to_owned();
        name.push(suffix);
        let _ = std::fs::remove_file(name);
    }
    file
}

fn writer(file: &std::path::Path) -> Writer {
    let options = StoreOptions::new(Secret::new(format!("sqlite:{}", file.display())));
    let database = Database::parse(options.url.expose()).unwrap();
    let mut link = Link::open(&database, Use::Write, &options, 0).unwrap();
    prepare_file(&mut link, &database).unwrap();
    // A reference to nobody makes COMMIT itself fail, with the transaction still open.
    link.batch(
        "CREATE TABLE kept (n INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
         CREATE TABLE halves (n INTEGER NOT NULL, half INTEGER NOT NULL);
         CREATE TABLE failing (n INTEGER REFERENCES kept (n) DEFERRABLE INITIALLY DEFERRED);",
    )
    .unwrap();
    Writer::new(database, options).unwrap()
}

fn rows(writer: &Writer, text: &'static str) -> Vec<i64> {
    let mut rows = Vec::new();
    writer
        .write(&mut |link| {
            rows = link.load::<BigInt, i64>(&Sql::new(text)).map_err(store_error)?;
            Ok(Verdict::Rollback)
        })
        .unwrap();
    rows
}

/// Inserts a row and both its halves.
fn insert(link: &mut Link, n: i64, name: &str) -> Result<(), StoreError> {
    let run = |link: &mut Link, sql: Sql| link.run(&sql).map_err(store_error);
    run(link, Sql::new("INSERT INTO halves (n, half) VALUES (").ints([n, 1]).raw(")"))?;
    run(link, Sql::new("INSERT INTO kept (n, name) VALUES (").int(n).raw(", ").text(name).raw(")"))?;
    run(link, Sql::new("INSERT INTO halves (n, half) VALUES (").ints([n, 2]).raw(")"))?;
    Ok(())
}

#[test]
fn acknowledged_writes_are_kept_and_others_leave_nothing() {
    let writer = writer(&file("torture"));
    let acknowledged = Mutex::new(BTreeSet::new());
    let refused = Mutex::new(0);
    let start = Barrier::new(THREADS);
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let (writer, acknowledged, refused, start) = (&writer, &acknowledged, &refused, &start);
            scope.spawn(move || {
                start.wait();
                for step in 0..EACH {
                    let n = i64::try_from(thread * EACH + step).unwrap();
                    let mut body = |link: &mut Link| one_of_many(link, n, thread, step);
                    let result = catch_unwind(AssertUnwindSafe(|| writer.write(&mut body)));
                    match result {
                        Ok(Ok(Verdict::Commit)) => {
                            acknowledged.lock().unwrap().insert(n);
                        }
                        Ok(Ok(Verdict::Rollback) | Err(_)) | Err(_) => *refused.lock().unwrap() += 1,
                    }
                }
            });
        }
    });
    let acknowledged: Vec<i64> = acknowledged.into_inner().unwrap().into_iter().collect();
    assert!(acknowledged.len() > THREADS * EACH / 4, "{} of {} were kept", acknowledged.len(), THREADS * EACH);
    assert!(refused.into_inner().unwrap() > THREADS, "the test refuses, panics and fails now and then");
    assert_eq!(rows(&writer, "SELECT n FROM kept ORDER BY n"), acknowledged, "lost or ghosts");
    let halves: Vec<i64> = acknowledged.iter().flat_map(|n| [*n, *n]).collect();
    assert_eq!(rows(&writer, "SELECT n FROM halves ORDER BY n"), halves, "half a write");
    assert_eq!(rows(&writer, "SELECT COUNT(*) FROM failing"), [0]);
    assert_eq!(writer.waiting.load(Ordering::SeqCst), 0);
}

/// Most bodies write; some refuse, panic, meet a duplicate, lose the transaction, or break its commit.
fn one_of_many(link: &mut Link, n: i64, thread: usize, step: usize) -> Result<Verdict, StoreError> {
    // A lost batch takes its members with it, so few are.
    match (thread * EACH + step) * 7 % 400 {
        0..40 => {
            insert(link, n, &format!("name {n}"))?;
            Ok(Verdict::Rollback)
        }
        40..70 => {
            insert(link, n, &format!("name {n}"))?;
            resume_unwind(Box::new("a body panics, without a word from the panic hook"));
        }
        // The same name for all: one wins.
        70..130 => {
            insert(link, n, "everybody")?;
            Ok(Verdict::Commit)
        }
        130 => {
            insert(link, n, &format!("name {n}"))?;
            // What a full disk does to a transaction.
            link.batch("ROLLBACK").map_err(store_error)?;
            Ok(Verdict::Commit)
        }
        131 => {
            insert(link, n, &format!("name {n}"))?;
            link.run(&Sql::new("INSERT INTO failing (n) VALUES (-1)")).map_err(store_error)?;
            Ok(Verdict::Commit)
        }
        _ => {
            insert(link, n, &format!("name {n}"))?;
            Ok(Verdict::Commit)
        }
    }
}

#[test]
fn a_commit_that_fails_is_unknown_and_the_writer_goes_on() {
    let writer = writer(&file("commit"));
    let result = writer.write(&mut |link| {
        insert(link, 1, "lost")?;
        link.run(&Sql::new("INSERT INTO failing (n) VALUES (-1)")).map_err(store_error)?;
        Ok(Verdict::Commit)
    });
    assert!(matches!(result, Err(StoreError::Unknown(Some(_)))), "{result:?}");
    writer
        .write(&mut |link| {
            insert(link, 2, "kept")?;
            Ok(Verdict::Commit)
        })
        .unwrap();
    assert_eq!(rows(&writer, "SELECT n FROM kept"), [2]);
}

#[test]
fn a_lost_transaction_is_busy() {
    let writer = writer(&file("lost"));
    let result = writer.write(&mut |link| {
        insert(link, 1, "lost")?;
        link.batch("ROLLBACK").map_err(store_error)?;
        Ok(Verdict::Commit)
    });
    assert!(matches!(result, Err(StoreError::Busy(Some(_)))), "{result:?}");
    assert_eq!(rows(&writer, "SELECT n FROM kept"), Vec::<i64>::new());
}

#[test]
fn a_writer_of_another_process_makes_it_busy_after_the_timeout() {
    let path = file("beside");
    let writer = Writer { options: StoreOptions { busy_timeout_ms: 50, ..writer(&path).options }, ..writer_of(&path) };
    writer.state.lock().unwrap().link.batch("PRAGMA busy_timeout = 50").unwrap();
    let mut beside = Link::open(&writer.database, Use::Write, &writer.options, 0).unwrap();
    beside.batch("BEGIN IMMEDIATE").unwrap();
    let result = writer.write(&mut |_| Ok(Verdict::Commit));
    assert!(matches!(result, Err(StoreError::Busy(Some(_)))), "{result:?}");
    assert_eq!(writer.waiting.load(Ordering::SeqCst), 0);
    beside.batch("COMMIT").unwrap();
    writer
        .write(&mut |link| {
            insert(link, 1, "kept")?;
            Ok(Verdict::Commit)
        })
        .unwrap();
    assert_eq!(rows(&writer, "SELECT n FROM kept"), [1]);
}

fn writer_of(file: &std::path::Path) -> Writer {
    let options = StoreOptions::new(Secret::new(format!("sqlite:{}", file.display())));
    let database = Database::parse(options.url.expose()).unwrap();
    Writer::new(database, options).unwrap()
}
