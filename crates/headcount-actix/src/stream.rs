//! Bodies in parts: each part is made on a thread that may block, and at most a few are made before
//! the client has taken the ones before.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use actix_web::{
    body::{BodySize, MessageBody},
    rt, web,
};
use bytes::Bytes;
use headcount_api::{
    Body,
    body::{BrokenOff, Parts},
};
use tokio::sync::{OwnedSemaphorePermit, mpsc};

/// A body on its way to the client.
pub(crate) enum Outgoing {
    Whole(Bytes),
    Parts(Stream),
}

/// What is said of a stream while it is sent.
enum Sent {
    Part(Bytes),
    End,
}

/// The client's end of a body in parts.
pub(crate) struct Stream {
    parts: mpsc::Receiver<Sent>,
}

impl Outgoing {
    pub(crate) fn whole(body: Body) -> Result<Self, Parts> {
        match body {
            Body::Whole(bytes) => Ok(Self::Whole(bytes)),
            Body::Parts(parts) => Err(parts),
        }
    }
}

impl Stream {
    /// Begins to make the parts. The permit is held until the last is taken, or the client takes none
    /// for `timeout`, or is gone.
    pub(crate) fn begin(parts: Parts, timeout: Duration, permit: OwnedSemaphorePermit) -> Self {
        // One part is made while the one before is being sent.
        let (sender, receiver) = mpsc::channel(1);
        rt::spawn(async move {
            // Whether it ended well is seen by the receiver: without an end it broke off.
            let _ = pump(parts, sender, timeout).await;
            drop(permit);
        });
        Self { parts: receiver }
    }
}

/// `None` if the body breaks off.
async fn pump(mut parts: Parts, sender: mpsc::Sender<Sent>, timeout: Duration) -> Option<()> {
    loop {
        let work = web::block(move || {
            let part = parts.next();
            (part, parts)
        });
        let (part, rest) = tokio::time::timeout(timeout, work).await.ok()?.ok()?;
        parts = rest;
        let sent = match part {
            Some(part) => Sent::Part(part.ok()?),
            None => Sent::End,
        };
        let is_over = matches!(sent, Sent::End);
        tokio::time::timeout(timeout, sender.send(sent)).await.ok()?.ok()?;
        if is_over {
            return Some(());
        }
    }
}

impl MessageBody for Stream {
    type Error = BrokenOff;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    /// An error makes actix-web end the connection without the last chunk, so that the client knows.
    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, BrokenOff>>> {
        loop {
            return Poll::Ready(match ready!(self.parts.poll_recv(context)) {
                // An empty chunk would be the last.
                Some(Sent::Part(part)) if part.is_empty() => continue,
                Some(Sent::Part(part)) => Some(Ok(part)),
                Some(Sent::End) => None,
                None => Some(Err(BrokenOff)),
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        future::poll_fn,
        pin::pin,
        sync::{Arc, mpsc::channel},
    };

    use actix_web::rt::System;
    use tokio::sync::Semaphore;

    use super::*;

    const LONG: Duration = Duration::from_secs(20);
    const SHORT: Duration = Duration::from_millis(50);

    /// Runs with a stream of these parts and the semaphore of its permit.
    fn with<F: Future>(
        parts: impl Iterator<Item = Result<Bytes, BrokenOff>> + Send + 'static,
        timeout: Duration,
        run: impl FnOnce(Stream, Arc<Semaphore>) -> F,
    ) -> F::Output {
        System::new().block_on(async {
            let streams = Arc::new(Semaphore::new(1));
            let permit = Arc::clone(&streams).acquire_owned().await.unwrap();
            run(Stream::begin(Parts::new(parts), timeout, permit), streams).await
        })
    }

    async fn drain(stream: Stream) -> (Vec<Bytes>, Result<(), BrokenOff>) {
        let mut stream = pin!(stream);
        let mut taken = Vec::new();
        loop {
            match poll_fn(|context| stream.as_mut().poll_next(context)).await {
                Some(Ok(part)) => taken.push(part),
                Some(Err(error)) => return (taken, Err(error)),
                None => return (taken, Ok(())),
            }
        }
    }

    async fn is_given_back(streams: Arc<Semaphore>) -> bool {
        tokio::time::timeout(LONG, streams.acquire()).await.is_ok()
    }

    fn parts(texts: &[&'static str]) -> Vec<Result<Bytes, BrokenOff>> {
        texts.iter().map(|text| Ok(Bytes::from_static(text.as_bytes()))).collect()
    }

    #[test]
    fn parts_come_in_order_and_end() {
        let (taken, end) = with(parts(&["a", "", "b", "c", "d"]).into_iter(), LONG, |stream, _| drain(stream));
        assert_eq!((taken.concat(), end), (b"abcd".to_vec(), Ok(())));
    }

    #[test]
    fn a_part_that_cannot_be_made_breaks_the_body_off_behind_those_before() {
        let mut all = parts(&["a", "b"]);
        all.push(Err(BrokenOff));
        all.extend(parts(&["c"]));
        let (taken, end) = with(all.into_iter(), LONG, |stream, _| drain(stream));
        assert_eq!((taken.concat(), end), (b"ab".to_vec(), Err(BrokenOff)));
        let panics = parts(&["a", "b"]).into_iter().chain(std::iter::from_fn(|| panic!("a fault of ours")));
        let (taken, end) = with(panics, LONG, |stream, _| drain(stream));
        assert_eq!((taken.concat(), end), (b"ab".to_vec(), Err(BrokenOff)));
    }

    #[test]
    fn a_client_that_takes_nothing_is_given_up() {
        let endless = std::iter::repeat_with(|| Ok(Bytes::from_static(b"x")));
        let (taken, end) = with(endless, SHORT, |stream, streams| async {
            assert!(is_given_back(streams).await);
            drain(stream).await
        });
        assert!(taken.len() <= 2, "no more was made than could be taken");
        assert_eq!(end, Err(BrokenOff));
    }

    #[test]
    fn a_client_that_goes_away_ends_the_work() {
        let endless = std::iter::repeat_with(|| Ok(Bytes::from_static(b"x")));
        assert!(with(endless, LONG, |stream, streams| {
            drop(stream);
            is_given_back(streams)
        }));
    }

    #[test]
    fn a_part_that_takes_too_long_breaks_the_body_off() {
        let (open, gate) = channel::<()>();
        let slow = parts(&["a"]).into_iter().chain(std::iter::from_fn(move || {
            let _ = gate.recv();
            None
        }));
        let (taken, end) = with(slow, SHORT, |stream, _| async {
            let drained = drain(stream).await;
            // A runtime ends when its threads do.
            drop(open);
            drained
        });
        assert_eq!((taken.concat(), end), (b"a".to_vec(), Err(BrokenOff)));
    }
}
