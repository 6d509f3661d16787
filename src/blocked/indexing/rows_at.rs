//! Rows of a table at known places, in two passes: the table is read once, in boxes of its rows, and each task hands on the rows that are asked of its
//! box, in the order in which they stand in the result, in small blocks. Then each block of the result is put together of the blocks that
//! hold its rows: of each box those between two places in a list, since rows of the result ascend there. Rows that many ask for are handed on
//! as often; those of one box in several tasks, where they are more than a box has.
//!
//! Where `n` rows are cut into boxes and blocks of `r` rows, a block of the result finds `r² / n` of its rows in each box: with as few boxes as
//! memory allows, blocks between are as long as that, and I/O beside the source is each row once to disk and back, and blocks at the seams twice.

use super::table_rows::TableRows;
use crate::blocked::blocking;
use crate::blocked::feed::Feed;
use crate::blocked::lower::{Lower, Lowering};
use crate::blocked::made::Blocked;
use crate::blocked::need::ROUNDING_BYTES;
use crate::budget::Budget;
use crate::error::Result;
use crate::expr::Expr;
use crate::expr::ops::{Places, RowsAt};
use crate::grid::{AxisChunks, BlockId, ChunkGrid};
use crate::memory::{BlockKey, rounded};
use crate::plan::{Drive, Parts, Product, Stage, TaskBlocks, TaskSpec, Write};
use crate::sizes::{TAKEN_PLACE_SHARE_BYTES, TAKEN_ROW_SHARE};
use flagstone_kernels::program::Reg;
use std::ops::Range;
use std::sync::Arc;

/// How rows are handed on from the table to the result.
struct Handed {
    places: Arc<Places>,
    /// How the table and the result are cut.
    cuts: [AxisChunks; 2],
    /// Where chunks of the table end.
    chunks: AxisChunks,
    /// Rows of a task at most, and of a block between.
    task_rows: u64,
    block_rows: u64,
    row_bytes: u64,
    /// The rows of the result by the task that reads them, and ascending there.
    rows: Vec<u32>,
    /// A task that reads the table each.
    groups: Vec<Group>,
    /// Of the blocks between. Task n writes the blocks `n * per_task`, + 1, ….
    product: Product,
}

/// Rows that a task hands on.
struct Group {
    /// Where in the list.
    rows: Range<usize>,
    /// The places between which they all are.
    places: Range<u64>,
}

impl Handed {
    /// As many rows at once as `most` elements are, whatever the places are.
    fn new(of: &RowsAt, feed: &Feed, most: u64, budget: &Budget) -> Handed {
        /// Bytes of the pool's books of a block that is spilled, with what stands beside it.
        const BOOKS_BYTES: u64 = 320;

        let (n, rows) = (of.table.shape[0], of.chunks.axes[0].len());
        let row = of.table.elements() / n.max(1);
        let task_rows = (most / row.max(1)).max(1);
        let chunks = blocking::natural(feed).cuts.swap_remove(0);
        let table = chunks.join(task_rows / chunks.longest().max(1)).split(task_rows);
        let mut handed = Handed {
            places: Arc::default(),
            cuts: [table, AxisChunks::regular(rows, task_rows)],
            chunks,
            task_rows,
            block_rows: 1,
            row_bytes: row.saturating_mul(of.table.dtype.size() as u64),
            rows: Vec::new(),
            groups: Vec::new(),
            product: Product::new("rows", 0),
        };
        // a quarter of those of a block of the result that a task has, since the blocks at their ends are shared with others; and
        // books take no more than an eighth of the memory
        let fair = task_rows / handed.tasks_max().max(1) / 4;
        let few = rows.saturating_mul(8 * BOOKS_BYTES) / budget.memory_bytes.max(1);
        handed.block_rows = fair.max(few).clamp(1, task_rows);
        handed.product.blocks = handed.tasks_max().saturating_mul(handed.per_task());
        handed
    }

    /// The same of these places; none if they are not read yet.
    fn of(mut self, places: &Arc<Places>) -> Handed {
        if !places.of.is_empty() {
            (self.rows, self.groups) = grouped(places, (&self.cuts[0], &self.chunks), self.task_rows);
            self.product.blocks = self.groups.len() as u64 * self.per_task();
            self.places = places.clone();
        }
        self
    }

    /// Numbers of blocks that a task has.
    fn per_task(&self) -> u64 {
        self.task_rows.div_ceil(self.block_rows)
    }

    /// How many tasks read the table at most, whatever the places are.
    fn tasks_max(&self) -> u64 {
        let [table, result] = &self.cuts;
        // of a box two that follow one another have more rows than a task
        let full = result.len().div_ceil(self.task_rows).saturating_mul(2);
        full.saturating_add(table.count()).min(result.len())
    }

    /// The rows of the `at`-th block of a task.
    fn block(&self, group: &Group, at: u64) -> &[u32] {
        let rows = &self.rows[group.rows.clone()];
        let start = ((at * self.block_rows) as usize).min(rows.len());
        &rows[start..rows.len().min(start + self.block_rows as usize)]
    }

