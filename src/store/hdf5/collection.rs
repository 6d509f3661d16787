//! The bytes of a collection of the global heap → whether libhdf5's walk through it comes to its end.
//!
//! Source: HDF5 File Format Specification 3.0, section III.E, and `H5HGcache.c` of libhdf5 2.x.

/// Whether a walk through a collection, or the start of one, comes to its end. `length_bytes` are those of a length in the file.
pub(super) fn ends(collection: &[u8], length_bytes: usize) -> bool {
    if !collection.starts_with(b"GCOL") {
        return true;
    }
    let header = (8 + length_bytes).next_multiple_of(8);
    let mut at = header;
    while let Some(object) = collection.get(at..at + header) {
        let mut wide = [0; 8];
        wide[..length_bytes].copy_from_slice(&object[8..8 + length_bytes]);
        let size = u64::from_le_bytes(wide);
        let is_free = object[..2] == [0, 0];
        // As the library counts, which may wrap around.
        let need = if is_free { size } else { (size.wrapping_add(7) / 8).wrapping_mul(8).wrapping_add(header as u64) };
        if need == 0 {
            return false;
        }
        let Some(next) = usize::try_from(need).ok().and_then(|need| at.checked_add(need)) else { return true };
        at = next;
        // What is behind the end is an error there.
        if at > collection.len() {
            return true;
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_collection_is_walked_as_the_library_does() {
        let object = |index: u16, size: u64| [&index.to_le_bytes()[..], &[1, 0, 0, 0, 0, 0], &size.to_le_bytes()].concat();
        let of = |objects: &[Vec<u8>]| {
            let mut bytes = b"GCOL\x01\0\0\0".to_vec();
            bytes.extend(4096u64.to_le_bytes());
            bytes.extend(objects.concat());
            bytes
        };
        let text = [object(1, 5), vec![7; 8]].concat();
        assert!(ends(&of(&[text.clone(), object(0, 4056)]), 8));
        assert!(ends(&of(&[]), 8) && ends(b"GCO", 8) && ends(b"", 8));
        assert!(!ends(&of(&[text.clone(), object(0, 0)]), 8), "zeros");
        // Their sum with the header of an object wraps around to nothing.
        assert!(!ends(&of(&[object(3, u64::MAX - 20)]), 8));
        assert!(ends(&of(&[object(3, u64::MAX - 40)]), 8) && ends(&of(&[object(0, u64::MAX)]), 8));
    }
}
