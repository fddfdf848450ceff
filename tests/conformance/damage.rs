//! Damaged archives: exit code 3 wherever one is met, and nothing is made of them.

use std::path::Path;

use crate::harness::{Harness, Shop};

pub fn a_flipped_bit_is_exit_3_everywhere(harness: &dyn Harness) {
    let shop = Shop::of(harness);
    let path = shop.path(&shop.backed_up(&[]));
    let whole = std::fs::read(&path).unwrap();
    let frame = whole
        .windows(4)
        .position(|window| window == [0x28, 0xb5, 0x2f, 0xfd]);
    let frame = frame.expect("a compressed chunk");
    for at in [700, frame + 20, whole.len() / 2, whole.len() - 1100] {
        let mut flipped = whole.clone();
        flipped[at] ^= 1;
        std::fs::write(&path, &flipped).unwrap();
        is_damaged(harness, &shop, &path);
    }
    std::fs::write(&path, &whole).unwrap();
    let name = path.to_str().unwrap();
    let _ = shop
        .bookend
        .succeed(&["verify", name, "--prove", "--prove-on", &shop.url()]);
}

pub fn a_cut_archive_is_exit_3_everywhere(harness: &dyn Harness) {
    let shop = Shop::of(harness);
    let path = shop.path(&shop.backed_up(&[]));
    let whole = std::fs::read(&path).unwrap();
    for length in [100, 600, whole.len() / 2, whole.len() - 1] {
        std::fs::write(&path, &whole[..length]).unwrap();
        is_damaged(harness, &shop, &path);
    }
    // Nothing of it is left: it could be anything.
    std::fs::write(&path, "").unwrap();
    let name = path.to_str().unwrap();
    let refused = shop.bookend.run(&["--json", "verify", name]);
    let refused = refused.expect_code(2);
    assert_eq!(
        refused.json()["error"]["code"],
        "not-an-archive",
        "{refused}"
    );
}

fn is_damaged(harness: &dyn Harness, shop: &Shop<'_>, path: &Path) {
    let (name, url, into) = (path.to_str().unwrap(), shop.url(), shop.beside("restored"));
    let verified = shop.bookend.run(&["--json", "verify", name]).expect_code(3);
    assert_eq!(verified.json()["verdict"], "damaged", "{verified}");
    let proved = ["--json", "verify", name, "--prove", "--prove-on", &url];
    let proved = shop.bookend.run(&proved).expect_code(3);
    assert_eq!(proved.json()["verdict"], "damaged", "{proved}");
    let restored = shop
        .bookend
        .run(&["restore", name, "--into", &into, "--on", &url]);
    // What lies beside the data does not keep a restore from being the same.
    if restored.code == Some(0) {
        assert!(restored.stdout.contains("identical"), "{restored}");
        harness.drop(&into);
    } else {
        assert_eq!(restored.code, Some(3), "{restored}");
        assert!(!harness.exists(&into), "{restored}");
    }
}
