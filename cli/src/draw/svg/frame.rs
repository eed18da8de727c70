//! What stands around a picture: title, axes, names of groups.

use std::fmt::Write as _;

use metalab_engine::inspect::xml_text;

use crate::draw::{Labels, Line, Points, Tick};
use crate::words;

pub(super) const WIDTH: f64 = 720.0;
pub(super) const HEIGHT: f64 = 440.0;
/// Above the plot: the title, and the names of groups.
pub(super) const HEAD: f64 = 34.0;
pub(super) const LEGEND: f64 = 20.0;
/// Below it: numbers and the name of the axis.
pub(super) const FOOT: f64 = 50.0;
pub(super) const RIGHT: f64 = 24.0;
/// The height of a bar with its gap.
pub(super) const ROW: f64 = 24.0;
/// About the width of a letter of the font, which the reader's program chooses.
pub(super) const LETTER: f64 = 6.6;
/// That of a digit, which most names of runs are made of.
const WIDE: f64 = 7.4;
/// Names and titles are cut to so many characters; the tool tip has all of a name.
pub(super) const NAME: usize = 28;
const TITLE: usize = 74;
/// Colours of groups, of the same lightness on white and on black.
pub(super) const COLOURS: [&str; 6] = ["#3b82c4", "#d9772b", "#2a9d6f", "#a35fc0", "#d1495b", "#8a8d2f"];
pub(super) const INK: &str = "#7a828c";

/// The rectangle in which is drawn.
#[derive(Clone, Copy, Debug)]
pub(super) struct Area {
    pub(super) left: f64,
    pub(super) top: f64,
    pub(super) width: f64,
    pub(super) height: f64,
}

impl Area {
    pub(super) fn x(&self, place: f64) -> f64 {
        self.left + place * self.width
    }

    pub(super) fn y(&self, place: f64) -> f64 {
        self.top + (1.0 - place) * self.height
    }

    /// The area beside the numbers of the vertical axis.
    pub(super) fn beside(up: &[Tick], top: f64) -> Self {
        let widest = up.iter().map(|tick| tick.label.chars().count()).max().unwrap_or(0);
        let left = 38.0 + widest as f64 * LETTER;
        Self { left, top, width: WIDTH - left - RIGHT, height: HEIGHT - top - FOOT }
    }
}

pub(super) fn begin(height: f64, labels: &Labels) -> String {
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH:.0}\" height=\"{height:.0}\" \
         viewBox=\"0 0 {WIDTH:.0} {height:.0}\" role=\"img\" font-family=\"system-ui, 'Helvetica Neue', Arial, sans-serif\" \
         font-size=\"12\">\n<title>{title}</title>\n\
         <text x=\"16\" y=\"22\" font-size=\"14\" font-weight=\"600\" fill=\"{INK}\">{shown}</text>\n",
        title = xml_text(&labels.title),
        shown = xml_text(&words::line(&labels.title, TITLE)),
    )
}

/// Axes with their numbers and names; lines across where the numbers are.
pub(super) fn frame(text: &mut String, area: &Area, across: &[Tick], up: &[Tick], labels: &Labels) {
    let (left, right, top, bottom) = (area.x(0.0), area.x(1.0), area.y(1.0), area.y(0.0));
    let mut grid = String::new();
    for tick in across {
        let x = area.x(tick.place);
        let _ = write!(grid, "M{x:.1} {top:.1}V{bottom:.1}");
        write_text(text, (x, bottom + 18.0), "middle", &tick.label);
    }
    for tick in up {
        let y = area.y(tick.place);
        let _ = write!(grid, "M{left:.1} {y:.1}H{right:.1}");
        write_text(text, (left - 8.0, y + 4.0), "end", &tick.label);
    }
    let _ = writeln!(
        text,
        "<path d=\"{grid}\" fill=\"none\" stroke=\"{INK}\" stroke-opacity=\"0.22\"/>\n\
         <path d=\"M{left:.1} {top:.1}V{bottom:.1}H{right:.1}\" fill=\"none\" stroke=\"{INK}\"/>"
    );
    write_text(text, (f64::midpoint(left, right), bottom + 38.0), "middle", &words::line(&labels.x, TITLE));
    let middle = f64::midpoint(top, bottom);
    let _ = writeln!(
        text,
        "<text x=\"18\" y=\"{middle:.1}\" transform=\"rotate(-90 18 {middle:.1})\" text-anchor=\"middle\" fill=\"{INK}\">{}</text>",
        xml_text(&words::line(&labels.y, TITLE / 2))
    );
}

/// Which colour is whose.
pub(super) fn names(text: &mut String, groups: &[(Points, Line)]) {
    if groups.len() < 2 {
        return;
    }
    let mut x = 16.0;
    for (number, (group, _)) in groups.iter().enumerate() {
        let name = words::line(&group.name, NAME);
        let colour = COLOURS[number % COLOURS.len()];
        let _ = writeln!(
            text,
            "<rect x=\"{x:.1}\" y=\"33\" width=\"10\" height=\"10\" rx=\"2\" fill=\"{colour}\"/>"
        );
        write_text(text, (x + 15.0, 42.0), "start", &name);
        let fair = (WIDTH - 32.0) / groups.len() as f64;
        x += (36.0 + name.chars().count() as f64 * WIDE).min(fair);
    }
}

pub(super) fn bar(text: &mut String, (x, y): (f64, f64), (width, height): (f64, f64), name: &str) {
    let _ = writeln!(
        text,
        "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\"><title>{}</title></rect>",
        xml_text(name)
    );
}

pub(super) fn write_text(text: &mut String, (x, y): (f64, f64), anchor: &str, what: &str) {
    let _ = writeln!(
        text,
        "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" fill=\"{INK}\">{}</text>",
        xml_text(what)
    );
}
