//! Pictures as SVG: readable on light and on dark ground, which is whatever lies behind.

mod frame;

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::{Bar, Labels, Line, Points, Scale};
use crate::words;
use frame::{
    Area, COLOURS, FOOT, HEAD, HEIGHT, INK, LEGEND, LETTER, NAME, RIGHT, ROW, WIDTH, bar, begin, frame,
    names, write_text,
};

/// Points and lines over two axes.
pub(super) fn points(groups: &[(Points, Line)], log: (bool, bool), labels: &Labels) -> Option<String> {
    let all =
        || groups.iter().flat_map(|(group, _)| &group.points).filter(|(x, y)| x.is_finite() && y.is_finite());
    let xs = Scale::of(all().map(|point| point.0), log.0)?.with_room(0.03);
    let ys = Scale::of(all().map(|point| point.1), log.1)?.with_room(0.05);
    let legend = if groups.len() > 1 { LEGEND } else { 0.0 };
    let (across, up) = (xs.ticks(7), ys.ticks(6));
    let area = Area::beside(&up, HEAD + legend);
    let mut text = begin(HEIGHT, labels);
    names(&mut text, groups);
    frame(&mut text, &area, &across, &up, labels);
    for (number, (group, line)) in groups.iter().enumerate() {
        let colour = COLOURS[number % COLOURS.len()];
        let places =
            group.points.iter().filter_map(|(x, y)| Some((area.x(xs.place(*x)?), area.y(ys.place(*y)?))));
        match line {
            Line::Points => {
                let mut seen = BTreeSet::new();
                let _ = writeln!(text, "<g fill=\"{colour}\" fill-opacity=\"0.55\">");
                // Points that cannot be told apart are drawn once.
                for (x, y) in places.filter(|(x, y)| seen.insert(((x * 4.0) as i64, (y * 4.0) as i64))) {
                    let _ = writeln!(text, "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\"/>");
                }
                text.push_str("</g>\n");
            }
            Line::Joined => {
                let places: Vec<(f64, f64)> = places.collect();
                let path: Vec<String> =
                    thinned(&places).iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
                let _ = writeln!(
                    text,
                    "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.8\" stroke-linejoin=\"round\"/>",
                    path.join(" ")
                );
                if places.len() <= 60 {
                    let _ = writeln!(text, "<g fill=\"{colour}\">");
                    for (x, y) in &places {
                        let _ = writeln!(text, "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"2.6\"/>");
                    }
                    text.push_str("</g>\n");
                }
            }
        }
    }
    Some(text + "</svg>\n")
}

/// How often numbers fall into ranges.
pub(super) fn histogram(edges: &[f64], counts: &[u64], log: bool, labels: &Labels) -> Option<String> {
    let xs = Scale::of(edges.iter().copied(), log)?;
    let most = counts.iter().copied().max()? as f64;
    let ys = Scale::of([0.0, most * 1.05].into_iter(), false)?;
    let up = ys.ticks(whole(most, 6));
    let area = Area::beside(&up, HEAD);
    let mut text = begin(HEIGHT, labels);
    frame(&mut text, &area, &xs.ticks(7), &up, labels);
    let _ = writeln!(text, "<g fill=\"{}\" fill-opacity=\"0.8\">", COLOURS[0]);
    for (edges, count) in edges.windows(2).zip(counts).filter(|(_, count)| **count > 0) {
        let (left, right) = (area.x(xs.place(edges[0])?), area.x(xs.place(edges[1])?));
        let top = area.y(ys.place(*count as f64)?);
        let name = format!("{}: {count}", Bar::range(edges));
        bar(&mut text, (left + 0.5, top), ((right - left - 1.0).max(0.5), area.y(0.0) - top), &name);
    }
    Some(text + "</g>\n</svg>\n")
}

