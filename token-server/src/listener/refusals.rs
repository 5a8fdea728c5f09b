//! A connection whose refusals have a body: what hyper answers by itself to what is no request is replaced by our answer.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::SystemTime;

use crate::http::service::SidecarService;
use crate::http::unreadable::Unreadable;
use http::{Request, Response};
use http_body::Body;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::activity::Activity;
use super::heads::{Follow, Heads};

/// How hyper begins an answer over HTTP/1.1.
const STATUS_LINE: &[u8] = b"HTTP/1.1 ";

/// A connection that hyper has, and what is known of it meanwhile.
pub(crate) struct Shared<C> {
    activity: Activity,
    service: SidecarService,
    heads: Mutex<Heads>,
    /// The connection, when hyper has ended.
    back: Mutex<Option<C>>,
}

impl<C> Shared<C> {
    pub(crate) fn new(service: SidecarService) -> Arc<Self> {
        Arc::new(Self {
            activity: Activity::begin(),
            service,
            heads: Mutex::default(),
            back: Mutex::new(None),
        })
    }

    /// The connection, when hyper has ended.
    pub(crate) fn take_back(&self) -> Option<C> {
        self.back.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Whether a request may be answered, now that it has come, and whether another may follow it.
    pub(crate) fn came(&self, request: &Request<impl Body>) -> Result<Follow, Unreadable> {
        self.heads().came(request.version(), request.body())
    }

    fn heads(&self) -> MutexGuard<'_, Heads> {
        self.heads.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The whole answer to what is no request.
    pub(crate) fn refusal(&self, why: Unreadable) -> Vec<u8> {
        written(self.service.unreadable(why))
    }
}

impl<C> AsRef<Activity> for Shared<C> {
    fn as_ref(&self) -> &Activity {
        &self.activity
    }
}

/// As it goes over the wire. Nothing follows it.
#[expect(clippy::disallowed_methods, reason = "the date of an answer decides nothing (RFC 9110 §6.6.1)")]
fn written(response: Response<String>) -> Vec<u8> {
    let status = response.status();
    let reason = status.canonical_reason().unwrap_or_default();
    let mut text = format!("HTTP/1.1 {} {reason}\r\n", status.as_str()).into_bytes();
    for (name, value) in response.headers() {
        text.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
    }
    let (length, date) = (response.body().len(), httpdate::fmt_http_date(SystemTime::now()));
    let rest =
        format!("content-length: {length}\r\nconnection: close\r\ndate: {date}\r\n\r\n{}", response.body());
    text.extend(rest.into_bytes());
    text
}

/// The connection for hyper. When hyper lets go of it, [`Shared`] has it back.
pub(crate) struct Lent<C> {
    connection: Option<C>,
    shared: Arc<Shared<C>>,
    /// What was read and not passed on: it follows a request that has not come yet.
    kept: Vec<u8>,
    /// What is written in the place of hyper's own answer, and how much of it has left.
    instead: Option<(Vec<u8>, usize)>,
}

impl<C> Lent<C> {
    pub(crate) fn new(connection: C, shared: Arc<Shared<C>>) -> Self {
        Self { connection: Some(connection), shared, kept: Vec::new(), instead: None }
    }
}

impl<C> Drop for Lent<C> {
    fn drop(&mut self) {
        *self.shared.back.lock().unwrap_or_else(PoisonError::into_inner) = self.connection.take();
    }
}

impl<C: Unpin> Lent<C> {
    fn connection(&mut self) -> io::Result<Pin<&mut C>> {
        self.connection.as_mut().map(Pin::new).ok_or_else(|| io::ErrorKind::NotConnected.into())
    }
}

impl<C: AsyncWrite + Unpin> Lent<C> {
    /// Writes our answer where hyper writes its own.
    fn poll_instead(&mut self, cx: &mut Context<'_>, theirs: &[u8]) -> Poll<io::Result<usize>> {
        while let Some((ours, done)) = &mut self.instead {
            let (Some(left), Some(connection)) = (ours.get(*done..), &mut self.connection) else { break };
            if left.is_empty() {
                break;
            }
            *done += ready!(Pin::new(connection).poll_write(cx, left))?;
        }
        self.instead = None;
        Poll::Ready(Ok(theirs.len()))
    }

    /// Whether hyper writes an answer of its own.
    fn look(&mut self, bytes: &[u8]) {
        // Nearly all that is written is an answer of ours.
        if self.instead.is_none() && self.shared.activity.is_refusal() {
            let why = refused(bytes, &self.shared.activity);
            self.instead = why.map(|why| (self.shared.refusal(why), 0));
        }
    }
}

/// What hyper refuses by an answer without a body, which is nothing but a head.
fn refused(bytes: &[u8], activity: &Activity) -> Option<Unreadable> {
    let head = bytes.strip_prefix(STATUS_LINE)?;
    if !head.ends_with(b"\r\n\r\n") {
        return None;
    }
    match head.get(..3)? {
        b"400" => Some(Unreadable::Malformed),
        b"414" => Some(Unreadable::UriTooLong),
        b"431" if activity.is_in_first_line() => Some(Unreadable::UriTooLong),
        b"431" => Some(Unreadable::HeadTooLarge),
        _ => None,
    }
}

impl<C: AsyncRead + Unpin> AsyncRead for Lent<C> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.shared.heads().may_read() {
            return Poll::Ready(Err(io::ErrorKind::InvalidData.into()));
        }
        let before = buf.filled().len();
        if self.kept.is_empty() {
            ready!(self.connection()?.poll_read(cx, buf))?;
        } else {
            let more = self.kept.len().min(buf.remaining());
            buf.put_slice(self.kept.get(..more).unwrap_or_default());
            self.kept.drain(..more);
        }
        let read = buf.filled().get(before..).unwrap_or_default();
        let passed = self.shared.heads().pass(read);
        let (now, later) = read.split_at(passed);
        self.shared.activity.heard(now);
        if !later.is_empty() {
            self.kept.splice(..0, later.iter().copied());
            buf.set_filled(before + passed);
        }
        Poll::Ready(Ok(()))
    }
}

impl<C: AsyncWrite + Unpin> AsyncWrite for Lent<C> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.look(buf);
        if self.instead.is_some() {
            return self.poll_instead(cx, buf);
        }
        self.connection()?.poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let first = bufs.first().map_or(&[][..], |first| first);
        self.look(first);
        if self.instead.is_some() {
            return self.poll_instead(cx, first);
        }
        self.connection()?.poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.connection.as_ref().is_some_and(AsyncWrite::is_write_vectored)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.connection()?.poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.connection()?.poll_shutdown(cx)
    }
}
