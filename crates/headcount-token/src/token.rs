//! The token and its parts.

use std::fmt;

use argon2::{Params, PasswordHasher, password_hash::phc::PasswordHash};
use headcount_model::{Entropy, Secret, TokenId};

use crate::{error::TokenError, scratch::Argon2id};

/// What every token begins with, so that secret scanners know it.
const PREFIX: &str = "hc_";
/// Characters of the public id.
const ID_CHARS: usize = 12;
/// Characters of the secret: 43 base62 digits hold 256 bits.
const SECRET_CHARS: usize = 43;
/// Characters of the checksum: 6 base62 digits hold 32 bits.
const CHECK_CHARS: usize = 6;
const TOKEN_CHARS: usize = PREFIX.len() + ID_CHARS + 1 + SECRET_CHARS + CHECK_CHARS;
const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// Memory of argon2id in KiB; OWASP's floor, fenced by the verification cache.
const ARGON2_KIB: u32 = 19_456;
const ARGON2_PASSES: u32 = 2;
const ARGON2_LANES: u32 = 1;

/// A whole token, as it is shown once and presented with every request.
#[derive(Clone)]
pub struct PlainToken {
    id: TokenId,
    text: Secret,
}

/// An argon2id PHC string.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenHash(Box<str>);

impl PlainToken {
    /// Makes a new token with 256 bits of secret.
    #[must_use]
    pub fn mint(entropy: &dyn Entropy) -> Self {
        let mut secret = [0_u8; 32];
        entropy.fill(&mut secret);
        let id = random_digits(entropy, ID_CHARS);
        let body = format!("{PREFIX}{id}_{}", base62(&secret, SECRET_CHARS));
        let check = checksum(&body);
        Self { id: TokenId::from_text(&id), text: Secret::new(body + &check) }
    }

    /// Checks the shape and the checksum, without any I/O.
    ///
    /// # Errors
    /// [`TokenError::Malformed`].
    pub fn parse(text: &str) -> Result<Self, TokenError> {
        if text.len() != TOKEN_CHARS || !text.is_ascii() {
            return Err(TokenError::Malformed);
        }
        let rest = text.strip_prefix(PREFIX).ok_or(TokenError::Malformed)?;
        let (id, rest) = rest.split_once('_').ok_or(TokenError::Malformed)?;
        let is_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let (body, check) = text.split_at_checked(TOKEN_CHARS - CHECK_CHARS).ok_or(TokenError::Malformed)?;
        if id.len() != ID_CHARS || !is_digits(id) || !is_digits(rest) || check_digits(body) != check.as_bytes() {
            return Err(TokenError::Malformed);
        }
        Ok(Self { id: TokenId::from_text(id), text: Secret::new(text) })
    }

    /// The public part.
    #[must_use]
    pub fn id(&self) -> &TokenId {
        &self.id
    }

    /// The whole text, for showing it once and for hashing.
    #[must_use]
    pub fn text(&self) -> &Secret {
        &self.text
    }

    /// Hashes the token with argon2id (m = 19,456 KiB, t = 2, p = 1): 20 to 40 ms.
    ///
    /// # Errors
    /// [`TokenError::Hashing`] when argon2id has not the memory it needs.
    pub fn hash(&self, entropy: &dyn Entropy) -> Result<TokenHash, TokenError> {
        Ok(TokenHash(phc(&self.text, entropy)?.into()))
    }
}

impl fmt::Debug for PlainToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PlainToken({})", self.id)
    }
}

impl TokenHash {
    /// Takes a stored PHC string as it is; whether it can be read shows when it is verified.
    #[must_use]
    pub fn from_stored(text: &str) -> Self {
        Self(text.into())
    }

    /// The PHC string.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenHash")
    }
}

/// The PHC string of a secret under a fresh salt.
pub(crate) fn phc(secret: &Secret, entropy: &dyn Entropy) -> Result<String, TokenError> {
    let mut salt = [0_u8; 16];
    entropy.fill(&mut salt);
    let hash: PasswordHash = argon2id()?
        .hash_password_with_salt(secret.expose().as_bytes(), &salt)
        .map_err(|error| TokenError::Hashing(error.to_string()))?;
    Ok(hash.to_string())
}

/// argon2id with the parameters of new hashes; verification takes them from the PHC string.
pub(crate) fn argon2id() -> Result<Argon2id, TokenError> {
    let params = Params::new(ARGON2_KIB, ARGON2_PASSES, ARGON2_LANES, None)
        .map_err(|error| TokenError::Hashing(error.to_string()))?;
    Ok(Argon2id::new(params))
}

pub(crate) fn checksum(body: &str) -> String {
    check_digits(body).iter().map(|byte| char::from(*byte)).collect()
}

