//! Whether a template is still what it was when it was closed.

use chrono::Utc;

use crate::connection::Target;
use crate::engine::templates::{Condition, KnownTemplate};
use crate::engine::{Context, CopyKind, EngineError};

use super::super::copies::Marker;
use super::super::server::{self, Server};
use super::super::sql_error::sql;

/// What the server says of a template.
struct Seen {
    oid: u32,
    comment: String,
    open: bool,
    seal: String,
    own: bool,
    occupied: bool,
}

/// Looks at it, from outside.
pub(super) async fn examine(
    context: &Context,
    on: &Target,
    template: &KnownTemplate,
) -> Result<Condition, EngineError> {
    let session = server::maintenance(context, on).await?;
    let facts = server::facts(&session, on).await?;
    if facts.identity != template.server_identity {
        return Ok(Condition::Elsewhere);
    }
    // Only what this role made itself: anybody who may create a database may write a comment
    // like ours on it.
    let row = session
        .query_opt(
            "SELECT d.oid, coalesce(pg_catalog.shobj_description(d.oid, 'pg_database'), ''),
                    d.datallowconn, d.xmin::pg_catalog.text,
                    pg_catalog.pg_get_userbyid(d.datdba) = current_user,
                    EXISTS (SELECT FROM pg_catalog.pg_stat_activity a
                             WHERE a.datid = d.oid AND a.usesysid IS NOT NULL)
               FROM pg_catalog.pg_database d WHERE d.datname = $1",
            &[&template.name],
        )
        .await
        .map_err(sql(
            on,
            format!("the template {} could not be looked at", template.name),
        ))?;
    let Some(row) = row else {
        return Ok(Condition::Gone);
    };
    let seen = Seen {
        oid: row.get(0),
        comment: row.get(1),
        open: row.get(2),
        seal: row.get(3),
        own: row.get(4),
        occupied: row.get(5),
    };
    Ok(judge(&facts, template, &seen))
}

fn judge(server: &Server, template: &KnownTemplate, seen: &Seen) -> Condition {
    let off = |why: &str| Condition::Doubtful(why.to_owned());
    if seen.oid.to_string() != template.identity {
        return off("another database has its name now");
    }
    let Some(marker) = Marker::find(&seen.comment) else {
        return off("it carries no mark of bookend any more");
    };
    if !marker.is_genuine(server.system(), seen.oid) {
        return off("its mark was made for another database");
    }
    let Some(mark) = marker.template.filter(|_| marker.kind == CopyKind::Staging) else {
        return off("it is not marked as a template");
    };
    if mark.manifest_sha256 != template.manifest_sha256 {
        return off("it is of another archive");
    }
    if !seen.own {
        return off("it belongs to another role");
    }
    if let Some(expired) = marker.expires.filter(|expires| *expires <= Utc::now()) {
        return Condition::Expired(expired);
    }
    if seen.open {
        return off("it lets sessions in");
    }
    if seen.seal != mark.seal {
        return off("it was altered after it was closed, so somebody may have been in it");
    }
    if seen.occupied {
        return off("a session is connected to it");
    }
    Condition::AsClosed(mark)
}

#[cfg(test)]
mod tests {
    use crate::engine::Publication;
    use chrono::{DateTime, TimeDelta};

    use super::*;
    use crate::engine::templates::TemplateMark;

    fn server() -> Server {
        Server {
            version: "16.14".to_owned(),
            version_num: 160_014,
            identity: Some("7".to_owned()),
            standby: false,
            role: "ada".to_owned(),
            superuser: false,
            create_database: true,
        }
    }

    fn marker() -> Marker {
        let expires = Utc::now() + TimeDelta::days(1);
        let made = Marker::disposable("7", 5, "r", DateTime::UNIX_EPOCH);
        Marker {
            template: Some(TemplateMark {
                manifest_sha256: "ab".to_owned(),
                proven_at: DateTime::UNIX_EPOCH,
                receipt: "shop.tar.proof.json".to_owned(),
                seal: "700".to_owned(),
                contents: "c".to_owned(),
            }),
            ..made.published("t", &Publication::staging("shop", expires))
        }
    }

    fn seen(marker: &Marker) -> Seen {
        Seen {
            oid: 5,
            comment: marker.comment(Some("mine")).unwrap(),
            open: false,
            seal: "700".to_owned(),
            own: true,
            occupied: false,
        }
    }

    fn known() -> KnownTemplate {
        KnownTemplate {
            name: "shop_bookend_1".to_owned(),
            identity: "5".to_owned(),
            server_identity: Some("7".to_owned()),
            manifest_sha256: "ab".to_owned(),
        }
    }

    #[test]
    fn a_template_is_used_only_while_nothing_about_it_has_changed() {
        let judged = |marker: &Marker, change: &dyn Fn(&mut Seen)| {
            let mut seen = seen(marker);
            change(&mut seen);
            judge(&server(), &known(), &seen)
        };
        let genuine = marker();
        assert!(matches!(
            judged(&genuine, &|_| ()),
            Condition::AsClosed(mark) if mark.seal == "700"
        ));
        let changes: [&dyn Fn(&mut Seen); 6] = [
            &|seen| seen.oid = 6,
            &|seen| seen.comment = "mine".to_owned(),
            &|seen| seen.open = true,
            &|seen| seen.seal = "701".to_owned(),
            &|seen| seen.own = false,
            &|seen| seen.occupied = true,
        ];
        for (number, change) in changes.iter().enumerate() {
            let judged = judged(&genuine, change);
            assert!(
                matches!(judged, Condition::Doubtful(_)),
                "{number}: {judged:?}"
            );
        }
        let others = [
            Marker { oid: 6, ..marker() },
            Marker {
                system: "8".to_owned(),
                ..marker()
            },
            Marker {
                kind: CopyKind::Disposable,
                ..marker()
            },
            Marker {
                template: None,
                ..marker()
            },
        ];
        for other in &others {
            let judged = judged(other, &|_| ());
            assert!(matches!(judged, Condition::Doubtful(_)), "{other:?}");
        }
        let mut another_archive = marker();
        if let Some(mark) = &mut another_archive.template {
            "cd".clone_into(&mut mark.manifest_sha256);
        }
        assert!(matches!(
            judged(&another_archive, &|_| ()),
            Condition::Doubtful(_)
        ));
    }

    #[test]
    fn a_template_that_expired_is_told_from_one_that_is_doubtful() {
        let old = Marker {
            expires: Some(DateTime::UNIX_EPOCH),
            ..marker()
        };
        let judged = judge(&server(), &known(), &seen(&old));
        assert_eq!(judged, Condition::Expired(DateTime::UNIX_EPOCH));
    }
}
