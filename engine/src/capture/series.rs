//! How the points of a stepped metric are stored.
//!
//! # Format (version 1)
//!
//! | bytes | what |
//! | --- | --- |
//! | `metalab series 1` and a line feed | what it is |
//! | unsigned LEB128 | number of points |
//! | unsigned LEB128 per point | step minus the step before (0 before the first), modulo 2^64, zigzag |
//! | 8 bytes per point | value: f64, little-endian; every bit is kept |
//!
//! Points are in the order of their capture; steps may repeat and go back. Golden data:
//! `engine/tests/golden/series.txt`.

const MAGIC: &[u8] = b"metalab series 1\n";

/// The points of a stepped metric, in the order of capture.
///
/// They are held as they are stored, nine bytes for each when steps follow one another.
///
/// ```
/// use metalab_engine::capture::series::Points;
///
/// let points: Points = [(0, 1.5), (1, 0.5), (1, 0.25)].into_iter().collect();
/// assert_eq!(points.len(), 3);
/// assert_eq!(points.iter().last(), Some((1, 0.25)));
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Points {
    /// The differences of the steps, as the format has them.
    steps: Vec<u8>,
    values: Vec<f64>,
    last: u64,
}

impl Points {
    /// Adds a point.
    #[inline]
    pub fn push(&mut self, step: u64, value: f64) {
        let delta = step.wrapping_sub(self.last) as i64;
        put_uvar((delta << 1 ^ delta >> 63) as u64, &mut self.steps);
        self.last = step;
        self.values.push(value);
    }

    /// Their number.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The points (step, value).
    pub fn iter(&self) -> impl Iterator<Item = (u64, f64)> {
        let mut rest = &self.steps[..];
        let mut step = 0_u64;
        self.values.iter().map(move |value| {
            step = next_step(step, uvar(&mut rest).unwrap_or_default());
            (step, *value)
        })
    }

    /// Their bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(MAGIC.len() + 10 + self.steps.len() + 8 * self.values.len());
        bytes.extend_from_slice(MAGIC);
        put_uvar(self.values.len() as u64, &mut bytes);
        bytes.extend_from_slice(&self.steps);
        self.values.iter().for_each(|value| bytes.extend_from_slice(&value.to_le_bytes()));
        bytes
    }
}

impl FromIterator<(u64, f64)> for Points {
    fn from_iter<I: IntoIterator<Item = (u64, f64)>>(points: I) -> Self {
        let mut all = Self::default();
        points.into_iter().for_each(|(step, value)| all.push(step, value));
        all
    }
}

/// Bytes that are no points of a stepped metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SeriesError {
    /// They do not begin as they should.
    #[error("read a stepped metric: the bytes are none, or of a newer version; use a newer metalab")]
    Unknown,
    /// They end too early or go on too long.
    #[error("read a stepped metric: the bytes are damaged at {offset}")]
    Damaged {
        /// Where.
        offset: usize,
    },
}

/// The bytes of a series of (step, value).
///
/// ```
/// use metalab_engine::capture::series;
///
/// let points = vec![(0, 1.5), (1, f64::NEG_INFINITY), (1, 0.5)];
/// assert_eq!(series::decode(&series::encode(&points)), Ok(points));
/// ```
pub fn encode(points: &[(u64, f64)]) -> Vec<u8> {
    points.iter().copied().collect::<Points>().encode()
}

/// The points from their bytes.
///
/// # Errors
/// When they are not such bytes, or damaged.
pub fn decode(bytes: &[u8]) -> Result<Vec<(u64, f64)>, SeriesError> {
    let mut rest = bytes.strip_prefix(MAGIC).ok_or(SeriesError::Unknown)?;
    let damaged = |rest: &[u8]| SeriesError::Damaged { offset: bytes.len() - rest.len() };
    let count = uvar(&mut rest).ok_or_else(|| damaged(rest))?;
    // Each point has nine bytes or more: a foreign count cannot make us allocate.
    let count =
        usize::try_from(count).ok().filter(|count| *count <= rest.len() / 9).ok_or_else(|| damaged(rest))?;
    let mut points = Vec::with_capacity(count);
    let mut step = 0_u64;
    for _ in 0..count {
        let delta = uvar(&mut rest).ok_or_else(|| damaged(rest))?;
        step = next_step(step, delta);
        points.push((step, 0.0));
    }
    let (values, beyond) = rest.as_chunks();
    if values.len() != count || !beyond.is_empty() {
        return Err(damaged(rest));
    }
    for (point, value) in points.iter_mut().zip(values) {
        point.1 = f64::from_le_bytes(*value);
    }
    Ok(points)
}

/// The step after another, by their difference as it is stored.
fn next_step(step: u64, delta: u64) -> u64 {
    step.wrapping_add(delta >> 1 ^ (delta & 1).wrapping_neg())
}

#[inline]
fn put_uvar(mut x: u64, bytes: &mut Vec<u8>) {
    while x >= 0x80 {
        bytes.push(x as u8 | 0x80);
        x >>= 7;
    }
    bytes.push(x as u8);
}

fn uvar(rest: &mut &[u8]) -> Option<u64> {
    let mut x = 0_u64;
    for (at, byte) in rest.iter().take(10).enumerate() {
        let bits = u64::from(byte & 0x7f);
        if at == 9 && bits > 1 {
            return None;
        }
        x |= bits << (7 * at);
        if byte & 0x80 == 0 {
            *rest = &rest[at + 1..];
            return Some(x);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_may_jump_anywhere() {
        let points = vec![(u64::MAX, 1.0), (0, 2.0), (1 << 63, 3.0), (5, 4.0), (5, 5.0)];
        assert_eq!(points.iter().copied().collect::<Points>().iter().collect::<Vec<_>>(), points);
        assert_eq!(decode(&encode(&points)), Ok(points));
        assert_eq!(decode(&encode(&[])), Ok(vec![]));
    }

    #[test]
    fn golden_points() {
        let golden = include_str!("../../tests/golden/series.txt");
        let cases: [&[(u64, f64)]; 4] = [
            &[],
            &[(0, 0.0), (1, 1.5), (2, -2.25)],
            &[(10, f64::INFINITY), (10, f64::NEG_INFINITY), (3, -0.0), (300, f64::MIN_POSITIVE)],
            &[(u64::MAX, 1.0), (0, 1.0)],
        ];
        let golden: Vec<_> = golden.lines().filter(|line| !line.starts_with('#')).collect();
        assert_eq!(cases.len(), golden.len());
        for (points, golden) in cases.into_iter().zip(golden) {
            assert_eq!(encode(points).iter().map(|byte| format!("{byte:02x}")).collect::<String>(), golden);
        }
    }

    #[test]
    fn a_million_steps_take_nine_bytes_each() {
        let points: Vec<_> = (0..1_000_000).map(|step| (step, step as f64)).collect();
        let bytes = encode(&points);
        assert!(bytes.len() < 9_000_100);
        assert_eq!(decode(&bytes), Ok(points));
    }

    #[test]
    fn damaged_bytes_are_refused() {
        let good = encode(&[(1, 1.0), (200, 2.0)]);
        for cut in 0..good.len() {
            assert!(decode(&good[..cut]).is_err(), "{cut}");
        }
        assert!(decode(&[&good[..], b"x"].concat()).is_err());
        assert_eq!(decode(b"metalab series 2\n"), Err(SeriesError::Unknown));
        let huge = [MAGIC, &[0xff; 9], &[1]].concat();
        assert_eq!(decode(&huge), Err(SeriesError::Damaged { offset: 27 }));
    }
}
