//! Case tags: words that some cells of a step carry, such as `large` or `known to be hard`.
//!
//! A tag is given by a rule over parameter sets ([`Case`]) or by their numbers. It is evaluated when the experiment is
//! planned and kept with the submission; like the tags of the experiment it never enters the identity of a run.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use metalab_cas::Value;
use serde::de::DeserializeOwned;

use crate::name::Name;
use crate::plan::PlanError;
use crate::running::panics::contain;

/// The most tags that the cells of one step may have.
pub const MAX_TAGS: usize = 1000;

/// A parameter set of a step, as the rule of a case tag sees it.
///
/// Its arguments are those of the step itself (`n`), and of the steps it takes inputs from (`prepare.threshold`). An
/// argument that the step does not have is `None`, or NaN as a number, so that one rule serves all steps.
#[derive(Clone, Copy, Debug)]
pub struct Case<'a> {
    pub(crate) step: &'a str,
    pub(crate) set: u64,
    pub(crate) arguments: &'a [(&'a str, &'a Value)],
    pub(crate) coordinates: &'a [(String, Value)],
}

impl<'a> Case<'a> {
    /// Name of the step.
    pub fn step(&self) -> &'a str {
        self.step
    }

    /// Number of the parameter set in its step, from 0.
    pub fn number_of_set(&self) -> u64 {
        self.set
    }

    /// An argument as it was given.
    pub fn value(&self, argument: &str) -> Option<&'a Value> {
        let own = self.arguments.iter().find(|(name, _)| *name == argument).map(|(_, value)| *value);
        own.or_else(|| self.coordinates.iter().find(|(name, _)| name == argument).map(|(_, value)| value))
    }

    /// An argument as a `T`; `None` if there is none, or it is something else.
    pub fn get<T: DeserializeOwned>(&self, argument: &str) -> Option<T> {
        self.value(argument)?.clone().into_serde().ok()
    }

    /// An argument as a number; NaN if there is none, or it is no number, so that every comparison is false.
    pub fn number(&self, argument: &str) -> f64 {
        match self.value(argument) {
            Some(Value::Float(number)) => *number,
            Some(Value::Int(number)) => number.to_f64(),
            _ => f64::NAN,
        }
    }

    /// An argument as text; `None` if there is none, or it is no text. Of a choice, its name; of a path, the path as it
    /// was given.
    pub fn text(&self, argument: &str) -> Option<&'a str> {
        match self.value(argument)? {
            Value::Text(text) => Some(text),
            Value::Variant(name, inner) if **inner == Value::Null => Some(name),
            Value::Variant(_, inner) => inner.as_text(),
            _ => None,
        }
    }
}

/// Which cells carry a tag.
#[derive(Clone)]
pub(crate) struct TagRule {
    pub(crate) tag: String,
    which: Which,
}

