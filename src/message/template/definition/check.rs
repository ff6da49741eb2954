//! Validates a template message against the definition of its template.

use serde_json::{Map, Value};

use super::check_button;
use super::check_text::{Text, counted};
use super::variables::{ParameterFormat, Variables};
use super::{Card, Content, Definition, Definitions, Header, HeaderFormat, Offer};
use crate::message::validate::{Place, Quoted, Report};
use crate::suggest;
use crate::whatsapp::schema::Code;
use crate::whatsapp::templates::{self, STATUSES, Sendable};

/// The source of every fault that the definition shows.
const SOURCE: &str = "the template's definition";

/// Of a template without a header.
static NO_VARIABLES: Variables = Variables::NONE;

/// Checks a payload, if it is a template message.
pub(super) fn payload(definitions: &Definitions, payload: &Value, report: &mut Report) {
    if payload.get("type").and_then(Value::as_str) != Some("template") {
        return;
    }
    let whole = Place::payload(SOURCE);
    let Some((place, template)) = whole.descend(payload, "template") else { return };
    let (Some((name_place, name)), Some((language_place, language))) =
        (text(&place, template, "name"), text(&place, template, "language.code"))
    else {
        return;
    };
    let Some(definition) = definitions.find(name, language) else {
        absent(definitions, (name, &name_place), (language, &language_place), report);
        return;
    };
    status(definition, &name_place, report);
    let Some(content) = &definition.content else {
        let reason = format!(
            "is {}, whose components are not in the list, so its parameters are not checked; request the list with \
             components (fields=name,language,status,parameter_format,components)",
            Quoted(name)
        );
        report.warning(&name_place, None, reason);
        return;
    };
    let Some(template) = template.as_object() else { return };
    let components = Components::of(template, &place);
    Check { format: definition.format, report }.message(content, &components);
}

/// A text at a path, with its place.
fn text<'a>(place: &Place, value: &'a Value, path: &str) -> Option<(Place, &'a str)> {
    let (place, value) = place.descend(value, path)?;
    Some((place, value.as_str()?))
}

/// Reports a template that the list does not have.
fn absent(
    definitions: &Definitions,
    (name, name_place): (&str, &Place),
    (language, language_place): (&str, &Place),
    report: &mut Report,
) {
    let all = &definitions.templates;
    let languages: Vec<&str> = all.iter().filter(|t| t.name == name).map(Definition::language).collect();
    let (place, reason) = if languages.is_empty() {
        let fix = suggest::nearest(name, all.iter().map(Definition::name)).map_or_else(
            || "create it first, or correct the name".to_owned(),
            |n| format!("did you mean `{n}`?"),
        );
        (name_place, format!("is {}, which is not in the list of templates; {fix}", Quoted(name)))
    } else {
        let mut languages = languages;
        languages.dedup();
        let shown = languages.iter().take(10).map(|code| format!("`{code}`")).collect::<Vec<_>>().join(", ");
        let reason = format!(
            "is {}, and the template {} exists only in {shown}; write one of these, since there is no fallback",
            Quoted(language),
            Quoted(name)
        );
        (language_place, reason)
    };
    if definitions.is_complete() {
        report.error(place, Code::TemplateLanguage, reason);
    } else {
        let reason = format!(
            "{reason} (the list is incomplete, `paging.next` leads to more: request them too, such as with limit=1000)"
        );
        report.warning(place, Some(Code::TemplateLanguage), reason);
    }
}

fn status(definition: &Definition, place: &Place, report: &mut Report) {
    let Some(status) = definition.status.as_deref() else { return };
    let name = Quoted(&definition.name);
    let (code, fix) = match STATUSES.iter().find(|(word, _)| *word == status) {
        Some((_, Sendable::Yes)) => return,
        Some((_, Sendable::Paused)) => (
            Code::TemplatePaused,
            "wait until Meta lifts the pause, or improve the template, or send another one",
        ),
        Some((_, Sendable::Disabled)) => (Code::TemplateDisabled, "create a new template with other content"),
        Some((_, Sendable::No)) => (
            Code::TemplateLanguage,
            "only an approved template can be sent; wait for the approval, or send another one",
        ),
        None => {
            let reason = format!(
                "is {name}, with the status {}, which is not known; check it in WhatsApp Manager",
                Quoted(status)
            );
            report.warning(place, None, reason);
            return;
        }
    };
    report.error(place, code, format!("is {name}, with the status {status}; {fix}"));
}

