//! Short rows of a table at places that were read, in three passes over blocks. *Ask*: each block of places is taken apart by the parts of
//! the table in which they are. *Answer*: each part of the table is read once, and gives what is asked of it, block by block, as far as
//! what a task answers is no more than a block; more is answered by several tasks. *Put*: each block of the result takes the answers of all parts in
//! the order in which it asked.
//!
//! Beside the table and the places, each place is written and read once as it is asked, and each row as it is answered. The lengths of the
//! blocks between follow from how many places of each block are in each part, which was counted when the places were read.

use super::parts::Parts as PartsOf;
use super::table_rows::TableRows;
use super::take_elements::Place;
use crate::blocked::lower::{Lower, Lowering};
use crate::blocked::made::Blocked;
use crate::blocked::need::ROUNDING_BYTES;
use crate::blocked::work::Layout;
use crate::error::Result;
use crate::expr::Expr;
use crate::expr::ops::{Asked, ElementsAt};
use crate::grid::{AxisChunks, BlockId, ChunkGrid};
use crate::memory::{BlockKey, rounded};
use crate::plan::{Drive, Parts, Product, Stage, TaskBlocks, TaskSpec, Write};
use bytemuck::{cast_slice, cast_slice_mut};
use flagstone_kernels::dtype::DType;
use flagstone_kernels::lookup;
use std::ops::Range;
use std::sync::Arc;

/// What is asked of each part of a table, and answered.
struct Exchange {
    asked: Arc<Asked>,
    row_bytes: u64,
    /// A task that answers each, by parts, then by blocks.
    groups: Vec<Group>,
    /// The blocks of one part by the block that asks: where they are in the part, and the rows. Block t asks part p by the block `t * parts + p`.
    questions: Product,
    answers: Product,
}

/// What a task answers.
struct Group {
    part: u64,
    /// The blocks that ask.
    blocks: Range<u64>,
    /// The places of the part.
    places: Range<u64>,
}

impl Exchange {
    fn new(asked: Arc<Asked>, row_bytes: u64) -> Exchange {
        let groups = groups(&asked);
        let product = |name: &str| Product::new(name, asked.pairs());
        Exchange { row_bytes, groups, questions: product("places by parts"), answers: product("rows by parts"), asked }
    }

    fn parts(&self) -> u64 {
        self.asked.parts.count()
    }

    /// How many places of block `t` are in part `p`.
    fn count(&self, t: u64, p: u64) -> u64 {
        self.asked.counts[(t * self.parts() + p) as usize].into()
    }

    /// The parts that block `t` asks.
    fn of_block(&self, t: u64) -> impl Iterator<Item = (u64, u64)> {
        (0..self.parts()).map(move |p| (p, self.count(t, p))).filter(|&(_, count)| count > 0)
    }

    /// The blocks that a group answers.
    fn of_group(&self, group: &Group) -> impl Iterator<Item = (u64, u64)> {
        let p = group.part;
        group.blocks.clone().map(move |t| (t, self.count(t, p))).filter(|&(_, count)| count > 0)
    }

    fn key(&self, product: &Product, t: u64, p: u64) -> BlockKey {
        BlockKey { product: product.id, block: t * self.parts() + p }
    }

    fn places_key(&self, t: u64) -> BlockKey {
        BlockKey { product: self.asked.product, block: t }
    }

    /// Bytes of a block of places at most.
    fn places_bytes(&self) -> u64 {
        rounded(self.asked.blocks.longest().saturating_mul(self.asked.dtype.size() as u64))
    }

    /// Bytes at most of as many items as a block has, in as many blocks as `apart`.
    fn apart_bytes(&self, item: u64, apart: u64) -> u64 {
        let longest = self.asked.blocks.longest();
        longest.saturating_mul(item).saturating_add(apart.min(longest).saturating_mul(ROUNDING_BYTES))
    }
}

/// Which blocks of which part are answered together: those of a part in order, no more than a block has in all.
fn groups(asked: &Asked) -> Vec<Group> {
    if asked.counts.is_empty() {
        return Vec::new();
    }
    let (mut groups, most, parts) = (Vec::new(), asked.blocks.longest(), asked.parts.count());
    for part in 0..parts {
        let (start, len) = asked.parts.chunk(part);
        let (mut first, mut answered) = (0, 0);
        let mut push = |blocks: Range<u64>, answered: u64| {
            if answered > 0 {
                groups.push(Group { part, blocks, places: start..start + len });
            }
        };
        for t in 0..asked.blocks.count() {
            let count = u64::from(asked.counts[(t * parts + part) as usize]);
            if answered + count > most {
                push(first..t, answered);
                (first, answered) = (t, 0);
            }
            answered += count;
        }
        push(first..asked.blocks.count(), answered);
    }
    groups
}

/// Takes blocks of places apart.
struct AskStage {
    exchange: Arc<Exchange>,
    /// Where each part's block is filled.
    layout: Layout<1>,
}

impl AskStage {
    fn new(exchange: Arc<Exchange>) -> AskStage {
        let layout = Layout::new([exchange.parts().saturating_mul(size_of::<[u32; 2]>() as u64)]);
        AskStage { exchange, layout }
    }
}

