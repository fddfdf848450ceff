//! Reading a sidecar's tar. Whatever it says, an entry is given out only if it lies below the
//! sidecar's own name, in a folder that came before it, and behind all entries so far: so nothing
//! can be written through a link, outside, or twice.

use sha2::{Digest as _, Sha256};
use tar::{EntryType, Header, PaxExtensions};

use super::super::digest::Digest;
use super::super::reader::Archive;
use super::super::ustar;
use super::entry::{Entry, EntryKind, Moment, order};
use super::stream::TreeStream;
use super::write::line;
use super::{Sidecar, TreeId, TreePart, label};
use crate::snapshot::SeamError;

/// More than a path or a time ever takes.
const EXTENSION_LIMIT: u64 = 64 << 10;

/// What was counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counted {
    files: u64,
    folders: u64,
    links: u64,
    bytes: u64,
}

/// What stood before an entry's own header.
#[derive(Default)]
struct Before {
    name: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    mtime: Option<Moment>,
}

/// Reads the entries of one sidecar.
pub struct TreeReader<'a> {
    stream: TreeStream<'a>,
    sidecar: &'a Sidecar,
    counted: Counted,
    listing: Sha256,
    last: Vec<u8>,
    folders: Vec<Vec<u8>>,
    open: Option<(Entry, Sha256)>,
    left: u64,
    ended: bool,
}

impl<'a> TreeReader<'a> {
    /// Reads the sidecar `number` (from 1) of an archive; `None` if there is none.
    #[must_use]
    pub fn new(archive: &'a Archive, number: u32) -> Option<Self> {
        let index = usize::try_from(number.checked_sub(1)?).ok()?;
        let id = TreeId {
            number,
            part: TreePart::Tar,
        };
        Some(Self {
            stream: TreeStream::new(archive, id),
            sidecar: archive.manifest().files.get(index)?,
            counted: Counted::default(),
            listing: Sha256::new(),
            last: Vec::new(),
            folders: Vec::new(),
            open: None,
            left: 0,
            ended: false,
        })
    }

