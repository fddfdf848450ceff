//! `bookend diff`.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::error::failure_of;
use super::{Exit, Failure, Invocation, Outcome, sidecars};
use crate::connection::{EngineKind, Target};
use crate::operation::{self, Asked, Aspect, Side, SidecarChange, Subject, Workspace};
use crate::report::difference;
use crate::snapshot::diff::{Difference, compare};
use crate::snapshot::{Sampled, Snapshot};
use crate::store::StoredArchive;

const EXAMPLES: &str = "\
Examples:
  bookend diff shop-20261120T043512Z-before shop-20261120T043602Z-after
  bookend diff yesterday.tar latest:shop --json | jq .loss
  bookend diff latest:shop shop                 what happened since the last backup
  bookend diff postgres://db.example/shop postgres://db.example/shop_copy
  bookend diff latest:shop shop --data --rows 5

Exit code 0: the same; 3: different.";

/// Compare two archives, two databases, or one of each
///
/// Tables and columns, or collections and fields, added, removed, renamed or changed, rows or
/// documents, values lost, indexes and constraints, by facts and fingerprints. No server is needed
/// for an archive; a database is only read, once and whole.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The earlier archive or the database as it was: an ARCHIVE, or a TARGET (URL, env:NAME, a
    /// name from bookend.toml)
    a: String,

    /// The later archive, or a TARGET
    b: String,

    /// Only rows and values
    #[arg(long, conflicts_with = "schema")]
    data: bool,

    /// Only definitions
    #[arg(long)]
    schema: bool,

    /// Show up to N rows or documents of each table or collection that were added, removed or
    /// changed, and count them. Prints what the database holds
    #[arg(long, value_name = "N", conflicts_with = "schema",
          value_parser = clap::value_parser!(u16).range(1..=1000))]
    rows: Option<u16>,
}

/// One side as it was named.
enum Named {
    Archive(StoredArchive),
    Live(Box<Target>),
}

/// Compares two archives or databases.
pub async fn run(invocation: &Invocation, args: Args) -> Result<Outcome, Failure> {
    let ws = invocation.workspace("diff")?;
    let a = named(invocation, &ws, &args.a)?;
    let b = named(invocation, &ws, &args.b)?;
    one_engine(&a, &b)?;
    two_databases(&ws, &a, &b).await?;
    let first = read(invocation, &ws, &a, &args).await?;
    let second = read(invocation, &ws, &b, &args).await?;
    let aspect = match (args.data, args.schema) {
        (true, _) => Aspect::Data,
        (_, true) => Aspect::Schema,
        _ => Aspect::All,
    };
    let whole = match aspect {
        // What the rows would tell is left out.
        Aspect::Schema => compare(&first.snapshot, &second.snapshot),
        Aspect::All | Aspect::Data => {
            let sides = ((a.subject(), &first), (b.subject(), &second));
            let whole = operation::difference(&ws, sides.0, sides.1).await;
            whole.map_err(|error| failure_of(&error))?
        }
    };
    let sampled = match args.rows {
        Some(most) => {
            let asked = Asked {
                most: most.into(),
                ..Asked::default()
            };
            operation::samples(&ws, (&first, &second), &whole, asked)
                .await
                .map_err(|error| failure_of(&error))?
        }
        None => BTreeMap::new(),
    };
    let found = operation::narrow(whole, aspect);
    let files = files(&a, &b, aspect)?;
    let same = found.same && files.is_empty();
    let failure = (!same).then(|| {
        let message = format!("{} and {} differ", a.name(), b.name());
        Failure::new(Exit::Different, "different", message)
    });
    let mut text = difference::text_with(&found, &sampled);
    if found.same && !same {
        "the databases are the same\n".clone_into(&mut text);
    }
    text.push_str(&sidecars::changes(&files));
    let mut document = document(&found, &sampled, (&a, &first), (&b, &second));
    document["same"] = json!(same);
    document["files"] = json!(files);
    Ok(Outcome::new(text, document).failing(failure).said())
}

/// Files that travel with both archives; those of a live database are not known.
fn files(a: &Named, b: &Named, aspect: Aspect) -> Result<Vec<SidecarChange>, Failure> {
    match (a, b, aspect) {
        (Named::Archive(a), Named::Archive(b), Aspect::All | Aspect::Data) => {
            operation::diff_files(&a.path, &b.path).map_err(|error| failure_of(&error))
        }
        _ => Ok(Vec::new()),
    }
}

