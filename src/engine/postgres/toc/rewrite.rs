//! A table of contents with some entries left out and others worded otherwise, byte for byte
//! the vendor's in all else: an absent string and an empty one are not the same to `pg_restore`.

use super::{Entry, Toc};

/// The bytes of `toc` with each entry as `change` has it: left out for `None`, else with the
/// tag, the definition, the drop statement and the owner of what it gives. `None` if `bytes`
/// are not those that `toc` was read from.
pub(in crate::engine::postgres) fn rewrite(
    bytes: &[u8],
    toc: &Toc,
    change: impl Fn(&Entry) -> Option<Entry>,
) -> Option<Vec<u8>> {
    let mut raw = Raw {
        bytes,
        at: 0,
        int_size: usize::from(toc.int_size),
    };
    raw.header(toc)?;
    let header = &bytes[..raw.at];
    raw.int()?;
    let mut entries = Vec::new();
    let mut count = 0_i32;
    for entry in &toc.entries {
        let parts = raw.entry(toc)?;
        let Some(changed) = change(entry) else {
            continue;
        };
        count += 1;
        parts.write(entry, &changed, raw.int_size, &mut entries);
    }
    let mut out = header.to_vec();
    number(count, raw.int_size, &mut out);
    out.extend(entries);
    Some(out)
}

/// The bytes of one entry, around the strings that may change.
struct Parts<'a> {
    before_tag: &'a [u8],
    tag: &'a [u8],
    before_defn: &'a [u8],
    defn: &'a [u8],
    drop_stmt: &'a [u8],
    before_owner: &'a [u8],
    owner: &'a [u8],
    rest: &'a [u8],
}

impl Parts<'_> {
    fn write(&self, was: &Entry, now: &Entry, int_size: usize, out: &mut Vec<u8>) {
        let string = |raw: &[u8], was: &str, now: &str, out: &mut Vec<u8>| {
            if was == now {
                out.extend(raw);
            } else {
                number(i32::try_from(now.len()).unwrap_or(0), int_size, out);
                out.extend(now.as_bytes());
            }
        };
        out.extend(self.before_tag);
        string(self.tag, &was.tag, &now.tag, out);
        out.extend(self.before_defn);
        string(self.defn, &was.defn, &now.defn, out);
        string(self.drop_stmt, &was.drop_stmt, &now.drop_stmt, out);
        out.extend(self.before_owner);
        string(self.owner, &was.owner, &now.owner, out);
        out.extend(self.rest);
    }
}

/// A number as the format has it: a byte for the sign, then the magnitude.
fn number(value: i32, int_size: usize, out: &mut Vec<u8>) {
    out.push(u8::from(value < 0));
    let magnitude = u64::from(value.unsigned_abs()).to_le_bytes();
    out.extend(&magnitude[..int_size]);
}

/// Walks the fields without reading them.
struct Raw<'a> {
    bytes: &'a [u8],
    at: usize,
    int_size: usize,
}

impl<'a> Raw<'a> {
    fn skip(&mut self, count: usize) -> Option<&'a [u8]> {
        let found = self.bytes.get(self.at..self.at.checked_add(count)?)?;
        self.at += count;
        Some(found)
    }

    fn int(&mut self) -> Option<i64> {
        let raw = self.skip(1 + self.int_size)?;
        let magnitude = raw[1..]
            .iter()
            .rev()
            .fold(0_u64, |n, b| n << 8 | u64::from(*b));
        let value = i64::try_from(magnitude).ok()?;
        Some(if raw[0] == 0 { value } else { -value })
    }

    /// A string with its length; absent ones have the length -1.
    fn string(&mut self) -> Option<&'a [u8]> {
        let start = self.at;
        let length = self.int()?;
        if length > 0 {
            self.skip(usize::try_from(length).ok()?)?;
        }
        self.bytes.get(start..self.at)
    }

    fn header(&mut self, toc: &Toc) -> Option<()> {
        self.skip(5 + 3 + 3)?;
        if toc.version.1 >= 15 {
            self.skip(1)?;
        } else {
            self.int()?;
        }
        for _ in 0..7 {
            self.int()?;
        }
        for _ in 0..3 {
            self.string()?;
        }
        Some(())
    }

    fn entry(&mut self, toc: &Toc) -> Option<Parts<'a>> {
        let minor = toc.version.1;
        let (_, before_tag) = self.span(|raw| {
            raw.int()?;
            raw.int()?;
            raw.string()?;
            raw.string()
        })?;
        let tag = self.string()?;
        let (_, before_defn) = self.span(|raw| {
            raw.string()?;
            raw.int()
        })?;
        let (defn, drop_stmt) = (self.string()?, self.string()?);
        let ((), before_owner) = self.span(|raw| {
            for _ in 0..3 {
                raw.string()?;
            }
            if minor >= 14 {
                raw.string()?;
            }
            if minor >= 16 {
                raw.int()?;
            }
            Some(())
        })?;
        let owner = self.string()?;
        let (_, rest) = self.span(|raw| {
            raw.string()?;
            let absent = |text: &[u8]| text.first() == Some(&1);
            while !absent(raw.string()?) {}
            raw.skip(1 + usize::from(toc.off_size))
        })?;
        Some(Parts {
            before_tag,
            tag,
            before_defn,
            defn,
            drop_stmt,
            before_owner,
            owner,
            rest,
        })
    }

    /// What `walk` walks over.
    fn span<T>(&mut self, walk: impl FnOnce(&mut Self) -> Option<T>) -> Option<(T, &'a [u8])> {
        let start = self.at;
        let walked = walk(self)?;
        Some((walked, self.bytes.get(start..self.at)?))
    }
}