/// Of each part the number of its block among those at hand, and how much of it was gone through.
fn cursors(scratch: &mut [u8], parts: impl Iterator<Item = (u64, u64)>) -> &mut [[u32; 2]] {
    let cursors: &mut [[u32; 2]] = cast_slice_mut(scratch);
    for (slot, (part, _)) in parts.enumerate() {
        cursors[part as usize] = [slot as u32, 0];
    }
    cursors
}

impl Stage for AskStage {
    fn name(&self) -> &str {
        "places by parts"
    }
    fn products(&self) -> &[Product] {
        std::slice::from_ref(&self.exchange.questions)
    }
    fn inputs(&self) -> Vec<u64> {
        vec![self.exchange.asked.product]
    }
    fn tasks(&self) -> u64 {
        self.exchange.asked.blocks.count()
    }
    fn demand_bytes(&self) -> u64 {
        let written = self.exchange.apart_bytes(size_of::<u32>() as u64, self.exchange.parts());
        self.exchange.places_bytes().saturating_add(written).saturating_add(rounded(self.layout.bytes()))
    }
    fn describe(&self, n: u64, spec: &mut TaskSpec) {
        spec.reads.push(self.exchange.places_key(n));
        let write = |(p, count): (u64, u64)| Write {
            key: self.exchange.key(&self.exchange.questions, n, p),
            bytes: count * size_of::<u32>() as u64,
            takes: None,
        };
        spec.writes.extend(self.exchange.of_block(n).map(write));
        spec.scratch_bytes = self.layout.bytes();
    }
    fn readers(&self, product: u64, _block: BlockId) -> u64 {
        (product == self.exchange.asked.product) as u64
    }
    fn producer(&self, _product: u64, block: BlockId) -> u64 {
        block / self.exchange.parts()
    }
    fn moved_bytes(&self) -> u64 {
        0
    }
    fn run(&self, n: u64, blocks: &mut TaskBlocks) -> Result<()> {
        fn apart<T: Place>(places: &[T], parts: &PartsOf<'_>, cursors: &mut [[u32; 2]], blocks: &mut [&mut [u32]]) {
            for place in places {
                let (part, inside) = parts.of(place.get());
                let [slot, filled] = &mut cursors[part];
                blocks[*slot as usize][*filled as usize] = inside;
                *filled += 1;
            }
        }
        let Parts { reads, writes, scratch, .. } = blocks.parts();
        let [cursor] = self.layout.split(&mut &mut *scratch);
        let cursors = cursors(cursor, self.exchange.of_block(n));
        let mut blocks: Vec<&mut [u32]> = writes.into_iter().map(cast_slice_mut).collect();
        let parts = PartsOf::new(&self.exchange.asked.parts);
        match self.exchange.asked.dtype {
            DType::U32 => apart::<u32>(cast_slice(reads[0]), &parts, cursors, &mut blocks),
            _ => apart::<u64>(cast_slice(reads[0]), &parts, cursors, &mut blocks),
        }
        Ok(())
    }
}

/// Reads the table, a part a task, and answers.
struct AnswerStage {
    exchange: Arc<Exchange>,
    table: TableRows,
}

impl Stage for AnswerStage {
    fn name(&self) -> &str {
        "rows by parts"
    }
    fn products(&self) -> &[Product] {
        std::slice::from_ref(&self.exchange.answers)
    }
    fn inputs(&self) -> Vec<u64> {
        let mut inputs = self.table.products();
        inputs.push(self.exchange.questions.id);
        inputs
    }
    fn tasks(&self) -> u64 {
        self.exchange.groups.len() as u64
    }
    fn demand_bytes(&self) -> u64 {
        let blocks = self.exchange.asked.blocks.count();
        let asked = self.exchange.apart_bytes(size_of::<u32>() as u64, blocks);
        let answered = self.exchange.apart_bytes(self.exchange.row_bytes, blocks);
        let table = rounded(self.table.scratch_bytes).saturating_add(self.table.blocks_bytes());
        table.saturating_add(asked).saturating_add(answered)
    }
    fn describe(&self, n: u64, spec: &mut TaskSpec) {
        let group = &self.exchange.groups[n as usize];
        self.table.describe(&group.places, spec);
        for (t, count) in self.exchange.of_group(group) {
            spec.reads.push(self.exchange.key(&self.exchange.questions, t, group.part));
            let key = self.exchange.key(&self.exchange.answers, t, group.part);
            spec.writes.push(Write { key, bytes: count * self.exchange.row_bytes, takes: None });
        }
        spec.scratch_bytes = self.table.scratch_bytes;
    }
    fn readers(&self, product: u64, block: BlockId) -> u64 {
        let asked = (product == self.exchange.questions.id) as u64;
        asked + self.table.readers(product, block, &self.exchange.groups, |group| &group.places)
    }
    fn producer(&self, _product: u64, block: BlockId) -> u64 {
        let (t, p) = (block / self.exchange.parts(), block % self.exchange.parts());
        self.exchange.groups.partition_point(|group| (group.part, group.blocks.end) <= (p, t)) as u64
    }
    fn prefetch(&self, n: u64) {
        self.table.prefetch(&self.exchange.groups[n as usize].places);
    }
    fn moved_bytes(&self) -> u64 {
        self.table.moved_bytes()
    }
    fn run(&self, n: u64, blocks: &mut TaskBlocks) -> Result<()> {
        let Parts { reads, writes, scratch, counters } = blocks.parts();
        let (of_table, asked) = reads.split_at(reads.len() - writes.len());
        let rows = self.table.rows(&self.exchange.groups[n as usize].places, of_table, scratch, counters)?;
        for (asked, answer) in asked.iter().zip(writes) {
            lookup::gather(rows, self.exchange.row_bytes as usize, cast_slice(asked), answer);
        }
        Ok(())
    }
}

