//! An answer on its way to a client.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Body, Bytes};
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

use super::connections::{Busy, Seat};
use crate::metrics::OpenConnection;

/// The request that a connection is at, until the system has taken the last byte of its answer. A
/// clone is another handle to the same.
///
/// hyper takes an answer whole into its own memory long before a slow client has it, so the connection
/// itself reports when it has passed on everything.
#[derive(Debug, Clone, Default)]
pub(super) struct Delivery(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    busy: Option<Busy>,
    /// Whether hyper has taken the whole answer.
    is_taken: bool,
    /// When all of it must be passed on.
    until: Option<Instant>,
    /// What a connection holds that has become a socket, for as long as it is open.
    held: Option<(Arc<Seat>, Arc<OpenConnection>)>,
}

impl Delivery {
    /// The body of a request, whose connection is busy once the body has arrived or nobody waits for it
    /// any more. Until then it waits for the client, and may be evicted as others that do.
    pub(super) fn receive(&self, body: Incoming, seat: &Arc<Seat>) -> Body {
        use http_body::Body as _;
        if body.is_end_stream() {
            self.begin(seat);
            return Body::new(body);
        }
        let expected = Some((self.clone(), Arc::clone(seat)));
        Body::new(Arriving { body, expected })
    }

    /// The work on a request begins: its connection is busy from now on.
    fn begin(&self, seat: &Seat) {
        let mut state = self.state();
        // The one before first, which marks the connection as waiting.
        *state = State::default();
        state.busy = Some(seat.begin());
    }

    /// The body of its answer, which must be passed on within the limit.
    pub(super) fn carry(&self, body: Body, limit: Option<Duration>) -> Body {
        self.state().until = limit.map(|limit| Instant::now() + limit);
        Body::new(Answer { body, delivery: self.clone() })
    }

    /// The connection becomes a socket: it stays busy and keeps its seat until it is closed, by what has it
    /// then.
    pub(super) fn becomes_socket(&self, seat: Arc<Seat>, metered: Arc<OpenConnection>) {
        self.state().held = Some((seat, metered));
    }

    /// Whatever was written before is passed on.
    fn flushed(&self) {
        let mut state = self.state();
        if state.is_taken {
            *state = State::default();
        }
    }

    fn until(&self) -> Option<Instant> {
        self.state().until
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("no holder panics")
    }
}

/// The body of a request on its way.
struct Arriving {
    body: Incoming,
    /// What begins once it is over; `None` from then on.
    expected: Option<(Delivery, Arc<Seat>)>,
}

impl Arriving {
    fn ends(&mut self) {
        if let Some((delivery, seat)) = self.expected.take() {
            delivery.begin(&seat);
        }
    }
}

impl Drop for Arriving {
    fn drop(&mut self) {
        self.ends();
    }
}

impl http_body::Body for Arriving {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        if self.body.is_end_stream() || !matches!(frame, Some(Ok(_))) {
            self.ends();
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The body of an answer, which is taken once it is dropped.
struct Answer {
    body: Body,
    delivery: Delivery,
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.delivery.state().is_taken = true;
    }
}

impl http_body::Body for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A stream that reports to a [`Delivery`], and fails once an answer takes too long.
pub(super) struct Delivering<S> {
    stream: S,
    delivery: Delivery,
    /// Set while the client takes nothing.
    alarm: Option<Pin<Box<Sleep>>>,
}

impl<S> Delivering<S> {
    pub(super) const fn new(stream: S, delivery: Delivery) -> Self {
        Self { stream, delivery, alarm: None }
    }

    /// What a write came to; an error where it has to wait and the time for the answer is over.
    fn in_time<T>(
        &mut self,
        written: Poll<io::Result<T>>,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<T>> {
        let Some(until) = self.delivery.until().filter(|_| written.is_pending()) else {
            self.alarm = None;
            return written;
        };
        let alarm = self.alarm.get_or_insert_with(|| Box::pin(sleep_until(until)));
        ready!(alarm.as_mut().poll(context));
        Poll::Ready(Err(io::Error::new(
            io::ErrorKind::TimedOut,
            "the client did not take its answer in time",
        )))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Delivering<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Delivering<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.in_time(written, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, bytes);
        self.in_time(written, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        ready!(self.in_time(flushed, context))?;
        self.delivery.flushed();
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
