//! Points and lines in the dots of braille characters: eight in each.

use super::Scale;
use crate::console::Paint;
use crate::words;

/// Dots of a character, by row and column, as bits of its number.
const DOTS: [[u32; 2]; 4] = [[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]];
const BLANK: u32 = 0x2800;
/// Labels of the vertical axis are not wider than this.
const LABEL: usize = 12;

/// Points that belong together, as x and y.
#[derive(Clone, Debug, Default)]
pub(crate) struct Points {
    pub(crate) name: String,
    pub(crate) points: Vec<(f64, f64)>,
}

/// Whether points are joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Line {
    /// Each stands for itself.
    Points,
    /// Each is joined with the next.
    Joined,
}

/// A picture with its axes, `width` by `height` characters; `None` when nothing in it is a number.
pub(crate) fn picture(
    groups: &[(Points, Line)],
    (x_log, y_log): (bool, bool),
    (width, height): (usize, usize),
    paint: Paint,
) -> Option<String> {
    let points = || groups.iter().flat_map(|(group, _)| &group.points);
    let drawable = |(x, y): &&(f64, f64)| x.is_finite() && y.is_finite();
    let xs = Scale::of(points().filter(drawable).map(|point| point.0), x_log)?;
    let ys = Scale::of(points().filter(drawable).map(|point| point.1), y_log)?;
    let rows = height.max(4);
    let labels: Vec<String> = (0..rows)
        .map(|row| match row {
            0 => ys.label(1.0),
            _ if row == rows - 1 => ys.label(0.0),
            _ if row == rows / 2 => ys.label(1.0 - (row as f64 + 0.5) / rows as f64),
            _ => String::new(),
        })
        .map(|label| words::line(&label, LABEL))
        .collect();
    let margin = labels.iter().map(|label| label.chars().count()).max().unwrap_or(0);
    let columns = width.saturating_sub(margin + 2).max(8);
    let mut canvas = Canvas::new(columns, rows);
    for (number, (group, line)) in groups.iter().enumerate() {
        let places = group.points.iter().filter_map(|(x, y)| canvas.dot(xs.place(*x)?, ys.place(*y)?));
        let places: Vec<_> = places.collect();
        match line {
            Line::Points => places.iter().for_each(|place| canvas.set(*place, number)),
            Line::Joined => {
                places.first().into_iter().for_each(|place| canvas.set(*place, number));
                places.windows(2).for_each(|pair| canvas.join(pair[0], pair[1], number));
            }
        }
    }
    let mut text = String::new();
    for (row, label) in labels.iter().enumerate() {
        let axis = if label.is_empty() { '│' } else { '┤' };
        let line = format!("{label:>margin$} {axis}{}", canvas.row(row, paint));
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text.push_str(&format!("{:margin$} └{}\n", "", "─".repeat(columns)));
    let (left, right) = (xs.label(0.0), xs.label(1.0));
    let gap = columns.saturating_sub(left.chars().count() + right.chars().count());
    text.push_str(&format!("{:margin$}  {left}{}{right}\n", "", " ".repeat(gap.max(1))));
    Some(text)
}

/// Characters of eight dots.
struct Canvas {
    columns: usize,
    rows: usize,
    cells: Vec<(u32, usize)>,
}

impl Canvas {
    fn new(columns: usize, rows: usize) -> Self {
        Self { columns, rows, cells: vec![(0, 0); columns * rows] }
    }

    /// The dot at a place from 0 to 1, to the right and up.
    fn dot(&self, x: f64, y: f64) -> Option<(usize, usize)> {
        let (wide, high) = (self.columns * 2 - 1, self.rows * 4 - 1);
        let inside = |place: f64| (0.0..=1.0).contains(&place);
        (inside(x) && inside(y))
            .then(|| ((x * wide as f64).round() as usize, ((1.0 - y) * high as f64).round() as usize))
    }

    fn set(&mut self, (x, y): (usize, usize), group: usize) {
        if let Some(cell) = self.cells.get_mut(y / 4 * self.columns + x / 2) {
            *cell = (cell.0 | DOTS[y % 4][x % 2], group);
        }
    }

    /// All dots from one to the other.
    fn join(&mut self, from: (usize, usize), to: (usize, usize), group: usize) {
        let steps = from.0.abs_diff(to.0).max(from.1.abs_diff(to.1)).max(1);
        let between = |a: usize, b: usize, at: usize| {
            let share = at as f64 / steps as f64;
            (a as f64 + (b as f64 - a as f64) * share).round() as usize
        };
        for at in 0..=steps {
            self.set((between(from.0, to.0, at), between(from.1, to.1, at)), group);
        }
    }

    fn row(&self, row: usize, paint: Paint) -> String {
        let mut text = String::new();
        for (dots, group) in &self.cells[row * self.columns..(row + 1) * self.columns] {
            match (dots, char::from_u32(BLANK + dots)) {
                (0, _) | (_, None) => text.push(' '),
                (_, Some(c)) => text.push_str(&paint.group(*group, &c.to_string())),
            }
        }
        text
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn draw(points: &[(f64, f64)], line: Line, size: (usize, usize)) -> Option<String> {
        let points = Points { name: String::new(), points: points.to_vec() };
        picture(&[(points, line)], (false, false), size, Paint(false))
    }

    #[test]
    fn a_line_goes_from_corner_to_corner() {
        let text = draw(&[(0.0, 0.0), (10.0, 1.0)], Line::Joined, (16, 4)).unwrap();
        let expected = "  1 ┤        ⢀⣀⠤⠒\n    │     ⣀⠤⠒⠁\n";
        assert!(text.lines().all(|line| line.chars().count() <= 16), "{text}");
        assert!(text.starts_with("  1 ┤") || text.starts_with("    1 ┤"), "{text}\n{expected}");
        assert!(text.ends_with("10\n"), "{text}");
        let dots: usize = text.chars().filter(|c| ('\u{2801}'..='\u{28ff}').contains(c)).count();
        assert!(dots >= 10, "{text}");
    }

    #[test]
    fn odd_numbers_are_left_out_and_odd_sizes_do_no_harm() {
        let points = [(f64::NAN, 1.0), (1.0, f64::INFINITY), (1.0, 1.0), (-1e300, 1e-300), (5e-324, -0.0)];
        for size in [(0, 0), (1, 1), (20, 3), (300, 100)] {
            for line in [Line::Points, Line::Joined] {
                assert!(draw(&points, line, size).is_some());
            }
        }
        assert!(draw(&[], Line::Points, (40, 10)).is_none());
        assert!(draw(&points[..2], Line::Points, (40, 10)).is_none());
    }
}
