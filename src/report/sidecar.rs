//! Files that travel with an archive, in words.

use super::figures::{counted, size};

/// One path: how many files, how large, how many of them changed while they were read.
#[must_use]
pub fn line(path: &str, files: u64, bytes: u64, changed: u64) -> String {
    let mut text = format!(
        "{path} · {} · {}",
        counted(files, "file", "files"),
        size(bytes)
    );
    if changed > 0 {
        text.push_str(&format!(" · {changed} changed while read"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::line;

    #[test]
    fn what_changed_is_told_only_where_something_did() {
        assert_eq!(line("media", 1, 10, 0), "media · 1 file · 10 B");
        assert_eq!(
            line("media", 2, 2048, 1),
            "media · 2 files · 2.0 KiB · 1 changed while read"
        );
    }
}
