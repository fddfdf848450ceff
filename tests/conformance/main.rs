//! What every engine does the same: one suite of cases through the real program, each run on
//! every engine. What differs between engines is behind [`harness::Harness`], and no case asks
//! which one it has.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test may panic"
)]

#[path = "../common/mod.rs"]
mod common;

mod archives;
mod brackets;
mod copies;
mod damage;
mod harness;
mod mongodb;
mod postgresql;
mod proofs;
mod sidecars;
mod staging;
mod stock;

/// Each case as a test of each engine.
macro_rules! conformance {
    ($($case:ident: $function:path;)+) => {
        mod on_postgresql {
            $(#[test] fn $case() { $function(&crate::postgresql::Postgresql); })+
        }
        mod on_mongodb {
            $(#[test] fn $case() { $function(&crate::mongodb::Mongodb); })+
        }
    };
}

conformance! {
    a_backup_is_listed_shown_and_verified: crate::archives::a_backup_is_listed_shown_and_verified;
    a_target_that_is_not_there_makes_no_archive: crate::archives::a_target_that_is_not_there_makes_no_archive;
    what_cannot_be_asked_for_is_refused: crate::archives::what_cannot_be_asked_for_is_refused;
    an_interrupted_backup_leaves_no_archive: crate::archives::an_interrupted_backup_leaves_no_archive;
    rows_can_be_left_out: crate::archives::rows_can_be_left_out;
    two_archives_are_the_same_or_differ: crate::archives::two_archives_are_the_same_or_differ;
    a_proof_is_kept_and_leaves_no_copy: crate::proofs::a_proof_is_kept_and_leaves_no_copy;
    every_change_of_a_copy_is_found: crate::proofs::every_change_of_a_copy_is_found;
    a_restore_makes_a_new_database_that_is_the_same: crate::copies::a_restore_makes_a_new_database_that_is_the_same;
    a_taken_name_is_refused_and_nothing_is_touched: crate::copies::a_taken_name_is_refused_and_nothing_is_touched;
    a_restore_without_proof_says_so: crate::copies::a_restore_without_proof_says_so;
    an_interrupted_restore_leaves_no_copy: crate::copies::an_interrupted_restore_leaves_no_copy;
    a_part_can_be_restored_and_proven: crate::copies::a_part_can_be_restored_and_proven;
    a_staging_database_lives_until_it_is_dropped_or_expires: crate::staging::a_staging_database_lives_until_it_is_dropped_or_expires;
    a_flipped_bit_is_exit_3_everywhere: crate::damage::a_flipped_bit_is_exit_3_everywhere;
    a_cut_archive_is_exit_3_everywhere: crate::damage::a_cut_archive_is_exit_3_everywhere;
    a_migration_is_bracketed: crate::brackets::a_migration_is_bracketed;
    a_migration_that_fails_is_exit_5: crate::brackets::a_migration_that_fails_is_exit_5;
    the_command_gets_the_database: crate::brackets::the_command_gets_the_database;
    files_travel_along_and_come_back_beside_the_database: crate::sidecars::files_travel_along_and_come_back_beside_the_database;
    restore_sh_needs_no_bookend: crate::stock::restore_sh_needs_no_bookend;
}

/// What a migration that is run as COMMAND does, where the engine has no tool for it.
#[test]
#[ignore = "a program, not a test"]
fn migration_program() {
    mongodb::migrate();
}
