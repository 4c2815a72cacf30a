//! The source against a real node.

use std::time::Instant;

use pledge_examples::{Anvil, Token, Traffic};

#[tokio::test]
async fn traffic_is_fast() {
    let start = Instant::now();
    let anvil = Anvil::start(31_337, &[]).await.unwrap();
    println!("start {:?}", start.elapsed());
    let owner = anvil.accounts().await.unwrap()[0];
    let token = Token::deploy(anvil.provider(), owner, "T", "T")
        .await
        .unwrap();
    println!("deploy {:?}", start.elapsed());
    let played = Traffic::default().play(&anvil, &token).await.unwrap();
    println!(
        "play {:?} {:?}",
        start.elapsed(),
        (
            played.supply,
            played.transfers,
            played.first_block,
            played.last_block
        )
    );
}
