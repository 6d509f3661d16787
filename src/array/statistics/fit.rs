//! The polynomial that is nearest to points.

use super::moments::floats;
use super::polynomials::length;
use crate::array::composed::composed;
use crate::array::{Array, linalg};
use crate::error::Error;

/// The coefficients, the highest power first, of the polynomial of degree `degree` that is nearest to `y` at `x` by least squares; of
/// several columns of `y` each. `weights` are factors of the distances. Read once, however many points there are; powers of
/// `x` are scaled before, as NumPy does.
///
/// ```
/// use flagstone::{arange, array::polyfit};
/// let x = arange(0.0, 50.0, 1.0, None);
/// let line = polyfit(&x, &(&x * 2.0 + 1.0), 1, None, None).compute::<f64>().unwrap();
/// assert!((line[0] - 2.0).abs() < 1e-12 && (line[1] - 1.0).abs() < 1e-12);
/// ```
#[track_caller]
pub fn polyfit(x: &Array, y: &Array, degree: u64, rcond: Option<f64>, weights: Option<&Array>) -> Array {
    let mut given = vec![x, y];
    given.extend(weights);
    composed("polyfit", &given, move |arrays| {
        let (x, y) = (floats(&arrays[0])?, floats(&arrays[1])?);
        let (n, rows) = (length("polyfit", &x)?, y.shape()?);
        if !matches!(rows.len(), 1 | 2) || rows[0] != n || n == 0 {
            return Err(Error::bad_request("polyfit", format!("y of shape {rows:?} at {n} places; expected as many rows, one at least")));
        }
        let is_vector = rows.len() == 1;
        let (mut a, mut b) = (x.vander(degree + 1, false), if is_vector { y.expand_dims([1]) } else { y });
        if let Some(weights) = arrays.get(2) {
            let w = floats(weights)?;
            if w.shape()? != [n] {
                return Err(Error::bad_request("polyfit", format!("weights of shape {:?}; expected [{n}]", w.shape()?)));
            }
            let w = w.expand_dims([1]);
            (a, b) = (a * &w, b * &w);
        }
        let scale = a.abs().square().sum(0).sqrt();
        let epsilon = x.dtype()?.epsilon();
        let [c, ..] = linalg::lstsq(&(a / &scale), &b, Some(rcond.unwrap_or(n as f64 * epsilon)));
        let c = c / scale.expand_dims([1]);
        Ok(if is_vector { c.squeeze([1]) } else { c })
    })
}
