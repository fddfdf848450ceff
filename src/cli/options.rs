//! The options that every command takes.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::duration;

/// Options for all commands; they may stand before or after the command's name.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Options for all commands")]
pub struct GlobalOptions {
    /// Read this file instead of bookend.toml in the current directory
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// Keep archives here [default: the configuration's, else "backups"]
    #[arg(long, global = true, value_name = "DIR")]
    pub store: Option<PathBuf>,

    /// Print exactly one JSON document on stdout, whatever happens
    #[arg(long, global = true)]
    pub json: bool,

    /// Print results and errors only
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,

    /// Print what is found and chosen on the way
    #[arg(short, long, global = true)]
    pub verbose: bool,

    /// When to use colours
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub color: ColorChoice,

    /// How to show progress on stderr
    #[arg(long, global = true, value_name = "HOW", default_value = "auto")]
    pub progress: ProgressChoice,

    /// Work with so many connections at once [default: the number of cores, 8 at most]
    #[arg(long, global = true, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=64))]
    pub jobs: Option<u16>,

    /// Look for the vendors' tools here before PATH; repeat for several
    #[arg(long = "tool-dir", global = true, value_name = "DIR")]
    pub tool_dirs: Vec<PathBuf>,

    /// Wait so long for a lock that another session holds
    #[arg(long, global = true, value_name = "DURATION", default_value = "60s", value_parser = duration::parse)]
    pub lock_timeout: Duration,
}

/// When to use colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ColorChoice {
    /// On a terminal, unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// How to show progress.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ProgressChoice {
    /// A bar on a terminal, else plain lines.
    #[default]
    Auto,
    /// A bar with bytes, rows, rate and time left.
    Bar,
    /// A line every few seconds.
    Plain,
    /// One JSON object a line.
    Json,
    /// Nothing.
    Off,
}

impl GlobalOptions {
    /// Workers at once: as asked, else the number of cores, 8 at most.
    #[must_use]
    pub fn workers(&self) -> usize {
        match self.jobs {
            Some(jobs) => usize::from(jobs),
            None => std::thread::available_parallelism().map_or(2, |cores| cores.get().min(8)),
        }
    }
}
