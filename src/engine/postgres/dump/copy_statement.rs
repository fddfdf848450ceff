//! Turning pg_dump's `COPY … FROM stdin;` around, and making our own of it.

use crate::snapshot::CopyStatement;

use super::super::quoting::quote_identifier;

/// The statement that reads the same columns of `relation` (quoted), or of those of its
/// rows that `condition` lets through.
///
/// Whole tables are read by `COPY table TO`, which spares the executor; it reads the named
/// table alone, never its children.
pub(in super::super) fn reading(
    copy: &CopyStatement,
    relation: &str,
    condition: Option<&str>,
) -> String {
    let columns = quoted_columns(copy);
    match condition {
        None if !copy.columns.is_empty() => format!("COPY {relation} ({columns}) TO STDOUT"),
        None => format!("COPY (SELECT FROM ONLY {relation}) TO STDOUT"),
        Some(condition) => {
            format!("COPY (SELECT {columns} FROM ONLY {relation} {condition}) TO STDOUT")
        }
    }
}

/// The statement that loads the data, without pg_dump's line feed and semicolon.
pub(in super::super) fn loading(copy: &CopyStatement, options: &str) -> String {
    let columns = if copy.columns.is_empty() {
        String::new()
    } else {
        format!(" ({})", quoted_columns(copy))
    };
    format!("COPY {}{columns} FROM STDIN{options}", copy.relation)
}

fn quoted_columns(copy: &CopyStatement) -> String {
    let quoted: Vec<String> = copy.columns.iter().map(|c| quote_identifier(c)).collect();
    quoted.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> CopyStatement {
        CopyStatement::parse(text).unwrap()
    }

    #[test]
    fn the_same_columns_are_read_from_another_relation() {
        let copy = parsed("COPY public.t (id, \"q\"\"q\") FROM stdin;");
        assert_eq!(
            reading(&copy, "s.t", None),
            "COPY s.t (\"id\", \"q\"\"q\") TO STDOUT"
        );
        assert_eq!(
            reading(&copy, "s.t", Some("WHERE true")),
            "COPY (SELECT \"id\", \"q\"\"q\" FROM ONLY s.t WHERE true) TO STDOUT"
        );
    }

    #[test]
    fn tables_without_columns_give_empty_rows() {
        let copy = parsed("COPY public.none  FROM stdin;\n");
        assert_eq!(
            reading(&copy, "public.none", None),
            "COPY (SELECT FROM ONLY public.none) TO STDOUT"
        );
        assert_eq!(loading(&copy, ""), "COPY public.none FROM STDIN");
    }
}
