//! What a request costs in this crate: reading its token, and finding that it verified before.
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot be set up has to fail")]

use std::sync::Arc;

use divan::{Bencher, black_box};
use headcount_model::{SystemClock, SystemEntropy};
use headcount_token::{PlainToken, Verifier, verify::VerifierLimits};

fn main() {
    divan::main();
}

#[divan::bench]
fn parse_token(bencher: Bencher<'_, '_>) {
    let token = PlainToken::mint(&SystemEntropy);
    bencher.bench_local(|| PlainToken::parse(black_box(token.text().expose())).unwrap());
}

#[divan::bench]
fn verify_remembered_token(bencher: Bencher<'_, '_>) {
    let verifier = Verifier::new(VerifierLimits::default(), Arc::new(SystemClock), &SystemEntropy);
    let token = PlainToken::mint(&SystemEntropy);
    let hash = token.hash(&SystemEntropy).unwrap();
    verifier.verify(&token, &hash).unwrap();
    bencher.bench_local(|| verifier.verify(black_box(&token), &hash));
}
