//! What is left of an archive whose end is missing.

use std::fmt;
use std::fs::File;
use std::io;
use std::path::Path;

use super::error::ArchiveError;
use super::region::Region;
use super::ustar::{self, BLOCK};

/// A COPY statement longer than this is not looked at for its table.
const STATEMENT_LIMIT: u64 = 1 << 20;

/// What a walk through the tar found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Salvage {
    /// Members that are there from header to padding (their content was not checked).
    pub whole: Vec<String>,
    /// The member in which the file ends.
    pub cut_in: Option<String>,
    /// The table whose data that member holds.
    pub object: Option<String>,
    /// Where in the file the last whole member ends.
    pub at: u64,
}

impl fmt::Display for Salvage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.cut_in {
            Some(member) => write!(f, "it ends within {member}")?,
            None => f.write_str("it ends without a manifest")?,
        }
        if let Some(object) = &self.object {
            write!(f, " (data of {object})")?;
        }
        write!(
            f,
            "; {} members before are whole in length",
            self.whole.len()
        )
    }
}

/// Walks the tar from its start as far as it goes.
///
/// # Errors
/// The file cannot be read.
pub fn salvage(path: &Path) -> Result<Salvage, ArchiveError> {
    let walked = File::open(path)
        .and_then(Region::whole)
        .and_then(|file| walk(&file));
    walked.map_err(|source| ArchiveError::Io {
        what: format!("{} could not be read", path.display()),
        source,
    })
}

/// As [`salvage`], of a part of a file.
pub(super) fn walk(file: &Region) -> io::Result<Salvage> {
    let size = file.size();
    let mut found = Salvage::default();
    let mut table: Option<(String, String)> = None;
    while found.at + BLOCK <= size {
        let mut header = [0; 512];
        file.read_exact_at(&mut header, found.at)?;
        let Some(entry) = ustar::parse(&header) else {
            break;
        };
        let content_at = found.at + BLOCK;
        let end = found.at.saturating_add(ustar::span(entry.size));
        if end > size {
            let of_table = table.filter(|(folder, _)| entry.name.starts_with(folder.as_str()));
            found.object = of_table.map(|(_, table)| table);
            found.cut_in = Some(entry.name);
            break;
        }
        if let Some(folder) = entry.name.strip_suffix("copy.sql")
            && let Some(name) = copied_table(file, content_at, entry.size)?
        {
            table = Some((folder.to_owned(), name));
        }
        found.whole.push(entry.name);
        found.at = end;
    }
    Ok(found)
}

fn copied_table(file: &Region, at: u64, size: u64) -> io::Result<Option<String>> {
    let mut statement = vec![0; usize::try_from(size.min(STATEMENT_LIMIT)).unwrap_or(0)];
    file.read_exact_at(&mut statement, at)?;
    let statement = String::from_utf8_lossy(&statement);
    let table = statement
        .strip_prefix("COPY ")
        .and_then(|rest| rest.split_once(" (").or_else(|| rest.split_once(" FROM ")));
    Ok(table.map(|(table, _)| table.trim().to_owned()))
}
