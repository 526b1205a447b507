//! Which batch is hashed next.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use shared::contract::Id;

/// How many tenants are assumed to share the threads when a virtual finish time is computed.
const SHARES: u64 = 3;

/// Batches that wait for the hashing threads, in the order of their virtual finish times.
///
/// The virtual finish time of a batch is when it would be done, after what else its tenant has in the queue, if several
/// tenants shared the threads. The batch with the earliest one is taken first, whole. So batches of one size are done one
/// after the other, as they came; a small one need not wait for large ones, nor for the second batch of another tenant.
/// None is overtaken by what comes after its virtual finish time, and that depends only on what its tenant has in the
/// queue.
#[derive(Debug)]
pub(crate) struct FairQueue<T>(Mutex<State<T>>);

#[derive(Debug)]
struct State<T> {
    /// None of them is empty.
    batches: Vec<Batch<T>>,
    /// Items that have been taken.
    taken: u64,
}

#[derive(Debug)]
struct Batch<T> {
    tenant_id: Id,
    items: VecDeque<T>,
    /// How many items may have been taken by the time the last of these is.
    virtual_finish: u64,
}

impl<T> Default for FairQueue<T> {
    fn default() -> Self {
        Self(Mutex::new(State {
            batches: Vec::new(),
            taken: 0,
        }))
    }
}

impl<T> FairQueue<T> {
    /// A batch joins the queue.
    pub(crate) fn push(&self, tenant_id: Id, items: Vec<T>) {
        if items.is_empty() {
            return;
        }
        let mut state = self.lock();
        let own = state.batches.iter().filter(|batch| batch.tenant_id == tenant_id);
        let own_items = own.map(|batch| batch.items.len()).sum::<usize>() + items.len();
        let virtual_finish = state.taken + SHARES * own_items as u64;
        state.batches.push(Batch {
            tenant_id,
            items: items.into(),
            virtual_finish,
        });
    }

    /// Takes the item that is next.
    pub(crate) fn pop(&self) -> Option<T> {
        let mut state = self.lock();
        // Of equal ones, the first to come.
        let (first, _) = state
            .batches
            .iter()
            .enumerate()
            .min_by_key(|(_, batch)| batch.virtual_finish)?;
        let batch = state.batches.get_mut(first)?;
        let item = batch.items.pop_front();
        if batch.items.is_empty() {
            state.batches.remove(first);
        }
        state.taken += 1;
        item
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        // Nothing in here panics half way.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tenant(id: i64) -> Id {
        Id::try_from(id).unwrap()
    }

    fn take(queue: &FairQueue<&'static str>, items: usize) -> Vec<&'static str> {
        (0..items).filter_map(|_| queue.pop()).collect()
    }

    #[test]
    fn batches_of_one_size_are_done_one_after_the_other() {
        for others in [1, 2] {
            let queue = FairQueue::default();
            queue.push(tenant(1), vec!["first"; 3]);
            queue.push(tenant(others), vec!["second"; 3]);
            assert_eq!(take(&queue, 1), ["first"]);
            queue.push(tenant(others), vec!["third"; 3]);
            let done = take(&queue, 9);
            assert_eq!(
                done,
                [["first"; 2].as_slice(), &["second"; 3], &["third"; 3]].concat()
            );
        }
    }

    #[test]
    fn a_small_batch_overtakes_a_large_one() {
        let queue = FairQueue::default();
        queue.push(tenant(1), vec!["large"; 50]);
        assert_eq!(take(&queue, 10), ["large"; 10]);
        queue.push(tenant(2), vec!["small"; 5]);
        assert_eq!(
            take(&queue, 6),
            ["small", "small", "small", "small", "small", "large"]
        );
    }

    #[test]
    fn whoever_has_one_batch_overtakes_the_second_of_another_tenant() {
        let queue = FairQueue::default();
        queue.push(tenant(1), vec!["first"; 3]);
        queue.push(tenant(1), vec!["second"; 3]);
        assert_eq!(take(&queue, 1), ["first"]);
        queue.push(tenant(2), vec!["other"; 3]);
        assert_eq!(take(&queue, 5), ["first", "first", "other", "other", "other"]);
    }

    #[test]
    fn small_batches_do_not_keep_a_large_one_waiting_for_ever() {
        let queue = FairQueue::default();
        queue.push(tenant(1), vec!["large"; 10]);
        // There is always a small one that could be taken.
        let mut taken = 0;
        while {
            taken += 1;
            queue.push(tenant(1 + taken), vec!["small"]);
            queue.pop() == Some("small")
        } {}
        assert!(taken <= 31, "{taken}");
    }

    #[test]
    fn whoever_was_alone_for_long_owes_nothing() {
        let queue = FairQueue::default();
        queue.push(tenant(1), vec!["alone"; 10]);
        for _ in 0..1000 {
            queue.push(tenant(1), vec!["alone"; 10]);
            assert_eq!(take(&queue, 10), ["alone"; 10]);
        }
        let mut others = 0;
        while {
            queue.push(tenant(2 + others), vec!["other"; 10]);
            take(&queue, 10) == ["other"; 10]
        } {
            others += 1;
        }
        assert!(others <= 4, "{others}");
    }
}
