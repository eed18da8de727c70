//! The ChaCha key stream with 12 rounds, four blocks at a time.
//!
//! Of our own, because what it yields is a format: no release of a random-number crate may change the results
//! of an experiment. Lanes of four let the compiler use vector instructions without any of our own.

/// Words made by one refill: four blocks of sixteen.
pub(super) const WORDS: usize = 64;

const LANES: usize = 4;
const DOUBLE_ROUNDS: usize = 6;

type Lanes = [u32; LANES];

/// Fills `out` with the key stream of the four blocks from `counter`; the nonce is zero.
pub(super) fn refill(key: &[u32; 8], counter: u64, out: &mut [u32; WORDS]) {
    let mut start = [[0; LANES]; 16];
    // "expand 32-byte k"
    for (word, constant) in start.iter_mut().zip([0x6170_7865, 0x3320_646e, 0x7962_2d32, 0x6b20_6574]) {
        *word = [constant; LANES];
    }
    for (word, key) in start[4..12].iter_mut().zip(key) {
        *word = [*key; LANES];
    }
    let blocks: [u64; LANES] = std::array::from_fn(|lane| counter.wrapping_add(lane as u64));
    start[12] = blocks.map(|block| block as u32);
    start[13] = blocks.map(|block| (block >> 32) as u32);
    let mut x = start;
    for _ in 0..DOUBLE_ROUNDS {
        quarter(&mut x, 0, 4, 8, 12);
        quarter(&mut x, 1, 5, 9, 13);
        quarter(&mut x, 2, 6, 10, 14);
        quarter(&mut x, 3, 7, 11, 15);
        quarter(&mut x, 0, 5, 10, 15);
        quarter(&mut x, 1, 6, 11, 12);
        quarter(&mut x, 2, 7, 8, 13);
        quarter(&mut x, 3, 4, 9, 14);
    }
    for word in 0..16 {
        for lane in 0..LANES {
            out[lane * 16 + word] = x[word][lane].wrapping_add(start[word][lane]);
        }
    }
}

#[inline(always)]
fn quarter(x: &mut [Lanes; 16], a: usize, b: usize, c: usize, d: usize) {
    add_xor_rotate(x, a, b, d, 16);
    add_xor_rotate(x, c, d, b, 12);
    add_xor_rotate(x, a, b, d, 8);
    add_xor_rotate(x, c, d, b, 7);
}

/// `a += b; d = (d ^ a) <<< by`, in every lane.
#[inline(always)]
fn add_xor_rotate(x: &mut [Lanes; 16], a: usize, b: usize, d: usize, by: u32) {
    let right = x[b];
    for (left, right) in x[a].iter_mut().zip(right) {
        *left = left.wrapping_add(right);
    }
    let right = x[a];
    for (left, right) in x[d].iter_mut().zip(right) {
        *left = (*left ^ right).rotate_left(by);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ChaCha12, 256-bit key of zeros, nonce zero: test vector TC1 of draft-strombergson-chacha-test-vectors.
    #[test]
    fn published_vector() {
        let mut out = [0; WORDS];
        refill(&[0; 8], 0, &mut out);
        let bytes: Vec<u8> = out[..8].iter().flat_map(|word| word.to_le_bytes()).collect();
        let expected = [
            0x9b, 0xf4, 0x9a, 0x6a, 0x07, 0x55, 0xf9, 0x53, 0x81, 0x1f, 0xce, 0x12, 0x5f, 0x26, 0x83, 0xd5,
            0x04, 0x29, 0xc3, 0xbb, 0x49, 0xe0, 0x74, 0x14, 0x7e, 0x00, 0x89, 0xa5, 0x2e, 0xae, 0x15, 0x5f,
        ];
        assert_eq!(bytes, expected);
    }
}
