use chrono::DateTime;

use super::{SchemaVerdict, content, merged, schema};
use crate::engine::{Discrepancy, RestoreRequest};
use crate::snapshot::{
    Column, ColumnContent, Content, DatabaseFacts, Extension, Fingerprint, LargeObjects, Object,
    ObjectKind, Part, PartKind, SchemaEntry, ServerFacts, Snapshot, WriteRecord,
};

fn entry(kind: &str, namespace: &str, tag: &str, text: &str) -> SchemaEntry {
    SchemaEntry {
        kind: kind.to_owned(),
        namespace: namespace.to_owned(),
        tag: tag.to_owned(),
        owner: "owner".to_owned(),
        storage: String::new(),
        text: text.to_owned(),
    }
}

fn object(name: &str, kind: ObjectKind) -> Object {
    Object {
        name: name.to_owned(),
        kind,
        owner: Some("owner".to_owned()),
        comment: None,
        definition: None,
        columns: Vec::new(),
        parts: Vec::new(),
        content: None,
        sequence: None,
        root: None,
        loaded_through_root: false,
        populated: None,
        bytes: 0,
    }
}

fn column(name: &str, data_type: &str) -> Column {
    Column {
        name: name.to_owned(),
        data_type: data_type.to_owned(),
        nullable: true,
        ..Column::default()
    }
}

fn snapshot(objects: Vec<Object>, schema: Vec<SchemaEntry>) -> Snapshot {
    Snapshot {
        engine: "postgresql".to_owned(),
        taken_at: DateTime::UNIX_EPOCH,
        read_until: None,
        consistent: Some(true),
        server: ServerFacts::default(),
        database: DatabaseFacts {
            name: "shop".to_owned(),
            owner: "owner".to_owned(),
            ..DatabaseFacts::default()
        },
        objects,
        streams: Vec::new(),
        large_objects: LargeObjects::default(),
        extensions: Vec::new(),
        prerequisites: Vec::new(),
        schema,
        record: WriteRecord::default(),
        notes: Vec::new(),
        secrets_seen: Vec::new(),
    }
}

fn shown(differences: &[Discrepancy]) -> Vec<String> {
    let line = |d: &Discrepancy| format!("{} · {}: {} → {}", d.object, d.kind, d.expected, d.found);
    differences.iter().map(line).collect()
}

/// Definitions of two databases without objects.
fn compared(
    archive: Vec<SchemaEntry>,
    copy: Vec<SchemaEntry>,
    reference: Option<&[SchemaEntry]>,
) -> (Vec<String>, bool) {
    let (archive, copy) = (snapshot(Vec::new(), archive), snapshot(Vec::new(), copy));
    let request = RestoreRequest::default();
    let SchemaVerdict {
        differences,
        needs_reference,
    } = schema(&archive, &copy, reference, &request);
    (shown(&differences), needs_reference)
}

const WRITTEN: &str = "CREATE TABLE public.t (\n    a varchar,\n    CONSTRAINT c CHECK (((a)::text = ANY ((ARRAY['x'::varchar])::text[])))\n);";
const RELOADED: &str = "CREATE TABLE public.t (\n    a varchar,\n    CONSTRAINT c CHECK (((a)::text = ANY (ARRAY[('x'::varchar)::text])))\n);";

#[test]
fn a_reference_is_asked_for_and_excuses_what_a_reload_prints_differently() {
    let table = |text: &str| vec![entry("TABLE", "public", "t", text)];
    let (told, needs) = compared(table(WRITTEN), table(RELOADED), None);
    assert!(needs);
    assert_eq!(told.len(), 1);
    let reference = table(RELOADED);
    let (told, needs) = compared(table(WRITTEN), table(RELOADED), Some(&reference));
    assert!(!needs);
    assert!(told.is_empty(), "{told:?}");
}

