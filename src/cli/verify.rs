//! `bookend verify`.

mod bundle;

use std::path::Path;

use serde_json::{Value, json};

use super::error::failure_of;
use super::failure::{Exit, Failure};
use super::words::{ArchiveOrigin, ProveOn, place_for, prove_on};
use super::{Invocation, Outcome};
use crate::engine::Discrepancy;
use crate::operation::{
    self, Damage, Depth, OperationError, Proof, Verdict, VerifyOutcome, Workspace,
};
use crate::report::figures::{counted, duration, numbered, printable, seconds};
use crate::report::{Page, discrepancies};
use crate::snapshot::{Nouns, Source};
use crate::store::Receipt;

const EXAMPLES: &str = "\
Examples:
  bookend verify latest
  bookend verify shop-20261120T043512Z --prove
  bookend verify latest --prove --prove-on sandbox         (needs no server at all)
  bookend verify latest:shop --prove --prove-on postgres://postgres@spare.example/postgres
  bookend verify backups/20261120T043512Z-shop.bundle.tar

Exit code 3: the archive is damaged, or the restored copy differs.";

/// Check an archive or a bundle; --prove restores an archive and compares
///
/// Without --prove no server is needed: every digest, every compressed frame and every row
/// or document is checked against the manifest. With --prove the archive is restored into a disposable
/// database, all of it is read back and compared, and the database is dropped again.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// A path (of a bundle, too), a name or a unique prefix of one in the store, latest, or
    /// latest:TARGET
    archive: String,

    /// Restore into a disposable database, compare all content, and drop it again
    #[arg(long)]
    prove: bool,

    /// Where the copy goes: a TARGET, same-server, or sandbox (a server of its own)
    #[arg(long, value_name = "WHERE", value_parser = prove_on, requires = "prove")]
    prove_on: Option<ProveOn>,
}

/// Verifies an archive, and proves it if asked.
pub async fn run(invocation: &Invocation, args: Args) -> Result<Outcome, Failure> {
    let ws = invocation.workspace("verify")?;
    let path = invocation.archive_file(&ws.store, &args.archive)?;
    if operation::is_bundle(&path) {
        return bundle::run(&ws, &path, args.prove).await;
    }
    let checked = if args.prove {
        prove(invocation, &ws, &path, args.prove_on.as_ref()).await
    } else {
        verify(&ws, &path).await
    };
    match checked {
        Ok(outcome) => Ok(outcome),
        Err(error) if error.is_damage() => Ok(unreadable(&path, &error)),
        Err(error) => Err(failure_of(&error)),
    }
}

async fn verify(ws: &Workspace, path: &Path) -> Result<Outcome, OperationError> {
    let verified = operation::verify(ws, path, Depth::Rows).await?;
    Ok(verified_outcome(path, &verified))
}

/// Proves an archive, after all of its digests were checked: a restore reads the data, and an
/// archive is more than that.
async fn prove(
    invocation: &Invocation,
    ws: &Workspace,
    path: &Path,
    asked: Option<&ProveOn>,
) -> Result<Outcome, OperationError> {
    let verified = operation::verify(ws, path, Depth::Digests).await?;
    if verified.verdict == Verdict::Damaged {
        return Ok(verified_outcome(path, &verified));
    }
    let opened = operation::open(path).await?;
    let head = &opened.manifest().archive;
    let origin = ArchiveOrigin {
        id: &head.id,
        label: &head.target,
        snapshot: opened.snapshot(),
    };
    let place = match place_for(invocation, ws, &origin, asked).await {
        Ok(place) => place,
        Err(failure) => return Ok(failure.into()),
    };
    let proof = operation::prove(ws, path, &place).await?;
    let outcome = proved_outcome(path, &proof, verified.nouns);
    Ok(drop_copy(ws, &head.engine, proof, outcome).await)
}

/// Drops the copy that a proof was made with. If it stays, that is told beside what the proof
/// found.
pub(super) async fn drop_copy(
    ws: &Workspace,
    engine: &str,
    proof: Proof,
    outcome: Outcome,
) -> Outcome {
    let dropped = match ws.engines.named(engine) {
        Ok(engine) => proof.dismiss(ws, engine.as_ref()).await,
        Err(error) => Err(error),
    };
    let Err(error) = dropped else { return outcome };
    let left = failure_of(&error);
    let told = match outcome.failure.clone() {
        Some(failure) => failure.because(std::iter::once(left.message).chain(left.causes)),
        None => left,
    };
    outcome.failing(Some(told))
}

