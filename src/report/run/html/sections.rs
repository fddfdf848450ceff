//! The smaller parts of the page: why it stopped, the way back, what others did, waivers,
//! archives.

use std::fmt::Write as _;

use super::super::super::figures::{count, counted, size};
use super::super::verdict::{Tone, causes, tone};
use super::super::{RunArchive, RunQuiet, RunReport};
use super::escape::Text;

/// Why the run stopped.
pub fn stopped(report: &RunReport) -> String {
    let Some(error) = &report.error else {
        return String::new();
    };
    let causes: String = causes(report)
        .into_iter()
        .map(|cause| format!("<li>{}</li>", Text(cause)))
        .collect();
    let hint = error.hint.as_ref().map_or_else(String::new, |hint| {
        format!("<p class=\"note\">hint: {}</p>", Text(hint))
    });
    let class = match tone(report) {
        Tone::Bad => "alarm",
        Tone::Good | Tone::Care | Tone::Calm => "heed",
    };
    let causes = if causes.is_empty() {
        causes
    } else {
        format!("<ul>{causes}</ul>")
    };
    format!(
        "<section class=\"stop {class}\" aria-labelledby=\"stopped\"><h2 id=\"stopped\">Why it stopped</h2>\
         <p>{}</p>{causes}{hint}</section>\n",
        Text(&error.message)
    )
}

/// The commands that put things back.
pub fn way_back(report: &RunReport) -> String {
    if report.undo.is_empty() {
        return String::new();
    }
    let command = |text: &String| format!("<code class=\"cmd\">{}</code>", Text(text));
    let commands: String = report.undo.iter().map(command).collect();
    format!(
        "<section aria-labelledby=\"undo\"><h2 id=\"undo\">The way back</h2>{commands}</section>\n"
    )
}

/// What was seen of others' writes; what came out differently than rehearsed.
pub fn others(report: &RunReport) -> String {
    let mut html = String::new();
    if !report.unlike_rehearsal.is_empty() {
        let items: String = report
            .unlike_rehearsal
            .iter()
            .map(|line| format!("<li>{}</li>", Text(line)))
            .collect();
        let _ = writeln!(
            html,
            "<section class=\"heed\" aria-labelledby=\"unlike\"><h2 id=\"unlike\">Not as rehearsed</h2>\
             <ul class=\"plain\">{items}</ul></section>"
        );
    }
    if !report.quiet.is_empty() {
        let heed = report.quiet.iter().any(|quiet| quiet.verdict != "quiet");
        let items: String = report.quiet.iter().map(|q| quiet(report, q)).collect();
        let _ = writeln!(
            html,
            "<section{} aria-labelledby=\"others\"><h2 id=\"others\">Writes of others</h2>\
             <ul class=\"plain\">{items}</ul></section>",
            if heed { " class=\"heed\"" } else { "" },
        );
    }
    html
}

fn quiet(report: &RunReport, seen: &RunQuiet) -> String {
    let (class, word) = match seen.verdict.as_str() {
        "quiet" => ("good", "quiet"),
        "written" => ("care", "written"),
        _ => ("care", "not known"),
    };
    let target = match &seen.target {
        Some(target) if report.targets.len() > 1 => format!(" of {target}"),
        Some(_) | None => String::new(),
    };
    let mut how = Vec::new();
    if !seen.how.is_empty() {
        how.push(seen.how.clone());
    }
    how.extend(seen.why.clone());
    if seen.tables_read > 0 {
        let tables = counted(seen.tables_read, "table", "tables");
        how.push(format!("{tables} read again"));
    }
    let written: String = seen
        .written
        .iter()
        .map(|written| {
            let rows = match written.rows_at_least {
                Some(rows) => format!(": at least {}", counted(rows, "row", "rows")),
                None => String::new(),
            };
            format!("<li><code>{}</code>{rows}</li>", Text(&written.object))
        })
        .collect();
    let written = if written.is_empty() {
        written
    } else {
        format!("<ul>{written}</ul>")
    };
    format!(
        "<li>{}{} <span class=\"tag {class}\">{word}</span> <span class=\"soft\">{}</span>{written}</li>",
        Text(&seen.step),
        Text(&target),
        Text(&how.join(" · ")),
    )
}

/// What was waived, and why.
pub fn waivers(report: &RunReport) -> String {
    if report.waived.is_empty() {
        return String::new();
    }
    let items: String = report
        .waived
        .iter()
        .map(|waiver| {
            format!(
                "<li><code>{}</code> <span class=\"soft\">because</span> {}</li>",
                Text(&waiver.flag),
                Text(&waiver.reason)
            )
        })
        .collect();
    format!(
        "<section class=\"heed\" aria-labelledby=\"waived\"><h2 id=\"waived\">Waived</h2>\
         <ul class=\"plain\">{items}</ul></section>\n"
    )
}

/// The archives, with what their proofs showed.
pub fn archives(report: &RunReport) -> String {
    if report.archives.is_empty() {
        return String::new();
    }
    let rows: String = report
        .archives
        .iter()
        .map(|archive| archive_row(report, archive))
        .collect();
    format!(
        "<section aria-labelledby=\"archives\"><h2 id=\"archives\">Archives</h2>\n\
         <table><thead><tr><th>step</th><th>archive</th><th class=\"num\">rows</th><th class=\"num\">size</th></tr></thead>\
         <tbody>{rows}</tbody></table></section>\n"
    )
}

fn archive_row(report: &RunReport, archive: &RunArchive) -> String {
    let step = match &archive.target {
        Some(target) if report.targets.len() > 1 => format!("{} · {target}", archive.step),
        Some(_) | None => archive.step.clone(),
    };
    let proof = match archive.proof.as_deref() {
        Some("identical") => "<span class=\"tag good\">proven identical</span>".to_owned(),
        Some(other) => format!("<span class=\"tag bad\">{}</span>", Text(other)),
        None => "<span class=\"soft\">not proven</span>".to_owned(),
    };
    let fuzzy = match archive.consistent {
        Some(true) => "",
        Some(false) => " <span class=\"tag care\">fuzzy: others wrote meanwhile</span>",
        None => " <span class=\"tag care\">consistency not known</span>",
    };
    format!(
        "<tr><td title=\"step\">{}</td><td><code>{}</code> {proof}{fuzzy}</td>\
         <td class=\"num\" title=\"rows\">{}</td><td class=\"num\" title=\"size\">{}</td></tr>\n",
        Text(&step),
        Text(&archive.path),
        count(archive.rows),
        size(archive.bytes_stored),
    )
}

/// Where the rest lies.
pub fn footer(report: &RunReport) -> String {
    let mut places = Vec::new();
    for (name, path) in [("journal", &report.journal), ("bundle", &report.bundle)] {
        if let Some(path) = path {
            places.push((name, path.clone()));
        }
    }
    let mut logs: Vec<&String> = report.steps.iter().filter_map(|s| s.log.as_ref()).collect();
    logs.dedup();
    places.extend(logs.into_iter().map(|log| ("log", log.clone())));
    let items: String = places
        .iter()
        .map(|(name, path)| format!("<div>{name} <code>{}</code></div>", Text(path)))
        .collect();
    format!("<footer>{items}<div>Made from the run's journal alone.</div></footer>\n")
}