#[test]
fn what_differs_from_the_reference_too_is_told_against_the_reference() {
    let table = |text: &str| vec![entry("TABLE", "public", "t", text)];
    let changed = RELOADED.replace("a varchar", "a text");
    let reference = table(RELOADED);
    let (told, needs) = compared(table(WRITTEN), table(&changed), Some(&reference));
    assert!(!needs);
    assert_eq!(told, ["public.t · table: a varchar → a text"]);
}

/// Comparing two restores with each other alone would not see what both lost.
#[test]
fn a_reference_never_excuses_what_is_missing_or_not_an_expression() {
    let archive = vec![
        entry("EXTENSION", "", "hstore", "CREATE EXTENSION hstore;"),
        entry(
            "SEQUENCE",
            "public",
            "s",
            "CREATE SEQUENCE public.s\n    START WITH 1;",
        ),
        entry("INDEX", "public", "i", "CREATE INDEX i ON public.t (a);"),
    ];
    let copy = vec![entry(
        "SEQUENCE",
        "public",
        "s",
        "CREATE SEQUENCE public.s\n    START WITH 2;",
    )];
    let (told, needs) = compared(archive, copy.clone(), Some(&copy));
    assert!(!needs);
    assert_eq!(
        told,
        [
            "hstore · extension: CREATE EXTENSION hstore → missing",
            "public.i · index: CREATE INDEX i ON public.t (a) → missing",
            "public.s · sequence: START WITH 1 → START WITH 2",
        ]
    );
}

/// An excused text is still held to the structured facts, which no reload prints differently.
#[test]
fn an_excused_table_must_have_the_same_columns() {
    let facts = |collation: Option<&str>| {
        let mut table = object("public.t", ObjectKind::Table);
        table.columns.push(Column {
            collation: collation.map(str::to_owned),
            ..column("a", "character varying")
        });
        vec![table]
    };
    let archive = snapshot(
        facts(Some("pg_catalog.\"C\"")),
        vec![entry("TABLE", "public", "t", WRITTEN)],
    );
    let copied = vec![entry("TABLE", "public", "t", RELOADED)];
    let copy = snapshot(facts(None), copied.clone());
    let verdict = schema(&archive, &copy, Some(&copied), &RestoreRequest::default());
    assert_eq!(
        shown(&verdict.differences),
        ["public.t · collation: column a: pg_catalog.\"C\" → column a: none"]
    );
}

#[test]
fn owners_are_told_once_and_not_for_parts() {
    let with_owner = |owner: &str| {
        let owned = |entry: SchemaEntry| SchemaEntry {
            owner: owner.to_owned(),
            ..entry
        };
        vec![
            owned(entry("TABLE", "public", "t", "CREATE TABLE public.t ();")),
            owned(entry("INDEX", "public", "i", "CREATE INDEX i;")),
            owned(entry(
                "COMMENT",
                "public",
                "TABLE t",
                "COMMENT ON TABLE public.t IS 'x';",
            )),
        ]
    };
    let (told, _) = compared(with_owner("a"), with_owner("b"), None);
    assert_eq!(told, ["public.t · owner: a → b"]);
    let archive = snapshot(Vec::new(), with_owner("a"));
    let copy = snapshot(Vec::new(), with_owner("b"));
    let request = RestoreRequest {
        no_owner: true,
        ..RestoreRequest::default()
    };
    let verdict = schema(&archive, &copy, None, &request);
    assert_eq!(verdict, SchemaVerdict::default());
}

