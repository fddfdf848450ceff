//! Understanding pg_dump's own `COPY … FROM stdin;` statements, which tell the rows' columns.

/// What a `COPY relation (columns) FROM stdin;` statement names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CopyStatement {
    /// The relation as pg_dump quoted it; a partition's root where rows go in through it.
    pub relation: String,
    /// Columns, unquoted, in the order of the data.
    pub columns: Vec<String>,
}

impl CopyStatement {
    /// Parses the statement of a `TABLE DATA` entry (`dumpTableData` in `pg_dump.c` writes
    /// `COPY %s %s FROM stdin;`, the column list being empty for tables without columns).
    /// `None` if it is anything else, `INSERT` statements for instance.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let rest = text.trim().strip_prefix("COPY ")?;
        let rest = rest.strip_suffix("FROM stdin;")?.trim_end();
        let Some(open) = find_unquoted(rest, b'(') else {
            return Some(Self {
                relation: rest.to_owned(),
                columns: Vec::new(),
            });
        };
        let list = rest[open + 1..].strip_suffix(')')?;
        Some(Self {
            relation: rest[..open].trim_end().to_owned(),
            columns: split_identifiers(list)?,
        })
    }
}

/// Schema and name of a qualified name as the server prints it, unquoted.
#[must_use]
pub fn split_qualified(name: &str) -> Option<(String, String)> {
    let dot = find_unquoted(name, b'.')?;
    Some((unquote(&name[..dot])?, unquote(&name[dot + 1..])?))
}

fn find_unquoted(text: &str, wanted: u8) -> Option<usize> {
    let mut quoted = false;
    text.bytes().position(|byte| {
        if byte == b'"' {
            quoted = !quoted;
        }
        !quoted && byte == wanted
    })
}

fn split_identifiers(list: &str) -> Option<Vec<String>> {
    let mut names = Vec::new();
    let mut rest = list.trim();
    while !rest.is_empty() {
        let end = find_unquoted(rest, b',').unwrap_or(rest.len());
        names.push(unquote(rest[..end].trim())?);
        rest = rest.get(end + 1..).unwrap_or("").trim_start();
    }
    Some(names)
}

fn unquote(word: &str) -> Option<String> {
    match word.strip_prefix('"') {
        Some(inner) => Some(inner.strip_suffix('"')?.replace("\"\"", "\"")),
        None if word.is_empty() => None,
        None => Some(word.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_and_quoted_columns_are_read() {
        let statement = CopyStatement::parse(
            "COPY public.\"o(d)d\" (id, \"a, (b)\", \"q\"\"q\") FROM stdin;\n",
        )
        .unwrap();
        assert_eq!(statement.relation, "public.\"o(d)d\"");
        assert_eq!(statement.columns, ["id", "a, (b)", "q\"q"]);
    }

    #[test]
    fn tables_without_columns_have_none() {
        let statement = CopyStatement::parse("COPY public.none  FROM stdin;\n").unwrap();
        assert!(statement.columns.is_empty());
        assert_eq!(statement.relation, "public.none");
    }

    #[test]
    fn qualified_names_are_split_at_the_right_dot() {
        let parts = |schema: &str, name: &str| Some((schema.to_owned(), name.to_owned()));
        assert_eq!(split_qualified("\"a.b\".c"), parts("a.b", "c"));
        assert_eq!(split_qualified("c.\"a.b\""), parts("c", "a.b"));
    }

    #[test]
    fn other_statements_are_refused() {
        assert_eq!(CopyStatement::parse("INSERT INTO t VALUES (1);"), None);
        assert_eq!(CopyStatement::parse("COPY t (a FROM stdin;"), None);
        assert_eq!(CopyStatement::parse("COPY t (a) TO stdout;"), None);
    }
}
