//! Fixed and extensible arrays → chunks. These index datasets of libver "latest" with no or one unlimited
//! axis.
//! Source: HDF5 File Format Specification 3.0, sections VII.C and VII.D; libhdf5's `H5EAhdr.c` for the
//! sizes of super blocks.

use super::chunk_table::{Found, Grid};
use super::header::{Cursor, Raw, UNDEFINED};
use crate::error::Result;
use crate::grid::unravel;

/// The size of an element: an address, and with filters the stored size and the mask.
struct Element {
    bytes: usize,
    size_bytes: usize,
}

impl Element {
    /// Of an array that says so of them, where a stored size takes `size_bytes`.
    ///
    /// # Errors
    /// `Store` for other elements: libhdf5 would take parts of one for another.
    fn new(raw: &Raw<'_>, client: u8, bytes: u8, size_bytes: usize, at: u64) -> Result<Element> {
        let bytes = usize::from(bytes);
        let expected = match size_bytes {
            0 => (0, raw.offset_bytes),
            n => (1, raw.offset_bytes + n + 4),
        };
        if (client, bytes) != expected {
            let what = format!("chunk index elements of kind {client} and {bytes} bytes, expected kind {} and {}", expected.0, expected.1);
            return Err(raw.corrupt(at, &what));
        }
        Ok(Element { bytes, size_bytes })
    }

    /// Adds `n` elements from `number` on.
    fn add(&self, c: &mut Cursor<'_>, n: u64, number: u64, order: &Order<'_>, at: u64, found: &mut Found<'_>) -> Result<()> {
        for i in 0..n {
            let address = c.offset()?;
            let (len, mask) = match self.size_bytes {
                0 => (order.grid.chunk_bytes.into(), 0),
                n => (c.number(n)?, c.u32()?),
            };
            if address != UNDEFINED {
                found.add(&order.place(number + i), address, len, mask, at)?;
            }
        }
        Ok(())
    }
}

/// How element numbers become places in the grid: C order at the largest extent, the unlimited axis first.
struct Order<'a> {
    grid: &'a Grid<'a>,
    unlimited: usize,
    counts: Vec<u64>,
}

impl<'a> Order<'a> {
    fn new(raw: &Raw<'_>, grid: &'a Grid<'a>, at: u64) -> Result<Order<'a>> {
        let unlimited = grid.counts_max.iter().position(|&n| n == u64::MAX).unwrap_or(0);
        let mut counts = grid.counts_max.clone();
        if !counts.is_empty() {
            let first = counts.remove(unlimited);
            counts.insert(0, first);
        }
        if counts.iter().skip(1).any(|&n| n == 0 || n == u64::MAX) || crate::grid::element_count(counts.get(1..).unwrap_or(&[])).is_none() {
            return Err(raw.corrupt(at, "a chunk index that does not fit the dataset's extents"));
        }
        Ok(Order { grid, unlimited, counts })
    }
    fn place(&self, number: u64) -> Vec<u64> {
        let inner: u64 = self.counts[1..].iter().product();
        let mut place = unravel(number % inner, &self.counts[1..]);
        place.insert(self.unlimited, number / inner);
        place
    }
}

/// Whether bit `i` is set; bits count from the top of each byte.
fn bit(bits: &[u8], i: u64) -> bool {
    bits.get((i / 8) as usize).is_some_and(|byte| byte & (0x80 >> (i % 8)) != 0)
}

/// Which pages of a data block were ever written.
#[derive(Clone, Copy)]
struct Pages<'a> {
    /// One stream of bits over all data blocks of the super block: a block's bits may start inside a byte.
    bits: &'a [u8],
    /// The bit of the block's first page.
    first: u64,
}

/// What the header of a fixed array says.
struct FixedHeader {
    element: Element,
    page_bits: u8,
    /// Elements.
    count: u64,
    /// Where its data block lies.
    block: u64,
}

