//! Claims: what each driver is executing, so that another one on the same store waits for it instead of doing it too.
//!
//! They are advisory and worthless afterwards. Two drivers that miss each other's claims, or that see different
//! machines' stores through a slow network, compute a run twice, which the records stand for all the same.
//!
//! A driver has one file, `live/claims/<writer>`, on stores that are folders: 64 bytes of who it is and how many runs it
//! can execute at once (`u32` at 52, little-endian; 0 where it does not say), then entries of 33 bytes (**format**, version 1): `1` and the id of a run it is about to execute, `2` and the id of one it has given
//! up or failed, `3` and zeros to say that it is alive. A successful run needs no word: its record tells.
//!
//! A driver is dead when its process is not there any more (on the same machine since the same boot), or when its file
//! has not grown for [`DEAD`].

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use metalab_cas::{Digest, Key};

use crate::id::{RunId, WriterId};
use crate::store::Store;

/// A driver that has said nothing for so long is taken for dead, and what it claimed is done by others.
const DEAD: Duration = Duration::from_secs(60);
/// How often a driver says that it is alive.
const BEAT: Duration = Duration::from_secs(10);
/// How often the folder is listed although it seems to be as it was.
const LIST: Duration = Duration::from_millis(500);
/// A folder that was changed so lately may change again and look the same: file systems keep times in ticks.
const TICK: Duration = Duration::from_millis(50);

const MAGIC: &[u8; 16] = b"metalab claims 1";
const HEAD: usize = 64;
const ENTRY: usize = 33;
const CLAIM: u8 = 1;
const RELEASE: u8 = 2;
const ALIVE: u8 = 3;

/// A driver that works on a store, as other processes see it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct DriverSeen {
    /// Under which id it writes: that of the record which opened its submission.
    pub writer: WriterId,
    /// How many runs it can execute at once, if it says so.
    pub slots: Option<usize>,
    /// Runs it has handed out and not given up, in that order. Those that succeeded since are among them; runs of less
    /// than a millisecond are not.
    pub claimed: Vec<RunId>,
}

/// The drivers that work on a store now. None on stores that are no folders, where they cannot be seen.
pub fn drivers(store: &Store) -> Vec<DriverSeen> {
    let folder = Key::new("live/claims").ok().and_then(|key| store.backend().local_path(&key));
    let Some(Ok(entries)) = folder.map(std::fs::read_dir) else { return Vec::new() };
    let seen = entries.flatten().filter_map(|entry| {
        let path = entry.path();
        let writer = path.file_name()?.to_str()?.parse().ok()?;
        let mut other = Other::open(&path, writer)?;
        other.read_on(&path).ok()?;
        (!other.is_dead(&path)).then(|| other.seen())
    });
    seen.collect()
}

/// The claims of this driver, and those of others as they are seen.
#[derive(Debug)]
pub(super) struct Claims {
    folder: PathBuf,
    path: PathBuf,
    own: WriterId,
    file: File,
    beaten: Instant,
    listed: Option<Instant>,
    /// When the folder was changed, as it was listed last; `None` when that was too close to tell.
    changed: Option<SystemTime>,
    others: HashMap<PathBuf, Other>,
    met: bool,
}

/// Another driver.
#[derive(Debug)]
struct Other {
    writer: WriterId,
    /// Where its process can be looked for: on this machine, since this boot.
    here: Option<u32>,
    /// How much of its file was read.
    read: u64,
    grown: Instant,
    slots: Option<usize>,
    /// What it has claimed, with the place in its file by which that was read.
    claimed: HashMap<RunId, u64>,
}

impl Claims {
    /// Opens the file of this driver. `None` on stores that are no folders, and where it cannot be written: then
    /// nobody is waited for.
    pub(super) fn open(store: &Store, own: WriterId, slots: usize) -> Option<Self> {
        let key = Key::new("live/claims").ok()?;
        let folder = store.backend().local_path(&key)?;
        std::fs::create_dir_all(&folder).ok()?;
        let path = folder.join(own.to_string());
        let mut file = File::options().append(true).create_new(true).open(&path).ok()?;
        file.write_all(&head(slots)).ok()?;
        let (beaten, others) = (Instant::now(), HashMap::new());
        Some(Self { folder, path, own, file, beaten, listed: None, changed: None, others, met: false })
    }

    /// Claims runs, and says which of them another driver has claimed before: those are not to be started.
    pub(super) fn claim(&mut self, runs: &[RunId]) -> HashSet<RunId> {
        self.look();
        let mut held = self.held(runs, |_| true);
        let free = || runs.iter().filter(|run| !held.contains(run));
        self.append(CLAIM, free());
        // Another driver may have claimed the same at the same moment. One of the two goes on: one that this does not
        // see yet has its file still to make, and then reads what was just claimed.
        self.look();
        if !self.others.is_empty() {
            let own = self.own;
            let meant = self.held(runs, |other| other.writer < own);
            let yielded: Vec<RunId> = meant.difference(&held).copied().collect();
            self.append(RELEASE, yielded.iter());
            held.extend(yielded);
        }
        held
    }

