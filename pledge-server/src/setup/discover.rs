//! Looks up tokens that the store does not know on the nodes of a chain.

use pledge_core::error::{ChainError, ChainErrorKind};
use pledge_core::ledger::TokenSpec;
use pledge_core::types::{BlockNumber, Decimals};

use super::{SetupError, token_id};
use crate::config::{ChainConfig, ConfigError, Key, TokenConfig};
use crate::nodes::{Nodes, StartAnswer, StartQuestion, TokenAnswer, TokenQuestion};

/// A token that was looked up.
#[derive(Debug)]
pub struct Discovered {
    /// How it is followed.
    pub token: TokenConfig,
    /// Its data. A wrong key needs the operator; any other error may pass.
    pub spec: Result<TokenSpec, SetupError>,
}

/// Looks tokens up together. The result keeps their order, and no token fails another.
pub async fn discover(
    chain: &ChainConfig,
    source: &dyn Nodes,
    tokens: &[TokenConfig],
) -> Vec<Discovered> {
    if tokens.is_empty() {
        return Vec::new();
    }
    let head = match source.head().await {
        Ok(head) => head.number,
        Err(error) => return tokens.iter().map(|token| failed(token, &error)).collect(),
    };
    if tokens.iter().any(|token| token.start_block.is_none()) {
        tracing::info!(chain = chain.name, "looking for blocks of deployment on its nodes");
    }
    let questions: Vec<_> = tokens.iter().map(|token| question(token, head)).collect();
    let answers = source.look_up(&questions).await;
    let answers = tokens.iter().zip(answers);
    answers.map(|(token, answer)| judge(chain, token, head, answer)).collect()
}

fn question(token: &TokenConfig, head: BlockNumber) -> TokenQuestion {
    let start = match token.start_block {
        None => StartQuestion::Deployment,
        Some(block) if block > head || block.get() == 0 => StartQuestion::Nothing,
        Some(block) => StartQuestion::CodeBefore(block),
    };
    TokenQuestion { address: token.address, start, decimals: token.decimals }
}

/// What a node's answer means for the configuration.
fn judge(
    chain: &ChainConfig,
    token: &TokenConfig,
    head: BlockNumber,
    answer: TokenAnswer,
) -> Discovered {
    let spec = (|| {
        let metadata = blame(token, "address", answer.metadata)?;
        if let Some(configured) = token.decimals.filter(|decimals| *decimals != metadata.decimals) {
            return Err(other_decimals(token, configured, metadata.decimals));
        }
        if let Some(block) = token.start_block.filter(|block| *block > head) {
            return Err(above_the_head(&token.key.child("start_block"), block, head).into());
        }
        let start = match (token.start_block, answer.start) {
            // Whether the contract existed earlier is worth a warning, but no reason to wait.
            (Some(block), start) => {
                if matches!(start, Ok(StartAnswer::CodeBefore)) {
                    warn_of_code_before(chain, token, block);
                }
                block
            }
            (None, start) => match blame(token, "start_block", start)? {
                StartAnswer::Deployment(block) => block,
                other => {
                    let detail = format!("asked for a deployment, answered {other:?}");
                    return Err(ChainError::transient("look a token up", detail).into());
                }
            },
        };
        Ok(TokenSpec { id: token_id(chain, token), metadata, start_block: start })
    })();
    let spec = spec.map_err(|error| match error {
        SetupError::Config(error) => chain.name_flags(error).into(),
        other => other,
    });
    Discovered { token: token.clone(), spec }
}

/// The error of a first block that does not exist yet.
pub(super) fn above_the_head(key: &Key, block: BlockNumber, head: BlockNumber) -> ConfigError {
    let what = format!(
        "{block} is above the chain's newest block {head}: write the block of the contract's \
         deployment, or leave it out to have that found"
    );
    ConfigError::at(key, what)
}

fn other_decimals(token: &TokenConfig, configured: Decimals, own: Decimals) -> SetupError {
    let what = format!(
        "the contract returns {}, not {}: leave it out, it is only for a contract that returns none",
        own.get(),
        configured.get()
    );
    ConfigError::at(&token.key.child("decimals"), what).into()
}

fn warn_of_code_before(chain: &ChainConfig, token: &TokenConfig, block: BlockNumber) {
    let key = chain.written(token.key.child("start_block").as_str());
    tracing::warn!(
        "{key}: the contract was there before block {block}, so what was held then is not counted: \
         leave it out to begin with the deployment, in a new database"
    );
}

/// Turns a permanent refusal of a node into a wrong key.
fn blame<T>(
    token: &TokenConfig,
    key: &str,
    answer: Result<T, ChainError>,
) -> Result<T, SetupError> {
    answer.map_err(|error| match error.kind() {
        ChainErrorKind::Persistent => ConfigError::at(&token.key.child(key), error.detail()).into(),
        _ => error.into(),
    })
}

fn failed(token: &TokenConfig, error: &ChainError) -> Discovered {
    let again = ChainError::new(error.kind(), "look a token up", error.detail().to_owned());
    Discovered { token: token.clone(), spec: Err(again.into()) }
}
