//! The sizes by which work is cut. As data where a runtime cuts: they belong to it, and tests draw them anew for each run. As
//! constants ([`graph`]) where a graph is built, which knows no runtime. What stands beside a loop of the kernels (lanes, packing) cuts
//! no work: it is part of how the loop is written.

use serde::{Deserialize, Serialize};

/// All sizes of a runtime.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sizes {
    /// Those that fix bits.
    pub numerics: NumericsSizes,
    /// Those that must not.
    pub work: WorkSizes,
}

/// Sizes that fix the order of arithmetic, and with it the bits of results: other values give other roundings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NumericsSizes {
    /// Elements of a reduction's cell at most: 1 MiB of f32, so that it stays in a core's L2 cache.
    pub cell_elements_max: u64,
    /// Chunks are merged along reduced axes until a cell has at least so many elements: below, a cell's partial costs
    /// more than its sum.
    pub cell_elements_min: u64,
    /// Bytes of a row of a column block, by which factorisations proceed: 128 columns of f64. A limit must have room for three
    /// blocks. Twice as wide multiplies a tenth faster where there is much room, and slower where there is little.
    pub column_row_bytes: u64,
    /// Elements of the rows of a tall matrix that are factored apart: 8 MiB of f64.
    pub tall_elements: u64,
    /// Side of a Hermitian matrix whose eigenvalues LAPACK finds in one task, at most: larger ones are worked on by column blocks.
    pub eigh_side_max: u64,
    /// Order of a tridiagonal problem that is not divided: LAPACK's QL, whose time grows with the cube, takes a tenth of a millisecond.
    pub tridiagonal_leaf: u64,
}

impl Default for NumericsSizes {
    fn default() -> NumericsSizes {
        NumericsSizes {
            cell_elements_max: 1 << 18,
            cell_elements_min: 1 << 15,
            column_row_bytes: 1 << 10,
            tall_elements: 1 << 20,
            eigh_side_max: 512,
            tridiagonal_leaf: 32,
        }
    }
}

