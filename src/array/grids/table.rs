//! The rows of functions that make coordinates, in the table of what users can call by NumPy's names.

use super::table_calls::*;
use crate::array::table::{default, params, sig};
use crate::array::value::{Param, Signature};

/// Functions that make arrays from lengths and ends.
pub(in crate::array) static SIGNATURES: &[Signature] = &[
    sig!("linspace" ["start", "stop", "num" = "50", "endpoint" = "True", "retstep" = "False", "dtype" = "None", "axis" = "0"; "device" = "None"]
        "Evenly spaced values.", |a| linspace(a)),
    sig!("geomspace" ["start", "stop", "num" = "50", "endpoint" = "True", "dtype" = "None", "axis" = "0"] "Values evenly spaced on a log scale.", |a| geomspace(a)),
    sig!("meshgrid" ["*xi"; "copy" = "True", "sparse" = "False", "indexing" = "'xy'"] "Coordinates of a grid from those of its axes.", |a| meshgrid(a)),
    sig!("indices" ["dimensions", "dtype" = "int64", "sparse" = "False"] "The index along each axis at each place.", |a| indices(a)),
    sig!("mgrid" ["*ranges"] "Coordinates of a grid: mgrid[0:3, 0:1:5j].", |a| mgrid(a)),
    sig!("ogrid" ["*ranges"] "Coordinates of a grid, each along its axis: ogrid[0:3, 0:1:5j].", |a| ogrid(a)),
    sig!("tri" ["N", "M" = "None", "k" = "0", "dtype" = "float64"] "Ones below a diagonal.", |a| tri(a)),
    sig!("vander" ["x", "N" = "None", "increasing" = "False"] "Powers of elements as rows.", |a| vander(a)),
    sig!("diag_indices" ["n", "ndim" = "2"] "The places of the main diagonal.", |a| diag_indices(a)),
    sig!("tril_indices" ["n", "k" = "0", "m" = "None"] "The places of a lower triangle.", |a| triangle("tril_indices", a)),
    sig!("triu_indices" ["n", "k" = "0", "m" = "None"] "The places of an upper triangle.", |a| triangle("triu_indices", a)),
    sig!("tril_indices_from" ["arr", "k" = "0"] "The places of a matrix's lower triangle.", |a| triangle_of("tril_indices_from", a)),
    sig!("triu_indices_from" ["arr", "k" = "0"] "The places of a matrix's upper triangle.", |a| triangle_of("triu_indices_from", a)),
    sig!("bartlett" ["M"] "Bartlett's taper.", |a| taper("bartlett", a)),
    sig!("blackman" ["M"] "Blackman's taper.", |a| taper("blackman", a)),
    sig!("hamming" ["M"] "Hamming's taper.", |a| taper("hamming", a)),
    sig!("hanning" ["M"] "Hann's taper.", |a| taper("hanning", a)),
    sig!("kaiser" ["M", "beta"] "Kaiser's taper.", |a| kaiser(a)),
];