/// What a word stands for: a target wins over an archive of the same name.
fn named(invocation: &Invocation, ws: &Workspace, word: &str) -> Result<Named, Failure> {
    if !invocation.config.is_target(word) {
        return invocation.archive(&ws.store, word).map(Named::Archive);
    }
    if ws.store.select(word).is_ok() {
        invocation.screen.note(&format!(
            "{word} is a target and an archive; the target is taken"
        ));
    }
    let target = invocation.target(Some(word))?;
    Ok(Named::Live(Box::new(target)))
}

impl Named {
    fn subject(&self) -> Subject<'_> {
        match self {
            Self::Archive(archive) => Subject::Archive(&archive.path),
            Self::Live(target) => Subject::Live(target),
        }
    }

    fn name(&self) -> String {
        match self {
            Self::Archive(archive) => archive.id.clone(),
            Self::Live(target) => target.display_url(),
        }
    }

    fn engine(&self) -> Option<EngineKind> {
        match self {
            Self::Archive(archive) => EngineKind::named(&archive.engine),
            Self::Live(target) => Some(target.engine()),
        }
    }

    /// For scripts.
    fn document(&self, snapshot: &Snapshot) -> Value {
        let (kind, id, path, url) = match self {
            Self::Archive(one) => ("archive", Some(&one.id), Some(&one.path), None),
            Self::Live(target) => ("database", None, None, Some(target.display_url())),
        };
        json!({
            "kind": kind,
            "id": id,
            "path": path,
            "url": url,
            "engine": snapshot.engine,
            "database": snapshot.database.name,
            "taken_at": snapshot.taken_at,
            "consistent": snapshot.consistent,
        })
    }
}

fn one_engine(a: &Named, b: &Named) -> Result<(), Failure> {
    if let (Some(first), Some(second)) = (a.engine(), b.engine())
        && first != second
    {
        let message = format!(
            "{} is of {} and {} of {}: only databases of one kind can be compared",
            a.name(),
            first.name(),
            b.name(),
            second.name()
        );
        return Err(Failure::new(Exit::Usage, "other-engine", message)
            .hint("name two archives or databases of the same kind (bookend list shows both)"));
    }
    Ok(())
}

async fn two_databases(ws: &Workspace, a: &Named, b: &Named) -> Result<(), Failure> {
    let (Named::Live(first), Named::Live(second)) = (a, b) else {
        return Ok(());
    };
    let same = operation::same_database(ws, first, second).await;
    if same.map_err(|error| failure_of(&error))? {
        let message = format!("{} and {} are the same database", a.name(), b.name());
        let hint = format!(
            "to see what changed since a backup: bookend diff latest:{} {}",
            first.label(),
            first.label()
        );
        return Err(Failure::new(Exit::Usage, "same-database", message).hint(hint));
    }
    Ok(())
}

async fn read(
    invocation: &Invocation,
    ws: &Workspace,
    side: &Named,
    args: &Args,
) -> Result<Side, Failure> {
    let read = Side::read(ws, side.subject(), args.rows.is_some()).await;
    let read = read.map_err(|error| failure_of(&error))?;
    if let Named::Live(target) = side {
        let moment = match read.snapshot.consistent {
            Some(true) => "one point in time",
            Some(false) => "not one point in time: others wrote while it was read",
            None => "whether it is one point in time is not known",
        };
        let at = read.snapshot.taken_at.format("%H:%M:%SZ");
        let what = format!("{} as it was at {at}: {moment}", target.display_url());
        match read.snapshot.consistent {
            Some(true) => invocation.screen.detail(&what),
            _ => invocation.screen.note(&what),
        }
    }
    Ok(read)
}

fn document(
    found: &Difference,
    sampled: &BTreeMap<String, Sampled>,
    (a, first): (&Named, &Side),
    (b, second): (&Named, &Side),
) -> Value {
    let objects = found.objects.iter().map(|object| {
        let mut told = json!(object);
        if let (Some(told), Some(rows)) = (told.as_object_mut(), sampled.get(&object.object))
            && let Value::Object(rows) = json!(rows)
        {
            told.extend(rows);
        }
        told
    });
    json!({
        "a": a.document(&first.snapshot),
        "b": b.document(&second.snapshot),
        "same": found.same,
        "loss": found.loss,
        "objects": objects.collect::<Vec<Value>>(),
        "losses": found.losses,
        "database": found.database,
        "notes": found.notes,
    })
}
