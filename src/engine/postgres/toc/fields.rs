//! Reading single numbers and strings, never a byte more than they have.

use tokio::io::{AsyncBufRead, AsyncBufReadExt};

use super::TocError;

/// PostgreSQL cannot hold a text of more than 1 GiB, so no field is longer.
const LONGEST_STRING: i32 = 0x3fff_ffff;

/// Reads fields one after the other and keeps the bytes it read.
pub(super) struct Fields<'r, R> {
    reader: &'r mut R,
    bytes: Vec<u8>,
    pub(super) int_size: u8,
    pub(super) off_size: u8,
    /// What is being read, for errors.
    pub(super) place: Place,
}

/// What is being read.
#[derive(Clone, Debug)]
pub(super) enum Place {
    Header,
    Entry { index: i32, name: String },
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Header => f.write_str("the header"),
            Self::Entry { index, name } if name.is_empty() => {
                write!(f, "entry {}", index.saturating_add(1))
            }
            Self::Entry { index, name } => {
                write!(f, "entry {} ({name})", index.saturating_add(1))
            }
        }
    }
}

impl<'r, R: AsyncBufRead + Unpin> Fields<'r, R> {
    pub(super) fn new(reader: &'r mut R) -> Self {
        Self {
            reader,
            bytes: Vec::new(),
            int_size: 0,
            off_size: 0,
            place: Place::Header,
        }
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    fn at(&self) -> u64 {
        self.bytes.len() as u64
    }

    pub(super) fn bad(&self, problem: impl Into<String>) -> TocError {
        TocError::Bad {
            at: self.at(),
            place: self.place.to_string(),
            problem: problem.into(),
        }
    }

    /// Appends exactly `count` more bytes to those kept. Memory grows with what really
    /// arrives, not with what a length field claims.
    async fn take(&mut self, count: usize) -> Result<(), TocError> {
        let mut left = count;
        while left > 0 {
            let buffer = self.reader.fill_buf().await.map_err(TocError::Io)?;
            if buffer.is_empty() {
                return Err(TocError::Cut {
                    at: self.bytes.len() as u64,
                    place: self.place.to_string(),
                });
            }
            let taken = buffer.len().min(left);
            self.bytes
                .extend_from_slice(buffer.get(..taken).unwrap_or_default());
            self.reader.consume(taken);
            left -= taken;
        }
        Ok(())
    }

    /// The last `count` bytes read.
    fn last(&self, count: usize) -> &[u8] {
        let start = self.bytes.len().saturating_sub(count);
        self.bytes.get(start..).unwrap_or_default()
    }

    pub(super) async fn bytes(&mut self, count: usize) -> Result<&[u8], TocError> {
        self.take(count).await?;
        Ok(self.last(count))
    }

    pub(super) async fn byte(&mut self) -> Result<u8, TocError> {
        self.take(1).await?;
        Ok(self.last(1).first().copied().unwrap_or_default())
    }

    /// `ReadInt`.
    pub(super) async fn int(&mut self) -> Result<i32, TocError> {
        let size = 1 + usize::from(self.int_size);
        let value = int_of(self.bytes(size).await?);
        value.ok_or_else(|| self.bad("a number that is not possible"))
    }

    /// A number that is not negative.
    pub(super) async fn count(&mut self, what: &str) -> Result<i32, TocError> {
        let value = self.int().await?;
        if value < 0 {
            return Err(self.bad(format!("{what} is {value}")));
        }
        Ok(value)
    }

    /// `ReadStr`; `None` for the length -1.
    async fn raw_string(&mut self, field: &'static str) -> Result<Option<&[u8]>, TocError> {
        let length = self.int().await?;
        if length == -1 {
            return Ok(None);
        }
        match usize::try_from(length) {
            Ok(count) if length <= LONGEST_STRING => Ok(Some(self.bytes(count).await?)),
            _ => Err(self.bad(format!("the {field} has the length {length}"))),
        }
    }

    /// A string, or `None` for the length -1.
    pub(super) async fn optional(
        &mut self,
        field: &'static str,
    ) -> Result<Option<String>, TocError> {
        let Some(raw) = self.raw_string(field).await? else {
            return Ok(None);
        };
        let text = std::str::from_utf8(raw).map(str::to_owned);
        match text {
            Ok(text) => Ok(Some(text)),
            Err(_) => Err(TocError::NotUtf8 {
                at: self.at(),
                place: self.place.to_string(),
                field,
            }),
        }
    }

    /// A string, empty if there is none.
    pub(super) async fn string(&mut self, field: &'static str) -> Result<String, TocError> {
        Ok(self.optional(field).await?.unwrap_or_default())
    }

    /// A string for people only, so that no byte of it can be wrong.
    pub(super) async fn printable(&mut self, field: &'static str) -> Result<String, TocError> {
        let raw = self.raw_string(field).await?.unwrap_or_default();
        Ok(String::from_utf8_lossy(raw).into_owned())
    }

    /// An oid, which is written as decimal text.
    pub(super) async fn oid(&mut self, field: &'static str) -> Result<u32, TocError> {
        let text = self.string(field).await?;
        if text.is_empty() {
            return Ok(0);
        }
        text.parse()
            .map_err(|_| self.bad(format!("the {field} is not a number: {}", quoted(&text))))
    }

    /// `ReadOffset` without its state byte.
    pub(super) async fn offset(&mut self) -> Result<u64, TocError> {
        let size = usize::from(self.off_size);
        let offset = u64::try_from(magnitude(self.bytes(size).await?));
        offset.map_err(|_| self.bad("an offset that does not fit 64 bits"))
    }
}

/// The value of a sign byte and a magnitude; `None` for one that `pg_dump` can't have meant.
pub(in crate::engine::postgres) fn int_of(bytes: &[u8]) -> Option<i32> {
    let (sign, rest) = bytes.split_first()?;
    let value = i64::try_from(magnitude(rest)).ok()?;
    match (sign, value) {
        (0, value) => i32::try_from(value).ok(),
        (1, 1..) => i32::try_from(-value).ok(),
        _ => None,
    }
}

/// Little-endian, whatever the machine was.
fn magnitude(bytes: &[u8]) -> u128 {
    bytes
        .iter()
        .rev()
        .fold(0, |value, byte| (value << 8) | u128::from(*byte))
}

/// A text from a damaged file, cut so that it fits an error message.
pub(super) fn quoted(text: &str) -> String {
    let short: String = text.chars().take(40).collect();
    format!("{short:?}")
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[test]
    fn numbers_have_a_sign_and_no_second_zero() {
        assert_eq!(int_of(&[0, 0, 0, 0, 0]), Some(0));
        assert_eq!(int_of(&[1, 1, 0, 0, 0]), Some(-1));
        assert_eq!(int_of(&[0, 0xff, 0xff, 0xff, 0x7f]), Some(i32::MAX));
        assert_eq!(int_of(&[1, 0, 0, 0, 0x80]), Some(i32::MIN));
        for bad in [
            &[0, 0, 0, 0, 0x80][..],
            &[1, 0, 0, 0, 0],
            &[1, 1, 0, 0, 0x80],
            &[2, 1, 0, 0, 0],
            &[0, 0, 0, 0, 0, 1],
            &[0xff; 17],
            &[],
        ] {
            assert_eq!(int_of(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn a_claimed_gibibyte_takes_only_what_arrives() {
        let mut bytes = vec![0, 0xff, 0xff, 0xff, 0x3f];
        bytes.extend([b'x'; 100]);
        let mut rest = bytes.as_slice();
        let mut fields = Fields::new(&mut rest);
        fields.int_size = 4;
        let read = fields.string("name").now_or_never().unwrap();
        assert!(matches!(read, Err(TocError::Cut { at: 105, .. })));
        assert!(fields.bytes.capacity() < 4096);
    }
}
