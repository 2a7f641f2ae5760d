//! [`Console`]: the pages mounted in an actix-web application.

use std::{collections::BTreeMap, sync::Arc};

use actix_web::{
    HttpRequest, HttpResponse,
    http::{Method, header},
    web::{self, Bytes, PayloadConfig, Query, ServiceConfig},
};
use headcount_actix::TrustedProxies;
use headcount_model::Actor;
use headcount_service::{Administration, Manage};

use crate::{
    assets, guard,
    reply::{Refusal, Reply},
    request::Request,
    routes,
};

/// Longest form, in bytes.
const MAX_FORM_BYTES: usize = 16 * 1_024;

/// What a console is made of.
#[derive(Clone)]
pub struct Options {
    /// What is managed; its actor is replaced by who is signed in.
    pub manage: Manage,
    /// Signing in.
    pub administration: Administration,
    /// The URL under which the server is reached, without trailing slash. Cookies are kept to https
    /// if it is one.
    pub public_url: String,
    /// Proxies whose word about the client's address is taken.
    pub trusted_proxies: TrustedProxies,
}

/// The console; cheap to clone. It is made once, outside the closure of actix-web.
#[derive(Clone)]
pub struct Console {
    pub(crate) options: Arc<Options>,
}

impl Console {
    /// A console.
    #[must_use]
    pub fn new(options: Options) -> Self {
        Self { options: Arc::new(options) }
    }

    /// Adds the pages at `/console/`, and the way there from `/`.
    pub fn configure(&self, config: &mut ServiceConfig) {
        let console = self.clone();
        config.service(web::resource("/").route(
            web::get().to(|| async { HttpResponse::Found().insert_header((header::LOCATION, "/console/")).finish() }),
        ));
        config.service(web::scope("/console").app_data(PayloadConfig::new(MAX_FORM_BYTES)).default_service(web::to(
            move |request: HttpRequest, body: Result<Bytes, actix_web::Error>| {
                let console = console.clone();
                async move { console.answer(&request, body).await }
            },
        )));
    }

    async fn answer(self, http: &HttpRequest, body: Result<Bytes, actix_web::Error>) -> HttpResponse {
        if let Some(name) = http.path().strip_prefix("/console/assets/") {
            return assets::answer(http, name);
        }
        let is_https = self.is_https();
        let request = self.request(http, body);
        let theme = request.theme();
        let answered = web::block(move || self.run(&request)).await;
        let reply = match answered {
            Ok(Ok(reply)) => reply,
            Ok(Err(refusal)) => refusal.into_reply(theme),
            Err(_) => Refusal::failed("a page could not be made, since its thread ended").into_reply(theme),
        };
        reply.into_response(is_https)
    }

    /// Everything of an answer that may wait.
    fn run(&self, request: &Request) -> Result<Reply, Refusal> {
        if request.is_too_long {
            return Err(Refusal::too_long());
        }
        if !guard::is_same_site(request) {
            return Err(Refusal::cross_site());
        }
        routes::answer(self, request)
    }

    fn request(&self, http: &HttpRequest, body: Result<Bytes, actix_web::Error>) -> Request {
        let text = |name: header::HeaderName| {
            http.headers().get(name).and_then(|value| value.to_str().ok()).map(ToOwned::to_owned)
        };
        let pairs =
            |text: &str| Query::<BTreeMap<String, String>>::from_query(text).map(Query::into_inner).unwrap_or_default();
        let is_too_long = body.is_err();
        let body = body.unwrap_or_default();
        let form = match http.method() {
            &Method::POST => std::str::from_utf8(&body).map(pairs).unwrap_or_default(),
            _ => BTreeMap::new(),
        };
        let peer = http.peer_addr().map(|address| address.ip());
        let forwarded = text(header::HeaderName::from_static("x-forwarded-for"));
        Request {
            method: http.method().as_str().to_owned(),
            path: http.path().to_owned(),
            query: pairs(http.query_string()),
            form,
            cookies: text(header::COOKIE).unwrap_or_default(),
            address: guard::client_address(peer, forwarded.as_deref(), &self.options.trusted_proxies),
            host: text(header::HOST).or_else(|| http.uri().authority().map(ToString::to_string)),
            origin: text(header::ORIGIN),
            fetch_site: text(header::HeaderName::from_static("sec-fetch-site")),
            is_too_long,
            is_https: self.is_https(),
        }
    }

    pub(crate) fn is_https(&self) -> bool {
        self.options.public_url.starts_with("https://")
    }

    /// Management in the name of an administrator.
    pub(crate) fn manage(&self, actor: Actor) -> Manage {
        Manage { actor, ..self.options.manage.clone() }
    }
}