/// The CRC-32 in base 62, padded with zeros.
fn check_digits(body: &str) -> [u8; CHECK_CHARS] {
    let mut rest = crc32fast::hash(body.as_bytes());
    let mut digits = [b'0'; CHECK_CHARS];
    for place in digits.iter_mut().rev() {
        *place = digit_byte(rest % 62);
        rest /= 62;
    }
    digits
}

/// The big-endian number in base 62, padded with zeros to `width` digits.
fn base62(bytes: &[u8], width: usize) -> String {
    let mut number = bytes.to_vec();
    let mut digits = Vec::with_capacity(width);
    for _ in 0..width {
        let mut remainder = 0_u32;
        for byte in &mut number {
            let value = remainder * 256 + u32::from(*byte);
            *byte = u8::try_from(value / 62).unwrap_or_default();
            remainder = value % 62;
        }
        digits.push(digit(remainder));
    }
    digits.iter().rev().collect()
}

fn digit(value: u32) -> char {
    char::from(digit_byte(value))
}

fn digit_byte(value: u32) -> u8 {
    usize::try_from(value).ok().and_then(|n| DIGITS.get(n)).copied().unwrap_or(b'0')
}

/// Uniformly random base62 digits: bytes from 248 up are thrown away, since 248 is 4 times 62.
fn random_digits(entropy: &dyn Entropy, width: usize) -> String {
    let mut text = String::with_capacity(width);
    let mut buffer = [0_u8; 32];
    while text.len() < width {
        entropy.fill(&mut buffer);
        let fair = buffer.iter().filter(|byte| **byte < 248).map(|byte| digit(u32::from(*byte) % 62));
        text.extend(fair.take(width - text.len()));
    }
    text
}

#[cfg(test)]
mod tests {
    use headcount_model::SystemEntropy;

    use super::*;

    #[test]
    fn a_minted_token_parses_to_itself() {
        for _ in 0..1_000 {
            let token = PlainToken::mint(&SystemEntropy);
            let again = PlainToken::parse(token.text().expose()).unwrap();
            assert_eq!(again.id(), token.id());
            assert_eq!(token.text().expose().len(), 65);
        }
    }

    /// Bytes of zero, but for the lowest bit of one byte of the secret.
    struct OneBit(usize);

    impl Entropy for OneBit {
        fn fill(&self, buffer: &mut [u8]) {
            buffer.fill(0);
            if buffer.len() == 32
                && let Some(byte) = buffer.get_mut(self.0)
            {
                *byte = 1;
            }
        }
    }

    /// RFC 7644 §7.4: no byte of 256 bits of randomness is lost on the way into the token.
    #[test]
    fn a_token_holds_all_of_its_entropy() {
        let secret = |byte| {
            let token = PlainToken::mint(&OneBit(byte));
            let (_, tail) = token.text().expose().rsplit_once('_').unwrap();
            tail.chars().take(SECRET_CHARS).collect::<String>()
        };
        let secrets: std::collections::BTreeSet<String> = (0..=32).map(secret).collect();
        assert_eq!(secrets.len(), 33);
    }

    #[test]
    fn any_changed_lost_or_added_character_is_malformed() {
        let token = PlainToken::mint(&SystemEntropy);
        let text = token.text().expose();
        for position in 0..text.len() {
            let mut bytes = text.as_bytes().to_vec();
            bytes[position] = if bytes[position] == b'x' { b'y' } else { b'x' };
            let changed = String::from_utf8(bytes).unwrap();
            assert_eq!(PlainToken::parse(&changed).unwrap_err(), TokenError::Malformed, "{position}");
            let shorter = {
                let mut shorter = text.to_owned();
                shorter.remove(position);
                shorter
            };
            assert_eq!(PlainToken::parse(&shorter).unwrap_err(), TokenError::Malformed);
        }
        assert!(PlainToken::parse(&format!("{text}a")).is_err());
        assert!(PlainToken::parse(&"é".repeat(32)).is_err());
        assert!(PlainToken::parse("").is_err());
    }

    #[test]
    fn base62_is_the_number_in_base_62() {
        assert_eq!(base62(&[0, 0], 3), "000");
        assert_eq!(base62(&[1, 0], 3), "048");
        assert_eq!(base62(&[255; 4], 6), "4gfFC3");
        for body in ["", "hc_", "hc_0123456789ab_", "any other text"] {
            let sum = crc32fast::hash(body.as_bytes()).to_be_bytes();
            assert_eq!(checksum(body), base62(&sum, CHECK_CHARS), "{body}");
        }
    }

    /// RFC 7644 §7.7.
    #[test]
    fn neither_token_nor_hash_shows_in_debug_output() {
        let token = PlainToken::mint(&SystemEntropy);
        let hash = token.hash(&SystemEntropy).unwrap();
        assert!(hash.as_str().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        let printed = format!("{token:?} {hash:?}");
        assert!(!printed.contains(token.text().expose()) && !printed.contains(hash.as_str()), "{printed}");
    }
}
