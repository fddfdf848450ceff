//! Where no template can be kept, which is said before anything is done.

use super::common::{Bookend, Deployment, Mongo};
use super::{IDLE, Scene, server, shop};

#[test]
fn a_sandbox_ends_with_the_command_so_no_template_is_kept_in_it() {
    let scene = Scene::new();
    let words = [
        "rehearse",
        "--json",
        &scene.archive,
        "--template",
        "--",
        "true",
    ];
    let refused = scene.bookend.run(&words).expect_code(2).json();
    let error = refused["error"].to_string();
    assert!(
        error.contains("--template is not possible in a sandbox"),
        "{error}"
    );
    assert!(error.contains("--prove-on TARGET"), "{error}");
    assert!(scene.status()["run"].is_null());
}

#[test]
fn without_a_proof_or_a_rehearsal_there_is_nothing_to_keep_a_template_for() {
    let shop = shop(server());
    let bookend = Bookend::new();
    let url = shop.url();
    for flag in ["--no-proof", "--no-rehearsal"] {
        let mut words = vec![
            "run",
            "--json",
            &url,
            "--template",
            flag,
            "tried before",
            "--",
        ];
        words.extend(IDLE);
        let _ = bookend.run(&words).expect_code(2);
    }
    assert!(bookend.archives().is_empty());
}

#[test]
fn mongodb_clones_nothing_and_says_why() {
    let bookend = Bookend::new();
    let url = Mongo::shared(Deployment::Standalone).url("no_such_database");
    for command in ["run", "rehearse"] {
        let words = [command, "--json", &url, "--template", "--", "true"];
        let refused = bookend.run(&words).expect_code(2).json();
        let error = refused["error"].to_string();
        assert!(error.contains("MongoDB cannot clone a database"), "{error}");
    }
    assert!(bookend.archives().is_empty());
}
