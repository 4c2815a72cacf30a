//! The commands that end: index, settle, verify, status, settlements, pause, resume.

use pledge_core::ledger::{TokenMetadata, TokenSpec};
use pledge_core::points::{BatchSpan, SettlerConfig};
use pledge_core::ports::{BatchFailure, PointsReads, PointsStore, Registry};
use pledge_core::types::{Account, BlockNumber, ChainId, Decimals, Timestamp, TokenId};
use pledge_storage_sqlite::SqliteStore;
use serde_json::json;

use crate::node::{CHAIN, NORMAL, Node, Oddities, THREE_PM, account, token};
use crate::process::Folder;

fn folder(node: &Node) -> Folder {
    Folder::with_config(&format!(
        "[chains.local]\nchain_id = 31337\nrpc_urls = [\"{}\"]\npoll_interval = \"100ms\"\n\
         [chains.local.tokens.plg]\naddress = \"{}\"\n\
         [chains.local.tokens.plg.points]\nrate = \"0.05\"\n",
        node.url(),
        token()
    ))
}

/// A folder whose ledger is indexed and settled.
fn settled(node: &Node) -> Folder {
    let folder = folder(node);
    let indexed = folder.run(&["index", "--until-head", "--json"]);
    assert_eq!(indexed.code, Some(0), "{}", indexed.stderr);
    let settled = folder.run(&["settle", "--until-settled", "--deadline", "30s", "--json"]);
    assert_eq!(settled.code, Some(0), "{}", settled.stderr);
    assert_eq!(settled.json()["complete"], true);
    folder
}

#[test]
fn index_and_settle_give_the_worked_case() {
    let node = Node::with_the_first_hour(NORMAL);
    let folder = settled(&node);
    let listing = folder.run(&["settlements", "--json"]).json();
    let row = &listing["settlements"][0];
    assert_eq!(row["points"], "6.666666666666666666");
    assert_eq!(row["status"], "settled");
    assert_eq!(row["window_start"], THREE_PM);
    assert_eq!((&row["from_block"], &row["to_block"]), (&json!(0), &json!(2)));
    let status = folder.run(&["status", "--json"]).json();
    let chain = &status["chains"][0];
    assert_eq!(chain["status"], "live");
    assert_eq!(chain["lag"], 6);
    assert_eq!(chain["last_calculated_time"], 1_767_283_200);
    assert_eq!(chain["last_calculated_block"], 2);
    assert_eq!(chain["tokens"][0]["holders"], 1);
}

