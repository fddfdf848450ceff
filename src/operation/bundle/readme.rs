//! The page that says how to look inside without bookend.

use super::BundleRequest;
use super::files::Walk;

/// `README.md` of a bundle.
pub fn text(request: &BundleRequest, walk: &Walk) -> String {
    let mut text = format!(
        "# Run {run}\n\n\
         Everything about one database migration in one file. `tar` alone gets at all of it:\n\n\
         \x20   tar -xf {run}.bundle.tar\n\n\
         | member | what it is |\n|---|---|\n\
         | `report.html` | the run on one page: open it in a browser. It fetches nothing |\n\
         | `report.md`, `report.json` | the same as text and for scripts |\n\
         | `COMMAND.txt` | the migration command and its check, passwords blotted out |\n",
        run = request.run
    );
    if !walk.files.is_empty() {
        text.push_str("| `migration/` | the migration's own files |\n");
    }
    text.push_str(
        "| `journal.jsonl` | what was done, record by record |\n\
         | `logs/` | what the commands printed |\n\
         | `archives/` | backups before and after the migration, each a tar of its own |\n\
         | `proofs/` | receipts: what a restored copy of an archive was compared with, and the verdict |\n\
         | `manifest.json` | size and SHA-256 of every member, and what is missing |\n\n\
         ## Restoring an archive\n\n\
         Each archive restores with the vendor's tools alone; its own `RESTORE.md` says how:\n\n\
         \x20   tar -xf archives/NAME.tar -C somewhere\n\
         \x20   cd somewhere && cat RESTORE.md && ./restore.sh\n\n\
         ## Checking the bundle\n\n\
         With bookend: `bookend verify THIS.bundle.tar` reads every byte of the bundle and of the archives inside.\n\
         Without: hold `sha256sum` of each extracted member against `manifest.json`.\n",
    );
    text
}
