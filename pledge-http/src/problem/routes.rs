//! Answers where there is no route, or not by this method.

use axum::extract::OriginalUri;
use axum::http::{Method, Uri};

use super::{Message, Problem};

/// There is nothing at a path below the mounted routes.
pub(crate) async fn unknown_route(OriginalUri(asked): OriginalUri, below: Uri) -> Problem {
    nothing_at(&asked, mounted_at(asked.path(), below.path()))
}

/// There is nothing at a path of [`service`](crate::service).
pub(crate) async fn unknown_route_of_service(OriginalUri(asked): OriginalUri) -> Problem {
    nothing_at(&asked, crate::API)
}

fn nothing_at(asked: &Uri, mounted: &str) -> Problem {
    let (path, start) = (asked.path().to_owned(), format!("{mounted}/chains"));
    Problem::new(Message::UnknownRoute { path, start })
}

/// The path at which the routes are mounted: what was asked for without the part below it.
fn mounted_at<'a>(asked: &'a str, below: &str) -> &'a str {
    asked.strip_suffix(below).unwrap_or(asked)
}

pub(crate) async fn wrong_method(method: Method, OriginalUri(asked): OriginalUri) -> Problem {
    let (path, method) = (asked.path().to_owned(), method.to_string());
    Problem::new(Message::WrongMethod { path, method })
}
