//! Users, roles, keys and sign-ins.
//!
//! Locks are taken in one order: [`acting::lock`], which every write of users, roles, keys and invitations begins with;
//! then a user; then its sessions; then the number of the audit record. A sign-in begins with the user, a refresh
//! with the session.

mod acting;
mod api_keys;
mod attempts;
mod callers;
mod grants;
mod invitations;
mod page;
mod profiles;
mod refresh;
mod registration;
mod requests;
mod roles;
mod row_made;
mod sessions;
mod upkeep;
mod user_writes;
mod users;
