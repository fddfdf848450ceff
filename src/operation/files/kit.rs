//! What lets the files be taken out of an archive with stock tools alone.

/// The script's member. `restore.sh` names it where there are files.
pub(in crate::operation) const SCRIPT_NAME: &str = "restore_files.sh";

/// The script; fixed text.
pub(in crate::operation) const SCRIPT: &str = include_str!("restore_files.sh");

/// What `RESTORE.md` says of files, where there are any.
pub(in crate::operation) const README: &str = "
## Files that travel with it

They are no part of the database, and were read after it. From the unpacked archive:

```sh
sh restore_files.sh NEW_FOLDER
```

It makes NEW_FOLDER, which must not exist yet, and needs tar and zstd or gzip. By hand: the members of each
folder under `files/`, decompressed one after the other in the order of their numbers, are one tar:

```sh
ls files/0001 | sort -n | sed 's|^|files/0001/|' | xargs cat | zstd -dc | tar -xpof - -C NEW_FOLDER
```

`files` in `manifest.json` says which path each number was. Members under `listings/` hold a line of JSON for
each file, with its digest.
";
