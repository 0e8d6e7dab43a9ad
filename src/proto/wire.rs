//! Protobuf's wire format, as far as it takes to read a message without a struct and to carry along fields that we do
//! not know.

/// The content of one field.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Content<'a> {
    /// wire type 0
    Varint(u64),
    /// wire type 1
    Fixed64([u8; 8]),
    /// wire type 2: a string, bytes, a message or packed numbers
    Bytes(&'a [u8]),
    /// wire type 5
    Fixed32([u8; 4]),
}

/// One field of a message.
#[derive(Clone, Copy, Debug)]
pub struct RawField<'a> {
    /// field number
    pub number: u32,
    /// what it holds
    pub content: Content<'a>,
    /// the whole field, tag included, as it stood
    pub raw: &'a [u8],
}

/// Bytes that are no protobuf message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("damaged protobuf message: {0}")]
pub struct Damaged(pub &'static str);

/// The fields of a message, in the order written.
///
/// # Errors
/// `Damaged` where a length or a wire type is impossible.
pub fn fields(bytes: &[u8]) -> Result<Vec<RawField<'_>>, Damaged> {
    each_field(bytes).collect()
}

/// The fields of a message one after the other, without a list of them; the first impossible length or wire type is the
/// last item.
pub fn each_field(mut bytes: &[u8]) -> impl Iterator<Item = Result<RawField<'_>, Damaged>> {
    std::iter::from_fn(move || {
        if bytes.is_empty() {
            return None;
        }
        let field = take_field(&mut bytes);
        if field.is_err() {
            bytes = &[];
        }
        Some(field)
    })
}

fn take_field<'a>(bytes: &mut &'a [u8]) -> Result<RawField<'a>, Damaged> {
    let start = *bytes;
    let tag = take_varint(bytes)?;
    let number = u32::try_from(tag >> 3).ok().filter(|n| *n > 0).ok_or(Damaged("impossible field number"))?;
    let content = match tag & 7 {
        0 => Content::Varint(take_varint(bytes)?),
        1 => Content::Fixed64(take_array(bytes)?),
        2 => {
            let length = usize::try_from(take_varint(bytes)?).map_err(|_| Damaged("impossible length"))?;
            Content::Bytes(take(bytes, length)?)
        }
        5 => Content::Fixed32(take_array(bytes)?),
        _ => return Err(Damaged("unknown wire type")),
    };
    Ok(RawField { number, content, raw: &start[..start.len() - bytes.len()] })
}

/// The fields of `message` whose numbers are not in `known`, as they stood.
///
/// # Errors
/// `Damaged` where `message` is none.
pub fn unknown_fields(message: &[u8], known: &[u32]) -> Result<Vec<u8>, Damaged> {
    let kept = fields(message)?.into_iter().filter(|field| !known.contains(&field.number));
    Ok(kept.flat_map(|field| field.raw.iter().copied()).collect())
}

/// The content of the last length-delimited field `number`.
///
/// # Errors
/// `Damaged` where `message` is none.
pub fn submessage(message: &[u8], number: u32) -> Result<Option<&[u8]>, Damaged> {
    let found = fields(message)?.into_iter().rev().find(|field| field.number == number);
    Ok(found.and_then(|field| match field.content {
        Content::Bytes(bytes) => Some(bytes),
        _ => None,
    }))
}

/// `message` with every field `number` replaced by one that holds `content`; everything else stays as it stood.
///
/// # Errors
/// `Damaged` where `message` is none.
pub fn replace(message: &[u8], number: u32, content: &[u8]) -> Result<Vec<u8>, Damaged> {
    let mut out = unknown_fields(message, &[number])?;
    prost::encoding::encode_key(number, prost::encoding::WireType::LengthDelimited, &mut out);
    prost::encoding::encode_varint(content.len() as u64, &mut out);
    out.extend_from_slice(content);
    Ok(out)
}

/// Takes one varint off the front.
///
/// # Errors
/// `Damaged` where it is cut or longer than ten bytes.
pub fn take_varint(bytes: &mut &[u8]) -> Result<u64, Damaged> {
    let mut value = 0_u64;
    for shift in (0..70).step_by(7) {
        let byte = *bytes.first().ok_or(Damaged("cut in a number"))?;
        *bytes = &bytes[1..];
        value |= u64::from(byte & 0x7f).checked_shl(shift).unwrap_or(0);
        if byte < 0x80 {
            return Ok(value);
        }
    }
    Err(Damaged("number longer than ten bytes"))
}

fn take<'a>(bytes: &mut &'a [u8], length: usize) -> Result<&'a [u8], Damaged> {
    let (head, tail) = bytes.split_at_checked(length).ok_or(Damaged("cut in a field"))?;
    *bytes = tail;
    Ok(head)
}

fn take_array<const N: usize>(bytes: &mut &[u8]) -> Result<[u8; N], Damaged> {
    take(bytes, N)?.try_into().map_err(|_| Damaged("cut in a number"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_replaced_and_the_unknown_ones_stay() {
        let message = [0x0a, 1, b'a', 0x12, 2, 0x08, 1, 0xf8, 0x07, 5];
        let replaced = replace(&message, 2, b"xy").unwrap();
        assert_eq!(replaced, [0x0a, 1, b'a', 0xf8, 0x07, 5, 0x12, 2, b'x', b'y']);
        assert_eq!(unknown_fields(&message, &[1, 2]).unwrap(), [0xf8, 0x07, 5]);
        assert_eq!(submessage(&message, 2).unwrap(), Some(&[0x08, 1][..]));
    }

    #[test]
    fn damage_is_told_and_never_panics() {
        for bytes in [&[0x0a, 5, 1][..], &[0x80], &[0x07], &[0x0b, 1], &[0xff; 11], &[0x00, 0x00]] {
            assert!(fields(bytes).is_err(), "{bytes:?}");
        }
    }
}
