//! The one currency between a source and a store: Arrow columns turned into Feast's bytes, checked once.
//!
//! ```text
//! join key columns  -> KeyEncoder   -> Keys   (entity keys, one buffer)
//! feature columns   -> ValueEncoder -> Cells  (`value` and `value_text`, one buffer a feature)
//! both and the times               -> RowBatch
//! ```

mod accepts;
mod batch;
mod cells;
mod column;
mod convert;
mod declared;
mod dynamic;
mod error;
mod infer;
mod instant;
mod json;
mod json_column;
mod json_text;
mod key;
mod key_json;
mod keys;
mod layout;
mod python;
mod record;
mod times;
mod value;

pub use accepts::accepts;
pub use batch::{FeatureColumn, Row, RowBatch, RowColumns};
pub use cells::{Cell, Cells};
pub use declared::{DeclaredColumn, declared_arrow};
pub use error::{Refusal, RowError};
pub use infer::infer;
pub use json::{put_value_json, value_json};
pub use json_column::json_column;
pub use key::{KeyValue, KeyWriter, decode_key, encode_key};
pub use keys::{KeyEncoder, Keys};
pub use layout::{JoinKey, ViewLayout};
pub use record::{record_arrow, widens};
pub use times::timestamps;
pub use value::{NULL_TIMESTAMP, ValueEncoder};

/// What happens to a value that the declared type cannot hold exactly.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Cast {
    /// the row is refused
    #[default]
    Lossless,
    /// it is cut, rounded or spelled out, as Feast does without a word
    Lossy,
}

#[cfg(test)]
mod tests {
    /// A golden file of Feast 0.67.0.
    pub(super) fn golden(name: &str) -> serde_json::Value {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/feast").join(name);
        serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
    }

    pub(super) fn unhex(text: &str) -> Vec<u8> {
        (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
    }
}