    /// Whether there was ever another driver on the store beside this one.
    pub(super) fn has_met_others(&self) -> bool {
        self.met
    }

    fn held(&self, runs: &[RunId], before: impl Fn(&Other) -> bool) -> HashSet<RunId> {
        let others: Vec<&Other> = self.others.values().filter(|other| before(other)).collect();
        let is_held = |run: &&RunId| others.iter().any(|other| other.claimed.contains_key(*run));
        runs.iter().filter(is_held).copied().collect()
    }

    /// Gives runs up that did not succeed, so that others need not wait for them.
    pub(super) fn release<'a>(&mut self, runs: impl Iterator<Item = &'a RunId>) {
        self.append(RELEASE, runs);
    }

    /// Says that this driver is alive, if it is time to.
    pub(super) fn beat(&mut self) {
        if self.beaten.elapsed() > BEAT {
            self.append(ALIVE, [RunId::UNKNOWN].iter());
        }
    }

    fn append<'a>(&mut self, tag: u8, runs: impl Iterator<Item = &'a RunId>) {
        let mut bytes = Vec::new();
        for run in runs {
            bytes.push(tag);
            bytes.extend_from_slice(run.as_bytes());
        }
        if !bytes.is_empty() {
            self.beaten = Instant::now();
            // A claim that cannot be written is one that others do not see: they may do the work too.
            if let Err(error) = self.file.write_all(&bytes) {
                tracing::debug!(%error, "a claim cannot be written");
            }
        }
    }

    /// Reads what is new of the other drivers.
    fn look(&mut self) {
        let changed = std::fs::metadata(&self.folder).and_then(|meta| meta.modified()).ok();
        let is_old = self.listed.is_none_or(|listed| listed.elapsed() > LIST);
        if is_old || changed.is_none() || changed != self.changed {
            self.listed = Some(Instant::now());
            let age = changed.and_then(|changed| SystemTime::now().duration_since(changed).ok());
            self.changed = changed.filter(|_| age.is_some_and(|age| age > TICK));
            self.list();
        }
        self.read_all();
    }

    fn list(&mut self) {
        let Ok(entries) = std::fs::read_dir(&self.folder) else { return };
        for path in entries.flatten().map(|entry| entry.path()) {
            if path == self.path || self.others.contains_key(&path) {
                continue;
            }
            let writer = path.file_name().and_then(|name| name.to_str()?.parse().ok());
            let Some(other) = writer.and_then(|writer| Other::open(&path, writer)) else { continue };
            match other.is_dead(&path) {
                // Nobody else will tidy up after it.
                true => drop(std::fs::remove_file(&path)),
                false => {
                    self.met = true;
                    self.others.insert(path, other);
                }
            }
        }
    }

    fn read_all(&mut self) {
        self.others.retain(|path, other| match other.read_on(path) {
            Ok(()) => !other.is_dead(path),
            // It has ended and taken its file away.
            Err(_) => false,
        });
    }
}

impl Drop for Claims {
    fn drop(&mut self) {
        // What stays is found dead by the next driver.
        let _ = std::fs::remove_file(&self.path);
    }
}

impl Other {
    fn open(path: &Path, writer: WriterId) -> Option<Self> {
        let mut head = [0; HEAD];
        File::open(path).ok()?.read_exact(&mut head).ok()?;
        if !head.starts_with(MAGIC) {
            return None;
        }
        let here = (head[16..48] == machine()[..]).then(|| number(&head[48..]));
        let slots = usize::try_from(number(&head[52..])).ok().filter(|slots| *slots > 0);
        let read = HEAD as u64;
        Some(Self { writer, here, read, grown: Instant::now(), slots, claimed: HashMap::new() })
    }

    fn seen(self) -> DriverSeen {
        let mut claimed: Vec<(u64, RunId)> = self.claimed.into_iter().map(|(run, at)| (at, run)).collect();
        claimed.sort_unstable();
        let claimed = claimed.into_iter().map(|(_, run)| run).collect();
        DriverSeen { writer: self.writer, slots: self.slots, claimed }
    }

    fn read_on(&mut self, path: &Path) -> std::io::Result<()> {
        let mut file = File::open(path)?;
        if file.metadata()?.len() < self.read + ENTRY as u64 {
            return Ok(());
        }
        self.grown = Instant::now();
        let mut bytes = Vec::new();
        file.seek(SeekFrom::Start(self.read))?;
        file.read_to_end(&mut bytes)?;
        let (entries, _) = bytes.as_chunks::<ENTRY>();
        for [tag, id @ ..] in entries {
            self.read += ENTRY as u64;
            let run = RunId(Digest::from_bytes(*id));
            match *tag {
                CLAIM => drop(self.claimed.insert(run, self.read)),
                RELEASE => drop(self.claimed.remove(&run)),
                _ => {}
            }
        }
        Ok(())
    }

    fn is_dead(&self, path: &Path) -> bool {
        if self.here.is_some_and(|pid| !is_running(pid)) {
            return true;
        }
        let modified = std::fs::metadata(path).and_then(|meta| meta.modified()).ok();
        let age = modified.and_then(|modified| SystemTime::now().duration_since(modified).ok());
        // Clocks of two machines may differ; one that is far behind is believed after a while of watching.
        self.here.is_none() && (age.is_some_and(|age| age > 2 * DEAD) || self.grown.elapsed() > DEAD)
    }
}

