//! The strongest frequency of each row of a table: `spectrum table.h5:/x`.

use flagstone::array::fft;
use flagstone::{Runtime, open};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args().nth(1).ok_or("usage: spectrum ADDRESS")?;
    let runtime = Runtime::builder().memory_limit("256MiB").build()?;
    let x = open(&address)?;
    let centred = &x - x.mean(flagstone::axis(1).keepdims());
    let power = fft::rfft(&centred, None, 1, fft::Norm::Backward).abs().square();
    let frequencies = fft::rfftfreq(x.shape()?[1], 1.0).take(&power.argmax(1), 0);
    println!("{} rows, the strongest frequencies {:.3}", x.shape()?[0], runtime.compute::<f64>(&frequencies)?);
    Ok(())
}
