//! Stores that are far away → a part of the limit in which they hold what is on its way, so that workers wait for the link and not
//! for round trips. Where the rest would not do for a plan, they hold nothing: each read then fetches what it needs.

use super::fit::Short;
use super::{Runtime, stores};
use crate::error::Result;
use crate::expr::Expr;
use crate::memory::Reservation;
use crate::store::Store;
use std::sync::Arc;

/// Of the limit, one part in so many is for what is on its way.
const PART: u64 = 8;

/// What is held while something reads far stores: the bytes, and the leave to use them, which goes first.
pub(super) struct Held {
    _allowed: Vec<Box<dyn Send>>,
    _bytes: Reservation,
}

/// The stores below `exprs` that are far away, each once.
fn far_stores(exprs: &[Expr]) -> Vec<Arc<dyn Store>> {
    let mut far = stores(exprs);
    far.retain(|store| store.ahead_bytes() > 0);
    far
}

impl Runtime {
    /// The plan that fits `room` bytes beside what far stores below `exprs` may hold, and the bytes of that; or one that leaves them none. What is
    /// refused is refused for the whole room, so that the smallest limit that is named would do.
    ///
    /// # Errors
    /// Those of `fit`.
    pub(super) fn fit_beside<T>(
        &self,
        exprs: &[Expr],
        room: u64,
        fit: impl Fn(u64) -> Result<std::result::Result<T, Short>>,
    ) -> Result<(std::result::Result<T, Short>, u64)> {
        let wanted = far_stores(exprs).iter().map(|store| store.ahead_bytes()).fold(0, u64::saturating_add);
        let ahead_bytes = wanted.min(room / PART);
        if ahead_bytes > 0
            && let Ok(fitted) = fit(room - ahead_bytes)?
        {
            return Ok((Ok(fitted), ahead_bytes));
        }
        Ok((fit(room)?, 0))
    }

    /// Counts `ahead_bytes` and lets the far stores below `exprs` hold them, each its share.
    ///
    /// # Errors
    /// Those of reserving.
    pub(super) fn allow_ahead(&self, exprs: &[Expr], ahead_bytes: u64) -> Result<Option<Held>> {
        let stores = far_stores(exprs);
        if ahead_bytes == 0 || stores.is_empty() {
            return Ok(None);
        }
        let bytes = self.reserve("open", ahead_bytes, "; what is on its way from far stores takes it")?;
        let share = ahead_bytes / stores.len() as u64;
        let allowed = stores.iter().map(|store| store.allow_ahead(share.min(store.ahead_bytes()))).collect();
        Ok(Some(Held { _allowed: allowed, _bytes: bytes }))
    }
}