/// The number that these bytes begin with.
fn number(bytes: &[u8]) -> u32 {
    u32::from_le_bytes(*bytes.first_chunk().unwrap_or(&[0; 4]))
}

fn head(slots: usize) -> [u8; HEAD] {
    let mut head = [0; HEAD];
    head[..16].copy_from_slice(MAGIC);
    head[16..48].copy_from_slice(&machine());
    head[48..52].copy_from_slice(&std::process::id().to_le_bytes());
    head[52..56].copy_from_slice(&u32::try_from(slots).unwrap_or(u32::MAX).to_le_bytes());
    head
}

/// Tells machines, and their boots, apart without naming them.
fn machine() -> [u8; 32] {
    let boot = std::fs::read("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let namespace =
        std::fs::read_link("/proc/self/ns/pid").map(|link| link.into_os_string().into_encoded_bytes());
    let mut hasher = metalab_cas::Hasher::new();
    // Process ids mean something only inside one namespace of them.
    [&b"metalab claims\0"[..], &boot, b"\0", &namespace.unwrap_or_default()].iter().for_each(|part| {
        hasher.update(part);
    });
    *hasher.finish().as_bytes()
}

fn is_running(pid: u32) -> bool {
    let pid = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw);
    match pid.map(rustix::process::test_kill_process) {
        Some(Err(rustix::io::Errno::SRCH)) | None => false,
        Some(_) => true,
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn store(folder: &Path) -> Store {
        Store::create(folder.join("runs").to_str().unwrap()).unwrap()
    }

    fn run(number: u8) -> RunId {
        RunId(Digest::of(&[number]))
    }

    #[test]
    fn what_another_driver_has_claimed_is_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path());
        let mut first = Claims::open(&store, WriterId::random().unwrap(), 2).unwrap();
        assert!(first.claim(&[run(1), run(2)]).is_empty());
        let mut second = Claims::open(&store, WriterId::random().unwrap(), 2).unwrap();
        assert_eq!(second.claim(&[run(2), run(3)]), HashSet::from([run(2)]));
        first.release([run(2)].iter());
        assert!(second.claim(&[run(2)]).is_empty());
        assert_eq!(first.claim(&[run(2)]), HashSet::from([run(2)]), "seen at once");
        assert_eq!(first.claim(&[run(3)]), HashSet::from([run(3)]));
        drop(second);
        assert!(first.claim(&[run(3)]).is_empty(), "it has ended");
    }

    #[test]
    fn others_see_what_was_handed_out_first_and_how_much_runs_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path());
        let mut driver = Claims::open(&store, WriterId::random().unwrap(), 3).unwrap();
        let runs: Vec<RunId> = (0..9).map(run).collect();
        driver.claim(&runs);
        driver.release(runs[..1].iter());
        driver.claim(&runs[..1]);
        let seen = drivers(&store).remove(0);
        assert_eq!((seen.writer, seen.slots), (driver.own, Some(3)));
        assert!(seen.claimed.iter().eq(runs[1..].iter().chain(&runs[..1])), "{:?}", seen.claimed);
        // One that does not say how much it can do, as before.
        let mut bytes = std::fs::read(&driver.path).unwrap();
        bytes[52..56].fill(0);
        std::fs::write(&driver.path, &bytes).unwrap();
        assert_eq!(drivers(&store)[0].slots, None);
    }

    #[test]
    fn a_dead_driver_is_taken_over_at_once_and_tidied_up_after() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path());
        let writer = WriterId::random().unwrap();
        let mut dead = Claims::open(&store, writer, 2).unwrap();
        dead.claim(&[run(1)]);
        let path = dead.path.clone();
        let mut bytes = std::fs::read(&path).unwrap();
        // A process id that no process has.
        bytes[48..52].copy_from_slice(&i32::MAX.to_le_bytes());
        std::fs::write(&path, &bytes).unwrap();
        let mut next = Claims::open(&store, WriterId::random().unwrap(), 2).unwrap();
        assert!(next.claim(&[run(1)]).is_empty());
        assert!(!path.exists());
        assert!(!path.exists());
        drop(next);
        // One of another machine is believed for a while.
        bytes[16] ^= 1;
        std::fs::write(&path, &bytes).unwrap();
        let mut other = Claims::open(&store, WriterId::random().unwrap(), 2).unwrap();
        assert_eq!(other.claim(&[run(1)]).len(), 1);
        let old = SystemTime::now() - 3 * DEAD;
        File::options().write(true).open(&path).unwrap().set_modified(old).unwrap();
        assert!(other.claim(&[run(1)]).is_empty());
        std::fs::write(folder.path().join("runs/live/claims/garbage"), b"x").unwrap();
        let mut last = Claims::open(&store, WriterId::random().unwrap(), 2).unwrap();
        assert!(last.claim(&[run(9)]).is_empty());
        assert!(Claims::open(&Store::memory().unwrap(), writer, 2).is_none());
    }
}
