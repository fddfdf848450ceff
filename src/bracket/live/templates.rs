//! Copies that are cloned from a template, and templates that proofs leave.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::super::event::{Proven, Stop};
use super::super::hands::{Proved, Trouble};
use super::super::journal::{ArchiveFacts, CopyFacts, ProofFacts, Setback, TemplateFacts};
use super::copies::Kept;
use super::rehearsal::KEPT_FOR;
use super::{Live, Subject};
use crate::operation::{self, Candidate, Cloned};
use crate::store::{Receipt, Verdict};

impl Live {
    /// Starts from a template of the archive, if there is a genuine one where copies go; else
    /// says why those that are there were passed by.
    pub(super) async fn start_from_template(
        &self,
        target: usize,
        archive: &ArchiveFacts,
    ) -> Result<(Option<Proved>, Vec<String>), Trouble> {
        let subject = self.subject(target)?;
        let path = Path::new(&archive.path);
        let sought = operation::clone_template(&self.ws, path, &subject.place)
            .await
            .map_err(|error| self.trouble(&error))?;
        let Some(cloned) = sought.cloned else {
            return Ok((None, sought.passed_by));
        };
        let mut lines = vec![format!(
            "identical: cloned from template {}, proven {}; not read again",
            cloned.template,
            moment(cloned.proven_at)
        )];
        lines.extend(sought.passed_by);
        let facts = ProofFacts {
            verdict: Verdict::Identical.to_string(),
            receipt: Some(path.with_file_name(&cloned.receipt).display().to_string()),
            differences: Vec::new(),
            template: Some(facts(&cloned, false)),
        };
        let copy = self.keep_clone(target, subject, archive, *cloned);
        let proved = Proved {
            proven: Proven::Identical,
            facts,
            copy: Some(copy),
            lines,
        };
        Ok((Some(proved), Vec::new()))
    }

    fn keep_clone(
        &self,
        target: usize,
        subject: &Subject,
        archive: &ArchiveFacts,
        cloned: Cloned,
    ) -> CopyFacts {
        let facts = CopyFacts {
            name: cloned.copy.name.clone(),
            server: cloned.copy.target.display_url(),
        };
        self.keep(Kept {
            target,
            archive: archive.id.clone(),
            engine: subject.target.engine(),
            copy: cloned.copy,
            found: Some(Arc::from(cloned.found)),
        });
        facts
    }

    /// Makes the copy that was just proven a template, and rehearses on a clone of it. If it
    /// cannot be one, that is told, and the rehearsal is on the copy itself.
    pub(super) async fn leave_template(
        &self,
        kept: Kept,
        archive: &ArchiveFacts,
        (receipt, receipt_path): (&Receipt, &PathBuf),
        proved: &mut Proved,
    ) -> Result<(), Trouble> {
        let expires = Utc::now() + KEPT_FOR;
        let path = Path::new(&archive.path);
        let closed = match &kept.found {
            Some(found) => {
                let candidate = Candidate {
                    copy: &kept.copy,
                    found,
                    receipt,
                    receipt_path,
                    expires,
                };
                operation::keep_template(&self.ws, path, &candidate).await
            }
            None => Err(operation::OperationError::Broken {
                what: "keeping what the proof read",
            }),
        };
        if let Err(error) = closed {
            let why = (self.surroundings.explain)(&error).setback;
            proved
                .lines
                .push(format!("no template is kept: {}", why.message));
            proved.lines.extend(why.causes);
            proved.copy = Some(copy_facts(&kept));
            self.keep(kept);
            return Ok(());
        }
        self.go_on_with_a_clone(kept, archive, proved, expires)
            .await
    }

    async fn go_on_with_a_clone(
        &self,
        kept: Kept,
        archive: &ArchiveFacts,
        proved: &mut Proved,
        expires: DateTime<Utc>,
    ) -> Result<(), Trouble> {
        let (target, template) = (kept.target, kept.copy.name.clone());
        let subject = self.subject(target)?;
        let path = Path::new(&archive.path);
        let cloned = match operation::clone_template(&self.ws, path, &subject.place).await {
            Ok(sought) => sought
                .cloned
                .ok_or_else(|| not_cloned(&template, sought.passed_by)),
            Err(error) => Err(self.trouble(&error)),
        };
        let cloned = match cloned {
            Ok(cloned) => cloned,
            Err(mut trouble) => {
                if let Err(error) = operation::drop_template(&self.ws, kept.copy).await {
                    let left = (self.surroundings.explain)(&error).setback;
                    trouble.setback.causes.push(left.message);
                }
                return Err(trouble);
            }
        };
        proved.lines.push(format!(
            "template {} is kept until {}; what is rehearsed on is a clone of it",
            cloned.template,
            expires.format("%Y-%m-%d")
        ));
        proved.facts.template = Some(facts(&cloned, true));
        proved.copy = Some(self.keep_clone(target, subject, archive, *cloned));
        Ok(())
    }
}

pub(super) fn copy_facts(kept: &Kept) -> CopyFacts {
    CopyFacts {
        name: kept.copy.name.clone(),
        server: kept.copy.target.display_url(),
    }
}

fn facts(cloned: &Cloned, read: bool) -> TemplateFacts {
    TemplateFacts {
        name: cloned.template.clone(),
        proven_at: cloned.proven_at,
        read,
    }
}

fn moment(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn not_cloned(template: &str, causes: Vec<String>) -> Trouble {
    Trouble {
        stop: Stop::Failed,
        setback: Setback {
            code: "not-cloned".to_owned(),
            message: format!("the template {template} was proven, and could not be cloned"),
            causes,
            hint: Some("run it again without --template".to_owned()),
        },
    }
}
