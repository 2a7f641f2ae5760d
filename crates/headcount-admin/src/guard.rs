//! Where a request comes from.

use std::net::IpAddr;

use headcount_actix::TrustedProxies;

use crate::request::Request;

/// Whether a request that may change something was sent by a page of ours, or by no page at all.
///
/// SECURITY: `Sec-Fetch-Site` is set by the browser and by nothing that a page can run. Browsers leave
/// it out on plain http; there `Origin`, which every browser sends with a POST, must be this host.
pub(crate) fn is_same_site(request: &Request) -> bool {
    if matches!(&*request.method, "GET" | "HEAD") {
        return true;
    }
    if let Some(site) = &request.fetch_site {
        return site == "same-origin" || site == "none";
    }
    let origin = request.origin.as_deref().and_then(|origin| origin.split_once("://"));
    matches!((origin, &request.host), (Some((_, origin)), Some(host)) if origin.eq_ignore_ascii_case(host))
}

/// Where the client is: the peer, or what a proxy that is trusted says last. `None`: not known, so
/// that all who come through such a proxy are not taken for one.
pub(crate) fn client_address(
    peer: Option<IpAddr>,
    forwarded: Option<&str>,
    proxies: &TrustedProxies,
) -> Option<IpAddr> {
    let peer = peer?;
    if !proxies.trusts(peer) {
        return Some(peer);
    }
    // Each proxy adds whom it heard from at the end; the first that is no proxy of ours is the client.
    let said = forwarded?.split(',').rev().map(|text| text.trim().parse::<IpAddr>());
    said.map_while(Result::ok).find(|address| !proxies.trusts(*address))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_is_believed_as_far_as_it_is_trusted() {
        let proxies = TrustedProxies::parse(["10.0.0.0/8"]).unwrap();
        let address = |peer: &str, said: Option<&str>| {
            client_address(Some(peer.parse().unwrap()), said, &proxies).map(|address| address.to_string())
        };
        assert_eq!(address("192.0.2.1", Some("198.51.100.1")).as_deref(), Some("192.0.2.1"));
        assert_eq!(address("10.0.0.1", Some("198.51.100.1")).as_deref(), Some("198.51.100.1"));
        assert_eq!(address("10.0.0.1", Some("203.0.113.9, 198.51.100.1, 10.0.0.2")).as_deref(), Some("198.51.100.1"));
        assert_eq!(address("10.0.0.1", Some("nonsense")), None);
        assert_eq!(address("10.0.0.1", None), None);
    }
}