/// Sizes of tasks and blocks. No bit of a result depends on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkSizes {
    /// Elements of an elementwise task where nothing else decides: 8 MiB of f64, read at the disk's full rate.
    pub task_elements: u64,
    /// Elements of plain data that a reduction's task covers at most; it holds one cell of them at once.
    pub reduce_elements_max: u64,
    /// Elements of plain data that a reduction's task covers at least, however many threads share them.
    pub reduce_elements_min: u64,
    /// Blocks of fewer elements are joined: a task costs microseconds beside its work.
    pub tiny_elements: u64,
    /// No limit makes blocks smaller than so many elements.
    pub least_elements: u64,
    /// Elements of a result that a reduction's task holds where the last axis is kept: long rows are read at speed.
    pub kept_row_elements: u64,
    /// Elements that kept places times reduced places of a cell come to in a reduction's task.
    pub kept_elements: u64,
    /// Elements of a box that a mask selects from.
    pub mask_elements: u64,
    /// Elements of rows that are evaluated at once, before they are added to those of their groups: 256 KiB of f64, which stay in a
    /// core's L2 cache.
    pub grouped_elements: u64,
    /// Sides of a product's tile in elements: below, a tile is more packing than product.
    pub tile_side_min: u64,
    /// As above, at most: 512 MiB of f64.
    pub tile_side_max: u64,
    /// Where several tiles a core are made out of one, none gets smaller than this.
    pub tile_side_even_min: u64,
    /// Blocks of K (256 elements each) that a panel of a product has at most: beyond, tiles gain nothing.
    pub panel_blocks_max: u64,
    /// A product inside of a task is worth the memory that another thread needs to help with it from so many rows on.
    pub helped_rows_min: u64,
    /// Threads that a tile of a product has room for beside its own: tiles are many, and only the last ones leave threads idle.
    pub tile_helpers_max: u64,
    /// The same of a step of a factorisation, for which the others wait; more, each with a B of its own to pack, gain little.
    pub step_helpers_max: u64,
    /// Partials that are combined at once at most; a power of two.
    pub combined_max: u64,
    /// Rows of fewer bytes are read one by one at less than half the rate of long ones.
    pub row_bytes_min: u64,
    /// Elements of a part of lanes that is brought in at once, at least: less costs as much as copying so many.
    pub lane_piece_elements: u64,
    /// Elements of a lane that is sorted in one task; a longer one is sorted in runs.
    pub sort_elements: u64,
    /// Elements of lanes that are longer than that, which are sorted by tasks that hold whole ones all the same: what a quarter of the memory holds, 8
    /// bytes each. More are sorted one lane after the other,
    pub lanes_elements: u64,
    /// where they are no more than so many: each is a graph of its own.
    pub lanes_apart_max: u64,
    /// Elements of a sorted run at most.
    pub run_elements_max: u64,
    /// Elements of a block of a run at least: below, the pool's books take more than the blocks.
    pub run_piece_min: u64,
    /// Elements of a table, and of the rows that are taken from it, from where on all places are read first, so that the table is read once, in
    /// its own order.
    pub taken_elements: u64,
    /// Bytes of such a row at least: below, places take much of what rows take,
    pub taken_row_bytes_min: u64,
    /// and at most: a 256th of the memory, of which a task holds some rows.
    pub taken_row_bytes_max: u64,
    /// How many rows are taken so at most: places, 16 bytes each, take a quarter of the memory.
    pub taken_rows_max: u64,
    /// Bytes of shorter rows, and of what is asked of them, that a task has: a twelfth of the memory, at most so many.
    pub taken_block_bytes: u64,
    /// Blocks of them that there are at most, one for each part of a table and each part of what is asked: their books take an eighth of the memory.
    pub taken_blocks_max: u64,
    /// Elements that are evaluated at once, before they are counted in bins: 512 KiB of f64, which stay in a core's cache.
    pub tally_slice_elements: u64,
    /// Keys inside of a quantile's bracket that are kept, 8 bytes each: what a sixteenth of the memory holds, at most so many
    pub quantile_keys_max: u64,
    /// and no fewer than so many.
    pub quantile_keys_min: u64,
    /// Boxes that a quantile's sample reads.
    pub quantile_boxes: u64,
    /// Values that it takes from a box at least, and fewer than twice as many where that does not go evenly. It takes more of
    /// arrays so large that what such a sample leaves between its bounds would not be kept.
    pub quantile_values: u64,
    /// No limit makes the tiles of a product smaller than this share of memory, in bytes, does.
    pub product_share_min_bytes: u64,
    /// Bytes that are brought in, in the time of a multiplication and addition: what a tile's sides cost beside its area.
    pub tile_side_cost: u64,
    /// So many tiles a thread are enough, however they are cut: none waits long for the last one.
    pub tiles_enough: u64,
    /// Rows or columns of a product so few that what it costs is reading the other operand.
    pub thin_side_max: u64,
    /// Places of the depth of such a product that are brought in at once, at least, where chunks are shorter.
    pub stretch_min: u64,
    /// Bytes that a task of it decodes at most: some tenths of a second, in which a computation cannot be cancelled.
    pub task_decodes_bytes: u64,
    /// Reflectors of a tall matrix's rows are kept where they take less than this part of the memory, and else made again.
    pub again_share: u64,
    /// Elements of a column block that are brought in at once: what a step holds beside its blocks.
    pub step_slice_elements: u64,
    /// What reads a product follows it, task by task, if it has at most so many times as many tasks.
    pub followers_few: u64,
    /// The scheduler's window holds so many tasks that order others a worker, however large they are,
    pub window_tasks_min: u64,
    /// and never more than so many.
    pub window_tasks_max: u64,
    /// Bytes that the window itself may take. Where tasks name so many blocks, it holds one such task a worker and no more.
    pub window_bytes_max: u64,
    /// With work at hand, the window grows by so many tasks at a time: the lock is held meanwhile.
    pub window_fill_max: u64,
    /// Stores are told of so many tasks ahead; the nearest of more are forgotten, since they run before they would be told.
    pub window_hints_max: u64,
}

