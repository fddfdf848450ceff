//! Holding a bundle against its own manifest, and each archive inside against its own.

use sha2::{Digest as _, Sha256};
use tokio_util::sync::CancellationToken;

use super::manifest::BundleMember;
use super::read::{Bundle, check_header};
use crate::archive::manifest::mtime;
use crate::archive::ustar::{self, BLOCK};
use crate::archive::{ArchiveError, Damage, Depth, Digest, verify};

/// Bytes that are read at once.
const READ: usize = 1 << 20;

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BundleVerified {
    /// Members that were read, the manifest among them.
    pub members: u64,
    /// Archives inside.
    pub archives: u64,
    /// Rows that were counted in them.
    pub rows: u64,
    /// Empty means that the bundle is as it was written.
    pub damages: Vec<Damage>,
}

/// Reads all of a bundle: every header and padding byte, every digest; then all of each
/// archive inside. Blocks. `advance` hears of bytes and rows.
///
/// # Errors
/// The file cannot be read, or `cancel` was cancelled. Damage is no error but a finding.
pub fn verify_bundle(
    bundle: &Bundle,
    jobs: usize,
    advance: &(dyn Fn(u64, u64) + Sync),
    cancel: &CancellationToken,
) -> Result<BundleVerified, ArchiveError> {
    let manifest = bundle.manifest();
    let mut found = BundleVerified {
        members: manifest.members.len() as u64 + 1,
        ..BundleVerified::default()
    };
    for member in &manifest.members {
        if let Some(problem) = check(bundle, member, advance, cancel)? {
            found.damages.push(damage(member, problem));
        }
    }
    for member in bundle.archives() {
        found.archives += 1;
        check_archive(bundle, member, &mut found, jobs, advance, cancel)?;
    }
    Ok(found)
}

fn damage(member: &BundleMember, problem: String) -> Damage {
    Damage {
        member: member.name.clone(),
        object: None,
        problem,
    }
}

fn check_archive(
    bundle: &Bundle,
    member: &BundleMember,
    found: &mut BundleVerified,
    jobs: usize,
    advance: &(dyn Fn(u64, u64) + Sync),
    cancel: &CancellationToken,
) -> Result<(), ArchiveError> {
    let opened = match bundle.archive(member) {
        Ok(opened) => opened,
        Err(error @ (ArchiveError::Io { .. } | ArchiveError::Cancelled)) => return Err(error),
        Err(error) => {
            found.damages.push(damage(member, error.to_string()));
            return Ok(());
        }
    };
    let verified = verify(&opened, Depth::Rows, jobs, advance, cancel)?;
    found.rows += verified.rows;
    let inside = verified.damages.into_iter().map(|one| Damage {
        member: format!("{}: {}", member.name, one.member),
        ..one
    });
    found.damages.extend(inside);
    Ok(())
}

/// What is wrong with a member; `None` if nothing is.
fn check(
    bundle: &Bundle,
    member: &BundleMember,
    advance: &(dyn Fn(u64, u64) + Sync),
    cancel: &CancellationToken,
) -> Result<Option<String>, ArchiveError> {
    let unreadable = |source| ArchiveError::Io {
        what: format!("{} could not be read from the bundle", member.name),
        source,
    };
    let mut header = [0; 512];
    bundle
        .read_at(&mut header, member.offset)
        .map_err(unreadable)?;
    let created = mtime(bundle.manifest().created_at);
    if let Some(problem) = check_header(&header, &member.name, member.bytes, created) {
        return Ok(Some(problem));
    }
    let mut block = [0; 512];
    let padding = usize::try_from(ustar::padding(member.bytes)).unwrap_or(0);
    let behind = member.offset + BLOCK + member.bytes;
    bundle
        .read_at(&mut block[..padding], behind)
        .map_err(unreadable)?;
    if block.iter().any(|byte| *byte != 0) {
        return Ok(Some("the padding behind it is not empty".to_owned()));
    }
    let content = bundle.content(member);
    let mut state = Sha256::new();
    let mut buffer = vec![0; READ];
    let mut at = 0;
    loop {
        if cancel.is_cancelled() {
            return Err(ArchiveError::Cancelled);
        }
        match content.read_at(&mut buffer, at).map_err(unreadable)? {
            0 => break,
            read => {
                state.update(&buffer[..read]);
                at += read as u64;
                advance(read as u64, 0);
            }
        }
    }
    let sound = at == member.bytes && Digest::from(state) == member.sha256;
    let problem = "its bytes do not have the digest that the manifest names";
    Ok((!sound).then(|| problem.to_owned()))
}