impl FixedHeader {
    /// Of the array at `at` for chunks numbered by the grid of the largest extents. libhdf5 looks at each element that the header speaks of.
    ///
    /// # Errors
    /// `Store` for what is none, or has other elements than that grid.
    fn read(raw: &Raw<'_>, at: u64, counts_max: &[u64], size_bytes: usize) -> Result<FixedHeader> {
        let head = raw.checked(at, 8 + raw.length_bytes + raw.offset_bytes + 4, "fixed array header")?;
        let mut c = raw.cursor(&head, at);
        c.expect(b"FAHD\0", "a fixed array (FAHD)")?;
        let [client, element_bytes, page_bits] = [c.u8()?, c.u8()?, c.u8()?];
        let (count, block) = (c.length()?, c.offset()?);
        if crate::grid::element_count(counts_max) != Some(count) {
            return Err(raw.corrupt(at, &format!("a fixed array of {count} chunks for a grid of {counts_max:?}")));
        }
        let element = Element::new(raw, client, element_bytes, size_bytes, at)?;
        Ok(FixedHeader { element, page_bits, count, block })
    }
}

/// Refuses a fixed array of other elements than one for each chunk.
///
/// # Errors
/// `Store` for such an array.
pub(super) fn require_fixed(raw: &Raw<'_>, at: u64, counts_max: &[u64], size_bytes: usize) -> Result<()> {
    FixedHeader::read(raw, at, counts_max, size_bytes).map(drop)
}

/// Walks a fixed array.
pub(super) fn fixed(raw: &Raw<'_>, grid: &Grid<'_>, at: u64, found: &mut Found<'_>) -> Result<()> {
    let FixedHeader { element, page_bits, count, block } = FixedHeader::read(raw, at, &grid.counts_max, grid.size_bytes)?;
    if block == UNDEFINED {
        return Ok(());
    }
    // Elements past the largest extent would be none of ours: their number is known beforehand.
    let order = Order { grid, unlimited: 0, counts: grid.counts_max.clone() };
    if page_bits > 32 || count == 0 {
        return Err(raw.corrupt(at, &format!("a fixed array of {count} chunks in pages of 2^{page_bits}")));
    }
    let page = 1u64 << page_bits;
    let prefix = 6 + raw.offset_bytes;
    let fits = |n: u64| n.checked_mul(element.bytes as u64).filter(|&n| n <= raw.len).map(|n| n as usize);
    if count <= page {
        let Some(len) = fits(count) else { return Err(raw.corrupt(block, "a fixed array larger than the file")) };
        let body = raw.checked(block, prefix + len + 4, "fixed array")?;
        let mut c = raw.cursor(&body, block);
        c.expect(b"FADB\0", "a fixed array block (FADB)")?;
        c.take(prefix - 5)?;
        return element.add(&mut c, count, 0, &order, block, found);
    }
    let pages = count.div_ceil(page);
    let (Some(page_len), Some(_)) = (fits(page), fits(count)) else {
        return Err(raw.corrupt(block, "a fixed array larger than the file"));
    };
    let head_len = prefix + pages.div_ceil(8) as usize + 4;
    let head = raw.checked(block, head_len, "fixed array")?;
    let mut c = raw.cursor(&head, block);
    c.expect(b"FADB\0", "a fixed array block (FADB)")?;
    c.take(prefix - 5)?;
    let written = c.take(pages.div_ceil(8) as usize)?;
    for i in 0..pages {
        if !bit(written, i) {
            continue;
        }
        let n = page.min(count - i * page);
        let at = block + head_len as u64 + i * (page_len as u64 + 4);
        let body = raw.checked(at, n as usize * element.bytes + 4, "fixed array page")?;
        element.add(&mut raw.cursor(&body, at), n, i * page, &order, at, found)?;
    }
    Ok(())
}

/// What an extensible array's header says.
struct Extensible {
    element: Element,
    /// Bytes of a block's offset.
    offset_bytes: usize,
    page: u64,
    /// Elements that were ever set; none lies past them.
    set: u64,
}

