//! Which of two values of one feature stays: the rule of [`Conflict::NewestWins`](super::Conflict), for what feast-rs
//! wrote. `sqlite/sql.rs` says the same in SQL and adds what is known of values that Python wrote.

use crate::model::Timestamp;

/// Whether a value that arrives later replaces a stored one: newest event time, then newest created time (none is
/// oldest), then the later arrival.
pub(super) fn replaces(stored: (Timestamp, Option<Timestamp>), arriving: (Timestamp, Option<Timestamp>)) -> bool {
    // `None < Some`, and of equal ones the later arrival wins
    arriving >= stored
}
