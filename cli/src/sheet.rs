//! One thing laid out for people: sections of names and values.

use crate::console::Paint;

/// Sections of names and values, the values aligned.
#[derive(Default)]
pub(crate) struct Sheet {
    text: Vec<Line>,
}

enum Line {
    Head(String),
    Entry(String, String),
    /// Further lines, as they are.
    Plain(String),
}

impl Sheet {
    /// Begins a section.
    pub(crate) fn head(&mut self, title: impl Into<String>) -> &mut Self {
        self.text.push(Line::Head(title.into()));
        self
    }

    /// A name with its value; an empty value is left out.
    pub(crate) fn entry(&mut self, name: impl Into<String>, value: impl Into<String>) -> &mut Self {
        let value = value.into();
        if !value.is_empty() {
            self.text.push(Line::Entry(name.into(), value));
        }
        self
    }

    /// A line without a name.
    pub(crate) fn plain(&mut self, line: impl Into<String>) -> &mut Self {
        self.text.push(Line::Plain(line.into()));
        self
    }

    /// The text. Sections are set apart by their titles; the values of all of them begin at one place.
    pub(crate) fn render(&self, paint: Paint) -> String {
        let names = self.text.iter().filter_map(|line| match line {
            Line::Entry(name, _) => Some(name.chars().count()),
            _ => None,
        });
        // One very long name must not push all values off the screen.
        let width = names.filter(|width| *width <= 28).max().unwrap_or(0);
        let mut text = String::new();
        for line in &self.text {
            match line {
                Line::Head(title) => text.push_str(&paint.bold(title)),
                Line::Entry(name, value) => {
                    let value = value.replace('\n', &format!("\n{}", " ".repeat(width + 4)));
                    let value = if name == "status" { paint.status(&value) } else { value };
                    let blank = " ".repeat(width.saturating_sub(name.chars().count()));
                    text.push_str(&format!("  {name}{blank}  {value}"));
                }
                Line::Plain(line) => text.push_str(&format!("  {}", line.replace('\n', "\n  "))),
            }
            text.push('\n');
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_begin_at_one_place() {
        let mut sheet = Sheet::default();
        sheet
            .head("run a")
            .entry("k", "3")
            .entry("norm", "two\nlines")
            .entry("none", "")
            .head("log")
            .plain("x");
        assert_eq!(sheet.render(Paint(false)), "run a\n  k     3\n  norm  two\n        lines\nlog\n  x\n");
    }
}
