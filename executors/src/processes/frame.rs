//! Messages as they go through the pipe between driver and worker.
//!
//! A frame is a header of 16 bytes and a payload:
//!
//! | offset | size | field |
//! | --- | --- | --- |
//! | 0 | 4 | magic `F1 4D 4C 57` |
//! | 4 | 1 | version of this layout, 1 |
//! | 5 | 1 | kind, see [`Kind`] |
//! | 6 | 2 | reserved, 0 |
//! | 8 | 4 | length of the payload, little-endian |
//! | 12 | 4 | CRC-32C of the 12 bytes before and the payload, little-endian |
//!
//! The pipe itself loses and changes nothing; what the checks find is a program that writes where it should not, and
//! after that nothing it says is believed.

use std::io::{self, Read};
use std::ops::Range;

const MAGIC: [u8; 4] = [0xf1, 0x4d, 0x4c, 0x57];
const VERSION: u8 = 1;
const HEADER: usize = 16;
/// No message is longer, bytes: a length beyond is garbage, and nothing is reserved for it.
const LONGEST: usize = 2 << 30;
/// Bytes asked for at once.
const READ: usize = 64 << 10;

/// What a message is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Kind {
    /// Worker: here I am. Lines of text: version of the messages, version of metalab, token.
    Hello = 1,
    /// Worker: what you told me is understood.
    Known = 2,
    /// Worker: I cannot do that; text.
    Refused = 3,
    /// Worker: I am at the batch.
    Begun = 4,
    /// Worker: a run is over; a report of the engine.
    Run = 5,
    /// Worker: the batch is over.
    Ended = 6,
    /// Driver: have you these operations?
    Check = 16,
    /// Driver: about a step.
    Brief = 17,
    /// Driver: perform these.
    Batch = 18,
    /// Driver: begin no further run of the batch.
    Stop = 19,
    /// Driver: and let the one at hand stop.
    Cancel = 20,
    /// Driver: end.
    Bye = 21,
}

impl Kind {
    const ALL: [Self; 12] = [
        Self::Hello,
        Self::Known,
        Self::Refused,
        Self::Begun,
        Self::Run,
        Self::Ended,
        Self::Check,
        Self::Brief,
        Self::Batch,
        Self::Stop,
        Self::Cancel,
        Self::Bye,
    ];

    fn of(byte: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| *kind as u8 == byte)
    }
}

/// Appends a message to `out`. Payloads of 2 GiB and more are cut off by the reader's refusal.
pub(super) fn append(out: &mut Vec<u8>, kind: Kind, payload: &[u8]) {
    let start = out.len();
    out.reserve(HEADER + payload.len());
    out.extend_from_slice(&MAGIC);
    out.extend_from_slice(&[VERSION, kind as u8, 0, 0]);
    out.extend_from_slice(&u32::try_from(payload.len()).unwrap_or(u32::MAX).to_le_bytes());
    let sum = crc32c::crc32c_append(crc32c::crc32c(&out[start..]), payload);
    out.extend_from_slice(&sum.to_le_bytes());
    out.extend_from_slice(payload);
}

/// What came through the pipe is no message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Garbage(String);

impl std::fmt::Display for Garbage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// Bytes that came, and are taken out message by message.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    buffer: Vec<u8>,
    /// Those before are taken, those from `end` on are not filled.
    start: usize,
    end: usize,
}

