//! Bars, one below the other.

use crate::words;

/// Eighths of a character, from empty to full.
const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
/// Names are cut to this.
const NAME: usize = 28;

/// A bar with what stands before and behind it.
#[derive(Clone, Debug)]
pub(crate) struct Bar {
    pub(crate) name: String,
    pub(crate) value: f64,
    pub(crate) said: String,
    /// How far to draw to both sides of the value; only where there is room for it, and `said` tells it anyway.
    pub(crate) spread: Option<f64>,
}

impl Bar {
    /// How many numbers lie between two edges.
    pub(crate) fn of_range(edges: &[f64], count: u64) -> Self {
        Self { name: Self::range(edges), value: count as f64, said: count.to_string(), spread: None }
    }

    /// The edges in words.
    pub(crate) fn range(edges: &[f64]) -> String {
        let [from, to] = edges else { return String::new() };
        format!("{} to {}", words::number(*from), words::number(*to))
    }
}

/// Bars from zero; of negative values the distance from zero is drawn, and the text behind tells the sign.
pub(crate) fn bars(bars: &[Bar], width: usize) -> String {
    let names: Vec<String> = bars.iter().map(|bar| words::line(&bar.name, NAME)).collect();
    let margin = names.iter().map(|name| name.chars().count()).max().unwrap_or(0);
    let behind = bars.iter().map(|bar| bar.said.chars().count()).max().unwrap_or(0);
    let room = width.saturating_sub(margin + behind + 4).max(8);
    let largest = bars.iter().map(|bar| bar.value.abs()).filter(|x| x.is_finite()).fold(0.0, f64::max);
    let mut text = String::new();
    for (bar, name) in bars.iter().zip(&names) {
        let share =
            if largest > 0.0 && !bar.value.is_nan() { (bar.value.abs() / largest).min(1.0) } else { 0.0 };
        let eighths = (share * room as f64 * 8.0).round() as usize;
        let drawn = "█".repeat(eighths / 8) + EIGHTHS[eighths % 8];
        let blank = " ".repeat(margin - name.chars().count());
        text.push_str(format!("{name}{blank} │{drawn} {}", bar.said).trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_bar_fills_the_room() {
        let bar = |name: &str, value: f64| Bar {
            name: name.into(),
            value,
            said: words::number(value),
            spread: None,
        };
        let text = bars(&[bar("a", 4.0), bar("long", -2.0), bar("none", 0.0), bar("n", f64::NAN)], 20);
        assert_eq!(text, "a    │█████████ 4\nlong │████▌ -2\nnone │ 0\nn    │ NaN\n");
        assert_eq!(bars(&[], 20), "");
        assert!(bars(&[bar(&"x".repeat(99), 1.0)], 1).contains('█'));
    }
}
