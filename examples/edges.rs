//! How steep an image is at each place, once it is smoothed over 3 × 3 places with its borders mirrored:
//! `edges image.h5:/x steepness.zarr`.

use flagstone::array::Pad;
use flagstone::{DType, Runtime, open};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let usage = "usage: edges IMAGE STEEPNESS";
    let (image, steepness) = (std::env::args().nth(1).ok_or(usage)?, std::env::args().nth(2).ok_or(usage)?);
    let runtime = Runtime::builder().memory_limit("256MiB").build()?;
    let wide = open(&image)?.astype(DType::F64).pad(1u64, &Pad::Reflect { odd: false });
    let smooth = wide.sliding_window_view(&[(0, 3), (1, 3)]).mean([-1, -2]);
    let steep = smooth.gradient(1.0, 0, 1).hypot(smooth.gradient(1.0, 1, 1));
    runtime.store(&steep, &steepness)?;
    println!("{} places, the steepest {:.4}", steep.size()?, runtime.item::<f64>(&steep.max(..))?);
    Ok(())
}
