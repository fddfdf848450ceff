//! Everything else that the vendor's tools dump, described alike: named by the server
//! (`pg_identify_object`), with a definition good enough to see that it changed.

use tokio_postgres::{Client, Error};

use super::assembly::Assembly;
use super::sql::{Version, options};
use crate::snapshot::ObjectKind;

/// One kind: its catalog under the alias `o`, the owner's oid, the definition.
struct Kind {
    catalog: &'static str,
    owner: &'static str,
    definition: String,
}

fn kind(catalog: &'static str, owner: &'static str, definition: impl Into<String>) -> Kind {
    Kind {
        catalog,
        owner,
        definition: definition.into(),
    }
}

pub(super) async fn read(
    client: &Client,
    version: Version,
    assembly: &mut Assembly,
) -> Result<(), Error> {
    let selects: Vec<String> = kinds(version).iter().map(select).collect();
    for row in client.query(&selects.join("\nUNION ALL\n"), &[]).await? {
        let address = (row.try_get("class")?, row.try_get("oid")?);
        let object = assembly.add(address, row.try_get("name")?, ObjectKind::Other);
        object.owner = row.try_get("owner")?;
        object.definition = row.try_get("definition")?;
    }
    subscriptions(client, assembly).await?;
    user_mappings(client, assembly).await?;
    large_objects(client, assembly).await
}

/// Objects made by `initdb` have oids below 16384.
fn select(kind: &Kind) -> String {
    let Kind {
        catalog,
        owner,
        definition,
    } = kind;
    format!(
        "SELECT o.tableoid AS class, o.oid, (SELECT i.type || ' ' || i.identity
    FROM pg_catalog.pg_identify_object(o.tableoid, o.oid, 0) AS i) AS name,
    pg_catalog.pg_get_userbyid({owner})::text AS owner, ({definition})::text AS definition
FROM pg_catalog.{catalog} o WHERE o.oid >= 16384
AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_depend member WHERE member.classid = o.tableoid
    AND member.objid = o.oid AND member.deptype IN ('e', 'i'))"
    )
}

fn kinds(version: Version) -> Vec<Kind> {
    vec![
        kind("pg_publication", "o.pubowner", publication(version)),
        kind("pg_event_trigger", "o.evtowner", EVENT_TRIGGER),
        kind("pg_language", "o.lanowner", LANGUAGE),
        kind("pg_cast", "NULL::oid", CAST),
        kind("pg_operator", "o.oprowner", OPERATOR),
        kind("pg_opfamily", "o.opfowner", OPERATOR_FAMILY),
        kind("pg_opclass", "o.opcowner", OPERATOR_CLASS),
        kind("pg_collation", "o.collowner", collation(version)),
        kind("pg_conversion", "o.conowner", CONVERSION),
        kind("pg_ts_config", "o.cfgowner", TEXT_SEARCH_CONFIGURATION),
        kind("pg_ts_dict", "o.dictowner", TEXT_SEARCH_DICTIONARY),
        kind(
            "pg_ts_parser",
            "NULL::oid",
            "pg_catalog.format('start %s token %s end %s',
            o.prsstart, o.prstoken, o.prsend)",
        ),
        kind(
            "pg_ts_template",
            "NULL::oid",
            "pg_catalog.format('lexize %s', o.tmpllexize)",
        ),
        kind(
            "pg_foreign_data_wrapper",
            "o.fdwowner",
            foreign_data_wrapper(),
        ),
        kind("pg_foreign_server", "o.srvowner", foreign_server()),
        kind(
            "pg_am",
            "NULL::oid",
            "pg_catalog.format('%s %s', o.amtype, o.amhandler)",
        ),
        kind(
            "pg_transform",
            "NULL::oid",
            "pg_catalog.format('from %s to %s',
            o.trffromsql, o.trftosql)",
        ),
        kind("pg_default_acl", "NULL::oid", "NULL"),
    ]
}

fn publication(version: Version) -> &'static str {
    version.since(15, PUBLICATION_15, PUBLICATION)
}

const PUBLICATION: &str = "pg_catalog.concat_ws(', ', CASE WHEN o.puballtables
    THEN 'all tables' END, (SELECT 'tables ' || pg_catalog.string_agg(r.name, ', ' ORDER BY r.name)
    FROM (SELECT p.prrelid::pg_catalog.regclass::text AS name FROM pg_catalog.pg_publication_rel p
    WHERE p.prpubid = o.oid) AS r), 'insert ' || o.pubinsert, 'update ' || o.pubupdate,
    'delete ' || o.pubdelete, 'truncate ' || o.pubtruncate)";

