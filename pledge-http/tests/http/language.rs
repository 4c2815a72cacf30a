//! The language of problems.

use axum::http::header;
use pledge_http::{Language, localized, service};

use crate::support::{ALICE, World, account_path, body_of, send};
use crate::worlds::{THREE_PM, seed};

const EARLY_IN_CHINESE: &str = "2026-01-05T14:59:55Z 早于该代币首个区块的时间 2026-01-05T15:00:00Z";

async fn too_early() -> (World, String) {
    let (world, token) = seed().await;
    let path = format!("{}?at={}", account_path(token, ALICE), THREE_PM - 5);
    (world, path)
}

#[tokio::test]
async fn a_problem_is_worded_in_the_language_that_the_reader_accepts() {
    let (world, path) = too_early().await;
    let accepted = [("accept-language", "zh-CN,zh;q=0.9,en;q=0.8")];
    let response = world.get_with(&path, &accepted).await;
    assert_eq!(response.status(), 409);
    assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
    assert_eq!(response.headers()[header::CONTENT_LANGUAGE], "zh-Hans");
    assert_eq!(response.headers()[header::VARY], "accept-language");
    let length = response.headers().get(header::CONTENT_LENGTH).cloned();
    let problem = body_of(response).await;
    assert_eq!(problem["title"], "早于该代币的首个区块");
    assert_eq!(problem["detail"], EARLY_IN_CHINESE);
    let own = problem.to_string().len().to_string();
    assert!(length.is_none_or(|length| length == own.as_str()), "the length of the text sent");
}

#[tokio::test]
async fn what_programs_read_is_the_same_in_every_language() {
    let (world, path) = too_early().await;
    let mut english = body_of(world.get_with(&path, &[("accept-language", "en")]).await).await;
    let mut chinese = body_of(world.get_with(&path, &[("accept-language", "zh")]).await).await;
    for problem in [&mut english, &mut chinese] {
        problem["title"].take();
        problem["detail"].take();
    }
    assert_eq!(english, chinese);
    assert_eq!(english["code"], "too-early");
}

#[tokio::test]
async fn without_a_language_of_the_readers_the_hosts_decides() {
    let (world, path) = too_early().await;
    let routes = || service(world.api.clone(), world.health.clone());
    let chinese = || localized(routes(), Language::Chinese);
    for (router, accepted, tag) in [
        (routes(), "", "en"),
        (routes(), "fr", "en"),
        (chinese(), "", "zh-Hans"),
        (chinese(), "fr, *;q=0.1", "zh-Hans"),
        (chinese(), "en-GB", "en"),
    ] {
        let response = send(router, "GET", &path, &[("accept-language", accepted)]).await;
        assert_eq!(response.headers()[header::CONTENT_LANGUAGE], tag, "{accepted}");
        assert_eq!(response.headers().get_all(header::VARY).iter().count(), 1, "{accepted}");
    }
}

#[tokio::test]
async fn a_wrong_parameter_is_explained_in_chinese_with_its_value() {
    let (world, _) = seed().await;
    let cases = [
        ("/api/v1/chains?limit=0", "limit：`0` 不是 1 到 1000 之间的整数"),
        ("/api/v1/chains?limt=1", "该路径没有参数 `limt`，可用参数为：limit, cursor"),
        ("/api/v1/chains/1?x=1", "该路径不接受任何参数，不应出现 `x`"),
        ("/api/v1/chains?limit=1&limit=2", "limit：该参数只能出现一次"),
        ("/api/v1/chains/one", "chain_id：`one` 不是有效的链 ID，应为非负整数"),
        ("/api/v1/nothing", "路径 /api/v1/nothing 不存在，请从 /api/v1/chains 开始"),
    ];
    for (path, detail) in cases {
        let problem = body_of(world.get_with(path, &[("accept-language", "zh")]).await).await;
        assert_eq!(problem["detail"], detail, "{path}");
    }
}

#[tokio::test]
async fn a_wrong_method_keeps_the_allowed_ones_in_every_language() {
    let (world, _) = seed().await;
    let routes = localized(service(world.api.clone(), world.health.clone()), Language::Chinese);
    let response = send(routes, "POST", "/api/v1/chains", &[]).await;
    assert_eq!(response.headers()[header::ALLOW], "GET,HEAD");
    assert_eq!(body_of(response).await["detail"], "/api/v1/chains 不支持 POST 方法");
}
