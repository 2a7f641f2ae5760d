//! Which peers are believed when they say by which host a request came.

use std::{
    net::{IpAddr, Ipv6Addr},
    str::FromStr,
};

use actix_web::http::header::{FORWARDED, HeaderMap, HeaderName};

/// Addresses and networks of proxies whose `X-Forwarded-Host` and `Forwarded` headers count.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct TrustedProxies(Vec<Network>);

/// The first `prefix` bits of an address; IPv4 in its mapped form.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Network {
    address: u128,
    prefix: u32,
}

/// The text is neither an address nor a network.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ProxyParseError(String);

impl std::fmt::Display for ProxyParseError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "'{}' is neither an address such as 10.0.0.7 nor a network such as 10.0.0.0/8", self.0)
    }
}

impl std::error::Error for ProxyParseError {}

impl FromStr for Network {
    type Err = ProxyParseError;

    fn from_str(text: &str) -> Result<Self, ProxyParseError> {
        let wrong = || ProxyParseError(text.to_owned());
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(length)),
            None => (text, None),
        };
        let address: IpAddr = address.trim().parse().map_err(|_not_an_address| wrong())?;
        let bits: u32 = if address.is_ipv4() { 32 } else { 128 };
        let length = match length {
            None => bits,
            Some(length) => length.trim().parse().ok().filter(|length| *length <= bits).ok_or_else(wrong)?,
        };
        let prefix = 128_u32.saturating_sub(bits).saturating_add(length);
        Ok(Self { address: number(address), prefix })
    }
}

impl Network {
    fn holds(self, address: u128) -> bool {
        // A shift by all 128 bits, for the network of everything, is no shift but zero.
        let cut = |address: u128| address.checked_shr(128_u32.saturating_sub(self.prefix)).unwrap_or(0);
        cut(self.address) == cut(address)
    }
}

fn number(address: IpAddr) -> u128 {
    let mapped: Ipv6Addr = match address {
        IpAddr::V4(address) => address.to_ipv6_mapped(),
        IpAddr::V6(address) => address,
    };
    mapped.to_bits()
}

impl TrustedProxies {
    /// Nobody is trusted.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Reads addresses and networks.
    ///
    /// # Errors
    /// [`ProxyParseError`] for the first that is neither.
    pub fn parse<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Self, ProxyParseError> {
        texts.into_iter().map(str::parse).collect::<Result<_, _>>().map(Self)
    }

    /// Whether a peer is one of them.
    #[must_use]
    pub fn trusts(&self, peer: IpAddr) -> bool {
        let peer = number(peer);
        self.0.iter().any(|network| network.holds(peer))
    }

    /// The host by which the client reached the proxy, if the peer is trusted and says so.
    ///
    /// Of a list, the last element is taken: that is what the trusted peer itself added or set; the
    /// ones before may be the client's own words.
    pub(crate) fn host(&self, peer: Option<IpAddr>, headers: &HeaderMap) -> Option<String> {
        if !peer.is_some_and(|peer| self.trusts(peer)) {
            return None;
        }
        let last = |name: HeaderName| {
            let value = headers.get_all(name).last()?.to_str().ok()?;
            value.rsplit(',').next().map(|element| element.trim().to_owned()).filter(|element| !element.is_empty())
        };
        last(HeaderName::from_static("x-forwarded-host")).or_else(|| {
            let element = last(FORWARDED)?;
            element.split(';').find_map(|pair| {
                let (name, value) = pair.split_once('=')?;
                let value = value.trim().trim_matches('"');
                (name.trim().eq_ignore_ascii_case("host") && !value.is_empty()).then(|| value.to_owned())
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    fn trusts(texts: &[&str], peer: &str) -> bool {
        TrustedProxies::parse(texts.iter().copied()).unwrap().trusts(peer.parse().unwrap())
    }

    #[test]
    fn addresses_and_networks_of_both_kinds_are_told_apart() {
        assert!(trusts(&["10.0.0.7"], "10.0.0.7"));
        assert!(!trusts(&["10.0.0.7"], "10.0.0.8"));
        assert!(trusts(&["10.0.0.0/8"], "10.255.1.2"));
        assert!(!trusts(&["10.0.0.0/8"], "11.0.0.0"));
        assert!(trusts(&["10.1.2.0/23"], "10.1.3.255"));
        assert!(!trusts(&["10.1.2.0/23"], "10.1.4.0"));
        assert!(trusts(&["fd00::/8"], "fd12::1"));
        assert!(!trusts(&["fd00::/8"], "fe80::1"));
        assert!(trusts(&["10.0.0.0/8"], "::ffff:10.1.1.1"));
        assert!(trusts(&["0.0.0.0/0"], "192.0.2.1"));
        assert!(!trusts(&["0.0.0.0/0"], "2001:db8::1"));
        assert!(trusts(&["::/0"], "2001:db8::1"));
        assert!(!trusts(&[], "127.0.0.1"));
    }

    #[test]
    fn what_is_neither_is_refused_by_name() {
        for text in ["10.0.0.0/33", "::/129", "example.com", "", "10.0.0.0/-1", "10.0.0/8", "10.0.0.0/"] {
            assert!(TrustedProxies::parse([text]).unwrap_err().to_string().contains(text), "{text}");
        }
    }

    fn host(peer: &str, pairs: &[(&'static str, &'static str)]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        TrustedProxies::parse(["10.0.0.1"]).unwrap().host(Some(peer.parse().unwrap()), &headers)
    }

    #[test]
    fn an_untrusted_peer_is_not_believed() {
        assert_eq!(host("10.0.0.2", &[("x-forwarded-host", "a.example"), ("forwarded", "host=a.example")]), None);
        assert_eq!(TrustedProxies::none().host(None, &HeaderMap::new()), None);
    }

    #[test]
    fn a_trusted_peer_is_believed_in_what_it_added_itself() {
        assert_eq!(host("10.0.0.1", &[("x-forwarded-host", "evil.example, a.example")]).as_deref(), Some("a.example"));
        assert_eq!(
            host("10.0.0.1", &[("x-forwarded-host", "evil.example"), ("x-forwarded-host", "a.example:8443")])
                .as_deref(),
            Some("a.example:8443")
        );
        assert_eq!(
            host(
                "10.0.0.1",
                &[("forwarded", "for=1.2.3.4;host=x.example, for=5.6.7.8; Host=\"a.example:1\";proto=https")]
            )
            .as_deref(),
            Some("a.example:1")
        );
        assert_eq!(host("10.0.0.1", &[("forwarded", "for=1.2.3.4")]), None);
        assert_eq!(host("10.0.0.1", &[("x-forwarded-host", "")]), None);
    }
}
