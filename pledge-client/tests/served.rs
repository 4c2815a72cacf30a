//! The client over the real router, served on a socket.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use anyhow::Result;
use axum::Router;
use axum::response::{IntoResponse, Response};
use futures::TryStreamExt;
use pledge_client::{
    Account, Asked, Chain, Change, Client, Error, Intervals, Leaderboard, Order, Page,
    PointsInterval, Portfolio, Retries, Settlement, SettlementFilter, Statement, Token,
};
use pledge_core::audit::Attribution;
use pledge_core::engine::Engine;
use pledge_core::stop::Stop;
use pledge_core::types::{Amount, RateSchedule, TokenId};
use pledge_examples::{ALICE, BOB, NOBODY, Simulated, instant};
use pledge_http::{Api, Refusal, router};
use pledge_storage_memory::{MemoryPending, MemoryStore};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// The address of routes that are served until the test ends.
async fn serve(routes: Router) -> Result<String> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move { axum::serve(listener, routes).await });
    Ok(format!("http://{address}/api/v1"))
}

/// Two holders over four settled hours, and the API over them.
async fn played() -> Result<(String, TokenId)> {
    let usdx = Simulated::new()?;
    usdx.mine("15:00", &[])?;
    usdx.mine("15:10", &[(NOBODY, ALICE, 100)])?;
    usdx.mine("15:30", &[(NOBODY, ALICE, 100), (ALICE, BOB, 50)])?;
    usdx.mine("16:30", &[(BOB, ALICE, 5)])?;
    for _ in 0..3 {
        usdx.mine("19:00", &[])?;
    }
    let store = Arc::new(MemoryStore::new());
    let mut engine = Engine::builder(store, Arc::new(MemoryPending::default()))
        .follow(usdx.followed(RateSchedule::constant("0.05".parse()?)))
        .build(&Attribution::program("test", SystemTime::now())?)
        .await?;
    engine.catch_up(SystemTime::now, &Stop::never(), |_, _| {}).await?;
    let api = Api { queries: engine.queries().clone(), clock: SystemTime::now };
    Ok((serve(Router::new().nest("/api/v1", router(api))).await?, usdx.token))
}

#[tokio::test]
async fn every_route_is_answered_with_its_type() -> Result<()> {
    let (address, token) = played().await?;
    let api = Client::new(&address)?;
    let routes = api.token(token);
    let chains: Vec<Chain> = api.chains().items().try_collect().await?;
    assert_eq!(api.chain(token.chain).await?.chain_id, chains[0].chain_id);
    let tokens: Vec<Token> = api.tokens(token.chain).items().try_collect().await?;
    assert_eq!(tokens, [routes.read().await?]);
    let board = routes.accounts(Order::Balance).page().await?;
    assert_eq!(board.items.iter().map(|row| row.account).collect::<Vec<_>>(), [ALICE, BOB]);
    let alice = routes.account(ALICE, Asked::default()).await?;
    assert_eq!(alice.balance, board.items[0].balance);
    let before = Asked { at: Some(instant("15:20")?) };
    let then = routes.account(ALICE, before).await?;
    assert_eq!(then.balance, "100000000000000000000".parse::<Amount>()?);
    let changes: Vec<Change> = routes.changes(ALICE).items().try_collect().await?;
    assert_eq!(changes.len(), 4);
    let over = Intervals { bucket_seconds: Some(1_800), ..Intervals::default() };
    let points: Vec<PointsInterval> = routes.points(ALICE, over).items().try_collect().await?;
    assert_eq!(points[0].to.get() - points[0].from.get(), 1_800);
    let statements: Vec<Statement> = routes.statements(ALICE).items().try_collect().await?;
    let everywhere = api.portfolio(ALICE, None).await?;
    assert_eq!(everywhere.total_points, alice.points);
    let all = api.settlements(SettlementFilter::default()).items();
    let settled: Vec<Settlement> = all.try_collect().await?;
    assert!(!statements.is_empty() && !settled.is_empty());
    assert_eq!(api.settlement(&settled[0].id).await?, settled[0]);
    Ok(())
}

