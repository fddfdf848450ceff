//! Finding tools.

use std::time::Duration;

use super::{Scripts, alive, until};
use crate::process::{ProcessError, ToolBox, Version};

#[test]
fn versions_are_read_from_what_tools_say() {
    let read = |tool: &str, text: &str| {
        Version::parse(tool, text).map(|version| (version.text, version.major, version.minor))
    };
    let found = |text: &str, major, minor| Some((text.to_owned(), major, minor));
    assert_eq!(
        read(
            "pg_dump",
            "pg_dump (PostgreSQL) 15.20 (Debian 15.20-0+deb12u1)\n"
        ),
        found("15.20", 15, 20)
    );
    assert_eq!(
        read("psql", "psql (PostgreSQL) 18beta1"),
        found("18beta1", 18, 0)
    );
    assert_eq!(
        read("psql", "psql (PostgreSQL) 9.6.24"),
        found("9.6.24", 9, 6)
    );
    assert_eq!(
        read("mongodump", "mongodump version: 100.7.0\ngit version: 1\n"),
        found("100.7.0", 100, 7)
    );
    for garbage in [
        "",
        "\n",
        "pg_dump",
        "pg_dump: command not found",
        "pg_dump 99999999999.1",
        "16.14",
    ] {
        assert_eq!(read("pg_dump", garbage), None, "{garbage:?}");
    }
}

#[tokio::test]
async fn a_missing_tool_is_named_with_where_it_was_looked_for() {
    let scripts = Scripts::new();
    match scripts.tool_box().find("pg_dumpling", Some(16)).await {
        Err(ProcessError::Missing {
            tool,
            needed,
            searched,
        }) => {
            assert_eq!((tool.as_str(), needed), ("pg_dumpling", Some(16)));
            assert_eq!(searched[0], scripts.folder());
            assert_eq!(searched[1], scripts.folder().join("bin"));
            assert!(searched.contains(&"/usr/bin".into()));
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_tool_that_is_too_old_is_passed_over_for_one_that_is_not() {
    let (old, newer) = (Scripts::new(), Scripts::new());
    old.write("fake_dump", "echo 'fake_dump (PostgreSQL) 15.20'");
    newer.write("fake_dump", "echo 'fake_dump (PostgreSQL) 16.2'");
    let dirs = vec![old.folder().to_owned(), newer.folder().to_owned()];
    let tools = ToolBox::with_environment(dirs, [("PATH".into(), "/usr/bin:/bin".into())]);
    let major = async |needed| {
        tools
            .find("fake_dump", needed)
            .await
            .map(|t| t.version.major)
    };
    assert_eq!(major(None).await.unwrap(), 15);
    assert_eq!(major(Some(15)).await.unwrap(), 15);
    assert_eq!(major(Some(16)).await.unwrap(), 16);
    let error = major(Some(17)).await.unwrap_err();
    match &error {
        ProcessError::TooOld {
            found,
            needed,
            path,
            ..
        } => {
            assert_eq!((found.as_str(), *needed), ("16.2", 17));
            assert!(path.starts_with(newer.folder()));
        }
        other => panic!("{other:?}"),
    }
    assert!(
        error
            .to_string()
            .contains("is too old: version 17 or newer is needed")
    );
}

#[tokio::test]
async fn the_version_is_asked_once() {
    let scripts = Scripts::new();
    let asked = scripts.folder().join("asked");
    scripts.write(
        "fake_dump",
        &format!(
            "echo x >> {}; echo 'fake_dump (PostgreSQL) 16.1'",
            asked.display()
        ),
    );
    let tools = scripts.tool_box();
    for _ in 0..3 {
        tools.clone().find("fake_dump", Some(16)).await.unwrap();
    }
    assert_eq!(std::fs::read_to_string(asked).unwrap(), "x\n");
}

#[tokio::test]
async fn garbage_for_a_version_makes_a_tool_unusable() {
    let problem = async |script: &str| {
        let scripts = Scripts::new();
        scripts.write("fake_dump", script);
        match scripts.tool_box().find("fake_dump", None).await {
            Err(ProcessError::Unusable { problem, path, .. }) => {
                assert!(path.starts_with(scripts.folder()));
                problem
            }
            other => panic!("{other:?}"),
        }
    };
    let said = problem("echo \"sh: i'm a teapot\"; echo more").await;
    assert_eq!(said, "asked for its version it says \"sh: i'm a teapot\"");
    let silent = problem("exit 0").await;
    assert_eq!(silent, "asked for its version it says \"\"");
    let endless =
        problem("while echo 'fake_dump 16 16 16 16 16 16 16 16 16 16 16'; do :; done").await;
    assert!(endless.contains("more than 65536 bytes"), "{endless}");
    let failed = problem("echo 'libpq.so.5: not found' >&2; exit 127").await;
    assert_eq!(
        failed,
        "fake_dump ended with exit code 127: libpq.so.5: not found"
    );
    let binary = problem("head -c 3000 /dev/urandom").await;
    assert!(binary.len() < 1000, "{binary}");
}

#[tokio::test]
async fn an_unusable_tool_is_passed_over_for_a_good_one() {
    let (bad, good) = (Scripts::new(), Scripts::new());
    bad.write("fake_dump", "exit 1");
    std::fs::create_dir(good.folder().join("bin")).unwrap();
    let script = good.write("fake_dump", "echo 'fake_dump (PostgreSQL) 16.1'");
    std::fs::rename(&script, good.folder().join("bin/fake_dump")).unwrap();
    let dirs = vec![bad.folder().to_owned(), good.folder().to_owned()];
    let tools = ToolBox::with_environment(dirs, []);
    let tool = tools.find("fake_dump", Some(16)).await.unwrap();
    assert_eq!(tool.path, good.folder().join("bin/fake_dump"));
    assert_eq!(tool.title(), "fake_dump 16.1");
}

#[tokio::test]
async fn what_is_not_executable_is_not_a_tool() {
    let scripts = Scripts::new();
    std::fs::write(scripts.folder().join("fake_dump"), "#!/bin/sh\n").unwrap();
    std::fs::create_dir(scripts.folder().join("bin")).unwrap();
    std::fs::create_dir(scripts.folder().join("bin/fake_dump")).unwrap();
    let found = scripts.tool_box().find("fake_dump", None).await;
    assert!(
        matches!(found, Err(ProcessError::Missing { .. })),
        "{found:?}"
    );
}

#[test]
fn a_relative_folder_in_the_path_is_not_looked_into() {
    let tools = ToolBox::with_environment(vec![], [("PATH".into(), ".:bin::/usr/bin".into())]);
    assert!(tools.searched().iter().all(|dir| dir.is_absolute()));
}

#[tokio::test]
async fn a_tool_that_never_says_its_version_is_given_up_and_ended() {
    let scripts = Scripts::new();
    let pid = scripts.folder().join("pid");
    scripts.write(
        "fake_dump",
        &format!("echo $$ > {}; exec sleep 600", pid.display()),
    );
    let mut tools = scripts.tool_box();
    tools.version_within = Duration::from_secs(2);
    match tools.find("fake_dump", None).await {
        Err(ProcessError::Unusable { problem, .. }) => {
            assert_eq!(problem, "it did not say its version within 2 s");
        }
        other => panic!("{other:?}"),
    }
    let pid = std::fs::read_to_string(&pid).unwrap();
    until("it ended", || !alive(&pid)).await;
}
