//! The journal: numbered and chained as it is written, since writes run one after another.

use headcount_model::Event;

use super::MemoryTxn;
use crate::{
    error::StoreError,
    events::{JournalTxn, NumberedEvent},
};

impl JournalTxn for MemoryTxn {
    fn append(&mut self, event: &Event) -> Result<(), StoreError> {
        let own = self.own_mut()?;
        let (number, previous): (i64, &[u8]) =
            own.journal.last().map_or((1, &[]), |last| (last.number.saturating_add(1), &last.hash));
        let entry = NumberedEvent::chained(number, event, previous);
        own.journal.insert(number, entry);
        Ok(())
    }

    fn events(&mut self, after: i64, limit: u64) -> Result<Vec<NumberedEvent>, StoreError> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        Ok(self.own()?.journal.after(after).take(limit).map(|(_, entry)| entry.clone()).collect())
    }
}
