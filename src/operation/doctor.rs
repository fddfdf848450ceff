//! What is missing, and how to fix it.

use serde::Serialize;

use super::{OperationError, Workspace};
use crate::connection::Target;
use crate::engine::{Check, CheckState, EngineError, Inspection};

/// What a finding is about; decides the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Area {
    /// The place where archives live.
    Store,
    /// The vendors' tools.
    Tools,
    /// Reaching the server and being allowed to.
    Connection,
    /// The server and the database themselves.
    Server,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What it is about.
    pub area: Area,
    /// What was looked at, what was found, how to fix it.
    #[serde(flatten)]
    pub check: Check,
}

/// Everything that was looked at.
#[derive(Debug, Default)]
pub struct Diagnosis {
    /// In the order of looking.
    pub findings: Vec<Finding>,
    /// What the server told, if it was reached.
    pub inspection: Option<Inspection>,
    /// What kept it from being looked at.
    pub obstacle: Option<OperationError>,
}

impl Diagnosis {
    /// The areas in which something fails.
    #[must_use]
    pub fn fails(&self, area: Area) -> bool {
        self.findings
            .iter()
            .any(|finding| finding.area == area && finding.check.state == CheckState::Failure)
    }
}

/// Looks at a target without changing anything on its server.
pub async fn doctor(ws: &Workspace, target: &Target) -> Diagnosis {
    let mut diagnosis = Diagnosis::default();
    let inspected = match ws.engines.get(target.engine()) {
        Ok(engine) => engine
            .inspect(&ws.context(), target)
            .await
            .map_err(OperationError::from),
        Err(error) => Err(error),
    };
    match inspected {
        Ok(inspection) => {
            diagnosis.findings.push(reached(&inspection, target));
            diagnosis
                .findings
                .extend(inspection.checks.iter().map(|check| Finding {
                    area: area_of(check, &inspection),
                    check: check.clone(),
                }));
            diagnosis.inspection = Some(inspection);
        }
        Err(error) => {
            diagnosis.findings.push(obstacle(&error, target));
            diagnosis.obstacle = Some(error);
        }
    }
    diagnosis
}

fn reached(inspection: &Inspection, target: &Target) -> Finding {
    Finding {
        area: Area::Connection,
        check: Check {
            what: "connection".to_owned(),
            state: CheckState::Ok,
            found: format!(
                "{} {} at {}",
                inspection.product,
                inspection.server_version,
                target.display_url()
            ),
            fix: None,
        },
    }
}

fn obstacle(error: &OperationError, target: &Target) -> Finding {
    let area = match error {
        OperationError::Process(_) | OperationError::Engine(EngineError::Process(_)) => Area::Tools,
        _ => Area::Connection,
    };
    Finding {
        area,
        check: Check {
            what: match area {
                Area::Tools => "tools".to_owned(),
                _ => format!("connection to {}", target.display_url()),
            },
            state: CheckState::Failure,
            found: error.to_string(),
            fix: None,
        },
    }
}

/// The vendors' tools as engines name them in their checks.
const TOOLS: [&str; 5] = ["pg_dump", "pg_restore", "psql", "mongodump", "mongorestore"];

fn area_of(check: &Check, inspection: &Inspection) -> Area {
    let names_a_tool = |name: &str| check.what.split_whitespace().any(|word| word == name);
    let used = inspection
        .tools
        .iter()
        .filter_map(|tool| tool.split_whitespace().next());
    if TOOLS.into_iter().chain(used).any(names_a_tool) {
        Area::Tools
    } else {
        Area::Server
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checks_about_tools_are_told_from_checks_about_the_server() {
        let check = |what: &str| Check {
            what: what.to_owned(),
            state: CheckState::Failure,
            found: String::new(),
            fix: None,
        };
        let inspection = Inspection {
            server_version: "16.14".to_owned(),
            product: "PostgreSQL".to_owned(),
            bytes: 0,
            data_bytes: 0,
            tables: 0,
            tools: vec!["newtool 3.1 (/bin/newtool)".to_owned()],
            identity: None,
            standby: false,
            free_bytes: None,
            checks: Vec::new(),
        };
        assert_eq!(area_of(&check("pg_dump"), &inspection), Area::Tools);
        assert_eq!(
            area_of(&check("version of pg_restore"), &inspection),
            Area::Tools
        );
        assert_eq!(area_of(&check("newtool"), &inspection), Area::Tools);
        assert_eq!(
            area_of(&check("right to create databases"), &inspection),
            Area::Server
        );
    }
}
