//! Every stage that small expressions lower to keeps the promises of a stage.

use super::indexing::mask::FilterStage;
use super::{Destination, Keeper, Sink, Step, lower, procedures};

use crate::array::{Array, concatenate, linalg, stack, where_};
use crate::budget::Budget;
use crate::error::Result;
use crate::expr::{Expr, Node, Op, Resident, Runs, ops};
use crate::grid::{AxisChunks, ChunkGrid, Region};
use crate::plan::check_stage::check_stages;
use crate::sizes::Sizes;
use crate::store::{Create, InMemory, Writer};
use crate::{DType, axis, idx, optimize, random};
use flagstone_kernels::view::View;
use std::sync::Arc;

/// Keeps nothing.
struct Keeps;

impl Keeper for Keeps {
    fn keep(&self, _product: u64) -> Arc<dyn std::any::Any + Send + Sync> {
        Arc::new(())
    }
    fn resident(&self, product: u64, grid: ChunkGrid, dtype: DType, chunks: ChunkGrid) -> Result<Expr> {
        Node::with_chunks(Resident { product, grid, dtype, runtime: 0, owner: self.keep(product) }.into(), chunks)
    }
}

/// Takes granules of one shape and forgets them.
struct Nowhere(Vec<u64>);

impl Writer for Nowhere {
    fn granule(&self) -> &[u64] {
        &self.0
    }
    fn scratch_bytes(&self, _shape: &[u64]) -> u64 {
        64
    }
    fn write(&self, _region: &Region, _data: &View<'_>, _scratch: &mut [u8]) -> Result<u64> {
        Ok(0)
    }
    fn commit(&self) -> Result<()> {
        Ok(())
    }
}

fn zarr(directory: &std::path::Path, name: &str, shape: [u64; 2], chunks: [u64; 2]) -> Array {
    let address = format!("{}/{name}.zarr", directory.display());
    let create = Create { chunks: Some(chunks.to_vec()), ..Create::new(shape.to_vec(), DType::F64) };
    crate::store::create(&address, &create).unwrap().commit().unwrap();
    crate::open(&address).unwrap()
}

