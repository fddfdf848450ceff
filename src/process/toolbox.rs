//! Finding the vendors' tools.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use nix::unistd::{AccessFlags, access};

use super::{Output, ProcessError, ToolCommand, Version};

/// A tool that takes longer to say its version hangs.
const VERSION_WITHIN: Duration = Duration::from_secs(15);

/// What of the caller's environment a tool gets: how to find its parts, the home where
/// certificates and Kerberos tickets are, and nothing that changes what it connects to.
const KEPT: [&str; 6] = [
    "PATH",
    "HOME",
    "LANG",
    "TMPDIR",
    "LD_LIBRARY_PATH",
    "DYLD_LIBRARY_PATH",
];
const KEPT_PREFIXES: [&str; 2] = ["SSL_CERT", "KRB5"];

/// Where tools are looked for, and what was found. Clones share what was found.
#[derive(Clone, Debug)]
pub struct ToolBox {
    dirs: Arc<[PathBuf]>,
    environment: Arc<BTreeMap<OsString, OsString>>,
    versions: Arc<Mutex<HashMap<PathBuf, Version>>>,
    pub(super) version_within: Duration,
}

/// A tool that was found and said its version.
#[derive(Clone, Debug)]
pub struct Tool {
    /// Its name, e.g. `pg_dump`.
    pub name: String,
    /// Where it is.
    pub path: PathBuf,
    /// What it said.
    pub version: Version,
    environment: Arc<BTreeMap<OsString, OsString>>,
}

impl Tool {
    /// A call of it, with nothing but the kept environment.
    #[must_use]
    pub fn command(&self) -> ToolCommand {
        ToolCommand::new(&self.name, &self.path, &self.environment)
    }

    /// Another program of the same installation, of the same version: it lies beside this one,
    /// whatever link this one was found by.
    ///
    /// # Errors
    /// [`ProcessError::Missing`].
    pub fn sibling(&self, name: &str) -> Result<Self, ProcessError> {
        let real = self.path.canonicalize().unwrap_or(self.path.clone());
        let folder = real.parent().unwrap_or(Path::new("/"));
        let path = folder.join(name);
        if !path.is_file() || access(&path, AccessFlags::X_OK).is_err() {
            return Err(ProcessError::Missing {
                tool: name.to_owned(),
                needed: Some(self.version.major),
                searched: vec![folder.to_owned()],
            });
        }
        Ok(Self {
            name: name.to_owned(),
            path,
            version: self.version.clone(),
            environment: Arc::clone(&self.environment),
        })
    }

    pub(super) fn environment(&self) -> &BTreeMap<OsString, OsString> {
        &self.environment
    }

    /// `pg_dump 16.14`.
    #[must_use]
    pub fn title(&self) -> String {
        format!("{} {}", self.name, self.version)
    }
}

impl ToolBox {
    /// Looks into `dirs` (each and its `bin`), then where `PATH` says, then where vendors
    /// install.
    #[must_use]
    pub fn new(dirs: Vec<PathBuf>) -> Self {
        Self::with_environment(dirs, std::env::vars_os())
    }

