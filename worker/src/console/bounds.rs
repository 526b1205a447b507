//! How much one tenant may have under way, so that the others have room too; and how much all of them together, so that memory
//! and connections suffice.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use shared::contract::Id;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How long a request waits for its turn. Its body is not read meanwhile.
pub(super) const WAIT: Duration = Duration::from_secs(20);

/// A maximum of something for each tenant, and one for all of them together.
#[derive(Debug)]
pub(super) struct Bounds {
    each: usize,
    tenants: Mutex<HashMap<Id, Arc<Semaphore>>>,
    all: Arc<Semaphore>,
}

/// A place that is taken until it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    _of_tenant: OwnedSemaphorePermit,
    _of_all: OwnedSemaphorePermit,
}

impl Bounds {
    pub(super) fn new(each: u16, all: u16) -> Self {
        Self {
            each: usize::from(each),
            tenants: Mutex::default(),
            all: Arc::new(Semaphore::new(usize::from(all))),
        }
    }

    fn of(&self, tenant_id: Id) -> Arc<Semaphore> {
        let mut tenants = self.tenants.lock().unwrap_or_else(PoisonError::into_inner);
        // Tenants that have nothing under way and nobody waiting need no place.
        tenants.retain(|_, places| Arc::strong_count(places) > 1 || places.available_permits() < self.each);
        let places = tenants
            .entry(tenant_id)
            .or_insert_with(|| Arc::new(Semaphore::new(self.each)));
        Arc::clone(places)
    }

    /// A place, if one is free.
    pub(super) fn take(&self, tenant_id: Id) -> Option<Place> {
        Some(Place {
            _of_tenant: self.of(tenant_id).try_acquire_owned().ok()?,
            _of_all: Arc::clone(&self.all).try_acquire_owned().ok()?,
        })
    }

    /// A place, after waiting for one, but not for ever.
    pub(super) async fn wait(&self, tenant_id: Id) -> Option<Place> {
        let acquired = async {
            Some(Place {
                // The tenant's first: those of a tenant that wait for one another take no place of all.
                _of_tenant: self.of(tenant_id).acquire_owned().await.ok()?,
                _of_all: Arc::clone(&self.all).acquire_owned().await.ok()?,
            })
        };
        tokio::time::timeout(WAIT, acquired).await.ok()?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenant_that_has_all_its_places_takes_none_of_another() {
        let (bounds, one, other) = (
            Bounds::new(2, 3),
            Id::try_from(1).unwrap(),
            Id::try_from(2).unwrap(),
        );
        let first = bounds.take(one);
        let second = bounds.take(one);
        assert!(first.is_some() && second.is_some() && bounds.take(one).is_none());
        let third = bounds.take(other);
        assert!(third.is_some());
        drop(first);
        assert!(bounds.take(one).is_some());
    }

    #[test]
    fn all_tenants_together_have_no_more_places_than_there_are() {
        let (bounds, one, other) = (
            Bounds::new(2, 3),
            Id::try_from(1).unwrap(),
            Id::try_from(2).unwrap(),
        );
        let taken = [bounds.take(one), bounds.take(one), bounds.take(other)];
        assert!(taken.iter().all(Option::is_some));
        assert!(bounds.take(other).is_none());
        drop(taken);
        assert!(bounds.take(other).is_some() && bounds.take(other).is_some());
    }
}
