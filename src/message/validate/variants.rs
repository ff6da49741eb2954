//! Variants of an object: the fields that it may have, depending on `type` and similar fields.

use serde_json::{Map, Value};

use super::json_path::{Place, Quoted};
use super::{Walk, scalars};
use crate::suggest;
use crate::whatsapp::schema::{Case, Choice, Code, Field, Kind, List, Platform, Rule, Shape};

/// All shapes that apply to an object: its own, that of the selected case, and so on.
pub(super) struct Layers {
    /// Each with its document; the outermost first.
    shapes: Vec<(&'static Shape, &'static str)>,
    /// The fields that select a case.
    pub(super) tags: Vec<&'static str>,
    /// The selected case of each.
    chosen: Vec<(&'static Choice, &'static str)>,
    /// The choice without a known case.
    undecided: Option<&'static Choice>,
    /// Its unknown word.
    stray: Option<String>,
}

impl Layers {
    fn fields(&self) -> impl Iterator<Item = (&'static Field, &'static str)> {
        // A case may be stricter about a field than the common shape.
        let inner_first = self.shapes.iter().rev();
        inner_first.flat_map(|(shape, source)| shape.fields.iter().map(move |field| (field, *source)))
    }

    /// The field of that name, with its document.
    pub(super) fn field(&self, name: &str, platform: Platform) -> Option<(&'static Field, &'static str)> {
        self.fields()
            .find(|(field, _)| field.name == name && is_on(field.only, platform))
            .map(|(field, source)| (field, field.source.unwrap_or(source)))
    }

    pub(super) fn required(
        &self,
        platform: Platform,
    ) -> impl Iterator<Item = (&'static Field, &'static str)> {
        self.fields().filter(move |(field, _)| field.required && is_on(field.only, platform))
    }

    pub(super) fn rules(&self) -> impl Iterator<Item = (&'static Rule, &'static str)> {
        self.shapes.iter().flat_map(|(shape, source)| shape.rules.iter().map(move |rule| (rule, *source)))
    }

    pub(super) fn is_open(&self) -> bool {
        self.shapes.iter().any(|(shape, _)| shape.open)
    }

    /// Whether a choice has no known case.
    pub(super) fn is_undecided(&self) -> bool {
        self.undecided.is_some()
    }

    /// Whether some case of the choice without a known case has this field.
    pub(super) fn is_of_any_case(&self, name: &str) -> bool {
        let cases = self.undecided.map_or(&[][..], |choice| choice.cases);
        // A field with the name of the unknown type belongs to it.
        self.stray.as_deref() == Some(name)
            || cases.iter().any(|case| case.shape.open || has(case.shape, name))
    }

    /// The other platform, if it has the field.
    pub(super) fn other_platform(&self, name: &str, platform: Platform) -> Option<Platform> {
        self.fields().find(|(field, _)| field.name == name && field.only != Some(platform))?.0.only
    }

    /// The choice and the word with which the field would be allowed, and the word that was used.
    pub(super) fn other_case(&self, name: &str) -> Option<(&'static str, &'static str, &'static str)> {
        self.chosen.iter().find_map(|(choice, chosen)| {
            let case = choice.cases.iter().find(|case| has(case.shape, name))?;
            Some((choice.tag, case.word, *chosen))
        })
    }

    /// The path of a present or required field of this object whose object or elements have the name.
    pub(super) fn owner(&self, name: &str, platform: Platform, map: &Map<String, Value>) -> Option<String> {
        let taken =
            |field: &Field| is_on(field.only, platform) && (field.required || map.contains_key(field.name));
        let mut owners = self.fields().filter(|(field, _)| taken(field));
        owners.find_map(|(field, _)| owner_in(field, name, DEPTH))
    }

    /// All names that the object may have.
    pub(super) fn names(&self, platform: Platform) -> Vec<&'static str> {
        let is_taken = |field: &Field| is_on(field.only, platform) && !matches!(field.kind, Kind::Never(_));
        let mut names: Vec<_> = self.tags.clone();
        names.extend(self.fields().filter(|(field, _)| is_taken(field)).map(|(field, _)| field.name));
        names
    }
}

/// Depth of the search for a misplaced field.
const DEPTH: usize = 3;

/// The path to the object below a field that has the name.
fn owner_in(field: &Field, name: &str, depth: usize) -> Option<String> {
    let (shape, suffix) = match field.kind {
        Kind::Object(shape) => (shape, ""),
        Kind::List(List { of: Kind::Object(shape), .. }) => (*shape, "[]"),
        _ => return None,
    };
    let path = format!("{}{suffix}", field.name);
    if has_in_any_case(shape, name) {
        return Some(path);
    }
    let mut inner = shapes_of(shape).flat_map(|shape| shape.fields);
    let found = (depth > 0).then(|| inner.find_map(|field| owner_in(field, name, depth - 1)))??;
    Some(format!("{path}.{found}"))
}

