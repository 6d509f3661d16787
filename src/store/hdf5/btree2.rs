//! Version 2 B-trees → their records, of chunks, attributes and large objects of heaps.
//!
//! Nodes are visited once each, and a node is a level below the one that leads to it, so no pointer in the file makes a walk endless.
//! Source: HDF5 File Format Specification 3.0, section III.A.2.

use super::header::{Raw, UNDEFINED};
use crate::error::Result;
use std::collections::HashSet;

/// Signature, version and kind before a node's records, its checksum behind them.
const PREFIX: usize = 10;
/// Larger nodes and deeper trees are lies.
const NODE_BYTES_MAX: usize = 16 << 20;
const DEPTH_MAX: usize = 32;

/// A tree, by its header.
#[derive(Debug)]
pub(super) struct Tree {
    /// What the records are of.
    pub(super) kind: u8,
    /// Bytes of each.
    pub(super) record_bytes: usize,
    node_bytes: usize,
    depth: usize,
    root: u64,
    /// Records in the root.
    used: usize,
    /// Records in all.
    total: u64,
}

/// Bytes that hold numbers up to `limit`, as libhdf5 counts them.
fn width_of(limit: u64) -> usize {
    limit.max(1).ilog2() as usize / 8 + 1
}

impl Tree {
    /// The tree whose header is at `at`.
    ///
    /// # Errors
    /// `Store` for a header that is damaged.
    pub(super) fn open(raw: &Raw<'_>, at: u64) -> Result<Tree> {
        let len = 4 + 1 + 1 + 4 + 2 + 2 + 1 + 1 + raw.offset_bytes + 2 + raw.length_bytes + 4;
        let head = raw.checked(at, len, "version 2 B-tree header")?;
        let mut c = raw.cursor(&head, at);
        c.expect(b"BTHD\0", "a version 2 B-tree (BTHD)")?;
        let (kind, node_bytes, record_bytes, depth) = (c.u8()?, c.u32()? as usize, c.number(2)? as usize, c.number(2)? as usize);
        c.take(2)?;
        let (root, used, total) = (c.offset()?, c.number(2)? as usize, c.length()?);
        if record_bytes == 0 || node_bytes < PREFIX + record_bytes || node_bytes > NODE_BYTES_MAX || depth > DEPTH_MAX {
            return Err(raw.corrupt(at, &format!("B-tree nodes of {node_bytes} bytes, records of {record_bytes} and depth {depth}")));
        }
        Ok(Tree { kind, record_bytes, node_bytes, depth, root, used, total })
    }

    /// Shows each record, and the address of its node.
    ///
    /// # Errors
    /// `Store` for a node that is damaged, or another number of records than the header says, which libhdf5 takes as filled; those of `visit`.
    pub(super) fn records(&self, raw: &Raw<'_>, mut visit: impl FnMut(&[u8], u64) -> Result<()>) -> Result<()> {
        let Tree { record_bytes: record, node_bytes: node, depth, root, used, total: told, .. } = *self;
        let mut shown = 0;
        // How many records fit a node at each level, and how wide counts of them are stored.
        let leaf = (node - PREFIX) / record;
        let count_bytes = width_of(leaf as u64);
        let mut total_bytes = vec![0usize];
        let mut total = leaf as u64;
        for level in 1..=depth {
            let pointer = raw.offset_bytes + count_bytes + total_bytes[level - 1];
            let fits = node.saturating_sub(PREFIX + pointer) / (record + pointer);
            total = (fits as u64 + 1).saturating_mul(total).saturating_add(fits as u64);
            total_bytes.push(width_of(total));
        }
        let mut seen = HashSet::new();
        let mut open = if root == UNDEFINED { vec![] } else { vec![(root, used, depth)] };
        while let Some((at, used, level)) = open.pop() {
            if !seen.insert(at) {
                return Err(raw.corrupt(at, "a B-tree points to one node twice"));
            }
            let pointer = raw.offset_bytes + count_bytes + if level > 0 { total_bytes[level - 1] } else { 0 };
            let len = PREFIX + used * record + if level > 0 { (used + 1) * pointer } else { 0 };
            if len > node {
                return Err(raw.corrupt(at, &format!("{used} records in a B-tree node of {node} bytes")));
            }
            let body = raw.checked(at, len, "version 2 B-tree node")?;
            let mut c = raw.cursor(&body, at);
            c.expect(if level > 0 { b"BTIN\0" } else { b"BTLF\0" }, "a version 2 B-tree node")?;
            c.take(1)?;
            for _ in 0..used {
                visit(c.take(record)?, at)?;
                shown += 1;
            }
            if level > 0 {
                for _ in 0..=used {
                    let (child, n) = (c.offset()?, c.number(count_bytes)? as usize);
                    c.take(total_bytes[level - 1])?;
                    open.push((child, n, level - 1));
                }
            }
        }
        if shown != told {
            return Err(raw.corrupt(root, &format!("{shown} records in a B-tree that is said to have {told}")));
        }
        Ok(())
    }
}
