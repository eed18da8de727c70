//! The nearest known name for a misspelt one.

/// The known name with the smallest edit distance, if it is near enough to be meant.
///
/// ```
/// use metalab_engine::name::nearest;
///
/// assert_eq!(nearest("acuracy", ["accuracy", "loss"]).as_deref(), Some("accuracy"));
/// assert_eq!(nearest("depth", ["accuracy", "loss"]), None);
/// ```
pub fn nearest<'a>(written: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let written = written.to_lowercase();
    let limit = (written.chars().count() * 2 / 5).clamp(1, 4);
    known
        .into_iter()
        .map(|name| (distance(&written, &name.to_lowercase()), name))
        .filter(|(distance, _)| *distance <= limit)
        .min()
        .map(|(_, name)| name.to_owned())
}

/// Insertions, deletions, replacements and swaps of neighbours between two texts.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let replaced = above[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            row[j] = replaced.min(above[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(before[j - 2] + 1);
            }
        }
        before = std::mem::replace(&mut above, row);
    }
    above[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn misspelt_names_find_their_neighbours() {
        let known = ["metrics.accuracy", "metrics.loss", "params.k", "experiment"];
        assert_eq!(nearest("metrics.acuracy", known).as_deref(), Some("metrics.accuracy"));
        assert_eq!(nearest("expeirment", known).as_deref(), Some("experiment"));
        assert_eq!(nearest("zzzzzz", known), None);
    }
}
