//! What a hash costs, and what it must at least cost.

/// Memory in KiB and passes that the OWASP Password Storage Cheat Sheet names as its minimum, all equally strong: less
/// memory takes more passes. Whatever reaches one of them reaches the floor; lanes do not make a hash weaker.
const FLOOR: [(u32, u32); 5] = [(47_104, 1), (19_456, 2), (12_288, 3), (9_216, 4), (7_168, 5)];

/// Cost of one hash. Default: the OWASP Password Storage Cheat Sheet's 19 MiB, 2 passes, 1 lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    /// Memory in KiB.
    pub memory_kib: u32,
    /// Passes over it.
    pub passes: u32,
    /// Lanes.
    pub lanes: u32,
}

impl Default for Cost {
    fn default() -> Self {
        Self {
            memory_kib: 19 * 1024,
            passes: 2,
            lanes: 1,
        }
    }
}

impl Cost {
    /// Whether a hash costs so little that a stolen table of hashes would be guessed soon.
    pub fn is_weak(self) -> bool {
        !FLOOR
            .iter()
            .any(|(memory_kib, passes)| self.memory_kib >= *memory_kib && self.passes >= *passes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn less_memory_is_weak_unless_there_are_more_passes() {
        let weak = |memory_kib, passes| {
            Cost {
                memory_kib,
                passes,
                lanes: 1,
            }
            .is_weak()
        };
        assert!(!Cost::default().is_weak());
        assert!(!weak(7_168, 5) && !weak(65_536, 1) && !weak(20_000, 3));
        assert!(weak(7_168, 4) && weak(19_456, 1) && weak(19_455, 2) && weak(64, 100));
    }
}
