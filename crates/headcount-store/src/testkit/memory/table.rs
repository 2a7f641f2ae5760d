//! Maps that are cheap to clone, so that a snapshot or a savepoint is a clone: they are made of
//! shared pieces, and a change copies only the piece that it is in.

use std::{
    collections::BTreeMap,
    hash::{BuildHasher, Hash, RandomState},
    sync::Arc,
};

/// How many neighbouring keys share a piece of a [`Numbered`].
const PIECE: i64 = 128;

/// A map from numbers, in order.
#[derive(Debug)]
pub(super) struct Numbered<V> {
    pieces: BTreeMap<i64, Arc<BTreeMap<i64, V>>>,
}

impl<V> Clone for Numbered<V> {
    fn clone(&self) -> Self {
        Self { pieces: self.pieces.clone() }
    }
}

impl<V> Default for Numbered<V> {
    fn default() -> Self {
        Self { pieces: BTreeMap::new() }
    }
}

impl<V: Clone> Numbered<V> {
    pub(super) fn find(&self, key: i64) -> Option<&V> {
        self.pieces.get(&key.div_euclid(PIECE))?.get(&key)
    }

    pub(super) fn find_mut(&mut self, key: i64) -> Option<&mut V> {
        Arc::make_mut(self.pieces.get_mut(&key.div_euclid(PIECE))?).get_mut(&key)
    }

    pub(super) fn entry(&mut self, key: i64) -> std::collections::btree_map::Entry<'_, i64, V> {
        Arc::make_mut(self.pieces.entry(key.div_euclid(PIECE)).or_default()).entry(key)
    }

    pub(super) fn insert(&mut self, key: i64, value: V) {
        Arc::make_mut(self.pieces.entry(key.div_euclid(PIECE)).or_default()).insert(key, value);
    }

    pub(super) fn remove(&mut self, key: i64) -> Option<V> {
        let number = key.div_euclid(PIECE);
        let piece = Arc::make_mut(self.pieces.get_mut(&number)?);
        let removed = piece.remove(&key);
        if piece.is_empty() {
            self.pieces.remove(&number);
        }
        removed
    }

    /// All entries with a key above `after`, in order.
    pub(super) fn after(&self, after: i64) -> impl Iterator<Item = (i64, &V)> {
        self.pieces
            .range(after.div_euclid(PIECE)..)
            .flat_map(|(_, piece)| piece.iter())
            .map(|(key, value)| (*key, value))
            .filter(move |(key, _)| *key > after)
    }

    pub(super) fn values(&self) -> impl Iterator<Item = &V> {
        self.pieces.values().flat_map(|piece| piece.values())
    }

    pub(super) fn last(&self) -> Option<&V> {
        self.pieces.values().next_back()?.values().next_back()
    }
}

/// How many pieces a [`Hashed`] has.
const SHARDS: u64 = 64;

/// A map from anything, in no order.
#[derive(Debug)]
pub(super) struct Hashed<K, V> {
    hasher: RandomState,
    pieces: BTreeMap<u64, Arc<BTreeMap<K, V>>>,
}

impl<K, V> Clone for Hashed<K, V> {
    fn clone(&self) -> Self {
        Self { hasher: self.hasher.clone(), pieces: self.pieces.clone() }
    }
}

impl<K, V> Default for Hashed<K, V> {
    fn default() -> Self {
        Self { hasher: RandomState::new(), pieces: BTreeMap::new() }
    }
}

impl<K: Clone + Hash + Ord, V: Clone> Hashed<K, V> {
    fn piece(&self, key: &K) -> u64 {
        self.hasher.hash_one(key).rem_euclid(SHARDS)
    }

    pub(super) fn find(&self, key: &K) -> Option<&V> {
        self.pieces.get(&self.piece(key))?.get(key)
    }

    pub(super) fn find_mut(&mut self, key: &K) -> Option<&mut V> {
        let piece = self.piece(key);
        Arc::make_mut(self.pieces.get_mut(&piece)?).get_mut(key)
    }

    pub(super) fn insert(&mut self, key: K, value: V) {
        let piece = self.piece(&key);
        Arc::make_mut(self.pieces.entry(piece).or_default()).insert(key, value);
    }

    pub(super) fn remove(&mut self, key: &K) -> Option<V> {
        let piece = self.piece(key);
        Arc::make_mut(self.pieces.get_mut(&piece)?).remove(key)
    }

    pub(super) fn values(&self) -> impl Iterator<Item = &V> {
        self.pieces.values().flat_map(|piece| piece.values())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clone_does_not_see_later_changes() {
        let mut numbered = Numbered::default();
        let mut hashed = Hashed::default();
        for key in -300..300_i64 {
            numbered.insert(key, key);
            hashed.insert(key, key);
        }
        let before = (numbered.clone(), hashed.clone());
        numbered.remove(7);
        numbered.insert(8, 80);
        hashed.remove(&7);
        hashed.insert(8, 80);
        assert_eq!((before.0.find(7), before.0.find(8)), (Some(&7), Some(&8)));
        assert_eq!((before.1.find(&7), before.1.find(&8)), (Some(&7), Some(&8)));
        assert_eq!((numbered.find(7), numbered.find(8)), (None, Some(&80)));
        assert_eq!((hashed.find(&7), hashed.find(&8)), (None, Some(&80)));
    }

    #[test]
    fn numbered_entries_come_in_order_after_a_key() {
        let mut numbered = Numbered::default();
        for key in (-300..300_i64).rev() {
            numbered.insert(key, key);
        }
        assert_eq!(numbered.after(-301).map(|(key, _)| key).collect::<Vec<_>>(), (-300..300).collect::<Vec<_>>());
        assert_eq!(numbered.after(127).map(|(key, _)| key).collect::<Vec<_>>(), (128..300).collect::<Vec<_>>());
        assert_eq!(numbered.after(299).count(), 0);
        assert_eq!(numbered.last(), Some(&299));
    }
}
