//! How much one tenant may have under way, so that the others have room too.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use shared::contract::Id;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How long a request waits for its turn. Its body is not read meanwhile.
const WAIT: Duration = Duration::from_secs(20);

/// A maximum of something for each tenant.
#[derive(Debug)]
pub(super) struct Bounds {
    each: usize,
    tenants: Mutex<HashMap<Id, Arc<Semaphore>>>,
}

impl Bounds {
    pub(super) fn new(each: u16) -> Self {
        Self {
            each: usize::from(each),
            tenants: Mutex::default(),
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
    pub(super) fn take(&self, tenant_id: Id) -> Option<OwnedSemaphorePermit> {
        self.of(tenant_id).try_acquire_owned().ok()
    }

    /// A place, after waiting for one, but not for ever.
    pub(super) async fn wait(&self, tenant_id: Id) -> Option<OwnedSemaphorePermit> {
        let acquired = tokio::time::timeout(WAIT, self.of(tenant_id).acquire_owned()).await;
        acquired.ok()?.ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenant_that_has_all_its_places_takes_none_of_another() {
        let (bounds, one, other) = (Bounds::new(2), Id::try_from(1).unwrap(), Id::try_from(2).unwrap());
        let first = bounds.take(one);
        let second = bounds.take(one);
        assert!(first.is_some() && second.is_some() && bounds.take(one).is_none());
        assert!(bounds.take(other).is_some());
        drop(first);
        assert!(bounds.take(one).is_some());
    }
}
