//! History: tables of entities and instants in, the same tables with features out; and the logs that history grows by.
//!
//! ```text
//! LogFiles      batches of rows -> part files, or one file rewritten
//! EntityTable   parquet, CSV or JSON -> chunks of rows, each with its instant
//! TableWriter   chunks with features -> parquet or CSV
//! ```
//!
//! And what could not be used: [`DeadLetterWriter`] keeps refused records.

mod array_lines;
mod dead_letter;
mod entity_table;
mod error;
mod instants;
mod log;
mod text;
mod writer;

pub use dead_letter::{DeadLetter, DeadLetterId, DeadLetterReader, DeadLetterWriter, Payload};
pub use entity_table::{EntityChunk, EntityRows, EntityTable};
pub use error::OfflineError;
pub use log::{BatchWriter, LogError, LogFiles, LogLock};
pub use writer::TableWriter;
