//! Field helpers for `minicbor`: byte strings, and lists that are left out when empty.

/// `Vec<u8>` as a CBOR byte string, left out when empty.
pub(super) mod octets {
    use minicbor::decode::Error as DecodeError;
    use minicbor::encode::{Error as EncodeError, Write};
    use minicbor::{Decoder, Encoder};

    pub(crate) fn encode<C, W: Write>(
        v: &[u8],
        e: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), EncodeError<W::Error>> {
        e.bytes(v)?.ok()
    }

    pub(crate) fn decode<C>(d: &mut Decoder<'_>, _: &mut C) -> Result<Vec<u8>, DecodeError> {
        Ok(d.bytes()?.to_vec())
    }

    pub(crate) fn is_nil(v: &[u8]) -> bool {
        v.is_empty()
    }

    pub(crate) fn nil() -> Option<Vec<u8>> {
        Some(Vec::new())
    }
}

/// `Vec<T>` as a CBOR array, left out when empty.
pub(super) mod list {
    use minicbor::decode::Error as DecodeError;
    use minicbor::encode::{Error as EncodeError, Write};
    use minicbor::{Decode, Decoder, Encode, Encoder};

    pub(crate) fn encode<C, T: Encode<C>, W: Write>(
        v: &[T],
        e: &mut Encoder<W>,
        ctx: &mut C,
    ) -> Result<(), EncodeError<W::Error>> {
        v.encode(e, ctx)
    }

    pub(crate) fn decode<'b, C, T: Decode<'b, C>>(
        d: &mut Decoder<'b>,
        ctx: &mut C,
    ) -> Result<Vec<T>, DecodeError> {
        Vec::<T>::decode(d, ctx)
    }

    pub(crate) fn is_nil<T>(v: &[T]) -> bool {
        v.is_empty()
    }

    pub(crate) fn nil<T>() -> Option<Vec<T>> {
        Some(Vec::new())
    }
}