/// Bytes of an extensible array's header before its numbers of things: signature, version, client, and six widths.
const EXTENSIBLE_PREFIX: usize = 12;

/// So many chunks are looked at in less than a second.
const LOOKED_AT_MAX: u64 = 1 << 22;

/// Refuses an extensible array that is said to hold elements where neither the grid nor the file has any, since libhdf5 looks at each;
/// and one of other elements.
///
/// # Errors
/// `Store` for such an array.
pub(super) fn require_extensible(raw: &Raw<'_>, at: u64, counts: &[u64], counts_max: &[u64], size_bytes: usize) -> Result<()> {
    let head = raw.checked(at, EXTENSIBLE_PREFIX + 6 * raw.length_bytes + raw.offset_bytes + 4, "extensible array header")?;
    let mut c = raw.cursor(&head, at);
    c.expect(b"EAHD\0", "an extensible array (EAHD)")?;
    Element::new(raw, c.u8()?, c.u8()?, size_bytes, at)?;
    c.take(EXTENSIBLE_PREFIX - 7 + 4 * raw.length_bytes)?;
    let (set, there) = (c.length()?, c.length()?);
    // numbered by the largest extents, but for the unlimited axis
    let grid = counts.iter().zip(counts_max).map(|(&n, &most)| if most == u64::MAX { n } else { most }).fold(1, u64::saturating_mul);
    // once the array has shrunk there may be more, of which those that are there have an address each
    let has_shrunk = set <= LOOKED_AT_MAX || (set <= there && there.saturating_mul(raw.offset_bytes as u64) <= raw.len);
    if set > grid && !has_shrunk {
        return Err(raw.corrupt(at, &format!("an extensible array of {set} chunks for a grid of {grid}")));
    }
    Ok(())
}

/// Walks an extensible array.
pub(super) fn extensible(raw: &Raw<'_>, grid: &Grid<'_>, at: u64, found: &mut Found<'_>) -> Result<()> {
    let head = raw.checked(at, EXTENSIBLE_PREFIX + 6 * raw.length_bytes + raw.offset_bytes + 4, "extensible array header")?;
    let mut c = raw.cursor(&head, at);
    c.expect(b"EAHD\0", "an extensible array (EAHD)")?;
    let client = c.u8()?;
    let element = Element::new(raw, client, c.u8()?, grid.size_bytes, at)?;
    let (max_bits, in_index, block_min, pointers_min, page_bits) = (c.u8()?, c.u8()?, c.u8()?, c.u8()?, c.u8()?);
    for _ in 0..4 {
        c.length()?;
    }
    let set = c.length()?;
    c.length()?;
    let index = c.offset()?;
    if index == UNDEFINED {
        return Ok(());
    }
    let powers = block_min.is_power_of_two() && pointers_min.is_power_of_two() && pointers_min > 1;
    if !powers || max_bits > 64 || u32::from(max_bits) < block_min.ilog2() || page_bits > 32 {
        return Err(raw.corrupt(at, "an extensible array with impossible parameters"));
    }
    let order = Order::new(raw, grid, at)?;
    let array = Extensible { element, offset_bytes: usize::from(max_bits).div_ceil(8), page: 1 << page_bits, set };
    let super_blocks = 1 + (u32::from(max_bits) - block_min.ilog2());
    let direct_supers = 2 * pointers_min.ilog2();
    let direct_blocks = 2 * (usize::from(pointers_min) - 1);
    let indirect = super_blocks.saturating_sub(direct_supers) as usize;
    let prefix = 6 + raw.offset_bytes;
    let len = prefix + usize::from(in_index) * array.element.bytes + (direct_blocks + indirect) * raw.offset_bytes + 4;
    let body = raw.checked(index, len, "extensible array index")?;
    let mut c = raw.cursor(&body, index);
    c.expect(b"EAIB\0", "an extensible array index (EAIB)")?;
    c.take(prefix - 5)?;
    array.element.add(&mut c, in_index.into(), 0, &order, index, found)?;
    let mut number = u64::from(in_index);
    for s in 0..super_blocks {
        // Super block s holds 2^⌊s/2⌋ data blocks of 2^⌈s/2⌉ · block_min elements.
        let (blocks, elements) = (1u64 << (s / 2), (1u64 << s.div_ceil(2)).saturating_mul(block_min.into()));
        if number >= array.set {
            break;
        }
        if s < direct_supers {
            for i in 0..blocks {
                let block = c.offset()?;
                array.data_block(raw, block, number + i * elements, elements, None, &order, found)?;
            }
        } else {
            let at = c.offset()?;
            if at != UNDEFINED {
                array.super_block(raw, at, number, blocks, elements, &order, found)?;
            }
        }
        number = number.saturating_add(blocks.saturating_mul(elements));
    }
    Ok(())
}