    /// As [`ToolBox::new`] with another environment than the process's own.
    #[must_use]
    pub fn with_environment(
        dirs: Vec<PathBuf>,
        environment: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Self {
        let environment: BTreeMap<_, _> = environment
            .into_iter()
            .filter(|(name, _)| is_kept(&name.to_string_lossy()))
            .collect();
        Self {
            dirs: search_path(dirs, environment.get(&OsString::from("PATH"))).into(),
            environment: Arc::new(environment),
            versions: Arc::default(),
            version_within: VERSION_WITHIN,
        }
    }

    /// The folders that are looked through, in order.
    #[must_use]
    pub fn searched(&self) -> &[PathBuf] {
        &self.dirs
    }

    /// The first tool of that name whose major version is `at_least_major` or newer.
    ///
    /// # Errors
    /// [`ProcessError::Missing`], [`ProcessError::TooOld`] with the newest there is, or
    /// [`ProcessError::Unusable`] if no candidate answers like the tool.
    pub async fn find(
        &self,
        name: &str,
        at_least_major: Option<u32>,
    ) -> Result<Tool, ProcessError> {
        let mut newest: Option<Tool> = None;
        let mut unusable = None;
        for path in self.candidates(name) {
            let tool = match self.ask(name, path).await {
                Ok(tool) => tool,
                Err(error) => {
                    unusable.get_or_insert(error);
                    continue;
                }
            };
            if at_least_major.is_none_or(|major| tool.version.major >= major) {
                return Ok(tool);
            }
            if newest
                .as_ref()
                .is_none_or(|newest| newest.version.major < tool.version.major)
            {
                newest = Some(tool);
            }
        }
        Err(match (newest, at_least_major, unusable) {
            (Some(tool), Some(needed), _) => ProcessError::TooOld {
                tool: tool.name,
                path: tool.path,
                found: tool.version.text,
                needed,
            },
            (_, _, Some(unusable)) => unusable,
            (_, needed, None) => ProcessError::Missing {
                tool: name.to_owned(),
                needed,
                searched: self.dirs.to_vec(),
            },
        })
    }

    /// The first tool of that name whose version is `fits`; `needed` says in words which that
    /// is.
    ///
    /// # Errors
    /// [`ProcessError::Missing`], [`ProcessError::OtherVersions`], or
    /// [`ProcessError::Unusable`] if no candidate answers like the tool.
    pub async fn find_fitting(
        &self,
        name: &str,
        needed: &str,
        fits: impl Fn(&Version) -> bool,
    ) -> Result<Tool, ProcessError> {
        let mut found = Vec::new();
        let mut unusable = None;
        for path in self.candidates(name) {
            match self.ask(name, path).await {
                Ok(tool) if fits(&tool.version) => return Ok(tool),
                Ok(tool) => found.push(format!("{} ({})", tool.version, tool.path.display())),
                Err(error) => {
                    unusable.get_or_insert(error);
                }
            }
        }
        Err(match unusable {
            Some(unusable) if found.is_empty() => unusable,
            _ if found.is_empty() => ProcessError::Missing {
                tool: name.to_owned(),
                needed: needed.parse().ok(),
                searched: self.dirs.to_vec(),
            },
            _ => ProcessError::OtherVersions {
                tool: name.to_owned(),
                needed: needed.to_owned(),
                found,
                searched: self.dirs.to_vec(),
            },
        })
    }

    fn candidates<'a>(&'a self, name: &'a str) -> impl Iterator<Item = PathBuf> + 'a {
        self.dirs
            .iter()
            .map(move |dir| dir.join(name))
            .filter(|path| path.is_file() && access(path, AccessFlags::X_OK).is_ok())
    }

    fn known(&self) -> std::sync::MutexGuard<'_, HashMap<PathBuf, Version>> {
        self.versions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The tool at `path`, asked for its version unless it was asked before.
    async fn ask(&self, name: &str, path: PathBuf) -> Result<Tool, ProcessError> {
        let known = self.known().get(&path).cloned();
        let version = match known {
            Some(version) => version,
            None => self.ask_version(name, &path).await?,
        };
        self.known().insert(path.clone(), version.clone());
        Ok(Tool {
            name: name.to_owned(),
            path,
            version,
            environment: Arc::clone(&self.environment),
        })
    }

    async fn ask_version(&self, name: &str, path: &Path) -> Result<Version, ProcessError> {
        let unusable = |problem: String| ProcessError::Unusable {
            tool: name.to_owned(),
            path: path.to_owned(),
            problem,
        };
        let running = ToolCommand::new(name, path, &self.environment)
            .arg("--version")
            .stdout(Output::Capture(64 * 1024))
            .spawn()
            .map_err(|error| unusable(described(&error)))?;
        let finished = tokio::time::timeout(self.version_within, running.finish())
            .await
            .map_err(|_elapsed| {
                let seconds = self.version_within.as_secs();
                unusable(format!("it did not say its version within {seconds} s"))
            })?
            .map_err(|error| unusable(described(&error)))?;
        let answer = String::from_utf8_lossy(&finished.stdout).into_owned();
        Version::parse(name, &answer).ok_or_else(|| {
            let line: String = answer
                .lines()
                .next()
                .unwrap_or("")
                .chars()
                .take(60)
                .collect();
            unusable(format!("asked for its version it says {line:?}"))
        })
    }
}

/// An error with its causes on one line.
fn described(error: &ProcessError) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

fn is_kept(name: &str) -> bool {
    KEPT.contains(&name) || KEPT_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

/// All folders in the order of looking, each once. Relative folders in `PATH` are left out:
/// a tool must not come from wherever the caller happens to be.
fn search_path(dirs: Vec<PathBuf>, path: Option<&OsString>) -> Vec<PathBuf> {
    let asked = dirs.into_iter().flat_map(|dir| {
        let dir = std::path::absolute(&dir).unwrap_or(dir);
        [dir.clone(), dir.join("bin")]
    });
    let path = path
        .map(|path| std::env::split_paths(path).collect::<Vec<_>>())
        .unwrap_or_default()
        .into_iter()
        .filter(|dir| dir.is_absolute());
    let mut all = Vec::new();
    for dir in asked.chain(path).chain(well_known()) {
        if !all.contains(&dir) {
            all.push(dir);
        }
    }
    all
}

/// Where packages of PostgreSQL put client programs outside `PATH`, newest first.
fn well_known() -> Vec<PathBuf> {
    // (folder, what the name of the version's folder begins with, what is inside it)
    let versioned = [
        ("/usr/lib/postgresql", "", "bin"),
        ("/usr", "pgsql-", "bin"),
        ("/opt/homebrew/opt", "postgresql@", "bin"),
        ("/usr/local/opt", "postgresql@", "bin"),
        ("/Library/PostgreSQL", "", "bin"),
        ("/Applications/Postgres.app/Contents/Versions", "", "bin"),
    ];
    let mut found: Vec<(u32, PathBuf)> = Vec::new();
    for (folder, prefix, inside) in versioned {
        let Ok(entries) = std::fs::read_dir(folder) else {
            continue;
        };
        for entry in entries.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if let Some(Ok(version)) = name.strip_prefix(prefix).map(str::parse) {
                found.push((version, entry.path().join(inside)));
            }
        }
    }
    found.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    let fixed = [
        "/opt/homebrew/opt/libpq/bin",
        "/usr/local/opt/libpq/bin",
        "/usr/local/pgsql/bin",
    ];
    found
        .into_iter()
        .map(|(_, path)| path)
        .chain(fixed.into_iter().map(PathBuf::from))
        .collect()
}
