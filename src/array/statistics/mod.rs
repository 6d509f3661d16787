//! Arrays → their differences, slopes, areas, convolutions, covariances and moments. All of it is views, products and
//! reductions that are there.

mod convolve;
mod covariance;
mod differences;
mod fit;
mod gradient;
pub mod hypotheses;
mod moments;
mod polynomials;
pub(super) mod table;
mod table_calls;
mod zeros;

pub use convolve::{Overlap, convolve, correlate};
pub use covariance::Observations;
pub use differences::polyval;
pub(super) use differences::{diff, difference};
pub use fit::polyfit;
pub use gradient::Spacing;
pub use polynomials::{polyadd, polyder, polydiv, polyint, polymul, polysub};
pub(super) use table_calls::weights_along;
pub use zeros::{poly, roots};
