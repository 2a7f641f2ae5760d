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

/// A bound on the memory of all bodies together.
#[derive(Clone)]
pub(crate) struct Memory(Arc<Semaphore>);

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
    tokio::time::timeout(timeout, read(payload, max_bytes, memory)).await.map_err(|_elapsed| Refusal::BodySlow)?
}

async fn read(payload: Payload, max_bytes: usize, memory: &Memory) -> Result<Collected, Refusal> {
    let mut stream = pin!(BodyStream::new(payload));
    let mut bytes = BytesMut::new();
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