#[derive(Clone)]
enum Which {
    Where(Arc<dyn Fn(&Case<'_>) -> bool + Send + Sync>),
    /// Numbers of parameter sets, in ascending ranges.
    Sets(Vec<Range<u64>>),
}

impl TagRule {
    pub(crate) fn of_cases(
        tag: impl Into<String>,
        rule: impl Fn(&Case<'_>) -> bool + Send + Sync + 'static,
    ) -> Self {
        Self { tag: tag.into(), which: Which::Where(Arc::new(rule)) }
    }

    pub(crate) fn of_sets(tag: impl Into<String>, sets: impl IntoIterator<Item = u64>) -> Self {
        let mut sets: Vec<u64> = sets.into_iter().collect();
        sets.sort_unstable();
        let mut ranges = Ranges::default();
        sets.into_iter().for_each(|set| ranges.push(set));
        Self { tag: tag.into(), which: Which::Sets(ranges.0) }
    }

    fn of_ranges(tag: String, ranges: Vec<Range<u64>>) -> Self {
        Self { tag, which: Which::Sets(ranges) }
    }
}

impl fmt::Debug for TagRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.which {
            Which::Where(_) => write!(f, "{} by a rule", self.tag),
            Which::Sets(ranges) => write!(f, "{} {ranges:?}", self.tag),
        }
    }
}

/// Ranges of ascending numbers.
#[derive(Default)]
struct Ranges(Vec<Range<u64>>);

impl Ranges {
    /// Adds a number that is not below those before it.
    fn push(&mut self, number: u64) {
        match self.0.last_mut() {
            Some(last) if last.end == number => last.end += 1,
            Some(last) if last.end > number => {}
            _ => self.0.push(number..number + 1),
        }
    }
}

/// The tags of a step's cells: per tag, ranges of numbers of parameter sets. All replicates of a set have its tags.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CaseTags(Vec<(String, Vec<Range<u64>>)>);

impl CaseTags {
    /// Evaluates rules over the parameter sets of a step; `with_case` calls its argument with each set in turn.
    pub(crate) fn evaluate<'r>(
        rules: impl Iterator<Item = &'r TagRule>,
        sets: u64,
        with_case: impl Fn(u64, &mut dyn FnMut(&Case<'_>)),
    ) -> Result<Self, PlanError> {
        let mut tags: Vec<(String, Vec<&TagRule>)> = Vec::new();
        for rule in rules {
            Name::new(&rule.tag).map_err(|source| PlanError::Name { what: "case tag", source })?;
            match tags.iter_mut().find(|(tag, _)| *tag == rule.tag) {
                Some((_, rules)) => rules.push(rule),
                None => tags.push((rule.tag.clone(), vec![rule])),
            }
        }
        if tags.len() > MAX_TAGS {
            let (tag, reason) = (tags[MAX_TAGS].0.clone(), format!("a step has at most {MAX_TAGS} of them"));
            return Err(PlanError::CaseTag { tag, reason });
        }
        tags.sort_by(|a, b| a.0.cmp(&b.0));
        let mut found: Vec<Ranges> = tags.iter().map(|_| Ranges::default()).collect();
        for rule in tags.iter().flat_map(|(_, rules)| rules) {
            if let Which::Sets(ranges) = &rule.which
                && let Some(last) = ranges.last().filter(|last| last.end > sets)
            {
                let reason = format!("there is no parameter set {}; the step has {sets}", last.end - 1);
                return Err(PlanError::CaseTag { tag: rule.tag.clone(), reason });
            }
        }
        let by_number_only =
            tags.iter().flat_map(|(_, rules)| rules).all(|rule| matches!(rule.which, Which::Sets(_)));
        if by_number_only {
            for ((_, rules), found) in tags.iter().zip(&mut found) {
                found.0 = united(rules.iter().flat_map(|rule| rule.ranges()));
            }
        } else {
            let mut at = 0;
            let evaluated = contain(|| {
                for set in 0..sets {
                    at = set;
                    with_case(set, &mut |case| {
                        for ((_, rules), found) in tags.iter().zip(&mut found) {
                            if rules.iter().any(|rule| rule.holds(case)) {
                                found.push(set);
                            }
                        }
                    });
                }
            });
            if let Err(panicked) = evaluated {
                let tag = tags.iter().map(|(tag, _)| tag.as_str()).collect::<Vec<_>>().join(", ");
                let reason = format!("its rule, asked about parameter set {at}, {}", panicked.message);
                return Err(PlanError::CaseTag { tag, reason });
            }
        }
        let tags = tags.into_iter().map(|(tag, _)| tag).zip(found.into_iter().map(|ranges| ranges.0));
        Ok(Self(tags.filter(|(_, ranges)| !ranges.is_empty()).collect()))
    }

    /// The tags of a parameter set, in the order of their names.
    pub fn of(&self, set: u64) -> impl Iterator<Item = &str> {
        let holds = move |ranges: &[Range<u64>]| {
            let after = ranges.partition_point(|range| range.end <= set);
            ranges.get(after).is_some_and(|range| range.contains(&set))
        };
        self.0.iter().filter(move |(_, ranges)| holds(ranges)).map(|(tag, _)| tag.as_str())
    }

    /// Each tag with the numbers of the parameter sets that carry it.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[Range<u64>])> {
        self.0.iter().map(|(tag, ranges)| (tag.as_str(), ranges.as_slice()))
    }

    /// Whether no cell has a tag.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The canonical list `[tag, [[first, length], ...]]` that a submission keeps; nothing if no cell has a tag.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        if self.is_empty() {
            return Vec::new();
        }
        let range = |range: &Range<u64>| {
            Value::List(vec![Value::from(range.start), Value::from(range.end - range.start)])
        };
        let tag = |(tag, ranges): &(String, Vec<Range<u64>>)| {
            let ranges = Value::List(ranges.iter().map(range).collect());
            Value::List(vec![Value::Text(tag.clone()), ranges])
        };
        let all = Value::List(self.0.iter().map(tag).collect());
        all.to_bytes().expect("text and integers always encode")
    }

    /// Reads what a submission keeps (see [`StepRecord::case_tags`](crate::record::StepRecord::case_tags)); `None` for
    /// other bytes.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let list = |value: Value| match value {
            Value::List(items) => Some(items),
            _ => None,
        };
        let range = |value: Value| -> Option<Range<u64>> {
            let (first, length): (u64, u64) = value.into_serde().ok()?;
            Some(first..first.checked_add(length)?)
        };
        let tag = |value: Value| -> Option<(String, Vec<Range<u64>>)> {
            let [tag, ranges]: [Value; 2] = list(value)?.try_into().ok()?;
            let ranges: Vec<_> = list(ranges)?.into_iter().map(range).collect::<Option<_>>()?;
            let ascend = ranges.windows(2).all(|pair| pair[0].end <= pair[1].start);
            ascend.then(|| Some((tag.as_text()?.to_owned(), ranges)))?
        };
        list(Value::decode(bytes).ok()?)?.into_iter().map(tag).collect::<Option<_>>().map(Self)
    }

    /// The rules that give the same tags to the same parameter sets.
    pub(crate) fn into_rules(self) -> impl Iterator<Item = TagRule> {
        self.0.into_iter().map(|(tag, ranges)| TagRule::of_ranges(tag, ranges))
    }
}

