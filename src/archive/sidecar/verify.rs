//! Holding sidecars against the manifest: each has to decode as a tar with the files that were
//! counted, and with the listing that lies beside it.

use std::collections::HashSet;

use super::super::error::ArchiveError;
use super::super::reader::Archive;
use super::read::{TreeReader, damaged};
use super::stream::TreeStream;
use super::{Sidecar, TreeId, TreePart};
use crate::snapshot::SeamError;

/// A sidecar that is not what the manifest says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TreeFlaw {
    /// The folder of its members.
    pub member: String,
    /// Its label.
    pub label: String,
    /// What is wrong.
    pub problem: String,
}

/// Reads all sidecars but those in `spoiled`, whose members are known not to be readable. `advance` hears
/// of bytes and says false when it is time to stop.
pub fn check(
    archive: &Archive,
    spoiled: &HashSet<TreeId>,
    advance: &dyn Fn(u64) -> bool,
) -> Result<Vec<TreeFlaw>, ArchiveError> {
    let mut flaws = Vec::new();
    for (number, sidecar) in (1..).zip(&archive.manifest().files) {
        for part in [TreePart::Tar, TreePart::Listing] {
            let id = TreeId { number, part };
            if spoiled.contains(&id) {
                continue;
            }
            let read = match part {
                TreePart::Tar => tar(archive, number, advance),
                TreePart::Listing => listing(archive, sidecar, id),
            };
            match read {
                Ok(()) => {}
                Err(SeamError::Damaged { problem, .. }) => flaws.push(TreeFlaw {
                    member: id.folder(),
                    label: sidecar.label(),
                    problem,
                }),
                Err(error) => return Err(error.into()),
            }
        }
    }
    Ok(flaws)
}

fn tar(archive: &Archive, number: u32, advance: &dyn Fn(u64) -> bool) -> Result<(), SeamError> {
    let Some(mut reader) = TreeReader::new(archive, number) else {
        return Ok(());
    };
    let mut buffer = vec![0; 128 << 10];
    let mut told = 0;
    while reader.next_entry()?.is_some() {
        loop {
            let read = reader.read(&mut buffer)?;
            let bytes = reader.bytes();
            if !advance(bytes - told) {
                return Ok(());
            }
            told = bytes;
            if read == 0 {
                break;
            }
        }
    }
    reader.finish()
}

fn listing(archive: &Archive, sidecar: &Sidecar, id: TreeId) -> Result<(), SeamError> {
    let mut stream = TreeStream::new(archive, id);
    let mut buffer = vec![0; 128 << 10];
    while stream.fill(&mut buffer)? > 0 {}
    if stream.digest() == (sidecar.listing_bytes, sidecar.listing_sha256) {
        Ok(())
    } else {
        let problem = "its listing does not have the digest that the manifest names";
        Err(damaged(sidecar, problem))
    }
}
