//! Training data: tables of entities and instants in, the same tables with features out.
//!
//! ```text
//! EntityTable   parquet, CSV or JSON -> chunks of rows, each with its instant
//! TableWriter   chunks with features -> parquet or CSV
//! ```
//!
//! And what could not be used: [`DeadLetterWriter`] keeps refused records.

mod dead_letter;
mod entity_table;
mod error;
mod instants;
mod text;
mod writer;

pub use dead_letter::{DeadLetter, DeadLetterId, DeadLetterReader, DeadLetterWriter, Payload};
pub use entity_table::{EntityChunk, EntityRows, EntityTable};
pub use error::OfflineError;
pub use writer::TableWriter;
