//! Functions, procedures, window functions and aggregates.

use tokio_postgres::{Client, Error};

use super::assembly::{Assembly, class};
use super::sql::{USER_SCHEMA, not_member};
use crate::snapshot::ObjectKind;

pub(super) async fn read(client: &Client, assembly: &mut Assembly) -> Result<(), Error> {
    for row in client.query(&query(), &[]).await? {
        let address = (class::ROUTINE, row.try_get("oid")?);
        let object = assembly.add(address, row.try_get("name")?, ObjectKind::Function);
        object.owner = row.try_get("owner")?;
        object.definition = row.try_get("definition")?;
    }
    Ok(())
}

/// `pg_get_functiondef` refuses aggregates, so those are described by hand.
fn query() -> String {
    format!(
        "SELECT p.oid, p.oid::pg_catalog.regprocedure::text AS name,
    pg_catalog.pg_get_userbyid(p.proowner)::text AS owner,
    CASE WHEN p.prokind <> 'a' THEN pg_catalog.pg_get_functiondef(p.oid)
    ELSE (SELECT pg_catalog.format('AGGREGATE %s RETURNS %s SFUNC %s STYPE %s',
            pg_catalog.pg_get_function_arguments(p.oid),
            pg_catalog.pg_get_function_result(p.oid),
            g.aggtransfn::pg_catalog.regprocedure,
            pg_catalog.format_type(g.aggtranstype, NULL))
        || coalesce(' FINALFUNC ' || nullif(g.aggfinalfn::oid, 0)::pg_catalog.regprocedure, '')
        || coalesce(' COMBINEFUNC ' || nullif(g.aggcombinefn::oid, 0)::pg_catalog.regprocedure, '')
        || coalesce(' INITCOND ' || pg_catalog.quote_literal(g.agginitval), '')
        || coalesce(' SORTOP ' || nullif(g.aggsortop, 0)::pg_catalog.regoperator, '')
        || ' PARALLEL ' || p.proparallel::text
      FROM pg_catalog.pg_aggregate g WHERE g.aggfnoid = p.oid)
    END AS definition
FROM pg_catalog.pg_proc p
JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
WHERE {USER_SCHEMA} AND {}
AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_depend made
    WHERE made.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass
    AND made.objid = p.oid AND made.deptype = 'i')",
        not_member("pg_proc", "p.oid")
    )
}
