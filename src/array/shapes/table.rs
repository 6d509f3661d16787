//! The rows of functions that put elements elsewhere, in the table of what users can call by NumPy's names.

use super::table_calls::*;
use crate::array::table::{default, params, sig};
use crate::array::value::{Param, Signature};

/// Functions of places.
pub(in crate::array) static SIGNATURES: &[Signature] = &[
    sig!(moves "roll" ["a", "shift", "axis" = "None"] "Moved on along axes, what leaves at one end coming back at the other.", |a| roll(a)),
    sig!(moves "rot90" ["m", "k" = "1", "axes" = "(0, 1)"] "Turned by quarters in the plane of two axes.", |a| rot90(a)),
    sig!(moves "rollaxis" ["a", "axis", "start" = "0"] "An axis moved before another.", |a| rollaxis(a)),
    sig!(moves "tile" ["A", "reps"] "The array after itself, so many times along each axis.", |a| tile(a)),
    sig!(moves method "repeat" ["a", "repeats", "axis" = "None"] "Every element several times.", |a| repeat(a)),
    sig!(moves "resize" ["a", "new_shape"] "The elements, again and again, in another shape.", |a| resize(a)),
    sig!("pad" ["array", "pad_width", "mode" = "'constant'"; "stat_length" = "None", "constant_values" = "None", "end_values" = "None", "reflect_type" = "None"]
        "New elements at the ends of axes, in all of NumPy's modes.", |a| pad(a)),
    sig!(moves "atleast_1d" ["*arys"] "With an axis at least.", |a| at_least("atleast_1d", a)),
    sig!(moves "atleast_2d" ["*arys"] "With two axes at least.", |a| at_least("atleast_2d", a)),
    sig!(moves "atleast_3d" ["*arys"] "With three axes at least.", |a| at_least("atleast_3d", a)),
    sig!("block" ["arrays"] "Lists of lists of arrays as one.", |a| block(a)),
    sig!(moves "dstack" ["tup"] "Behind one another.", |a| dstack(a)),
    sig!(moves "column_stack" ["tup"] "Beside one another, vectors as columns.", |a| column_stack(a)),
    sig!(moves "row_stack" ["tup"; "dtype" = "None", "casting" = "'same_kind'"] "Above one another.", |a| row_stack(a)),
    sig!("ix_" ["*args"] "Sequences as indices of axes, each of its own: x[ix_(a, b)].", |a| open_mesh(a)),
    sig!("diag_indices_from" ["arr"] "Indices of the diagonal of an array with equal sides.", |a| diag_indices_from(a)),
    sig!("shuffle" ["x", "indexer", "axis"] "The places that lists of places name, one list after the other (dask).", |a| shuffle(a)),
    sig!(moves "split" ["ary", "indices_or_sections", "axis" = "0"] "Parts along an axis.", |a| split("split", &a[0], &a[1], &a[2])),
    sig!(moves "array_split" ["ary", "indices_or_sections", "axis" = "0"] "Parts along an axis, the first ones longer if need be.",
        |a| split("array_split", &a[0], &a[1], &a[2])),
    sig!(moves "hsplit" ["ary", "indices_or_sections"] "Parts along axis 1.", |a| split_of("hsplit", a)),
    sig!(moves "vsplit" ["ary", "indices_or_sections"] "Parts along axis 0.", |a| split_of("vsplit", a)),
    sig!(moves "dsplit" ["ary", "indices_or_sections"] "Parts along axis 2.", |a| split_of("dsplit", a)),
    sig!(moves "unstack" ["x"; "axis" = "0"] "The arrays that lie along an axis.", |a| unstack(a)),
    sig!(moves [0, 1] "append" ["arr", "values", "axis" = "None"] "With other elements after it.", |a| append(a)),
    sig!("insert" ["arr", "obj", "values", "axis" = "None"] "With other elements before places of an axis.", |a| insert(a)),
    sig!("delete" ["arr", "obj", "axis" = "None"] "Without places of an axis.", |a| delete(a)),
    sig!(moves "diag" ["v", "k" = "0"] "A matrix with a diagonal, or the diagonal of a matrix.", |a| diag(a)),
    sig!(moves "diagflat" ["v", "k" = "0"] "A matrix with all elements on a diagonal.", |a| diagflat(a)),
    sig!(moves method "diagonal" ["a", "offset" = "0", "axis1" = "0", "axis2" = "1"] "A diagonal of the plane of two axes.", |a| diagonal(a)),
    sig!("linalg.diagonal" ["x"; "offset" = "0"] "Diagonals of matrices in the last two axes.", |a| diagonal_of_matrices(a)),
    sig!(moves "sliding_window_view" ["x", "window_shape", "axis" = "None"] "All windows, along new axes.", |a| sliding_window_view(a)),
    sig!("broadcast_shapes" ["*args"] "The shape that several broadcast to.", |a| broadcast_shapes(a)),
];
