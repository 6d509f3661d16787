//! Users' functions against plain loops, over chunks, limits and threads: what lies around a block, several arrays, lanes, parts
//! of a reduction.

use flagstone::array::{Blockwise, Boundary, Halo, apply_gufunc, blockwise, from_blocks};
use flagstone::{Array, DType, Runtime, Scalar, axis, random};
use ndarray::{Array1, Array2, ArrayD, ArrayView1, ArrayViewD, Axis, IxDyn};

fn runtimes() -> Vec<Runtime> {
    let of = |limit: u64, threads| Runtime::builder().memory_limit_bytes(limit).threads(threads).build().unwrap();
    vec![of(1 << 30, 2), of(1 << 30, 1), of(8 << 20, 2)]
}

/// The place of what stands `at` an index beyond `0..n`.
fn place(at: i64, n: i64, boundary: Boundary) -> Option<i64> {
    match boundary {
        _ if (0..n).contains(&at) => Some(at),
        Boundary::None | Boundary::Constant(_) => None,
        Boundary::Nearest => Some(at.clamp(0, n - 1)),
        Boundary::Periodic => Some(at.rem_euclid(n)),
        Boundary::Reflect => Some(if at < 0 { -1 - at } else { 2 * n - 1 - at }),
        other => panic!("no plain loop with {other:?}"),
    }
}

/// The sum of the window around each element, by a plain loop; `nothing` stands for each place that there is not.
fn window_sums(x: &Array2<f64>, depth: [[i64; 2]; 2], boundary: [Boundary; 2], nothing: f64) -> ArrayD<f64> {
    let (rows, columns) = (x.nrows() as i64, x.ncols() as i64);
    Array2::from_shape_fn(x.dim(), |(i, j)| {
        let mut sum = 0.0;
        for a in i as i64 - depth[0][0]..=i as i64 + depth[0][1] {
            for b in j as i64 - depth[1][0]..=j as i64 + depth[1][1] {
                sum += match (place(a, rows, boundary[0]), place(b, columns, boundary[1])) {
                    (Some(a), Some(b)) => x[[a as usize, b as usize]],
                    _ => nothing,
                };
            }
        }
        sum
    })
    .into_dyn()
}

/// The same of a block with what lies around it: as large as it was given.
fn sums_of(block: ArrayViewD<'_, f64>, depth: [[i64; 2]; 2]) -> ArrayD<f64> {
    let (rows, columns) = (block.shape()[0] as i64, block.shape()[1] as i64);
    ArrayD::from_shape_fn(block.raw_dim(), |at| {
        let (i, j) = (at[0] as i64, at[1] as i64);
        let mut sum = 0.0;
        for a in (i - depth[0][0]).max(0)..=(i + depth[0][1]).min(rows - 1) {
            for b in (j - depth[1][0]).max(0)..=(j + depth[1][1]).min(columns - 1) {
                sum += block[IxDyn(&[a as usize, b as usize])];
            }
        }
        sum
    })
}

fn numbers(rows: usize, columns: usize) -> Array2<f64> {
    Array2::from_shape_fn((rows, columns), |(i, j)| ((i * 31 + j * 7) % 23) as f64 - 9.0)
}

#[test]
fn blocks_see_what_lies_around_them() {
    let x = numbers(23, 17);
    let boundaries = [
        ([Boundary::None; 2], 0.0),
        ([Boundary::Reflect; 2], 0.0),
        ([Boundary::Nearest, Boundary::Reflect], 0.0),
        ([Boundary::Periodic; 2], 0.0),
        ([Boundary::Periodic, Boundary::Nearest], 0.0),
        ([Boundary::Constant(Scalar::Float(2.5)); 2], 2.5),
    ];
    for runtime in runtimes() {
        for chunks in [[4, 5], [23, 17], [1, 3], [7, 17]] {
            // stored, computed, and blocks of another loop below
            let stored = Array::from(x.clone()).rechunk(chunks);
            for source in [stored.clone(), &stored * 2.0 - &stored, stored.t().sort(0).t() * 0.0 + &stored] {
                for depth in [[[1, 1], [1, 1]], [[2, 0], [0, 3]], [[9, 9], [0, 0]]] {
                    for (boundary, nothing) in boundaries {
                        let depths = depth.iter().map(|[a, b]| [*a as u64, *b as u64]).collect::<Vec<_>>();
                        let halo = Halo::new(depths).boundaries(boundary.to_vec());
                        let y = source.map_overlap(halo, move |block| sums_of(block, depth));
                        let expected = window_sums(&x, depth, boundary, nothing);
                        assert_eq!(runtime.compute::<f64>(&y).unwrap(), expected, "{chunks:?} {depth:?} {boundary:?}");
                        // a slice of it, which calls for what it needs
                        let part = runtime.compute::<f64>(&y.index(flagstone::idx![3..;2, -1])).unwrap();
                        assert_eq!(part, expected.slice(ndarray::s![3..;2, -1]).into_dyn(), "{chunks:?} {depth:?} {boundary:?}");
                    }
                }
            }
        }
    }
}

