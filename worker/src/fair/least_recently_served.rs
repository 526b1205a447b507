//! One stream of several queues: the least recently served comes first.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use futures::{
    Stream, StreamExt,
    stream::{BoxStream, Fuse},
};

/// The items of several queues: of those that have any, always one of the queue that was served longest ago. So a queue
/// that was empty does not wait for a second item of one that is full, however many items that one has.
pub(crate) struct LeastRecentlyServed<T> {
    queues: Vec<Queue<T>>,
    taken: u64,
}

struct Queue<T> {
    items: Fuse<BoxStream<'static, T>>,
    next: Option<T>,
    /// How many items had been taken from all queues when this one was last served.
    last_taken: u64,
}

impl<T> LeastRecentlyServed<T> {
    pub(crate) fn of(queues: impl IntoIterator<Item = BoxStream<'static, T>>) -> Self {
        let queues = queues.into_iter().map(|items| Queue {
            items: items.fuse(),
            next: None,
            last_taken: 0,
        });
        Self {
            queues: queues.collect(),
            taken: 0,
        }
    }
}

/// No item is pinned, only the streams, and these are boxed.
impl<T> Unpin for LeastRecentlyServed<T> {}

impl<T> Stream for LeastRecentlyServed<T> {
    type Item = T;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<T>> {
        let Self { queues, taken } = &mut *self;
        let mut all_ended = true;
        for queue in &mut *queues {
            if queue.next.is_none()
                && let Poll::Ready(next) = queue.items.poll_next_unpin(context)
            {
                queue.next = next;
            }
            all_ended &= queue.next.is_none() && queue.items.is_done();
        }
        let waiting = queues.iter_mut().filter(|queue| queue.next.is_some());
        match waiting.min_by_key(|queue| queue.last_taken) {
            Some(queue) => {
                *taken += 1;
                queue.last_taken = *taken;
                Poll::Ready(queue.next.take())
            }
            None if all_ended => Poll::Ready(None),
            None => Poll::Pending,
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::{FutureExt, channel::mpsc, stream};

    use super::*;

    #[test]
    fn a_queue_that_was_empty_comes_before_the_next_item_of_a_full_one() {
        let (other, others) = mpsc::unbounded();
        let mut served = LeastRecentlyServed::of([stream::iter([1, 2, 3, 4]).boxed(), others.boxed()]);
        let mut take = || served.next().now_or_never();
        assert_eq!([take(), take()], [Some(Some(1)), Some(Some(2))]);
        other.unbounded_send(101).unwrap();
        other.unbounded_send(102).unwrap();
        let taken: Vec<_> = (0..4).map(|_| take()).collect();
        assert_eq!(
            taken,
            [Some(Some(101)), Some(Some(3)), Some(Some(102)), Some(Some(4))]
        );
        assert_eq!(take(), None, "the other one may get more");
        drop(other);
        assert_eq!(take(), Some(None));
    }

    #[tokio::test]
    async fn an_item_wakes_who_waits_whichever_queue_it_comes_to() {
        let (senders, queues): (Vec<_>, Vec<_>) = (0..3).map(|_| mpsc::unbounded()).unzip();
        let mut served = LeastRecentlyServed::of(queues.into_iter().map(StreamExt::boxed));
        for sender in senders.iter().rev() {
            let (taken, ()) = futures::join!(served.next(), async { sender.unbounded_send(()).unwrap() });
            assert_eq!(taken, Some(()));
        }
    }
}
