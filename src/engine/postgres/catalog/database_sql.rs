//! The statements that give a restored database what the vendor's table of contents ties to
//! the source's name: owner, settings, grants, connection limit, comment.

use crate::snapshot::DatabaseFacts;

use super::super::quoting::{quote_identifier, quote_literal};

/// What [`database_sql`] puts in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Include {
    /// The owner.
    pub owner: bool,
    /// The grants.
    pub grants: bool,
    /// The comment. Leave it out while the database carries a marker in its comment.
    pub comment: bool,
}

impl Include {
    /// All of it.
    pub const ALL: Self = Self {
        owner: true,
        grants: true,
        comment: true,
    };
}

/// Statements, each without the final semicolon, that rebuild what `facts` say on the
/// database `name`. The owner comes last, as whoever gives it away may lose the right to do
/// the rest.
#[must_use]
pub fn database_sql(facts: &DatabaseFacts, name: &str, include: Include) -> Vec<String> {
    let database = quote_identifier(name);
    let mut statements: Vec<String> = facts
        .settings
        .iter()
        .filter_map(|line| setting(line, &database))
        .collect();
    if facts.connection_limit >= 0 {
        let limit = facts.connection_limit;
        statements.push(format!(
            "ALTER DATABASE {database} CONNECTION LIMIT {limit}"
        ));
    }
    if include.comment
        && let Some(comment) = &facts.comment
    {
        let comment = quote_literal(comment);
        statements.push(format!("COMMENT ON DATABASE {database} IS {comment}"));
    }
    if include.grants {
        let grants = facts.grants.iter();
        statements.extend(grants.filter_map(|line| grant(line, &database)));
    }
    if include.owner && !facts.owner.is_empty() {
        let owner = quote_identifier(&facts.owner);
        statements.push(format!("ALTER DATABASE {database} OWNER TO {owner}"));
    }
    statements
}

/// `GRANT CONNECT TO app` becomes `GRANT CONNECT ON DATABASE name TO app`.
fn grant(line: &str, database: &str) -> Option<String> {
    let word = if line.starts_with("GRANT ") {
        " TO "
    } else {
        " FROM "
    };
    let at = line.find(word)?;
    Some(format!(
        "{} ON DATABASE {database}{}",
        &line[..at],
        &line[at..]
    ))
}

/// `NAME=value` or `ROLE: NAME=value`, the role quoted as the server quotes names.
fn setting(line: &str, database: &str) -> Option<String> {
    let (role, assignment) = split_role(line);
    let (name, value) = assignment.split_once('=')?;
    let whom = match role {
        Some(role) => format!("ALTER ROLE {role} IN DATABASE {database}"),
        None => format!("ALTER DATABASE {database}"),
    };
    let name_sql = setting_name(name);
    let value = setting_value(name, value);
    Some(format!("{whom} SET {name_sql} TO {value}"))
}

/// The role, still quoted, and the assignment. A name of a setting holds no colon before its
/// `=`, a role that does is quoted.
fn split_role(line: &str) -> (Option<&str>, &str) {
    let end = if line.starts_with('"') {
        closing_quote(line)
    } else {
        line.find([':', '='])
            .filter(|at| line[*at..].starts_with(": "))
    };
    match end {
        Some(end) if line[end..].starts_with(": ") => (Some(&line[..end]), &line[end + 2..]),
        _ => (None, line),
    }
}

/// Where the text after a quoted identifier begins.
fn closing_quote(line: &str) -> Option<usize> {
    let mut rest = line.char_indices().skip(1).peekable();
    while let Some((at, c)) = rest.next() {
        if c == '"' {
            match rest.peek() {
                Some((_, '"')) => {
                    rest.next();
                }
                _ => return Some(at + 1),
            }
        }
    }
    None
}

/// A setting's name may have parts (`app.tenant`), each an identifier of its own.
fn setting_name(name: &str) -> String {
    let parts: Vec<String> = name.split('.').map(quote_identifier).collect();
    parts.join(".")
}

