//! argon2id over memory that is used again.
//!
//! A computation needs its memory in one piece. Given back to the allocator each time, the piece is
//! soon a little too small for the next, since something small was put into it meanwhile: glibc then
//! takes another 19 MiB from the system for every token that is seen for the first time, and keeps
//! them all. So pieces are kept here instead, as many as were ever needed at once, which callers bound.

use std::sync::{Mutex, PoisonError};

use argon2::{
    Algorithm, Argon2, Block, CustomizedPasswordHasher, Params, PasswordHasher, Version,
    password_hash::{
        self,
        phc::{Output, ParamsString, PasswordHash, Salt},
    },
};

/// Pieces of memory that nobody is using. What is in them is of no use without the rest of a
/// computation, and is overwritten by the next.
static KEPT: Mutex<Vec<Vec<Block>>> = Mutex::new(Vec::new());

/// argon2id with the parameters of new hashes; verification takes them from the PHC string.
#[derive(Clone, Debug)]
pub(crate) struct Argon2id {
    algorithm: Algorithm,
    version: Version,
    params: Params,
}

impl Argon2id {
    pub(crate) fn new(params: Params) -> Self {
        Self { algorithm: Algorithm::Argon2id, version: Version::V0x13, params }
    }
}

impl PasswordHasher<PasswordHash> for Argon2id {
    fn hash_password_with_salt(&self, password: &[u8], salt: &[u8]) -> password_hash::Result<PasswordHash> {
        let Self { algorithm, version, params } = self;
        let salt = Salt::new(salt)?;
        let mut output = [0_u8; Output::MAX_LENGTH];
        let length = params.output_len().unwrap_or(Params::DEFAULT_OUTPUT_LEN);
        let output = output.get_mut(..length).ok_or(password_hash::Error::OutputSize)?;
        let argon2 = Argon2::new(*algorithm, *version, params.clone());
        with_blocks(params.block_count(), |blocks| {
            argon2.hash_password_into_with_memory(password, &salt, output, blocks)
        })??;
        Ok(PasswordHash {
            algorithm: algorithm.ident(),
            version: Some((*version).into()),
            params: ParamsString::try_from(params)?,
            salt: Some(salt),
            hash: Some(Output::new(output)?),
        })
    }
}

impl CustomizedPasswordHasher<PasswordHash> for Argon2id {
    type Params = Params;

    fn hash_password_customized(
        &self,
        password: &[u8],
        salt: &[u8],
        algorithm: Option<&str>,
        version: Option<u32>,
        params: Params,
    ) -> password_hash::Result<PasswordHash> {
        let algorithm = algorithm.map(Algorithm::try_from).transpose()?.unwrap_or(self.algorithm);
        let version = version.map(Version::try_from).transpose()?.unwrap_or(self.version);
        Self { algorithm, version, params }.hash_password_with_salt(password, salt)
    }
}

/// Lends so many blocks.
fn with_blocks<T>(count: usize, work: impl FnOnce(&mut [Block]) -> T) -> password_hash::Result<T> {
    let kept = || KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    let mut blocks = kept().pop().unwrap_or_default();
    let more = count.saturating_sub(blocks.len());
    blocks.try_reserve_exact(more).map_err(|_too_little| password_hash::Error::OutOfMemory)?;
    blocks.resize(blocks.len().max(count), Block::new());
    let done = work(blocks.get_mut(..count).unwrap_or_default());
    kept().push(blocks);
    Ok(done)
}

#[cfg(test)]
mod tests {
    use argon2::PasswordVerifier;

    use super::*;

    fn small() -> Argon2id {
        Argon2id::new(Params::new(64, 2, 1, None).unwrap())
    }

    #[test]
    fn what_was_in_the_memory_before_changes_no_hash() {
        let salt = [7_u8; 16];
        let ours = || small().hash_password_with_salt(b"secret", &salt).unwrap().to_string();
        let first = ours();
        let larger = Argon2id::new(Params::new(256, 3, 2, None).unwrap());
        larger.hash_password_with_salt(b"another", &[9_u8; 16]).unwrap();
        assert_eq!(ours(), first);
        let library = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(64, 2, 1, None).unwrap());
        assert_eq!(library.hash_password_with_salt(b"secret", &salt).unwrap().to_string(), first);
    }

    #[test]
    fn hashes_of_other_parameters_are_verified_by_their_own() {
        let library = Argon2::new(Algorithm::Argon2i, Version::V0x10, Params::new(128, 3, 2, None).unwrap());
        let stored = library.hash_password_with_salt(b"secret", &[1_u8; 16]).unwrap();
        assert!(small().verify_password(b"secret", &stored).is_ok());
        assert!(small().verify_password(b"secreu", &stored).is_err());
    }

    /// The rest of a server goes on asking for memory between computations.
    #[test]
    #[cfg(target_os = "linux")]
    fn computations_one_after_another_take_no_more_memory_than_one() {
        let resident_kib = || {
            let status = std::fs::read_to_string("/proc/self/status").unwrap();
            let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
            line.trim().trim_end_matches(" kB").parse::<u64>().unwrap()
        };
        let argon2id = Argon2id::new(Params::new(19_456, 1, 1, None).unwrap());
        let mut kept = Vec::new();
        let mut compute = || {
            argon2id.hash_password_with_salt(b"secret", &[3_u8; 16]).unwrap();
            kept.push(vec![1_u8; 48 * 1024]);
            resident_kib()
        };
        let first = compute();
        let last = (0..20).map(|_| compute()).last().unwrap();
        assert!(last < first + 60 * 1024, "{first} KiB after one, {last} KiB after many");
    }
}
