//! The encoding of an answer, decided before the layer that compresses reads what the client takes.

use axum::extract::Request;
use axum::http::header::ACCEPT_ENCODING;
use axum::http::{HeaderMap, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;

const GZIP: HeaderValue = HeaderValue::from_static("gzip");

/// Leaves `gzip` in `Accept-Encoding` where the client takes that, and nothing else. A client that takes
/// neither gets the answer as it is, as RFC 9110 (12.5.3) allows: the layer that compresses would make
/// of it a 406 with the body of the answer.
pub(super) async fn settle(mut request: Request, next: Next) -> Response {
    let headers = request.headers_mut();
    if takes_gzip(headers) {
        headers.insert(ACCEPT_ENCODING, GZIP);
    } else {
        headers.remove(ACCEPT_ENCODING);
    }
    next.run(request).await
}

/// Whether gzip is acceptable, and no worse than no encoding.
fn takes_gzip(headers: &HeaderMap) -> bool {
    let quality = |names: &[&str]| {
        let mut codings = codings(headers);
        codings.find(|(name, _)| names.iter().any(|one| name.eq_ignore_ascii_case(one)))
    };
    let gzip = quality(&["gzip", "x-gzip"]).or_else(|| quality(&["*"])).map(|(_, q)| q);
    let identity = quality(&["identity"]).map_or(0.0, |(_, q)| q);
    gzip.is_some_and(|gzip| gzip > 0.0 && gzip >= identity)
}

/// The codings that a client names, with how much it likes each. A quality that cannot be read is none.
fn codings(headers: &HeaderMap) -> impl Iterator<Item = (&str, f32)> {
    let lines = headers.get_all(ACCEPT_ENCODING).into_iter();
    lines.filter_map(|line| line.to_str().ok()).flat_map(|line| line.split(',')).map(|coding| {
        let (name, parameter) = coding.split_once(';').unwrap_or((coding, "q=1"));
        let parameter = parameter.trim();
        let quality = parameter.strip_prefix("q=").or_else(|| parameter.strip_prefix("Q="));
        (name.trim(), quality.and_then(|quality| quality.trim().parse().ok()).unwrap_or(0.0))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn takes(lines: &[&str]) -> bool {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(ACCEPT_ENCODING, line.parse().unwrap());
        }
        takes_gzip(&headers)
    }

    #[test]
    fn gzip_is_taken_where_it_or_anything_is_acceptable() {
        for lines in [
            &["gzip"][..],
            &["br, GZIP;q=0.1"],
            &["x-gzip"],
            &["*"],
            &["identity;q=0, *;q=0.5"],
            &["br", "gzip; q=0.5"],
            &["identity;q=0.5, gzip;q=0.5"],
        ] {
            assert!(takes(lines), "{lines:?}");
        }
    }

    #[test]
    fn gzip_is_not_taken_where_it_is_refused_unnamed_or_worse_than_none() {
        for lines in [
            &[][..],
            &[""],
            &["br"],
            &["gzip;q=0"],
            &["*, gzip;q=0.000"],
            &["identity;q=0"],
            &["*;q=0"],
            &["gzip;q=many"],
            &["identity, gzip;q=0.5"],
        ] {
            assert!(!takes(lines), "{lines:?}");
        }
    }
}
