//! Every metric, as a scrape shows it, and as it is documented.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use pledge_core::event::Consumer;
use pledge_core::types::TokenId;
use pledge_http::access::Gatekeeper;
use pledge_http::live::OwnOrigin;
use pledge_http::{Incident, Part, PartState};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use super::*;
use crate::config::Config;
use crate::tasks::settle_chain;
use crate::test_chain::{TOKEN, TestChain, account};
use crate::wire;

/// A process in which everything that can be shown is there.
#[derive(Debug)]
struct Troubled;

impl Process for Troubled {
    fn incidents(&self) -> Vec<Incident> {
        vec![Incident { chain: Some("test".to_owned()), work: "indexing" }]
    }

    fn parts(&self) -> Vec<Part> {
        vec![Part { name: "redis", state: Some(PartState::Up) }]
    }
}

async fn private_stores() -> Stores {
    wire::open_alone(&config().storage).await.unwrap()
}

/// A hub without readers.
fn live(stores: &Stores) -> Hub {
    let turns = crate::serving::turns(crate::config::LimitsConfig::default().reads);
    let keeper = Gatekeeper { authenticator: None, public_reads: true, watch: None };
    crate::live::hub(stores, stores.queries(), turns, Arc::new(OwnOrigin), &keeper)
}

fn sources(stores: &Stores) -> Sources {
    Sources {
        pulse: Pulse::new(stores.balances.clone(), stores.logs.clone()),
        process: Arc::new(Troubled),
        stores: stores.clone(),
        live: live(stores),
        clock: SystemTime::now,
    }
}

/// The configuration of the scripted chain, whose node cannot be reached.
fn config() -> Config {
    let variables = [
        ("STORAGE__URL", "memory:".to_owned()),
        ("CHAINS__TEST__CHAIN_ID", TOKEN.chain.to_string()),
        ("CHAINS__TEST__RPC_URLS", "http://127.0.0.1:9/v3/s3cr3t".to_owned()),
        ("CHAINS__TEST__TOKENS__T__ADDRESS", TOKEN.address.to_string()),
    ];
    let named = |(key, value)| (format!("PLEDGE_{key}"), value);
    Config::load(None, &variables.map(named).into()).unwrap()
}

/// A scrape of a process in which each thing that is counted has happened.
async fn eventful() -> String {
    let config = config();
    let [chain] = &config.chains[..] else { panic!("one chain") };
    let meters = Meters::default();
    meters.name_chains(&config.chains);
    let stores = meters.store.around(private_stores().await);
    let mut test = TestChain::open(&stores).await;
    for (at, mint) in [(60, Some((account(1), 10))), (7_200, None), (7_201, None)] {
        test.mine(at, mint).await;
    }
    test.chain.fork_at(1);
    for at in [7_202, 7_203, 7_204] {
        test.mine(at, None).await;
    }
    let stop = CancellationToken::new();
    settle_chain(&stores, TOKEN.chain, &stop, |_| {}).await.unwrap();
    let unknown = TokenId { address: account(9).address(), ..TOKEN };
    stores.points.programmes(unknown).await.unwrap_err();
    meters.nodes.show(&chain.name, wire::connect_each(chain).await.unwrap().nodes);
    let routes = HttpMeter::naming(Router::new().route("/", get(|| async {})));
    let routes = meters.readers.http.around(routes);
    routes.oneshot(Request::get("/").body(Body::empty()).unwrap()).await.unwrap();
    let sources = sources(&stores);
    sources.pulse.check().await;
    let log = vec![Consumer::new("log").unwrap()];
    let survey = meters.survey.clone().keep(stores.clone(), sources.pulse.clone(), log, stop);
    let registry = meters.registry(sources);
    let scraped = async {
        loop {
            let text = text(&registry).unwrap();
            if text.contains("pledge_points_windows_behind{") {
                return text;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let scraped = tokio::select! {
        text = scraped => text,
        ended = survey => panic!("nothing stops it: {ended:?}"),
    };
    stores.close().await;
    scraped
}

/// A metric, as the text format declares it.
#[derive(Debug, Default)]
struct Declared {
    help: String,
    kind: String,
    labels: BTreeSet<String>,
}

/// Every metric of a scrape, by its name without the suffixes of a histogram.
fn declared(scrape: &str) -> BTreeMap<String, Declared> {
    let mut all: BTreeMap<String, Declared> = BTreeMap::new();
    let mut newest = String::new();
    for line in scrape.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').unwrap();
            name.clone_into(&mut newest);
            let known = all
                .insert(newest.clone(), Declared { help: help.to_owned(), ..Declared::default() });
            assert!(known.is_none(), "{name} is declared twice");
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (_, kind) = rest.split_once(' ').unwrap();
            kind.clone_into(&mut all.get_mut(&newest).unwrap().kind);
        } else if let Some((_, labels)) =
            line.rsplit_once('}').and_then(|(series, _)| series.split_once('{'))
        {
            let names =
                labels.split("\",").map(|label| label.split_once('=').unwrap().0.to_owned());
            all.get_mut(&newest).unwrap().labels.extend(names.filter(|name| name != "le"));
        }
    }
    all
}

fn operations() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/operations")
}

const INTRODUCTION: &str = "\
# Metrics

