//! A client of the HTTP API of pledge.
//!
//! Answers are typed by the types of `pledge-core`, so that amounts stay exact. A list is a [`Pages`],
//! which streams its pages or its items. An answer that may work later (503 with `Retry-After`) is asked
//! for again, a bounded number of times; every other error is the [`Problem`] that the API answered.
//!
//! What needs a caller is asked for by a client that shows a credential ([`Client::showing`]): a person's access
//! token, which [`AuthRoutes`] gives, or the key of a program. A write is an [`Act`], done once.
//!
//! ```no_run
//! use futures::TryStreamExt;
//! use pledge_client::{Asked, Client, Order};
//! use pledge_core::primitives::address;
//! use pledge_core::types::{ChainId, TokenId};
//!
//! # async fn example() -> Result<(), pledge_client::Error> {
//! let api = Client::new("https://pledge.example/api/v1")?;
//! let address = address!("0x70ce000000000000000000000000000000000001");
//! let token = api.token(TokenId { chain: ChainId::new(1), address });
//! let holder = address!("0xa11ce00000000000000000000000000000000001");
//! let account = token.account(holder, Asked::default()).await?;
//! println!("{:?} points of {}", account.points, account.balance);
//! let leaders: Vec<_> = token.accounts(Order::Points).limit(10).items().try_collect().await?;
//! # Ok(())
//! # }
//! ```

mod access;
mod answers;
mod client;
mod error;
mod live;
mod pages;
mod retries;
mod routes;
mod secret;

pub use access::answers::{
    ApiKey, AuditRecord, ChangedChain, ChangedToken, EndedSessions, Grant, Invitation, Me,
    NewApiKey, NewInvitation, Nonce, PlannedContract, PlannedToken, RemovedRole, RetriedSettlement,
    RewindPlan, RewoundChain, Role, RunningRewind, Session, Ticket, Tokens, User, Wallet,
};
pub use access::{
    Act, AdminRoutes, AuditFilter, AuthRoutes, NewKey, NewProgramme, OperatorRoutes, Person,
    ProfileChange, Rewound, Stop,
};
pub use answers::{
    Account, BatchFailure, Chain, Change, Contract, HaltedToken, Holding, Leaderboard,
    NonConserving, Page, PointsInterval, Portfolio, Programme, RankedAccount, RateStep, Settlement,
    Statement, Token,
};
pub use client::{Client, ClientBuilder};
pub use error::{Error, Problem};
pub use live::{Cut, Interruption, Live, State, Update, Watch, Watched};
pub use pages::{List, Pages};
pub use retries::Retries;
pub use routes::{Asked, Intervals, Order, SettlementFilter, TokenRoutes};
pub use secret::Secret;
