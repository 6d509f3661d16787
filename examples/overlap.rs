//! Each pixel as the mean of it and its eight neighbours, block by block, mirrored at the edges.

use flagstone::array::{Boundary, Halo};
use ndarray::{ArrayD, ArrayViewD, IxDyn};

fn smooth(image: ArrayViewD<f64>) -> ArrayD<f64> {
    let (rows, columns) = (image.shape()[0], image.shape()[1]);
    ArrayD::from_shape_fn(image.raw_dim(), |at| {
        let around = |i: usize, n: usize| i.saturating_sub(1)..(i + 2).min(n);
        let sum: f64 =
            around(at[0], rows).flat_map(|i| around(at[1], columns).map(move |j| (i, j))).map(|(i, j)| image[IxDyn(&[i, j])]).sum();
        sum / 9.0
    })
}

fn main() -> flagstone::Result<()> {
    let image = flagstone::random::normal(10.0, 2.0).shape([2000, 3000]).chunks([500, 500]).seed(0).build();
    let smoothed = image.map_overlap(Halo::new(1).boundary(Boundary::Reflect), smooth);
    println!("from {:.3} to {:.3}", image.std(..).item::<f64>()?, smoothed.std(..).item::<f64>()?);
    Ok(())
}
