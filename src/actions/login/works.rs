//! What a login has asked the provider and not heard yet: it goes on while the browser, the prompt and Ctrl-C are
//! attended to.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;

use super::Signed;
use super::device::Waiting;
use crate::error::Outcome;
use crate::secret::Secret;

/// Where an answer came from.
pub(super) enum From {
    Browser,
    /// Pasted, with the text as it was typed.
    Paste(String),
    Device,
}

/// What has ended.
pub(super) enum Done {
    /// The provider was asked for a short code.
    Begun(Outcome<Waiting>),
    /// An answer was exchanged and tried.
    Signed(From, Outcome<Signed>),
}

struct Work<'a> {
    /// The attempt and the code that are exchanged: a code is good for one exchange (RFC 6749 4.1.2).
    code: Option<(usize, Secret)>,
    exchange: bool,
    future: Pin<Box<dyn Future<Output = Done> + 'a>>,
}

/// Everything under way. Dropped, nobody waits for it any more.
#[derive(Default)]
pub(super) struct Works<'a>(Vec<Work<'a>>);

impl<'a> Works<'a> {
    /// Asks for a short code.
    pub(super) fn begin(&mut self, work: impl Future<Output = Outcome<Waiting>> + 'a) {
        let future = Box::pin(async { Done::Begun(work.await) });
        self.0.push(Work { code: None, exchange: false, future });
    }

    /// Exchanges and tries an answer; `code` names attempt and code where there is one.
    pub(super) fn sign(
        &mut self,
        from: From,
        code: Option<(usize, Secret)>,
        work: impl Future<Output = Outcome<Signed>> + 'a,
    ) {
        let future = Box::pin(async { Done::Signed(from, work.await) });
        self.0.push(Work { code, exchange: true, future });
    }

    /// Tells whether nothing is under way.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Tells whether an answer is being tried.
    pub(super) fn signing(&self) -> bool {
        self.0.iter().any(|work| work.exchange)
    }

    /// Tells whether this very code is being exchanged.
    pub(super) fn exchanges(&self, attempt: usize, code: &str) -> bool {
        let codes = self.0.iter().filter_map(|work| work.code.as_ref());
        codes.into_iter().any(|(which, with)| *which == attempt && with.expose() == code)
    }

    /// Ends with the next of them that ends; never where there is none.
    pub(super) async fn next(&mut self) -> Done {
        poll_fn(|context| {
            for place in 0..self.0.len() {
                if let Poll::Ready(done) = self.0[place].future.as_mut().poll(context) {
                    drop(self.0.remove(place));
                    return Poll::Ready(done);
                }
            }
            Poll::Pending
        })
        .await
    }
}
