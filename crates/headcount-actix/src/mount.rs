//! The API as routes of an application, and the one hop to a thread that may block.

use std::{sync::Arc, time::Duration};

use actix_web::{
    HttpRequest, HttpResponse, Scope,
    web::{self, Payload, ServiceConfig},
};
use headcount_api::{Body, Refusal, SCIM_ROOTS, ScimApi};
use tokio::sync::{AcquireError, Semaphore};

use crate::{
    body::{self, Large, Memory},
    convert,
    proxies::TrustedProxies,
    shares::Shares,
    stream::{Outgoing, Stream},
};

/// The bounds of a mount.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Options {
    /// Most requests that are answered at once; the others wait.
    pub max_running: usize,
    /// Most requests at one base (a connection's URL, or a tenant's host) that are answered at once;
    /// at most three quarters of `max_running`, so that one that sends more than its share leaves room
    /// for others.
    pub max_running_per_base: usize,
    /// How long a request waits for its turn; then 503.
    pub queue_timeout: Duration,
    /// How long a body may take to arrive; then 408.
    pub body_timeout: Duration,
    /// How long an answer may take once it is begun; then 503, and the outcome is not known.
    pub answer_timeout: Duration,
    /// Most answers that are sent in parts at once, since they are too long to be held; the others
    /// wait for `queue_timeout`, then 503.
    pub max_streams: usize,
    /// How long a part of such an answer may take to be made, or to be taken by the client; then the
    /// answer breaks off.
    pub part_timeout: Duration,
    /// Most bytes of all bodies that are held at once; then 503.
    pub max_held_bytes: usize,
    /// Most bytes of all long bodies (of 256 KiB and more) that are worked on at once, or one body; the
    /// others wait in order, and short ones never behind them.
    pub max_large_bytes: usize,
    /// Peers that are believed when they say by which host a request came.
    pub trusted_proxies: TrustedProxies,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            max_running: 64,
            max_running_per_base: 48,
            queue_timeout: Duration::from_secs(2),
            body_timeout: Duration::from_secs(15),
            answer_timeout: Duration::from_secs(30),
            max_streams: 32,
            part_timeout: Duration::from_secs(30),
            max_held_bytes: 128 * 1024 * 1024,
            max_large_bytes: cores().saturating_mul(2 * 1024 * 1024),
            trusted_proxies: TrustedProxies::none(),
        }
    }
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// The API, ready to be mounted; cheap to clone, and all clones share one set of bounds.
#[derive(Clone)]
pub struct Mount {
    inner: Arc<Inner>,
}

struct Inner {
    api: ScimApi,
    options: Options,
    running: Arc<Semaphore>,
    streams: Arc<Semaphore>,
    shares: Shares,
    memory: Memory,
    large: Large,
}

impl Mount {
    /// A mount with the bounds of [`Options::default`].
    #[must_use]
    pub fn new(api: ScimApi) -> Self {
        Self::with_options(api, Options::default())
    }

    /// A mount.
    #[must_use]
    pub fn with_options(api: ScimApi, options: Options) -> Self {
        let running = Arc::new(Semaphore::new(options.max_running.clamp(1, Semaphore::MAX_PERMITS)));
        let streams = Arc::new(Semaphore::new(options.max_streams.clamp(1, Semaphore::MAX_PERMITS)));
        let memory = Memory::new(options.max_held_bytes);
        let large = Large::new(options.max_large_bytes);
        let most = options.max_running.saturating_sub(options.max_running.div_euclid(4));
        let shares = Shares::new(options.max_running_per_base.min(most));
        Self { inner: Arc::new(Inner { api, options, running, streams, shares, memory, large }) }
    }

    /// Mounts the API at both its roots ([`SCIM_ROOTS`]): every method of every path below them
    /// reaches it, so that it answers with its own error bodies.
    pub fn configure(&self, config: &mut ServiceConfig) {
        for root in SCIM_ROOTS {
            config.service(self.scope(root));
        }
    }

