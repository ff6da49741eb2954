//! Strict parser of `/metrics`: OpenMetrics 1.0, and the older Prometheus text format.
//!
//! It accepts what a monitoring system accepts and nothing else, and panics with the line that is wrong.

#![allow(
    clippy::float_cmp,
    clippy::cast_precision_loss,
    reason = "counts are whole numbers, which `f64` holds exactly"
)]

use std::collections::{BTreeMap, BTreeSet};

/// Metric families by name.
pub(crate) type Families = BTreeMap<String, Family>;

pub(crate) type Labels = BTreeMap<String, String>;

#[derive(Debug, Default, PartialEq)]
pub(crate) struct Family {
    pub(crate) kind: String,
    pub(crate) help: String,
    unit: Option<String>,
    /// Name, labels and value.
    pub(crate) samples: Vec<(String, Labels, f64)>,
}

/// Parses OpenMetrics. A counter's family has no `_total` in its name.
#[track_caller]
pub(crate) fn open_metrics(text: &str) -> Families {
    let body = text.strip_suffix("# EOF\n").expect("the end is marked, and nothing follows");
    assert!(!body.contains("# EOF"), "the end is marked once");
    read(body, &["counter", "gauge", "histogram", "info"], |family, kind| match kind {
        "counter" => vec![format!("{family}_total")],
        "info" => vec![format!("{family}_info")],
        "histogram" => histogram(family),
        _ => vec![family.to_owned()],
    })
}

/// Parses the Prometheus format. A counter's family has the name of its samples.
#[track_caller]
pub(crate) fn prometheus(text: &str) -> Families {
    assert!(!text.contains("# EOF") && !text.contains("# UNIT"), "these are of another format");
    read(text, &["counter", "gauge", "histogram"], |family, kind| {
        assert_eq!(kind == "counter", family.ends_with("_total"), "{family} is a {kind}");
        if kind == "histogram" { histogram(family) } else { vec![family.to_owned()] }
    })
}

fn histogram(family: &str) -> Vec<String> {
    ["_bucket", "_count", "_sum"].iter().map(|suffix| format!("{family}{suffix}")).collect()
}

#[track_caller]
fn read(text: &str, kinds: &[&str], names: impl Fn(&str, &str) -> Vec<String>) -> Families {
    assert!(text.ends_with('\n'), "the last line ends");
    let mut families = Families::new();
    let mut current = String::new();
    let mut seen = BTreeSet::new();
    for line in text.lines() {
        assert!(!line.contains("{}"), "no labels take no braces: {line:?}");
        if let Some(comment) = line.strip_prefix("# ") {
            let mut words = comment.splitn(3, ' ');
            let [word, name, rest] = [(); 3].map(|()| words.next().unwrap_or_else(|| panic!("{line:?}")));
            if name != current {
                assert!(is_name(name), "{line:?}");
                assert!(!families.contains_key(name), "{name} comes in one piece: {line:?}");
                name.clone_into(&mut current);
            }
            let family = families.entry(name.to_owned()).or_default();
            assert!(family.samples.is_empty(), "what is said of a family comes first: {line:?}");
            let place = match word {
                "HELP" => &mut family.help,
                "TYPE" => &mut family.kind,
                "UNIT" => family.unit.insert(String::new()),
                _ => panic!("{line:?}"),
            };
            assert!(place.is_empty() && !rest.is_empty(), "it is said once: {line:?}");
            rest.clone_into(place);
            continue;
        }
        let (name, labels, value) = sample(line).unwrap_or_else(|| panic!("no sample: {line:?}"));
        let family = families.get_mut(&current).unwrap_or_else(|| panic!("of no family: {line:?}"));
        assert!(names(&current, &family.kind).contains(&name), "not of {current}: {line:?}");
        assert!(seen.insert((name.clone(), labels.clone())), "it is there twice: {line:?}");
        assert!(family.kind == "gauge" || value >= 0.0, "{line:?}");
        family.samples.push((name, labels, value));
    }
    for (name, family) in &families {
        assert!(kinds.contains(&&*family.kind), "{name} is of the type {:?}", family.kind);
        assert!(!family.help.is_empty(), "{name} has no help");
        if let Some(unit) = &family.unit {
            assert!(name.ends_with(&format!("_{unit}")), "{name} is in {unit}");
        }
        if family.kind == "histogram" {
            assert_adds_up(name, family);
        }
    }
    families
}

