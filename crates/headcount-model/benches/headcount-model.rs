//! What a request costs in this crate: an id, a time.

use divan::black_box;
use headcount_model::{PublicId, SystemEntropy, Timestamp};

fn main() {
    divan::main();
}

const NOW: i64 = 1_795_507_200_123_000;

#[divan::bench]
fn mint_id() -> PublicId {
    PublicId::mint(Timestamp::from_micros(black_box(NOW)), &SystemEntropy)
}

#[divan::bench]
fn print_time() -> String {
    Timestamp::from_micros(black_box(NOW)).to_string()
}