/// Expressions that between them lower to every kind of stage.
fn expressions(directory: &std::path::Path) -> Vec<(&'static str, Array)> {
    let x = zarr(directory, "x", [37, 29], [8, 5]);
    let y = zarr(directory, "y", [29, 31], [11, 10]);
    let square = zarr(directory, "square", [24, 24], [7, 7]);
    let plain = Array::from_expr(
        Node::new(Op::Source(ops::Source { store: Arc::new(InMemory::new(DType::F64, &[37, 29], vec![0; 37 * 29 * 8]).unwrap()) }))
            .unwrap(),
    );
    let r = random::normal(0.0, 1.0).shape([50, 40]).seed(1).chunks([9, 40]).build();
    let long = random::normal(0.0, 1.0).shape([300, 9]).seed(2).build();
    let cube = random::normal(0.0, 1.0).shape([6, 20, 15]).seed(3).chunks([4, 9, 15]).build();
    let totals = cube.cumsum(0);
    vec![
        ("copy", x.clone()),
        ("elementwise", &x * 2.0 + &plain),
        ("mean", x.mean(..)),
        ("sum of columns", x.sum(0)),
        ("argmax of rows", x.argmax(1)),
        ("demean", &x - x.mean(axis(1).keepdims())),
        ("demean columns", &x - x.mean(axis(0).keepdims())),
        ("standardise", (&x - x.mean(axis(0).keepdims())) / x.std(axis(0).keepdims())),
        ("mirror", &square + square.t()),
        ("mirror mean", (&square + square.t()).mean(..)),
        ("stride", r.index(idx![..;7]).mean(0)),
        ("backwards", x.index(idx![..;-3, 20..2;-2]).sum(..)),
        ("matmul", x.matmul(&y)),
        ("matmul sum", x.matmul(&y).sum(1)),
        ("gram", x.t().matmul(&x)),
        ("gram of rows, summed", (&x - 1.0).matmul((&x - 1.0).t()).sum(0)),
        ("grams", stack(&[x.clone(), x.sqrt()], 1).transpose([1, 0, 2]).matmul(stack(&[x.clone(), x.sqrt()], 1).transpose([1, 2, 0]))),
        ("stack of products", stack(&[x.clone(), x.clone()], 0).matmul(&y)),
        ("tensordot", cube.tensordot(&totals, ([0, 2], [0, 2]))),
        ("tensordot with itself", totals.t().tensordot(&totals, ([0, 1], [2, 1]))),
        ("outer axes kept", totals.tensordot(&cube, (1, 1)).index(idx![2.., .., 1..4, ..;2])),
        ("dot", long.sum(1).matmul(long.sum(1))),
        ("eigenvalues", linalg::eigh(&square, true)[0].clone()),
        ("eigenvectors", linalg::eigh(&(&square + 1.0), false)[1].clone()),
        ("both of them", &linalg::eigh(&square, true)[1] * &linalg::eigh(&square, true)[0]),
        // a triangle of 24 columns is more than a page, and two of them are less than two times as many pages
        ("tall", linalg::qr(&random::normal(0.0, 1.0).shape([900, 24]).seed(4).chunks([100, 24]).build())[0].clone()),
        ("solved", linalg::solve(&square, &square.index(idx![.., ..9]))),
        ("rows of lu", linalg::lu(&square, linalg::LuIn::Indices)[0].clone()),
        ("concatenate", concatenate(&[x.clone(), plain.clone(), x.clone()], 0) + 1.0),
        ("seams", concatenate(&[x.clone(), plain.clone()], 0).index(idx![3..70]).sum(1)),
        ("function", x.map_blocks(|block: ndarray::ArrayViewD<'_, f64>| block.to_owned()).index(idx![2..35, 1..28]) * 2.0),
        ("where", where_(x.gt(0.0), &x, x.mean(..))),
        ("rechunk", x.rechunk([5, 29])),
        ("search", crate::arange(0.0, 300.0, 1.0, None).searchsorted(x.clone(), false) + 1),
        ("take", x.take(&(crate::arange(0, 290, 1, None) % 29), 1)),
        ("take rows", long.take(&(long.index(idx![.., ..2]) * 9.0).astype(crate::DType::I64), 0)),
        ("rows at places of a store", rows_at(&x, &[3, 3, 36, 0, 17, 3, 3, 3, 20, 9, 8, 7, 30, 31, 32, 33, 2, 3])),
        ("rows at places of blocks", rows_at(&totals, &[5, 0, 5, 5, 2, 1, 0]) + 1.0),
        (
            "elements at places of a store",
            elements_at(&x.index(idx![.., 3]), 7, &[3, 3, 36, 0, 17, 3, 3, 3, 20, 9, 8, 7, 30, 31, 32, 33, 2, 3]),
        ),
        ("elements at places of blocks", elements_at(&totals.index(idx![.., 2, ..2]), 2, &[5, 0, 5, 5, 2, 1, 0]) + 1.0),
        ("take along", y.take_along_axis(&y.argsort(0), Some(0)) * 2.0),
        ("running totals", x.cumsum(0) + 1.0),
        ("running totals of rows", (&x - x.mean(axis(1).keepdims())).cumsum(1).index(idx![.., 20])),
    ]
}

fn rows_at(table: &Array, places: &[u32]) -> Array {
    let table = table.expr().unwrap();
    let chunks = crate::expr::auto_chunks(&[&[places.len() as u64], &table.shape[1..]].concat());
    let places = Arc::new(ops::Places::new(places.to_vec()));
    Array::from_expr(Node::new(ops::RowsAt { table, places, chunks }.into()).unwrap())
}

/// As where so many rows are taken together.
fn elements_at(table: &Array, most: u64, places: &[u32]) -> Array {
    let table = table.expr().unwrap();
    let chunks = crate::expr::auto_chunks(&[&[places.len() as u64], &table.shape[1..]].concat());
    let blocks = AxisChunks::regular(places.len() as u64, most);
    let parts = table.chunks.axes[0].split(most);
    let mut counts = vec![0; (blocks.count() * parts.count()) as usize];
    for (i, &place) in places.iter().enumerate() {
        counts[(blocks.find(i as u64) * parts.count() + parts.find(place.into())) as usize] += 1;
    }
    let asked = ops::Asked { product: crate::plan::new_product(), dtype: DType::U32, blocks, parts, counts, owner: None };
    Array::from_expr(Node::new(ops::ElementsAt { table, asked: Arc::new(asked), chunks }.into()).unwrap())
}

const BUDGETS: [u64; 4] = [1, 20_000, 200_000, u64::MAX];

#[test]
fn stages_keep_their_promises() {
    let directory = tempfile::tempdir().unwrap();
    for (name, array) in expressions(directory.path()) {
        let expr = array.expr().unwrap_or_else(|e| panic!("{name}: {e}"));
        let expanded = optimize::expand(&[expr]).unwrap();
        let optimised = optimize::optimize(&expanded).unwrap();
        for root in [&expanded[0], &optimised[0]] {
            for memory_bytes in BUDGETS {
                for (threads, sizes) in [(1, Sizes::default()), (3, Sizes::default()), (2, Sizes::tiny())] {
                    let budget = Budget { memory_bytes, threads, sizes };
                    let granule = root.shape.iter().map(|&n| (n / 3).max(1)).collect();
                    for to in [
                        Destination::Writer(Arc::new(Nowhere(vec![1; root.shape.len()]))),
                        Destination::Writer(Arc::new(Nowhere(granule))),
                        Destination::Keep,
                    ] {
                        let lowered = lower(&[Sink { expr: root.clone(), to }], &budget).unwrap_or_else(|e| panic!("{name}: {e}"));
                        check_stages(&lowered.plan, &format!("{name} under {memory_bytes}, {threads} threads"), &|_| 0);
                    }
                }
            }
        }
    }
}

#[test]
fn rows_at_places_that_are_not_read_need_what_any_places_need() {
    let directory = tempfile::tempdir().unwrap();
    let x = zarr(directory.path(), "x", [37, 29], [8, 5]);
    let read = rows_at(&x, &[7; 40]).expr().unwrap();
    let chunks = crate::expr::auto_chunks(&[40, 29]);
    let unread = Node::new(ops::RowsAt { table: x.expr().unwrap(), places: Arc::default(), chunks }.into()).unwrap();
    for memory_bytes in BUDGETS {
        let budget = Budget { memory_bytes, threads: 2, sizes: Sizes::tiny() };
        let of = |expr: &Expr| lower(&[Sink { expr: expr.clone(), to: Destination::Keep }], &budget).unwrap().plan;
        let (read, unread) = (of(&read), of(&unread));
        assert_eq!(crate::plan::demand_bytes(&read), crate::plan::demand_bytes(&unread));
        let tasks = |plan: &crate::plan::Plan| plan.stages.iter().map(|node| node.stage.tasks()).sum::<u64>();
        assert!(tasks(&read) <= tasks(&unread));
    }
}

#[test]
fn passes_of_procedures_keep_their_promises() {
    let directory = tempfile::tempdir().unwrap();
    let x = zarr(directory.path(), "x", [37, 29], [8, 5]);
    let centred = &x - x.mean(axis(0).keepdims());
    let masked = centred.index(idx![x.gt(x.mean(..))]);
    for (name, array) in [
        ("mask", masked.clone()),
        ("median", centred.median(..)),
        ("masked median", masked.median(..)),
        ("sort", x.ravel().argsort(0)),
        ("qr", linalg::qr(&x.index(idx![.., ..4]))[0].clone()),
        ("take", x.take(&x.index(idx![.., ..3]).argsort(0), 1)),
        ("take elements", x.ravel().take(&(x.ravel().argsort(0) - 3), 0)),
    ] {
        let roots = optimize::expand(&[array.expr().unwrap()]).unwrap();
        let mut sizes = Sizes::default();
        (sizes.work.sort_elements, sizes.work.run_elements_max, sizes.work.run_piece_min) = (100, 300, 20);
        sizes.numerics.tall_elements = 40;
        if name == "take" {
            (sizes.work.taken_elements, sizes.work.task_elements) = (100, 40);
        }
        if name == "take elements" {
            (sizes.work.taken_elements, sizes.work.taken_block_bytes) = (100, 800);
        }
        let found = procedures(&roots, &sizes);
        assert!(!found.is_empty(), "{name} has a procedure");
        for (memory_bytes, (_, mut procedure)) in
            BUDGETS.into_iter().flat_map(|bytes| procedures(&roots, &sizes).into_iter().map(move |p| (bytes, p)))
        {
            let budget = Budget { memory_bytes, threads: 2, sizes };
            let worst = procedure.most_demanding(&budget).unwrap();
            check_stages(&worst, &format!("{name} under {memory_bytes}"), &|_| 0);
            let Step::Run(first) = procedure.step(&budget, &Keeps).unwrap() else { panic!("{name} knows before it reads") };
            check_stages(&first, &format!("{name}, first pass, under {memory_bytes}"), &|_| 0);
            let needed = |plan| crate::plan::demand_bytes(plan);
            // a median's histogram has 2^16 bins, however small the boxes
            assert!(!procedure.describe().contains("median") || needed(&worst) >= 8 << 16, "{name} under {memory_bytes}");
            assert!(needed(&first) <= needed(&worst), "{name} under {memory_bytes}: the first pass needs more than the most demanding");
        }
    }
}

#[test]
fn filters_keep_their_promises() {
    let directory = tempfile::tempdir().unwrap();
    let x = zarr(directory.path(), "x", [37, 29], [8, 5]);
    // reads blocks of a product and a store
    let centred = &x - x.mean(axis(0).keepdims());
    let roots = [centred.expr().unwrap(), centred.gt(0.0).expr().unwrap()];
    for memory_bytes in BUDGETS {
        let budget = Budget { memory_bytes, threads: 2, sizes: Sizes::default() };
        for cut in [1, 3, 37] {
            let plan = super::lower::lower_loop(&roots, &budget, |feed, registers| {
                let cuts = vec![AxisChunks::regular(37, cut), AxisChunks::whole(29)];
                // every third box selects nothing
                let counts = (0..cuts[0].count()).map(|n| n % 3 * 5).collect();
                Arc::new(FilterStage::new(feed, registers, &Runs { cuts, counts }))
            });
            check_stages(&plan.unwrap(), &format!("filter by {cut} under {memory_bytes}"), &|_| 0);
        }
    }
}

#[test]
fn memory_for_decoding_is_that_of_the_store_that_needs_the_most() {
    let directory = tempfile::tempdir().unwrap();
    let (small, large) = (zarr(directory.path(), "small", [60, 40], [6, 5]), zarr(directory.path(), "large", [60, 40], [30, 40]));
    let budget = Budget { memory_bytes: 1 << 20, threads: 1, sizes: Sizes::default() };
    let bytes = |sum: Array| {
        let mut bytes = 0;
        super::lower::lower_loop(&[sum.expr().unwrap()], &budget, |feed, registers| {
            let cuts = vec![AxisChunks::regular(60, 6), AxisChunks::regular(40, 5)];
            bytes = feed.loading_boxes_bytes(&cuts);
            let counts = vec![0; 80];
            Arc::new(FilterStage::new(feed, registers, &Runs { cuts, counts }))
        })
        .unwrap();
        bytes
    };
    let both = bytes(&small + &large);
    assert_eq!(both, bytes(&large + &small), "whichever comes first");
    // a chunk of 30 × 40 is decoded beside windows of 6 × 5
    assert!(both >= 30 * 40 * 8 && both > bytes(&small + &small), "{both}");
}