What `/metrics` shows, in the text format of Prometheus. It is on `server.operations_listen`, or, without that key, on `server.listen`
if that is a loopback address and no proxy is trusted. A scrape asks neither the store nor a node: it shows what the process knows. `chain` is the name of a
chain in the configuration, `node` the place of a node in its `rpc_urls`, from 0. No url, no account and no path that a reader made up
is a label; a path that no route has is `unknown`.

This page is written from a scrape: `PLEDGE_BLESS=1 cargo test -p pledge-server --all-features --lib metrics`.

| metric | type | labels | meaning |
|---|---|---|---|
";

#[tokio::test]
async fn the_page_of_the_metrics_lists_what_a_scrape_shows() {
    let mut page = INTRODUCTION.to_owned();
    for (name, Declared { help, kind, labels }) in declared(&eventful().await) {
        let labels: Vec<String> = labels.iter().map(|label| format!("`{label}`")).collect();
        let (labels, help) = (labels.join(", "), help.trim_end_matches('.'));
        writeln!(page, "| `{name}` | {kind} | {labels} | {help} |").unwrap();
    }
    let path = operations().join("metrics.md");
    if std::env::var_os("PLEDGE_BLESS").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap();
    assert!(written == page, "docs/operations/metrics.md is not of this scrape:\n{page}");
}

/// The names of metrics in a text.
fn names_in(text: &str) -> BTreeSet<String> {
    let is_of_name = |character: char| character.is_ascii_alphanumeric() || character == '_';
    let words = text.split(|character: char| !is_of_name(character));
    let own = words.filter(|word| word.starts_with("pledge_") || word.starts_with("process_"));
    own.map(str::to_owned).collect()
}

#[test]
fn the_dashboard_and_the_alerts_use_only_metrics_that_are_shown() {
    let read = |name: &str| std::fs::read_to_string(operations().join(name)).unwrap();
    let page = read("metrics.md");
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
    let shown: BTreeSet<&str> = rows.map(|(name, _)| name).collect();
    for file in ["dashboard.json", "alerts.yml"] {
        let used = names_in(&read(file));
        assert!(used.len() > 10, "{file} uses {used:?}");
        for name in used {
            let series =
                ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end));
            let is_shown =
                shown.contains(name.as_str()) || series.is_some_and(|of| shown.contains(of));
            assert!(is_shown, "{file} uses {name}, which is not shown");
        }
    }
}

#[test]
fn every_alert_leads_to_a_section_of_the_runbook() {
    let read = |name: &str| std::fs::read_to_string(operations().join(name)).unwrap();
    let runbook = read("runbook.md");
    let headings = runbook.lines().filter_map(|line| line.strip_prefix("## "));
    let anchors: BTreeSet<String> =
        headings.map(|heading| heading.to_lowercase().replace(' ', "-")).collect();
    let alerts = read("alerts.yml");
    let named: Vec<&str> = alerts
        .lines()
        .filter_map(|line| line.trim().strip_prefix("runbook: runbook.md#"))
        .collect();
    assert_eq!(named.len(), alerts.matches("- alert: ").count());
    for anchor in named {
        assert!(anchors.contains(anchor), "{anchor} is none of {anchors:?}");
    }
}

#[tokio::test]
async fn what_has_happened_is_in_the_figures() {
    let scrape = eventful().await;
    for line in [
        "pledge_chain_state{chain=\"test\",state=\"syncing\"} ",
        "pledge_chain_confirmed_block{chain=\"test\"} ",
        "pledge_tokens{chain=\"test\",state=\"active\"} 1",
        "pledge_reorg_depth_blocks_count{chain=\"test\"} 1",
        "pledge_reorg_depth_blocks_sum{chain=\"test\"} 2",
        "pledge_node_state{chain=\"test\",node=\"0\",state=\"waits\"} 1",
        "pledge_http_requests_total{method=\"GET\",route=\"/\",status=\"200\"} 1",
        "pledge_store_errors_total{handle=\"engine\",operation=\"programmes\",kind=\"invalid\"} 1",
        "pledge_incidents{chain=\"test\",work=\"indexing\"} 1",
        "pledge_store_up 1",
    ] {
        assert!(scrape.lines().any(|shown| shown.starts_with(line)), "{line} in\n{scrape}");
    }
}

#[tokio::test]
async fn no_figure_names_a_url_or_an_account() {
    let scrape = eventful().await;
    for hidden in ["s3cr3t", "127.0.0.1", "://", &account(1).to_string()] {
        assert!(!scrape.contains(hidden), "{hidden} in\n{scrape}");
    }
}

#[tokio::test]
async fn a_scrape_asks_the_store_nothing() {
    let meters = Meters::default();
    let stores = meters.store.around(private_stores().await);
    let sources = sources(&stores);
    sources.pulse.check().await;
    let registry = meters.registry(sources);
    let calls = || {
        let text = text(&registry).unwrap();
        let counts = text.lines().filter(|line| line.contains("operation_duration_seconds_count"));
        counts.map(str::to_owned).collect::<Vec<_>>()
    };
    let first = calls();
    assert_eq!(first.len(), 1, "the reading in the background: {first:?}");
    for _ in 0..10 {
        assert_eq!(calls(), first);
    }
    stores.close().await;
}
