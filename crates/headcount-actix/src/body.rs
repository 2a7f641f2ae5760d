//! Collecting a body under the limits: of one request, and of all that are under way.

use std::{future::poll_fn, pin::pin, sync::Arc, time::Duration};

use actix_web::{
    HttpRequest,
    body::{BodyStream, MessageBody},
    http::header::{CONTENT_LENGTH, TRANSFER_ENCODING},
    web::Payload,
};
use bytes::{Bytes, BytesMut};
use headcount_api::Refusal;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Bytes that one permit of the memory bound stands for.
const UNIT_BYTES: usize = 1024;

/// From this length on a body is long: far beyond what a single resource has, and what a bulk request
/// of a hundred operations has.
const LARGE_BYTES: usize = 256 * 1024;

/// A bound on the memory of all bodies together.
#[derive(Clone)]
pub(crate) struct Memory(Arc<Semaphore>);

/// A bound on the long bodies that are worked on at once: what is made of a body takes several times
/// its length, so that without it memory would grow with the number of clients.
#[derive(Clone)]
pub(crate) struct Large {
    units: Arc<Semaphore>,
    all: u32,
}

impl Large {
    pub(crate) fn new(max_bytes: usize) -> Self {
        let all = u32::try_from(units(max_bytes)).unwrap_or(u32::MAX).max(1);
        let permits = usize::try_from(all).unwrap_or(usize::MAX).min(Semaphore::MAX_PERMITS);
        Self { units: Arc::new(Semaphore::new(permits)), all }
    }

    /// Waits, in the order of coming, until a body of this length may be worked on; a short one never
    /// waits. One that is longer than the bound is worked on alone.
    ///
    /// How long is not bounded, since the work before it is; a client that goes away leaves the queue.
    pub(crate) async fn turn(&self, length: usize) -> Option<OwnedSemaphorePermit> {
        if length < LARGE_BYTES {
            return None;
        }
        let units = u32::try_from(units(length)).unwrap_or(u32::MAX).min(self.all);
        // It is never closed.
        Arc::clone(&self.units).acquire_many_owned(units).await.ok()
    }
}

/// A body, and its share of the memory until it is dropped.
pub(crate) struct Collected {
    pub(crate) bytes: Bytes,
    pub(crate) share: Option<OwnedSemaphorePermit>,
}

impl Memory {
    pub(crate) fn new(max_bytes: usize) -> Self {
        Self(Arc::new(Semaphore::new(units(max_bytes).min(Semaphore::MAX_PERMITS))))
    }

    /// Takes a share, at once or not at all: waiting would hold the share that is already taken.
    fn take(&self, units: usize) -> Result<OwnedSemaphorePermit, Refusal> {
        let units = u32::try_from(units).map_err(|_too_many| Refusal::Overloaded)?;
        Arc::clone(&self.0).try_acquire_many_owned(units).map_err(|_taken| Refusal::Overloaded)
    }
}

fn units(bytes: usize) -> usize {
    bytes.div_ceil(UNIT_BYTES)
}

/// Whether the head of a request says that no body follows (RFC 9112 §6.3).
pub(crate) fn is_absent(request: &HttpRequest) -> bool {
    let headers = request.headers();
    !headers.contains_key(TRANSFER_ENCODING)
        && headers.get(CONTENT_LENGTH).is_none_or(|length| length.as_bytes() == b"0")
}

/// Reads the whole body.
///
/// # Errors
/// A [`Refusal`]: too large (at once if the stated length says so), too slow, broken off, or too
/// much under way.
pub(crate) async fn collect(
    request: &HttpRequest,
    payload: Payload,
    max_bytes: usize,
    timeout: Duration,
    memory: &Memory,
) -> Result<Collected, Refusal> {
    let stated = request.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if stated.is_some_and(|length| length > u64::try_from(max_bytes).unwrap_or(u64::MAX)) {
        return Err(Refusal::BodyTooLarge);
    }
    let expected = stated.and_then(|length| usize::try_from(length).ok()).unwrap_or(0);
    tokio::time::timeout(timeout, read(payload, expected, max_bytes, memory))
        .await
        .map_err(|_elapsed| Refusal::BodySlow)?
}

async fn read(payload: Payload, expected: usize, max_bytes: usize, memory: &Memory) -> Result<Collected, Refusal> {
    let mut stream = pin!(BodyStream::new(payload));
    // What is not written to takes no memory yet, so that a stated length costs nothing.
    let mut bytes = BytesMut::with_capacity(expected.min(max_bytes));
    let mut share: Option<OwnedSemaphorePermit> = None;
    while let Some(chunk) = poll_fn(|context| stream.as_mut().poll_next(context)).await {
        let chunk = chunk.map_err(|_broken_off| Refusal::BodyIncomplete)?;
        let length = bytes.len().saturating_add(chunk.len());
        if length > max_bytes {
            return Err(Refusal::BodyTooLarge);
        }
        let missing = units(length).saturating_sub(units(bytes.len()));
        if missing > 0 {
            let more = memory.take(missing)?;
            match &mut share {
                Some(share) => share.merge(more),
                None => share = Some(more),
            }
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(Collected { bytes: bytes.freeze(), share })
}

#[cfg(test)]
mod tests {
    use std::task::{Context, Poll, Waker};

    use super::*;

    #[test]
    fn long_bodies_wait_in_order_and_short_ones_do_not() {
        let large = Large::new(2 * LARGE_BYTES);
        let mut context = Context::from_waker(Waker::noop());
        let mut taken = Vec::new();
        for _ in 0..2 {
            let Poll::Ready(Some(permit)) = pin!(large.turn(LARGE_BYTES)).poll(&mut context) else {
                panic!("it waits")
            };
            taken.push(permit);
        }
        let mut longest = pin!(large.turn(100 * LARGE_BYTES));
        let mut next = pin!(large.turn(LARGE_BYTES));
        assert!(longest.as_mut().poll(&mut context).is_pending());
        assert!(next.as_mut().poll(&mut context).is_pending());
        assert!(matches!(pin!(large.turn(LARGE_BYTES - 1)).poll(&mut context), Poll::Ready(None)));
        taken.pop();
        assert!(longest.as_mut().poll(&mut context).is_pending(), "it is worked on alone");
        assert!(next.as_mut().poll(&mut context).is_pending(), "nobody overtakes it");
        taken.pop();
        let Poll::Ready(Some(permit)) = longest.as_mut().poll(&mut context) else { panic!("it waits") };
        assert!(next.as_mut().poll(&mut context).is_pending());
        drop(permit);
        assert!(matches!(next.as_mut().poll(&mut context), Poll::Ready(Some(_))));
    }
}
