//! Bodies that are sent piece by piece, and those that never arrive.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Bytes;
use futures_core::Stream;
use tokio::sync::mpsc;

use super::answer::{Chunk, End};

/// A body that is fed by a task of its own.
pub(super) struct Pieces(mpsc::Receiver<io::Result<Bytes>>);

impl Pieces {
    /// Starts sending; must be called inside the runtime.
    pub(super) fn send(chunks: Vec<Chunk>, end: End) -> Self {
        let (pieces, received) = mpsc::channel(1);
        tokio::spawn(async move {
            for chunk in chunks {
                if !chunk.wait.is_zero() {
                    tokio::time::sleep(chunk.wait).await;
                }
                if pieces.send(Ok(chunk.bytes)).await.is_err() {
                    return;
                }
            }
            match end {
                End::Whole => {}
                End::Drop => {
                    // What was sent has to reach the client before the connection goes.
                    let _ = pieces.send(Err(io::ErrorKind::ConnectionAborted.into())).await;
                }
                End::Hang => pieces.closed().await,
            }
        });
        Self(received)
    }
}

impl Stream for Pieces {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_recv(context)
    }
}

/// A body that fails at once: before the head has left, and so the connection ends without a byte.
pub(super) struct Broken;

impl Stream for Broken {
    type Item = io::Result<Bytes>;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready(Some(Err(io::ErrorKind::ConnectionAborted.into())))
    }
}
