//! A file, or the part of one that an archive takes up inside a bundle.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

/// Bytes that are read by position; several readers share one file.
#[derive(Clone, Debug)]
pub struct Region {
    file: Arc<File>,
    at: u64,
    size: u64,
}

impl Region {
    /// All of a file.
    pub fn whole(file: File) -> io::Result<Self> {
        let size = file.metadata()?.len();
        Ok(Self {
            file: Arc::new(file),
            at: 0,
            size,
        })
    }

    /// A part of this one; what would lie behind its end is left off.
    #[must_use]
    pub fn part(&self, at: u64, size: u64) -> Self {
        let at = at.min(self.size);
        Self {
            file: Arc::clone(&self.file),
            at: self.at + at,
            size: size.min(self.size - at),
        }
    }

    /// Its bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Fills as much of the buffer as there is behind `offset`; 0 at the end.
    pub fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let left = self.size.saturating_sub(offset);
        let length = usize::try_from(left)
            .unwrap_or(usize::MAX)
            .min(buffer.len());
        self.file.read_at(&mut buffer[..length], self.at + offset)
    }

    /// Fills the buffer.
    pub fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let end = offset.checked_add(buffer.len() as u64);
        if end.is_none_or(|end| end > self.size) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.file.read_exact_at(buffer, self.at + offset)
    }
}

#[cfg(test)]
mod tests {
    use super::Region;
    use std::io::Write as _;

    #[test]
    fn a_part_never_shows_what_lies_around_it() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"0123456789").unwrap();
        let part = Region::whole(file).unwrap().part(2, 6).part(1, 4);
        let mut bytes = [0; 9];
        assert_eq!(part.read_at(&mut bytes, 0).unwrap(), 4);
        assert_eq!(&bytes[..4], b"3456");
        assert_eq!(part.read_at(&mut bytes, 4).unwrap(), 0);
        assert_eq!(part.read_at(&mut bytes, 99).unwrap(), 0);
        let mut two = [0; 2];
        part.read_exact_at(&mut two, 2).unwrap();
        assert_eq!(&two, b"56");
        assert!(part.read_exact_at(&mut two, 3).is_err());
        assert!(part.read_exact_at(&mut two, u64::MAX).is_err());
        assert_eq!(part.part(3, 99).size(), 1);
    }
}
