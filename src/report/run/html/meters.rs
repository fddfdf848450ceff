//! Bars: rows and sizes before and after, locks held.

use std::fmt::Write as _;

use super::super::super::figures::{count, size};
use super::super::verdict::{changes, milliseconds};
use super::super::{RunArchive, RunLock, RunRehearsal, RunReport};
use super::escape::Text;
use crate::snapshot::diff::{Difference, ObjectChange};

/// So many tables have bars of their own.
const SHOWN: usize = 12;

/// A pair of figures, before and after.
struct Pair {
    label: String,
    code: bool,
    before: u64,
    after: u64,
    words: fn(u64) -> String,
}

/// Rows and sizes, before and after.
pub fn section(report: &RunReport) -> String {
    let totals = totals(report);
    let tables = tables(report);
    if totals.is_empty() && tables.is_empty() {
        return String::new();
    }
    let mut html = String::from(
        "<section aria-labelledby=\"figures\"><h2 id=\"figures\">Rows and sizes, before and after</h2>\n",
    );
    if !totals.is_empty() {
        let all: String = totals.iter().map(|pair| pair.bars(pair.most())).collect();
        let _ = write!(html, "<ul class=\"meters\">{all}</ul>");
    }
    if !tables.is_empty() {
        // One scale for all tables, so that they can be compared.
        let most = tables.iter().map(Pair::most).max().unwrap_or(1);
        let all: String = tables.iter().map(|pair| pair.bars(most)).collect();
        let _ = write!(
            html,
            "<h3>Rows by table, where they changed</h3><ul class=\"meters\">{all}</ul>"
        );
    }
    html.push_str("</section>\n");
    html
}

impl Pair {
    fn most(&self) -> u64 {
        self.before.max(self.after).max(1)
    }

    fn bars(&self, most: u64) -> String {
        let label = if self.code {
            format!("<code>{}</code>", Text(&self.label))
        } else {
            Text(&self.label).to_string()
        };
        format!(
            "<li class=\"two part\"><span class=\"label\">{label}</span><span class=\"bars\">{}{}</span>\
             <span class=\"value\">{} → {}</span></li>",
            meter("was", self.before, most),
            meter("is", self.after, most),
            (self.words)(self.before),
            (self.words)(self.after),
        )
    }
}

/// One bar; empty where there is nothing.
fn meter(class: &str, value: u64, most: u64) -> String {
    if value == 0 {
        return "<span class=\"meter\"></span>".to_owned();
    }
    format!(
        "<span class=\"meter\"><b class=\"{class}\" style=\"width:{:.2}%\"></b></span>",
        share(value, most) * 100.0
    )
}

#[expect(clippy::cast_precision_loss, reason = "the length of a bar")]
fn share(value: u64, most: u64) -> f64 {
    (value as f64 / most.max(1) as f64).min(1.0)
}

fn totals(report: &RunReport) -> Vec<Pair> {
    let mut pairs = Vec::new();
    for target in &report.targets {
        let several = report.targets.len() > 1;
        let name = |what: &str| {
            if several {
                format!("{}: {what}", target.target)
            } else {
                what.to_owned()
            }
        };
        let of = |step: &str| archive(report, &target.target, step);
        if let (Some(before), Some(after)) = (of("before"), of("after")) {
            pairs.push(Pair::new(name("rows"), (before.rows, after.rows), count));
            if before.bytes_raw > 0 && after.bytes_raw > 0 {
                let bytes = (before.bytes_raw, after.bytes_raw);
                pairs.push(Pair::new(name("data"), bytes, size));
            }
            let bytes = (before.bytes_stored, after.bytes_stored);
            pairs.push(Pair::new(name("archive"), bytes, size));
        }
        let rehearsal = report
            .rehearsals
            .iter()
            .find(|rehearsal| rehearsal.target.as_ref() == Some(&target.target));
        if let Some(bytes) = rehearsal.and_then(|r| Some((r.bytes_before?, r.bytes_after?))) {
            pairs.push(Pair::new(name("the copy on its server"), bytes, size));
        }
    }
    pairs
}

impl Pair {
    fn new(label: String, (before, after): (u64, u64), words: fn(u64) -> String) -> Self {
        Self {
            label,
            code: false,
            before,
            after,
            words,
        }
    }
}

/// The last one: a fresh before-backup takes the place of the first.
fn archive<'a>(report: &'a RunReport, target: &str, step: &str) -> Option<&'a RunArchive> {
    report.archives.iter().rev().find(|archive| {
        archive.step == step && archive.target.as_deref().is_none_or(|of| of == target)
    })
}

/// The tables whose rows came or went, those that changed most first.
fn tables(report: &RunReport) -> Vec<Pair> {
    let differences: Vec<Difference> = changes(report)
        .into_iter()
        .filter(|changed| !changed.rehearsed || report.differences.is_empty())
        .filter_map(|changed| changed.difference)
        .collect();
    let mut pairs: Vec<Pair> = differences
        .iter()
        .flat_map(|difference| &difference.objects)
        .filter_map(pair)
        .collect();
    pairs.sort_by_key(|pair| std::cmp::Reverse(pair.before.abs_diff(pair.after)));
    pairs.truncate(SHOWN);
    pairs
}

