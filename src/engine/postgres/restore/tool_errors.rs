//! Reading pg_restore's complaints: which are known to be harmless, which fail the restore.

use crate::engine::postgres::redaction::redacted;

/// One error of pg_restore with the statement it belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Complaint {
    /// The server's message.
    pub message: String,
    /// First line of the statement; empty if pg_restore gave none.
    pub statement: String,
}

/// Splits pg_restore's stderr into its errors.
///
/// `pg_backup_archiver.c` (`warn_or_exit_horribly`) and `pg_backup_db.c` write
/// `pg_restore: error: could not execute query: ERROR:  …`, the server's detail lines, then
/// `Command was: …`; before them `pg_restore: from TOC entry …;` or `while PROCESSING TOC`.
pub(super) fn complaints(stderr: &str) -> Vec<Complaint> {
    let mut found: Vec<Complaint> = Vec::new();
    for line in stderr.lines() {
        if let Some(rest) = line.strip_prefix("pg_restore: error: ") {
            let message = rest
                .strip_prefix("could not execute query: ")
                .unwrap_or(rest);
            found.push(Complaint {
                message: message.trim_start_matches("ERROR:").trim().to_owned(),
                statement: String::new(),
            });
        } else if let Some(statement) = line.strip_prefix("Command was: ")
            && let Some(last) = found.last_mut()
        {
            statement.clone_into(&mut last.statement);
        }
    }
    found
}

/// In words why a complaint does no harm; `None` if it does.
///
/// The list is short and stated in docs/restore.md:
/// * pg_restore 17 and newer set `transaction_timeout`, which older servers do not have.
pub(super) fn harmless(complaint: &Complaint) -> Option<String> {
    (complaint.message == "unrecognized configuration parameter \"transaction_timeout\"").then(
        || {
            "pg_restore set transaction_timeout, which this server does not have: harmless"
                .to_owned()
        },
    )
}

/// What a failed restore says: each error with its statement.
pub(super) fn reasons(complaints: &[Complaint]) -> Vec<String> {
    complaints
        .iter()
        .map(|c| {
            let message = redacted(&c.message);
            if c.statement.is_empty() {
                message
            } else {
                format!("{message} (in: {})", redacted(&c.statement))
            }
        })
        .collect()
}

/// What a person can do about the first error that bookend knows a remedy for.
pub(super) fn advice(complaints: &[Complaint]) -> Option<String> {
    let missing_name = complaints
        .iter()
        .any(|c| c.message.contains("does not exist") && is_expression(&c.statement));
    missing_name.then(|| {
        "a function finds its tables by search_path, which is empty during a restore: give it a \
         fixed one in the source, ALTER FUNCTION … SET search_path = schema, pg_temp"
            .to_owned()
    })
}

fn is_expression(statement: &str) -> bool {
    [
        "REFRESH MATERIALIZED VIEW",
        "CREATE INDEX",
        "CREATE UNIQUE INDEX",
        "ALTER TABLE",
    ]
    .iter()
    .any(|start| statement.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    const STDERR: &str = "\
pg_restore: while INITIALIZING:
pg_restore: error: could not execute query: ERROR:  unrecognized configuration parameter \"transaction_timeout\"
Command was: SET transaction_timeout = 0;

pg_restore: from TOC entry 215; 1259 16386 TABLE t postgres
pg_restore: error: could not execute query: ERROR:  role \"bob\" does not exist
Command was: ALTER TABLE public.t OWNER TO bob;

pg_restore: warning: errors ignored on restore: 2
";

    #[test]
    fn errors_are_told_apart_with_their_statements() {
        let found = complaints(STDERR);
        assert_eq!(found.len(), 2);
        assert!(harmless(&found[0]).is_some());
        assert!(harmless(&found[1]).is_none());
        assert_eq!(
            reasons(&found[1..]),
            ["role \"bob\" does not exist (in: ALTER TABLE public.t OWNER TO bob;)"]
        );
    }

    #[test]
    fn statements_are_shown_without_their_secrets() {
        let found = complaints(
            "pg_restore: error: could not execute query: ERROR:  no\n\
             Command was: CREATE SUBSCRIPTION s CONNECTION 'host=h password=s3cret' PUBLICATION p;",
        );
        assert!(!reasons(&found)[0].contains("s3cret"));
    }

    #[test]
    fn a_search_path_problem_names_the_fix() {
        let found = complaints(
            "pg_restore: error: could not execute query: ERROR:  relation \"t\" does not exist\n\
             Command was: REFRESH MATERIALIZED VIEW public.m;",
        );
        assert!(advice(&found).unwrap().contains("search_path"));
    }
}
