//! Which Arrow types can hold values of which declared types.

use arrow::datatypes::DataType as Arrow;

pub(super) fn is_text(arrow: &Arrow) -> bool {
    matches!(arrow, Arrow::Utf8 | Arrow::LargeUtf8 | Arrow::Utf8View)
}

pub(super) fn is_binary(arrow: &Arrow) -> bool {
    matches!(arrow, Arrow::Binary | Arrow::LargeBinary | Arrow::BinaryView | Arrow::FixedSizeBinary(_))
}

pub(super) fn is_instant(arrow: &Arrow) -> bool {
    matches!(arrow, Arrow::Timestamp(..) | Arrow::Date32 | Arrow::Date64)
}