/// A bar for each name, with its spread where it has one.
pub(super) fn bars(bars: &[Bar], more: usize, labels: &Labels) -> Option<String> {
    if bars.is_empty() {
        return None;
    }
    let ends = bars.iter().flat_map(|bar| {
        let spread = bar.spread.unwrap_or(0.0);
        [bar.value - spread, bar.value + spread]
    });
    let xs = Scale::of(ends.chain([0.0]), false)?.with_room_from_zero(0.05);
    let names: Vec<String> = bars.iter().map(|bar| words::line(&bar.name, NAME)).collect();
    let said = bars.iter().map(|bar| bar.said.chars().count()).max().unwrap_or(0) as f64 * LETTER;
    let widest = names.iter().map(|name| name.chars().count()).max().unwrap_or(0) as f64 * LETTER;
    let (left, height) = (24.0 + widest, ROW * bars.len() as f64 + 6.0);
    let area = Area { left, top: HEAD, width: (WIDTH - left - said - RIGHT - 12.0).max(120.0), height };
    let more_height = if more > 0 { 18.0 } else { 0.0 };
    let mut text = begin(HEAD + height + FOOT + more_height, labels);
    let counts = bars.iter().all(|bar| bar.spread.is_none() && bar.value.fract() == 0.0);
    let about = if counts { whole(xs.at(1.0), 7) } else { 7 };
    frame(&mut text, &area, &xs.ticks(about), &[], labels);
    let zero = area.x(xs.place(0.0)?);
    for (number, (one, name)) in bars.iter().zip(&names).enumerate() {
        let middle = area.top + 3.0 + ROW * (number as f64 + 0.5);
        write_text(&mut text, (left - 8.0, middle + 4.0), "end", name);
        write_text(&mut text, (area.x(1.0) + 10.0, middle + 4.0), "start", &one.said);
        let Some(place) = xs.place(one.value) else { continue };
        let (from, to) = (zero.min(area.x(place)), zero.max(area.x(place)));
        let _ = write!(text, "<g fill=\"{}\" fill-opacity=\"0.8\">", COLOURS[0]);
        bar(&mut text, (from, middle - 8.0), (to - from, 16.0), &format!("{}: {}", one.name, one.said));
        text.push_str("</g>\n");
        if let Some(spread) = one.spread
            && let (Some(low), Some(high)) = (xs.place(one.value - spread), xs.place(one.value + spread))
        {
            let (low, high) = (area.x(low), area.x(high));
            let _ = writeln!(
                text,
                "<path d=\"M{low:.1} {middle:.1}H{high:.1}M{low:.1} {top:.1}v8M{high:.1} {top:.1}v8\" fill=\"none\" stroke=\"{INK}\" stroke-width=\"1.6\"/>",
                top = middle - 4.0
            );
        }
    }
    if xs.at(0.0) < 0.0 {
        let (top, bottom) = (area.y(1.0), area.y(0.0));
        let _ = writeln!(text, "<path d=\"M{zero:.1} {top:.1}V{bottom:.1}\" stroke=\"{INK}\"/>");
    }
    if more > 0 {
        let y = HEAD + height + FOOT + 6.0;
        write_text(&mut text, (area.left, y), "start", &format!("and {more} more"));
    }
    Some(text + "</svg>\n")
}

/// So many ticks that none stands between two whole numbers.
fn whole(most: f64, about: usize) -> usize {
    about.min(most.max(1.0) as usize)
}