fn pair(object: &ObjectChange) -> Option<Pair> {
    let (before, after) = (object.rows_before, object.rows_after);
    let (before, after) = (before.unwrap_or(0), after.unwrap_or(0));
    (before != after).then(|| Pair {
        label: object.object.clone(),
        code: true,
        before,
        after,
        words: count,
    })
}

/// What the rehearsal showed of the real run's effect on users.
pub fn rehearsals(report: &RunReport) -> String {
    report
        .rehearsals
        .iter()
        .enumerate()
        .map(|(number, rehearsal)| rehearsal_section(report, rehearsal, number))
        .collect()
}

fn rehearsal_section(report: &RunReport, rehearsal: &RunRehearsal, number: usize) -> String {
    let locks = lock_bars(&rehearsal.locks);
    let notes = rehearsal_notes(rehearsal);
    if locks.is_empty() && notes.is_empty() {
        return String::new();
    }
    let of = match &rehearsal.target {
        Some(target) if report.targets.len() > 1 => format!(": {target}"),
        Some(_) | None => String::new(),
    };
    let mut html = format!(
        "<section aria-labelledby=\"rehearsal{number}\"><h2 id=\"rehearsal{number}\">What the rehearsal showed{}</h2>\n",
        Text(&of)
    );
    if !locks.is_empty() {
        let _ = write!(
            html,
            "<h3>Locks held on the copy: expect the same on the target</h3><ul class=\"meters\">{locks}</ul>"
        );
    }
    if !notes.is_empty() {
        let items: String = notes
            .iter()
            .map(|note| format!("<li>{note}</li>"))
            .collect();
        let _ = write!(html, "<h3>Seen</h3><ul class=\"plain\">{items}</ul>");
    }
    html.push_str("</section>\n");
    html
}

fn lock_bars(locks: &[RunLock]) -> String {
    let longest = |lock: &RunLock| lock.reads_blocked_ms.max(lock.writes_blocked_ms);
    let most = locks.iter().map(longest).max().unwrap_or(0);
    let mut html: String = locks
        .iter()
        .filter(|lock| longest(lock) > 0)
        .take(SHOWN)
        .map(|lock| lock_bar(lock, most))
        .collect();
    let held = locks.iter().filter(|lock| longest(lock) > 0).count();
    if let Some(more) = held.checked_sub(SHOWN).filter(|more| *more > 0) {
        let _ = write!(
            html,
            "<li class=\"part\"><span class=\"soft\">and {more} more</span></li>"
        );
    }
    html
}

fn lock_bar(lock: &RunLock, most: u64) -> String {
    let mut bars = String::new();
    let mut words = Vec::new();
    for (class, blocked) in [
        ("reads", lock.reads_blocked_ms),
        ("writes", lock.writes_blocked_ms),
    ] {
        if blocked > 0 {
            bars.push_str(&meter(class, blocked, most));
            words.push(format!("{class} blocked {}", milliseconds(blocked)));
        }
    }
    format!(
        "<li class=\"two part\"><span class=\"label\"><code>{}</code></span><span class=\"bars\">{bars}</span>\
         <span class=\"value\">{}</span></li>",
        Text(&lock.object),
        words.join("<br/>"),
    )
}

/// Sentences, ready for the page.
fn rehearsal_notes(rehearsal: &RunRehearsal) -> Vec<String> {
    let mut notes = Vec::new();
    if let Some(longest) = rehearsal.longest_statement_ms {
        notes.push(format!(
            "The longest statement took {}.",
            milliseconds(longest)
        ));
    }
    if let (true, Some(copy)) = (rehearsal.kept, &rehearsal.copy) {
        notes.push(format!("The copy <code>{}</code> was kept.", Text(copy)));
    }
    if rehearsal.reached == Some(false) {
        notes.push("COMMAND was not seen to reach the copy.".to_owned());
    }
    for session in &rehearsal.sessions {
        let who = format!(
            "session {} <code>{}</code> from {}",
            session.pid,
            Text(&session.application),
            Text(&session.client)
        );
        notes.push(match (&session.belongs, session.ended) {
            (Some(why), true) => format!(
                "COMMAND's {who} was on the original and was ended ({}).",
                Text(why)
            ),
            (Some(why), false) => format!("COMMAND's {who} was on the original ({}).", Text(why)),
            (None, _) => format!("On the original too, and it is not known whose: {who}."),
        });
    }
    for name in &rehearsal.names_original {
        notes.push(format!(
            "Still names the original: <code>{}</code>",
            Text(name)
        ));
    }
    for what in &rehearsal.not_watched {
        notes.push(format!("Not watched: {}", Text(what)));
    }
    notes
}
