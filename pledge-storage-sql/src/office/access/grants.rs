//! Grants of users, keys and invitations, and the roles that they name.

use std::collections::{BTreeMap, BTreeSet};

use pledge_core::types::{ChainId, TokenId};
use pledge_office::access::{
    ApiKeyId, GivenGrant, GivenGrants, Grant, InvitationId, Refused, Role, RoleName, Roles, Scope,
    UserId,
};

use super::acting::Failure;
use crate::bulk::{self, values};
use crate::column::Column;
use crate::connection::{Connection, Row, Value};
use crate::fault::Fault;
use crate::query::query;
use crate::row::FromRow;

/// What has grants.
pub(super) trait Holder: Column + Copy + Ord + Into<Value> + Send + Sync {
    const KIND: u8;
}

impl Holder for UserId {
    const KIND: u8 = 0;
}

impl Holder for ApiKeyId {
    const KIND: u8 = 1;
}

impl Holder for InvitationId {
    const KIND: u8 = 2;
}

struct GrantRow<H> {
    holder: H,
    grant: GivenGrant,
}

impl<H: Column> FromRow for GrantRow<H> {
    fn from_row(row: &dyn Row) -> Result<Self, Fault> {
        Ok(Self { holder: row.get("holder")?, grant: GivenGrant::from_row(row)? })
    }
}

impl FromRow for GivenGrant {
    fn from_row(row: &dyn Row) -> Result<Self, Fault> {
        let scope = row.find::<String>("scope_text")?;
        let scope = scope.map_or(Some(Scope::Everywhere), |text| read_scope(&text));
        let scope = scope.ok_or_else(|| Fault::malformed("scope_text", "not a scope"))?;
        Ok(Self { role: row.get("role_name")?, scope })
    }
}

impl FromRow for Role {
    fn from_row(row: &dyn Row) -> Result<Self, Fault> {
        let permissions: String = row.get("permissions")?;
        let permissions = permissions.split_whitespace().map(str::parse).collect::<Result<_, _>>();
        let permissions = permissions.map_err(|error| Fault::malformed("permissions", error))?;
        Ok(Self { name: row.get("name")?, permissions })
    }
}

/// The permissions of a role, as their column holds them.
pub(super) fn permissions_text(role: &Role) -> String {
    let names: Vec<_> = role.permissions.iter().map(|one| one.as_str()).collect();
    names.join(" ")
}

/// The text of a scope; null is everywhere.
fn scope_text(scope: &Scope) -> Option<String> {
    let Scope::Within { chains, tokens } = scope else {
        return None;
    };
    let chains = chains.iter().map(ToString::to_string);
    let words: Vec<_> = chains.chain(tokens.iter().map(ToString::to_string)).collect();
    Some(words.join(" "))
}

fn read_scope(text: &str) -> Option<Scope> {
    let (mut chains, mut tokens) = (BTreeSet::new(), BTreeSet::new());
    for word in text.split_whitespace() {
        let (chain, address) =
            word.split_once(':').map_or((word, None), |(chain, address)| (chain, Some(address)));
        let chain = ChainId::new(chain.parse().ok()?);
        match address {
            Some(address) => {
                tokens.insert(TokenId { chain, address: address.parse().ok()? });
            }
            None => {
                chains.insert(chain);
            }
        }
    }
    Some(Scope::Within { chains, tokens })
}

/// The grants of each holder that has any.
pub(super) async fn of<H: Holder>(
    db: &mut dyn Connection,
    holders: &[H],
) -> Result<BTreeMap<H, GivenGrants>, Fault> {
    let select = "SELECT * FROM access_grant WHERE holder_kind = ? AND holder IN";
    let kind = values![H::KIND];
    let rows: Vec<GrantRow<H>> =
        bulk::select(db, select, &kind, holders, "ORDER BY holder, place").await?;
    let mut found: BTreeMap<H, Vec<GivenGrant>> = BTreeMap::new();
    for row in rows {
        found.entry(row.holder).or_default().push(row.grant);
    }
    found.into_iter().map(|(holder, grants)| Ok((holder, checked(grants)?))).collect()
}

fn checked(grants: Vec<GivenGrant>) -> Result<GivenGrants, Fault> {
    GivenGrants::new(grants).map_err(|error| Fault::malformed("place", error))
}