/// A line of very many points, as one that looks the same: of each half pixel across, where the line enters and
/// leaves it, and how far it goes up and down.
fn thinned(places: &[(f64, f64)]) -> Vec<(f64, f64)> {
    if places.len() < 2000 {
        return places.to_vec();
    }
    let mut kept = Vec::new();
    for column in places.chunk_by(|a, b| (a.0 * 2.0) as i64 == (b.0 * 2.0) as i64) {
        let by_y = |a: &&(f64, f64), b: &&(f64, f64)| a.1.total_cmp(&b.1);
        let (low, high) = (column.iter().min_by(by_y), column.iter().max_by(by_y));
        kept.extend([column.first(), low, high, column.last()].into_iter().flatten().copied());
        kept.dedup();
    }
    kept
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn labels(text: &str) -> Labels {
        Labels { title: text.into(), x: text.into(), y: text.into() }
    }

    /// Whether it is XML as far as elements go, and what its texts are.
    fn texts(svg: &str) -> Vec<String> {
        assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"), "{svg}");
        let (mut open, mut texts) = (Vec::new(), Vec::new());
        for part in svg.split('<').skip(1) {
            let (tag, text) = part.split_once('>').unwrap();
            let name = tag.trim_start_matches('/').split([' ', '/']).next().unwrap();
            match (tag.starts_with('/'), tag.ends_with('/')) {
                (true, _) => assert_eq!(open.pop(), Some(name.to_owned())),
                (false, false) => open.push(name.to_owned()),
                (false, true) => {}
            }
            assert!(
                ["svg", "title", "text", "g", "rect", "path", "circle", "polyline"].contains(&name),
                "{tag}"
            );
            if !text.trim().is_empty() {
                texts.push(text.to_owned());
            }
        }
        assert!(open.is_empty(), "{open:?}");
        texts
    }

    fn group(points: Vec<(f64, f64)>, line: Line, name: &str) -> (Points, Line) {
        (Points { name: name.into(), points }, line)
    }

    #[test]
    fn hostile_names_stay_text() {
        let bad = "</text><script>alert(1)</script>\" onload=\"x\u{0}&amp;";
        let bar = Bar { name: bad.into(), value: 1.0, said: bad.into(), spread: Some(0.5) };
        let groups = [group(vec![(1.0, 2.0)], Line::Points, bad), group(vec![(3.0, 4.0)], Line::Joined, bad)];
        let pictures = [
            bars(&[bar], 3, &labels(bad)).unwrap(),
            points(&groups, (false, true), &labels(bad)).unwrap(),
            histogram(&[0.0, 1.0, 2.0], &[3, 4], false, &labels(bad)).unwrap(),
        ];
        for picture in &pictures {
            let texts = texts(picture);
            assert!(texts.iter().any(|text| text.contains("&lt;script&gt;")), "{picture}");
            assert!(!picture.contains('\0') && !picture.contains("\" onload"), "{picture}");
        }
    }

    #[test]
    fn everything_lies_within_the_picture() {
        let wild = vec![(1e-300, -1e300), (0.5, 7e299), (1.0, 0.0), (f64::NAN, 1.0), (2.0, f64::INFINITY)];
        let groups = [group(wild.clone(), Line::Points, "a"), group(wild, Line::Joined, "b")];
        let picture = points(&groups, (false, false), &labels("x")).unwrap();
        for circle in picture.split("<circle cx=\"").skip(1) {
            let x: f64 = circle.split('"').next().unwrap().parse().unwrap();
            let y: f64 = circle.split('"').nth(2).unwrap().parse().unwrap();
            assert!((0.0..=WIDTH).contains(&x) && (0.0..=HEIGHT).contains(&y), "{circle}");
        }
        assert!(!picture.contains("NaN") && !picture.contains("inf"), "{picture}");
        assert!(points(&[], (false, false), &labels("x")).is_none());
        assert!(
            points(&[group(vec![(f64::NAN, 1.0)], Line::Points, "a")], (false, false), &labels("x"))
                .is_none()
        );
        assert!(bars(&[], 0, &labels("x")).is_none());
    }

    #[test]
    fn bars_begin_at_zero_on_both_sides() {
        let bar =
            |name: &str, value| Bar { name: name.into(), value, said: words::number(value), spread: None };
        let picture =
            bars(&[bar("up", 2.0), bar("down", -2.0), bar("none", f64::NAN)], 0, &labels("x")).unwrap();
        let rects: Vec<(f64, f64)> = picture
            .split("<rect x=\"")
            .skip(1)
            .map(|rect| {
                let mut parts = rect.split('"');
                (parts.next().unwrap().parse().unwrap(), parts.nth(3).unwrap().parse().unwrap())
            })
            .collect();
        let [(up, width), (down, other)] = rects[..] else { panic!("{rects:?}") };
        assert!((down + other - up).abs() < 0.2 && (width - other).abs() < 0.2, "{rects:?}");
    }

    #[test]
    fn a_long_line_keeps_its_peaks() {
        let mut places: Vec<(f64, f64)> = (0..100_000).map(|at| (at as f64 / 200.0, 50.0)).collect();
        places[77_777].1 = 3.0;
        let kept = thinned(&places);
        assert!(kept.len() < 6000 && kept.contains(&places[77_777]) && kept.last() == places.last());
    }
}