impl Extensible {
    fn super_block(
        &self,
        raw: &Raw<'_>,
        at: u64,
        number: u64,
        blocks: u64,
        elements: u64,
        order: &Order<'_>,
        found: &mut Found<'_>,
    ) -> Result<()> {
        let pages = if elements > self.page { elements / self.page } else { 0 };
        // Room is kept for whole bytes a block, though the bits lie without gaps.
        let bits_bytes = pages.div_ceil(8);
        let prefix = (6 + raw.offset_bytes + self.offset_bytes) as u64;
        let len =
            blocks.checked_mul(bits_bytes + raw.offset_bytes as u64).and_then(|n| n.checked_add(prefix + 4)).filter(|&n| n <= raw.len);
        let Some(len) = len else { return Err(raw.corrupt(at, "an extensible array larger than the file")) };
        let body = raw.checked(at, len as usize, "extensible array super block")?;
        let mut c = raw.cursor(&body, at);
        c.expect(b"EASB\0", "an extensible array super block (EASB)")?;
        c.take(prefix as usize - 5)?;
        let bits = c.take((blocks * bits_bytes) as usize)?;
        for i in 0..blocks {
            let block = c.offset()?;
            let written = (pages > 0).then_some(Pages { bits, first: i * pages });
            self.data_block(raw, block, number + i * elements, elements, written, order, found)?;
        }
        Ok(())
    }

    fn data_block(
        &self,
        raw: &Raw<'_>,
        at: u64,
        number: u64,
        elements: u64,
        pages: Option<Pages<'_>>,
        order: &Order<'_>,
        found: &mut Found<'_>,
    ) -> Result<()> {
        if at == UNDEFINED || number >= self.set {
            return Ok(());
        }
        let prefix = 6 + raw.offset_bytes + self.offset_bytes;
        let bytes = elements.checked_mul(self.element.bytes as u64).filter(|&n| n <= raw.len);
        let Some(bytes) = bytes else { return Err(raw.corrupt(at, "an extensible array larger than the file")) };
        let Some(written) = pages else {
            let body = raw.checked(at, prefix + bytes as usize + 4, "extensible array block")?;
            let mut c = raw.cursor(&body, at);
            c.expect(b"EADB\0", "an extensible array block (EADB)")?;
            c.take(prefix - 5)?;
            return self.element.add(&mut c, elements, number, order, at, found);
        };
        let head = raw.checked(at, prefix + 4, "extensible array block")?;
        raw.cursor(&head, at).expect(b"EADB\0", "an extensible array block (EADB)")?;
        let page_len = self.page * self.element.bytes as u64;
        for i in 0..elements / self.page {
            if !bit(written.bits, written.first + i) {
                continue;
            }
            let at = at + (prefix + 4) as u64 + i * (page_len + 4);
            let body = raw.checked(at, page_len as usize + 4, "extensible array page")?;
            self.element.add(&mut raw.cursor(&body, at), self.page, number + i * self.page, order, at, found)?;
        }
        Ok(())
    }
}
