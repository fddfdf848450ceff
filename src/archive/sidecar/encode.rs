//! The tar blocks of an entry: GNU headers, whose long names every tar reads and which hold any
//! bytes, with a PAX record for the part of a time that they have no place for.

use tar::{EntryType, Header};

use super::entry::{Entry, EntryKind, Moment};
use crate::archive::ustar::{self, BLOCK};

/// Bytes of a name, or of what a link says, in a header.
const SHORT: usize = 100;
/// The largest time that eleven octal digits hold.
const LATEST: i64 = 0o77_777_777_777;
/// Ends a tar.
pub const END: [u8; 1024] = [0; 1024];

/// Everything that stands before an entry's content.
#[must_use]
pub fn blocks(entry: &Entry) -> Vec<u8> {
    let mut out = Vec::with_capacity(512);
    let mut name = entry.path.clone();
    let (kind, size, link): (_, _, &[u8]) = match &entry.kind {
        EntryKind::File(size) => (EntryType::Regular, *size, b""),
        EntryKind::Folder => {
            name.push(b'/');
            (EntryType::Directory, 0, b"")
        }
        EntryKind::Link(target) => (EntryType::Symlink, 0, target),
    };
    if let Some(record) = time_record(entry.mtime) {
        extension(EntryType::XHeader, b"./PaxHeaders/time", &record, &mut out);
    }
    for (long, kind) in [
        (link, EntryType::GNULongLink),
        (name.as_slice(), EntryType::GNULongName),
    ] {
        if long.len() > SHORT {
            let ended = [long, b"\0"].concat();
            extension(kind, b"././@LongLink", &ended, &mut out);
        }
    }
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(entry.mode);
    header.set_uid(entry.uid);
    header.set_gid(entry.gid);
    header.set_size(size);
    header.set_mtime(u64::try_from(entry.mtime.seconds.min(LATEST)).unwrap_or(0));
    put(&mut header, &name, link);
    out.extend_from_slice(header.as_bytes());
    out
}

/// Zeros behind so many bytes of content.
#[must_use]
pub fn padding(size: u64) -> &'static [u8] {
    let length = usize::try_from(ustar::padding(size)).unwrap_or(0);
    END.get(..length).unwrap_or_default()
}

/// Names and checksum, set last.
fn put(header: &mut Header, name: &[u8], link: &[u8]) {
    if let Some(gnu) = header.as_gnu_mut() {
        let short = |text: &[u8]| text.len().min(SHORT);
        gnu.name[..short(name)].copy_from_slice(&name[..short(name)]);
        gnu.linkname[..short(link)].copy_from_slice(&link[..short(link)]);
    }
    header.set_cksum();
}

/// An entry that says something of the next one.
fn extension(kind: EntryType, name: &[u8], content: &[u8], out: &mut Vec<u8>) {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_size(content.len() as u64);
    put(&mut header, name, b"");
    out.extend_from_slice(header.as_bytes());
    out.extend_from_slice(content);
    out.extend_from_slice(padding(content.len() as u64));
    debug_assert!((out.len() as u64).is_multiple_of(BLOCK));
}

/// `LENGTH mtime=SECONDS.NANOS`, where a header cannot say it; the length counts itself.
fn time_record(time: Moment) -> Option<Vec<u8>> {
    if time.nanos == 0 && (0..=LATEST).contains(&time.seconds) {
        return None;
    }
    let rest = format!(" mtime={}\n", time.decimal());
    let mut length = rest.len() + 1;
    while length != rest.len() + length.to_string().len() {
        length = rest.len() + length.to_string().len();
    }
    Some(format!("{length}{rest}").into_bytes())
}
