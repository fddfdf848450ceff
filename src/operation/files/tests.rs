//! Files that change under the reader's eyes, each moment played by hand.

use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::Utc;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use super::pack::{Eyes, Packer, open_file};
use super::roots::{Root, roots};
use super::{FilesError, there};
use crate::archive::{ArchiveSink, Compression, Sidecar, WriteOptions};
use crate::operation::OperationError;
use crate::progress::{Progress, Silent};

fn eyes() -> Eyes {
    Eyes {
        progress: Arc::new(Silent),
        cancel: CancellationToken::new(),
        store: None,
    }
}

/// Packs by hand into an archive that nobody keeps; what came of it, and the notes.
fn packed(
    eyes: Eyes,
    work: impl FnOnce(&mut Packer<'_>) -> Result<(), OperationError> + Send + 'static,
) -> Result<(Sidecar, Vec<String>), OperationError> {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.unwrap().block_on(async {
        let options = WriteOptions {
            compression: Compression::default(),
            created: Utc::now(),
            engine: "postgresql".to_owned(),
            database: "shop".to_owned(),
        };
        let sink = ArchiveSink::new(tempfile::tempfile().unwrap(), options).unwrap();
        let handle = Handle::current();
        let done = tokio::task::spawn_blocking(move || {
            let tree = sink.sidecar(1, ("media", "media"), handle);
            let mut packer = Packer::new(tree, &eyes);
            work(&mut packer)?;
            let notes = packer.notes();
            Ok((packer.tree.finish()?, notes))
        });
        done.await.unwrap()
    })
}

fn place(content: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.bin");
    fs::write(&path, content).unwrap();
    (folder, path)
}

fn root(path: &Path) -> Root {
    roots(&[path.to_owned()]).unwrap().remove(0)
}

fn of_files(error: OperationError) -> FilesError {
    match error {
        OperationError::Files(error) => error,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_file_that_shrinks_while_it_is_read_fails_by_name() {
    let (_folder, path) = place(&[1; 1000]);
    let named = path.clone();
    let failed = packed(eyes(), move |packer| {
        let seen = fs::metadata(&path).unwrap();
        let mut file = open_file(&path)?;
        File::options()
            .write(true)
            .open(&path)
            .unwrap()
            .set_len(400)
            .unwrap();
        packer.read(&path, b"media".to_vec(), &mut file, &seen)
    });
    match of_files(failed.unwrap_err()) {
        FilesError::Shrunk {
            path,
            expected,
            found,
        } => assert_eq!((path, expected, found), (named, 1000, 400)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_file_that_grows_while_it_is_read_is_what_it_was_at_first() {
    let (_folder, path) = place(&[1; 1000]);
    let (sidecar, _) = packed(eyes(), move |packer| {
        let seen = fs::metadata(&path).unwrap();
        let mut file = open_file(&path)?;
        let mut more = File::options().append(true).open(&path).unwrap();
        more.write_all(&[2; 500]).unwrap();
        packer.read(&path, b"media".to_vec(), &mut file, &seen)
    })
    .unwrap();
    assert_eq!((sidecar.files, sidecar.bytes), (1, 1000));
}

/// Writes to a file as soon as the first piece of it was read.
struct Meddler(PathBuf);

impl Progress for Meddler {
    fn advance(&self, _bytes: u64, _rows: u64) {
        let mut more = File::options().append(true).open(&self.0).unwrap();
        more.write_all(b"more").unwrap();
    }

    fn phase(&self, _name: &str, _bytes: Option<u64>) {}
    fn status(&self, _text: &str) {}
    fn note(&self, _text: &str) {}
    fn finish(&self) {}
}

#[test]
fn a_file_that_is_written_to_while_it_is_read_is_told_and_counted() {
    let (folder, path) = place(&[1; 1000]);
    fs::write(folder.path().join("quiet"), b"").unwrap();
    let eyes = Eyes {
        progress: Arc::new(Meddler(path.clone())),
        ..eyes()
    };
    let root = root(folder.path());
    let (sidecar, notes) = packed(eyes, move |packer| packer.walk(&root)).unwrap();
    assert_eq!(
        (sidecar.files, sidecar.bytes, sidecar.changed),
        (2, 1000, 1)
    );
    let told = format!("{} changed while it was read", path.display());
    assert_eq!(notes, [told]);
}

#[test]
fn what_vanishes_or_becomes_something_else_fails_by_name() {
    let (_folder, path) = place(b"x");
    fs::remove_file(&path).unwrap();
    let gone = path.clone();
    let failed = packed(eyes(), move |packer| packer.file(&gone, b"media".to_vec()));
    assert!(matches!(
        of_files(failed.unwrap_err()),
        FilesError::Vanished { .. }
    ));
    symlink("/etc/passwd", &path).unwrap();
    let linked = path.clone();
    let failed = packed(eyes(), move |packer| {
        packer.file(&linked, b"media".to_vec())
    });
    assert!(matches!(
        of_files(failed.unwrap_err()),
        FilesError::Replaced { .. }
    ));
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    let failed = packed(eyes(), move |packer| packer.file(&path, b"media".to_vec()));
    assert!(matches!(
        of_files(failed.unwrap_err()),
        FilesError::Replaced { .. }
    ));
}

/// The system's own memory file: it is there, it is a regular file, and its beginning is not.
#[test]
fn a_file_that_cannot_be_read_fails_by_name() {
    let (_folder, path) = place(&[1; 1000]);
    let failed = packed(eyes(), move |packer| {
        let seen = fs::metadata(&path).unwrap();
        let mut memory = File::open("/proc/self/mem").unwrap();
        packer.read(
            Path::new("/proc/self/mem"),
            b"media".to_vec(),
            &mut memory,
            &seen,
        )
    });
    match of_files(failed.unwrap_err()) {
        FilesError::Unreadable { path, .. } => assert_eq!(path, Path::new("/proc/self/mem")),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_store_does_not_go_into_itself() {
    let (folder, _) = place(b"x");
    fs::create_dir(folder.path().join("backups")).unwrap();
    fs::write(folder.path().join("backups/old.tar"), b"xxx").unwrap();
    let store = fs::metadata(folder.path().join("backups")).unwrap();
    let eyes = Eyes {
        store: Some((
            std::os::unix::fs::MetadataExt::dev(&store),
            std::os::unix::fs::MetadataExt::ino(&store),
        )),
        ..eyes()
    };
    let root = root(folder.path());
    let (sidecar, notes) = packed(eyes, move |packer| packer.walk(&root)).unwrap();
    assert_eq!(
        (sidecar.files, sidecar.folders, sidecar.left_out),
        (1, 1, 1)
    );
    assert!(
        notes[0].ends_with("backups: the store is left out"),
        "{notes:?}"
    );
}

#[test]
fn a_signal_ends_the_reading() {
    let (folder, _) = place(b"x");
    let eyes = eyes();
    eyes.cancel.cancel();
    let root = root(folder.path());
    let failed = packed(eyes, move |packer| packer.walk(&root));
    assert!(matches!(failed, Err(OperationError::Cancelled)));
}

#[test]
fn paths_get_names_of_their_own_and_none_is_taken_twice() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["a/media", "b/media", "a/media/x", "b/q"] {
        fs::create_dir_all(folder.path().join(name)).unwrap();
    }
    symlink("a/media", folder.path().join("uploads")).unwrap();
    let paths =
        ["a/media", "b/media", "a/./media", "uploads", "b/q/.."].map(|at| folder.path().join(at));
    let found = roots(&paths).unwrap();
    let names: Vec<&str> = found.iter().map(|root| root.name.as_str()).collect();
    assert_eq!(names, ["media", "media-2", "b"]);
    let missing = folder.path().join("no/such");
    assert!(matches!(
        there(&[paths[0].clone(), missing.clone()]),
        Err(FilesError::Missing { path, .. }) if path == missing
    ));
    assert!(matches!(
        there(&[PathBuf::from("/dev/null")]),
        Err(FilesError::Special { .. })
    ));
}
