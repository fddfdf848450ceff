//! Which columns the vendor's own COPY statement names, in their order.

/// The unquoted column names of `COPY schema.table (a, "B") FROM stdin;`; empty for a table
/// without columns. `None` if the statement is not of that form.
#[must_use]
pub fn copied_columns(statement: &str) -> Option<Vec<String>> {
    let mut rest = statement.trim().strip_prefix("COPY ")?;
    loop {
        let (_, after) = identifier(rest)?;
        rest = after;
        match rest.strip_prefix('.') {
            Some(after) => rest = after,
            None => break,
        }
    }
    let mut columns = Vec::new();
    if let Some(mut list) = rest.trim_start().strip_prefix('(') {
        loop {
            let (column, after) = identifier(list.trim_start())?;
            columns.push(column);
            let after = after.trim_start();
            if let Some(end) = after.strip_prefix(')') {
                rest = end;
                break;
            }
            list = after.strip_prefix(',')?;
        }
    }
    (rest.trim_start() == "FROM stdin;").then_some(columns)
}

/// Takes one identifier, quoted or plain, off the front.
fn identifier(text: &str) -> Option<(String, &str)> {
    let Some(mut rest) = text.strip_prefix('"') else {
        let plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '$');
        let end = text.find(|c| !plain(c)).unwrap_or(text.len());
        return (end > 0).then(|| (text[..end].to_owned(), &text[end..]));
    };
    let mut name = String::new();
    loop {
        let end = rest.find('"')?;
        name.push_str(&rest[..end]);
        rest = &rest[end + 1..];
        match rest.strip_prefix('"') {
            Some(after) => {
                name.push('"');
                rest = after;
            }
            None => return Some((name, rest)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_read_whatever_the_names() {
        let columns = |text: &str| copied_columns(text).unwrap();
        assert_eq!(
            columns("COPY public.t (id, name) FROM stdin;\n"),
            ["id", "name"]
        );
        assert_eq!(
            columns("COPY public.t  FROM stdin;\n"),
            Vec::<String>::new()
        );
        let hostile =
            "COPY \"a.b\".\"c (d) FROM stdin;\" (\"x\"\"y\", \"p, q\", \"new\nline\") FROM stdin;";
        assert_eq!(columns(hostile), ["x\"y", "p, q", "new\nline"]);
    }

    #[test]
    fn other_statements_are_not_misread() {
        for bad in [
            "",
            "COPY",
            "INSERT INTO t",
            "COPY t (a FROM stdin;",
            "COPY t (a,) FROM stdin;",
            "COPY t (a) TO stdout;",
            "COPY \"t (a) FROM stdin;",
        ] {
            assert_eq!(copied_columns(bad), None, "{bad}");
        }
    }
}