/// Replaces the grants of a holder.
pub(super) async fn save<H: Holder>(
    db: &mut dyn Connection,
    holder: H,
    grants: &GivenGrants,
) -> Result<(), Fault> {
    query("DELETE FROM access_grant WHERE holder_kind = ? AND holder = ?")
        .bind(H::KIND)
        .bind(holder)
        .execute(db)
        .await?;
    let rows: Vec<_> = (0u8..).zip(grants.as_slice()).collect();
    let insert = "INSERT INTO access_grant (holder_kind, holder, place, role_name, scope_text)";
    bulk::write(db, insert, "", &rows, |(place, grant)| {
        let holder: Value = holder.into();
        values![H::KIND, holder, *place, grant.role.as_str(), scope_text(&grant.scope)]
    })
    .await
}

/// The roles of grants that there are.
async fn roles(db: &mut dyn Connection, grants: &GivenGrants) -> Result<Roles, Fault> {
    let names: Vec<&str> = grants.roles().into_iter().map(RoleName::as_str).collect();
    let stored: Vec<Role> =
        bulk::select(db, "SELECT * FROM access_role WHERE name IN", &[], &names, "").await?;
    Ok(Roles::with(stored))
}

/// What grants allow now.
pub(super) async fn resolved(
    db: &mut dyn Connection,
    grants: &GivenGrants,
) -> Result<Vec<Grant>, Fault> {
    Ok(grants.resolved(&roles(db, grants).await?))
}

/// What grants that are to be given allow. Refused where a role is missing.
pub(super) async fn given(
    db: &mut dyn Connection,
    grants: &GivenGrants,
) -> Result<Vec<Grant>, Failure> {
    let roles = roles(db, grants).await?;
    let missing = grants.roles().into_iter().find(|name| roles.find(name).is_none());
    match missing {
        Some(name) => Err(Refused::NoRole(name.clone()).into()),
        None => Ok(grants.resolved(&roles)),
    }
}

/// A grant, and its role where that is one that people made.
struct JoinedRow {
    grant: GivenGrant,
    role: Option<Role>,
}

impl FromRow for JoinedRow {
    fn from_row(row: &dyn Row) -> Result<Self, Fault> {
        let is_stored = row.find::<String>("permissions")?.is_some();
        let role = is_stored.then(|| Role::from_row(row)).transpose()?;
        Ok(Self { grant: GivenGrant::from_row(row)?, role })
    }
}

/// What a holder may do now, read by one statement.
pub(super) async fn allowed<H: Holder>(
    db: &mut dyn Connection,
    holder: H,
) -> Result<Vec<Grant>, Fault> {
    let select = "SELECT g.role_name AS role_name, g.scope_text AS scope_text, \
                  r.name AS name, r.permissions AS permissions \
                  FROM access_grant g LEFT JOIN access_role r ON r.name = g.role_name \
                  WHERE g.holder_kind = ? AND g.holder = ? ORDER BY g.place";
    let rows: Vec<JoinedRow> = query(select).bind(H::KIND).bind(holder).all(db).await?;
    let roles = Roles::with(rows.iter().filter_map(|row| row.role.clone()));
    let grants = checked(rows.into_iter().map(|row| row.grant).collect())?;
    Ok(grants.resolved(&roles))
}

#[cfg(test)]
mod tests {
    use pledge_core::primitives::Address;

    use super::*;

    #[test]
    fn a_scope_is_read_as_it_is_written() {
        let (chain, address) = (ChainId::new(56), Address::repeat_byte(0xab));
        let token = TokenId { chain, address };
        for scope in [
            Scope::Everywhere,
            Scope::Within { chains: [].into(), tokens: [].into() },
            Scope::Within { chains: [ChainId::new(1), chain].into(), tokens: [token].into() },
        ] {
            let text = scope_text(&scope);
            let read = text.map_or(Some(Scope::Everywhere), |text| read_scope(&text));
            assert_eq!(read, Some(scope));
        }
        for wrong in ["x", "1:", "1:0xab", ":0x00", "1,2"] {
            assert_eq!(read_scope(wrong), None, "{wrong}");
        }
    }
}
