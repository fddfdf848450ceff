//! What lets an archive be restored with stock tools alone: `restore.sh` and `RESTORE.md`.

use crate::engine::RestoreKit;
use crate::snapshot::Snapshot;

/// The kit. The script is fixed text: whatever differs between archives is in its members.
pub(super) fn kit(snapshot: &Snapshot) -> RestoreKit {
    RestoreKit {
        readme: readme(snapshot),
        script: include_str!("restore.sh").to_owned(),
    }
}

/// What `mongorestore` loses or changes without a word, all of it seen with 100.7.0.
const LEFT_WRONG: &str = "\
* Nested keys of the options of collections and indexes come back in another order: a view's \
`$sort: {a, b}`, a validator's rules, an index's `wildcardProjection`. The definitions as they were are in `definitions/collections.bson`, which \
`bsondump` prints: compare, and correct with `collMod`.
* A top-level field that is an empty timestamp, `Timestamp(0, 0)`, becomes the time of the restore.
* A collection whose name has a line feed is skipped.
* Where documents with an equal unique key were possible, the index is missing and the exit code is 1.
* Documents of a collection with a TTL index are deleted once they are old, as on the original.
* Exit code 0 does not mean that every document arrived: count them. `manifest.json` has the counts.
";

fn readme(snapshot: &Snapshot) -> String {
    let mut text = format!(
        "# Restoring this archive without bookend\n\n\
         It holds the MongoDB database `{database}` as of {taken} (server {version}, read by {tool}).\n\n\
         You need: tar, the decompressor of the members under `dump/` (zstd or gzip; none if they end \
         in `.archive`), and mongorestore of MongoDB's database tools 100 or newer.\n\n\
         ```sh\n\
         mkdir restored && tar -xf ARCHIVE.tar -C restored && cd restored\n\
         MONGODB_URI='mongodb://…' sh restore.sh NEW_DATABASE\n\
         ```\n\n\
         The URI names the server, and no database. NEW_DATABASE must not exist yet.\n\n\
         By hand: the members under `dump/`, decompressed one after the other in the order of their \
         numbers, are one archive of mongodump:\n\n\
         ```sh\n\
         ls dump | sort -n | sed 's|^|dump/|' | xargs cat | zstd -dc |\n\
         \x20   mongorestore --archive --nsInclude='*' --nsFrom='$db$.$collection$' \\\n\
         \x20       --nsTo='NEW_DATABASE.$collection$' --bypassDocumentValidation --keepIndexVersion\n\
         ```\n\n\
         ## What stock tools leave wrong\n\n{LEFT_WRONG}",
        database = snapshot.database.name,
        taken = snapshot.taken_at.format("%Y-%m-%dT%H:%M:%SZ"),
        version = snapshot.server.version,
        tool = snapshot.server.tool,
    );
    text.push_str(&principals(snapshot));
    if !snapshot.notes.is_empty() {
        text.push_str("\n## Notes of the backup\n\n");
        for note in &snapshot.notes {
            text.push_str(&format!("* {note}\n"));
        }
    }
    text
}

/// Commands that make roles and users, roles first.
fn principals(snapshot: &Snapshot) -> String {
    let roles = snapshot.database.roles.iter().flatten();
    let users = snapshot.database.users.iter().flatten();
    let all: Vec<&str> = roles
        .map(|role| role.create.as_str())
        .chain(users.map(|user| user.create.as_str()))
        .collect();
    if all.is_empty() {
        return String::new();
    }
    format!(
        "\n## Users and roles\n\nThey are not restored. In mongosh, after `use NEW_DATABASE` (privileges name \
         the original's database):\n\n```js\n{}\n```\n",
        all.join("\n")
    )
}