/// Settings whose value is a list of names: stored with its quoting, and each element must be
/// given as a literal of its own (`variable_is_guc_list_quote` in PostgreSQL's `dumputils.c`).
const LISTS: [&str; 6] = [
    "local_preload_libraries",
    "search_path",
    "session_preload_libraries",
    "shared_preload_libraries",
    "temp_tablespaces",
    "unix_socket_directories",
];

fn setting_value(name: &str, value: &str) -> String {
    if !LISTS.iter().any(|list| list.eq_ignore_ascii_case(name)) {
        return quote_literal(value);
    }
    let elements: Vec<String> = split_list(value).iter().map(|e| quote_literal(e)).collect();
    if elements.is_empty() {
        return "''".to_owned();
    }
    elements.join(", ")
}

/// Splits `"$user", public` at its commas and takes the quotes off.
fn split_list(value: &str) -> Vec<String> {
    let mut elements = Vec::new();
    let mut element = String::new();
    let mut quoted = false;
    let mut was_quoted = false;
    let mut rest = value.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '"' if quoted && rest.peek() == Some(&'"') => {
                element.push('"');
                rest.next();
            }
            '"' => {
                quoted = !quoted;
                was_quoted = true;
            }
            ',' if !quoted => {
                elements.push(std::mem::take(&mut element));
                was_quoted = false;
            }
            c if c.is_whitespace() && !quoted => {}
            c => element.push(c),
        }
    }
    if was_quoted || !element.is_empty() {
        elements.push(element);
    }
    elements
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(settings: &[&str], grants: &[&str]) -> DatabaseFacts {
        DatabaseFacts {
            name: "shop".into(),
            owner: "o'wner \"x\"".into(),
            settings: settings.iter().map(|s| (*s).to_owned()).collect(),
            grants: grants.iter().map(|s| (*s).to_owned()).collect(),
            comment: Some("it's\\ours".into()),
            connection_limit: -1,
            ..DatabaseFacts::default()
        }
    }

    #[test]
    fn settings_are_quoted_by_their_kind() {
        let facts = facts(
            &[
                "DateStyle=SQL, DMY",
                "search_path=\"$user\", public, \"a\"\"b, c\"",
                "app.secret=a'b\\c=d",
                "search_path=",
                "app: statement_timeout=5s",
                "\"we\"\"ird: r\": app.x=1: 2",
                "app.time=12: 30",
            ],
            &[],
        );
        let include = Include {
            owner: false,
            grants: false,
            comment: false,
        };
        assert_eq!(
            database_sql(&facts, "new\"name", include),
            [
                r#"ALTER DATABASE "new""name" SET "DateStyle" TO 'SQL, DMY'"#,
                r#"ALTER DATABASE "new""name" SET "search_path" TO '$user', 'public', 'a"b, c'"#,
                r#"ALTER DATABASE "new""name" SET "app"."secret" TO E'a''b\\c=d'"#,
                r#"ALTER DATABASE "new""name" SET "search_path" TO ''"#,
                r#"ALTER ROLE app IN DATABASE "new""name" SET "statement_timeout" TO '5s'"#,
                r#"ALTER ROLE "we""ird: r" IN DATABASE "new""name" SET "app"."x" TO '1: 2'"#,
                r#"ALTER DATABASE "new""name" SET "app"."time" TO '12: 30'"#,
            ]
        );
    }

    #[test]
    fn grants_name_the_new_database_and_the_owner_comes_last() {
        let mut facts = facts(
            &[],
            &[
                "REVOKE CONNECT, TEMPORARY FROM PUBLIC",
                "GRANT CONNECT TO \"x TO y\" WITH GRANT OPTION",
            ],
        );
        facts.connection_limit = 7;
        assert_eq!(
            database_sql(&facts, "copy", Include::ALL),
            [
                r#"ALTER DATABASE "copy" CONNECTION LIMIT 7"#,
                r#"COMMENT ON DATABASE "copy" IS E'it''s\\ours'"#,
                r#"REVOKE CONNECT, TEMPORARY ON DATABASE "copy" FROM PUBLIC"#,
                r#"GRANT CONNECT ON DATABASE "copy" TO "x TO y" WITH GRANT OPTION"#,
                r#"ALTER DATABASE "copy" OWNER TO "o'wner ""x""""#,
            ]
        );
    }
}
