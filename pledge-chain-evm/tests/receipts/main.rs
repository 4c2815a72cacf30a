//! Transfers that are proven by the receipts of their blocks, out of a node that lies.

#![expect(clippy::unwrap_used, reason = "tests panic")]
#![expect(clippy::print_stdout, reason = "a test prints its seed and its figures")]

mod omissions;
mod proofs;
mod stage;
mod tamper;
