//! A run as one page: no script, nothing fetched, light and dark, desk and phone.
//!
//! The markup is well-formed XML too, which tests rely on to hold that no name can break out.

mod changes;
mod escape;
mod meters;
mod sections;
mod timeline;

use super::RunReport;
use super::verdict::{Tone, loss_sentence, sentence, targets, tone};
use escape::Text;

/// Nothing may be fetched, run or sent, whatever a name holds.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'";

/// Two bookends with what stands between them.
const EMBLEM: &str = "<svg viewBox=\"0 0 30 22\" aria-hidden=\"true\" fill=\"none\" stroke=\"currentColor\" \
    stroke-width=\"2.4\" stroke-linecap=\"round\" stroke-linejoin=\"round\"><path d=\"M3 2v18h7M27 2v18h-7\"/>\
    <path d=\"M10.5 7v9M15 4.5v11.5M19.5 8v8\" opacity=\".5\"/></svg>";

/// The whole page.
#[must_use]
pub fn run_html(report: &RunReport) -> String {
    let mut html = head(report);
    html.push_str("<body><main>\n");
    html.push_str(&mast(report));
    html.push_str(&changes::losses_section(report));
    html.push_str(&sections::stopped(report));
    html.push_str(&sections::way_back(report));
    html.push_str(&timeline::section(report));
    html.push_str(&changes::sections(report));
    html.push_str(&meters::rehearsals(report));
    html.push_str(&sections::others(report));
    html.push_str(&meters::section(report));
    html.push_str(&sections::waivers(report));
    html.push_str(&sections::archives(report));
    html.push_str(&sections::footer(report));
    html.push_str("</main></body></html>\n");
    html
}

fn head(report: &RunReport) -> String {
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"/>\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{}\"/>\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n\
         <meta name=\"color-scheme\" content=\"light dark\"/>\n\
         <meta name=\"referrer\" content=\"no-referrer\"/><link rel=\"icon\" href=\"data:,\"/>\n\
         <title>{} · {}</title>\n<style>\n{}</style></head>\n",
        Text(POLICY),
        Text(&report.run),
        Text(&report.state.replace('_', " ")),
        include_str!("style.css"),
    )
}

/// What it was and what it came to.
fn mast(report: &RunReport) -> String {
    let (class, sign) = match tone(report) {
        Tone::Good => ("good", "✓"),
        Tone::Care => ("care", "!"),
        Tone::Bad => ("bad", "✕"),
        Tone::Calm => ("calm", "…"),
    };
    let mut lines = String::new();
    if let Some(loss) = loss_sentence(report) {
        lines.push_str(&format!("<p class=\"loss\">{}.</p>", Text(&loss)));
    }
    for line in &report.advice {
        lines.push_str(&format!("<p>{}</p>", Text(line)));
    }
    format!(
        "<header class=\"{class}\"><div class=\"mast\">{EMBLEM}<span>bookend</span><code>{}</code></div>\n\
         <div class=\"lead\"><span class=\"seal\" aria-hidden=\"true\">{sign}</span><div><h1>{}</h1>{lines}</div></div>\n\
         {}</header>\n",
        Text(&report.run),
        Text(&format!("{}: {}", targets(report), sentence(report))),
        facts(report),
    )
}

fn facts(report: &RunReport) -> String {
    let mut rows = Vec::new();
    for target in &report.targets {
        rows.push((
            "target",
            format!(
                "{} <span class=\"soft\">{}</span>",
                Text(&target.target),
                Text(&target.url)
            ),
        ));
    }
    if !report.command.is_empty() {
        rows.push((
            "command",
            format!("<code>{}</code>", Text(&report.command.join(" "))),
        ));
    }
    if let Some(began) = report.began {
        rows.push(("began", began.format("%Y-%m-%d %H:%M:%S UTC").to_string()));
    }
    let items: String = rows
        .into_iter()
        .map(|(name, value)| format!("<dt>{name}</dt><dd>{value}</dd>"))
        .collect();
    format!("<dl class=\"facts\">{items}</dl>")
}
