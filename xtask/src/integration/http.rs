//! An HTTP/1.1 client that sends exactly the bytes it is told to.
//!
//! Libraries tidy what they send: they resolve `//`, encode `+`, and write headers in a letter case
//! of their own. Identity providers do not, so neither does this.

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use flate2::read::GzDecoder;

/// How long an answer may take; the slowest identity provider waits twice as long.
const ANSWER_LIMIT: Duration = Duration::from_secs(30);

/// A request, byte for byte, but for `Host`, `Content-Length` and `Connection`.
pub(crate) struct Request<'a> {
    pub(crate) method: &'a str,
    /// Path and query as they stand in the request line.
    pub(crate) target: &'a str,
    pub(crate) host: &'a str,
    pub(crate) headers: Vec<(&'a str, &'a str)>,
    pub(crate) body: Option<&'a str>,
}

/// A response.
#[derive(Clone, Default)]
pub(crate) struct Response {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Response {
    /// The value of a header, by its name in any letter case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

/// Sends a request over a connection of its own and reads the answer to its end.
pub(crate) fn send(address: &str, request: &Request<'_>) -> Result<Response> {
    let mut stream = TcpStream::connect(address).with_context(|| format!("cannot reach {address}"))?;
    stream.set_read_timeout(Some(ANSWER_LIMIT))?;
    stream.set_write_timeout(Some(ANSWER_LIMIT))?;
    stream.write_all(&bytes_of(request))?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).context("the server did not answer in time, or cut the answer off")?;
    parse(&answer)
}

fn bytes_of(request: &Request<'_>) -> Vec<u8> {
    let mut text = format!("{} {} HTTP/1.1\r\nHost: {}\r\n", request.method, request.target, request.host);
    for (name, value) in &request.headers {
        let _ = write!(text, "{name}: {value}\r\n");
    }
    if let Some(body) = request.body {
        let _ = write!(text, "Content-Length: {}\r\n", body.len());
    }
    text.push_str("Connection: close\r\n\r\n");
    text.push_str(request.body.unwrap_or_default());
    text.into_bytes()
}

fn parse(answer: &[u8]) -> Result<Response> {
    let split =
        answer.windows(4).position(|four| four == b"\r\n\r\n").context("the answer has no end of its headers")?;
    let (head, rest) = answer.split_at(split);
    let rest = rest.get(4..).unwrap_or_default();
    let head = std::str::from_utf8(head).context("the headers of the answer are no text")?;
    let mut lines = head.split("\r\n");
    let status = lines
        .next()
        .and_then(|line| line.strip_prefix("HTTP/1.1 "))
        .and_then(|line| line.split(' ').next())
        .and_then(|code| code.parse().ok())
        .context("the answer has no status line")?;
    let headers = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
        .collect();
    let mut response = Response { status, headers, body: String::new() };
    let chunked = response.header("transfer-encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked"));
    let body = if chunked { unchunk(rest)? } else { rest.to_vec() };
    if let Some(length) = response.header("content-length")
        && length.parse() != Ok(body.len())
    {
        bail!("the answer announces {length} bytes and has {}", body.len());
    }
    let body = match response.header("content-encoding") {
        None => body,
        Some("gzip") => {
            let mut plain = Vec::new();
            GzDecoder::new(body.as_slice()).read_to_end(&mut plain).context("the answer is no gzip")?;
            plain
        }
        Some(other) => bail!("the answer is coded as {other}"),
    };
    response.body = String::from_utf8(body).context("the body of the answer is no text")?;
    Ok(response)
}

/// Puts the pieces of a chunked body together (RFC 9112 §7.1).
fn unchunk(mut rest: &[u8]) -> Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let end = rest.windows(2).position(|two| two == b"\r\n").context("a chunk of the answer has no size")?;
        let (size, after) = rest.split_at(end);
        let size = std::str::from_utf8(size)
            .ok()
            .and_then(|text| text.split(';').next())
            .and_then(|digits| usize::from_str_radix(digits.trim(), 16).ok())
            .context("the size of a chunk is no number")?;
        if size == 0 {
            return Ok(body);
        }
        let after = after.get(2..).unwrap_or_default();
        let chunk = after.get(..size).context("a chunk is cut off")?;
        body.extend_from_slice(chunk);
        rest = after.get(size.saturating_add(2)..).unwrap_or_default();
    }
}

/// A value as a part of a query: every byte but the unreserved ones is encoded (RFC 3986 §2.3).
pub(crate) fn encode(value: &str) -> String {
    let mut text = String::new();
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            text.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(text, "%{byte:02X}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::write::GzEncoder;

    use super::{Request, bytes_of, encode, parse};

    #[test]
    fn a_request_goes_out_as_it_was_written() {
        let request = Request {
            method: "GET",
            target: "/scim/v2/c1//Users?filter=userName+eq+%22a%22&",
            host: "h",
            headers: vec![("aCCept", "x")],
            body: Some("é"),
        };
        let text = String::from_utf8(bytes_of(&request)).unwrap();
        assert_eq!(
            text,
            "GET /scim/v2/c1//Users?filter=userName+eq+%22a%22& HTTP/1.1\r\nHost: h\r\naCCept: x\r\n\
             Content-Length: 2\r\nConnection: close\r\n\r\né"
        );
    }

    #[test]
    fn plain_and_chunked_answers_are_read() {
        let plain = parse(b"HTTP/1.1 200 OK\r\nETag: W/\"1\"\r\nContent-Length: 2\r\n\r\n{}").unwrap();
        assert_eq!((plain.status, plain.body.as_str(), plain.header("etag")), (200, "{}", Some("W/\"1\"")));
        let chunked =
            parse(b"HTTP/1.1 409 Conflict\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n1;x=y\r\nd\r\n0\r\n\r\n")
                .unwrap();
        assert_eq!((chunked.status, chunked.body.as_str()), (409, "abcd"));
    }

    #[test]
    fn compressed_answers_are_read() {
        let mut coder = GzEncoder::new(Vec::new(), flate2::Compression::default());
        coder.write_all("é".repeat(9).as_bytes()).unwrap();
        let mut answer = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n".to_vec();
        answer.extend(coder.finish().unwrap());
        assert_eq!(parse(&answer).unwrap().body, "é".repeat(9));
        assert!(parse(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\nno").is_err());
        assert!(parse(b"HTTP/1.1 200 OK\r\nContent-Encoding: br\r\n\r\nno").is_err());
    }

    #[test]
    fn answers_that_are_cut_off_are_faults() {
        for answer in [
            "HTTP/1.1 200 OK\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n{}",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nabc",
            "nonsense\r\n\r\n",
        ] {
            assert!(parse(answer.as_bytes()).is_err(), "{answer:?}");
        }
    }

    #[test]
    fn reserved_characters_are_encoded() {
        assert_eq!(encode("a b+\"é@"), "a%20b%2B%22%C3%A9%40");
    }
}
