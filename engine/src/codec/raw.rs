//! Bytes and text, kept as they are.

use super::{Codec, CodecError};

/// Bytes as they are.
#[derive(Clone, Copy, Debug)]
pub struct Raw;

impl Codec<Vec<u8>> for Raw {
    const NAME: &'static str = "raw";
    const EXTENSION: &'static str = "bin";

    fn encode(value: &Vec<u8>, out: &mut Vec<u8>) -> Result<(), CodecError> {
        out.extend_from_slice(value);
        Ok(())
    }

    fn decode(bytes: &[u8]) -> Result<Vec<u8>, CodecError> {
        Ok(bytes.to_vec())
    }
}

impl Codec<Box<[u8]>> for Raw {
    const NAME: &'static str = "raw";
    const EXTENSION: &'static str = "bin";

    fn encode(value: &Box<[u8]>, out: &mut Vec<u8>) -> Result<(), CodecError> {
        out.extend_from_slice(value);
        Ok(())
    }

    fn decode(bytes: &[u8]) -> Result<Box<[u8]>, CodecError> {
        Ok(bytes.into())
    }
}

impl Codec<bytes::Bytes> for Raw {
    const NAME: &'static str = "raw";
    const EXTENSION: &'static str = "bin";

    fn encode(value: &bytes::Bytes, out: &mut Vec<u8>) -> Result<(), CodecError> {
        out.extend_from_slice(value);
        Ok(())
    }

    fn decode(bytes: &[u8]) -> Result<bytes::Bytes, CodecError> {
        Ok(bytes::Bytes::copy_from_slice(bytes))
    }
}

/// UTF-8 text as it is.
#[derive(Clone, Copy, Debug)]
pub struct Text;

impl Codec<String> for Text {
    const NAME: &'static str = "text";
    const EXTENSION: &'static str = "txt";

    fn encode(value: &String, out: &mut Vec<u8>) -> Result<(), CodecError> {
        out.extend_from_slice(value.as_bytes());
        Ok(())
    }

    fn decode(bytes: &[u8]) -> Result<String, CodecError> {
        let text = std::str::from_utf8(bytes);
        let text = text.map_err(|error| CodecError::Decode { codec: "text", message: error.to_string() })?;
        Ok(text.to_owned())
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn bytes_and_text_come_back() {
        let mut out = Vec::new();
        Raw::encode(&vec![0_u8, 255], &mut out).unwrap();
        assert_eq!(<Raw as Codec<Vec<u8>>>::decode(&out).unwrap(), [0, 255]);
        assert_eq!(&<Raw as Codec<Box<[u8]>>>::decode(&out).unwrap()[..], [0, 255]);
        assert_eq!(&<Raw as Codec<bytes::Bytes>>::decode(&out).unwrap()[..], [0, 255]);
        let error = Text::decode(&out).unwrap_err().to_string();
        assert!(error.starts_with("decode as text: invalid utf-8"), "{error}");
        assert_eq!(Text::decode("höhe".as_bytes()).unwrap(), "höhe");
    }
}