/// Puts answers where they were asked for, a task a block of the result.
struct PutStage {
    exchange: Arc<Exchange>,
    product: Product,
    /// How far each part's answers were gone through.
    layout: Layout<1>,
}

impl Stage for PutStage {
    fn name(&self) -> &str {
        "take"
    }
    fn products(&self) -> &[Product] {
        std::slice::from_ref(&self.product)
    }
    fn inputs(&self) -> Vec<u64> {
        vec![self.exchange.asked.product, self.exchange.answers.id]
    }
    fn tasks(&self) -> u64 {
        self.exchange.asked.blocks.count()
    }
    fn demand_bytes(&self) -> u64 {
        let answered = self.exchange.apart_bytes(self.exchange.row_bytes, self.exchange.parts());
        let written = rounded(self.exchange.asked.blocks.longest().saturating_mul(self.exchange.row_bytes));
        self.exchange.places_bytes().saturating_add(answered).saturating_add(written).saturating_add(rounded(self.layout.bytes()))
    }
    fn describe(&self, n: u64, spec: &mut TaskSpec) {
        spec.reads.push(self.exchange.places_key(n));
        spec.reads.extend(self.exchange.of_block(n).map(|(p, _)| self.exchange.key(&self.exchange.answers, n, p)));
        let bytes = self.exchange.asked.blocks.chunk(n).1 * self.exchange.row_bytes;
        spec.writes.push(Write { key: BlockKey { product: self.product.id, block: n }, bytes, takes: None });
        spec.scratch_bytes = self.layout.bytes();
    }
    fn readers(&self, product: u64, _block: BlockId) -> u64 {
        self.inputs().contains(&product) as u64
    }
    fn producer(&self, _product: u64, block: BlockId) -> u64 {
        block
    }
    fn moved_bytes(&self) -> u64 {
        0
    }
    fn run(&self, n: u64, blocks: &mut TaskBlocks) -> Result<()> {
        let Parts { reads, mut writes, scratch, .. } = blocks.parts();
        let [cursor] = self.layout.split(&mut &mut *scratch);
        let cursors = cursors(cursor, self.exchange.of_block(n));
        let (places, answers) = (reads[0], &reads[1..]);
        let parts = PartsOf::new(&self.exchange.asked.parts);
        let mut next = |place: u64| {
            let [slot, gone] = &mut cursors[parts.of(place).0];
            let at = *gone as usize;
            *gone += 1;
            (*slot as usize, at)
        };
        let (row_bytes, out) = (self.exchange.row_bytes as usize, &mut *writes[0]);
        match self.exchange.asked.dtype {
            DType::U32 => lookup::put(answers, row_bytes, cast_slice::<u8, u32>(places).iter().map(|place| next(place.get())), out),
            _ => lookup::put(answers, row_bytes, cast_slice::<u8, u64>(places).iter().map(|place| next(place.get())), out),
        }
        Ok(())
    }
}

impl Lower for ElementsAt {
    fn lower(&self, node: &Expr, lowering: &mut Lowering<'_>) -> Result<Blocked> {
        let (feed, regs) = lowering.feed(&[&self.table], &self.table.shape)?;
        let row = self.table.elements() / self.table.shape[0].max(1);
        let exchange = Arc::new(Exchange::new(self.asked.clone(), row.saturating_mul(self.table.dtype.size() as u64)));
        let ask = AskStage::new(exchange.clone());
        let table = TableRows::new(&feed, regs[0], &self.asked.parts, exchange.row_bytes);
        let answer = AnswerStage { exchange: exchange.clone(), table };
        let product = Product::new("take", self.asked.blocks.count());
        let put = PutStage { layout: ask.layout, product, exchange };
        let mut axes = node.chunks.axes.clone();
        axes[1..].iter_mut().for_each(|axis| *axis = AxisChunks::whole(axis.len()));
        axes[0] = self.asked.blocks.clone();
        let made = Blocked { product: put.product.id, grid: ChunkGrid { axes } };
        let rank = lowering.rank_of(&ask.inputs());
        lowering.push(ask, Drive::Ranked(rank));
        let rank = lowering.rank_of(&answer.inputs());
        lowering.push(answer, Drive::Ranked(rank));
        lowering.push(put, Drive::Pulled);
        Ok(made)
    }
}
