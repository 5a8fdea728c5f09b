//! The results of the parts, saved as files beside the document.

use std::fs;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::machine::Machine;
use crate::outcome::{Outcome, failure};

/// The folder of the document.
#[derive(Debug, Clone)]
pub(crate) struct Docs(PathBuf);

/// The result of a part, with the machine and the command.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Taken<T> {
    /// The command that measured it.
    pub(crate) command: String,
    pub(crate) machine: Machine,
    pub(crate) result: T,
}

impl Docs {
    pub(crate) fn at(path: &Path) -> Self {
        Self(path.to_owned())
    }

    /// The path of a file of the document. Creates its folder.
    pub(crate) fn file(&self, name: &str) -> Outcome<PathBuf> {
        let file = self.0.join(name);
        if let Some(folder) = file.parent() {
            fs::create_dir_all(folder)?;
        }
        Ok(file)
    }

    fn result(&self, part: &str) -> Outcome<PathBuf> {
        self.file(&format!("performance/{part}.json"))
    }

    /// Saves the result of a part.
    pub(crate) fn keep<T: Serialize>(&self, part: &str, result: T) -> Outcome<()> {
        let command = format!("cargo run --release -p token-bench -- {part}");
        let taken = Taken { command, machine: Machine::look()?, result };
        let file = self.result(part)?;
        fs::write(&file, serde_json::to_string_pretty(&taken)? + "\n")?;
        Ok(())
    }

    /// The result of a part; `None` if it has not run yet.
    pub(crate) fn kept<T: DeserializeOwned>(&self, part: &str) -> Outcome<Option<Taken<T>>> {
        let file = self.result(part)?;
        if !file.exists() {
            return Ok(None);
        }
        let cannot = |error| failure(format!("{} is no result of this version: {error}", file.display()));
        serde_json::from_slice(&fs::read(&file)?).map(Some).map_err(cannot)
    }
}
