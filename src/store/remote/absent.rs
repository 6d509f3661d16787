//! What stands for [`super::Bucket`] in a build without the feature `remote`: there is none.

use super::{Parts, Reply, Taken, Wanted};
use crate::error::{Error, Result};
use std::sync::Arc;

/// No bucket.
#[derive(Debug)]
pub(crate) enum Bucket {}

impl Bucket {
    /// # Errors
    /// Always.
    pub(crate) fn open(url: &str, address: &str) -> Result<(Arc<Bucket>, String)> {
        let _ = url;
        Err(Error::unsupported(address, "this program was built without the feature `remote`; build it with `--features remote`"))
    }
    pub(crate) fn url(&self, _: &str) -> String {
        match *self {}
    }
    pub(crate) fn lists(&self) -> bool {
        match *self {}
    }
    pub(crate) fn get(&self, _: &str, _: u64) -> Reply<Option<Vec<u8>>> {
        match *self {}
    }
    pub(crate) fn read(&self, _: &str, _: Wanted, _: &mut [u8]) -> Reply<Option<(usize, u64)>> {
        match *self {}
    }
    pub(crate) fn put(&self, _: &str, _: Vec<u8>) -> Reply<()> {
        match *self {}
    }
    pub(crate) fn delete(&self, _: &[String]) -> Reply<()> {
        match *self {}
    }
    pub(crate) fn directories(&self, _: &str) -> Reply<Vec<String>> {
        match *self {}
    }
    pub(crate) fn objects(&self, _: &str, _: &mut dyn FnMut(&str, u64) -> bool) -> Reply<()> {
        match *self {}
    }
}

/// Nothing is held.
#[derive(Debug)]
pub(crate) enum Ahead {}

impl Ahead {
    pub(crate) fn new(bucket: Arc<Bucket>) -> Ahead {
        match *bucket {}
    }
    pub(crate) fn want(&self, _: Parts) {
        match *self {}
    }
    pub(crate) fn take(&self, _: &str, _: Wanted, _: u64) -> Reply<Taken> {
        match *self {}
    }
    pub(crate) fn allow(&self, _: u64) -> Box<dyn Send> {
        match *self {}
    }
}

/// Nothing is sent.
pub(crate) enum Upload {}

impl Upload {
    pub(crate) fn new(bucket: &Arc<Bucket>, _: &str) -> Upload {
        match **bucket {}
    }
    pub(crate) fn append(&mut self, _: &[u8]) -> Reply<()> {
        match *self {}
    }
    pub(crate) fn finish(self) -> Reply<()> {
        match self {}
    }
}