    /// The API at one of its roots, for an application that wraps it in middleware of its own. The
    /// API looks at the whole path of a request, so that no other prefix works.
    #[must_use]
    pub fn scope(&self, root: &str) -> Scope {
        let mount = self.clone();
        web::scope(root).default_service(web::to(move |request: HttpRequest, payload: Payload| {
            let mount = mount.clone();
            async move { mount.answer(request, payload).await }
        }))
    }

    async fn answer(&self, request: HttpRequest, payload: Payload) -> HttpResponse {
        let response = match self.call(&request, payload).await {
            Ok(response) => self.outgoing(response).await,
            Err(refusal) => Err(refusal),
        };
        let response = response.unwrap_or_else(|refusal| {
            let headers = convert::headers(request.headers()).unwrap_or_default();
            let response = self.inner.api.refuse(&headers, &convert::method(&request), refusal);
            // A refusal is short, and nothing would read the rest of one that is not.
            response.map(|body| Outgoing::whole(body).unwrap_or(Outgoing::Whole(bytes::Bytes::new())))
        });
        convert::response(response)
    }

    /// Begins to send a response.
    async fn outgoing(&self, response: http::Response<Body>) -> Result<http::Response<Outgoing>, Refusal> {
        let Inner { options, streams, .. } = &*self.inner;
        let (head, body) = response.into_parts();
        let body = match Outgoing::whole(body) {
            Ok(whole) => whole,
            Err(parts) => {
                let turn = tokio::time::timeout(options.queue_timeout, Arc::clone(streams).acquire_owned()).await;
                let permit = turn.map_err(|_elapsed| Refusal::Overloaded)?.map_err(|_closed| Refusal::Overloaded)?;
                Outgoing::Parts(Stream::begin(parts, options.part_timeout, permit))
            }
        };
        Ok(http::Response::from_parts(head, body))
    }

    async fn call(&self, request: &HttpRequest, payload: Payload) -> Result<http::Response<Body>, Refusal> {
        let Inner { api, options, running, shares, memory, large, .. } = &*self.inner;
        let head = convert::head(request, &options.trusted_proxies).ok_or(Refusal::Malformed)?;
        let share = shares.of(request);
        let head = if body::is_absent(request) {
            let (parts, ()) = head.into_parts();
            if let Some(response) = self.answer_now(&parts, share) {
                return Ok(response);
            }
            http::Request::from_parts(parts, ())
        } else {
            head
        };
        let collected = body::collect(request, payload, api.max_body_bytes(), options.body_timeout, memory).await?;
        // Whoever waits here holds no other turn.
        let large = large.turn(collected.bytes.len()).await;
        let share = Arc::clone(share);
        let turn = async {
            let share = share.acquire_owned().await?;
            Ok::<_, AcquireError>((share, Arc::clone(running).acquire_owned().await?))
        };
        let turn = tokio::time::timeout(options.queue_timeout, turn)
            .await
            .map_err(|_elapsed| Refusal::Overloaded)?
            .map_err(|_closed| Refusal::Overloaded)?;
        let api = api.clone();
        // From here on the client may go away, and this future with it: the work runs to its end on
        // its own thread and holds its permits until then, so that what is accepted is not lost and
        // what runs is counted.
        let work = web::block(move || {
            let body::Collected { bytes, share } = collected;
            let response = api.handle(head.map(|()| bytes));
            drop((share, turn, large));
            response
        });
        tokio::time::timeout(options.answer_timeout, work)
            .await
            .map_err(|_elapsed| Refusal::TimedOut)?
            .map_err(|_cancelled| Refusal::TimedOut)
    }

    /// Answers right here, where other requests wait meanwhile, what takes no longer than the hop to
    /// another thread would: if its turn is now, and if the API can.
    fn answer_now(&self, parts: &http::request::Parts, share: &Semaphore) -> Option<http::Response<Body>> {
        let _turn = (share.try_acquire().ok()?, self.inner.running.try_acquire().ok()?);
        self.inner.api.handle_now(parts)
    }
}
