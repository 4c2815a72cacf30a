//! `/stream`.

use serde_json::json;

use crate::support::{ALICE, GENESIS, Place, Stream, account_topic};

#[tokio::test]
async fn a_stream_begins_with_the_state_of_each_topic() {
    let place = Place::new().await;
    let server = place.serve().await;
    let mut chains = server.stream("chains").await;
    let chain = chains.state("chains").await;
    assert_eq!((&chain["chain_id"], &chain["last_confirmed_block"]), (&json!(1), &json!(1)));
    assert_eq!(chain["head_age_seconds"], json!(null), "a state waits, so it has no age");
    let topic = account_topic(ALICE);
    let account = server.stream(&topic).await.state(&topic).await;
    assert_eq!((&account["balance"], &account["at_time"]), (&json!("100"), &json!(GENESIS + 600)));
    let settlements = server.stream("settlements").await.state("settlements").await;
    assert_eq!(settlements["items"], json!([]));
}

#[tokio::test]
async fn an_event_comes_with_its_number_and_its_kind_and_the_state_follows() {
    let mut place = Place::new().await;
    let server = place.serve().await;
    let topic = account_topic(ALICE);
    let mut stream = server.stream(&format!("chains,{topic}")).await;
    stream.state(&topic).await;
    place.mine(&[(ALICE, 5)]).await;
    let event = stream.event().await;
    assert_eq!(event.name, "confirmed");
    assert_eq!(event.id, Some(place.newest().await.to_string()));
    assert_eq!(event.data["topics"], json!(["chains"]));
    assert_eq!(event.data["event"]["to"]["number"], json!(4));
    assert_eq!(stream.state(&topic).await["balance"], "105");
}

#[tokio::test]
async fn an_account_alone_gets_states_and_no_events() {
    let mut place = Place::new().await;
    let server = place.serve().await;
    let topic = account_topic(ALICE);
    let mut stream = server.stream(&topic).await;
    assert_eq!(stream.state(&topic).await["balance"], "100");
    place.mine(&[(ALICE, 5)]).await;
    let next = stream.until(|message| message.data["state"]["balance"] != "100").await;
    assert_eq!((next.name.as_str(), &next.data["state"]["balance"]), ("state", &json!("105")));
    assert_eq!(next.id, None);
}

#[tokio::test]
async fn a_reader_that_was_away_gets_every_event_after_its_last_one_and_no_other() {
    let mut place = Place::new().await;
    let server = place.serve().await;
    let mut first = server.stream("chains,settlements").await;
    place.mine(&[(ALICE, 1)]).await;
    let seen = first.event().await.id.unwrap();
    assert_eq!(first.last_id, seen);
    drop(first);
    for _ in 0..3 {
        place.mine(&[(ALICE, 1)]).await;
    }
    place.mine_later(7_200, &[]).await;
    place.settle().await;
    let query = "topics=chains,settlements";
    let mut again = Stream::open(server.address, query, &[("Last-Event-ID", &seen)]).await;
    let mut got = Vec::new();
    while got.last().is_none_or(|(name, _)| name != "settled") {
        let event = again.event().await;
        got.push((event.name, event.id.unwrap()));
    }
    let newest = place.newest().await.get();
    let begun: u64 = seen.parse().unwrap();
    let expected: Vec<_> = (begun + 1..=newest).map(|id| id.to_string()).collect();
    let (names, ids): (Vec<_>, Vec<_>) = got.into_iter().unzip();
    assert_eq!(ids, expected);
    assert_eq!(names, ["confirmed", "confirmed", "confirmed", "confirmed", "settled"]);
}

#[tokio::test]
async fn a_stream_that_breaks_before_its_first_event_goes_on_where_it_began() {
    let mut place = Place::new().await;
    let server = place.serve().await;
    let mut first = server.stream("chains").await;
    first.state("chains").await;
    let (began, retry) = (first.last_id.clone(), first.retry);
    assert_eq!(began, place.newest().await.to_string());
    assert!((1_000..=5_000).contains(&retry), "{retry}");
    drop(first);
    place.mine(&[(ALICE, 1)]).await;
    let query = format!("topics=chains&after={began}");
    let mut again = Stream::open(server.address, &query, &[]).await;
    assert_eq!(again.event().await.name, "confirmed");
}

