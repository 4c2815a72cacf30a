//! Bodies: what is not exactly what a route takes is refused, with the field that is wrong.

use axum::body::Body;
use axum::http::{StatusCode, header};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::support::body_of;
use crate::support::office::{Office, request, text};

async fn sent(office: &Office, kind: Option<&str>, body: Vec<u8>) -> (StatusCode, Value) {
    let mut asked = request(None, "POST", "/auth/password", "", None);
    if let Some(kind) = kind {
        asked
            .headers_mut()
            .insert(header::CONTENT_TYPE, kind.parse().expect("a value of a header"));
    }
    *asked.body_mut() = Body::from(body);
    let response = office.router.clone().oneshot(asked).await.unwrap();
    (response.status(), body_of(response).await)
}

#[tokio::test]
async fn a_body_that_is_not_json_by_its_type_is_refused() {
    let office = Office::new().await;
    let body = br#"{"name":"a","password":"b"}"#.to_vec();
    for kind in [None, Some("text/plain"), Some("application/x-www-form-urlencoded"), Some("")] {
        let (status, problem) = sent(&office, kind, body.clone()).await;
        assert_eq!((status.as_u16(), &problem["code"]), (415, &json!("unsupported-media-type")));
    }
    let (status, _) = sent(&office, Some("application/json; charset=utf-8"), body).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED, "it is read, and the password is wrong");
}

#[tokio::test]
async fn a_wrong_field_is_named() {
    let office = Office::new().await;
    let json = Some("application/json");
    for (body, field) in [
        (r#"{"name":"a","password":"b","role":"admin"}"#, "role"),
        (r#"{"name":"a","name":"b","password":"b"}"#, "name"),
        (r#"{"name":"a"}"#, "password"),
        (r#"{"name":1,"password":"b"}"#, "name"),
        (r#"{"name":"a","password":null}"#, "password"),
    ] {
        let (status, problem) = sent(&office, json, body.as_bytes().to_vec()).await;
        assert_eq!(
            (status.as_u16(), &problem["code"]),
            (400, &Value::from("invalid-body")),
            "{body}"
        );
        assert_eq!(problem["parameter"], field, "{body}: {problem}");
    }
}

#[tokio::test]
async fn what_is_no_json_and_what_is_hostile_is_refused_and_nothing_breaks() {
    let office = Office::new().await;
    let deep = [b"{\"name\":".to_vec(), vec![b'['; 60_000]].concat();
    let hostile: [Vec<u8>; 7] = [
        Vec::new(),
        b"null".to_vec(),
        b"[]".to_vec(),
        b"{\"name\":\"a\",\"password\":\"\\ud800\"}".to_vec(),
        b"{\"name\":\"a\",\"password\":1e999}".to_vec(),
        vec![0xff, 0xfe, 0x00],
        deep,
    ];
    for body in hostile {
        let shown = String::from_utf8_lossy(&body[..body.len().min(40)]).into_owned();
        let (status, problem) = sent(&office, Some("application/json"), body).await;
        assert_eq!((status.as_u16(), &problem["code"]), (400, &json!("invalid-body")), "{shown}");
    }
    let long = vec![b' '; 1_100_000];
    let (status, problem) = sent(&office, Some("application/json"), long).await;
    assert_eq!((status.as_u16(), &problem["code"]), (413, &json!("body-too-large")));
}

#[tokio::test]
async fn a_reason_is_needed_and_is_one_line() {
    let office = Office::new().await;
    let token = office.signed_in("olga", "operator").await;
    for reason in ["", " ", "two\nlines", &"x".repeat(1_001)] {
        let body = Some(json!({ "reason": reason }));
        let (status, problem) = office.ask(Some(&token), "POST", "/chains/1/pause", body).await;
        assert_eq!((status.as_u16(), &problem["parameter"]), (400, &json!("reason")), "{problem}");
        assert!(text(&problem["detail"]).contains("1 to 1000 characters"), "{problem}");
    }
    let (status, problem) =
        office.ask(Some(&token), "POST", "/chains/1/pause", Some(json!({}))).await;
    assert_eq!((status.as_u16(), &problem["parameter"]), (400, &json!("reason")), "{problem}");
}
