//! Digests of other crates, of included files and of the build script.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use serde::Deserialize;

use super::CodeItem;
use super::manifest::{Dependency, Package};
use super::target::sources;

/// metalab itself does not count: its versions say what they changed, and an update must not undo everything.
const OURS: [&str; 8] = [
    "metalab",
    "metalab-cas",
    "metalab-engine",
    "metalab-macros",
    "metalab-executors",
    "metalab-query",
    "metalab-cli",
    "metalab-atlas",
];

/// Whether a package is one of metalab's own.
pub(crate) fn is_ours(package: &str) -> bool {
    OURS.contains(&package)
}

#[derive(Default, Deserialize)]
struct Lock {
    #[serde(default)]
    package: Vec<Locked>,
}

#[derive(Deserialize)]
struct Locked {
    name: String,
    version: String,
    source: Option<String>,
    checksum: Option<String>,
    #[serde(default)]
    dependencies: Vec<String>,
}

/// A dependency: its locked version and checksum, or, without a checksum, all its sources.
///
/// There are several when the lock file has several versions and the manifest does not tell which one is meant.
pub(crate) fn crate_items(package: &Package, dependency: &Dependency) -> Vec<CodeItem> {
    if is_ours(&dependency.package) {
        return Vec::new();
    }
    let (lock, place) = lock(&package.folder);
    let locked = lock.as_ref().map(|lock| lock.find(package, dependency)).unwrap_or_default();
    if locked.is_empty() {
        return vec![crate_item(dependency, None, place)];
    }
    locked.into_iter().map(|locked| crate_item(dependency, Some(locked), place.clone())).collect()
}

fn crate_item(dependency: &Dependency, locked: Option<&Locked>, place: String) -> CodeItem {
    let version = locked.map_or("", |locked| locked.version.as_str());
    let mut hasher = blake3::Hasher::new();
    hasher.update(b"metalab crate 1\0").update(version.as_bytes()).update(b"\0");
    match locked {
        Some(Locked { checksum: Some(checksum), .. }) => hasher.update(checksum.as_bytes()),
        // A git source ends in its commit; the host before it is not code.
        Some(Locked { source: Some(source), .. }) => {
            hasher.update(source.rsplit('#').next().unwrap_or_default().as_bytes())
        }
        _ => match &dependency.folder {
            Some(folder) => hasher.update(sources_digest(folder).as_bytes()),
            None => hasher.update(b"?"),
        },
    };
    let name = format!("crate {} {version}", dependency.package).trim_end().to_owned();
    CodeItem { name, digest: hasher.finalize().to_hex().to_string(), place }
}

/// A file that is included as text or bytes; `None` when it is not there, which the compiler reports.
pub(crate) fn file_item(package: &Package, from: &Path, path: &str) -> Option<CodeItem> {
    let file = from.parent()?.join(path);
    let file = file.canonicalize().unwrap_or(file);
    let bytes = fs::read(&file).ok()?;
    let shown = package.relative(&file);
    Some(CodeItem {
        name: format!("file {shown}"),
        digest: blake3::hash(&bytes).to_hex().to_string(),
        place: shown,
    })
}

/// The build script, when what it makes is included.
pub(crate) fn build_script_item(package: &Package) -> Option<CodeItem> {
    file_item(package, &package.folder.join("Cargo.toml"), "build.rs")
}

fn lock(folder: &Path) -> (Option<Arc<Lock>>, String) {
    static READ: Mutex<BTreeMap<PathBuf, (super::source::Stamp, Arc<Lock>)>> = Mutex::new(BTreeMap::new());
    let Some(file) = folder.ancestors().map(|folder| folder.join("Cargo.lock")).find(|file| file.is_file())
    else {
        return (None, "Cargo.toml".to_owned());
    };
    let stamp = super::source::stamp(&file);
    let mut read = READ.lock().unwrap_or_else(PoisonError::into_inner);
    let known = read.get(&file).filter(|(then, _)| *then == stamp).map(|(_, lock)| Arc::clone(lock));
    let lock = known.or_else(|| {
        let lock: Arc<Lock> = Arc::new(basic_toml::from_str(&fs::read_to_string(&file).ok()?).ok()?);
        read.insert(file, (stamp, Arc::clone(&lock)));
        Some(lock)
    });
    (lock, "Cargo.lock".to_owned())
}

impl Lock {
    /// The versions of a dependency that this package may use: one, but for unusual requirements.
    fn find(&self, package: &Package, dependency: &Dependency) -> Vec<&Locked> {
        let mut found: Vec<&Locked> =
            self.package.iter().filter(|locked| locked.name == dependency.package).collect();
        if found.len() > 1
            && let Some(own) =
                self.package.iter().find(|locked| locked.name == package.name && locked.source.is_none())
        {
            // Written `name version` when there are several, with the source after it when that is needed too.
            let line = |locked: &Locked| format!("{} {}", locked.name, locked.version);
            let named = |locked: &&Locked| {
                own.dependencies
                    .iter()
                    .any(|d| d.split(' ').take(2).collect::<Vec<_>>().join(" ") == line(locked))
            };
            narrow(&mut found, named);
        }
        // The same package under two names, in two versions.
        if let Some(requirement) = dependency.version.as_deref() {
            narrow(&mut found, |locked| is_compatible(requirement, &locked.version));
        }
        found
    }
}

/// Keeps what a rule keeps, unless that is nothing.
fn narrow<'a>(found: &mut Vec<&'a Locked>, rule: impl Fn(&&'a Locked) -> bool) {
    if found.len() > 1 && found.iter().any(&rule) {
        found.retain(rule);
    }
}

/// Whether a version has the major number (for 0.x: the minor one) of a requirement such as `^0.9.1`.
fn is_compatible(requirement: &str, version: &str) -> bool {
    let wanted: Vec<&str> =
        requirement.trim_start_matches(['^', '~', '=', '>', '<', ' ']).split('.').collect();
    let has: Vec<&str> = version.split('.').collect();
    let significant = wanted.iter().position(|part| *part != "0").map_or(wanted.len(), |at| at + 1);
    wanted.iter().zip(&has).take(significant).all(|(wanted, has)| wanted == has)
}

/// Digest of all Rust files of a package that is a path dependency.
fn sources_digest(folder: &Path) -> String {
    let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    let mut hasher = blake3::Hasher::new();
    for file in sources(&folder) {
        let shown = file.strip_prefix(&folder).unwrap_or(&file).to_string_lossy().replace('\\', "/");
        let bytes = fs::read(&file).unwrap_or_default();
        hasher.update(shown.as_bytes()).update(b"\0").update(blake3::hash(&bytes).as_bytes());
    }
    hasher.finalize().to_hex().to_string()
}
