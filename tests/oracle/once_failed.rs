//! Programs that failed once.

use super::check::check;
use super::dice::Dice;
use super::draw::{Context, Drawing, Step};
use super::sources::{self, Kind, Scale, Source, Style};
use super::tensor::{Num, Tensor};
use flagstone::array::{Index, concatenate};
use flagstone::{Array, DType, Result, axis};

fn source(kind: Kind, dtype: DType, shape: &[usize], chunks: &[usize], style: Style) -> Source {
    Source { kind, dtype, shape: shape.to_vec(), chunks: chunks.to_vec(), style, seed: 14145 }
}

/// Checks what `build` makes of one array against what `value` does, in all ways of small arrays.
fn program(source: Source, value: impl Fn(&Tensor) -> Tensor, build: impl Fn(&Array, &Context) -> Result<Array> + 'static) {
    run(Scale::Small, 0, source, value, build);
}

fn run(
    scale: Scale,
    turn: usize,
    source: Source,
    value: impl Fn(&Tensor) -> Tensor,
    build: impl Fn(&Array, &Context) -> Result<Array> + 'static,
) {
    let directory = tempfile::tempdir().expect("a directory");
    let mut drawing = Drawing { dice: Dice::new(&[]), scale, values: vec![], results: vec![1], turn };
    let (array, tensor) = sources::open(&source, &directory.path().join("source"));
    let step = |text: String, args, tensor, build| Step { text, args, tensor, build };
    drawing.push(step(format!("{source:?}"), vec![], tensor, Box::new(move |_, _| Ok(array.clone()))));
    let tensor = value(drawing.tensor(0));
    drawing.push(step("what the test says".to_string(), vec![0], tensor, Box::new(move |made, context| build(&made[0], context))));
    check(&drawing, directory.path()).unwrap_or_else(|reason| panic!("{reason}"));
}

/// Written down when its length was known, and where the mask is true was not.
#[test]
fn a_selection_of_a_selection_that_was_counted() {
    let value = |x: &Tensor| {
        let chosen: Vec<usize> = (0..x.len()).filter(|&i| x.at(i).f() >= 2.5).collect();
        x.picked(0, &[chosen[..chosen.len() / 2].to_vec()])
    };
    program(source(Kind::Npy, DType::F64, &[40], &[7], Style::Wild), value, |x, context| {
        let chosen = context.runtime.settle(&x.index(vec![Index::Array(x.ge(2.5))]))?;
        let n = chosen.shape()?[0] as i64;
        Ok(chosen.index(vec![Index::Array(flagstone::arange(0, n, 1, None).lt(n / 2))]))
    });
}

#[test]
fn the_first_maximum_of_selected_values_persisted_and_used_besides() {
    let value = |x: &Tensor| {
        let chosen: Vec<f64> = x.numbers().map(Num::f).filter(|&v| v >= 2.5).collect();
        let first = (0..chosen.len()).reduce(|a, b| if chosen[b] > chosen[a] { b } else { a }).expect("some are chosen");
        Tensor::exact(DType::F64, &x.shape, |i| Num::F(first as f64 / x.at(i).f()))
    };
    program(source(Kind::Memory, DType::F64, &[33, 33], &[4, 8], Style::Wild), value, |x, context| {
        let first = x.index([Index::Array(x.ge(2.5))]).argmax(..);
        let _ = context.runtime.persist(&first)?.sum(axis(Vec::<i64>::new()));
        Ok(&first / x)
    });
}

#[test]
fn a_variance_of_persisted_blocks_of_different_sizes_which_the_plan_counted_each_as_the_largest() {
    let value = |x: &Tensor| {
        let n = x.len() as f64;
        let mean = x.numbers().map(Num::f).sum::<f64>() / n;
        let var = x.numbers().map(|v| (v.f() - mean).powi(2)).sum::<f64>() / n;
        Tensor::new(DType::F32, &[], false, |_| (Num::F(-var), 1e-6 * var))
    };
    program(source(Kind::Hdf5Chunked, DType::F32, &[407, 324], &[220, 276], Style::Whole), value, |x, context| {
        Ok(-context.runtime.persist(x)?.var(..))
    });
}

#[test]
fn a_dot_product_of_a_short_vector_in_many_blocks_whose_second_panel_needed_more_than_was_planned_for() {
    let value = |x: &Tensor| {
        let count = |row: usize| (0..338).filter(|j| x.at(338 * row + j).truth()).count() as i128;
        let sum = (0..338).map(|row| count(row) * count(row)).sum();
        Tensor::exact(DType::I64, &[], |_| Num::I(sum))
    };
    program(source(Kind::Arange, DType::F64, &[338, 338], &[95, 169], Style::Wild), value, |x, _| {
        let counts = x.minimum(x).count_nonzero(1);
        Ok(counts.matmul(&counts))
    });
}

// Tasks that carved more scratch than the one that was counted as the largest ("mid > len"), each in the way that showed it.

#[test]
fn an_extreme_of_a_concatenation_of_arrays_in_small_chunks() {
    let value = |x: &Tensor| Tensor::exact(DType::F64, &[], |_| Num::F(x.numbers().map(Num::f).fold(f64::MIN, f64::max)));
    let x = source(Kind::Hdf5Chunked, DType::F64, &[364_820], &[400], Style::Whole);
    run(Scale::Large, 0, x, value, |x, _| Ok(concatenate(&[x.clone(), x.clone(), x.clone()], 0).nanmax(0)));
}

#[test]
fn an_extreme_of_a_transposed_array_in_chunks_of_whole_rows() {
    let column = |x: &Tensor, j: usize| (0..707).map(|i| x.at(339 * i + j).f()).fold(f64::MAX, f64::min);
    let value = |x: &Tensor| Tensor::exact(DType::F64, &[339, 1], |j| Num::F(column(x, j)));
    let x = source(Kind::Zarr, DType::F64, &[707, 339], &[33, 339], Style::Whole);
    run(Scale::Large, 1, x, value, |x, _| Ok(x.t().min(axis(1).keepdims())));
}

#[test]
fn whether_all_of_a_concatenation_of_two_dtypes_are_nonzero() {
    let value = |x: &Tensor| Tensor::exact(DType::Bool, &[], |_| Num::I(x.numbers().all(Num::truth) as i128));
    let x = source(Kind::Arange, DType::I64, &[1222, 319], &[51, 319], Style::Wild);
    run(Scale::Large, 3, x, value, |x, _| Ok(concatenate(&[x.astype(DType::C128), x.clone()], 0).all(..)));
}

#[test]
fn a_sum_of_a_product_larger_than_a_task() {
    // Σᵢⱼ Σₗ x(i, l) x(j, l) = Σₗ (Σᵢ x(i, l))²
    let total = |x: &Tensor, l: usize| (0..3300).map(|i| x.at(100 * i + l).f()).sum::<f64>();
    let value = |x: &Tensor| {
        let sum: f64 = (0..100).map(|l| total(x, l).powi(2)).sum();
        Tensor::new(DType::F64, &[], false, |_| (Num::F(sum), 1e-9 * sum.abs()))
    };
    let x = source(Kind::Memory, DType::F64, &[3300, 100], &[500, 100], Style::Wild);
    run(Scale::Large, 0, x, value, |x, _| Ok(x.matmul(x.t()).sum(..)));
}
