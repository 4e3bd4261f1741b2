//! What a run has read, for whoever asks the same again: many pools of one account cost no more questions than one.
//!
//! How old an answer may be is said by who asks; a write forgets what it changes. It sends nothing itself.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use http::StatusCode;
use tokio::time::Instant;
use url::Url;

use crate::{answer::Answer, error::Result};

/// For what a run takes as given from its beginning to its end: the account, the rights of its own identity, the sizes and
/// images that Batch has.
pub const OF_RUN: Duration = Duration::MAX;

/// For what others change now and then: a version, a registration, a subnet. Azure takes minutes to change these, and what
/// hangs on them is looked at again before it is waited for.
pub const RECENT: Duration = Duration::from_secs(60);

/// The last answer of one address. Who holds the lock asks; the others wait for the answer.
type Cell = Arc<tokio::sync::Mutex<Option<Kept>>>;

/// Answers by address, shared by everything that works for one run.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    cells: Mutex<HashMap<Url, Cell>>,
}

/// An answer, and when it was asked for.
#[derive(Debug)]
struct Kept {
    asked: Instant,
    answer: Answer,
}

impl Memory {
    /// The answer of an address: the one that is kept, unless it is older than that; else what `ask` brings.
    ///
    /// # Errors
    /// What `ask` fails with.
    pub(crate) async fn recall(
        &self,
        address: &Url,
        age: Duration,
        ask: impl Future<Output = Result<Answer>>,
    ) -> Result<Answer> {
        let cell = self.cell(address);
        let mut kept = cell.lock().await;
        if let Some(kept) = kept.as_ref().filter(|kept| kept.asked.elapsed() <= age) {
            return Ok(kept.answer.clone());
        }
        let asked = Instant::now();
        let answer = ask.await?;
        if is_lasting(answer.status) {
            let answer = answer.clone();
            *kept = Some(Kept { asked, answer });
        }
        Ok(answer)
    }

    /// Forgets what a write to this address may have changed: the resource itself, and the one that an action acts on.
    pub(crate) fn forget(&self, written: &Url) {
        let acted_on = written.path().rsplit_once('/').map_or("", |(above, _action)| above);
        let is_changed = |read: &Url| {
            let is_path = |path: &str| read.path().eq_ignore_ascii_case(path);
            read.host_str() == written.host_str() && (is_path(written.path()) || is_path(acted_on))
        };
        let mut cells = self.cells.lock().unwrap_or_else(PoisonError::into_inner);
        cells.retain(|read, _| !is_changed(read));
    }

    fn cell(&self, address: &Url) -> Cell {
        let mut cells = self.cells.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(cells.entry(address.clone()).or_default())
    }
}

/// Whether the same question would be answered so again: what is there, what is not, and what this identity may not see.
fn is_lasting(status: StatusCode) -> bool {
    status.is_success() || matches!(status, StatusCode::FORBIDDEN | StatusCode::NOT_FOUND)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::HeaderMap;

    use super::*;

    fn url(path: &str) -> Url {
        Url::parse("https://management.azure.com").unwrap().join(path).unwrap()
    }

    fn answer(status: u16) -> Answer {
        Answer {
            status: StatusCode::from_u16(status).unwrap(),
            headers: HeaderMap::new(),
            body: Bytes::new(),
        }
    }

    /// How often is asked when a path is read, the other thing is done, and it is read again.
    async fn asked((path, status, age): (&str, u16, Duration), between: impl AsyncFnOnce(&Memory)) -> u32 {
        let (memory, asked) = (Memory::default(), std::cell::Cell::new(0));
        let ask = async || {
            asked.set(asked.get() + 1);
            Ok(answer(status))
        };
        let address = url(path);
        memory.recall(&address, age, ask()).await.unwrap();
        between(&memory).await;
        memory.recall(&address, age, ask()).await.unwrap();
        asked.get()
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_is_kept_as_long_as_it_may_be_old_and_trouble_never() {
        let after = async |seconds, status, age| {
            let pass = async |_: &Memory| tokio::time::advance(Duration::from_secs(seconds)).await;
            asked(("/a", status, age), pass).await
        };
        assert_eq!(after(60, 200, RECENT).await, 1);
        assert_eq!(after(61, 200, RECENT).await, 2);
        assert_eq!(after(100_000, 403, OF_RUN).await, 1);
        assert_eq!(after(1, 404, RECENT).await, 1);
        assert_eq!(after(1, 429, OF_RUN).await, 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_write_forgets_its_resource_and_what_an_action_acts_on() {
        let read = "/subscriptions/s/providers/Microsoft.Batch?api-version=1";
        let after = async |written: &str| {
            let write = async |memory: &Memory| memory.forget(&url(written));
            asked((read, 200, OF_RUN), write).await
        };
        assert_eq!(after("/subscriptions/s/providers/microsoft.batch").await, 2);
        assert_eq!(after("/subscriptions/s/providers/Microsoft.Batch/register").await, 2);
        assert_eq!(after("/subscriptions/s/providers/Microsoft.Batch/a/b").await, 1);
        assert_eq!(after("/subscriptions/s/providers").await, 1);
        assert_eq!(
            after("https://other/subscriptions/s/providers/Microsoft.Batch").await,
            1
        );
    }

    #[tokio::test(start_paused = true)]
    async fn many_who_ask_at_one_time_get_one_answer() {
        let (memory, asked) = (Memory::default(), std::cell::Cell::new(0));
        let ask = async || {
            asked.set(asked.get() + 1);
            tokio::time::advance(Duration::from_secs(1)).await;
            Ok(answer(200))
        };
        let address = url("/a");
        let all = (0..20).map(|_| memory.recall(&address, RECENT, ask()));
        for answer in futures::future::join_all(all).await {
            assert!(answer.unwrap().status.is_success());
        }
        assert_eq!(asked.get(), 1);
    }
}
