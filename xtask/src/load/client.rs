//! An HTTP/1.1 client that keeps its connection and its buffers, so that it costs little beside the
//! server that it measures.

use std::io::{BufRead, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

/// How long an answer may take before the run fails.
const ANSWER_LIMIT: Duration = Duration::from_mins(1);

/// Room for what is read at once.
const READ_BYTES: usize = 64 << 10;

/// One connection to one server, opened when it is first used.
pub(crate) struct Client {
    host: String,
    base: String,
    authorization: String,
    stream: Option<BufReader<TcpStream>>,
    request: Vec<u8>,
    line: Vec<u8>,
    body: Vec<u8>,
}

/// What an answer says before its body.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Head {
    status: u16,
    framing: Framing,
    close: bool,
}

/// How the end of a body is found (RFC 9112 §6.3).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Framing {
    Length(usize),
    Chunked,
    UntilClose,
}

impl Client {
    /// A client of `http://host/base` that presents a token.
    pub(crate) fn new(host: &str, base: &str, token: &str) -> Self {
        Self {
            host: host.to_owned(),
            base: base.to_owned(),
            authorization: format!("Authorization: Bearer {token}\r\n"),
            stream: None,
            request: Vec::new(),
            line: Vec::new(),
            body: Vec::new(),
        }
    }

    /// Sends a request and reads the answer; its status.
    ///
    /// A kept connection that the server closed meanwhile is opened anew, once.
    pub(crate) fn send(&mut self, method: &str, path: &str, body: Option<&[u8]>) -> Result<u16> {
        let kept = self.stream.is_some();
        let first = self.exchange(method, path, body);
        if first.is_err() {
            self.stream = None;
        }
        match first {
            Err(_) if kept => {
                let second = self.exchange(method, path, body);
                if second.is_err() {
                    self.stream = None;
                }
                second
            }
            first => first,
        }
    }

    /// The same, but nothing is sent twice: who asks wants to know that the connection broke.
    pub(crate) fn send_once(&mut self, method: &str, path: &str, body: Option<&[u8]>) -> Result<u16> {
        let answer = self.exchange(method, path, body);
        if answer.is_err() {
            self.stream = None;
        }
        answer
    }

    /// The body of the last answer.
    pub(crate) fn body(&self) -> &[u8] {
        &self.body
    }

    /// The body of the last answer as JSON; null if it is none.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The beginning of the body of the last answer, to explain a fault.
    pub(crate) fn excerpt(&self) -> String {
        String::from_utf8_lossy(self.body.get(..300).unwrap_or(&self.body)).into_owned()
    }

    fn exchange(&mut self, method: &str, path: &str, body: Option<&[u8]>) -> Result<u16> {
        self.request.clear();
        write!(
            self.request,
            "{method} {}{path} HTTP/1.1\r\nHost: {}\r\n{}Accept: application/scim+json, application/json\r\n",
            self.base, self.host, self.authorization
        )?;
        if let Some(body) = body {
            write!(self.request, "Content-Type: application/scim+json\r\nContent-Length: {}\r\n\r\n", body.len())?;
            self.request.extend_from_slice(body);
        } else {
            self.request.extend_from_slice(b"\r\n");
        }
        let stream = match &mut self.stream {
            Some(stream) => stream,
            None => self.stream.insert(connect(&self.host)?),
        };
        stream.get_mut().write_all(&self.request).context("the request cannot be written")?;
        let head = read_head(stream, &mut self.line)?;
        read_body(stream, head, &mut self.line, &mut self.body)?;
        if head.close || head.framing == Framing::UntilClose {
            self.stream = None;
        }
        Ok(head.status)
    }
}

fn connect(host: &str) -> Result<BufReader<TcpStream>> {
    let stream = TcpStream::connect(host).with_context(|| format!("cannot reach {host}"))?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(ANSWER_LIMIT))?;
    Ok(BufReader::with_capacity(READ_BYTES, stream))
}

/// Reads a line without its end.
fn read_line<'a>(reader: &mut impl BufRead, line: &'a mut Vec<u8>) -> Result<&'a str> {
    line.clear();
    if reader.read_until(b'\n', line).context("the answer cannot be read")? == 0 {
        bail!("the server closed the connection");
    }
    Ok(std::str::from_utf8(line).context("a line of the answer is no text")?.trim_end())
}

