//! Which shard an import waits in: the part that needs no database.

use sha2::{Digest, Sha256};
use shared::contract::Id;

/// The shards, as one tenant sees them.
#[derive(Debug, Clone, Copy)]
pub struct Shards {
    /// How many there are; they are counted from 0.
    pub count: u16,
    /// Where the tenant's imports go if all shards hold the same.
    pub home: u16,
}

impl Shards {
    /// The home shard follows from the tenant's ID, so that tenants spread over all shards.
    pub fn of(tenant_id: Id, count: u16) -> Self {
        let digest = Sha256::digest(tenant_id.get().to_be_bytes());
        let hash = digest
            .iter()
            .take(8)
            .fold(0_u64, |hash, byte| hash << 8 | u64::from(*byte));
        Self {
            count,
            home: u16::try_from(hash % u64::from(count.max(1))).unwrap_or(0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn home(tenant_id: i64) -> u16 {
        Shards::of(Id::try_from(tenant_id).unwrap(), 8).home
    }

    #[test]
    fn a_tenants_home_shard_never_changes() {
        // Known answers.
        let shards: Vec<u16> = (1..=6).map(home).collect();
        assert_eq!(shards, [2, 5, 4, 7, 2, 1]);
    }

    #[test]
    fn tenants_spread_over_all_shards() {
        let mut counts = [0; 8];
        for tenant_id in 1..=800 {
            counts[usize::from(home(tenant_id))] += 1;
        }
        assert!(
            counts.iter().all(|count| (70..=130).contains(count)),
            "{counts:?}"
        );
    }
}