#[test]
fn grants_of_an_owner_are_no_difference_without_owners() {
    let acl = |owner: &str, rights: &str| {
        let text = format!(
            "GRANT {rights} ON TABLE public.t TO {owner};\nGRANT SELECT ON TABLE public.t TO app;\nREVOKE ALL ON TABLE public.t FROM {owner};"
        );
        let entry = entry("ACL", "public", "TABLE t", &text);
        vec![SchemaEntry {
            owner: owner.to_owned(),
            ..entry
        }]
    };
    let archive = snapshot(Vec::new(), acl("alice", "SELECT"));
    let request = RestoreRequest {
        no_owner: true,
        ..RestoreRequest::default()
    };
    let copy = snapshot(Vec::new(), acl("postgres", "INSERT"));
    assert!(
        schema(&archive, &copy, None, &request)
            .differences
            .is_empty()
    );
    let mut other = copy.clone();
    other.schema[0].text = other.schema[0].text.replace("TO app", "TO another");
    assert_eq!(
        shown(&schema(&archive, &other, None, &request).differences),
        [
            "public.t · grant: GRANT SELECT ON TABLE public.t TO app → GRANT SELECT ON TABLE public.t TO another"
        ]
    );
    let request = RestoreRequest {
        no_privileges: true,
        ..request
    };
    assert!(
        schema(&archive, &other, None, &request)
            .differences
            .is_empty()
    );
}

#[test]
fn what_belongs_to_a_missing_object_is_not_told_beside_it() {
    let archive = vec![
        entry("TABLE", "public", "t", "CREATE TABLE public.t ();"),
        entry(
            "COMMENT",
            "public",
            "TABLE t",
            "COMMENT ON TABLE public.t IS 'x';",
        ),
        entry(
            "ACL",
            "public",
            "TABLE t",
            "GRANT SELECT ON TABLE public.t TO app;",
        ),
    ];
    let mut expected = snapshot(Vec::new(), archive);
    expected.objects.push(object("public.t", ObjectKind::Table));
    let found = snapshot(Vec::new(), Vec::new());
    let verdict = schema(&expected, &found, None, &RestoreRequest::default());
    assert_eq!(
        shown(&verdict.differences),
        ["public.t · table: CREATE TABLE public.t () → missing"]
    );
}

#[test]
fn entries_that_share_a_tag_are_told_apart_by_their_text() {
    let operator = |types: &str| {
        entry(
            "OPERATOR",
            "public",
            "===",
            &format!("CREATE OPERATOR === ({types});"),
        )
    };
    let (told, _) = compared(
        vec![operator("int"), operator("text")],
        vec![operator("text"), operator("date")],
        None,
    );
    assert_eq!(
        told,
        ["operator public.=== · operator: CREATE OPERATOR === (int) → CREATE OPERATOR === (date)"]
    );
}

/// Tags join names with blanks and dots, so `a b` may be a table or a table and its trigger.
#[test]
fn tags_of_hostile_names_are_looked_up() {
    let mut table = object("public.\"we ird; t\"", ObjectKind::Table);
    table.parts.push(Part {
        kind: PartKind::Trigger,
        name: "tr g".to_owned(),
        definition: String::new(),
    });
    table.columns.push(column("c.d", "text"));
    let mut order = object("public.\"order\"", ObjectKind::Table);
    order.parts.push(Part {
        kind: PartKind::Index,
        name: "order_idx".to_owned(),
        definition: String::new(),
    });
    let archive = vec![
        entry("TRIGGER", "public", "we ird; t tr g", "CREATE TRIGGER …;"),
        entry(
            "COMMENT",
            "public",
            "COLUMN \"we ird; t\".\"c.d\"",
            "COMMENT …;",
        ),
        entry(
            "COMMENT",
            "public",
            "TRIGGER \"tr g\" ON \"we ird; t\"",
            "COMMENT …;",
        ),
        entry(
            "INDEX",
            "public",
            "order_idx",
            "CREATE INDEX order_idx ON public.\"order\" (a);",
        ),
        entry("ACL", "public", "TABLE \"order\"", "GRANT …;"),
    ];
    let expected = snapshot(vec![table, order], archive);
    let found = snapshot(Vec::new(), Vec::new());
    let verdict = schema(&expected, &found, None, &RestoreRequest::default());
    assert_eq!(
        shown(&verdict.differences),
        [
            "public.\"order\" · grant: GRANT … → missing",
            "public.\"order\" · index: CREATE INDEX order_idx ON public.\"order\" (a) → missing",
            "public.\"we ird; t\" · comment: COMMENT … → missing",
            "public.\"we ird; t\" · trigger: CREATE TRIGGER … → missing",
        ]
    );
}

