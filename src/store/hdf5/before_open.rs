//! The header of an object → whether libhdf5 may be asked to open it: what it reads at once, and without end or without a look.
//!
//! Source: HDF5 File Format Specification 3.0, sections IV.A.2.b (dataspace), IV.A.2.h (external files) and IV.A.2.i (data layout).

use super::header::{self, LAYOUT, Raw, UNDEFINED};
use super::library::{self, Id};
use super::{heaps, local_heap};
use crate::error::Result;
use std::ffi::CStr;

const DATASPACE: u64 = 0x01;
const EXTERNAL_FILES: u64 = 0x07;
/// Classes of a layout.
const CHUNKED: u8 = 2;
const VIRTUAL: u8 = 3;

/// What a header says of a dataset that libhdf5 takes as it stands.
#[derive(Default)]
struct Told {
    axes: Option<u8>,
    /// The axes that lengths of chunks are there for.
    chunk_axes: Option<u8>,
    /// The heap that holds the mapping of a virtual dataset.
    mapping: Option<u64>,
    /// The heap that holds the names of external files.
    names: Option<u64>,
}

impl Told {
    fn read(raw: &Raw<'_>, header: u64) -> Result<Told> {
        let mut told = Told::default();
        header::messages(raw, header, |message| {
            let mut c = raw.cursor(message.body, header);
            match message.kind {
                _ if message.is_shared => {}
                DATASPACE => told.axes = message.body.get(1).copied(),
                EXTERNAL_FILES => {
                    c.take(8)?;
                    told.names = Some(c.offset()?).filter(|&heap| heap != UNDEFINED);
                }
                LAYOUT => match *message.body {
                    // One of the lengths is that of an element.
                    [1 | 2, lengths, CHUNKED, ..] | [3, CHUNKED, lengths, ..] | [4 | 5, CHUNKED, _, lengths, ..] => {
                        told.chunk_axes = Some(lengths.saturating_sub(1));
                    }
                    [4 | 5, VIRTUAL, ..] => {
                        c.take(2)?;
                        told.mapping = Some(c.offset()?).filter(|&heap| heap != UNDEFINED);
                    }
                    _ => {}
                },
                _ => {}
            }
            Ok(None::<()>)
        })?;
        Ok(told)
    }

    fn require(&self, raw: &Raw<'_>, header: u64) -> Result<()> {
        if let (Some(axes), Some(chunk_axes)) = (self.axes, self.chunk_axes)
            && axes != chunk_axes
        {
            // libhdf5 divides by the lengths that are missing.
            return Err(raw.corrupt(header, &format!("chunks of {chunk_axes} axes in a dataset of {axes}")));
        }
        self.mapping.map_or(Ok(()), |heap| heaps::require_end(raw, heap))?;
        self.names.map_or(Ok(()), |heap| local_heap::require_end(raw, heap))
    }
}

/// Refuses an object that libhdf5 would not come back from opening: a dataset whose mapping, or whose external files, lie in a heap without
/// an end, and one whose chunks have other axes than itself.
///
/// # Errors
/// `Store` for such an object.
pub(super) fn require(address: &str, above: &Id, name: &CStr) -> Result<()> {
    let Ok((file, header)) = library::identity_of(address, above, name) else { return Ok(()) };
    let is_here = library::identity(address, above).is_ok_and(|(above, _)| above == file);
    if is_here
        && let Some(opened) = library::near_file(address, above)
        && let Ok(raw) = Raw::open(address, &opened)
        && let Ok(told) = Told::read(&raw, header)
    {
        told.require(&raw, header)?;
    }
    Ok(())
}
