//! JSON as text: writing strings, and finding what stands where in an object without reading it.

/// Appends a string with its quotes.
pub(crate) fn push_string(out: &mut String, text: &str) {
    #[expect(clippy::needless_bitwise_bool, reason = "without an early end many bytes are looked at together")]
    let plain = |byte: u8| (byte >= 0x20) & (byte != b'"') & (byte != b'\\');
    if text.bytes().fold(true, |all, byte| all & plain(byte)) {
        out.push('"');
        out.push_str(text);
        out.push('"');
    } else {
        out.push_str(&serde_json::Value::from(text).to_string());
    }
}

/// The same as a text of its own, without the quotes.
pub(crate) fn escaped(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len().saturating_add(2));
    push_string(&mut quoted, text);
    quoted.pop();
    quoted.split_off(1)
}

/// A member of an object, as it stands in the text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Member<'a> {
    /// Between the quotes. A key with an escape in it ends the walk.
    pub(crate) key: &'a str,
    /// The value, without blanks around it.
    pub(crate) value: &'a str,
    /// Where the value begins in the text.
    pub(crate) at: usize,
}

/// The members of the object that the text is, for text without blanks between its tokens, as
/// `serde_json` prints it. Ends with `None` in place of a member where the text is anything else.
pub(crate) struct Members<'a> {
    text: &'a str,
    at: usize,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Begin,
    Behind,
    Over,
}

/// The members of an object.
pub(crate) fn members(text: &str) -> Members<'_> {
    Members { text, at: 0, state: State::Begin }
}

impl<'a> Members<'a> {
    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn eat(&mut self, wanted: u8) -> Option<()> {
        (self.byte()? == wanted).then(|| self.at = self.at.saturating_add(1))
    }

    /// A string; what is between its quotes.
    fn string(&mut self) -> Option<&'a str> {
        self.eat(b'"')?;
        let begin = self.at;
        loop {
            let rest = self.text.as_bytes().get(self.at..)?;
            let found = rest.iter().position(|byte| matches!(byte, b'"' | b'\\'))?;
            self.at = self.at.saturating_add(found);
            if self.byte() == Some(b'"') {
                let end = self.at;
                self.at = self.at.saturating_add(1);
                return self.text.get(begin..end);
            }
            self.at = self.at.saturating_add(2);
        }
    }

    fn value(&mut self) -> Option<&'a str> {
        let begin = self.at;
        match self.byte()? {
            b'"' => {
                self.string()?;
            }
            b'{' | b'[' => {
                let mut depth = 0_usize;
                loop {
                    match self.byte()? {
                        b'"' => {
                            self.string()?;
                            continue;
                        }
                        b'{' | b'[' => depth = depth.saturating_add(1),
                        b'}' | b']' => depth = depth.saturating_sub(1),
                        _ => {}
                    }
                    self.at = self.at.saturating_add(1);
                    if depth == 0 {
                        break;
                    }
                }
            }
            b',' | b'}' | b']' | b' ' | b'\t' | b'\n' | b'\r' => return None,
            _ => {
                while !matches!(self.byte()?, b',' | b'}') {
                    self.at = self.at.saturating_add(1);
                }
            }
        }
        self.text.get(begin..self.at)
    }

    fn member(&mut self) -> Option<Member<'a>> {
        let key = self.string()?;
        if key.contains('\\') {
            return None;
        }
        self.eat(b':')?;
        let at = self.at;
        Some(Member { key, value: self.value()?, at })
    }
}

impl<'a> Iterator for Members<'a> {
    type Item = Option<Member<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = match self.state {
            State::Over => return None,
            State::Begin => self.eat(b'{').map(|()| self.byte() == Some(b'}')),
            State::Behind => match self.byte() {
                Some(b'}') => Some(true),
                _ => self.eat(b',').map(|()| false),
            },
        };
        let found = match next {
            // Nothing may follow the object.
            Some(true) if self.at.saturating_add(1) == self.text.len() => {
                self.state = State::Over;
                return None;
            }
            Some(false) => self.member(),
            Some(true) | None => None,
        };
        self.state = if found.is_some() { State::Behind } else { State::Over };
        Some(found)
    }
}

/// The text of a top-level string of a stored document; `None` if there is none, `Err` if the text
/// cannot be walked.
pub(crate) fn top_string(text: &str, name: &str) -> Result<Option<String>, NotWalked> {
    for member in members(text) {
        let member = member.ok_or(NotWalked)?;
        if member.key == name && member.value.starts_with('"') {
            return serde_json::from_str(member.value).map(Some).map_err(|_no_string| NotWalked);
        }
    }
    Ok(None)
}

/// The text is not as this crate writes documents, and has to be read by a parser.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct NotWalked;

#[cfg(test)]
mod tests {
    use super::*;

    fn walked(text: &str) -> Option<Vec<(&str, &str)>> {
        members(text).map(|member| member.map(|member| (member.key, member.value))).collect()
    }

    #[test]
    fn the_members_of_an_object_are_found() {
        for (text, expected) in [
            ("{}", Some(vec![])),
            (r#"{"a":1}"#, Some(vec![("a", "1")])),
            (
                r#"{"a":"x","b":{"c":[1,{"d":"}"}]},"e":[],"f":null}"#,
                Some(vec![("a", r#""x""#), ("b", r#"{"c":[1,{"d":"}"}]}"#), ("e", "[]"), ("f", "null")]),
            ),
            (r#"{"a":"\"}\\","b":"\\\""}"#, Some(vec![("a", r#""\"}\\""#), ("b", r#""\\\"""#)])),
            (r#"{"\u0061":1}"#, None),
            (r#"{"a" :1}"#, None),
            (r#"{"a": 1}"#, None),
            (r#" {"a":1}"#, None),
            (r#"{"a":1} "#, None),
            (r#"{"a":1"#, None),
            (r#"{"a":"x"#, None),
            (r#"{"a":"x\"#, None),
            (r#"{"a":[1"#, None),
            (r#"{"a"}"#, None),
            (r#"{"a":}"#, None),
            (r#"{"a":1,}"#, None),
            ("", None),
            ("[]", None),
            ("1", None),
        ] {
            assert_eq!(walked(text), expected, "{text}");
        }
    }

    #[test]
    fn a_string_is_written_as_serde_json_writes_it() {
        for text in ["", "a", "\"", "\\", "a\u{1}b", "\u{7f}ü\u{2028}", "a\nb", "/"] {
            let mut out = String::new();
            push_string(&mut out, text);
            assert_eq!(out, serde_json::Value::from(text).to_string());
            assert_eq!(format!("\"{}\"", escaped(text)), out);
        }
    }

    #[test]
    fn a_top_level_string_is_found_and_no_other() {
        let text = r#"{"a":{"name":"inner"},"name":"out\"er","n":1}"#;
        assert_eq!(top_string(text, "name"), Ok(Some("out\"er".to_owned())));
        assert_eq!(top_string(text, "n"), Ok(None));
        assert_eq!(top_string(text, "x"), Ok(None));
        assert_eq!(top_string("{ }", "x"), Err(NotWalked));
    }
}
