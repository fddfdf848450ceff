//! Pieces of SQL that several catalog queries share.

use crate::snapshot::SECRET_NAMES;

/// `server_version_num`, e.g. 160014.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Version(pub u32);

impl Version {
    /// True from the given major version on.
    pub(super) fn has(self, major: u32) -> bool {
        self.0 >= major * 10_000
    }

    /// `expression` where the server has it, else `otherwise`.
    pub(super) fn since<'a>(self, major: u32, expression: &'a str, otherwise: &'a str) -> &'a str {
        if self.has(major) {
            expression
        } else {
            otherwise
        }
    }
}

/// A condition: object `oid` of catalog `class` belongs to no extension.
pub(super) fn not_member(class: &str, oid: &str) -> String {
    format!(
        "NOT EXISTS (SELECT 1 FROM pg_catalog.pg_depend member \
         WHERE member.classid = 'pg_catalog.{class}'::pg_catalog.regclass \
         AND member.objid = {oid} AND member.deptype = 'e')"
    )
}

/// A condition: the schema `n` is one that the vendor's tools dump.
pub(super) const USER_SCHEMA: &str = "n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'";

/// A pattern (case-insensitive) of the names of options and settings whose values are secrets.
pub(super) fn secret_pattern() -> String {
    SECRET_NAMES.join("|")
}

/// Options of the form `{name=value,…}` as text: of secrets the name only.
pub(super) fn options(array: &str) -> String {
    format!(
        "(SELECT pg_catalog.string_agg(CASE \
         WHEN pg_catalog.split_part(option, '=', 1) ~* '{}' \
         THEN pg_catalog.split_part(option, '=', 1) || '=…' ELSE option END, ', ' \
         ORDER BY option) FROM pg_catalog.unnest({array}) AS option)",
        secret_pattern()
    )
}
