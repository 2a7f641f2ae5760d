//! One line in the log for every request, and nothing in it that the client said.

use std::sync::{Arc, Mutex};

use headcount_model::Preset;
use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    span,
};

use crate::world::{Fault, World};

/// Keeps every event as one line.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<String>>>);

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.0.extend([field.name(), "=", &format!("{value:?}"), " "]);
    }
}

impl Subscriber for Lines {
    fn enabled(&self, _metadata: &Metadata<'_>) -> bool {
        true
    }
    fn new_span(&self, _attributes: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }
    fn record(&self, _span: &span::Id, _values: &span::Record<'_>) {}
    fn record_follows_from(&self, _span: &span::Id, _follows: &span::Id) {}
    fn event(&self, event: &Event<'_>) {
        let mut line = Line(String::new());
        event.record(&mut line);
        self.0.lock().unwrap().push(line.0);
    }
    fn enter(&self, _span: &span::Id) {}
    fn exit(&self, _span: &span::Id) {}
}

fn lines_of(work: impl FnOnce()) -> Vec<String> {
    let lines = Lines::default();
    tracing::subscriber::with_default(lines.clone(), work);
    let lines = lines.0.lock().unwrap();
    lines.clone()
}

#[test]
fn a_request_is_one_line_with_its_route_and_status() {
    let world = World::new(Preset::Generic);
    world.get("/Users");
    let lines = lines_of(|| {
        world.get("/users/nobody?attributes=id");
    });
    let requests: Vec<&String> = lines.iter().filter(|line| line.contains("message=request ")).collect();
    assert_eq!(requests.len(), 1, "{lines:?}");
    for part in ["method=\"GET\"", "route=\"/Users/{id}\"", "status=404", "elapsed_ms=0", "body_bytes=0"] {
        assert!(requests[0].contains(part), "{part} in {}", requests[0]);
    }
    assert!(requests[0].contains(&format!("connection={:?}", world.connection.as_str())), "{}", requests[0]);
}

/// RFC 7643 §9.3; RFC 7644 §7.5.2.
#[test]
fn nothing_that_the_client_sent_is_in_any_line() {
    let world = World::new(Preset::Okta);
    let canary = "canarycanary";
    let lines = lines_of(|| {
        world.user(canary);
        world.get(&format!("/Users?filter=userName%20eq%20%22{canary}%22"));
        world.get(&format!("/{canary}/{canary}?{canary}"));
        world.get(&format!("/Users/{canary}"));
        world.request(&canary.to_uppercase(), "/Users").send();
        world.request("POST", "/Users").body(format!("{{\"password\":\"{canary}\"")).send();
        world
            .raw("GET", &format!("/scim/v2/{canary}/Users"))
            .header("authorization", &format!("Bearer {canary}"))
            .send();
        world.raw("GET", &format!("/{canary}")).header("x-request-id", canary).send();
        for fault in [Fault::Busy, Fault::Backend, Fault::Panic] {
            world.fail_with(fault);
            world.get(&format!("/Users/{canary}"));
        }
    });
    assert!(lines.len() >= 11, "{lines:?}");
    for line in &lines {
        assert!(!line.to_lowercase().contains(canary), "{line}");
        assert!(!line.contains(&world.token), "{line}");
    }
}
