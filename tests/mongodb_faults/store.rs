//! No room here.

use super::common::{Deployment, Mongo};
use super::scene::{bookend, copies, drop_all, expect, fill, is_tidy, with_small_files};

#[test]
fn a_store_without_room_leaves_nothing_behind() {
    let server = Mongo::shared(Deployment::ReplicaSet);
    fill(server, "full", "filled", 4000);
    let url = server.url("full");
    let bookend = bookend();
    for more in [
        vec!["--compress", "none"],
        vec!["--compress", "none", "--consistent"],
        vec!["--compress", "none", "--prove"],
    ] {
        let arguments = [vec!["--json", "backup", &url], more].concat();
        let output = with_small_files(&bookend, &arguments);
        expect(&output, 1, "archive-io", &["--store", "too large"]);
        assert!(bookend.archives().is_empty());
        is_tidy(&bookend);
    }
    assert!(copies(server, "full").is_empty());
    drop_all(server, &["full"]);
}