const PUBLICATION_15: &str = "pg_catalog.concat_ws(', ', CASE WHEN o.puballtables
    THEN 'all tables' END, (SELECT 'tables ' || pg_catalog.string_agg(r.name, ', ' ORDER BY r.name)
    FROM (SELECT p.prrelid::pg_catalog.regclass::text
        || coalesce((SELECT ' (' || pg_catalog.string_agg(pg_catalog.quote_ident(a.attname), ', '
                ORDER BY a.attname) || ')' FROM pg_catalog.pg_attribute a
            WHERE a.attrelid = p.prrelid AND a.attnum = ANY (p.prattrs)), '')
        || coalesce(' where ' || pg_catalog.pg_get_expr(p.prqual, p.prrelid), '') AS name
    FROM pg_catalog.pg_publication_rel p WHERE p.prpubid = o.oid) AS r),
    (SELECT 'schemas ' || pg_catalog.string_agg(pg_catalog.quote_ident(n.nspname), ', '
        ORDER BY n.nspname) FROM pg_catalog.pg_publication_namespace p
     JOIN pg_catalog.pg_namespace n ON n.oid = p.pnnspid WHERE p.pnpubid = o.oid),
    'insert ' || o.pubinsert, 'update ' || o.pubupdate, 'delete ' || o.pubdelete,
    'truncate ' || o.pubtruncate, 'via root ' || o.pubviaroot)";

const EVENT_TRIGGER: &str = "pg_catalog.format('on %s%s execute %s%s', o.evtevent,
    coalesce(' when tag in (' || pg_catalog.array_to_string(o.evttags, ', ') || ')', ''),
    o.evtfoid::pg_catalog.regprocedure, CASE o.evtenabled WHEN 'O' THEN '' WHEN 'D'
    THEN ' (disabled)' WHEN 'R' THEN ' (enabled on replica)' ELSE ' (enabled always)' END)";

const LANGUAGE: &str = "pg_catalog.format('handler %s inline %s validator %s trusted %s',
    o.lanplcallfoid::pg_catalog.regprocedure, o.laninline::pg_catalog.regprocedure,
    o.lanvalidator::pg_catalog.regprocedure, o.lanpltrusted)";

const CAST: &str = "pg_catalog.format('function %s context %s method %s',
    o.castfunc::pg_catalog.regprocedure, o.castcontext, o.castmethod)";

const OPERATOR: &str = "pg_catalog.format('function %s commutator %s negator %s restrict %s
    join %s hashes %s merges %s', o.oprcode, o.oprcom::pg_catalog.regoperator,
    o.oprnegate::pg_catalog.regoperator, o.oprrest, o.oprjoin, o.oprcanhash, o.oprcanmerge)";

const OPERATOR_FAMILY: &str = "SELECT pg_catalog.string_agg(m.text, '; ' ORDER BY m.text)
    FROM (SELECT pg_catalog.pg_describe_object(a.tableoid, a.oid, 0) AS text
          FROM pg_catalog.pg_amop a WHERE a.amopfamily = o.oid
          UNION ALL SELECT pg_catalog.pg_describe_object(p.tableoid, p.oid, 0)
          FROM pg_catalog.pg_amproc p WHERE p.amprocfamily = o.oid) AS m";

const OPERATOR_CLASS: &str = "pg_catalog.format('for %s%s family %s storage %s',
    o.opcintype::pg_catalog.regtype, CASE WHEN o.opcdefault THEN ' default' ELSE '' END,
    pg_catalog.pg_describe_object('pg_catalog.pg_opfamily'::pg_catalog.regclass, o.opcfamily, 0),
    o.opckeytype::pg_catalog.regtype)";

/// The columns were renamed and added from version to version; those that say how it sorts
/// are taken, the version of the library is not (it is the server's, not the object's).
fn collation(version: Version) -> &'static str {
    if version.has(17) {
        "pg_catalog.concat_ws(' ', o.collprovider::text, o.collcollate, o.collctype,
            o.colllocale, o.collicurules, 'deterministic ' || o.collisdeterministic)"
    } else if version.has(16) {
        "pg_catalog.concat_ws(' ', o.collprovider::text, o.collcollate, o.collctype,
            o.colliculocale, o.collicurules, 'deterministic ' || o.collisdeterministic)"
    } else if version.has(15) {
        "pg_catalog.concat_ws(' ', o.collprovider::text, o.collcollate, o.collctype,
            o.colliculocale, 'deterministic ' || o.collisdeterministic)"
    } else {
        "pg_catalog.concat_ws(' ', o.collprovider::text, o.collcollate, o.collctype,
            'deterministic ' || o.collisdeterministic)"
    }
}

const CONVERSION: &str = "pg_catalog.format('%s to %s by %s%s',
    pg_catalog.pg_encoding_to_char(o.conforencoding), pg_catalog.pg_encoding_to_char(o.contoencoding),
    o.conproc, CASE WHEN o.condefault THEN ' default' ELSE '' END)";

