use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::{check, objection};

/// Among them the examples that the RFC on URIs gives.
#[test]
fn rfc7643_2_3_7_uris_and_relative_references_are_taken() {
    for text in [
        "",
        "#",
        "?",
        "/",
        "//",
        ".",
        "../Users/2819c223-7f76-453a-919d-413861904646",
        "2819c223-7f76-453a-919d-413861904646",
        "https://example.com/v2/Groups/e9e30dba-f08f-4109-8486-d5c6a331660a",
        "https://photos.example.com/profilephoto/72930000000Ccne/F",
        "urn:ietf:params:scim:schemas:core:2.0:User",
        "bulkId:qwerty",
        "ftp://ftp.is.co.za/rfc/rfc1808.txt",
        "http://www.ietf.org/rfc/rfc2396.txt",
        "ldap://[2001:db8::7]/c=GB?objectClass?one",
        "mailto:John.Doe@example.com",
        "news:comp.infosystems.www.servers.unix",
        "tel:+1-816-555-1212",
        "telnet://192.0.2.16:80/",
        "urn:oasis:names:specification:docbook:dtd:xml:4.1.2",
        "data:image/png;base64,iVBORw0KGgo=",
        "file:///etc/hosts",
        "http:",
        "http://",
        "http://[v1.fe:d]:8080",
        "http://[::ffff:192.0.2.1]:",
        "//user:pass@example.com:443/p@th:x/?q=/?#f/?",
        "g;x=1/../y",
        "g?y/./x",
        "g#s/../x",
        "a/b:c",
        "http://example.com/%C3%A9%2f",
        "https://例え.jp/ユーザ?é#ß",
        "/\u{10000}",
        "?\u{E000}\u{F0000}",
    ] {
        assert_eq!(objection(text), None, "{text}");
    }
}

#[test]
fn rfc7643_2_3_7_what_is_no_uri_is_refused() {
    let refused = |text: &str, expected: &Expect| {
        let error = check(&"profileUrl", text).expect_err(text);
        assert_eq!((error.status, error.scim_type), (400, Some(crate::ScimType::InvalidValue)));
        let start = "\"profileUrl\" must be a URI or a relative reference (RFC 3986), in which ";
        expected.assert_eq(error.detail.strip_prefix(start).unwrap());
    };
    refused("hello world", &expect!["a blank cannot stand where it does; write it as %20, or correct the reference"]);
    refused("not a uri ", &expect!["a blank cannot stand where it does; write it as %20, or correct the reference"]);
    refused("http://[", &expect!["brackets hold an IPv6 address and nothing else"]);
    refused("http://[]", &expect!["brackets hold an IPv6 address and nothing else"]);
    refused("http://[1.2.3.4]", &expect!["brackets hold an IPv6 address and nothing else"]);
    refused("http://[vz.1]", &expect!["brackets hold an IPv6 address and nothing else"]);
    refused("http://[v1.]", &expect!["brackets hold an IPv6 address and nothing else"]);
    refused("http://[v1.é]", &expect!["brackets hold an IPv6 address and nothing else"]);
    refused("http://[::1]x", &expect!["a host is followed by nothing but a colon and the digits of a port"]);
    refused("http://host:8a", &expect!["a host is followed by nothing but a colon and the digits of a port"]);
    refused("http://a:1:2", &expect!["a host is followed by nothing but a colon and the digits of a port"]);
    refused("http://a@b@c", &expect![[r#""@" cannot stand where it does; write it as %40, or correct the reference"#]]);
    refused("http://a[b]/", &expect![[r#""[" cannot stand where it does; write it as %5B, or correct the reference"#]]);
    refused("/a[0]", &expect![[r#""[" cannot stand where it does; write it as %5B, or correct the reference"#]]);
    refused("?a[]=1", &expect![[r#""[" cannot stand where it does; write it as %5B, or correct the reference"#]]);
    refused("a#b#c", &expect![[r##""#" cannot stand where it does; write it as %23, or correct the reference"##]]);
    refused(
        "1a:b",
        &expect![[
            r#"what stands before the first colon is a scheme such as "https"; write any other colon there as %3A"#
        ]],
    );
    refused(
        ":b",
        &expect![[
            r#"what stands before the first colon is a scheme such as "https"; write any other colon there as %3A"#
        ]],
    );
    refused(
        "é:b",
        &expect![[
            r#"what stands before the first colon is a scheme such as "https"; write any other colon there as %3A"#
        ]],
    );
    for text in ["%", "/%2", "/%2g", "/100%", "http://%zz/", "?%é0"] {
        refused(text, &expect![[r#""%" is followed by two hexadecimal digits; write the character itself as %25"#]]);
    }
    for text in ["a\\b", "<a>", "a\"b", "{a}", "a|b", "a^b", "a`b", "\u{7f}", "a\nb", "\u{85}", "/\u{E000}", "\u{FFFE}"]
    {
        assert!(check(&"profileUrl", text).is_err(), "{text:?}");
    }
}

proptest! {
    /// Percent-encoding everything makes a relative reference of any text.
    #[test]
    fn any_text_can_be_written_as_a_reference(text in any::<String>()) {
        let encoded = text.bytes().fold(String::new(), |encoded, byte| encoded + &format!("%{byte:02x}"));
        prop_assert_eq!(objection(&encoded), None);
    }

    /// Whatever part of a reference it is in.
    #[test]
    fn a_blank_is_never_taken(before in "[a-z:/?#@.]{0,8}", after in "[a-z:/?#@.]{0,8}") {
        let text = format!("{before} {after}");
        prop_assert!(objection(&text).is_some());
    }
}
