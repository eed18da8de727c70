//! Pictures of numbers, made of characters.

mod bars;
mod canvas;
mod scale;

pub(crate) use bars::{Bar, bars};
pub(crate) use canvas::{Line, Points, picture};
pub(crate) use scale::Scale;
