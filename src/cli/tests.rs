//! What people read from the command line itself: help, usage errors.

use std::ffi::OsString;

use clap::CommandFactory;
use clap::Parser;

use super::program::CommandLine;
use super::screen::plain;
use super::usage;

fn help(command: &str) -> String {
    let mut line = CommandLine::command().term_width(100);
    line.build();
    let found = line
        .find_subcommand_mut(command)
        .expect("a command of that name");
    found.render_help().to_string()
}

/// What stderr says about a command line that cannot be understood.
fn refusal(arguments: &[&str]) -> String {
    let arguments = std::iter::once("bookend").chain(arguments.iter().copied());
    let error = CommandLine::try_parse_from(arguments).expect_err("a refusal");
    let outcome = usage::outcome(&error);
    assert_eq!(outcome.exit().code(), 2);
    plain(&outcome.failure.expect("a failure"))
}

#[test]
fn help_of_the_program() {
    let mut line = CommandLine::command().term_width(100);
    insta::assert_snapshot!(line.render_help().to_string(), @r#"
    Brackets a database migration with backups that are proven to restore

    Usage: bookend [OPTIONS] <COMMAND>

    Commands:
      run       Bracket a migration: back up, prove, rehearse, migrate, back up again, compare
      rehearse  Try a migration on a proven copy; the target is only read
      status    What ran, what is running, what a crash left behind
      resume    Finish an interrupted run
      abort     Undo what an interrupted run left behind
      rollback  Put the before-backup back, keep the failed database
      report    Show a run: text, html, json, junit, md
      bundle    Put a run into one file: archives, migration, logs, journal, report
      backup    Take a backup of a database
      verify    Check an archive or a bundle; --prove restores an archive and compares
      list      List what the store holds
      show      Show what an archive holds
      restore   Restore an archive into a new database
      stage     Back a database up and restore it into a staging database
      copies    List or drop the databases that bookend made
      diff      Compare two archives, two databases, or one of each
      doctor    Say what is missing, and how to fix it
      help      Print this message or the help of the given subcommand(s)

    Options:
      -h, --help     Print help (see more with '--help')
      -V, --version  Print version

    Options for all commands:
          --config <FILE>            Read this file instead of bookend.toml in the current directory
          --store <DIR>              Keep archives here [default: the configuration's, else "backups"]
          --json                     Print exactly one JSON document on stdout, whatever happens
      -q, --quiet                    Print results and errors only
      -v, --verbose                  Print what is found and chosen on the way
          --color <WHEN>             When to use colours [default: auto] [possible values: auto, always,
                                     never]
          --progress <HOW>           How to show progress on stderr [default: auto] [possible values:
                                     auto, bar, plain, json, off]
          --jobs <N>                 Work with so many connections at once [default: the number of
                                     cores, 8 at most]
          --tool-dir <DIR>           Look for the vendors' tools here before PATH; repeat for several
          --lock-timeout <DURATION>  Wait so long for a lock that another session holds [default: 60s]

    TARGET is a URL (postgres://…), env:NAME (the URL is in that variable), or a name from bookend.toml;
    with none given: the only target in bookend.toml, else DATABASE_URL, else MONGODB_URI.
    ARCHIVE is a path, a name or a unique prefix of one in the store, latest, or latest:TARGET.

    Exit codes: 0 done · 1 failed · 2 wrong command line or configuration · 3 content differs or the
    archive is damaged · 4 refused for safety · 5 the migration failed · 6 a tool is missing or too old
    · 7 cannot connect, or not allowed · 130, 143 interrupted
    "#);
}

#[test]
fn help_of_backup() {
    insta::assert_snapshot!(help("backup"), @r#"
    Take a backup of a database

    Usage: bookend backup [OPTIONS] [TARGET]

    Arguments:
      [TARGET]  The database: a URL, env:NAME, or a name from bookend.toml

    Options:
          --tag <WORD>              A word that goes into the archive's name
          --prove                   Restore the archive into a disposable database, compare all content,
                                    and drop it again
          --prove-on <WHERE>        Where the copy for --prove goes: a TARGET, same-server, or sandbox
                                    (a server of its own)
          --compress <METHOD>       How to compress: zstd[:1-19], gzip[:1-9] or none [default: zstd:1]
          --schema-only             Definitions only, no rows (PostgreSQL)
          --exclude-data <PATTERN>  Leave the rows of matching tables, or the documents of matching
                                    collections, out (a glob on names as they are printed); repeat
          --files <PATH>            A file or folder that travels with the archive and is restored
                                    beside the database; added to the target's `files` in bookend.toml.
                                    It is no part of `consistent`; repeat
          --consistent              One point in time although others write (replica sets of MongoDB)
      -h, --help                    Print help (see more with '--help')

    Options for all commands:
          --config <FILE>            Read this file instead of bookend.toml in the current directory
          --store <DIR>              Keep archives here [default: the configuration's, else "backups"]
          --json                     Print exactly one JSON document on stdout, whatever happens
      -q, --quiet                    Print results and errors only
      -v, --verbose                  Print what is found and chosen on the way
          --color <WHEN>             When to use colours [default: auto] [possible values: auto, always,
                                     never]
          --progress <HOW>           How to show progress on stderr [default: auto] [possible values:
                                     auto, bar, plain, json, off]
          --jobs <N>                 Work with so many connections at once [default: the number of
                                     cores, 8 at most]
          --tool-dir <DIR>           Look for the vendors' tools here before PATH; repeat for several
          --lock-timeout <DURATION>  Wait so long for a lock that another session holds [default: 60s]

    Examples:
      bookend backup postgres://app@db.example/shop
      bookend backup mongodb://app@db.example/shop --consistent
      bookend backup env:SHOP_URL --tag nightly --prove
      bookend backup shop --files media --files uploads
      bookend backup shop --exclude-data 'public.events_*' --compress zstd:6
    "#);
}

#[test]
fn help_of_restore() {
    insta::assert_snapshot!(help("restore"), @r#"
    Restore an archive into a new database

    Usage: bookend restore [OPTIONS] --into <URL|DATABASE> <ARCHIVE>
           bookend restore [OPTIONS] --only-files <ARCHIVE>

    Arguments:
      <ARCHIVE>  A path, a name or a unique prefix of one in the store, latest, or latest:TARGET

    Options:
          --into <URL|DATABASE>  The new database: a name on the archive's own server (or --on's), or a
                                 URL
          --on <TARGET>          The server, as a TARGET
          --no-owner             All objects belong to the connecting role (PostgreSQL)
          --no-privileges        No grants (PostgreSQL)
          --role-map <OLD=NEW>   Give to role NEW what is OLD's: owners, grants, default privileges,
                                 policies, settings (PostgreSQL); repeat
          --only <PATTERN>       Only the tables, views and sequences, or collections, that match (a
                                 glob on names as they are printed: public.orders, 'public.*'), with
                                 what they need to exist; repeat
          --schema-only          Definitions only, no rows (PostgreSQL)
          --files-into <DIR>     The new folder for the files that travel with the archive [default:
                                 DATABASE.files in the working folder]
          --no-files             Leave the files in the archive
          --only-files           Only the files, no database [default of --files-into: ARCHIVE.files]
          --no-proof <REASON>    Publish the database without comparing it, for this reason
      -h, --help                 Print help (see more with '--help')

    Options for all commands:
          --config <FILE>            Read this file instead of bookend.toml in the current directory
          --store <DIR>              Keep archives here [default: the configuration's, else "backups"]
          --json                     Print exactly one JSON document on stdout, whatever happens
      -q, --quiet                    Print results and errors only
      -v, --verbose                  Print what is found and chosen on the way
          --color <WHEN>             When to use colours [default: auto] [possible values: auto, always,
                                     never]
          --progress <HOW>           How to show progress on stderr [default: auto] [possible values:
                                     auto, bar, plain, json, off]
          --jobs <N>                 Work with so many connections at once [default: the number of
                                     cores, 8 at most]
          --tool-dir <DIR>           Look for the vendors' tools here before PATH; repeat for several
          --lock-timeout <DURATION>  Wait so long for a lock that another session holds [default: 60s]

    Examples:
      bookend restore latest:shop --into shop_yesterday
      bookend restore shop-20261120T043512Z --into postgres://postgres@spare.example/shop
      bookend restore ./shop.tar --into shop_copy --on spare --no-owner --no-privileges
      bookend restore latest:shop --into shop_copy --files-into /srv/shop_copy
      bookend restore latest:shop --only-files                    (no server, only what travels along)
      bookend restore latest:shop --into shop_orders --only 'public.order*'
      bookend restore latest:shop --into shop_dev --role-map app=dev --role-map admin=dev

    There is no flag to overwrite: a name that is taken is refused (exit 4) and a free one suggested.
    "#);
}

#[test]
fn help_of_report_and_bundle() {
    let own = |command: &str| {
        let help = help(command);
        let end = help
            .find("\nOptions for all commands")
            .unwrap_or(help.len());
        help[..end].to_owned()
    };
    insta::assert_snapshot!(own("report"), @r"
    Show a run: text, html, json, junit, md

    Usage: bookend report [OPTIONS] [RUN]

    Arguments:
      [RUN]  The run: its id, a unique prefix, or latest

    Options:
          --format <FORM>  The form [default: as FILE's name ends, else text] [possible values: text,
                           html, json, junit, md]
      -o, --output <FILE>  Write it to this file; one that is there is replaced
      -h, --help           Print help (see more with '--help')
    ");
    insta::assert_snapshot!(own("bundle"), @r"
    Put a run into one file: archives, migration, logs, journal, report

    Usage: bookend bundle [OPTIONS] [RUN]

    Arguments:
      [RUN]  The run: its id, a unique prefix, or latest

    Options:
      -o, --output <FILE>           Write it to this file [default: RUN.bundle.tar in the store]
          --migration-files <PATH>  Files and folders of the migration, beside those that the run was
                                    given; repeat
      -h, --help                    Print help (see more with '--help')
    ");
}

#[test]
fn mistakes_on_the_command_line_are_told_like_every_error() {
    insta::assert_snapshot!(refusal(&["bakcup"]), @r"
    error: unrecognized subcommand 'bakcup'
    hint: a similar subcommand exists: 'backup'
    ");
    insta::assert_snapshot!(refusal(&["verify", "latest", "--prov"]), @r"
    error: unexpected argument '--prov' found
    hint: a similar argument exists: '--prove'
    ");
    insta::assert_snapshot!(refusal(&["restore", "latest"]), @r"
    error: the following required arguments were not provided:
        --into <URL|DATABASE>
    hint: usage: bookend restore [OPTIONS] --into <URL|DATABASE> <ARCHIVE>
             bookend restore [OPTIONS] --only-files <ARCHIVE>
    ");
    insta::assert_snapshot!(refusal(&["backup", "--compress", "lz4"]), @r#"
    error: invalid value 'lz4' for '--compress <METHOD>': "lz4" is not a compression: zstd[:1-19], gzip[:1-9] or none
    hint: bookend --help
    "#);
    insta::assert_snapshot!(refusal(&["verify", "latest", "--prove", "--prove-on", ""]), @r"
    error: invalid value '' for '--prove-on <WHERE>': name a TARGET, same-server, or sandbox
    hint: bookend --help
    ");
    insta::assert_snapshot!(refusal(&["backup", "--lock-timeout", "soon"]), @r"
    error: invalid value 'soon' for '--lock-timeout <DURATION>': a duration looks like 30s, 5m, 1h30m, 250ms or 7d
    hint: bookend --help
    ");
    insta::assert_snapshot!(refusal(&["backup", "-q", "-v"]), @r"
    error: the argument '--quiet' cannot be used with '--verbose'
    hint: usage: bookend backup --quiet [TARGET]
    ");
    insta::assert_snapshot!(refusal(&[]), @r"
    error: no command was given
    hint: bookend --help
    ");
}

#[test]
fn a_password_typed_in_the_wrong_place_is_not_repeated() {
    let text = refusal(&["postgres://ada:c4nary@db/shop"]);
    assert!(text.contains("postgres://ada:***@db/shop"), "{text}");
    let text = refusal(&["backup", "shop", "postgres://ada:c4nary@db/shop"]);
    assert!(!text.contains("c4nary"), "{text}");
}

#[test]
fn every_option_says_what_it_does() {
    let mut line = CommandLine::command();
    line.build();
    for command in line
        .get_subcommands()
        .filter(|command| command.get_name() != "help")
    {
        assert!(command.get_about().is_some(), "{}", command.get_name());
        for argument in command.get_arguments() {
            assert!(
                argument.get_help().is_some(),
                "{} {}",
                command.get_name(),
                argument.get_id()
            );
        }
    }
}

#[test]
fn json_is_looked_for_among_our_own_arguments_only() {
    let wants = |arguments: &[&str]| {
        let arguments: Vec<OsString> = arguments.iter().map(OsString::from).collect();
        usage::wants_json(&arguments)
    };
    assert!(wants(&["bookend", "backup", "--json", "--bad"]));
    assert!(!wants(&["bookend", "run", "--", "tool", "--json"]));
    assert!(!wants(&["--json"]));
}

/// What docs/commands.md says under the heading of a command.
fn section<'a>(page: &'a str, command: &str) -> &'a str {
    let begin = page
        .find(&format!("\n## {command}\n"))
        .unwrap_or_else(|| panic!("no heading for {command}"));
    let rest = &page[begin + 1..];
    rest.find("\n## ").map_or(rest, |end| &rest[..end])
}

#[test]
fn every_command_and_option_stands_in_the_documentation() {
    let page = include_str!("../../docs/commands.md");
    let mut line = CommandLine::command();
    line.build();
    let global: Vec<String> = line
        .get_arguments()
        .filter_map(|a| a.get_long())
        .map(str::to_owned)
        .collect();
    for name in global
        .iter()
        .filter(|name| !matches!(name.as_str(), "help" | "version"))
    {
        assert!(page.contains(&format!("`--{name}")), "--{name}");
    }
    for command in line
        .get_subcommands()
        .filter(|command| command.get_name() != "help")
    {
        let section = section(page, command.get_name());
        let own = std::iter::once(command).chain(command.get_subcommands());
        for argument in own.flat_map(clap::Command::get_arguments) {
            let Some(long) = argument.get_long() else {
                continue;
            };
            if !global.iter().any(|name| name == long) {
                assert!(
                    section.contains(&format!("--{long}")),
                    "{} --{long}",
                    command.get_name()
                );
            }
        }
    }
}