#[tokio::test]
async fn pages_of_one_item_make_up_the_whole_list_and_go_on_from_any_cursor() -> Result<()> {
    let (address, token) = played().await?;
    let api = Client::new(&address)?;
    let changes = || api.token(token).changes(ALICE);
    let all: Vec<Change> = changes().items().try_collect().await?;
    let pages: Vec<Page<Change>> = changes().limit(1).stream().try_collect().await?;
    assert_eq!(pages.len(), all.len());
    let cursor = pages[0].next_cursor.clone().unwrap();
    let rest: Vec<Change> = changes().after(cursor).items().try_collect().await?;
    assert_eq!(rest, all[1..]);
    Ok(())
}

#[tokio::test]
async fn a_refusal_is_a_problem_with_its_code_in_the_language_of_the_client() -> Result<()> {
    let (address, token) = played().await?;
    let chinese = Client::builder(&address).language("zh-CN").build()?;
    let early = Asked { at: Some(instant("00:00")?) };
    let refused = chinese.token(token).account(ALICE, early).await.unwrap_err();
    let Error::Problem(problem) = refused else { panic!("{refused:?}") };
    assert_eq!((problem.code.as_str(), problem.status), ("too-early", 409));
    assert_eq!(problem.title, "早于该代币的首个区块");
    assert_eq!(problem.bound, Some(instant("15:00")?));
    let unknown = chinese.token(token).programme("season_2").read().await.unwrap_err();
    let Error::Problem(problem) = unknown else { panic!("{unknown:?}") };
    assert_eq!(problem.code, "unknown-programme");
    Ok(())
}

/// A server that refuses so often before it answers; how often it was asked.
async fn refusing(times: usize) -> Result<(String, Arc<AtomicUsize>)> {
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = asked.clone();
    let answer = move || {
        let is_refused = counted.fetch_add(1, Ordering::Relaxed) < times;
        let empty = r#"{"items":[],"next_cursor":null}"#;
        let answer: Response =
            if is_refused { Refusal::Busy.into_response() } else { empty.into_response() };
        std::future::ready(answer)
    };
    Ok((serve(Router::new().fallback(answer)).await?, asked))
}

#[tokio::test]
async fn an_answer_that_may_work_later_is_asked_for_again_a_bounded_number_of_times() -> Result<()>
{
    let retries = Retries { attempts_max: 2, wait_max: Duration::from_secs(1) };
    for (refusals, requests, works) in [(1, 2, true), (2, 2, false)] {
        let (address, asked) = refusing(refusals).await?;
        let api = Client::builder(&address).retries(retries).build()?;
        assert_eq!(api.chains().page().await.is_ok(), works, "after {refusals} refusals");
        assert_eq!(asked.load(Ordering::Relaxed), requests);
    }
    Ok(())
}

#[tokio::test]
async fn what_is_no_api_is_an_error_and_no_panic() -> Result<()> {
    let foreign = serve(Router::new().fallback(|| async { "<html>" })).await?;
    let answered = Client::new(&foreign)?.chains().page().await.unwrap_err();
    assert!(matches!(answered, Error::Foreign { status: 200, .. }), "{answered:?}");
    let closed = Client::new("http://127.0.0.1:1/api/v1")?.chains().page().await.unwrap_err();
    assert!(matches!(closed, Error::Transport(_)), "{closed:?}");
    for address in ["ftp://pledge.example", "pledge.example", ""] {
        assert!(matches!(Client::new(address), Err(Error::Address(_))), "{address}");
    }
    Ok(())
}

/// Reads an example and writes it again.
fn again<T: DeserializeOwned + Serialize>(example: &Value) -> Result<Value> {
    Ok(serde_json::to_value(serde_json::from_value::<T>(example.clone())?)?)
}

/// With addresses in one case: their checksum is for people.
fn plain(value: &Value) -> String {
    value.to_string().to_lowercase()
}

