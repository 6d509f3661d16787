//! Plans for ever smaller shares of memory, until one fits the limit. The sizes that are tried stand on a ladder that the
//! limit does not choose, so that what a refused caller is told is a limit under which the same plan is found again.

use super::CancelToken;
use crate::budget::Budget;
use crate::error::{Bytes, ErrorKind, Result};
use crate::plan::{self, Plan};

/// The lowest rung of the ladder in bytes. No operation has smaller blocks for less.
const LOWEST: u64 = 4096;

/// What cannot run under a limit.
#[derive(Clone, Debug)]
pub(super) struct Short {
    /// The operation that needs the most.
    pub operation: String,
    /// Bytes that it needs.
    pub needed_bytes: u64,
    /// The smallest limit under which the work fits.
    pub smallest_bytes: u64,
}

impl Short {
    /// The refusal under `limit_bytes`, of which `standing_bytes` are taken for as long as the work runs.
    pub(super) fn refusal(&self, limit_bytes: u64, standing_bytes: u64) -> ErrorKind {
        ErrorKind::WouldNotFit {
            operation: self.operation.clone(),
            needed_bytes: self.needed_bytes.saturating_add(standing_bytes),
            limit_bytes,
            smallest_bytes: self.smallest_bytes.saturating_add(standing_bytes),
            // a few bytes of results say nothing
            advice: if standing_bytes > self.needed_bytes / 100 {
                format!("; {} of it are held from the start to the end", Bytes(standing_bytes))
            } else {
                String::new()
            },
        }
    }
}

/// The rungs: 2ᵏ and 1.5 · 2ᵏ bytes.
fn rungs() -> impl DoubleEndedIterator<Item = u64> {
    (LOWEST.ilog2()..63).flat_map(|k| [1 << k, 3 << (k - 1)])
}

/// The largest plan of those that `lower` makes for budgets `like` one of the rungs up to `room_bytes` whose tasks all
/// fit there.
///
/// # Errors
/// What `lower` refuses, `Cancelled`. `Ok(Err)` where no plan fits.
pub(super) fn fit<T>(
    room_bytes: u64,
    like: &Budget,
    cancel: &CancelToken,
    plan_of: impl Fn(&T) -> &Plan,
    mut lower: impl FnMut(&Budget) -> Result<T>,
) -> Result<std::result::Result<(T, Budget), Short>> {
    let mut made = |memory_bytes: u64| -> Result<(T, Budget)> {
        if cancel.is_cancelled() {
            return Err(ErrorKind::Cancelled.into());
        }
        let budget = Budget { memory_bytes, ..*like };
        Ok((lower(&budget)?, budget))
    };
    // the room itself first, rounded a little: a rung may leave a third of it unused
    let first = match room_bytes {
        u64::MAX => u64::MAX,
        room => room & !(room >> 4).checked_next_power_of_two().map_or(0, |power| power - 1),
    };
    for memory_bytes in std::iter::once(first).filter(|&bytes| bytes >= LOWEST).chain(rungs().rev().filter(|&rung| rung < first)) {
        let (planned, budget) = made(memory_bytes)?;
        if plan::demand_bytes(plan_of(&planned)) <= room_bytes {
            return Ok(Ok((planned, budget)));
        }
    }
    let mut short = Short { operation: String::new(), needed_bytes: u64::MAX, smallest_bytes: u64::MAX };
    for rung in rungs() {
        if rung >= short.smallest_bytes {
            break;
        }
        let (planned, budget) = made(rung)?;
        // what needs nothing fits any room
        let Some((operation, needed_bytes)) = plan::most_demanding(plan_of(&planned)) else { return Ok(Ok((planned, budget))) };
        // under a limit below the rung, the rung is not tried
        if needed_bytes.max(rung) < short.smallest_bytes {
            short = Short { operation: operation.to_string(), needed_bytes, smallest_bytes: needed_bytes.max(rung) };
        }
    }
    Ok(Err(short))
}
