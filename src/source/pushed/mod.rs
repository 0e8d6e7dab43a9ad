//! What is pushed, cut into records as it arrives: nothing but the records in hand is kept.
//!
//! ```text
//! blocks of bytes -> Form (sniffed or given) -> Splitter -> Records, so many at a time
//! ```

mod csv;
mod sniff;
mod split;

pub use csv::{CsvHeader, NoHeader};
pub use sniff::{Form, SNIFFED, sniff};
pub use split::{Layout, MAX_RECORD, Records, Splitter};