impl TagRule {
    fn holds(&self, case: &Case<'_>) -> bool {
        match &self.which {
            Which::Where(rule) => rule(case),
            Which::Sets(ranges) => ranges.iter().any(|range| range.contains(&case.set)),
        }
    }

    fn ranges(&self) -> &[Range<u64>] {
        match &self.which {
            Which::Where(_) => &[],
            Which::Sets(ranges) => ranges,
        }
    }
}

/// One ascending list of all these ranges.
fn united<'r>(ranges: impl Iterator<Item = &'r Range<u64>>) -> Vec<Range<u64>> {
    let mut all: Vec<Range<u64>> = ranges.cloned().collect();
    all.sort_unstable_by_key(|range| range.start);
    let mut united: Vec<Range<u64>> = Vec::with_capacity(all.len());
    for range in all {
        match united.last_mut() {
            Some(last) if last.end >= range.start => last.end = last.end.max(range.end),
            _ => united.push(range),
        }
    }
    united
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn evaluate(rules: &[TagRule], sets: u64) -> Result<CaseTags, PlanError> {
        CaseTags::evaluate(rules.iter(), sets, |set, look| {
            let n = Value::from(set * 10);
            let coordinates = [("prepare.k".to_owned(), Value::Text("a".into()))];
            look(&Case { step: "s", set, arguments: &[("n", &n)], coordinates: &coordinates });
        })
    }

    fn of(tags: &CaseTags, set: u64) -> Vec<&str> {
        tags.of(set).collect()
    }

    #[test]
    fn tags_come_by_rule_and_by_number() {
        let rules = [
            TagRule::of_cases("large", |case| case.number("n") >= 30.0),
            TagRule::of_sets("odd one", [1, 3, 2, 3]),
            TagRule::of_sets("large", [0]),
            TagRule::of_cases("never", |case| case.number("m") > 0.0 || case.get::<u64>("m").is_some()),
            TagRule::of_cases("all", |case| case.text("prepare.k") == Some("a") && case.step() == "s"),
        ];
        let tags = evaluate(&rules, 5).unwrap();
        assert_eq!(of(&tags, 0), ["all", "large"]);
        assert_eq!(of(&tags, 1), ["all", "odd one"]);
        assert_eq!(of(&tags, 3), ["all", "large", "odd one"]);
        assert!(of(&tags, 5).is_empty());
        assert_eq!(
            tags.iter().map(|(tag, ranges)| (tag, ranges.len())).collect::<Vec<_>>(),
            [("all", 1), ("large", 2), ("odd one", 1)]
        );
        let again = CaseTags::decode(&tags.to_bytes()).unwrap();
        assert_eq!(again, tags);
        let rules: Vec<_> = again.into_rules().collect();
        assert_eq!(evaluate(&rules, 5).unwrap(), tags);
    }

    #[test]
    fn overlapping_numbers_are_one_range() {
        let rules = [TagRule::of_sets("x", 0..3), TagRule::of_sets("x", 2..9)];
        let tags = evaluate(&rules, 9).unwrap();
        assert_eq!((tags.0[0].1.len(), &tags.0[0].1[0]), (1, &(0..9)));
    }

    #[test]
    fn bad_tags_are_refused_in_words() {
        let error = |rule: TagRule| evaluate(&[rule], 3).unwrap_err();
        for hostile in ["", "../x", "a\nb", "\u{202e}x", "-rf", "a'; DROP TABLE runs; --\0"] {
            let error = error(TagRule::of_sets(hostile, [0]));
            assert!(matches!(error, PlanError::Name { what: "case tag", .. }), "{hostile:?}: {error}");
        }
        let beyond = error(TagRule::of_sets("x", [0, 3])).to_string();
        assert!(beyond.contains("`x`: there is no parameter set 3; the step has 3"), "{beyond}");
        let panics = error(TagRule::of_cases("x", |case| {
            assert!(case.number_of_set() < 2, "too far");
            true
        }));
        let panics = panics.to_string();
        assert!(panics.contains("parameter set 2") && panics.contains("too far"), "{panics}");
        let many: Vec<_> = (0..=MAX_TAGS).map(|n| TagRule::of_sets(format!("t{n}"), [0])).collect();
        assert!(evaluate(&many, 1).unwrap_err().to_string().contains("at most 1000"));
    }

    #[test]
    fn no_tag_is_no_bytes_and_other_bytes_are_no_tags() {
        assert!(evaluate(&[TagRule::of_cases("x", |_| false)], 3).unwrap().to_bytes().is_empty());
        for bytes in [&b""[..], b"\x09\x00", b"\x08\x01\x00", b"nonsense"] {
            assert_eq!(CaseTags::decode(bytes), None, "{bytes:?}");
        }
    }
}
