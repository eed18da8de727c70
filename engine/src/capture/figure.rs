//! Figures drawn by `plotters` (feature `plotters`).

use plotters::coord::Shift;
use plotters::drawing::{DrawingArea, IntoDrawingArea};
use plotters::prelude::{SVGBackend, WHITE};

use super::handle::Capture;
use super::misuse::Misuse;

impl Capture {
    /// Draws a figure on a white area of `size` pixels and captures it as SVG.
    ///
    /// An error of the drawing fails the run after the operation returned, as for everything that is captured.
    ///
    /// ```
    /// # use metalab_engine::capture::Capture;
    /// use plotters::prelude::*;
    ///
    /// let capture = Capture::memory();
    /// capture.figure("curve", (320, 240), |area| {
    ///     let mut chart = ChartBuilder::on(area).margin(5).build_cartesian_2d(0.0..1.0, 0.0..1.0)?;
    ///     chart.draw_series(LineSeries::new((0..=10).map(|n| (n as f64 / 10.0, 0.5)), &BLUE))?;
    ///     Ok(())
    /// });
    /// assert!(capture.get_artifact("curve").unwrap().starts_with(b"<svg"));
    /// ```
    pub fn figure(
        &self,
        name: &str,
        size: (u32, u32),
        draw: impl FnOnce(&DrawingArea<SVGBackend<'_>, Shift>) -> crate::Result<()>,
    ) {
        self.artifact(name, "figure", Some("svg"), || {
            let mut svg = String::new();
            let drawn = || -> crate::Result<()> {
                let area = SVGBackend::with_string(&mut svg, size).into_drawing_area();
                area.fill(&WHITE)?;
                draw(&area)?;
                area.present()?;
                Ok(())
            };
            drawn().map_err(|failure| Misuse::Value {
                what: "artifact",
                name: name.to_owned(),
                reason: format!("draw the figure: {}", failure.chain().join(": ")),
            })?;
            Ok(svg.into_bytes())
        });
    }
}
