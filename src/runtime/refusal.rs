//! The smallest limit that would do: what a refused caller is told.

use super::Runtime;
use crate::blocked::{Sink, lower};
use crate::budget::Budget;
use crate::error::{Error, ErrorKind, Result};
use crate::plan::{self, Plan};

/// Block shapes follow the limit, so a plan for the limit that another plan needs may need more again; it
/// never went round as often as this.
const ROUNDS_MAX: usize = 32;

impl Runtime {
    /// The smallest limit under which the plan that `lower` makes fits, beside `standing_bytes`.
    pub(super) fn smallest_limit(&self, standing_bytes: u64, lower: &mut dyn FnMut(&Budget) -> Result<Plan>) -> Result<u64> {
        let mut memory_bytes = 0;
        for _ in 0..ROUNDS_MAX {
            let plan = lower(&Budget { memory_bytes, threads: self.0.threads })?;
            let needed = plan::smallest_limit(&plan, &|key| self.0.pool.block_bytes(key));
            if needed <= memory_bytes {
                break;
            }
            memory_bytes = needed;
        }
        Ok(standing_bytes.saturating_add(memory_bytes))
    }

    /// `error`; if it is that the work would not fit, with the smallest limit under which it would: that of
    /// the plan that `lower` makes beside `standing_bytes` of results and chunk indexes.
    pub(super) fn refusal(&self, error: Error, standing_bytes: u64, lower: &mut dyn FnMut(&Budget) -> Result<Plan>) -> Error {
        if !matches!(error.kind(), ErrorKind::WouldNotFit { .. }) {
            return error;
        }
        match self.smallest_limit(standing_bytes, lower) {
            Ok(smallest) => naming(error, smallest),
            Err(other) => other,
        }
    }

    /// [`Runtime::refusal`] of the plan for `sinks`.
    pub(super) fn refusal_of(&self, error: Error, sinks: &[Sink], standing_bytes: u64) -> Error {
        self.refusal(error, standing_bytes, &mut |budget| Ok(lower(sinks, budget)?.plan))
    }
}

/// The refusal with another smallest limit.
pub(super) fn naming(error: Error, smallest_bytes: u64) -> Error {
    match error.kind() {
        ErrorKind::WouldNotFit { operation, needed_bytes, limit_bytes, advice, .. } => ErrorKind::WouldNotFit {
            operation: operation.clone(),
            needed_bytes: *needed_bytes,
            limit_bytes: *limit_bytes,
            smallest_bytes,
            advice: advice.clone(),
        }
        .into(),
        _ => error,
    }
}
