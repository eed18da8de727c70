//! What a file's metadata say about whether it changed.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

/// Files younger than this may change again without a change of their times: file systems count in steps of up
/// to two seconds.
pub(super) const TIME_STEP: Duration = Duration::from_secs(2);

/// Size, times and place of a file: two files with equal stamps have equal content, unless they are young.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Stamp {
    pub(super) size: u64,
    /// Nanoseconds since 1970. The second is the time of the last change of the inode, which no program can set.
    pub(super) modified: i128,
    pub(super) changed: i128,
    pub(super) inode: u64,
    pub(super) device: u64,
}

impl Stamp {
    pub(super) fn of(meta: &Metadata) -> Self {
        let nanos = |seconds: i64, nanos: i64| i128::from(seconds) * 1_000_000_000 + i128::from(nanos);
        Self {
            size: meta.size(),
            modified: nanos(meta.mtime(), meta.mtime_nsec()),
            changed: nanos(meta.ctime(), meta.ctime_nsec()),
            inode: meta.ino(),
            device: meta.dev(),
        }
    }

    /// Whether the file may have changed, or may still change, without a change of its stamp. A time in the
    /// future is young as well: it says nothing.
    pub(super) fn is_young(&self, now: SystemTime) -> bool {
        let now = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        let limit = now.saturating_sub(TIME_STEP).as_nanos() as i128;
        self.modified.max(self.changed) >= limit
    }

    /// The bytes that stand for it where stamps of many files are hashed together.
    pub(super) fn bytes(&self) -> [u8; 56] {
        let mut bytes = [0; 56];
        bytes[..8].copy_from_slice(&self.size.to_le_bytes());
        bytes[8..24].copy_from_slice(&self.modified.to_le_bytes());
        bytes[24..40].copy_from_slice(&self.changed.to_le_bytes());
        bytes[40..48].copy_from_slice(&self.inode.to_le_bytes());
        bytes[48..].copy_from_slice(&self.device.to_le_bytes());
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn youth_ends_after_the_time_step() {
        let at = |seconds: u64| UNIX_EPOCH + Duration::from_secs(seconds);
        let mut stamp =
            Stamp { size: 1, modified: 100_000_000_000, changed: 100_000_000_000, inode: 1, device: 1 };
        assert!(stamp.is_young(at(100)));
        assert!(stamp.is_young(at(102)));
        assert!(!stamp.is_young(at(103)));
        // In the future, or the content old and the inode young.
        assert!(stamp.is_young(at(50)));
        stamp.modified = 1;
        assert!(stamp.is_young(at(101)));
    }
}