#[test]
fn index_names_the_edge_that_it_cannot_find_and_the_block_that_is_missing() {
    let node = Node::with_the_first_hour(NORMAL);
    node.mine_empty(THREE_PM + 3_700, 100);
    let ledger = format!(
        "[chains.local]\nchain_id = 31337\nrpc_urls = [\"{}\"]\nretained_headers = 64\n\
         [chains.local.tokens.plg]\naddress = \"{}\"\n",
        node.url(),
        token()
    );
    let folder = Folder::with_config(&ledger);
    assert_eq!(folder.run(&["index", "--until-head"]).code, Some(0));
    // Edges are searched for once there are windows.
    node.withhold(2);
    let earning = ledger + "[chains.local.tokens.plg.points]\nrate = \"0.05\"\n";
    std::fs::write(folder.path().join("pledge.toml"), earning).unwrap();
    let ended = folder.run(&["index", "--until-head"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let warning = "finding the blocks at windows' edges: the last block before \
                   2026-01-01T16:00:00Z is unknown: the node does not give the header of block 2";
    assert!(ended.stderr.contains(warning), "{}", ended.stderr);
}

#[test]
fn verify_agrees_with_an_honest_contract() {
    let node = Node::with_the_first_hour(NORMAL);
    let ended = settled(&node).run(&["verify", "--json"]);
    let report = ended.json();
    assert_eq!(ended.code, Some(0), "{report}");
    assert_eq!(report["tokens"][0]["verdict"], "ok");
    assert_eq!(report["tokens"][0]["accounts"], 1);
}

#[test]
fn a_verification_that_compares_nothing_names_the_chain_it_left_out_and_fails() {
    let node = Node::with_the_first_hour(NORMAL);
    let folder = settled(&node);
    let toml = std::fs::read_to_string(folder.path().join("pledge.toml")).unwrap();
    let other = Node::start_as(CHAIN + 1, NORMAL);
    let toml =
        toml.replace(&node.url(), &other.url()).replace("chain_id = 31337", "chain_id = 31338");
    std::fs::write(folder.path().join("pledge.toml"), toml).unwrap();
    let ended = folder.run(&["verify", "--json"]);
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    let left_out = json!([{ "chain_id": CHAIN, "name": "local" }]);
    assert_eq!(ended.json(), json!({ "tokens": [], "unverified": left_out }));
}

#[test]
fn a_token_without_points_does_not_hide_how_far_the_others_are_settled() {
    let node = Node::with_the_first_hour(NORMAL);
    let folder = settled(&node);
    register_a_token_without_points(&folder);
    let status = folder.run(&["status", "--json"]).json();
    let chain = &status["chains"][0];
    assert_eq!(chain["last_calculated_time"], 1_767_283_200, "{chain}");
    assert_eq!(chain["tokens"].as_array().unwrap().len(), 2, "{chain}");
}

#[test]
fn verify_reports_a_contract_that_mints_in_silence() {
    let node = Node::with_the_first_hour(Oddities { supply_offset: 1, ..NORMAL });
    let ended = settled(&node).run(&["verify", "--json"]);
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert_eq!(ended.json()["tokens"][0]["verdict"], "non_conserving");
}

#[test]
fn verify_lists_a_balance_that_differs() {
    let node = Node::with_the_first_hour(Oddities { balance_offset: 1, ..NORMAL });
    let ended = settled(&node).run(&["verify", "--json"]);
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    let report = ended.json();
    let mismatch = &report["tokens"][0]["mismatches"][0];
    assert_eq!(report["tokens"][0]["verdict"], "mismatch");
    assert_eq!(mismatch["subject"], "balance");
    assert_eq!(mismatch["stored"], "200000000000000000000");
    assert_eq!(mismatch["expected"], "200000000000000000001");
}

#[test]
fn verify_reports_a_node_on_another_branch() {
    let node = Node::with_the_first_hour(NORMAL);
    let folder = settled(&node);
    node.chain.fork_at(0);
    node.mine_empty(THREE_PM + 60, 12);
    let ended = folder.run(&["verify"]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("was replaced"), "{}", ended.stderr);
}

#[test]
fn a_paused_chain_is_not_indexed_until_it_is_resumed() {
    let node = Node::with_the_first_hour(NORMAL);
    let folder = settled(&node);
    let paused = folder.run(&["pause", "local", "--json"]);
    assert_eq!(paused.json()["status"], "paused");
    let refused = folder.run(&["index", "--until-head"]);
    assert_eq!(refused.code, Some(1));
    assert!(refused.stdout.contains("pledge resume local"), "{}", refused.stdout);
    let status = folder.run(&["status"]);
    assert!(status.stdout.contains("pledge resume local"), "{}", status.stdout);
    assert_eq!(folder.run(&["resume", "31337"]).code, Some(0));
    assert_eq!(folder.run(&["index", "--until-head"]).code, Some(0));
}

#[test]
fn nothing_to_retry_is_a_failure_with_a_reason() {
    let node = Node::with_the_first_hour(NORMAL);
    let folder = settled(&node);
    let listing = folder.run(&["settlements", "--json"]).json();
    let id = listing["settlements"][0]["id"].as_str().unwrap();
    let ended = folder.run(&["retry", id]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("nothing has failed"), "{}", ended.stderr);
    let failed = folder.run(&["settlements", "--failed", "--json"]).json();
    assert_eq!(failed["settlements"].as_array().unwrap().len(), 0);
}

#[test]
fn a_listing_of_no_settlements_is_wrong_usage() {
    assert_eq!(Folder::new().run(&["settlements", "--limit", "0"]).code, Some(2));
    assert_eq!(Folder::new().run(&["settlements", "--limit", "1001"]).code, Some(2));
}

fn with_store<T>(folder: &Folder, work: impl AsyncFnOnce(&SqliteStore) -> T) -> T {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let file = format!("sqlite:{}", folder.path().join("pledge.db").display());
        let store = SqliteStore::open(&file).await.unwrap();
        let done = work(&store).await;
        store.close().await;
        done
    })
}

