//! What stands for [`super::Bucket`] in a build without the feature `remote`: there is none.

use super::{Object, Parts, Reply, Taken, Wanted};
use crate::error::{Error, Result};
use std::convert::Infallible;
use std::sync::Arc;

/// No bucket.
#[derive(Debug)]
pub(crate) struct Bucket(Infallible);

impl Bucket {
    /// # Errors
    /// Always.
    pub(crate) fn open(url: &str, address: &str) -> Result<(Arc<Bucket>, String)> {
        let _ = url;
        Err(Error::unsupported(address, "this program was built without the feature `remote`; build it with `--features remote`"))
    }
    pub(crate) fn url(&self, _: &str) -> String {
        match self.0 {}
    }
    pub(crate) fn lists(&self) -> bool {
        match self.0 {}
    }
    pub(crate) fn get(&self, _: &str, _: u64) -> Reply<Option<Vec<u8>>> {
        match self.0 {}
    }
    pub(crate) fn read(&self, _: &str, _: Wanted, _: &mut [u8]) -> Reply<Option<(usize, Object)>> {
        match self.0 {}
    }
    pub(crate) fn read_watched(&self, _: &str, _: Wanted, _: &mut [u8], _: impl Fn()) -> Reply<Option<(usize, Object)>> {
        match self.0 {}
    }
    pub(crate) fn put(&self, _: &str, _: Vec<u8>) -> Reply<()> {
        match self.0 {}
    }
    pub(crate) fn delete(&self, _: &[String]) -> Reply<()> {
        match self.0 {}
    }
    pub(crate) fn directories(&self, _: &str) -> Reply<Vec<String>> {
        match self.0 {}
    }
    pub(crate) fn objects(&self, _: &str, _: &mut dyn FnMut(&str, u64) -> bool) -> Reply<()> {
        match self.0 {}
    }
}

/// Nothing is held.
#[derive(Debug)]
pub(crate) struct Ahead(Infallible);

impl Ahead {
    pub(crate) fn new(bucket: Arc<Bucket>) -> Ahead {
        match bucket.0 {}
    }
    pub(crate) fn want(&self, _: Parts) {
        match self.0 {}
    }
    pub(crate) fn take(&self, _: &str, _: Wanted, _: u64) -> Reply<Taken> {
        match self.0 {}
    }
    pub(crate) fn let_go(&self) {
        match self.0 {}
    }
    pub(crate) fn allow(&self, _: u64) -> Box<dyn Send> {
        match self.0 {}
    }
}

/// Nothing is sent.
pub(crate) struct Upload(Infallible);

impl Upload {
    pub(crate) fn new(bucket: &Arc<Bucket>, _: &str) -> Upload {
        match bucket.0 {}
    }
    pub(crate) fn append(&mut self, _: &[u8]) -> Reply<()> {
        match self.0 {}
    }
    pub(crate) fn finish(self) -> Reply<()> {
        match self.0 {}
    }
}
