//! Bodies of requests, and whether they were read to their end.
//!
//! What is left of a body stands in the way of the next request on a connection of HTTP/1.1. Hyper ends such a connection
//! if the rest has not come yet, and does not say so in its answer.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::task::{Context, Poll, ready};

use http::{Request, Version};
use http_body::{Body, Frame, SizeHint};

/// A body that notes when it has been read to its end.
pub(crate) struct Noted<B> {
    body: B,
    left: Option<Arc<AtomicBool>>,
}

/// Whether a part of a body has not been read.
pub(crate) struct Left(Option<Arc<AtomicBool>>);

/// The same request, and what is left of its body. Bodies of HTTP/2 stand in the way of nothing.
pub(crate) fn noted<B: Body>(request: Request<B>) -> (Request<Noted<B>>, Left) {
    let is_empty = request.body().is_end_stream() || request.body().size_hint().exact() == Some(0);
    let matters = !is_empty && request.version() < Version::HTTP_2;
    let left = matters.then(|| Arc::new(AtomicBool::new(true)));
    (request.map(|body| Noted { body, left: left.clone() }), Left(left))
}

impl Left {
    pub(crate) fn is_some(&self) -> bool {
        self.0.as_ref().is_some_and(|left| left.load(Relaxed))
    }
}

impl<B: Body + Unpin> Body for Noted<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let Self { body, left } = self.get_mut();
        let frame = ready!(Pin::new(&mut *body).poll_frame(cx));
        if let (Some(left), true) = (left, frame.is_none() || body.is_end_stream()) {
            left.store(false, Relaxed);
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