fn has_in_any_case(shape: &'static Shape, name: &str) -> bool {
    shapes_of(shape).any(|shape| has(shape, name))
}

/// A shape and those of its cases.
fn shapes_of(shape: &'static Shape) -> impl Iterator<Item = &'static Shape> {
    let cases = shape.choice.as_ref().map_or(&[][..], |choice| choice.cases);
    std::iter::once(shape).chain(cases.iter().map(|case| case.shape))
}

fn is_on(only: Option<Platform>, platform: Platform) -> bool {
    only.is_none_or(|only| only == platform)
}

fn has(shape: &Shape, name: &str) -> bool {
    let taken = |field: &Field| field.name == name && !matches!(field.kind, Kind::Never(_));
    shape.fields.iter().any(taken)
}

impl Walk {
    /// Follows the choices of an object, and reports faults of the fields that select a case.
    pub(super) fn layers(
        &mut self,
        shape: &'static Shape,
        map: &Map<String, Value>,
        place: &Place,
    ) -> Layers {
        let source = shape.source.unwrap_or(place.source);
        let mut layers = Layers {
            shapes: vec![(shape, source)],
            tags: Vec::new(),
            chosen: Vec::new(),
            undecided: None,
            stray: None,
        };
        let mut innermost = (shape, source);
        while let Some(choice) = &innermost.0.choice {
            layers.tags.push(choice.tag);
            let Some(case) = self.chosen(choice, map, &place.clone().from(innermost.1)) else {
                layers.undecided = Some(choice);
                layers.stray = map.get(choice.tag).and_then(Value::as_str).map(str::to_owned);
                break;
            };
            innermost = (case.shape, case.shape.source.unwrap_or(innermost.1));
            layers.shapes.push(innermost);
            layers.chosen.push((choice, case.word));
        }
        layers
    }

    fn chosen(
        &mut self,
        choice: &'static Choice,
        map: &Map<String, Value>,
        place: &Place,
    ) -> Option<&'static Case> {
        // The present fields can select the case too, so that all faults are reported at once.
        let guess = || {
            let mut likely = choice.cases.iter().filter(|case| map.contains_key(case.word));
            likely.next().filter(|_| likely.next().is_none())
        };
        let words = || {
            let here = choice.cases.iter().filter(|case| is_on(case.only, self.platform));
            here.map(|case| case.word).collect::<Vec<_>>()
        };
        let Some(at) = map.keys().position(|name| name == choice.tag) else {
            if let Some((_, word)) = choice.default.filter(|(platform, _)| *platform == self.platform) {
                return choice.cases.iter().find(|case| case.word == word);
            }
            let reason = format!("is missing; write the {}: {}", choice.what, scalars::any_of(&words()));
            self.error(&place.field(choice.tag, map.len()), Code::Missing, reason);
            return guess();
        };
        let place = place.field(choice.tag, at).from(choice.source.unwrap_or(place.source));
        let Value::String(word) = &map[choice.tag] else {
            self.mistyped(&place, Code::Parameter, &map[choice.tag], &scalars::any_of(&words()));
            return guess();
        };
        if let Some(case) = choice.cases.iter().find(|case| case.word == word) {
            if let Some(only) = case.only.filter(|only| *only != self.platform) {
                let reason = format!(
                    "is {}, which exists only in the {}; use another type",
                    Quoted(word),
                    only.name()
                );
                self.error(&place, choice.code, reason);
            }
            return Some(case);
        }
        let in_small = choice.cases.iter().find(|case| case.word.eq_ignore_ascii_case(word));
        if let Some(case) = in_small.filter(|_| choice.any_case) {
            let reason = format!(
                "is {}, which most documents write in lower case; write `{}` to be safe",
                Quoted(word),
                case.word
            );
            self.warning(&place, None, reason);
            return Some(case);
        }
        let mistake = choice.mistakes.iter().find(|(mistake, _)| word.eq_ignore_ascii_case(mistake));
        if let Some((_, reason)) = mistake.filter(|_| in_small.is_none()) {
            self.undocumented(&place, choice.code, *reason);
            return guess();
        }
        let words = words();
        let reason =
            match in_small.map(|case| case.word).or_else(|| suggest::nearest(word, words.iter().copied())) {
                Some(nearest) => {
                    format!(
                        "is {}, which is not a known {}; did you mean `{nearest}`?",
                        Quoted(word),
                        choice.what
                    )
                }
                None => {
                    format!(
                        "is {}, which is not a known {}; write {}",
                        Quoted(word),
                        choice.what,
                        scalars::any_of(&words)
                    )
                }
            };
        self.undocumented(&place, choice.code, reason);
        in_small.or_else(guess)
    }
}