/// Buckets are cumulative, and the last one counts everything.
#[track_caller]
fn assert_adds_up(name: &str, family: &Family) {
    let buckets: Vec<_> = family.samples.iter().filter(|(name, _, _)| name.ends_with("_bucket")).collect();
    let bound = |labels: &Labels| labels["le"].parse::<f64>().expect("a bound");
    for pair in buckets.windows(2) {
        assert!(pair[0].2 <= pair[1].2 && bound(&pair[0].1) < bound(&pair[1].1), "{name}: {pair:?}");
    }
    let (_, labels, all) = buckets.last().expect("buckets");
    assert_eq!(labels["le"], "+Inf", "{name}");
    assert_eq!(*all, value(family, &format!("{name}_count"), &[]), "{name}");
}

/// `name{label="value",…} 1.5`
fn sample(line: &str) -> Option<(String, Labels, f64)> {
    let end = line.find(['{', ' '])?;
    let (name, mut rest) = line.split_at(end);
    let mut labels = Labels::new();
    if let Some(inside) = rest.strip_prefix('{') {
        rest = inside;
        loop {
            if let Some(behind) = rest.strip_prefix('}') {
                rest = behind;
                break;
            }
            let (label, behind) = rest.split_once("=\"")?;
            let (text, behind) = quoted(behind)?;
            if !is_name(label) || label.contains(':') || labels.insert(label.to_owned(), text).is_some() {
                return None;
            }
            rest = behind.strip_prefix(',').unwrap_or(behind);
        }
    }
    let value = rest.strip_prefix(' ')?;
    (is_name(name) && !value.contains(' ')).then_some(())?;
    Some((name.to_owned(), labels, value.parse().ok()?))
}

/// The text before the closing quote, and after it.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => value.push(match characters.next()?.1 {
                'n' => '\n',
                escaped @ ('"' | '\\') => escaped,
                _ => return None,
            }),
            other => value.push(other),
        }
    }
    None
}

fn is_name(name: &str) -> bool {
    let is_of_it = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | ':');
    !name.starts_with(|c: char| c.is_ascii_digit()) && !name.is_empty() && name.chars().all(is_of_it)
}

/// The value of the only sample of this name that has these labels, and perhaps others.
#[track_caller]
pub(crate) fn value(family: &Family, name: &str, labels: &[(&str, &str)]) -> f64 {
    let has_all = |of: &Labels| labels.iter().all(|(k, v)| of.get(*k).is_some_and(|value| value == v));
    let mut found = family.samples.iter().filter(|(n, of, _)| n == name && has_all(of));
    let (_, _, value) = found.next().unwrap_or_else(|| panic!("no {name}{labels:?} in {family:#?}"));
    assert!(found.next().is_none(), "more than one {name}{labels:?} in {family:#?}");
    *value
}

#[test]
fn the_parser_is_strict() {
    let good = "# HELP a A.\n# TYPE a counter\na_total{m=\"\\\"/\\\\\"} 3\n# EOF\n";
    let family = &open_metrics(good)["a"];
    assert_eq!(value(family, "a_total", &[("m", "\"/\\")]), 3.0);
    for bad in [
        "",
        "# EOF",
        "# HELP a A.\n# TYPE a counter\na_total 3\n",
        "# HELP a A.\n# TYPE a counter\na 3\n# EOF\n",
        "# TYPE a counter\na_total 3\n# EOF\n",
        "# HELP a A.\n# TYPE a widget\na 3\n# EOF\n",
        "# HELP a A.\n# TYPE a gauge\na 3\na 3\n# EOF\n",
        "# HELP a A.\n# TYPE a gauge\na{b=\"c} 3\n# EOF\n",
        "# HELP a A.\n# TYPE a gauge\na{b=\"\\d\"} 3\n# EOF\n",
        "# HELP a A.\n# TYPE a gauge\na x\n# EOF\n",
        "# HELP a A.\n# TYPE a gauge\n# UNIT a bytes\na 1\n# EOF\n",
        "# HELP a A.\n# TYPE a gauge\na 1\n# HELP b B.\n# TYPE b gauge\nb 1\n# HELP a A.\n# EOF\n",
        "# HELP h H.\n# TYPE h histogram\nh_bucket{le=\"1\"} 2\nh_bucket{le=\"+Inf\"} 1\nh_count 1\nh_sum 1\n# EOF\n",
    ] {
        assert!(std::panic::catch_unwind(|| open_metrics(bad)).is_err(), "{bad:?}");
    }
    assert!(std::panic::catch_unwind(|| prometheus(good)).is_err(), "one format is not the other");
}
