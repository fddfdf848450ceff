//! Reading the stream piece by piece.

use std::collections::HashMap;

use bson::RawDocument;
use crc64fast::Digest;

use super::{
    CollectionEntry, Events, Header, LONGEST_DOCUMENT, MAGIC, NamespaceSummary, SHORTEST_DOCUMENT,
    StreamError, TERMINATOR, VERSION,
};

/// What one giant document needed is given back afterwards.
const KEPT_CARRY: usize = 1 << 20;

/// Parses a stream as it is pushed through. Holds at most one document.
pub struct StreamParser {
    /// Where the item at hand begins.
    at: u64,
    expect: Expect,
    /// The beginning of an item whose end has not come yet.
    pub(super) carry: Vec<u8>,
    namespaces: Vec<Namespace>,
    /// Numbers by database and name in the blocks.
    numbers: HashMap<(String, String), usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expect {
    Magic,
    Header,
    Prelude,
    BlockHeader,
    Documents { number: usize },
    EndOfLastBlock,
}

struct Namespace {
    summary: NamespaceSummary,
    checksum: Digest,
    ended: bool,
}

/// What a block's first document says.
struct BlockHeader {
    number: usize,
    last: bool,
    checksum: u64,
}

impl Default for StreamParser {
    fn default() -> Self {
        Self::new()
    }
}

impl StreamParser {
    /// A parser at the beginning of a stream.
    #[must_use]
    pub fn new() -> Self {
        Self {
            at: 0,
            expect: Expect::Magic,
            carry: Vec::new(),
            namespaces: Vec::new(),
            numbers: HashMap::new(),
        }
    }

