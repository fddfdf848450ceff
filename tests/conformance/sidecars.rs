//! Files that travel with an archive.

use std::os::unix::fs::symlink;

use crate::harness::{CUSTOMERS, Harness, Shop, keys};

pub fn files_travel_along_and_come_back_beside_the_database(harness: &dyn Harness) {
    let shop = Shop::of(harness);
    let media = shop.bookend.work().join("media");
    std::fs::create_dir_all(media.join("deep")).unwrap();
    std::fs::write(media.join("deep/a"), "a file").unwrap();
    symlink("deep/a", media.join("link")).unwrap();
    let taken = shop.backed_up(&["--files", "media"]);
    keys(&taken["files"][0], &["path", "name", "files", "bytes"]);
    assert_eq!(taken["files"][0]["files"], 1);
    let checked = shop.bookend.succeed(&["--json", "verify", "latest"]).json();
    assert_eq!(checked["verdict"], "intact");
    let (url, into) = (shop.url(), shop.beside("restored"));
    let words = ["--json", "restore", "latest", "--into", &into, "--on", &url];
    let restored = shop.bookend.succeed(&words).json();
    assert_eq!(restored["verdict"], "identical");
    keys(&restored["files"], &["folder", "files", "bytes"]);
    assert_eq!(harness.count(&into, "customers"), CUSTOMERS);
    let out = shop.bookend.work().join(format!("{into}.files/media"));
    assert_eq!(std::fs::read(out.join("deep/a")).unwrap(), b"a file");
    assert_eq!(
        std::fs::read_link(out.join("link")).unwrap().to_str(),
        Some("deep/a")
    );
    let proven = ["--json", "verify", "latest", "--prove", "--prove-on", &url];
    let proven = shop.bookend.succeed(&proven).json();
    let not_compared = proven["not_compared"].as_array().unwrap();
    assert!(not_compared.contains(&"files".into()), "{proven}");
    shop.is_tidy();
}