const TEXT_SEARCH_CONFIGURATION: &str = "SELECT 'parser ' || pg_catalog.quote_ident(ps.prsname)
    || coalesce((SELECT '; ' || pg_catalog.string_agg(m.maptokentype || ': '
        || m.mapdict::pg_catalog.regdictionary, '; ' ORDER BY m.maptokentype, m.mapseqno)
    FROM pg_catalog.pg_ts_config_map m WHERE m.mapcfg = o.oid), '')
    FROM pg_catalog.pg_ts_parser ps WHERE ps.oid = o.cfgparser";

const TEXT_SEARCH_DICTIONARY: &str = "SELECT pg_catalog.concat_ws(' ', 'template '
    || pg_catalog.quote_ident(t.tmplname), o.dictinitoption)
    FROM pg_catalog.pg_ts_template t WHERE t.oid = o.dicttemplate";

fn foreign_data_wrapper() -> String {
    format!(
        "pg_catalog.concat_ws(', ', 'handler ' || o.fdwhandler::pg_catalog.regproc,
    'validator ' || o.fdwvalidator::pg_catalog.regproc, 'options ' || {})",
        options("o.fdwoptions")
    )
}

fn foreign_server() -> String {
    format!(
        "SELECT pg_catalog.concat_ws(', ', 'wrapper ' || pg_catalog.quote_ident(w.fdwname),
    'type ' || o.srvtype, 'version ' || o.srvversion, 'options ' || {})
    FROM pg_catalog.pg_foreign_data_wrapper w WHERE w.oid = o.srvfdw",
        options("o.srvoptions")
    )
}

/// Their connection strings are not for every role to read, nor for a manifest.
async fn subscriptions(client: &Client, assembly: &mut Assembly) -> Result<(), Error> {
    let query = "SELECT 'pg_catalog.pg_subscription'::pg_catalog.regclass::oid AS class,
    'subscription ' || pg_catalog.quote_ident(s.subname) AS name,
    pg_catalog.pg_get_userbyid(s.subowner)::text AS owner,
    pg_catalog.format('enabled %s publications %s', s.subenabled,
        pg_catalog.array_to_string(s.subpublications, ', ')) AS definition
FROM pg_catalog.pg_subscription s WHERE s.subdbid = (SELECT d.oid
    FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database())
ORDER BY s.subname";
    for (number, row) in (0u32..).zip(client.query(query, &[]).await?) {
        // The oid is not readable by every role before 14; any number does as an address.
        let object = assembly.add(
            (row.try_get("class")?, number),
            row.try_get("name")?,
            ObjectKind::Other,
        );
        object.owner = row.try_get("owner")?;
        object.definition = row.try_get("definition")?;
    }
    Ok(())
}

/// Names only: the options are secrets.
async fn user_mappings(client: &Client, assembly: &mut Assembly) -> Result<(), Error> {
    let query = "SELECT 'pg_catalog.pg_user_mapping'::pg_catalog.regclass::oid AS class,
    m.umid AS oid, pg_catalog.format('user mapping for %s on server %I',
        CASE WHEN m.umuser = 0 THEN 'PUBLIC' ELSE pg_catalog.quote_ident(m.usename) END, m.srvname)
    AS name FROM pg_catalog.pg_user_mappings m";
    for row in client.query(query, &[]).await? {
        let address = (row.try_get("class")?, row.try_get("oid")?);
        assembly.add(address, row.try_get("name")?, ObjectKind::Other);
    }
    Ok(())
}

/// Large objects that somebody owns, may read or is told about in a way that is not stock.
/// Content is read elsewhere; these are few even where large objects are many.
async fn large_objects(client: &Client, assembly: &mut Assembly) -> Result<(), Error> {
    let query = "SELECT 'pg_catalog.pg_largeobject'::pg_catalog.regclass::oid AS class, m.oid,
    'large object ' || m.oid AS name, pg_catalog.pg_get_userbyid(m.lomowner)::text AS owner
FROM pg_catalog.pg_largeobject_metadata m
JOIN pg_catalog.pg_database d ON d.datname = pg_catalog.current_database()
WHERE m.lomacl IS NOT NULL OR m.lomowner <> d.datdba OR EXISTS (
    SELECT 1 FROM pg_catalog.pg_description t WHERE t.objoid = m.oid
    AND t.classoid = 'pg_catalog.pg_largeobject'::pg_catalog.regclass)
ORDER BY m.oid LIMIT 10000";
    for row in client.query(query, &[]).await? {
        let address = (row.try_get("class")?, row.try_get("oid")?);
        let object = assembly.add(address, row.try_get("name")?, ObjectKind::Other);
        object.owner = row.try_get("owner")?;
    }
    Ok(())
}
