//! An answer that open pages share: one question in a while, however many pages are open, and none while nobody looks.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// The last answer to a question.
#[derive(Debug)]
pub(super) struct Cached<T> {
    max_age: Duration,
    last: Mutex<Option<(Instant, T)>>,
    asking: tokio::sync::Mutex<()>,
}

impl<T: Clone> Cached<T> {
    /// No answer yet; each will be valid for this long.
    pub(super) fn with_max_age(max_age: Duration) -> Self {
        Self {
            max_age,
            last: Mutex::default(),
            asking: tokio::sync::Mutex::default(),
        }
    }

    /// The last answer if it is still valid, or a new one. Others who ask wait for it.
    pub(super) async fn ask(&self, question: impl Future<Output = T>) -> T {
        let _asking = self.asking.lock().await;
        if let Some((at, answer)) = self.look()
            && at.elapsed() < self.max_age
        {
            return answer;
        }
        let answer = question.await;
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), answer.clone()));
        answer
    }

    /// The last answer, however old.
    pub(super) fn last(&self) -> Option<T> {
        self.look().map(|(_, answer)| answer)
    }

    fn look(&self) -> Option<(Instant, T)> {
        // The value is always consistent, even if a thread panicked while holding it.
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The answer, if it takes no longer than `patience`. The question goes on in a task of its own, even if the page that
/// asked it is closed.
pub(super) async fn within<T: Send + 'static>(
    patience: Duration,
    question: impl Future<Output = T> + Send + 'static,
) -> Option<T> {
    match tokio::time::timeout(patience, tokio::spawn(question)).await {
        Ok(Ok(answer)) => Some(answer),
        Ok(Err(error)) => {
            tracing::error!(%error, "a question could not be answered");
            None
        }
        Err(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_good_answer_is_not_asked_for_again() {
        let (good, bad) = (
            Cached::with_max_age(Duration::MAX),
            Cached::with_max_age(Duration::ZERO),
        );
        assert_eq!(good.last(), None);
        for n in [1, 2] {
            assert_eq!(good.ask(async { n }).await, 1);
            assert_eq!(bad.ask(async { n }).await, n);
        }
        assert_eq!((good.last(), bad.last()), (Some(1), Some(2)));
    }
}