    /// What the manifest says of it.
    #[must_use]
    pub fn sidecar(&self) -> &'a Sidecar {
        self.sidecar
    }

    /// Bytes of the tar that were read so far.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.stream.bytes()
    }

    /// The next entry; what was not read of the one before is skipped. `None` at the end.
    ///
    /// # Errors
    /// The archive cannot be read, or the tar is not one that may be unpacked.
    pub fn next_entry(&mut self) -> Result<Option<Entry>, SeamError> {
        self.close()?;
        let mut before = Before::default();
        loop {
            let Some(header) = self.header()? else {
                self.ended = true;
                return Ok(None);
            };
            match header.entry_type() {
                EntryType::XHeader => before.mtime = self.time(&header)?,
                EntryType::GNULongName => before.name = Some(self.long(&header)?),
                EntryType::GNULongLink => before.link = Some(self.long(&header)?),
                _ => {
                    let entry = self.entry(&header, before)?;
                    self.admit(&entry)?;
                    self.left = match entry.kind {
                        EntryKind::File(bytes) => bytes,
                        EntryKind::Folder | EntryKind::Link(_) => 0,
                    };
                    self.open = Some((entry.clone(), Sha256::new()));
                    return Ok(Some(entry));
                }
            }
        }
    }

    /// The next bytes of the file that was given out; 0 at its end.
    ///
    /// # Errors
    /// The archive cannot be read, or ends within the file.
    pub fn read(&mut self, buffer: &mut [u8]) -> Result<usize, SeamError> {
        let left = usize::try_from(self.left).unwrap_or(usize::MAX);
        let wanted = left.min(buffer.len());
        let filled = self.stream.fill(&mut buffer[..wanted])?;
        if filled < wanted {
            return Err(self.damaged("it ends within a file"));
        }
        if let Some((_, sha256)) = &mut self.open {
            sha256.update(&buffer[..filled]);
        }
        self.left -= filled as u64;
        Ok(filled)
    }

    /// Ends the reading: all that was read has to be what the manifest says.
    ///
    /// # Errors
    /// It is not.
    pub fn finish(mut self) -> Result<(), SeamError> {
        while !self.ended {
            self.next_entry()?;
        }
        let expected = Counted {
            files: self.sidecar.files,
            folders: self.sidecar.folders,
            links: self.sidecar.links,
            bytes: self.sidecar.bytes,
        };
        if self.counted != expected {
            let found = self.counted;
            return Err(self.damaged(&format!(
                "it holds {} files of {} bytes, {} folders and {} links instead of {} of {}, {} and {}",
                found.files,
                found.bytes,
                found.folders,
                found.links,
                expected.files,
                expected.bytes,
                expected.folders,
                expected.links
            )));
        }
        let Self {
            stream,
            sidecar,
            listing,
            ..
        } = self;
        let problem = if stream.digest() != (sidecar.tar_bytes, sidecar.tar_sha256) {
            "its tar does not have the digest that the manifest names"
        } else if Digest::from(listing) != sidecar.listing_sha256 {
            "its files are not those that its listing names"
        } else {
            return Ok(());
        };
        Err(damaged(sidecar, problem))
    }

    /// Ends the entry at hand: what is left of it, its padding, its line.
    fn close(&mut self) -> Result<(), SeamError> {
        let mut buffer = [0; 8192];
        while self.left > 0 {
            self.read(&mut buffer)?;
        }
        let Some((entry, sha256)) = self.open.take() else {
            return Ok(());
        };
        let content = match entry.kind {
            EntryKind::File(bytes) => {
                self.pad(bytes)?;
                Some(Digest::from(sha256))
            }
            EntryKind::Folder | EntryKind::Link(_) => None,
        };
        self.listing.update(line(&entry, content)?);
        Ok(())
    }

    fn pad(&mut self, size: u64) -> Result<(), SeamError> {
        let mut block = [0; 512];
        let length = usize::try_from(ustar::padding(size)).unwrap_or(0);
        if self.stream.fill(&mut block[..length])? < length {
            return Err(self.damaged("it ends behind a file"));
        }
        Ok(())
    }

    /// The next header; `None` at the tar's end, behind which nothing may follow.
    fn header(&mut self) -> Result<Option<Header>, SeamError> {
        let mut block = [0; 512];
        if self.stream.fill(&mut block)? < block.len() {
            return Err(self.damaged("it has no end"));
        }
        if block.iter().all(|byte| *byte == 0) {
            let mut rest = [1; 513];
            let length = self.stream.fill(&mut rest)?;
            if length != 512 || rest[..512].iter().any(|byte| *byte != 0) {
                return Err(self.damaged("something follows its end"));
            }
            return Ok(None);
        }
        let header = Header::from_byte_slice(&block).clone();
        let own = 148..156;
        let byte =
            |(at, byte): (usize, &u8)| u32::from(if own.contains(&at) { b' ' } else { *byte });
        let sum: u32 = block.iter().enumerate().map(byte).sum();
        if header.cksum().ok() != Some(sum) {
            return Err(self.damaged("the header of an entry is damaged"));
        }
        Ok(Some(header))
    }

    /// What an entry says of the next one.
    fn extension(&mut self, header: &Header) -> Result<Vec<u8>, SeamError> {
        let size = header
            .entry_size()
            .ok()
            .filter(|size| *size <= EXTENSION_LIMIT);
        let size = size.ok_or_else(|| self.damaged("a name in it is too long"))?;
        let mut content = vec![0; usize::try_from(size).unwrap_or(0)];
        if self.stream.fill(&mut content)? < content.len() {
            return Err(self.damaged("it ends within a name"));
        }
        self.pad(size)?;
        Ok(content)
    }

    fn long(&mut self, header: &Header) -> Result<Vec<u8>, SeamError> {
        let mut name = self.extension(header)?;
        while name.last() == Some(&0) {
            name.pop();
        }
        Ok(name)
    }

    /// The time in a PAX header. What would give the entry another name or size is refused,
    /// what else a later version may say is ignored.
    fn time(&mut self, header: &Header) -> Result<Option<Moment>, SeamError> {
        let content = self.extension(header)?;
        let mut time = None;
        for record in PaxExtensions::new(&content) {
            let record = record.ok().and_then(|record| {
                let value = record.value().ok()?;
                Some((record.key().ok()?.to_owned(), value.to_owned()))
            });
            let Some((key, value)) = record else {
                return Err(self.damaged("a PAX header in it cannot be read"));
            };
            match key.as_str() {
                "mtime" => time = Moment::parse(&value),
                "path" | "linkpath" | "size" => {
                    return Err(self.damaged(&format!("a PAX header in it sets {key}")));
                }
                _ => {}
            }
        }
        Ok(time)
    }

    fn entry(&self, header: &Header, before: Before) -> Result<Entry, SeamError> {
        let short = header.path_bytes().into_owned();
        let mut path = before.name.unwrap_or(short);
        let numbers = || {
            Some((
                header.mode().ok()?,
                header.uid().ok()?,
                header.gid().ok()?,
                header.mtime().ok()?,
                header.entry_size().ok()?,
            ))
        };
        let shown = String::from_utf8_lossy(&path).into_owned();
        let (mode, uid, gid, mtime, size) =
            numbers().ok_or_else(|| self.damaged(&format!("the header of {shown} is damaged")))?;
        let kind = match header.entry_type() {
            EntryType::Regular => EntryKind::File(size),
            EntryType::Directory => {
                if path.last() == Some(&b'/') {
                    path.pop();
                }
                EntryKind::Folder
            }
            EntryType::Symlink => {
                let short = header.link_name_bytes().map(std::borrow::Cow::into_owned);
                EntryKind::Link(before.link.or(short).unwrap_or_default())
            }
            _ => {
                let problem = format!("{shown} is neither a file, a folder nor a symbolic link");
                return Err(self.damaged(&problem));
            }
        };
        if !matches!(kind, EntryKind::File(_)) && size != 0 {
            return Err(self.damaged(&format!("{shown} has content, and is no file")));
        }
        let seconds = i64::try_from(mtime).unwrap_or(0);
        Ok(Entry {
            path,
            kind,
            mode: mode & 0o7777,
            uid,
            gid,
            mtime: before.mtime.unwrap_or(Moment { seconds, nanos: 0 }),
        })
    }

    /// Refuses what may not be unpacked.
    fn admit(&mut self, entry: &Entry) -> Result<(), SeamError> {
        let path = &entry.path;
        let shown = entry.shown();
        let mut words = path.split(|byte| *byte == b'/');
        let odd = |word: &[u8]| matches!(word, b"" | b"." | b"..") || word.contains(&0);
        if words.any(odd) || is_odd_link(entry) {
            return Err(self.damaged(&format!("{shown:?} is no path below it")));
        }
        let below = path.strip_prefix(self.sidecar.name.as_bytes());
        if !below.is_some_and(|rest| rest.is_empty() || rest[0] == b'/') {
            return Err(self.damaged(&format!("{shown:?} lies outside")));
        }
        if !self.last.is_empty() && order(&self.last, path).is_ge() {
            return Err(self.damaged(&format!("{shown:?} comes twice or too late")));
        }
        let parent = path.iter().rposition(|byte| *byte == b'/');
        let parent = parent.map(|at| &path[..at]);
        while self.folders.last().map(Vec::as_slice) != parent {
            if self.folders.pop().is_none() {
                let problem = format!("what {shown:?} lies in is no folder of it");
                return Err(self.damaged(&problem));
            }
        }
        self.last.clone_from(path);
        match &entry.kind {
            EntryKind::File(bytes) => {
                self.counted.files += 1;
                self.counted.bytes = self.counted.bytes.saturating_add(*bytes);
            }
            EntryKind::Folder => {
                self.counted.folders += 1;
                self.folders.push(path.clone());
            }
            EntryKind::Link(_) => self.counted.links += 1,
        }
        Ok(())
    }

    fn damaged(&self, problem: &str) -> SeamError {
        damaged(self.sidecar, problem)
    }
}

/// A link that says nothing cannot be made.
fn is_odd_link(entry: &Entry) -> bool {
    matches!(&entry.kind, EntryKind::Link(target) if target.is_empty() || target.contains(&0))
}

pub(super) fn damaged(sidecar: &Sidecar, problem: &str) -> SeamError {
    SeamError::Damaged {
        member: label(&sidecar.name),
        problem: problem.to_owned(),
    }
}
