//! What `Cargo.toml` and `Cargo.lock` say of a package.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

/// A package, as far as code digests need it. Files that cannot be read leave their part empty: cargo has read them
/// before and would have complained.
#[derive(Debug, Default)]
pub(crate) struct Package {
    /// The folder of `Cargo.toml`.
    pub(crate) folder: PathBuf,
    pub(crate) name: String,
    /// Crate name of the library and its root file, if there is one.
    pub(crate) library: Option<Root>,
    /// The other targets.
    pub(crate) others: Vec<Root>,
    /// By crate name.
    pub(crate) dependencies: BTreeMap<String, Dependency>,
}

/// The root file of a target.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Root {
    pub(crate) crate_name: String,
    pub(crate) file: PathBuf,
}

/// A dependency that is declared.
#[derive(Debug, Default)]
pub(crate) struct Dependency {
    /// Its name in the registry, which may differ from that in the code.
    pub(crate) package: String,
    /// The requirement, such as `0.9`.
    pub(crate) version: Option<String>,
    /// Its folder, when it is declared by path.
    pub(crate) folder: Option<PathBuf>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
struct Manifest {
    package: Option<Named>,
    lib: Option<Target>,
    bin: Vec<Target>,
    example: Vec<Target>,
    test: Vec<Target>,
    bench: Vec<Target>,
    #[serde(flatten)]
    tables: Tables,
    target: BTreeMap<String, Tables>,
    workspace: Option<Workspace>,
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Target {
    name: Option<String>,
    path: Option<PathBuf>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
struct Tables {
    dependencies: BTreeMap<String, Declared>,
    dev_dependencies: BTreeMap<String, Declared>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Workspace {
    dependencies: BTreeMap<String, Declared>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Declared {
    Version(String),
    Table(Table),
}

#[derive(Clone, Default, Deserialize)]
#[serde(default)]
struct Table {
    package: Option<String>,
    version: Option<String>,
    path: Option<PathBuf>,
    workspace: bool,
}

impl Declared {
    fn table(&self) -> Table {
        match self {
            Self::Version(version) => Table { version: Some(version.clone()), ..Table::default() },
            Self::Table(table) => table.clone(),
        }
    }
}

impl Package {
    /// Reads the package in a folder.
    pub(crate) fn load(folder: &Path) -> Self {
        let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
        let manifest = read(&folder.join("Cargo.toml")).unwrap_or_default();
        let name = manifest.package.as_ref().map(|package| package.name.clone()).unwrap_or_default();
        let mut package = Self { folder, name, ..Self::default() };
        package.find_targets(&manifest);
        package.find_dependencies(manifest);
        package
    }

    /// A file's path as it is shown: below the package, or its name alone.
    pub(crate) fn relative(&self, file: &Path) -> String {
        let below = file.strip_prefix(&self.folder).ok().filter(|below| below.is_relative());
        let shown = below.or_else(|| file.file_name().map(Path::new)).unwrap_or(file);
        shown.to_string_lossy().replace('\\', "/")
    }

    fn find_targets(&mut self, manifest: &Manifest) {
        let crate_name = self.name.replace('-', "_");
        let lib = manifest.lib.as_ref();
        let file = lib.and_then(|lib| lib.path.clone()).unwrap_or_else(|| "src/lib.rs".into());
        let file = self.folder.join(file);
        if file.is_file() {
            let name = lib
                .and_then(|lib| lib.name.clone())
                .map_or(crate_name.clone(), |name| name.replace('-', "_"));
            self.library = Some(Root { crate_name: name, file });
        }
        let mut others = Vec::new();
        for (folder, targets) in [
            ("src/bin", &manifest.bin),
            ("examples", &manifest.example),
            ("tests", &manifest.test),
            ("benches", &manifest.bench),
        ] {
            others.extend(found_below(&self.folder.join(folder)));
            for target in targets {
                if let (Some(name), Some(path)) = (&target.name, &target.path) {
                    others.push(Root { crate_name: name.replace('-', "_"), file: self.folder.join(path) });
                }
            }
        }
        let main = self.folder.join("src/main.rs");
        if main.is_file() && !others.iter().any(|root| root.file == main) {
            others.push(Root { crate_name, file: main });
        }
        others.sort();
        others.dedup();
        self.others = others;
    }

    fn find_dependencies(&mut self, manifest: Manifest) {
        let workspace = self
            .folder
            .ancestors()
            .find_map(|folder| Some((folder, read(&folder.join("Cargo.toml"))?.workspace?.dependencies)));
        let (root, shared) = workspace.unwrap_or((&*self.folder, BTreeMap::new()));
        let tables = std::iter::once(manifest.tables).chain(manifest.target.into_values());
        let mut dependencies = BTreeMap::new();
        for (name, declared) in tables.flat_map(|t| t.dependencies.into_iter().chain(t.dev_dependencies)) {
            let mut table = declared.table();
            let mut folder = &*self.folder;
            if table.workspace
                && let Some(inherited) = shared.get(&name)
            {
                table = inherited.table();
                folder = root;
            }
            let dependency = Dependency {
                package: table.package.unwrap_or_else(|| name.clone()),
                version: table.version,
                folder: table.path.map(|path| folder.join(path)),
            };
            dependencies.insert(name.replace('-', "_"), dependency);
        }
        self.dependencies = dependencies;
    }
}

fn read(file: &Path) -> Option<Manifest> {
    basic_toml::from_str(&fs::read_to_string(file).ok()?).ok()
}

/// The targets that cargo finds by itself: `name.rs` and `name/main.rs`.
fn found_below(folder: &Path) -> Vec<Root> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let roots = entries.flatten().filter_map(|entry| {
        let path = entry.path();
        let name = path.file_stem()?.to_str()?.replace('-', "_");
        let file = if path.is_dir() { path.join("main.rs") } else { path };
        (file.extension()? == "rs" && file.is_file()).then_some(Root { crate_name: name, file })
    });
    roots.collect()
}
