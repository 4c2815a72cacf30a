//! Texts of nodes, store and operators: for who may read everything, and for nobody else.

use pledge_testing::world::operator_because;
use serde_json::json;

use crate::support::World;
use crate::support::office::{Office, Rules};
use crate::worlds::{THREE_PM, TOKEN};

const TEXT: &str = "https://node.example/key-123";

/// An office whose chain and token were paused with a text that may name a host.
async fn office() -> Office {
    Office::played(Rules::default(), async |world: &mut World| {
        world.chain(1, THREE_PM).await;
        let token = world.token(1, TOKEN, 18).await;
        let by = operator_because(TEXT);
        world.stores.balances.pause_chain(token.chain, &by).await.expect("it is paused");
        world.stores.balances.pause_token(token, &by).await.expect("it is paused");
        Vec::new()
    })
    .await
}

#[tokio::test]
async fn only_who_may_read_everything_reads_what_an_operator_wrote() {
    let office = office().await;
    let viewer = office.signed_in("vera", "viewer").await;
    let member = office.signed_in("mia", "member").await;
    for path in ["/chains", "/chains/1", "/chains/1/tokens", &format!("/chains/1/tokens/{TOKEN}")] {
        for (token, sees) in [(Some(&viewer), true), (Some(&member), false), (None, false)] {
            let answer = office.ok(token.map(String::as_str), "GET", path, None).await;
            assert_eq!(answer.to_string().contains(TEXT), sees, "{path} {token:?}: {answer}");
        }
    }
}

#[tokio::test]
async fn a_role_on_another_chain_shows_nothing_of_this_one() {
    let office = office().await;
    let admin = office.signed_in("anna", "admin").await;
    let vera = office.signed_in("vera", "member").await;
    let me = office.ok(Some(&vera), "GET", "/auth/me", None).await;
    let path = format!("/admin/users/{}/grants", me["user"]["id"].as_str().unwrap());
    for (chain, sees) in [(2, false), (1, true)] {
        let grants = json!([{ "role": "viewer", "chains": [chain] }]);
        let body = json!({ "grants": grants, "reason": "a" });
        office.ok(Some(&admin), "PUT", &path, Some(body)).await;
        let answer = office.ok(Some(&vera), "GET", "/chains/1", None).await;
        assert_eq!(answer.to_string().contains(TEXT), sees, "chain {chain}: {answer}");
    }
}
