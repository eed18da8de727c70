//! Takes from a record what the index needs, without decoding the rest.

use metalab_cas::Digest;
use minicbor::Decoder;
use minicbor::decode::Error;

use crate::id::{RecordName, RunId};
use crate::record::{Outcome, Place};

/// The indexed fields of an attempt.
pub(super) struct Extract {
    pub(super) run: RunId,
    pub(super) outcome: Outcome,
    pub(super) started: i64,
    pub(super) submission: Option<(RecordName, u32)>,
    pub(super) output: Option<(Digest, Place)>,
}

/// Reads the payload of an [`Attempt`](crate::record::Attempt); the numbers are those of its fields.
pub(super) fn attempt(payload: &[u8]) -> Result<Extract, Error> {
    let mut d = Decoder::new(payload);
    let (mut run, mut outcome, mut started) = (None, None, None);
    let (mut submission, mut step, mut output) = (None, None, None);
    each_field(&mut d, |d, field| {
        match field {
            0 => run = Some(d.decode()?),
            5 => outcome = Some(d.decode()?),
            6 => started = Some(d.i64()?),
            11 => submission = d.decode()?,
            12 => step = d.decode()?,
            14 => output = self::output(d)?,
            _ => d.skip()?,
        }
        Ok(())
    })?;
    Ok(Extract {
        run: run.ok_or_else(|| Error::missing_value(0))?,
        outcome: outcome.ok_or_else(|| Error::missing_value(5))?,
        started: started.ok_or_else(|| Error::missing_value(6))?,
        submission: submission.zip(Some(step.unwrap_or(0))),
        output,
    })
}

fn output(d: &mut Decoder<'_>) -> Result<Option<(Digest, Place)>, Error> {
    if d.datatype()? == minicbor::data::Type::Null {
        d.null()?;
        return Ok(None);
    }
    let (mut digest, mut place) = (None, None);
    each_field(d, |d, field| match field {
        0 => each_field(d, |d, field| {
            match field {
                0 => digest = Some(d.decode()?),
                2 => place = Some(d.decode()?),
                _ => d.skip()?,
            }
            Ok(())
        }),
        _ => d.skip(),
    })?;
    Ok(digest.zip(place))
}

fn each_field<'b>(
    d: &mut Decoder<'b>,
    mut take: impl FnMut(&mut Decoder<'b>, u64) -> Result<(), Error>,
) -> Result<(), Error> {
    let fields = d.map()?.ok_or_else(|| Error::message("records have a definite length"))?;
    for _ in 0..fields {
        let field = d.u64()?;
        take(d, field)?;
    }
    Ok(())
}
