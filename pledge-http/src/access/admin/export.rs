//! Who did what, as a file: every record that the filters leave, a line each.

use std::io;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Extension, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use futures::stream;
use pledge_core::audit::AuditNumber;
use pledge_core::error::StoreError;
use pledge_core::ports::AuditReads;
use serde::Deserialize;
use utoipa::IntoParams;

use super::audit::{AuditView, Filters};
use crate::access::AccessApi;
use crate::access::guard::Admitted;
use crate::csv::{self, Field};
use crate::document::OfExport;
use crate::extract::Query;
use crate::problem::Problem;

/// Records that are read at a time.
const PAGE_ROWS: usize = 500;
/// The columns of a table, as the fields of a record are called.
const COLUMNS: &str = "number,at,actor,action,object,reason,request_id,address,before,after\r\n";

/// The form of a file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum ExportFormat {
    /// A JSON object a line.
    #[default]
    Jsonl,
    /// RFC 4180, every field in quotes; a text that begins as a formula does has a `'` before it.
    Csv,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct ExportParams {
    /// `jsonl` without it.
    #[serde(default)]
    #[param(inline, value_type = Option<crate::schema::ExportFormatSchema>)]
    format: ExportFormat,
    /// Only what this actor did.
    #[param(inline, value_type = Option<crate::schema::ActorSchema>)]
    actor: Option<String>,
    /// Only acts of this name.
    #[param(inline, value_type = Option<crate::schema::ActionSchema>)]
    action: Option<String>,
    /// Only what was done to this.
    #[param(inline, value_type = Option<crate::schema::ObjectSchema>)]
    object: Option<String>,
}

/// Who did what, as a file
///
/// The newest first: every record that the filters leave. An answer that breaks off is not the whole file: it does
/// where the caller may no longer read it. In `csv`
/// a text that a spreadsheet might take for a formula, because it begins with `=`, `+`, `-`, `@`, a tab or the end of a
/// line, has a `'` before it, and so has one that begins with a `'`: take one away to have the text. Numbers are as
/// they are.
#[utoipa::path(
    get,
    path = "/admin/audit/export",
    operation_id = "export_audit",
    tag = "admins",
    params(ExportParams),
    responses(
        (status = 200, description = "A record a line.", content(
            (String = "application/jsonl"), (String = "text/csv"),
        )),
        OfExport,
    ),
)]
pub(super) async fn export(
    State(api): State<AccessApi>,
    Extension(admitted): Extension<Admitted>,
    Query(params): Query<ExportParams>,
) -> Result<Response, Problem> {
    let format = params.format;
    let filters = Filters::read(params.actor, params.action, params.object)?;
    // The first page before the answer begins, so that what fails at once is an error and no empty file.
    let first = Lines { audit: api.audit, filters, below: None, format }.next().await?;
    let (head, kind, name) = match format {
        ExportFormat::Jsonl => ("", "application/jsonl", "attachment; filename=\"audit.jsonl\""),
        ExportFormat::Csv => (COLUMNS, "text/csv", "attachment; filename=\"audit.csv\""),
    };
    let (text, rest) = first.unwrap_or_default();
    let begun = stream::once(std::future::ready(Ok(head.to_owned() + &text)));
    let rest = stream::try_unfold((rest, admitted), async |(rest, admitted)| match rest {
        Some(lines) => lines.next_of(admitted).await,
        None => Ok(None),
    });
    let body = Body::from_stream(futures::StreamExt::chain(begun, rest));
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(kind)),
        (header::CONTENT_DISPOSITION, HeaderValue::from_static(name)),
    ];
    Ok((headers, body).into_response())
}

/// What is left of a file.
#[derive(Debug)]
struct Lines {
    audit: Arc<dyn AuditReads>,
    filters: Filters,
    below: Option<AuditNumber>,
    format: ExportFormat,
}

impl Lines {
    /// The next lines for a reader that may still read them.
    async fn next_of(
        self,
        by: Admitted,
    ) -> Result<Option<(String, (Option<Self>, Admitted))>, io::Error> {
        by.check_again().await.map_err(|_| io::Error::other("the reader may read no more"))?;
        let next = self.next().await.map_err(io::Error::other)?;
        Ok(next.map(|(text, rest)| (text, (rest, by))))
    }

    /// The next lines, and what comes after them; `None` at the end.
    async fn next(mut self) -> Result<Option<(String, Option<Self>)>, StoreError> {
        let records = self.audit.audit(&self.filters.below(self.below, PAGE_ROWS)).await?;
        let Some(last) = records.last().map(|record| record.number) else {
            return Ok(None);
        };
        let is_full = records.len() == PAGE_ROWS;
        let format = self.format;
        let lines = records.into_iter().map(|record| line(&AuditView::of(record), format));
        let text = lines.collect();
        self.below = Some(last);
        Ok(Some((text, is_full.then_some(self))))
    }
}

fn line(record: &AuditView, format: ExportFormat) -> String {
    match format {
        ExportFormat::Jsonl => {
            serde_json::to_string(record).expect("a record is plain data") + "\n"
        }
        ExportFormat::Csv => row(record),
    }
}

fn row(record: &AuditView) -> String {
    let json = |value: &Option<serde_json::Value>| {
        value.as_ref().map_or_else(String::new, ToString::to_string)
    };
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    csv::row(&[
        Field::Exact(record.number.to_string()),
        Field::Exact(record.at.get().to_string()),
        Field::Text(record.actor.clone()),
        Field::Text(record.action.clone()),
        Field::Text(record.object.clone()),
        Field::Text(text(&record.reason)),
        Field::Text(text(&record.request_id)),
        Field::Text(text(&record.address)),
        Field::Text(json(&record.before)),
        Field::Text(json(&record.after)),
    ])
}

#[cfg(test)]
mod tests {
    use pledge_core::types::Timestamp;

    use super::*;

    #[test]
    fn a_row_has_every_column_and_quotes_within_quotes() {
        let row = row(&because("a \"quoted\", reason"));
        let expected = "\"7\",\"0\",\"person:anna\",\"pause_chain\",\"chain:1\",\
                        \"a \"\"quoted\"\", reason\",\"\",\"\",\"\",\"{\"\"status\"\":\"\"paused\"\"}\"\r\n";
        assert_eq!(row, expected);
        assert_eq!(COLUMNS.split(',').count(), 10);
    }

    #[test]
    fn a_reason_is_no_formula_of_a_table_and_itself_in_lines() {
        let record = because("=HYPERLINK(\"http://203.0.113.5\")");
        assert!(row(&record).contains("\"'=HYPERLINK("), "{}", row(&record));
        assert!(line(&record, ExportFormat::Jsonl).contains("\"=HYPERLINK("));
    }

    fn because(reason: &str) -> AuditView {
        AuditView {
            number: AuditNumber::new(7),
            at: Timestamp::ZERO,
            actor: "person:anna".to_owned(),
            action: "pause_chain".to_owned(),
            object: "chain:1".to_owned(),
            reason: Some(reason.to_owned()),
            request_id: None,
            address: None,
            before: None,
            after: Some(serde_json::json!({ "status": "paused" })),
        }
    }
}