    /// Where among a task's rows those of the `n`-th block of the result are.
    fn part(&self, group: &Group, n: u64) -> Range<usize> {
        let (start, len) = self.cuts[1].chunk(n);
        let rows = &self.rows[group.rows.clone()];
        rows.partition_point(|&row| u64::from(row) < start)..rows.partition_point(|&row| u64::from(row) < start + len)
    }

    /// The blocks in which a part of a task's rows is.
    fn blocks(&self, part: &Range<usize>) -> Range<u64> {
        let (start, end) = (part.start as u64, part.end as u64);
        if start == end { 0..0 } else { start / self.block_rows..end.div_ceil(self.block_rows) }
    }

    fn key(&self, task: u64, at: u64) -> BlockKey {
        BlockKey { product: self.product.id, block: task * self.per_task() + at }
    }
}

/// The rows of the result by the task that reads them: one for each of the table's boxes, and several where more than `most` are of one, which end
/// where a chunk does, unless more than that are of one chunk.
fn grouped(places: &Places, (table, chunks): (&AxisChunks, &AxisChunks), most: u64) -> (Vec<u32>, Vec<Group>) {
    let mut rows = places.order.clone();
    let mut groups = Vec::new();
    let mut start = 0;
    while start < rows.len() {
        let place = |at: usize| u64::from(places.of[places.order[at] as usize]);
        let before = |end: u64| start + places.order[start..].partition_point(|&row| u64::from(places.of[row as usize]) < end);
        let (first, len) = table.chunk(table.find(place(start)));
        let (inside, full) = (before(first + len), start + most as usize);
        let end = if inside <= full {
            inside
        } else {
            let (chunk, _) = chunks.chunk(chunks.find(place(full)));
            Some(before(chunk)).filter(|&end| end > start).unwrap_or(full)
        };
        rows[start..end].sort_unstable();
        groups.push(Group { rows: start..end, places: place(start)..place(end - 1) + 1 });
        start = end;
    }
    (rows, groups)
}

/// Reads the table in order, a task a group.
struct ReadStage {
    handed: Arc<Handed>,
    table: TableRows,
}

impl ReadStage {
    fn new(handed: Arc<Handed>, feed: &Feed, reg: Reg) -> ReadStage {
        ReadStage { table: TableRows::new(feed, reg, &handed.cuts[0], handed.row_bytes), handed }
    }

    /// What a task holds at most.
    fn bytes(&self) -> u64 {
        let Handed { task_rows, row_bytes, .. } = *self.handed;
        let written = task_rows.saturating_mul(row_bytes).saturating_add(self.handed.per_task().saturating_mul(ROUNDING_BYTES));
        rounded(self.table.scratch_bytes).saturating_add(written).saturating_add(self.table.blocks_bytes())
    }
}

impl Stage for ReadStage {
    fn name(&self) -> &str {
        "rows"
    }
    fn products(&self) -> &[Product] {
        std::slice::from_ref(&self.handed.product)
    }
    fn inputs(&self) -> Vec<u64> {
        self.table.products()
    }
    fn tasks(&self) -> u64 {
        self.handed.product.blocks / self.handed.per_task()
    }
    fn demand_bytes(&self) -> u64 {
        // under less the places would not have been read (`Sizes::within`), and the operation would need what it needs without them
        let places = self.handed.cuts[1].len().saturating_mul(TAKEN_PLACE_SHARE_BYTES - Places::BYTES);
        self.bytes().max(places).max(self.handed.row_bytes.saturating_mul(TAKEN_ROW_SHARE))
    }
    fn describe(&self, n: u64, spec: &mut TaskSpec) {
        let group = &self.handed.groups[n as usize];
        self.table.describe(&group.places, spec);
        spec.writes.extend((0..self.handed.blocks(&(0..group.rows.len())).end).map(|at| {
            let bytes = self.handed.block(group, at).len() as u64 * self.handed.row_bytes;
            Write { key: self.handed.key(n, at), bytes, takes: None }
        }));
        spec.scratch_bytes = self.table.scratch_bytes;
    }
    fn readers(&self, product: u64, block: BlockId) -> u64 {
        self.table.readers(product, block, &self.handed.groups, |group| &group.places)
    }
    fn producer(&self, _product: u64, block: BlockId) -> u64 {
        block / self.handed.per_task()
    }
    fn prefetch(&self, n: u64) {
        self.table.prefetch(&self.handed.groups[n as usize].places);
    }
    fn moved_bytes(&self) -> u64 {
        self.table.moved_bytes()
    }
    fn run(&self, n: u64, blocks: &mut TaskBlocks) -> Result<()> {
        let (group, row_bytes) = (&self.handed.groups[n as usize], self.handed.row_bytes as usize);
        let Parts { reads, writes, scratch, counters } = blocks.parts();
        let held = self.table.rows(&group.places, &reads, scratch, counters)?;
        for (at, write) in writes.into_iter().enumerate() {
            for (&row, to) in self.handed.block(group, at as u64).iter().zip(write.chunks_exact_mut(row_bytes)) {
                let place = u64::from(self.handed.places.of[row as usize]) - group.places.start;
                to.copy_from_slice(&held[place as usize * row_bytes..][..row_bytes]);
            }
        }
        Ok(())
    }
}