#[test]
fn a_line_of_a_report_holds_no_line_breaks_and_ends() {
    let long = format!(
        "CREATE VIEW public.v AS SELECT '{}\u{1b}[31m\n';",
        "x".repeat(500)
    );
    let (told, _) = compared(vec![entry("VIEW", "public", "v", &long)], Vec::new(), None);
    assert!(told[0].len() < 300, "{}", told[0].len());
    assert!(!told[0].contains(['\n', '\u{1b}']));
}

fn holding(name: &str, rows: u64, row_sum: u128, columns: &[(&str, u128)]) -> Object {
    Object {
        content: Some(Content {
            rows,
            fingerprint: Fingerprint(row_sum),
            unlisted: 0,
            key: None,
        }),
        columns: columns
            .iter()
            .map(|(name, sum)| Column {
                content: Some(ColumnContent {
                    non_null: rows,
                    fingerprint: Fingerprint(*sum),
                    keyed: None,
                    varied: true,
                }),
                ..column(name, "text")
            })
            .collect(),
        ..object(name, ObjectKind::Table)
    }
}

fn leaf(name: &str, rows: u64, row_sum: u128, columns: &[(&str, u128)]) -> Object {
    Object {
        root: Some("public.p".to_owned()),
        loaded_through_root: true,
        ..holding(name, rows, row_sum, columns)
    }
}

fn content_told(archive: Vec<Object>, copy: Vec<Object>) -> Vec<String> {
    let (archive, copy) = (snapshot(archive, Vec::new()), snapshot(copy, Vec::new()));
    shown(&content(&archive, &copy, &RestoreRequest::default()))
}

#[test]
fn families_that_load_through_their_root_are_compared_there() {
    let archive = vec![
        leaf("public.p1", 3, 100, &[("a", 10), ("b", 20)]),
        leaf("public.p2", 1, 7, &[("a", 1), ("b", 2)]),
    ];
    let copy = vec![
        leaf("public.p1", 1, 50, &[("a", 4), ("b", 5)]),
        leaf("public.p2", 3, 57, &[("a", 7), ("b", 17)]),
    ];
    assert!(content_told(archive.clone(), copy.clone()).is_empty());
    let mut lost = copy;
    lost[1] = leaf("public.p2", 3, 57, &[("a", 7), ("b", 18)]);
    let told = content_told(archive, lost);
    assert_eq!(told.len(), 1);
    assert!(
        told[0].starts_with("public.p · content: column b:"),
        "{told:?}"
    );
}

#[test]
fn leaves_that_load_by_themselves_are_compared_one_by_one() {
    let alone = |object: Object| Object {
        loaded_through_root: false,
        ..object
    };
    let archive = vec![
        alone(leaf("public.p1", 3, 100, &[])),
        alone(leaf("public.p2", 1, 7, &[])),
    ];
    let copy = vec![
        alone(leaf("public.p1", 1, 7, &[])),
        alone(leaf("public.p2", 3, 100, &[])),
    ];
    assert_eq!(
        content_told(archive, copy),
        [
            "public.p1 · rows: 3 rows → 1 row",
            "public.p2 · rows: 1 row → 3 rows"
        ]
    );
}

/// Row hashes hang on the order of columns: a row that lands in a leaf of another order has
/// another hash, and is still the same row.
#[test]
fn rows_that_land_in_a_leaf_of_another_column_order_are_the_same() {
    let archive = vec![
        leaf("public.p1", 1, 100, &[("a", 10), ("b", 20)]),
        leaf("public.p2", 1, 7, &[("b", 2), ("a", 1)]),
    ];
    let copy = vec![
        leaf("public.p1", 0, 0, &[("a", 0), ("b", 0)]),
        leaf("public.p2", 2, 4444, &[("b", 22), ("a", 11)]),
    ];
    assert!(content_told(archive, copy).is_empty());
}