#[test]
fn every_example_of_the_document_is_read_whole() -> Result<()> {
    let text = include_str!("../../pledge-http/openapi/answers.json");
    let mut examples: BTreeMap<String, Value> = serde_json::from_str(text)?;
    for outside in ["healthz", "ping", "readyz"] {
        examples.remove(outside);
    }
    assert_eq!(examples.len(), 12);
    for (operation, example) in &examples {
        let read = match operation.as_str() {
            "chains" => again::<Page<Chain>>(example),
            "chain" => again::<Chain>(example),
            "tokens" => again::<Page<Token>>(example),
            "token" => again::<Token>(example),
            "accounts" => again::<Leaderboard>(example),
            "account" => again::<Account>(example),
            "changes" => again::<Page<Change>>(example),
            "points" => again::<Page<PointsInterval>>(example),
            "statements" => again::<Page<Statement>>(example),
            "portfolio" => again::<Portfolio>(example),
            "settlements" => again::<Page<Settlement>>(example),
            "settlement" => again::<Settlement>(example),
            other => panic!("the client has no {other}"),
        };
        assert_eq!(plain(&read?), plain(example), "{operation}");
    }
    Ok(())
}

#[test]
fn every_example_of_access_is_read_whole() -> Result<()> {
    use pledge_client::{
        ApiKey, AuditRecord, ChangedChain, ChangedToken, EndedSessions, Invitation, Me, NewApiKey,
        NewInvitation, Nonce, Programme, RemovedRole, RetriedSettlement, RewindPlan, RewoundChain,
        Role, Session, Ticket, Tokens, User,
    };
    let text = include_str!("../../pledge-http/openapi/access_answers.json");
    let examples: BTreeMap<String, Value> = serde_json::from_str(text)?;
    for (operation, example) in &examples {
        let read = match operation.as_str() {
            "nonce" => again::<Nonce>(example),
            "sign_in_with_wallet" | "sign_in_with_password" | "register" | "refresh" => {
                again::<Tokens>(example)
            }
            "ticket" => again::<Ticket>(example),
            "me" => again::<Me>(example),
            "sessions" => again::<Page<Session>>(example),
            "revoke_session" | "logout" | "logout_everywhere" => again::<EndedSessions>(example),
            "pause_chain" | "resume_chain" => again::<ChangedChain>(example),
            "pause_token" | "resume_token" => again::<ChangedToken>(example),
            "plan_rewind" => again::<RewindPlan>(example),
            "rewind_chain" => again::<RewoundChain>(example),
            "retry_settlement" => again::<RetriedSettlement>(example),
            "add_programme" | "change_programme" => again::<Programme>(example),
            "users" => again::<Page<User>>(example),
            "change_me" | "user" | "change_grants" | "ban_user" | "unban_user" | "remove_user" => {
                again::<User>(example)
            }
            "invitations" => again::<Page<Invitation>>(example),
            "invite" => again::<NewInvitation>(example),
            "revoke_invitation" => again::<Invitation>(example),
            "roles" => again::<Page<Role>>(example),
            "add_role" | "change_role" => again::<Role>(example),
            "remove_role" => again::<RemovedRole>(example),
            "api_keys" => again::<Page<ApiKey>>(example),
            "add_api_key" => again::<NewApiKey>(example),
            "revoke_api_key" => again::<ApiKey>(example),
            "audit" => again::<Page<AuditRecord>>(example),
            other => panic!("the client has no {other}"),
        };
        assert_eq!(plain(&read?), plain(example), "{operation}");
    }
    Ok(())
}

#[test]
fn every_problem_of_the_document_is_read_whole() -> Result<()> {
    for text in [
        include_str!("../../pledge-http/openapi/problems.json"),
        include_str!("../../pledge-http/openapi/access_problems.json"),
    ] {
        let problems: BTreeMap<String, Value> = serde_json::from_str(text)?;
        for (code, problem) in &problems {
            assert_eq!(again::<pledge_client::Problem>(problem)?, *problem, "{code}");
        }
    }
    Ok(())
}
