//! Understanding pg_dump's own `COPY … FROM stdin;` statements and turning them around.

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

    /// The statement that reads the same columns of `relation` (quoted), or of those of its
    /// rows that `condition` lets through.
    ///
    /// Whole tables are read by `COPY table TO`, which spares the executor; it reads the named
    /// table alone, never its children.
    #[must_use]
    pub fn reading(&self, relation: &str, condition: Option<&str>) -> String {
        let columns = self.quoted_columns();
        match condition {
            None if !self.columns.is_empty() => format!("COPY {relation} ({columns}) TO STDOUT"),
            None => format!("COPY (SELECT FROM ONLY {relation}) TO STDOUT"),
            Some(condition) => {
                format!("COPY (SELECT {columns} FROM ONLY {relation} {condition}) TO STDOUT")
            }
        }
    }

    /// The statement that loads the data, without pg_dump's line feed and semicolon.
    #[must_use]
    pub fn loading(&self, options: &str) -> String {
        let columns = if self.columns.is_empty() {
            String::new()
        } else {
            format!(" ({})", self.quoted_columns())
        };
        format!("COPY {}{columns} FROM STDIN{options}", self.relation)
    }

    fn quoted_columns(&self) -> String {
        let quoted: Vec<String> = self.columns.iter().map(|c| quote_identifier(c)).collect();
        quoted.join(", ")
    }
}

/// Quotes an identifier always; `"` doubles.
#[must_use]
pub fn quote_identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Quotes a string literal for servers with `standard_conforming_strings = on`, which every
/// session of bookend sets.
#[must_use]
pub fn quote_literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
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
        assert_eq!(
            statement.reading("s.t", None),
            "COPY s.t (\"id\", \"a, (b)\", \"q\"\"q\") TO STDOUT"
        );
    }

    #[test]
    fn tables_without_columns_give_empty_rows() {
        let statement = CopyStatement::parse("COPY public.none  FROM stdin;\n").unwrap();
        assert!(statement.columns.is_empty());
        assert_eq!(
            statement.reading("public.none", None),
            "COPY (SELECT FROM ONLY public.none) TO STDOUT"
        );
        assert_eq!(statement.loading(""), "COPY public.none FROM STDIN");
    }

    #[test]
    fn qualified_names_are_split_at_the_right_dot() {
        assert_eq!(
            split_qualified("\"a.b\".c"),
            Some(("a.b".to_owned(), "c".to_owned()))
        );
        assert_eq!(
            split_qualified("c.\"a.b\""),
            Some(("c".to_owned(), "a.b".to_owned()))
        );
    }

    #[test]
    fn other_statements_are_refused() {
        assert_eq!(CopyStatement::parse("INSERT INTO t VALUES (1);"), None);
        assert_eq!(CopyStatement::parse("COPY t (a FROM stdin;"), None);
    }
}
