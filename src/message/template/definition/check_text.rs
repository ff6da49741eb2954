//! Checks the parameters that fill the text of a header or a body.

use serde_json::{Map, Value};

use super::variables::{ParameterFormat, Variables};
use crate::message::validate::{Place, Quoted, Report};
use crate::suggest;
use crate::whatsapp::schema::Code;

/// A text of the template.
pub(super) struct Text<'a> {
    /// `header` or `body`.
    pub(super) component: &'static str,
    pub(super) variables: &'a Variables,
    pub(super) format: ParameterFormat,
}

impl Text<'_> {
    /// Reports the absence of the component in `components`, if the text has variables.
    pub(super) fn check_absence(&self, place: &Place, report: &mut Report) {
        let names = self.variables.names();
        if names.is_empty() {
            return;
        }
        let component = self.component;
        let reason = format!(
            "has no `{component}` component, and the template's {component} has {}; add \
             {{\"type\":\"{component}\",\"parameters\":[{}]}}",
            self.described(),
            names.iter().map(|name| self.parameter(name)).collect::<Vec<_>>().join(",")
        );
        report.error(place, Code::TemplateCount, reason);
    }

    /// Compares the parameters of the component with the variables.
    pub(super) fn check(&self, component: &Map<String, Value>, place: &Place, report: &mut Report) {
        let Variables::Known(names) = self.variables else { return };
        let (at, list) = match component.iter().enumerate().find(|(_, (name, _))| *name == "parameters") {
            Some((at, (_, Value::Array(list)))) => (at, &list[..]),
            Some(_) => return,
            None => (component.len(), &[][..]),
        };
        let place = place.field("parameters", at);
        match self.format {
            ParameterFormat::Named if !names.is_empty() => self.check_names(names, list, &place, report),
            _ => self.check_count(names, list, &place, report),
        }
    }

    fn check_count(&self, names: &[String], list: &[Value], place: &Place, report: &mut Report) {
        let (given, wanted) = (list.len(), names.len());
        if given != wanted {
            let fix = if given > wanted && wanted == 0 {
                format!("remove the `{}` component", self.component)
            } else if given > wanted {
                format!("remove {}", given - wanted)
            } else {
                format!("add {}, such as {}", wanted - given, self.parameter(&names[given]))
            };
            let reason = format!(
                "has {}, and the template's {} has {}; {fix}",
                counted(given, "parameter"),
                self.component,
                self.described()
            );
            report.error(place, Code::TemplateCount, reason);
            return;
        }
        for (index, parameter) in list.iter().enumerate() {
            let Some((place, name)) = place.element(index).descend(parameter, "parameter_name") else {
                continue;
            };
            let name = name.as_str().unwrap_or_default();
            if names.get(index).is_none_or(|position| position != name) {
                let reason = format!(
                    "is {}, and this template has no named parameters: they fill {} in their order; remove the name",
                    Quoted(name),
                    self.described()
                );
                report.error(&place, Code::TemplateCount, reason);
            }
        }
    }

    fn check_names(&self, names: &[String], list: &[Value], place: &Place, report: &mut Report) {
        let name_of = |parameter: &Value| parameter.get("parameter_name")?.as_str().map(str::to_owned);
        let given: Vec<Option<String>> = list.iter().map(name_of).collect();
        let mut absent: Vec<&str> = names
            .iter()
            .map(String::as_str)
            .filter(|name| !given.iter().flatten().any(|given| given == name))
            .collect();
        for (index, (parameter, name)) in list.iter().zip(&given).enumerate() {
            let Some(map) = parameter.as_object() else { continue };
            let at = map.keys().position(|key| key == "parameter_name");
            let place = place.element(index).field("parameter_name", at.unwrap_or(map.len()));
            let Some(name) = name else {
                // A name that is not text is reported by the validation itself.
                if at.is_none() {
                    let likely = if absent.is_empty() { None } else { Some(absent.remove(0)) };
                    let reason = format!(
                        "is missing, and the parameters of this template are named: {}; add{} the name",
                        listed(names),
                        likely.map_or_else(String::new, |name| format!(" \"parameter_name\":\"{name}\", or")),
                    );
                    report.error(&place, Code::Parameter, reason);
                }
                continue;
            };
            if names.contains(name) {
                continue;
            }
            let nearest = suggest::nearest(name, absent.iter().copied());
            if let Some(nearest) = nearest {
                absent.retain(|name| *name != nearest);
            }
            let fix = nearest.map_or_else(
                || format!("write one of {}, or remove the parameter", listed(names)),
                |nearest| format!("did you mean `{nearest}`?"),
            );
            let reason =
                format!("is {}, which the template's {} does not have; {fix}", Quoted(name), self.component);
            report.error(&place, Code::TemplateCount, reason);
        }
        if !absent.is_empty() {
            let missing: Vec<String> = absent.iter().map(|name| (*name).to_owned()).collect();
            let reason = format!(
                "lacks {}, and the template's {} has {}; add {}",
                listed(&missing),
                self.component,
                self.described(),
                missing.iter().map(|name| self.parameter(name)).collect::<Vec<_>>().join(",")
            );
            report.error(place, Code::TemplateCount, reason);
        }
    }

    /// `2 variables ({{1}}, {{2}})`
    fn described(&self) -> String {
        let names = self.variables.names();
        if names.is_empty() {
            return "no variable".to_owned();
        }
        let all: Vec<_> = names.iter().map(|name| format!("{{{{{name}}}}}")).collect();
        format!("{} ({})", counted(names.len(), "variable"), all.join(", "))
    }

    /// A parameter to paste.
    fn parameter(&self, name: &str) -> String {
        match self.format {
            ParameterFormat::Positional => "{\"type\":\"text\",\"text\":\"…\"}".to_owned(),
            ParameterFormat::Named => {
                format!("{{\"type\":\"text\",\"parameter_name\":\"{name}\",\"text\":\"…\"}}")
            }
        }
    }
}

pub(super) fn counted(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

fn listed(names: &[String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
