//! Where an attempt ran and what ran it.

use minicbor::{Decode, Encode};

/// Host, process and code state of a driver or worker, stored once and named by its digest.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Environment {
    /// Host name.
    #[n(0)]
    pub host: String,
    /// Process id.
    #[n(1)]
    pub pid: u32,
    /// Operating system and architecture, such as `linux x86_64`.
    #[n(2)]
    pub platform: String,
    /// Version of metalab.
    #[n(3)]
    pub metalab: String,
    /// Digest of the executable, hexadecimal.
    #[n(4)]
    pub executable: Option<String>,
    /// Git commit of the working directory, if it is in a repository.
    #[n(5)]
    pub git_commit: Option<String>,
    /// Whether tracked files differed from that commit.
    #[n(6)]
    pub git_dirty: Option<bool>,
    /// Digest of the lock file found upwards of the working directory.
    #[n(7)]
    pub lock_file: Option<String>,
    /// Digest of the sources of the package, if they are there.
    #[n(8)]
    pub sources: Option<String>,
}

impl Environment {
    /// What differs, by name, of the things that may change results: sources, lock file, executable, git state.
    pub fn differences(&self, other: &Self) -> Vec<String> {
        let pairs = [
            ("the package's sources", &self.sources, &other.sources),
            ("the lock file", &self.lock_file, &other.lock_file),
            ("the executable", &self.executable, &other.executable),
            ("the git commit", &self.git_commit, &other.git_commit),
        ];
        let differ = pairs.into_iter().filter(|(_, a, b)| a.is_some() && b.is_some() && a != b);
        differ.map(|(what, ..)| format!("{what} differed")).collect()
    }
}