#[test]
fn a_table_that_is_gone_is_told_once() {
    let archive = snapshot(
        vec![holding("public.t", 2, 1, &[])],
        vec![entry("TABLE", "public", "t", "CREATE TABLE public.t ();")],
    );
    let copy = snapshot(Vec::new(), Vec::new());
    let request = RestoreRequest::default();
    let told = merged(
        schema(&archive, &copy, None, &request).differences,
        content(&archive, &copy, &request),
    );
    assert_eq!(
        shown(&told),
        ["public.t · table: CREATE TABLE public.t () → missing"]
    );
}

#[test]
fn two_columns_of_one_table_are_two_differences() {
    let archive = snapshot(
        vec![holding("public.t", 2, 1, &[("a", 1), ("b", 2)])],
        Vec::new(),
    );
    let copy = snapshot(
        vec![holding("public.t", 2, 9, &[("a", 8), ("b", 9)])],
        Vec::new(),
    );
    let content = content(&archive, &copy, &RestoreRequest::default());
    assert_eq!(merged(Vec::new(), content).len(), 2);
}

#[test]
fn the_library_that_the_server_has_now_is_the_one_to_expect() {
    let with = |recorded: &str, library: Option<&str>| {
        let mut all = snapshot(Vec::new(), Vec::new());
        let locale = &mut all.database.locale;
        locale.insert("collation version".to_owned(), recorded.to_owned());
        locale.extend(library.map(|version| ("library version".to_owned(), version.to_owned())));
        all
    };
    let request = RestoreRequest::default();
    let copy = with("2.36", None);
    assert!(content(&with("2.31", Some("2.36")), &copy, &request).is_empty());
    let told = shown(&content(&with("2.31", None), &copy, &request));
    assert_eq!(told, ["shop · collation version: 2.31 → 2.36"]);
}

#[test]
fn versions_of_extensions_are_compared() {
    let with = |version: &str| {
        let mut all = snapshot(Vec::new(), Vec::new());
        all.extensions.push(Extension {
            name: "Post-GIS".to_owned(),
            version: version.to_owned(),
            schema: "public".to_owned(),
        });
        all
    };
    let told = content(&with("3.3"), &with("3.4"), &RestoreRequest::default());
    assert_eq!(
        shown(&told),
        ["\"Post-GIS\" · extension: version 3.3 → version 3.4"]
    );
}

#[test]
fn secrets_of_the_schema_are_compared_and_not_shown() {
    let subscription = |password: &str, publication: &str| {
        let text = format!(
            "CREATE SUBSCRIPTION s CONNECTION 'host=h password={password}' PUBLICATION {publication};"
        );
        vec![entry("SUBSCRIPTION", "", "s", &text)]
    };
    let (told, _) = compared(
        subscription("s3cret", "p"),
        subscription("s3cret", "q"),
        None,
    );
    assert_eq!(
        told,
        [
            "subscription s · subscription: CREATE SUBSCRIPTION s CONNECTION '…' PUBLICATION p → CREATE SUBSCRIPTION s CONNECTION '…' PUBLICATION q"
        ]
    );
    let (told, _) = compared(
        subscription("s3cret", "p"),
        subscription("0ther", "p"),
        None,
    );
    assert_eq!(
        told,
        ["subscription s · subscription: a secret in its definition → another secret"]
    );
    let (told, _) = compared(subscription("s3cret", "p"), Vec::new(), None);
    assert_eq!(
        told,
        [
            "subscription s · subscription: CREATE SUBSCRIPTION s CONNECTION '…' PUBLICATION p → missing"
        ]
    );
}

#[test]
fn secret_settings_are_compared_and_not_shown() {
    let with = |setting: &str| {
        let mut all = snapshot(Vec::new(), Vec::new());
        all.database.settings.push(setting.to_owned());
        all
    };
    let request = RestoreRequest::default();
    let told = content(&with("app.secret=a=b"), &with("app.secret=c"), &request);
    assert_eq!(
        shown(&told),
        ["shop · setting: app.secret=… → app.secret=…"]
    );
}