fn read_head(reader: &mut impl BufRead, line: &mut Vec<u8>) -> Result<Head> {
    let status_line = read_line(reader, line)?;
    let old = status_line.starts_with("HTTP/1.0");
    let status: u16 = status_line
        .split(' ')
        .nth(1)
        .and_then(|code| code.parse().ok())
        .with_context(|| format!("the answer begins with {status_line:?}, which is no status line"))?;
    let (mut framing, mut close) = (Framing::UntilClose, old);
    loop {
        let line = read_line(reader, line)?;
        if line.is_empty() {
            break;
        }
        let Some((name, value)) = line.split_once(':') else { continue };
        let value = value.trim();
        if name.eq_ignore_ascii_case("content-length") && framing != Framing::Chunked {
            framing = Framing::Length(value.parse().context("the answer's length is no number")?);
        } else if name.eq_ignore_ascii_case("transfer-encoding") && value.eq_ignore_ascii_case("chunked") {
            framing = Framing::Chunked;
        } else if name.eq_ignore_ascii_case("connection") {
            close = value.eq_ignore_ascii_case("close") || (close && !value.eq_ignore_ascii_case("keep-alive"));
        }
    }
    if matches!(status, 204 | 304) {
        framing = Framing::Length(0);
    }
    Ok(Head { status, framing, close })
}

fn read_body(reader: &mut impl BufRead, head: Head, line: &mut Vec<u8>, body: &mut Vec<u8>) -> Result<()> {
    body.clear();
    match head.framing {
        Framing::Length(length) => take(reader, length, body),
        Framing::UntilClose => {
            reader.read_to_end(body).context("the answer cannot be read")?;
            Ok(())
        }
        Framing::Chunked => loop {
            let size = read_line(reader, line)?;
            let digits = size.split(';').next().unwrap_or_default().trim();
            let size = usize::from_str_radix(digits, 16).context("the size of a chunk is no number")?;
            take(reader, size, body)?;
            read_line(reader, line)?;
            if size == 0 {
                return Ok(());
            }
        },
    }
}

/// Appends exactly so many bytes.
fn take(reader: &mut impl BufRead, length: usize, body: &mut Vec<u8>) -> Result<()> {
    let limit = u64::try_from(length).context("the answer is too long")?;
    let read = reader.by_ref().take(limit).read_to_end(body).context("the answer cannot be read")?;
    if read < length {
        bail!("the answer is cut off after {read} of {length} bytes");
    }
    Ok(())
}

/// A value as a part of a query: every byte but the unreserved ones is encoded (RFC 3986 §2.3).
pub(crate) fn encode(value: &str) -> String {
    let mut text = String::with_capacity(value.len().saturating_mul(2));
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            text.push(char::from(byte));
        } else {
            text.push('%');
            for half in [byte >> 4, byte & 0xf] {
                text.extend(char::from_digit(u32::from(half), 16).map(|digit| digit.to_ascii_uppercase()));
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{Framing, Head, encode, read_body, read_head};

    fn read(mut answer: &[u8]) -> anyhow::Result<(Head, String, usize)> {
        let (mut line, mut body) = (Vec::new(), vec![b'x']);
        let head = read_head(&mut answer, &mut line)?;
        read_body(&mut answer, head, &mut line, &mut body)?;
        Ok((head, String::from_utf8(body).unwrap(), answer.len()))
    }

    #[test]
    fn a_body_of_known_length_ends_there() {
        let (head, body, rest) = read(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}HTTP/1.1 200").unwrap();
        assert_eq!(head, Head { status: 200, framing: Framing::Length(2), close: false });
        assert_eq!((body.as_str(), rest), ("{}", 12));
    }

    #[test]
    fn chunks_are_put_together() {
        let answer =
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\n\r\n";
        let (head, body, rest) = read(answer).unwrap();
        assert_eq!((head.framing, body.as_str(), rest), (Framing::Chunked, "abc0123456789", 0));
    }

    #[test]
    fn answers_without_a_body_have_none() {
        let (head, body, rest) = read(b"HTTP/1.1 204 No Content\r\nETag: W/\"1\"\r\n\r\nHTTP").unwrap();
        assert_eq!((head.status, body.as_str(), rest), (204, "", 4));
    }

    #[test]
    fn a_server_may_close_the_connection() {
        let close = |text: &[u8]| read(text).unwrap().0.close;
        assert!(close(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"));
        assert!(close(b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n"));
        assert!(!close(b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n"));
        assert_eq!(read(b"HTTP/1.1 200 OK\r\n\r\nrest").unwrap().1, "rest");
    }

    #[test]
    fn answers_that_are_cut_off_are_faults() {
        for answer in [
            "",
            "nonsense\r\n\r\n",
            "HTTP/1.1 200 OK\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n{}",
            "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nabc",
        ] {
            assert!(read(answer.as_bytes()).is_err(), "{answer:?}");
        }
    }

    #[test]
    fn reserved_characters_are_encoded() {
        assert_eq!(encode("a b+\"é@~"), "a%20b%2B%22%C3%A9%40~");
    }
}
