//! The texts of every language, by key.

use std::sync::LazyLock;

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource};

use super::Language;

/// The texts of one language.
pub(super) struct Catalogue(FluentBundle<FluentResource>);

static ENGLISH: LazyLock<Catalogue> =
    LazyLock::new(|| Catalogue::parse(Language::English, include_str!("en.ftl")));
static CHINESE: LazyLock<Catalogue> =
    LazyLock::new(|| Catalogue::parse(Language::Chinese, include_str!("zh.ftl")));

impl Catalogue {
    pub(super) fn of(language: Language) -> &'static Self {
        match language {
            Language::English => &ENGLISH,
            Language::Chinese => &CHINESE,
        }
    }

    fn parse(language: Language, text: &str) -> Self {
        let resource = FluentResource::try_new(text.to_owned()).expect("a test parses it");
        let tag = language.tag().parse().expect("a language tag");
        let mut bundle = FluentBundle::new_concurrent(vec![tag]);
        // Marks of direction around arguments would be part of addresses that readers copy.
        bundle.set_use_isolating(false);
        bundle.add_resource(resource).expect("a test finds no key twice");
        Self(bundle)
    }

    /// The text of a key that is in every catalogue, as a test checks.
    pub(super) fn text(&self, key: &str, arguments: &[(&'static str, &str)]) -> String {
        let message = self.0.get_message(key);
        let pattern = message.and_then(|message| message.value()).expect("a test finds every key");
        let arguments: FluentArgs<'_> = arguments.iter().copied().collect();
        let mut errors = Vec::new();
        let text = self.0.format_pattern(pattern, Some(&arguments), &mut errors);
        text.into_owned()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;
    use crate::problem::{Form, Kind, Message};

    const FILES: [(Language, &str); 2] =
        [(Language::English, include_str!("en.ftl")), (Language::Chinese, include_str!("zh.ftl"))];

    /// The keys of a catalogue, each with the names after `$` in its text.
    fn keys(text: &str) -> BTreeMap<String, BTreeSet<String>> {
        let mut found = BTreeMap::<String, BTreeSet<String>>::new();
        let mut current = String::new();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            if let Some((key, _)) = line.split_once(" = ").filter(|_| !line.starts_with(' ')) {
                current = key.to_owned();
                assert!(found.insert(current.clone(), BTreeSet::new()).is_none(), "{key} twice");
            }
            let names = line.split("{ $").skip(1).filter_map(|rest| rest.split(' ').next());
            found.entry(current.clone()).or_default().extend(names.map(str::to_owned));
        }
        found.remove("");
        found
    }

    #[test]
    fn every_catalogue_has_the_keys_and_arguments_that_are_used_and_no_other() {
        let titles = Kind::ALL.iter().map(|kind| (kind.title(), BTreeSet::new()));
        let details = Message::ALL.iter().map(|(key, arguments)| {
            ((*key).to_owned(), arguments.iter().map(|name| (*name).to_owned()).collect())
        });
        let used: BTreeMap<String, BTreeSet<String>> = titles.chain(details).collect();
        for (language, text) in FILES {
            assert_eq!(keys(text), used, "{language:?}");
        }
    }

    #[test]
    fn every_form_of_a_parameter_is_worded_in_every_catalogue() {
        for (language, text) in FILES {
            let mut wordings = BTreeSet::new();
            for form in Form::ALL {
                let name = form.name();
                assert!(text.contains(&format!("[{name}] ")), "{language:?} has no {name}");
                let arguments = [("parameter", "p"), ("value", "v"), ("form", name)];
                wordings.insert(language.text("malformed-parameter", &arguments));
            }
            assert_eq!(wordings.len(), Form::ALL.len(), "{language:?}");
        }
    }

    #[test]
    fn no_text_lacks_an_argument_or_has_a_mark_around_it() {
        for (language, _) in FILES {
            for (key, names) in Message::ALL {
                let arguments: Vec<_> = names.iter().map(|name| (*name, "0xAB")).collect();
                let text = language.text(key, &arguments);
                assert!(!text.contains('{') && !text.contains('\u{2068}'), "{language:?}: {text}");
                let is_shown = names.is_empty() || text.contains("0xAB");
                assert!(is_shown, "{language:?} {key}: {text}");
            }
        }
    }
}
