//! Regions of one variable by positioned reads, straight from the file.

use super::super::box_read::{self, BoxFile, PIECE_BYTES};
use super::super::in_memory::{check_region, dense_len};
use super::super::reach::will_need;
use super::super::{Meta, Moved, Packing, Store};
use crate::error::{Error, Result};
use crate::grid::Region;
use flagstone_kernels::view::ViewMut;
use std::fs::File;

/// A variable open for reading.
#[derive(Debug)]
pub(super) struct Classic {
    pub(super) address: String,
    pub(super) file: File,
    pub(super) meta: Meta,
    pub(super) packing: Packing,
    /// Its first byte.
    pub(super) begin: u64,
    /// Bytes from one place along the first axis to the next, where it is the record axis.
    pub(super) record_bytes: Option<u64>,
}

impl Store for Classic {
    fn address(&self) -> &str {
        &self.address
    }
    fn meta(&self) -> &Meta {
        &self.meta
    }
    fn packing(&self) -> Packing {
        self.packing.clone()
    }
    fn scratch_bytes(&self, region: &Region) -> u64 {
        // Records of other variables lie between: as much is read at once as is worth a call.
        if self.record_bytes.is_some() { PIECE_BYTES } else { box_read::scratch_bytes(region, self.meta.dtype) }
    }
    fn read(&self, region: &Region, out: &mut ViewMut<'_>, scratch: &mut [u8]) -> Result<Moved> {
        check_region(&self.address, &self.meta, region, out)?;
        let swap = cfg!(target_endian = "little") && self.meta.dtype.size() > 1;
        let stored = BoxFile { file: &self.file, base: self.begin, dtype: self.meta.dtype, swap, shape: &self.meta.shape, order: None };
        let strides = self.record_bytes.map(|bytes| {
            let mut strides = box_read::file_strides(&self.meta.shape, self.meta.dtype.size() as u64);
            strides[0] = bytes;
            strides
        });
        let bytes = stored
            .read_strided(strides.as_deref(), region, out, scratch)
            .map_err(|e| Error::store_io(&self.address, &format!("reading {region}"), &e))?;
        Ok(Moved { stored_bytes: bytes, decoded_bytes: bytes })
    }
    fn prefetch(&self, region: &Region) {
        let Some(first) = region.0.first().filter(|_| region.elements() > 0) else { return };
        let inner = self.meta.shape[1..].iter().product::<u64>() * self.meta.dtype.size() as u64;
        let each = self.record_bytes.unwrap_or(inner);
        will_need(&self.file, self.begin + first.start * each, (first.stop() - 1 - first.start) * each + inner);
    }
    fn stored_bytes(&self) -> Option<u64> {
        dense_len(&self.meta.shape, self.meta.dtype)
    }
}