impl Inbox {
    /// The next whole message, if it has come: its kind, and where its payload lies (see [`Inbox::payload`]).
    pub(super) fn next(&mut self) -> Result<Option<(Kind, Range<usize>)>, Garbage> {
        let bytes = &self.buffer[self.start..self.end];
        // Garbage is seen at its first bytes: nobody waits for the rest of a header.
        let known = bytes.len().min(MAGIC.len());
        if bytes[..known] != MAGIC[..known] {
            return Err(Garbage(format!("it begins with {:02x?}", &bytes[..bytes.len().min(8)])));
        }
        let Some(header) = bytes.first_chunk::<HEADER>() else { return Ok(None) };
        let length = length(header)?;
        let Some(payload) = bytes.get(HEADER..HEADER + length) else { return Ok(None) };
        let sum = crc32c::crc32c_append(crc32c::crc32c(&header[..12]), payload);
        if header[12..] != sum.to_le_bytes() {
            return Err(Garbage("its checksum is wrong".into()));
        }
        let kind = Kind::of(header[5]).ok_or_else(|| Garbage(format!("there is no kind {}", header[5])))?;
        let payload = self.start + HEADER..self.start + HEADER + length;
        self.start = payload.end;
        Ok(Some((kind, payload)))
    }

    /// The payload of the message taken last.
    pub(super) fn payload(&self, at: Range<usize>) -> &[u8] {
        &self.buffer[at]
    }

    /// Reads what there is; 0 means that nothing more will come.
    pub(super) fn fill(&mut self, from: &mut impl Read) -> io::Result<usize> {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
            // One large message does not keep its memory for ever.
            if self.buffer.len() > 16 * READ {
                self.buffer = Vec::new();
            }
        }
        if self.buffer.len() - self.end < READ {
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
            // It grows with what comes, not with what is announced.
            if self.buffer.len() - self.end < READ {
                self.buffer.resize((2 * self.buffer.len()).max(self.end + READ), 0);
            }
        }
        let read = from.read(&mut self.buffer[self.end..])?;
        self.end += read;
        Ok(read)
    }
}

fn length(header: &[u8; HEADER]) -> Result<usize, Garbage> {
    if header[4] != VERSION {
        return Err(Garbage(format!("it has version {} instead of {VERSION}", header[4])));
    }
    let length = u32::from_le_bytes([header[8], header[9], header[10], header[11]]) as usize;
    match length <= LONGEST {
        true => Ok(length),
        false => Err(Garbage(format!("it would be {length} bytes long"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives its bytes in pieces.
    struct Pieces<'a>(&'a [u8], usize);

    impl Read for Pieces<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let count = self.1.min(self.0.len()).min(buffer.len());
            let (now, later) = self.0.split_at(count);
            buffer[..count].copy_from_slice(now);
            self.0 = later;
            Ok(count)
        }
    }

    fn read_all(bytes: &[u8], piece: usize) -> Result<Vec<(Kind, Vec<u8>)>, Garbage> {
        let (mut inbox, mut pieces, mut all) = (Inbox::default(), Pieces(bytes, piece), Vec::new());
        loop {
            while let Some((kind, at)) = inbox.next()? {
                all.push((kind, inbox.payload(at).to_vec()));
            }
            if inbox.fill(&mut pieces).expect("reading memory") == 0 {
                return Ok(all);
            }
        }
    }

    #[test]
    fn messages_come_out_as_they_went_in_whatever_the_pieces() {
        let large = vec![7; 3 * READ + 5];
        let messages =
            [(Kind::Hello, &b"hello"[..]), (Kind::Begun, b""), (Kind::Batch, &large), (Kind::Bye, b"")];
        let mut bytes = Vec::new();
        messages.iter().for_each(|(kind, payload)| append(&mut bytes, *kind, payload));
        for piece in [1, 7, 4096, 1 << 20] {
            let all = read_all(&bytes, piece).expect("sound messages");
            assert!(all.iter().map(|(kind, payload)| (*kind, &payload[..])).eq(messages), "{piece}");
        }
    }

    #[test]
    fn every_changed_byte_is_garbage_or_waited_for() {
        let mut bytes = Vec::new();
        append(&mut bytes, Kind::Run, b"report");
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 0x10;
            let read = read_all(&changed, 64);
            assert!(!matches!(&read, Ok(all) if !all.is_empty()), "{at}: {read:?}");
        }
        let error = read_all(b"plain text\n", 64).expect_err("garbage");
        assert!(error.to_string().contains("begins with"), "{error}");
    }
}