    /// Takes the next bytes, however the stream happens to be cut into pieces.
    ///
    /// # Errors
    /// [`StreamError`]; nothing may be pushed after it.
    pub fn push(&mut self, bytes: &[u8], events: &mut dyn Events) -> Result<(), StreamError> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let taken = if self.carry.is_empty() {
                self.whole_items(rest, events)?
            } else {
                self.completed_item(rest, events)?
            };
            rest = rest.get(taken..).unwrap_or_default();
        }
        Ok(())
    }

    /// What was read, once the stream has ended.
    ///
    /// # Errors
    /// [`StreamError::Cut`] if it ended anywhere but after the last block of its last
    /// namespace.
    pub fn finish(self) -> Result<Vec<NamespaceSummary>, StreamError> {
        let cut = |problem: String| StreamError::Cut {
            at: self.at + self.carry.len() as u64,
            problem,
        };
        let missing = match self.expect {
            Expect::Magic if self.carry.is_empty() => Some("it is empty".to_owned()),
            Expect::Magic | Expect::Header => Some("the header is missing".to_owned()),
            Expect::Prelude => Some("the list of collections has no end".to_owned()),
            Expect::Documents { number } => {
                Some(format!("a block of {} has no end", self.name(number)))
            }
            Expect::EndOfLastBlock => Some("a collection's last block has no end".to_owned()),
            Expect::BlockHeader if !self.carry.is_empty() => {
                Some("a block's header has no end".to_owned())
            }
            Expect::BlockHeader => None,
        };
        if let Some(problem) = missing {
            return Err(cut(problem));
        }
        if let Some(number) = self.namespaces.iter().position(|n| !n.ended) {
            return Err(cut(format!("{} has no end", self.name(number))));
        }
        Ok(self.namespaces.into_iter().map(|n| n.summary).collect())
    }

    /// Bytes that were understood so far.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.at
    }

    fn name(&self, number: usize) -> String {
        self.namespaces.get(number).map_or_else(
            || "an unknown namespace".to_owned(),
            |n| format!("{}.{}", n.summary.db, n.summary.collection),
        )
    }

    fn garbled(&self, problem: impl Into<String>) -> StreamError {
        StreamError::Garbled {
            at: self.at,
            problem: problem.into(),
        }
    }

    /// Items straight from the piece at hand, without copying them.
    fn whole_items(&mut self, piece: &[u8], events: &mut dyn Events) -> Result<usize, StreamError> {
        if let Expect::Documents { number } = self.expect {
            let taken = self.documents(number, piece, events)?;
            if taken > 0 {
                return Ok(taken);
            }
        }
        let length = match piece.first_chunk::<4>() {
            Some(start) => self.length_of_item(*start)?,
            None => usize::MAX,
        };
        if let Some(item) = piece.get(..length) {
            self.item(item, events)?;
            return Ok(length);
        }
        self.carry.extend_from_slice(piece);
        Ok(piece.len())
    }

    /// Completes the item that an earlier piece began.
    fn completed_item(
        &mut self,
        piece: &[u8],
        events: &mut dyn Events,
    ) -> Result<usize, StreamError> {
        let wanted = match self.carry.first_chunk::<4>() {
            Some(start) => self.length_of_item(*start)?,
            None => 4,
        };
        let taken = piece.len().min(wanted.saturating_sub(self.carry.len()));
        if self.carry.len() >= 4 {
            // The length is within bounds: no more than one document is set aside.
            self.carry.reserve_exact(wanted - self.carry.len());
        }
        self.carry.extend(piece.iter().take(taken));
        let length = match self.carry.first_chunk::<4>() {
            Some(start) => self.length_of_item(*start)?,
            None => return Ok(taken),
        };
        if self.carry.len() == length {
            let mut item = std::mem::take(&mut self.carry);
            self.item(&item, events)?;
            item.clear();
            item.shrink_to(KEPT_CARRY);
            self.carry = item;
        }
        Ok(taken)
    }

    /// How long the item is that begins with `start`. Checked before anything is allocated.
    fn length_of_item(&self, start: [u8; 4]) -> Result<usize, StreamError> {
        if self.expect == Expect::Magic || start == TERMINATOR {
            return Ok(4);
        }
        let length = i32::from_le_bytes(start);
        usize::try_from(length)
            .ok()
            .filter(|length| (SHORTEST_DOCUMENT..=LONGEST_DOCUMENT).contains(length))
            .ok_or_else(|| self.garbled(format!("a document of {length} bytes")))
    }

    /// Every whole document at the beginning of `piece`; gives the bytes they take.
    fn documents(
        &mut self,
        number: usize,
        piece: &[u8],
        events: &mut dyn Events,
    ) -> Result<usize, StreamError> {
        let from = self.at;
        let (mut taken, mut count) = (0, 0);
        while let Some(rest) = piece.get(taken..)
            && let Some(start) = rest.first_chunk::<4>()
            && *start != TERMINATOR
        {
            let length = self.length_of_item(*start)?;
            let Some(document) = rest.get(..length) else {
                break;
            };
            self.check_end(document)?;
            events
                .document(number, document)
                .map_err(|problem| self.garbled(problem))?;
            taken += length;
            count += 1;
            self.at = from + taken as u64;
        }
        if let (Some(namespace), Some(run)) = (self.namespaces.get_mut(number), piece.get(..taken))
        {
            namespace.summary.documents += count;
            namespace.summary.bytes += taken as u64;
            namespace.checksum.write(run);
        }
        Ok(taken)
    }

    fn check_end(&self, document: &[u8]) -> Result<(), StreamError> {
        match document.last() {
            Some(0) => Ok(()),
            _ => Err(self.garbled("a document whose last byte is not zero")),
        }
    }

    /// One whole item: the magic number, a document or a terminator.
    fn item(&mut self, item: &[u8], events: &mut dyn Events) -> Result<(), StreamError> {
        let ends = item == TERMINATOR;
        match self.expect {
            Expect::Magic => self.magic(item)?,
            Expect::Header if !ends => self.header(item, events)?,
            Expect::Prelude if ends => {
                let said = events.prelude_ended();
                said.map_err(|problem| self.garbled(problem))?;
                self.expect = Expect::BlockHeader;
            }
            Expect::Prelude => self.collection(item, events)?,
            Expect::BlockHeader if !ends => self.block(item, events)?,
            Expect::Documents { .. } | Expect::EndOfLastBlock if ends => {
                self.expect = Expect::BlockHeader;
            }
            // A document that came in several pieces.
            Expect::Documents { number } => {
                self.documents(number, item, events)?;
                return Ok(());
            }
            Expect::EndOfLastBlock => {
                return Err(self.garbled("documents in the last block of a collection"));
            }
            Expect::Header | Expect::BlockHeader => {
                return Err(self.garbled("an end where a header should be"));
            }
        }
        self.at += item.len() as u64;
        Ok(())
    }

    fn magic(&mut self, item: &[u8]) -> Result<(), StreamError> {
        if item != MAGIC {
            let found = item.iter().map(|byte| format!("{byte:02x}")).collect();
            return Err(StreamError::NotAnArchive { found });
        }
        self.expect = Expect::Header;
        Ok(())
    }

    fn fields<'a>(&self, item: &'a [u8]) -> Result<&'a RawDocument, StreamError> {
        RawDocument::from_bytes(item).map_err(|error| self.garbled(error.to_string()))
    }

    fn text(&self, fields: &RawDocument, name: &str) -> Result<String, StreamError> {
        let text = fields.get_str(name);
        text.map(str::to_owned)
            .map_err(|error| self.garbled(format!("{name}: {error}")))
    }

    fn header(&mut self, item: &[u8], events: &mut dyn Events) -> Result<(), StreamError> {
        let fields = self.fields(item)?;
        let version = self.text(fields, "version")?;
        if version != VERSION {
            return Err(StreamError::Version { version });
        }
        let header = Header {
            concurrent_collections: fields.get_i32("concurrent_collections").unwrap_or(1),
            server_version: self.text(fields, "server_version").unwrap_or_default(),
            tool_version: self.text(fields, "tool_version").unwrap_or_default(),
        };
        self.expect = Expect::Prelude;
        events
            .header(&header)
            .map_err(|problem| self.garbled(problem))
    }

    fn collection(&mut self, item: &[u8], events: &mut dyn Events) -> Result<(), StreamError> {
        let fields = self.fields(item)?;
        let entry = CollectionEntry {
            db: self.text(fields, "db")?,
            collection: self.text(fields, "collection")?,
            metadata: self.text(fields, "metadata")?,
            size: fields.get_i32("size").unwrap_or_default(),
            // Tools before 100.0 did not write it.
            kind: self.text(fields, "type").unwrap_or_default(),
        };
        let number = self.namespaces.len();
        let body_name = entry.body_name();
        let key = (entry.db.clone(), body_name.clone());
        if self.numbers.insert(key, number).is_some() {
            return Err(self.garbled(format!("{}.{body_name} is listed twice", entry.db)));
        }
        self.namespaces.push(Namespace {
            summary: NamespaceSummary {
                db: entry.db.clone(),
                collection: body_name,
                documents: 0,
                bytes: 0,
            },
            checksum: Digest::new(),
            ended: false,
        });
        let said = events.collection(number, entry);
        said.map_err(|problem| self.garbled(problem))
    }

    fn block(&mut self, item: &[u8], events: &mut dyn Events) -> Result<(), StreamError> {
        let header = self.block_header(item)?;
        let number = header.number;
        let name = self.name(number);
        let again = self.garbled(format!("a block of {name} after its end"));
        let Some(namespace) = self.namespaces.get_mut(number).filter(|n| !n.ended) else {
            return Err(again);
        };
        if !header.last {
            self.expect = Expect::Documents { number };
            return Ok(());
        }
        // Of no bytes at all the tool writes 0, which the checksum of nothing is as well.
        let right = namespace.checksum.sum64() == header.checksum;
        if !right && !events.wrong_checksum(number) {
            return Err(StreamError::Checksum { namespace: name });
        }
        namespace.ended = true;
        self.expect = Expect::EndOfLastBlock;
        let said = events.ended(number, namespace.summary.documents);
        said.map_err(|problem| self.garbled(problem))
    }

    fn block_header(&self, item: &[u8]) -> Result<BlockHeader, StreamError> {
        let fields = self.fields(item)?;
        let (db, collection) = (self.text(fields, "db")?, self.text(fields, "collection")?);
        let unlisted = format!("a block of {db}.{collection}, which is not listed");
        let number = self.numbers.get(&(db, collection)).copied();
        let wrong = |error: bson::error::Error| self.garbled(format!("a block: {error}"));
        Ok(BlockHeader {
            number: number.ok_or_else(|| self.garbled(unlisted))?,
            last: fields.get_bool("EOF").map_err(wrong)?,
            checksum: fields.get_i64("CRC").map_err(wrong)?.cast_unsigned(),
        })
    }
}

impl std::fmt::Debug for StreamParser {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StreamParser")
            .field("at", &self.at)
            .field("expect", &self.expect)
            .field("namespaces", &self.namespaces.len())
            .finish_non_exhaustive()
    }
}