impl Default for WorkSizes {
    fn default() -> WorkSizes {
        WorkSizes {
            task_elements: 1 << 20,
            reduce_elements_max: 1 << 23,
            reduce_elements_min: 1 << 18,
            tiny_elements: 1 << 17,
            least_elements: 1 << 12,
            kept_row_elements: 1 << 17,
            kept_elements: 1 << 19,
            mask_elements: 1 << 20,
            grouped_elements: 1 << 15,
            tile_side_min: 64,
            tile_side_max: 8192,
            tile_side_even_min: 256,
            panel_blocks_max: 8,
            helped_rows_min: 512,
            tile_helpers_max: 1,
            step_helpers_max: 3,
            combined_max: 1024,
            row_bytes_min: 1 << 12,
            lane_piece_elements: 4096,
            sort_elements: 1 << 17,
            lanes_elements: 1 << 32,
            lanes_apart_max: 64,
            run_elements_max: 1 << 23,
            run_piece_min: 1 << 12,
            taken_elements: 1 << 22,
            taken_row_bytes_min: 64,
            taken_row_bytes_max: 1 << 40,
            taken_rows_max: u32::MAX as u64,
            taken_block_bytes: 64 << 20,
            taken_blocks_max: 1 << 40,
            tally_slice_elements: 1 << 16,
            quantile_keys_max: 1 << 22,
            quantile_keys_min: 1 << 14,
            quantile_boxes: 24,
            quantile_values: 2048,
            product_share_min_bytes: 256 << 10,
            tile_side_cost: 100,
            tiles_enough: 32,
            again_share: 4,
            thin_side_max: 256,
            stretch_min: 1024,
            task_decodes_bytes: 256 << 20,
            step_slice_elements: 1 << 17,
            followers_few: 16,
            window_tasks_min: 2,
            window_tasks_max: 64,
            window_bytes_max: 4 << 20,
            window_fill_max: 16,
            window_hints_max: 1024,
        }
    }
}

/// The share of memory that a row has at most which is taken with all others by their places.
pub const TAKEN_ROW_SHARE: u64 = 256;
/// Bytes of memory that there are for each place of those rows at least.
pub const TAKEN_PLACE_SHARE_BYTES: u64 = 64;
/// The share of memory that what is asked of shorter rows has in a task, with the rows themselves.
const TAKEN_BLOCK_SHARE: u64 = 12;
/// Bytes of memory that there are for each block of them at least: eight times its books.
const TAKEN_BLOCK_SHARE_BYTES: u64 = 8 * 320;

impl Sizes {
    /// These under a limit.
    pub(crate) fn within(mut self, memory_bytes: u64) -> Sizes {
        let work = &mut self.work;
        work.lanes_elements = work.lanes_elements.min(memory_bytes / 4 / 8);
        work.taken_row_bytes_max = work.taken_row_bytes_max.min(memory_bytes / TAKEN_ROW_SHARE);
        work.taken_rows_max = work.taken_rows_max.min(memory_bytes / TAKEN_PLACE_SHARE_BYTES);
        work.taken_block_bytes = work.taken_block_bytes.min(memory_bytes / TAKEN_BLOCK_SHARE);
        work.taken_blocks_max = work.taken_blocks_max.min(memory_bytes / TAKEN_BLOCK_SHARE_BYTES);
        work.quantile_keys_max = work.quantile_keys_max.min((memory_bytes / 16 / 8).max(work.quantile_keys_min));
        self
    }

