//! Reading `bookend.toml`, key by key, so that each mistake is named.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::{Config, ConfigError, Keep, TargetConfig};
use crate::connection::{Environment, holds_password, nearest};

const TOP: &[&str] = &["store", "tool_dirs", "sandbox_dir", "target", "keep"];
const TARGET: &[&str] = &["url", "prove_on", "migrate", "env", "files"];
const KEEP: &[&str] = &["last", "days"];

/// Reads one file.
pub fn file(path: &Path, _env: &Environment) -> Result<Config, ConfigError> {
    let unreadable = |source| ConfigError::Unreadable {
        path: path.to_owned(),
        source,
    };
    let text = std::fs::read_to_string(path).map_err(unreadable)?;
    let mode = std::fs::metadata(path)
        .map_err(unreadable)?
        .permissions()
        .mode();
    let reader = Reader {
        path,
        folder: path.parent().unwrap_or(Path::new("")),
    };
    let config = reader.config(&text)?;
    if mode & 0o077 != 0 {
        reader.refuse_passwords(&config)?;
    }
    Ok(config)
}

struct Reader<'a> {
    path: &'a Path,
    folder: &'a Path,
}

impl Reader<'_> {
    fn config(&self, text: &str) -> Result<Config, ConfigError> {
        let table: Table = text
            .parse()
            .map_err(|error: toml::de::Error| ConfigError::NotToml {
                path: self.path.to_owned(),
                line: error
                    .span()
                    .map_or(1, |span| text[..span.start].matches('\n').count() + 1),
                what: error.message().to_owned(),
            })?;
        self.check_keys("", &table, TOP)?;
        let mut config = Config {
            path: Some(self.path.to_owned()),
            ..Config::default()
        };
        if let Some(value) = table.get("store") {
            config.store = Some(self.folder.join(self.text("store", value)?));
        }
        if let Some(value) = table.get("tool_dirs") {
            config.tool_dirs = self.paths("tool_dirs", value)?;
        }
        if let Some(value) = table.get("sandbox_dir") {
            config.sandbox_dir = Some(self.folder.join(self.text("sandbox_dir", value)?));
        }
        if let Some(value) = table.get("target") {
            for (name, value) in self.table("target", value)? {
                config
                    .targets
                    .insert(name.clone(), self.target(&format!("target.{name}"), value)?);
            }
        }
        if let Some(value) = table.get("keep") {
            let keep = self.table("keep", value)?;
            self.check_keys("keep", keep, KEEP)?;
            let number = |key| {
                keep.get(key)
                    .map(|v| self.number(&format!("keep.{key}"), v))
                    .transpose()
            };
            config.keep = Keep {
                last: number("last")?,
                days: number("days")?,
            };
        }
        Ok(config)
    }

    fn target(&self, key: &str, value: &Value) -> Result<TargetConfig, ConfigError> {
        let table = self.table(key, value)?;
        if table.contains_key("discover") {
            return Err(ConfigError::NotYet {
                path: self.path.to_owned(),
                key: format!("{key}.discover"),
            });
        }
        self.check_keys(key, table, TARGET)?;
        let inner = |name: &str| format!("{key}.{name}");
        let url = table
            .get("url")
            .ok_or_else(|| self.wrong(&inner("url"), "given: a URL or \"env:NAME\""))?;
        let mut target = TargetConfig {
            url: self.text(&inner("url"), url)?.to_owned(),
            ..TargetConfig::default()
        };
        if let Some(value) = table.get("prove_on") {
            target.prove_on = Some(self.text(&inner("prove_on"), value)?.to_owned());
        }
        if let Some(value) = table.get("migrate") {
            target.migrate = self.texts(&inner("migrate"), value)?;
        }
        if let Some(value) = table.get("env") {
            target.env = self.variables(&inner("env"), value)?;
        }
        if let Some(value) = table.get("files") {
            target.files = self.paths(&inner("files"), value)?;
        }
        Ok(target)
    }

    fn check_keys(&self, around: &str, table: &Table, known: &[&str]) -> Result<(), ConfigError> {
        let Some(key) = table.keys().find(|key| !known.contains(&key.as_str())) else {
            return Ok(());
        };
        Err(ConfigError::UnknownKey {
            path: self.path.to_owned(),
            key: if around.is_empty() {
                key.clone()
            } else {
                format!("{around}.{key}")
            },
            nearest: nearest(key, known.iter().copied()).map(str::to_owned),
            known: known.iter().map(|key| (*key).to_owned()).collect(),
        })
    }

    fn refuse_passwords(&self, config: &Config) -> Result<(), ConfigError> {
        for (name, target) in &config.targets {
            let urls = [
                ("url", Some(&target.url)),
                ("prove_on", target.prove_on.as_ref()),
            ];
            let others = target
                .env
                .iter()
                .map(|(variable, value)| (format!("env.{variable}"), Some(value)));
            for (key, value) in urls
                .into_iter()
                .map(|(key, value)| (key.to_owned(), value))
                .chain(others)
            {
                if value.is_some_and(|value| holds_password(value)) {
                    return Err(ConfigError::PasswordInPublicFile {
                        path: self.path.to_owned(),
                        key: format!("target.{name}.{key}"),
                    });
                }
            }
        }
        Ok(())
    }

    fn table<'v>(&self, key: &str, value: &'v Value) -> Result<&'v Table, ConfigError> {
        value.as_table().ok_or_else(|| self.wrong(key, "a table"))
    }

    fn text<'v>(&self, key: &str, value: &'v Value) -> Result<&'v str, ConfigError> {
        value
            .as_str()
            .filter(|text| !text.is_empty())
            .ok_or_else(|| self.wrong(key, "a text in quotes"))
    }

    fn texts(&self, key: &str, value: &Value) -> Result<Vec<String>, ConfigError> {
        let wrong = || self.wrong(key, "a list of texts, e.g. [\"a\", \"b\"]");
        let list = value.as_array().ok_or_else(wrong)?;
        list.iter()
            .map(|item| item.as_str().map(str::to_owned).ok_or_else(wrong))
            .collect()
    }

    fn paths(&self, key: &str, value: &Value) -> Result<Vec<PathBuf>, ConfigError> {
        Ok(self
            .texts(key, value)?
            .iter()
            .map(|path| self.folder.join(path))
            .collect())
    }

    fn variables(&self, key: &str, value: &Value) -> Result<BTreeMap<String, String>, ConfigError> {
        let wrong = || self.wrong(key, "a table of texts, e.g. { DB_NAME = \"{database}\" }");
        let table = value.as_table().ok_or_else(wrong)?;
        table
            .iter()
            .map(|(name, value)| Ok((name.clone(), value.as_str().ok_or_else(wrong)?.to_owned())))
            .collect()
    }

    fn number(&self, key: &str, value: &Value) -> Result<u32, ConfigError> {
        value
            .as_integer()
            .and_then(|number| u32::try_from(number).ok())
            .ok_or_else(|| self.wrong(key, "a whole number, not below zero"))
    }

    fn wrong(&self, key: &str, expected: &str) -> ConfigError {
        ConfigError::WrongValue {
            path: self.path.to_owned(),
            key: key.to_owned(),
            expected: expected.to_owned(),
        }
    }
}