#[test]
fn functions_may_give_blocks_without_what_lies_around_them() {
    let x = Array::from(Array1::from_iter((0..20).map(f64::from))).rechunk([6]);
    let middle =
        |block: ArrayViewD<'_, f64>| block.slice_axis(ndarray::Axis(0), ndarray::Slice::new(1, Some(-1), 1)).mapv(|v| v as i64).into_dyn();
    let y = x.map_overlap(Halo::new(1).boundary(Boundary::Nearest).untrimmed(), middle);
    assert_eq!(y.compute::<i64>().unwrap().into_raw_vec_and_offset().0, (0..20).collect::<Vec<i64>>());
}

#[test]
fn what_a_function_gives_wrongly_is_an_error_that_names_the_block() {
    let x = Array::from(numbers(6, 6)).rechunk([3, 3]);
    let error = |y: Array| y.compute::<f64>().unwrap_err().to_string();
    let short = x.map_overlap(1, |block: ArrayViewD<'_, f64>| block.slice(ndarray::s![1.., ..]).to_owned().into_dyn());
    let said = error(short.index(flagstone::idx![4, 1]));
    assert!(
        said.contains("map_overlap") && said.contains("[1, 0]") && said.contains("expected one of the shape that it was given"),
        "{said}"
    );
    let said = error(x.map_blocks(|block: ArrayViewD<'_, f64>| if block[[0, 0]] == x_at(3, 3) { panic!("no") } else { block.to_owned() }));
    assert!(said.contains("map_blocks panicked on block [1, 1]: no"), "{said}");
    let said = error(x.map_overlap(Halo::new(7).boundary(Boundary::Periodic), |block: ArrayViewD<'_, f64>| block.to_owned()));
    assert!(said.contains("a depth of 7 on axis 0 with length 6; expected 6 at most with the boundary 'periodic'"), "{said}");
    let said = error(x.rolling(7, 1).boundary(Boundary::Reflect).sum());
    assert!(said.contains("a window of 7 places on axis 1 with length 6; expected 6 at most with the boundary 'reflect'"), "{said}");
    let said = error(x.map_overlap(1, |block: ArrayViewD<'_, f32>| block.to_owned()));
    assert!(said.contains("takes float32, the array is float64"), "{said}");
    let said = error(x.apply_along_axis(0, [2], |lane: ArrayView1<'_, f64>| ndarray::arr1(&[lane.sum()]).into_dyn()));
    assert!(said.contains("another shape"), "{said}");
    let two = |_: &[ArrayViewD<'_, f64>]| vec![ArrayD::from_elem(vec![6], 1.0)];
    let said = error(apply_gufunc("(i)->(),()", &[&x], &[], two).remove(0));
    assert!(said.contains("another number of results"), "{said}");
    let said = error(blockwise("ij", &[(&x, "ij"), (&x, "jk")], |b: &[ArrayViewD<'_, f64>]| b[1].to_owned()).index(flagstone::idx![0, 0]));
    assert!(said.contains("blockwise") && said.contains("another shape"), "{said}");
    let bad = blockwise("iz", &[(&x, "ij")], |b: &[ArrayViewD<'_, f64>]| b[0].to_owned());
    assert!(error(bad).contains("'z' of the result is of no argument"));
}

fn x_at(i: usize, j: usize) -> f64 {
    numbers(6, 6)[[i, j]]
}

#[test]
fn blocks_of_several_arrays_have_axes_by_letters() {
    let (a, b) = (numbers(11, 7), numbers(7, 9));
    let expected = a.dot(&b).into_dyn();
    let product = |blocks: &[ArrayViewD<'_, f64>]| {
        let of = |at: usize| blocks[at].view().into_dimensionality::<ndarray::Ix2>().unwrap();
        of(0).dot(&of(1)).into_dyn()
    };
    for runtime in runtimes() {
        let (x, y) = (Array::from(a.clone()).rechunk([4, 3]), Array::from(b.clone()).rechunk([5, 2]));
        let z = blockwise("ik", &[(&x, "ij"), (&y, "jk")], product);
        assert_eq!(z.chunks().unwrap().axes.iter().map(|axis| axis.longest()).collect::<Vec<_>>(), [4, 2]);
        assert_eq!(runtime.compute::<f64>(&z).unwrap(), expected);
        // a transposed result, an axis of one place, a new axis, blocks that double
        let row = Array::from(numbers(1, 7));
        let added = |blocks: &[ArrayViewD<'_, f64>]| {
            let sum = (&blocks[0] + &blocks[1]).reversed_axes();
            let twice = ndarray::concatenate(Axis(1), &[sum.view(), sum.view()]).unwrap();
            ndarray::stack(Axis(2), &[twice.view(), (&twice * 10.0).view(), (&twice * 100.0).view()]).unwrap()
        };
        let out = Blockwise::new("jiz").new_axis('z', 3).adjusted('i', |n| 2 * n);
        let z = runtime.compute::<f64>(&blockwise(out, &[(&x, "ij"), (&row, "ij")], added)).unwrap();
        assert_eq!(z.shape(), [7, 22, 3]);
        let at = |j: usize, i: usize| (&a + &numbers(1, 7))[[i, j]];
        // rows 4 to 7 are the second block, which stands from 8 to 15, twice
        assert_eq!(z[[2, 8, 1]], 10.0 * at(2, 4));
        assert_eq!(z[[2, 15, 2]], 100.0 * at(2, 7));
        assert_eq!(z[[6, 21, 0]], at(6, 10));
    }
}

#[test]
fn lanes_become_what_is_declared() {
    let x = ndarray::Array3::from_shape_fn((9, 40, 11), |(i, j, k)| ((i * 13 + j * 5 + k * 3) % 17) as f64);
    for runtime in runtimes() {
        let source = Array::from(x.clone()).rechunk([4, 7, 5]);
        let spread =
            source.apply_along_axis(1, (), |lane: ArrayView1<'_, f64>| ndarray::arr0(lane.fold(0.0, |a: f64, b| a.max(*b))).into_dyn());
        let expected = x.map_axis(Axis(1), |lane| lane.fold(0.0, |a: f64, b| a.max(*b))).into_dyn();
        assert_eq!(runtime.compute::<f64>(&spread).unwrap(), expected);
        let ends = source.apply_along_axis(-2, [1, 2], |lane: ArrayView1<'_, f64>| {
            ndarray::arr2(&[[lane[0] as f32, lane[lane.len() - 1] as f32]]).into_dyn()
        });
        let found = runtime.compute::<f32>(&ends.index(flagstone::idx![2.., .., 1, ..])).unwrap();
        assert_eq!(found.shape(), [7, 1, 11]);
        assert_eq!(found[[3, 0, 4]], x[[5, 39, 4]] as f32);
    }
    let folded = Array::from(x.clone()).apply_over_axes(|x, axis| x.sum(axis), &[0, 2]);
    let expected = x.sum_axis(Axis(2)).sum_axis(Axis(0)).insert_axis(Axis(0)).insert_axis(Axis(2)).into_dyn();
    assert_eq!(folded.compute::<f64>().unwrap(), expected);
}

#[test]
fn core_axes_are_whole_and_all_others_are_repeated() {
    let (a, b) = (ndarray::Array3::from_shape_fn((6, 30, 4), |(i, j, k)| (i + 2 * j + 3 * k) as f64), numbers(30, 4));
    let both = |blocks: &[ArrayViewD<'_, f64>]| {
        let last = Axis(blocks[0].ndim() - 1);
        let dots = (&blocks[0] * &blocks[1]).sum_axis(last);
        let pairs = blocks[0].slice_each_axis(|axis| if axis.axis == last { ndarray::Slice::from(..2) } else { ndarray::Slice::from(..) });
        vec![dots, pairs.to_owned()]
    };
    for runtime in runtimes() {
        let (x, y) = (Array::from(a.clone()).rechunk([2, 7, 3]), Array::from(b.clone()).rechunk([11, 2]));
        let found = apply_gufunc("(i),(i)->(),(two)", &[&x, &y], &[("two", 2)], both);
        assert_eq!(runtime.compute::<f64>(&found[0]).unwrap(), (&a * &b).sum_axis(Axis(2)).into_dyn());
        assert_eq!(runtime.compute::<f64>(&found[1]).unwrap(), a.slice(ndarray::s![.., .., ..2]).into_dyn());
        let part = runtime.compute::<f64>(&found[0].index(flagstone::idx![4, 10..])).unwrap();
        assert_eq!(part, (&a * &b).sum_axis(Axis(2)).slice(ndarray::s![4, 10..]).into_dyn());
        // a matrix for each place
        let outer = |blocks: &[ArrayViewD<'_, f64>]| {
            let n = blocks[0].ndim();
            vec![&blocks[0].view().insert_axis(Axis(n)) * &blocks[1].view().insert_axis(Axis(n - 1))]
        };
        let found = apply_gufunc("(i),(j)->(i,j)", &[&x, &y], &[], outer);
        let matrices = runtime.compute::<f64>(&found[0]).unwrap();
        assert_eq!(matrices.shape(), [6, 30, 4, 4]);
        assert_eq!(matrices[[3, 20, 1, 2]], a[[3, 20, 1]] * b[[20, 2]]);
    }
    let said = |signature: &str, sizes: &[(&str, u64)]| {
        let x = Array::from(numbers(3, 4));
        apply_gufunc(signature, &[&x, &x], sizes, both)[0].check().unwrap_err().to_string()
    };
    assert!(said("(i,j),(j,i)->()", &[]).contains("'j' has lengths 4 and 3"));
    assert!(said("(i)->()", &[]).contains("2 arguments for a signature of 1"));
    assert!(said("(i),(i)->(k)", &[]).contains("'k' is of no argument"));
}

#[test]
fn parts_of_a_reduction_combine_in_the_order_of_blocks() {
    let x = ndarray::Array3::from_shape_fn((40, 6, 50), |(i, j, k)| ((i * 7 + j * 3 + k) % 13) as f64);
    // the first and the last element, and how many there are: nothing that may be combined in any order
    let chunk = |block: ArrayViewD<'_, f64>| {
        let (a, b) = (block.index_axis(Axis(0), 0), block.index_axis(Axis(0), block.shape()[0] - 1));
        let (first, last) = (a.index_axis(Axis(1), 0).to_owned(), b.index_axis(Axis(1), block.shape()[2] - 1).to_owned());
        let count = ArrayD::from_elem(first.shape(), (block.shape()[0] * block.shape()[2]) as f64);
        ndarray::stack(Axis(1), &[first.view(), last.view(), count.view()]).unwrap()
    };
    let combine = |parts: ArrayViewD<'_, f64>| {
        let (first, last) = (parts.index_axis(Axis(0), 0), parts.index_axis(Axis(0), parts.shape()[0] - 1));
        let count = parts.index_axis(Axis(2), 2).sum_axis(Axis(0));
        ndarray::stack(Axis(1), &[first.index_axis(Axis(1), 0), last.index_axis(Axis(1), 1), count.view()]).unwrap()
    };
    let finish = |part: ArrayViewD<'_, f64>| part.map_axis(Axis(1), |state| (state[0] + 100.0 * state[1] + 1e4 * state[2]) as i64);
    let expected = ndarray::Array1::from_shape_fn(6, |j| (x[[0, j, 0]] + 100.0 * x[[39, j, 49]] + 1e4 * 2000.0) as i64).into_dyn();
    for runtime in runtimes() {
        for chunks in [[1, 4, 2], [40, 6, 50], [3, 1, 50]] {
            let y = Array::from(x.clone()).rechunk(chunks).reduction(axis([0, 2]), 3, chunk, combine, finish);
            assert_eq!(runtime.compute::<i64>(&y).unwrap(), expected, "{chunks:?}");
        }
    }
    let kept = Array::from(x.clone()).reduction(axis([0, 2]).keepdims(), 3, chunk, combine, finish);
    assert_eq!(kept.shape().unwrap(), [1, 6, 1]);
}

#[test]
fn arrays_come_from_blocks() {
    let x = from_blocks([5, 4], [2, 3], |block| {
        let (rows, columns) = (block.region.0[0], block.region.0[1]);
        ArrayD::from_shape_fn(vec![rows.len as usize, columns.len as usize], |at| {
            (rows.start as i64 + at[0] as i64) * 10 + columns.start as i64 + at[1] as i64
        })
    });
    let expected = ArrayD::from_shape_fn(vec![5, 4], |at| (at[0] * 10 + at[1]) as i64);
    assert_eq!(x.compute::<i64>().unwrap(), expected);
}

#[test]
fn many_times_the_limit_passes_through_functions() {
    // 64 MiB under 8 MiB
    let runtime = Runtime::builder().memory_limit_bytes(8 << 20).threads(2).build().unwrap();
    let x = random::normal(0.0, 1.0).shape([4096, 2048]).chunks([128, 512]).seed(3).build();
    let y = x.map_overlap(Halo::new(vec![[1, 1], [0, 0]]).boundary(Boundary::Periodic), |block: ArrayViewD<'_, f64>| {
        let (n, mut out) = (block.shape()[0], block.to_owned());
        for i in 1..n - 1 {
            let between = (&block.index_axis(Axis(0), i - 1) + &block.index_axis(Axis(0), i + 1)) / 2.0;
            out.index_axis_mut(Axis(0), i).assign(&between);
        }
        out
    });
    let expected = (x.roll(1, 0) + x.roll(-1, 0)) / 2.0;
    assert_eq!(runtime.item::<f64>(&(&y - expected).abs().max(..)).unwrap(), 0.0);
    let spread = x.apply_along_axis(0, (), |lane: ArrayView1<'_, f64>| ndarray::arr0(lane.sum()).into_dyn());
    let off = (spread - x.sum(0)).abs().max(..);
    assert!(runtime.item::<f64>(&off).unwrap() < 1e-9);
    assert_eq!(x.dtype().unwrap(), DType::F64);
}