    /// Sizes so small that arrays of a few hundred elements make hundreds of blocks and trees many levels deep.
    pub fn tiny() -> Sizes {
        Sizes {
            numerics: NumericsSizes {
                cell_elements_max: 4,
                cell_elements_min: 2,
                column_row_bytes: 24,
                tall_elements: 12,
                eigh_side_max: 4,
                tridiagonal_leaf: 3,
            },
            work: WorkSizes {
                task_elements: 12,
                reduce_elements_max: 24,
                reduce_elements_min: 4,
                tiny_elements: 3,
                least_elements: 2,
                kept_row_elements: 3,
                kept_elements: 8,
                mask_elements: 10,
                grouped_elements: 6,
                tile_side_min: 2,
                tile_side_max: 3,
                tile_side_even_min: 2,
                panel_blocks_max: 1,
                helped_rows_min: 2,
                tile_helpers_max: 1,
                step_helpers_max: 3,
                combined_max: 2,
                row_bytes_min: 16,
                lane_piece_elements: 4,
                sort_elements: 5,
                lanes_elements: 20,
                lanes_apart_max: 4,
                run_elements_max: 12,
                run_piece_min: 2,
                taken_elements: 10,
                taken_row_bytes_min: 16,
                taken_row_bytes_max: 1 << 40,
                taken_rows_max: u32::MAX as u64,
                taken_block_bytes: 80,
                taken_blocks_max: 1 << 40,
                tally_slice_elements: 5,
                quantile_keys_max: 64,
                quantile_keys_min: 64,
                quantile_boxes: 5,
                quantile_values: 16,
                product_share_min_bytes: 64,
                tile_side_cost: 3,
                tiles_enough: 2,
                again_share: 4,
                thin_side_max: 3,
                stretch_min: 2,
                task_decodes_bytes: 64 << 10,
                step_slice_elements: 6,
                followers_few: 2,
                window_tasks_min: 1,
                window_tasks_max: 3,
                window_bytes_max: 1 << 12,
                window_fill_max: 2,
                window_hints_max: 3,
            },
        }
    }
}

/// Sizes that are read while a graph is built, when there is no runtime yet. All of them fix bits.
pub mod graph {
    /// Elements of a chunk where neither the user nor the file says.
    pub const CHUNK_ELEMENTS: u64 = 1 << 20;
    /// Elements that are counted into bins together at least: fewer are a row of bins for hardly more than its elements.
    pub const TALLY_ELEMENTS: u64 = 1 << 18;
    /// Elements of a chunk that is tallied as one part all the same: in parts it would be decoded for each.
    pub const TALLY_CHUNK_ELEMENTS: u64 = 1 << 20;
    /// Bins or groups whose number nobody gave, but the values: more are an error.
    pub const COUNTED_BINS_MAX: u64 = 1 << 24;
    /// Rows of a part for each group at least, where there are as many: fewer, and groups are no less than what they are made of.
    pub const GROUP_ROWS: u64 = 8;
    /// Elements of a part of what is grouped at least, where there are as many: fewer are a task's work for hardly more than its start.
    pub const GROUP_ELEMENTS: u64 = 1 << 16;
    /// An array that is one lane of more elements is sorted for the quantiles of its groups: a task that held it would need 40 bytes for each,
    /// and have one thread for them.
    pub const GROUPED_LANE: u64 = 1 << 20;
    /// A matrix with so many times as many rows as columns is factored by a tree of rows, so that it is read once and no column has to be
    /// in memory whole,
    pub const TALL_RATIO: u64 = 4;
    /// if it has so many columns at most: the nodes of the tree have twice as many rows, and each is held by one thread.
    pub const TALL_COLUMNS_MAX: u64 = 2048;
    /// With so many times as many rows as columns, a sketch of twice as many is little beside the matrix.
    pub const SKETCHED_RATIO: u64 = 8;
    /// Columns of a matrix, not much taller than wide, whose SVD LAPACK computes in one task, at most: with its work 400 MB of f64.
    pub const LAPACK_SIDE_MAX: u64 = 2048;
    /// A Fourier transform of more values is done in six steps: 64 MiB of complex128.
    pub const FFT_LONG: u64 = 1 << 22;
    /// One of a length with a larger prime in it is done as a convolution: a task's tables would be those of a length four times as long.
    pub const FFT_PRIME_MAX: u64 = 1 << 18;
    /// Of a matrix with fewer rows a row would be no shorter than what is too long.
    pub const FFT_ROWS_MIN: u64 = 16;
    /// Partial results of a user's reduction that are combined at once.
    pub const REDUCTION_TOGETHER: u64 = 16;
    /// Places along an axis of which the largest are sought at once.
    pub const TOP_PLACES: u64 = 1 << 17;
    /// Lists of largest that are joined at once.
    pub const TOP_TOGETHER: u64 = 16;
    /// More of the largest are taken from what is sorted: states of so many items would fill tasks.
    pub const TOP_MAX: u64 = 1 << 14;
}