#[tokio::test]
async fn an_id_that_the_log_does_not_continue_is_reset_and_followed_by_states() {
    let place = Place::new().await;
    let server = place.serve().await;
    for id in ["999999", "18446744073709551615"] {
        let headers = [("Last-Event-ID", id)];
        let mut stream = Stream::open(server.address, "topics=chains", &headers).await;
        let reset = stream.next().await.unwrap();
        let newest = place.newest().await.to_string();
        assert_eq!((reset.name.as_str(), &reset.data["after"]), ("reset", &json!(id)));
        assert_eq!(reset.data["newest"], json!(newest));
        stream.state("chains").await;
        assert_eq!(stream.last_id, newest, "it goes on from here");
    }
}

#[tokio::test]
async fn a_reader_that_is_behind_by_too_much_begins_again() {
    let mut place = Place::new().await;
    for _ in 0..5 {
        place.mine(&[]).await;
    }
    let mut parts = place.parts();
    parts.limits.replayed_events_max = 4;
    let server = crate::support::Server::begin(parts).await;
    let newest = place.newest().await.get();
    let name = async |behind: u64| {
        let query = format!("topics=chains&after={}", newest - behind);
        Stream::open(server.address, &query, &[]).await.event().await.name
    };
    assert_eq!((name(4).await, name(5).await), ("confirmed".to_owned(), "reset".to_owned()));
}

#[tokio::test]
async fn a_reorg_is_an_event_of_both_topics_and_the_states_go_back() {
    let mut place = Place::new().await;
    let server = place.serve().await;
    let topic = account_topic(ALICE);
    let mut stream = server.stream(&format!("chains,settlements,{topic}")).await;
    stream.state(&topic).await;
    place.mine(&[(ALICE, 5)]).await;
    stream.until(|message| message.data["state"]["balance"] == "105").await;
    place.reorg(3, &[(ALICE, 7)]).await;
    // The state may be read between the reorg and its event: it is never older, and may be newer.
    let (mut is_event_there, mut is_state_there) = (false, false);
    while !(is_event_there && is_state_there) {
        let next = stream.until(|_| true).await;
        if next.name == "reorged" {
            assert_eq!(next.data["topics"], json!(["chains", "settlements"]));
            is_event_there = true;
        }
        is_state_there |= next.data["state"]["balance"] == "107";
    }
}

#[tokio::test]
async fn a_stop_ends_a_stream_with_the_time_at_which_to_come_again() {
    let place = Place::new().await;
    let server = place.serve().await;
    let mut stream = server.stream("chains").await;
    stream.state("chains").await;
    let (hub, address) = (server.hub.clone(), server.address);
    let draining = tokio::spawn(async move { hub.drain().await });
    let cut = stream.event().await;
    assert_eq!((cut.name.as_str(), &cut.data["code"]), ("cut", &json!("restarting")));
    assert_eq!(cut.data["retry_after_ms"], json!(stream.retry));
    assert_eq!(stream.next().await, None);
    draining.await.unwrap();
    let (status, problem) = Stream::answer(address, "/api/v1/stream?topics=chains", &[]).await;
    assert_eq!((status, &problem["code"]), (503, &json!("stopping")));
}

#[tokio::test]
async fn what_no_stream_can_be_of_is_refused_with_a_code() {
    let place = Place::new().await;
    let server = place.serve().await;
    let foreign = format!("account:7:0x{}:{ALICE}", "1".repeat(40));
    let zero = format!("account:1:0x{}:0x{}", "1".repeat(40), "0".repeat(40));
    for (query, status, code) in [
        ("", 400, "invalid-parameter"),
        ("?topics=", 400, "invalid-parameter"),
        ("?topics=prices", 400, "invalid-parameter"),
        ("?topics=chains&after=x", 400, "invalid-parameter"),
        ("?topics=chains&more=1", 400, "invalid-parameter"),
        (&format!("?topics={foreign}"), 404, "unknown-token"),
        (&format!("?topics={zero}"), 404, "unknown-account"),
    ] {
        let path = format!("/api/v1/stream{query}");
        let (answered, problem) = Stream::answer(server.address, &path, &[]).await;
        assert_eq!((answered, &problem["code"]), (status, &json!(code)), "{query}: {problem}");
    }
}
