//! How numbers and texts are spelt.

use std::io::Write;

/// Appends a finite or non-finite float.
pub(super) fn float(x: f64, out: &mut Vec<u8>) {
    if !x.is_finite() {
        let name = match (x.is_nan(), x > 0.0) {
            (true, _) => "NaN",
            (false, true) => "inf",
            (false, false) => "-inf",
        };
        out.extend_from_slice(br#"{"$float":""#);
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(br#""}"#);
        return;
    }
    // `{:e}` fixes the digits (the shortest that read back); where the point goes is our own rule, so that no
    // release of Rust or of a crate can change what is stored.
    let mut buffer = [0; 32];
    let mut rest = &mut buffer[..];
    write!(rest, "{x:e}").expect("a float in scientific form has at most 24 characters");
    let unused = rest.len();
    let written = &buffer[..buffer.len() - unused];
    let (mantissa, exponent) = written.split_at(written.iter().position(|c| *c == b'e').expect("asked for"));
    let exponent = std::str::from_utf8(&exponent[1..]).ok().and_then(|text| text.parse::<i32>().ok());
    let exponent = exponent.expect("a float has a small exponent");
    let (sign, mantissa) = mantissa.split_at(usize::from(mantissa[0] == b'-'));
    out.extend_from_slice(sign);
    // The first digit, the others; between them a point if there are others.
    let (first, others) = (mantissa[0], mantissa.get(2..).unwrap_or_default());
    match exponent {
        0..=15 => {
            let whole = exponent as usize;
            out.push(first);
            match others.split_at_checked(whole) {
                Some((before, after)) if !after.is_empty() => {
                    out.extend_from_slice(before);
                    out.push(b'.');
                    out.extend_from_slice(after);
                }
                _ => {
                    out.extend_from_slice(others);
                    out.resize(out.len() + whole - others.len(), b'0');
                    out.extend_from_slice(b".0");
                }
            }
        }
        -5..0 => {
            out.extend_from_slice(b"0.");
            out.resize(out.len() + (-exponent - 1) as usize, b'0');
            out.push(first);
            out.extend_from_slice(others);
        }
        _ => {
            out.push(first);
            if !others.is_empty() {
                out.push(b'.');
                out.extend_from_slice(others);
            }
            out.push(b'e');
            whole(exponent, out);
        }
    }
}

/// Appends a whole number.
pub(super) fn whole(x: impl std::fmt::Display, out: &mut Vec<u8>) {
    write!(out, "{x}").expect("writing into a vector cannot fail");
}

/// Appends a text in quotes.
pub(super) fn quoted(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    let bytes = text.as_bytes();
    let mut plain = 0;
    for (at, byte) in bytes.iter().enumerate() {
        let escape: &[u8] = match byte {
            b'"' => b"\\\"",
            b'\\' => b"\\\\",
            b'\n' => b"\\n",
            b'\r' => b"\\r",
            b'\t' => b"\\t",
            0x08 => b"\\b",
            0x0c => b"\\f",
            0x00..0x20 => {
                &[b'\\', b'u', b'0', b'0', HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]
            }
            _ => continue,
        };
        out.extend_from_slice(&bytes[plain..at]);
        out.extend_from_slice(escape);
        plain = at + 1;
    }
    out.extend_from_slice(&bytes[plain..]);
    out.push(b'"');
}

/// Appends a key of the user's own.
pub(super) fn key(text: &str, out: &mut Vec<u8>) {
    if text.starts_with('$') {
        quoted(&format!("${text}"), out);
    } else {
        quoted(text, out);
    }
}

/// Appends a byte string.
pub(super) fn bytes(bytes: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(br#"{"$bytes":""#);
    out.extend(bytes.iter().flat_map(|byte| [HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]));
    out.extend_from_slice(br#""}"#);
}

const HEX: &[u8; 16] = b"0123456789abcdef";

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn floats_are_spelt_by_the_rule() {
        for (x, text) in [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (1.0, "1.0"),
            (-12.5, "-12.5"),
            (0.1, "0.1"),
            (100.0, "100.0"),
            (123_456.789, "123456.789"),
            (0.000_01, "0.00001"),
            (0.000_012_3, "0.0000123"),
            (0.000_009_9, "9.9e-6"),
            (9_007_199_254_740_993.0, "9007199254740992.0"),
            (1e15, "1000000000000000.0"),
            (1.5e16, "1.5e16"),
            (1e16, "1e16"),
            (f64::MAX, "1.7976931348623157e308"),
            (f64::MIN_POSITIVE, "2.2250738585072014e-308"),
            (5e-324, "5e-324"),
            (f64::NAN, r#"{"$float":"NaN"}"#),
            (f64::INFINITY, r#"{"$float":"inf"}"#),
            (f64::NEG_INFINITY, r#"{"$float":"-inf"}"#),
        ] {
            let mut out = Vec::new();
            float(x, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), text);
        }
    }

    #[test]
    fn floats_read_back() {
        let mut rng = crate::seeds::SeedBundle::fixed(1).rng("floats");
        for _ in 0..20_000 {
            let x = f64::from_bits(rng.next_u64());
            for x in [x, rng.uniform(), (x % 1e9).trunc()].into_iter().filter(|x| x.is_finite()) {
                let mut out = Vec::new();
                float(x, &mut out);
                let back: f64 = std::str::from_utf8(&out).unwrap().parse().unwrap();
                assert_eq!(back.to_bits(), x.to_bits());
            }
        }
    }

    #[test]
    fn texts_are_escaped() {
        let mut out = Vec::new();
        quoted("a\"\\\n\r\t\u{8}\u{c}\u{0}\u{1f}/é😀", &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), r#""a\"\\\n\r\t\b\f\u0000\u001f/é😀""#);
    }
}