fn verified_outcome(path: &Path, verified: &VerifyOutcome) -> Outcome {
    let name = path.display().to_string();
    let document = json!({
        "archive": path,
        "verdict": verified.verdict,
        "members": verified.members,
        "rows": verified.rows,
        "differences": verified.damages.iter().map(damage_json).collect::<Vec<_>>(),
    });
    let name = printable(&name);
    if verified.verdict == Verdict::Intact {
        let text = format!(
            "intact: {name}\n  {} and {} are as they were written; nothing was restored\n",
            counted(verified.members, "member", "members"),
            numbered(verified.rows, verified.nouns.row),
        );
        return Outcome::new(text, document);
    }
    let mut page = Page::default();
    page.line(format_args!("damaged: {name}"));
    for damage in &verified.damages {
        page.line(format_args!("  {}", printable(&in_words(damage))));
    }
    let message = format!("{name} is damaged in {}", places(verified.damages.len()));
    let failure = Failure::new(Exit::Different, "damaged", message)
        .hint("take another backup; `tar -x` still gets at what is not damaged");
    Outcome::new(page.text(), document).failing(Some(failure))
}

/// An archive so damaged that its manifest cannot be read.
fn unreadable(path: &Path, error: &OperationError) -> Outcome {
    let failure = failure_of(error);
    let document = json!({
        "archive": path,
        "verdict": Verdict::Damaged,
        "differences": [{
            "object": null,
            "kind": "damage",
            "expected": "the bytes that were written",
            "found": failure.message,
        }],
    });
    let text = format!("damaged: {}\n", printable(&path.to_string_lossy()));
    Outcome::new(text, document).failing(Some(failure))
}

fn in_words(damage: &Damage) -> String {
    match &damage.object {
        Some(object) => format!("{object}: {} ({})", damage.problem, damage.member),
        None => format!("{}: {}", damage.member, damage.problem),
    }
}

fn places(number: usize) -> String {
    counted(number as u64, "place", "places")
}

/// A damage in the form of a difference: the table where there is one, else the member.
fn damage_json(damage: &Damage) -> Value {
    json!({
        "object": damage.object.as_deref().unwrap_or(&damage.member),
        "kind": "damage",
        "expected": "the bytes that were written",
        "found": damage.problem,
        "member": damage.member,
    })
}

fn proved_outcome(path: &Path, proof: &Proof, nouns: Nouns) -> Outcome {
    let id = &proof.receipt.archive;
    let differs = proof.verdict != Verdict::Identical;
    let document = json!({
        "archive": path,
        "id": id,
        "verdict": proof.verdict,
        "differences": proof.receipt.differences,
        "not_compared": proof.receipt.not_compared,
        "receipt": proof.receipt_path,
        "server_version": proof.receipt.server_version,
        "sandbox": proof.receipt.sandbox,
        "seconds": seconds(proof.seconds),
    });
    let failure = differs.then(|| different(id, proof.receipt.differences.len()));
    let text = format!(
        "{}\n{}",
        printable(&path.to_string_lossy()),
        describe_proof(proof, nouns)
    );
    Outcome::new(text, document).failing(failure)
}

/// The proof in a few lines.
pub(super) fn describe_proof(proof: &Proof, nouns: Nouns) -> String {
    let receipt = &proof.receipt;
    let rows = receipt.objects.iter().map(|object| object.rows).sum();
    let mut text = format!(
        "  proof      {} · {}: {}, {} on {}\n",
        duration(proof.seconds),
        proof.verdict,
        numbered(receipt.objects.len() as u64, nouns.object),
        numbered(rows, nouns.row),
        printable(&proof_server(receipt)),
    );
    for note in receipt.sandbox.iter().flat_map(|sandbox| &sandbox.notes) {
        text.push_str(&format!("  sandbox    {}\n", printable(note)));
    }
    text.push_str(&describe_differences(&receipt.differences));
    text.push_str(&describe_not_compared(&receipt.not_compared));
    text
}

/// Where the copy was, in words: what a proof on another version shows, it shows for that one.
fn proof_server(receipt: &Receipt) -> String {
    match &receipt.sandbox {
        None => format!("server {}", receipt.server_version),
        Some(sandbox) if sandbox.original_version == receipt.server_version => {
            format!("a sandbox of {}", sandbox.server)
        }
        Some(sandbox) => format!(
            "a sandbox of {} (the archive's server: {})",
            sandbox.server, sandbox.original_version
        ),
    }
}

/// What nobody should take for compared, on one line.
pub(super) fn describe_not_compared(things: &[String]) -> String {
    if things.is_empty() {
        return String::new();
    }
    format!("  not compared: {}\n", printable(&things.join("; ")))
}

/// Differences, one a line.
pub(super) fn describe_differences(differences: &[Discrepancy]) -> String {
    let lines: Vec<_> = differences
        .iter()
        .map(|difference| discrepancies::Line {
            object: &difference.object,
            kind: &difference.kind,
            expected: &difference.expected,
            found: &difference.found,
        })
        .collect();
    discrepancies::text(&lines)
}

/// Exit 3: a restored copy is not what the archive says.
pub(super) fn different(id: &str, number: usize) -> Failure {
    Failure::new(
        Exit::Different,
        "different",
        format!("the restored copy of {id} differs in {}", places(number)),
    )
    .hint("do not rely on this archive: the differences are listed above and in its receipt")
}
