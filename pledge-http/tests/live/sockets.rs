//! `/ws`.

use serde_json::json;

use crate::support::{ALICE, Place, Socket, account_topic};

#[tokio::test]
async fn a_reader_subscribes_gets_states_and_events_and_leaves() {
    let mut place = Place::new().await;
    let server = place.serve().await;
    let mut socket = server.socket().await;
    let topic = account_topic(ALICE);
    let answer = socket.subscribe(&["chains", &topic]).await;
    assert_eq!((&answer["request"], &answer["topics"]), (&json!(1), &json!(["chains", topic])));
    assert_eq!(answer["position"], json!(place.newest().await.to_string()));
    let mut topics = [(); 2];
    let mut states = Vec::new();
    for () in &mut topics {
        let state = socket.message("state").await;
        states.push(state["topic"].as_str().unwrap().to_owned());
    }
    states.sort();
    assert_eq!(states, [topic.as_str(), "chains"]);
    place.mine(&[(ALICE, 5)]).await;
    let event = socket.message("event").await;
    assert_eq!((&event["kind"], &event["topics"]), (&json!("confirmed"), &json!(["chains"])));
    assert_eq!(event["id"], json!(place.newest().await.to_string()));
    socket.send(r#"{"op":"unsubscribe","topics":["chains"],"request":"bye"}"#).await;
    assert_eq!(socket.message("unsubscribed").await["request"], "bye");
    place.mine(&[(ALICE, 5)]).await;
    loop {
        let state = socket.message("state").await;
        assert_eq!(state["topic"], json!(topic), "nothing of what was left comes any more");
        if state["state"]["balance"] == "110" {
            break;
        }
    }
}

#[tokio::test]
async fn a_subscription_goes_on_after_an_event() {
    let mut place = Place::new().await;
    let server = place.serve().await;
    let began = place.newest().await.get();
    place.mine(&[]).await;
    place.mine(&[]).await;
    let mut socket = server.socket().await;
    socket.send(&format!(r#"{{"op":"subscribe","topics":["chains"],"after":"{began}"}}"#)).await;
    for id in [began + 1, began + 2] {
        assert_eq!(socket.message("event").await["id"], json!(id.to_string()));
    }
    socket.send(r#"{"op":"subscribe","topics":["settlements"],"after":"999999"}"#).await;
    assert_eq!(socket.message("reset").await["after"], "999999");
}

#[tokio::test]
async fn a_wrong_message_is_answered_with_its_problem_and_the_socket_stays() {
    let place = Place::new().await;
    let server = place.serve().await;
    let language = [("Accept-Language", "zh")];
    let mut socket = Socket::open(server.address, "/api/v1/ws", &language).await.unwrap();
    let foreign = format!("account:7:0x{}:{ALICE}", "1".repeat(40));
    for (message, code) in [
        ("hello".to_owned(), "malformed-message"),
        (r#"{"op":"subscribe","topics":["prices"],"request":2}"#.to_owned(), "invalid-parameter"),
        (r#"{"op":"subscribe","topics":[],"request":2}"#.to_owned(), "invalid-parameter"),
        (format!(r#"{{"op":"subscribe","topics":["{foreign}"]}}"#), "unknown-token"),
    ] {
        socket.send(&message).await;
        let error = socket.message("error").await;
        assert_eq!(error["problem"]["code"], code, "{error}");
    }
    socket.send(r#"{"op":"ping","request":9}"#).await;
    assert_eq!(socket.message("pong").await["request"], 9);
}

#[tokio::test]
async fn a_stop_closes_a_socket_with_1012_and_the_time_at_which_to_come_again() {
    let place = Place::new().await;
    let server = place.serve().await;
    let mut socket = server.socket().await;
    let hub = server.hub.clone();
    let draining = tokio::spawn(async move { hub.drain().await });
    let closed = socket.closed().await;
    assert_eq!(closed.close_code(), Some(1012));
    let reason: serde_json::Value = serde_json::from_slice(&closed.payload[2..]).unwrap();
    assert_eq!(reason["code"], "restarting");
    assert!(reason["retry_after_ms"].as_u64().unwrap() < 5_000, "{reason}");
    socket.send_raw(0x88, &1012_u16.to_be_bytes()).await;
    assert_eq!(socket.frame().await, None);
    draining.await.unwrap();
}

#[tokio::test]
async fn a_plain_request_is_refused_with_the_way_to_upgrade() {
    let place = Place::new().await;
    let server = place.serve().await;
    let (status, problem) = crate::support::Stream::answer(server.address, "/api/v1/ws", &[]).await;
    assert_eq!((status, &problem["code"]), (426, &json!("upgrade-required")));
}
