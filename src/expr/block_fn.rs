//! Users' functions from blocks to a block, and the names that they are registered under.

use crate::error::{Error, Result};
use crate::grid::Region;
use flagstone_kernels::view::{View, ViewMut};
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

/// Which block a [`BlockFn`] is asked for.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct BlockInfo {
    /// Index of the block along each axis.
    pub index: Vec<u64>,
    /// Where it lies in the whole array.
    pub region: Region,
}

/// A user's function from blocks to a block.
pub trait BlockFn: Send + Sync {
    /// Computes the block into `out`; `args` are the blocks of the arguments at the same place, with what is seen around them.
    ///
    /// A call that fails panics. Whoever panics with a `Box` of [`Cause`](crate::error::Cause) finds it as the source of the error.
    fn call(&self, info: &BlockInfo, args: &[View<'_>], out: &mut ViewMut<'_>);

    /// Bytes that a call allocates itself at most, given the bytes of its arguments and of its result. They are counted in what the
    /// task needs; one array as large as the result is counted anyway.
    fn own_bytes(&self, _args: &[u64], _out: u64) -> u64 {
        0
    }
}

/// Functions by the names that they stand under in plans that are written down.
static REGISTERED: RwLock<BTreeMap<String, Arc<dyn BlockFn>>> = RwLock::new(BTreeMap::new());

/// Lets `f` be named in plans that are written down, and be found by whoever reads one.
///
/// # Errors
/// `BadRequest` if the name is taken.
pub fn register(name: &str, f: Arc<dyn BlockFn>) -> Result<()> {
    let mut all = REGISTERED.write().unwrap_or_else(PoisonError::into_inner);
    if all.contains_key(name) {
        return Err(Error::bad_request("register", format!("a function is registered as {name:?} already; choose another name")));
    }
    all.insert(name.to_string(), f);
    Ok(())
}

/// The function of that name.
pub fn registered(name: &str) -> Option<Arc<dyn BlockFn>> {
    REGISTERED.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
}

/// The name of a registered function.
pub fn registered_name(f: &Arc<dyn BlockFn>) -> Option<String> {
    let all = REGISTERED.read().unwrap_or_else(PoisonError::into_inner);
    all.iter().find(|(_, other)| std::ptr::addr_eq(Arc::as_ptr(f), Arc::as_ptr(other))).map(|(name, _)| name.clone())
}