fn register_a_token_without_points(folder: &Folder) {
    let spec = TokenSpec {
        id: TokenId { chain: ChainId::new(CHAIN), address: account(0x71) },
        metadata: TokenMetadata { symbol: "NIL".to_owned(), decimals: Decimals::new(0).unwrap() },
        start_block: BlockNumber::new(0),
    };
    with_store(folder, async |store| store.register_token(&spec).await.unwrap());
}

/// Makes every window of one account's shard fail until an operator retries it.
fn break_a_batch(folder: &Folder) {
    with_store(folder, async |store| {
        let id = TokenId { chain: ChainId::new(CHAIN), address: token() };
        let programmes = store.programmes(id).await.unwrap();
        let state = &programmes[0];
        let account = Account::new(account(1)).unwrap();
        let failure = BatchFailure {
            programme: state.programme.id.clone(),
            epoch: state.epoch,
            shard: state.programme.shards.shard_of(account),
            from: Timestamp::new(THREE_PM).unwrap(),
            to: Timestamp::new(THREE_PM + 3_600).unwrap(),
            span: BatchSpan { after: None, through: None },
            attempts: 1,
            reason: "broken on purpose".to_owned(),
        };
        for _ in 0..SettlerConfig::default().attempts_max {
            store.record_failure(&failure).await.unwrap();
        }
    });
}

#[test]
fn a_failed_settlement_is_listed_until_it_is_retried() {
    let node = Node::with_the_first_hour(NORMAL);
    let folder = folder(&node);
    assert_eq!(folder.run(&["index", "--until-head"]).code, Some(0));
    break_a_batch(&folder);
    let incomplete = folder.run(&["settle", "--until-settled", "--json"]);
    assert_eq!(incomplete.code, Some(1), "{}", incomplete.stderr);
    assert_eq!(incomplete.json()["failed"], 1);
    let failed = folder.run(&["settlements", "--failed", "--json"]).json();
    let row = &failed["settlements"][0];
    assert_eq!(row["status"], "failed", "{failed}");
    assert_eq!(row["failures"][0]["reason"], "broken on purpose");
    let retried = folder.run(&["retry", row["id"].as_str().unwrap()]);
    assert_eq!(retried.code, Some(0), "{}", retried.stderr);
    let listing = folder.run(&["settlements", "--json"]).json();
    assert_eq!(listing["settlements"][0]["status"], "settled");
    assert_eq!(listing["settlements"][0]["points"], "6.666666666666666666");
}

#[test]
fn a_deadline_stops_a_settlement_that_goes_on_later() {
    let node = Node::with_the_first_hour(NORMAL);
    let folder = folder(&node);
    assert_eq!(folder.run(&["index", "--until-head"]).code, Some(0));
    let stopped = folder.run(&["settle", "--deadline", "0s", "--json"]);
    assert_eq!(stopped.code, Some(1), "{}", stopped.stdout);
    assert_eq!(stopped.json()["complete"], false);
    let settled = folder.run(&["settle", "--json"]).json();
    assert_eq!(settled["complete"], true);
}

#[test]
fn reading_commands_never_make_a_database() {
    let folder = Folder::new();
    let ended = folder.run(&["status"]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("pledge.db"), "{}", ended.stderr);
    assert!(!folder.path().join("pledge.db").exists());
}

#[test]
fn migrate_makes_a_database_that_status_reads() {
    let folder = Folder::new();
    assert_eq!(folder.run(&["migrate"]).code, Some(0));
    let ended = folder.run(&["status"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.stdout.contains("the database has no chain yet"), "{}", ended.stdout);
}
