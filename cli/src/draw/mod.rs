//! Pictures of numbers, made of characters or as SVG.

mod bars;
mod canvas;
mod chart;
mod scale;
mod svg;
mod ticks;

pub(crate) use bars::{Bar, bars};
pub(crate) use canvas::{Line, Points, picture};
pub(crate) use chart::{Chart, Labels};
pub(crate) use scale::Scale;
use ticks::Tick;
