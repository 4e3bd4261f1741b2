//! Rules of retention from a file: `defaults`, and `rules` of definitions and galleries. All faults come at once, each
//! with its line and the name of the value.
//!
//! YAML and JSON alike become a [`Written`] before this.

use super::{OF_RULE, ProtectedTag, RetentionRule, RuleOf};
use crate::{
    ids::{
        VersionNumber,
        resource::{GalleryId, ImageDefinitionId},
    },
    options::{Opt, versions as options},
    settings::{
        fault::{Fault, Place},
        written::{Member, What, Written},
    },
};

const DEFAULTS: &str = "defaults";
const RULES: &str = "rules";
const NEVER: &str = "never";
const GALLERY: &str = "gallery";

/// Reads a file and collects what is wrong with it.
struct File {
    faults: Vec<Fault>,
}

impl File {
    fn refuse(&mut self, line: u64, path: &str, text: &str) {
        let opt = options::RETENTION_FILE;
        let place = if path.is_empty() {
            Place::from(opt)
        } else {
            Place::within(opt, path)
        };
        self.faults.push(Fault::new(place, format!("line {line}: {text}")));
    }

    fn whole(&mut self, file: &Written) -> Vec<(RuleOf, RetentionRule)> {
        let Some(members) = self.members(file, "", &[DEFAULTS, RULES]) else {
            return Vec::new();
        };
        let usual = match find(members, DEFAULTS) {
            Some(defaults) => self.rule(&defaults.value, DEFAULTS, &RetentionRule::default()),
            None => RetentionRule::default(),
        };
        let Some(rules) = find(members, RULES) else {
            self.refuse(file.line, RULES, "is missing: list one rule at least");
            return Vec::new();
        };
        let What::List(items) = &rules.value.what else {
            self.refuse(rules.value.line, RULES, "is not a list of rules");
            return Vec::new();
        };
        if items.is_empty() {
            self.refuse(rules.value.line, RULES, "is empty: list one rule at least");
        }
        let mut read: Vec<(RuleOf, RetentionRule)> = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let path = format!("{RULES}[{index}]");
            let rule = self.rule(item, &path, &usual);
            let Some(of) = self.subject(item, &path) else { continue };
            if read.iter().any(|(known, _)| *known == of) {
                self.refuse(
                    item.line,
                    &path,
                    "is about what a rule before it is about: write one of the two",
                );
            }
            read.push((of, rule));
        }
        read
    }

    /// What a rule is about.
    fn subject(&mut self, item: &Written, path: &str) -> Option<RuleOf> {
        let What::Members(members) = &item.what else {
            return None;
        };
        let name = options::PRUNED_DEFINITION.path;
        match (find(members, name), find(members, GALLERY)) {
            (Some(definition), None) => {
                let path = format!("{path}.{name}");
                let id: ImageDefinitionId = self.parsed(&definition.value, &path)?;
                Some(RuleOf::Definition(id))
            }
            (None, Some(gallery)) => {
                let id: GalleryId = self.parsed(&gallery.value, &format!("{path}.{GALLERY}"))?;
                Some(RuleOf::Gallery(id))
            }
            _ => {
                let text = format!("says neither or both of {name} and {GALLERY}: say which of the two it is about");
                self.refuse(item.line, path, &text);
                None
            }
        }
    }

    /// A rule; what it does not say is as usual.
    fn rule(&mut self, item: &Written, path: &str, usual: &RetentionRule) -> RetentionRule {
        let mut rule = usual.clone();
        let subjects = [options::PRUNED_DEFINITION.path, GALLERY];
        let subjects = if path == DEFAULTS { &[][..] } else { &subjects[..] };
        let known: Vec<&str> = subjects
            .iter()
            .copied()
            .chain([NEVER])
            .chain(OF_RULE.map(|opt| opt.path))
            .collect();
        let Some(members) = self.members(item, path, &known) else {
            return rule;
        };
        let of = |opt: &'static Opt| find(members, opt.path).map(|member| (member, format!("{path}.{opt}")));
        if let Some(never) = find(members, NEVER) {
            rule.never = self
                .switch(&never.value, &format!("{path}.{NEVER}"))
                .unwrap_or(rule.never);
        }
        if let Some((member, path)) = of(options::KEEP_NEWEST) {
            rule.keep_newest = self.number(&member.value, &path).unwrap_or(rule.keep_newest);
        }
        if let Some((member, path)) = of(options::KEEP_DAYS) {
            rule.keep_days = self.number(&member.value, &path).unwrap_or(rule.keep_days);
        }
        if let Some((member, path)) = of(options::GRACE_DAYS) {
            rule.grace_days = self.number(&member.value, &path).or(rule.grace_days);
        }
        if let Some((member, path)) = of(options::PROTECTED_TAGS) {
            let tags = self.list(&member.value, &path);
            rule.protected_tags = tags.iter().map(|(text, ..)| ProtectedTag::parse(text)).collect();
        }
        if let Some((member, path)) = of(options::PROTECTED_VERSIONS) {
            rule.protected_versions = self.numbers(&member.value, &path);
        }
        rule
    }

    /// The members of a value, none of another name than the known ones.
    fn members<'w>(&mut self, value: &'w Written, path: &str, known: &[&str]) -> Option<&'w [Member]> {
        let What::Members(members) = &value.what else {
            self.refuse(
                value.line,
                path,
                &format!("holds no names with values; it may have {}", known.join(", ")),
            );
            return None;
        };
        for (at, member) in members.iter().enumerate() {
            let path = if path.is_empty() {
                member.name.clone()
            } else {
                format!("{path}.{}", member.name)
            };
            if !known.contains(&member.name.as_str()) {
                self.refuse(
                    member.line,
                    &path,
                    &format!("is unknown; there may be {}", known.join(", ")),
                );
            } else if members.iter().take(at).any(|before| before.name == member.name) {
                self.refuse(member.line, &path, "is there twice");
            }
        }
        Some(members)
    }

    fn parsed<T: std::str::FromStr<Err: std::fmt::Display>>(&mut self, value: &Written, path: &str) -> Option<T> {
        let parsed = value.text().as_deref().map(str::parse);
        match parsed {
            Some(Ok(parsed)) => Some(parsed),
            Some(Err(error)) => {
                self.refuse(value.line, path, &error.to_string());
                None
            }
            None => {
                self.refuse(value.line, path, "is not a text");
                None
            }
        }
    }

    fn number(&mut self, value: &Written, path: &str) -> Option<u32> {
        let number = value.text().and_then(|text| text.parse().ok());
        if number.is_none() {
            self.refuse(
                value.line,
                path,
                &format!("{} is not a whole number from 0", value.shown()),
            );
        }
        number
    }

    fn switch(&mut self, value: &Written, path: &str) -> Option<bool> {
        if let What::Switch(is_on) = value.what {
            return Some(is_on);
        }
        self.refuse(
            value.line,
            path,
            &format!("{} is neither true nor false", value.shown()),
        );
        None
    }

    /// The texts of a list, each with its line and path.
    fn list(&mut self, value: &Written, path: &str) -> Vec<(String, u64, String)> {
        let What::List(items) = &value.what else {
            self.refuse(value.line, path, &format!("{} is not a list", value.shown()));
            return Vec::new();
        };
        let mut texts = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let path = format!("{path}[{index}]");
            match item.text().filter(|text| !text.trim().is_empty()) {
                Some(text) => texts.push((text, item.line, path)),
                None => self.refuse(item.line, &path, &format!("{} is not a text", item.shown())),
            }
        }
        texts
    }

    fn numbers(&mut self, value: &Written, path: &str) -> Vec<VersionNumber> {
        let mut numbers = Vec::new();
        for (text, line, path) in self.list(value, path) {
            match text.parse() {
                Ok(number) => numbers.push(number),
                Err(error) => self.refuse(line, &path, &format!("{error}")),
            }
        }
        numbers
    }
}

/// The rules of a file, and what is wrong with it.
pub(super) fn rules(file: &Written) -> (Vec<(RuleOf, RetentionRule)>, Vec<Fault>) {
    let mut reader = File { faults: Vec::new() };
    let rules = reader.whole(file);
    (rules, reader.faults)
}

fn find<'w>(members: &'w [Member], name: &str) -> Option<&'w Member> {
    members.iter().find(|member| member.name == name)
}

#[cfg(test)]
mod tests;
