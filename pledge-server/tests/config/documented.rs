//! What is documented of each key, and that it is true.

use std::fmt::Write as _;
use std::path::PathBuf;

use pledge_server::config::{Config, KeyDoc, Need, SectionDoc};
use serde_json::{Value, json};

use crate::good::{USDX, load, shown};

const BLESS: &str = "if that is meant: `PLEDGE_BLESS=1 cargo test -p pledge-server --test config`";

/// What the page has above the sections.
const INTRODUCTION: &str = "\
# Configuration

Every key of `pledge.toml`, as `pledge config init` writes it. A key can come from the environment too, which overrides the file.
In a variable a list is one text with commas, and a schedule is `2026-01-01T00:00:00Z=0.10,…`. `NAME` is a name that you choose: a-z, 0-9 and single `_` between them, with at least one letter; variables have it in
upper case.

This page is written from the declarations of the sections: `PLEDGE_BLESS=1 cargo test -p pledge-server --test config`.
";

/// The page of all sections.
fn page(sections: &[SectionDoc]) -> String {
    let mut page = INTRODUCTION.to_owned();
    for SectionDoc { key: section, doc, keys, .. } in sections {
        write!(page, "\n## `[{section}]`\n\n{}\n\n", doc.replace('\n', " ")).unwrap();
        page += "| key | value | default | meaning | variable |\n|---|---|---|---|---|\n";
        for KeyDoc { name, doc, kind, need, value } in keys {
            let absence = match need {
                Need::Required => format!("required, such as `{value}`"),
                Need::Advised | Need::Optional => format!("none; an example is `{value}`"),
                Need::Default => format!("`{value}`"),
            };
            let (doc, variable) = (doc.replace('\n', " "), section.child(name).variable());
            writeln!(page, "| `{name}` | {kind} | {absence} | {doc} | `{variable}` |").unwrap();
        }
    }
    page
}

/// A file of the keys that are chosen, with their defaults or examples.
fn file_of(is_chosen: impl Fn(&KeyDoc) -> bool) -> String {
    let mut file = String::new();
    for SectionDoc { example, keys, .. } in Config::sections() {
        writeln!(file, "[{example}]").unwrap();
        for KeyDoc { name, value, .. } in keys.iter().filter(|key| is_chosen(key)) {
            writeln!(file, "{name} = {value}").unwrap();
        }
    }
    file
}

/// Only one of `confirmations` and `finality` may be written. No example is a secret: one that is copied is refused.
fn is_in_the_place_of_another(key: &KeyDoc) -> bool {
    key.name == "finality" || is_secret(key)
}

fn is_secret(key: &KeyDoc) -> bool {
    key.name == "secret_key"
}

#[test]
fn the_example_of_a_secret_is_refused() {
    let error = load(&file_of(is_secret), &[]).unwrap_err().to_string();
    assert!(error.contains("access.secret_key: secret 1 has fewer than 32 bytes"), "{error}");
}

#[test]
fn the_page_of_the_keys_is_what_the_sections_declare() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/configuration.md");
    let page = page(&Config::sections());
    if std::env::var_os("PLEDGE_BLESS").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap();
    assert!(written == page, "docs/configuration.md is not of these sections; {BLESS}\n{page}");
}

#[test]
fn every_key_is_documented_with_a_sentence() {
    for section in Config::sections() {
        for key in section.keys {
            assert!(key.doc.ends_with('.'), "{}.{}: {}", section.key, key.name, key.doc);
        }
    }
}

#[test]
fn every_documented_default_is_the_effective_one() {
    let toml = file_of(|key| key.need != Need::Default && !is_in_the_place_of_another(key));
    let shown = shown(&toml, &Vec::new());
    for SectionDoc { example, keys, .. } in Config::sections() {
        for key in keys.iter().filter(|key| key.need == Need::Default) {
            let full = example.child(key.name);
            let pointer = format!("/config/{}", full.as_str().replace('.', "/"));
            assert_eq!(shown.pointer(&pointer), Some(&json!(key.value)), "{full}");
            assert_eq!(shown["origins"][full.as_str()], "default", "{full}");
        }
    }
}

#[test]
fn every_documented_example_is_a_good_value() {
    load(&file_of(|key| key.name != "confirmations" && !is_secret(key)), &[]).unwrap();
}

/// Every key with its value in the form of the environment.
fn as_variables(table: &toml::Table, above: &str, variables: &mut Vec<(String, String)>) {
    for (name, value) in table {
        let name = format!("{above}{}", name.to_uppercase());
        let text = |value: &toml::Value| match value {
            toml::Value::String(text) => text.clone(),
            toml::Value::Table(step) => {
                format!("{}={}", step["from"].as_str().unwrap(), step["rate"].as_str().unwrap())
            }
            other => other.to_string(),
        };
        match value {
            toml::Value::Table(below) => as_variables(below, &format!("{name}__"), variables),
            toml::Value::Array(list) => {
                let texts: Vec<String> = list.iter().map(text).collect();
                variables.push((name, texts.join(",")));
            }
            value => variables.push((name, text(value))),
        }
    }
}

#[test]
fn every_documented_key_is_set_by_the_environment_alone() {
    let toml = file_of(|key| !is_in_the_place_of_another(key));
    let mut variables = Vec::new();
    as_variables(&toml.parse().unwrap(), "PLEDGE_", &mut variables);
    let (by_file, by_environment) = (shown(&toml, &Vec::new()), shown("", &variables));
    assert_eq!(by_environment["config"], by_file["config"]);
    let origins = by_environment["origins"].as_object().unwrap();
    assert_eq!(origins.len(), variables.len(), "every key that is written is shown");
    let of_environment = Value::from("environment");
    assert!(origins.values().all(|origin| *origin == of_environment), "{origins:?}");
}

#[test]
fn the_configuration_of_the_readme_is_good() {
    let readme = include_str!("../../../README.md");
    let (_, block) = readme.split_once("```toml\n").unwrap();
    let (block, _) = block.split_once("```").unwrap();
    let toml = block.replace("\"0x…\"", &format!("{USDX:?}")).replace("example/…", "example/key");
    load(&toml, &[]).unwrap();
}
