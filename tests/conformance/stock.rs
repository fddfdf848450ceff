//! `restore.sh` with the vendor's tools, a shell, and nothing else.

use std::os::unix::fs::symlink;
use std::path::Path;

use crate::common::Bookend;
use crate::harness::{CUSTOMERS, Harness, ORDERS, Shop};

const SHELL: [&str; 16] = [
    "sh", "sed", "sort", "ls", "cat", "mktemp", "rm", "dirname", "zstd", "find", "awk", "grep",
    "tr", "cut", "head", "basename",
];

pub fn restore_sh_needs_no_bookend(harness: &dyn Harness) {
    let shop = Shop::of(harness);
    let path = shop.path(&shop.backed_up(&[]));
    let unpacked = shop.bookend.work().join("unpacked");
    let bin = unpacked.join("bin");
    std::fs::create_dir_all(&bin).unwrap();
    let archive = std::fs::File::open(&path).unwrap();
    tar::Archive::new(archive).unpack(&unpacked).unwrap();
    for tool in SHELL {
        let places = ["/usr/bin", "/bin"].map(|folder| Path::new(folder).join(tool));
        let found = places.iter().find(|path| path.exists());
        if let Some(found) = found {
            symlink(found, bin.join(tool)).unwrap();
        }
    }
    let (tools, environment) = harness.stock();
    for tool in tools {
        symlink(&tool, bin.join(tool.file_name().unwrap())).unwrap();
    }
    let mut without = Bookend::new().path(&[bin]);
    for (name, value) in environment {
        without = without.env(name, value);
    }
    let into = shop.beside("restored");
    let mut script = std::process::Command::new("/bin/sh");
    script.arg(unpacked.join("restore.sh")).arg(&into);
    let ended = without.spawn_command(script).wait().expect_code(0);
    assert!(ended.stdout.contains("done"), "{ended}");
    assert_eq!(harness.count(&into, "customers"), CUSTOMERS);
    assert_eq!(harness.count(&into, "orders"), ORDERS);
    let readme = std::fs::read_to_string(unpacked.join("RESTORE.md")).unwrap();
    assert!(readme.contains("restore.sh"), "{readme}");
    // The copy is the same as the original, whoever restored it.
    let taken = shop
        .bookend
        .succeed(&["--json", "backup", &harness.url(&into)])
        .json();
    let first = shop.bookend.archives()[0].to_str().unwrap().to_owned();
    let second = shop.path(&taken).to_str().unwrap().to_owned();
    let same = shop.bookend.run(&["--json", "diff", &first, &second]);
    assert_eq!(same.json()["same"], true, "{same}");
}
