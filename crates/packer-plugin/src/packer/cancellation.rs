//! How running work learns that it should stop, and why.
//!
//! One cancellation lives as long as the connection, so a Cancel that comes before the work
//! it is meant for, or right behind its start, is never lost. Stopping is up to the work.

use std::sync::Arc;

use tokio::sync::watch;

/// Who wants the work to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CancelReason {
    /// The user, with Ctrl-C; Packer waits for us without limit.
    Requested,
    /// Packer is gone: nothing waits for a result, and the process ends soon.
    ConnectionLost,
}

/// Whether the work should stop; clones share it.
#[derive(Debug, Clone)]
pub struct Cancellation {
    state: Arc<watch::Sender<Option<CancelReason>>>,
}

impl Default for Cancellation {
    fn default() -> Self {
        Self::new()
    }
}

impl Cancellation {
    /// A cancellation that has not happened.
    #[must_use]
    pub fn new() -> Self {
        Self {
            state: Arc::new(watch::Sender::new(None)),
        }
    }

    /// Asks the work to stop. A lost connection is the stronger reason and stays.
    pub fn cancel(&self, reason: CancelReason) {
        self.state.send_if_modified(|state| {
            let stronger = !matches!(*state, Some(CancelReason::ConnectionLost)) && *state != Some(reason);
            if stronger {
                *state = Some(reason);
            }
            stronger
        });
    }

    /// Why the work should stop; `None` while it should not.
    #[must_use]
    pub fn reason(&self) -> Option<CancelReason> {
        *self.state.borrow()
    }

    /// Waits until the work should stop; at once if it already should.
    pub async fn cancelled(&self) -> CancelReason {
        let mut state = self.state.subscribe();
        loop {
            if let Some(reason) = *state.borrow_and_update() {
                return reason;
            }
            if state.changed().await.is_err() {
                // Cannot happen while `self` holds the sender.
                std::future::pending::<()>().await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn waits_until_somebody_cancels_any_clone() {
        let cancel = Cancellation::new();
        let second = Duration::from_secs(1);
        assert!(timeout(second, cancel.cancelled()).await.is_err());
        let waiting = tokio::spawn({
            let cancel = cancel.clone();
            async move { cancel.cancelled().await }
        });
        tokio::task::yield_now().await;
        cancel.cancel(CancelReason::Requested);
        assert_eq!(waiting.await.unwrap(), CancelReason::Requested);
    }

    #[tokio::test]
    async fn a_lost_connection_is_the_reason_that_stays() {
        let cancel = Cancellation::new();
        assert_eq!(cancel.reason(), None);
        for (asked, reason) in [
            (CancelReason::Requested, CancelReason::Requested),
            (CancelReason::ConnectionLost, CancelReason::ConnectionLost),
            (CancelReason::Requested, CancelReason::ConnectionLost),
        ] {
            cancel.cancel(asked);
            assert_eq!(cancel.reason(), Some(reason));
            assert_eq!(cancel.cancelled().await, reason);
        }
    }
}