/// Puts rows where they belong, a task a block of the result.
struct PutStage {
    handed: Arc<Handed>,
    product: Product,
}

impl Stage for PutStage {
    fn name(&self) -> &str {
        "take"
    }
    fn products(&self) -> &[Product] {
        std::slice::from_ref(&self.product)
    }
    fn inputs(&self) -> Vec<u64> {
        vec![self.handed.product.id]
    }
    fn tasks(&self) -> u64 {
        self.handed.cuts[1].count()
    }
    fn demand_bytes(&self) -> u64 {
        let Handed { block_rows, row_bytes, .. } = *self.handed;
        let rows = self.handed.cuts[1].longest();
        // each block has a row that is wanted, and is full but for two of a task
        let blocks = (rows / block_rows).saturating_add(self.handed.tasks_max().min(rows).saturating_mul(2)).min(rows);
        let read = blocks.saturating_mul(rounded(block_rows.saturating_mul(row_bytes)));
        rounded(rows.saturating_mul(row_bytes)).saturating_add(read)
    }
    fn describe(&self, n: u64, spec: &mut TaskSpec) {
        for (task, group) in self.handed.groups.iter().enumerate() {
            let blocks = self.handed.blocks(&self.handed.part(group, n));
            spec.reads.extend(blocks.map(|at| self.handed.key(task as u64, at)));
        }
        let bytes = self.handed.cuts[1].chunk(n).1 * self.handed.row_bytes;
        spec.writes.push(Write { key: BlockKey { product: self.product.id, block: n }, bytes, takes: None });
    }
    fn readers(&self, product: u64, block: BlockId) -> u64 {
        if product != self.handed.product.id {
            return 0;
        }
        let group = &self.handed.groups[(block / self.handed.per_task()) as usize];
        let mut rows = self.handed.block(group, block % self.handed.per_task());
        let mut readers = 0;
        while let Some(&row) = rows.first() {
            let (start, len) = self.handed.cuts[1].chunk(self.handed.cuts[1].find(u64::from(row)));
            rows = &rows[rows.partition_point(|&row| u64::from(row) < start + len)..];
            readers += 1;
        }
        readers
    }
    fn producer(&self, _product: u64, block: BlockId) -> u64 {
        block
    }
    fn moved_bytes(&self) -> u64 {
        0
    }
    fn run(&self, n: u64, blocks: &mut TaskBlocks) -> Result<()> {
        let (handed, row_bytes) = (&self.handed, self.handed.row_bytes as usize);
        let Parts { reads, mut writes, .. } = blocks.parts();
        let (first, out) = (handed.cuts[1].chunk(n).0, &mut writes[0]);
        let mut reads = reads.into_iter();
        for group in &handed.groups {
            let part = handed.part(group, n);
            let within = |at: &(usize, &u32)| part.contains(&at.0);
            for at in handed.blocks(&part) {
                let rows = handed.block(group, at).iter().enumerate().map(|(i, row)| ((at * handed.block_rows) as usize + i, row));
                let block = reads.next().unwrap_or_default();
                for ((_, &row), from) in rows.zip(block.chunks_exact(row_bytes)).filter(|(at, _)| within(at)) {
                    out[(u64::from(row) - first) as usize * row_bytes..][..row_bytes].copy_from_slice(from);
                }
            }
        }
        Ok(())
    }
}

impl Lower for RowsAt {
    fn lower(&self, node: &Expr, lowering: &mut Lowering<'_>) -> Result<Blocked> {
        let (feed, regs) = lowering.feed(&[&self.table], &self.table.shape)?;
        let budget = lowering.budget;
        let stages = |handed: Handed| {
            let handed = Arc::new(handed);
            let product = Product::new("take", handed.cuts[1].count());
            (ReadStage::new(handed.clone(), &feed, regs[0]), PutStage { handed, product })
        };
        let (work, of) = (budget.work(), |most: u64| Handed::new(self, &feed, most, budget));
        let least = work.least_elements.max(1);
        let sizes = std::iter::successors(Some(work.run_elements_max.max(least)), |most| Some(most / 2)).take_while(|&most| most >= least);
        let demand = |(read, put): &(ReadStage, PutStage)| read.bytes().max(put.demand_bytes());
        let planned = sizes.map(|most| (most, demand(&stages(of(most)))));
        let (most, _) = blocking::first_within(planned, |(_, bytes)| *bytes, budget.share_bytes() / 2);
        let (read, put) = stages(of(most).of(&self.places));
        let mut axes = node.chunks.axes.clone();
        axes[1..].iter_mut().for_each(|axis| *axis = AxisChunks::whole(axis.len()));
        axes[0] = put.handed.cuts[1].clone();
        let made = Blocked { product: put.product.id, grid: ChunkGrid { axes } };
        let rank = lowering.rank_of(&read.inputs());
        lowering.push(read, Drive::Ranked(rank));
        lowering.push(put, Drive::Pulled);
        Ok(made)
    }
}
