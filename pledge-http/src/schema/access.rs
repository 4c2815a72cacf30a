//! The schemas of what the routes of access take and answer.

use std::borrow::Cow;

use pledge_office::access::Permission;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

use super::{TIME_MAX, WHOLE_MAX, text, whole, words};

schemas! {
    /// The reason of an act, on one line.
    ReasonSchema = text("^[^\u{0}-\u{1f}]+$", &["moving the node"]).min_length(Some(1)).max_length(Some(1_000));
    /// Unix seconds.
    SecondsSchema = whole(TIME_MAX);
    /// How many.
    CountSchema = whole(WHOLE_MAX);
    /// The id of a user, a sign-in, a key or an invitation.
    EntityIdSchema = text("^[0-9a-f]{32}$", &["00112233445566778899aabbccddeeff"]);
    /// The name of a user or a key.
    PlainNameSchema = text("^[a-z][a-z0-9_.-]{0,63}$", &["anna"]);
    /// What other people read for a user.
    DisplayNameSchema = text(r"^\S(.*\S)?$", &["Anna Lee"]).min_length(Some(1)).max_length(Some(64));
    /// A language, as a tag of BCP 47.
    LanguageTagSchema = text("^[A-Za-z][A-Za-z0-9-]{1,34}$", &["zh-Hans"]);
    /// A time zone, as IANA names it.
    TimeZoneSchema = text("^[A-Za-z0-9_+/-]{1,64}$", &["Asia/Shanghai"]);
    /// What an invitation is for.
    NoteSchema = text(r"^\S(.*\S)?$", &["for Anna"]).min_length(Some(1)).max_length(Some(200));
    /// The name of a role.
    RoleNameSchema = text("^[a-z][a-z0-9-]{0,31}$", &["operator"]);
    /// A token by its chain and its contract.
    TokenIdSchema = text("^[0-9]+:0x[0-9a-fA-F]{40}$", &["1:0x70CE000000000000000000000000000000000001"]);
    /// What a caller may be allowed to do.
    PermissionSchema = permissions();
    /// Who acts: what vouches for the name, a colon, and the name.
    ActorSchema = text("^(person|command_line|configuration|program):.+$", &["person:anna"]);
    /// What was done, by name.
    ActionSchema = text("^[a-z0-9_-]{1,32}$", &["pause_chain"]);
    /// What an act is about: its kind, a colon and its id.
    ObjectSchema = text("^[a-z0-9_-]{1,32}:.+$", &["chain:1"]);
    /// A part of the state, as a JSON object.
    SnapshotSchema = ObjectBuilder::new().schema_type(Type::Object);
    /// The form of a file.
    ExportFormatSchema = words(&["jsonl", "csv"]);
    /// How a sign-in began.
    WayInSchema = words(&["password", "wallet"]);
    /// How a token is shown.
    TokenTypeSchema = words(&["Bearer"]);
}

fn permissions() -> ObjectBuilder {
    words(&Permission::ALL.map(|permission| permission.as_str()))
}
