//! The token that a client must bring.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use subtle::ConstantTimeEq;

use crate::error::{Error, ServerError};

/// Shorter ones can be guessed.
const SHORTEST: usize = 16;
/// A file with more holds something else.
const LONGEST: u64 = 4096;

/// A secret. It has no text form, so that it gets into no message.
pub struct Token(Vec<u8>);

impl Token {
    /// The token in a file: its one line.
    ///
    /// # Errors
    /// A file that cannot be read, or that holds none.
    pub fn read(file: &Path) -> Result<Self, Error> {
        let mut text = String::new();
        let read = File::open(file).and_then(|file| file.take(LONGEST + 1).read_to_string(&mut text));
        read.map_err(|e| Error::io(format!("read `{}`", file.display()), e))?;
        let wrong = |reason| ServerError::TokenFile { file: file.display().to_string(), reason };
        let token = text.trim();
        if text.len() as u64 > LONGEST {
            return Err(wrong("it is longer than 4096 bytes").into());
        }
        if token.len() < SHORTEST {
            return Err(wrong("it is shorter than 16 characters").into());
        }
        if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(wrong("a token is one line of ASCII without spaces").into());
        }
        Ok(Self(token.as_bytes().to_vec()))
    }

    /// Whether a request brings it. How long the comparison takes tells the token's length and nothing else.
    pub(super) fn is_in(&self, headers: &HeaderMap) -> bool {
        let given = headers.get(AUTHORIZATION).and_then(|value| bearer(value.as_bytes()));
        given.is_some_and(|given| bool::from(given.ct_eq(&self.0)))
    }
}

/// What follows `Bearer`, in any case of letters.
fn bearer(header: &[u8]) -> Option<&[u8]> {
    let (scheme, rest) = header.split_at_checked(b"bearer ".len())?;
    scheme.eq_ignore_ascii_case(b"bearer ").then(|| rest.trim_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(value: &str) -> HeaderMap {
        HeaderMap::from_iter([(AUTHORIZATION, value.parse().unwrap())])
    }

    #[test]
    fn one_header_opens() {
        let token = Token(b"0123456789abcdef".to_vec());
        for good in ["Bearer 0123456789abcdef", "bearer  0123456789abcdef "] {
            assert!(token.is_in(&headers(good)), "{good}");
        }
        for bad in [
            "0123456789abcdef",
            "Bearer",
            "Bearer ",
            "Basic 0123456789abcdef",
            "Bearer 0123456789abcde",
            "Bearer 0123456789abcdef0",
        ] {
            assert!(!token.is_in(&headers(bad)), "{bad}");
        }
        assert!(!token.is_in(&HeaderMap::new()));
    }

    #[test]
    fn a_file_holds_one_line() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let read = |text: &str| {
            std::fs::write(file.path(), text).unwrap();
            Token::read(file.path())
        };
        assert!(read("0123456789abcdef\n").is_ok());
        for bad in ["", "short\n", "0123456789abcdef 0123\n", "0123456789abcdef\nsecond", "0123456789abcdéf"] {
            let error = read(bad).err().unwrap();
            assert_eq!(error.code(), Some("E2307"), "{bad}: {error}");
        }
        assert!(Token::read(Path::new("/no/such/file")).is_err());
    }
}
