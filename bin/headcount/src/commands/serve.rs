//! `headcount serve`.

use std::{
    net::{IpAddr, TcpListener},
    num::NonZeroU32,
    sync::{
        Arc, Condvar, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use actix_web::{
    App, HttpResponse, HttpServer,
    body::{BodySize, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::header::{CONTENT_ENCODING, HeaderValue},
    middleware::{Compress, Next, from_fn},
    web,
};
use anyhow::{Context, Result};
use headcount_actix::{Mount, Options, TrustedProxies};
use headcount_api::ScimApi;
use headcount_model::SystemEntropy;
use headcount_service::{Limits, Service, ServiceOptions};
use headcount_store::Store;
use headcount_token::{Verifier, verify::VerifierLimits};

use crate::{
    config::{self, Config},
    schemas,
    setup::Opened,
    telemetry,
};

/// Longest time between two looks for background work that nobody announced.
const MAINTENANCE_EVERY: Duration = Duration::from_millis(200);

/// Bodies below it fit into a few packets, and are not worth compressing.
const SMALL_BODY_BYTES: u64 = 4_096;
const IDENTITY: HeaderValue = HeaderValue::from_static("identity");

/// Runs the server until it is told to stop; then finishes what is in flight.
pub(crate) fn run(config: &Config) -> Result<()> {
    // INVARIANT: declared first and so dropped last; whatever is logged below is written then.
    let _writing = telemetry::start_buffered(config)?;
    let opened = Opened::open_with(config, &schemas::load(config.schemas_folder())?)?;

    let listener = TcpListener::bind(&config.listen)
        .with_context(|| format!("cannot listen on {}; choose another address with --listen", config.listen))?;
    let address = listener.local_addr()?;
    let public_url = match config.public_url.as_str() {
        "" => format!("http://{address}"),
        url => url.trim_end_matches('/').to_owned(),
    };
    config::check_public_url(&public_url)?;
    if !public_url.starts_with("https://") && !is_loopback(&public_url) {
        tracing::warn!(%public_url, "tokens travel in clear: serve behind TLS and set public_url to its https URL");
    }
    opened.remember_public_url(&public_url)?;

    let limits = VerifierLimits::default();
    let verifier = Arc::new(Verifier::new(limits, opened.manage.clock.clone(), &SystemEntropy));
    let pages = Pages::new(config, &opened, &verifier, &public_url)?;
    let api = ScimApi::new(service(config, &opened, verifier, public_url)?);
    let store = opened.manage.store.clone();
    let maintenance = Maintenance::start(store.clone())?;
    let draining = Arc::new(AtomicBool::new(false));
    let result = actix_web::rt::System::new().block_on(serve(config, listener, api, pages, store, draining));
    maintenance.stop();
    result
}

async fn serve(
    config: &Config,
    listener: TcpListener,
    api: ScimApi,
    pages: Pages,
    store: Arc<dyn Store>,
    draining: Arc<AtomicBool>,
) -> Result<()> {
    let address = listener.local_addr()?;
    let trusted_proxies = trusted_proxies(config)?;
    let options = Options { max_running: config.server.blocking_threads, trusted_proxies, ..Options::default() };
    let mount = Mount::with_options(api, options);
    let state = Readiness { store, draining: draining.clone() };
    let invitation = pages.invitation.clone();
    let server = HttpServer::new(move || {
        App::new()
            .wrap(from_fn(leave_small_bodies))
            .wrap(Compress::default())
            .wrap(from_fn(forget_identity))
            .app_data(web::Data::new(state.clone()))
            .route("/healthz", web::get().to(|| async { HttpResponse::Ok().body("ok\n") }))
            .route("/readyz", web::get().to(ready))
            .configure(|app| mount.configure(app))
            .configure(|app| pages.configure(app))
    })
    .workers(config.server.workers)
    // The mount bounds what runs at once; whichever worker gets it must have the threads for it.
    .worker_max_blocking_threads(config.server.blocking_threads)
    .client_request_timeout(Duration::from_secs(5))
    .keep_alive(Duration::from_secs(75))
    .shutdown_timeout(config.server.shutdown_s)
    .disable_signals()
    .listen(listener)?
    .run();

    let handle = server.handle();
    actix_web::rt::spawn(async move {
        stop_signal().await;
        draining.store(true, Ordering::SeqCst);
        handle.stop(true).await;
    });
    eprintln!("listening on http://{address}");
    if let Some(invitation) = invitation {
        eprintln!("{invitation}");
    }
    server.await.context("the server failed")
}

/// Marks a small body as one that is not to be compressed.
async fn leave_small_bodies<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, actix_web::Error> {
    let mut response = next.call(request).await?;
    if matches!(response.response().body().size(), BodySize::None | BodySize::Sized(..SMALL_BODY_BYTES)) {
        response.headers_mut().insert(CONTENT_ENCODING, IDENTITY);
    }
    Ok(response)
}

/// Takes the mark off again, which is no coding that a client is told of (RFC 9110 §8.4.1).
async fn forget_identity<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, actix_web::Error> {
    let mut response = next.call(request).await?;
    if response.headers().get(CONTENT_ENCODING) == Some(&IDENTITY) {
        response.headers_mut().remove(CONTENT_ENCODING);
    }
    Ok(response)
}

/// The proxies that are believed.
pub(crate) fn trusted_proxies(config: &Config) -> Result<TrustedProxies> {
    let proxies = config.server.trusted_proxies.split(',').map(str::trim).filter(|text| !text.is_empty());
    TrustedProxies::parse(proxies).context("server.trusted_proxies takes addresses and networks, separated by commas")
}

/// Whether a URL names this machine by its loopback address.
fn is_loopback(url: &str) -> bool {
    let authority = url.split_once("://").map_or(url, |(_, rest)| rest).split('/').next().unwrap_or_default();
    let host = match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Resolves when the process is asked to end.
async fn stop_signal() {
    let interrupt = actix_web::rt::signal::ctrl_c();
    #[cfg(unix)]
    {
        use actix_web::rt::signal::unix::{SignalKind, signal};
        match signal(SignalKind::terminate()) {
            Ok(mut terminate) => {
                tokio::select! {
                    _ = interrupt => {}
                    _ = terminate.recv() => {}
                }
            }
            Err(error) => {
                tracing::error!(%error, "SIGTERM cannot be heard; only an interrupt stops the server in order");
                let _ = interrupt.await;
            }
        }
    }
    #[cfg(not(unix))]
    {
        let _ = interrupt.await;
    }
}

#[derive(Clone)]
struct Readiness {
    store: Arc<dyn Store>,
    draining: Arc<AtomicBool>,
}

async fn ready(state: web::Data<Readiness>) -> HttpResponse {
    if state.draining.load(Ordering::SeqCst) {
        return HttpResponse::ServiceUnavailable().body("stopping\n");
    }
    let store = state.store.clone();
    match web::block(move || store.ping()).await {
        Ok(Ok(())) => HttpResponse::Ok().body("ready\n"),
        _ => {
            HttpResponse::ServiceUnavailable().body("the database does not answer, or its tables are not up to date\n")
        }
    }
}

fn service(config: &Config, opened: &Opened, verifier: Arc<Verifier>, public_url: String) -> Result<Service> {
    let manage = &opened.manage;
    Ok(Service::new(ServiceOptions {
        store: manage.store.clone(),
        registry: manage.registry.clone(),
        verifier,
        clock: manage.clock.clone(),
        entropy: manage.entropy.clone(),
        public_url,
        limits: Limits {
            max_body_bytes: config.limits.body_bytes,
            max_members: config.limits.members,
            max_patch_operations: config.limits.patch_operations,
            max_bulk_operations: config.limits.bulk_operations,
            max_bulk_bytes: config.limits.bulk_bytes,
            rate_per_s: NonZeroU32::new(config.limits.rate_per_s),
            max_page: config.limits.page,
            cursor_timeout_s: config.limits.cursor_timeout_s,
            ..Limits::default()
        },
        cursor_key: opened.cursor_key()?,
    }))
}

/// The console, and how its first administrator comes in.
#[derive(Clone)]
struct Pages {
    #[cfg(feature = "console")]
    console: headcount_admin::Console,
    /// What is printed while there is no administrator; it holds a secret and is never logged.
    invitation: Option<String>,
}

impl Pages {
    #[cfg(feature = "console")]
    fn new(config: &Config, opened: &Opened, verifier: &Arc<Verifier>, public_url: &str) -> Result<Self> {
        let manage = &opened.manage;
        let administration = headcount_service::Administration::new(
            manage.store.clone(),
            verifier.clone(),
            manage.clock.clone(),
            manage.entropy.clone(),
        )?;
        let console = headcount_admin::Console::new(headcount_admin::Options {
            manage: manage.clone(),
            administration,
            public_url: public_url.to_owned(),
            trusted_proxies: trusted_proxies(config)?,
        });
        let link = manage.first_administrator_link()?;
        let invitation = link.map(|link| {
            let url = format!("{public_url}/console/setup/{}", link.code.expose());
            let lines = [
                "Open this link to create the first administrator of the console.",
                &url,
                "It works once, for 7 days; the next start makes a new one.",
            ];
            framed(&lines)
        });
        Ok(Self { console, invitation })
    }

    #[cfg(not(feature = "console"))]
    #[expect(clippy::unnecessary_wraps, reason = "with the console it can fail")]
    fn new(_: &Config, _: &Opened, _: &Arc<Verifier>, _: &str) -> Result<Self> {
        Ok(Self { invitation: None })
    }

    #[cfg_attr(not(feature = "console"), expect(clippy::unused_self, reason = "without the console there is nothing"))]
    fn configure(&self, app: &mut web::ServiceConfig) {
        #[cfg(feature = "console")]
        self.console.configure(app);
        #[cfg(not(feature = "console"))]
        let _ = app;
    }
}

/// Lines in a frame.
#[cfg(any(feature = "console", test))]
fn framed(lines: &[&str]) -> String {
    let width = lines.iter().map(|line| line.chars().count()).max().unwrap_or_default();
    let edge = format!("+{}+", "-".repeat(width.saturating_add(2)));
    let rows = lines.iter().map(|line| format!("| {line:width$} |"));
    let all: Vec<String> = std::iter::once(edge.clone()).chain(rows).chain(std::iter::once(edge.clone())).collect();
    all.join("\n")
}

/// The thread that does a store's background work.
struct Maintenance {
    stop: Arc<(Mutex<bool>, Condvar)>,
    thread: JoinHandle<()>,
}

impl Maintenance {
    fn start(store: Arc<dyn Store>) -> Result<Self> {
        let stop = Arc::new((Mutex::new(false), Condvar::new()));
        let seen = stop.clone();
        let thread = std::thread::Builder::new()
            .name("maintenance".to_owned())
            .spawn(move || {
                while !wait(&seen) {
                    match store.maintain() {
                        Ok(_) => {}
                        Err(error) => {
                            tracing::warn!(%error, "background work failed and will be tried again");
                        }
                    }
                }
            })
            .context("the thread of background work cannot be started")?;
        Ok(Self { stop, thread })
    }

    fn stop(self) {
        *self.stop.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.stop.1.notify_all();
        if self.thread.join().is_err() {
            tracing::error!("the thread of background work had failed");
        }
    }
}

/// Waits for the next turn; whether it is time to stop.
fn wait(stop: &(Mutex<bool>, Condvar)) -> bool {
    let stopped = stop.0.lock().unwrap_or_else(PoisonError::into_inner);
    let (stopped, _) = stop
        .1
        .wait_timeout_while(stopped, MAINTENANCE_EVERY, |stopped| !*stopped)
        .unwrap_or_else(PoisonError::into_inner);
    *stopped
}

#[cfg(test)]
mod tests {
    use super::{framed, is_loopback};

    #[test]
    fn lines_are_framed_whole() {
        assert_eq!(framed(&["a", "longer"]), "+--------+\n| a      |\n| longer |\n+--------+");
    }

    #[test]
    fn loopback_urls_are_known_by_their_host() {
        for url in ["http://127.0.0.1:8080", "http://localhost", "http://[::1]:8080/x", "http://LOCALHOST:1/"] {
            assert!(is_loopback(url), "{url}");
        }
        for url in
            ["http://10.0.0.1:8080", "http://localhost.example.com", "http://[2001:db8::1]", "http://127.example"]
        {
            assert!(!is_loopback(url), "{url}");
        }
    }
}