/// The components of a message or of a card, sorted by type.
struct Components<'a> {
    /// The array, present or not.
    list: Place,
    all: Vec<(Place, &'a Value)>,
}

impl<'a> Components<'a> {
    fn of(around: &'a Map<String, Value>, place: &Place) -> Self {
        let at = around.keys().position(|name| name == "components");
        let list = place.field("components", at.unwrap_or(around.len()));
        let elements = around.get("components").and_then(Value::as_array);
        let all = elements.into_iter().flatten().enumerate().map(|(at, element)| (list.element(at), element));
        Self { all: all.collect(), list }
    }

    fn of_type(&self, kind: &str) -> Vec<(Place, &'a Value)> {
        let is_of_type = |component: &Value| {
            component.get("type").and_then(Value::as_str).is_some_and(|word| word.eq_ignore_ascii_case(kind))
        };
        self.all.iter().filter(|(_, component)| is_of_type(component)).cloned().collect()
    }

    fn first(&self, kind: &str) -> Option<(Place, &'a Map<String, Value>)> {
        let (place, component) = self.of_type(kind).into_iter().next()?;
        Some((place, component.as_object()?))
    }
}

struct Check<'a> {
    format: ParameterFormat,
    report: &'a mut Report,
}

impl Check<'_> {
    fn message(&mut self, content: &Content, components: &Components<'_>) {
        self.header(content.header.as_ref(), components);
        self.body(&content.body, components);
        self.buttons(&content.buttons, components);
        self.offer(content.offer, components);
        self.carousel(content.cards.as_deref(), components);
    }

    fn body(&mut self, variables: &Variables, components: &Components<'_>) {
        let text = Text { component: "body", variables, format: self.format };
        match components.first("body") {
            Some((place, component)) => text.check(component, &place, self.report),
            None => text.check_absence(&components.list, self.report),
        }
    }

    fn buttons(&mut self, buttons: &[super::Button], components: &Components<'_>) {
        let list = components.list.clone().from(templates::BUTTONS_SOURCE);
        check_button::buttons(buttons, &components.of_type("button"), &list, self.report);
    }

    fn header(&mut self, header: Option<&Header>, components: &Components<'_>) {
        let component = components.first("header");
        let received = component.as_ref().and_then(|(place, component)| received(place, component));
        let format = header.map_or(HeaderFormat::Text, |header| header.format);
        match format {
            HeaderFormat::Unknown => {}
            HeaderFormat::Text => {
                let variables = header.map_or(&NO_VARIABLES, |header| &header.variables);
                match (component, received) {
                    (Some(_), Some((place, kind))) if !kind.eq_ignore_ascii_case("text") => {
                        let (expected, fix) = match header {
                            Some(_) if variables.names().is_empty() => {
                                ("text without a variable", "remove this component")
                            }
                            Some(_) => ("text", "write a parameter of type `text`"),
                            None => ("no header", "remove this component"),
                        };
                        let reason =
                            format!("is {}, and the template has {expected} here; {fix}", Quoted(kind));
                        self.report.error(&place, Code::TemplateFormat, reason);
                    }
                    (Some((place, component)), _) => {
                        let text = Text { component: "header", variables, format: self.format };
                        text.check(component, &place, self.report);
                    }
                    (None, _) => {
                        let text = Text { component: "header", variables, format: self.format };
                        text.check_absence(&components.list, self.report);
                    }
                }
            }
            HeaderFormat::Other(expected) => match (component, received) {
                (_, Some((_, kind))) if kind.eq_ignore_ascii_case(expected) => {}
                (_, Some((place, kind))) => {
                    let reason = format!(
                        "is {}, and the template's header is {}; write {}",
                        Quoted(kind),
                        expected.to_uppercase(),
                        sample(expected)
                    );
                    self.report.error(&place, Code::TemplateFormat, reason);
                }
                (Some((place, component)), None) => {
                    let at =
                        component.keys().position(|name| name == "parameters").unwrap_or(component.len());
                    let place = place.field("parameters", at);
                    let reason = format!(
                        "has no parameter, and the template's header is {}; add {}",
                        expected.to_uppercase(),
                        sample(expected)
                    );
                    self.report.error(&place, Code::TemplateFormat, reason);
                }
                (None, None) => {
                    let reason = format!(
                        "has no `header` component, and the template's header is {}, which each message brings along; add \
                         {{\"type\":\"header\",\"parameters\":[{}]}}",
                        expected.to_uppercase(),
                        sample(expected)
                    );
                    self.report.error(&components.list, Code::TemplateFormat, reason);
                }
            },
        }
    }

    fn offer(&mut self, offer: Offer, components: &Components<'_>) {
        match (offer, components.first("limited_time_offer")) {
            (Offer::Expires, None) => {
                let reason = "has no `limited_time_offer` component, and the template's offer expires; add \
                              {\"type\":\"limited_time_offer\",\"parameters\":[{\"type\":\"limited_time_offer\",\
                              \"limited_time_offer\":{\"expiration_time_ms\":…}}]}";
                self.report.error(&components.list, Code::Missing, reason);
            }
            (Offer::None, Some((place, _))) => {
                let reason = "is a limited-time offer, and the template has none; remove this component";
                self.report.error(&place, Code::TemplateCount, reason);
            }
            _ => {}
        }
    }

    fn carousel(&mut self, cards: Option<&[Card]>, components: &Components<'_>) {
        let Some(cards) = cards else {
            if let Some((place, _)) = components.first("carousel") {
                let reason = "is a carousel, and the template has none; remove this component";
                self.report.error(&place, Code::TemplateCount, reason);
            }
            return;
        };
        let Some((place, carousel)) = components.first("carousel") else {
            let reason = format!(
                "has no `carousel` component, and the template has {}; add {{\"type\":\"carousel\",\"cards\":[{{\
                 \"card_index\":0,\"components\":[…]}},…]}}",
                counted(cards.len(), "card")
            );
            self.report.error(&components.list, Code::Missing, reason);
            return;
        };
        let Some((at, (_, Value::Array(given)))) =
            carousel.iter().enumerate().find(|(_, (name, _))| *name == "cards")
        else {
            return;
        };
        let place = place.field("cards", at);
        // The cards of a product carousel are alike, and a message may have more of them than the template.
        let is_of_products = cards.iter().any(|card| {
            card.header.as_ref().is_some_and(|header| header.format == HeaderFormat::Other("product"))
        });
        if given.len() != cards.len() && !is_of_products {
            let (given, wanted) = (given.len(), cards.len());
            let fix = if given > wanted {
                format!("remove {}", given - wanted)
            } else {
                format!("add {}", wanted - given)
            };
            let reason = format!(
                "has {}, and the template has {}; {fix}",
                counted(given, "card"),
                counted(wanted, "card")
            );
            self.report.error(&place, Code::TemplateCount, reason);
        }
        for (at, card) in given.iter().enumerate() {
            let Some(map) = card.as_object() else { continue };
            let index = card_index(map).unwrap_or(at);
            let definition =
                if is_of_products { cards.get(index).or(cards.first()) } else { cards.get(index) };
            let Some(definition) = definition else { continue };
            let components = Components::of(map, &place.element(at));
            self.header(definition.header.as_ref(), &components);
            self.body(&definition.body, &components);
            self.buttons(&definition.buttons, &components);
        }
    }
}

fn card_index(card: &Map<String, Value>) -> Option<usize> {
    match card.get("card_index")? {
        Value::String(text) => text.parse().ok(),
        other => usize::try_from(other.as_u64()?).ok(),
    }
}

/// The type of a component's first parameter, with its place.
fn received<'a>(place: &Place, component: &'a Map<String, Value>) -> Option<(Place, &'a str)> {
    let at = component.keys().position(|name| name == "parameters")?;
    let first = component["parameters"].as_array()?.first()?;
    text(&place.field("parameters", at).element(0), first, "type")
}

/// A parameter to paste.
fn sample(kind: &str) -> String {
    match kind {
        "document" => r#"{"type":"document","document":{"link":"…","filename":"….pdf"}}"#.to_owned(),
        "location" => {
            r#"{"type":"location","location":{"latitude":…,"longitude":…,"name":"…","address":"…"}}"#
                .to_owned()
        }
        "product" => {
            r#"{"type":"product","product":{"product_retailer_id":"…","catalog_id":"…"}}"#.to_owned()
        }
        media => format!(r#"{{"type":"{media}","{media}":{{"link":"…"}}}}"#),
    }
}
