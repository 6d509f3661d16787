//! Elements that do not count: `masked table.h5:/x` leaves out what is far from the mean.

use flagstone::{Runtime, open};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args().nth(1).ok_or("usage: masked ADDRESS")?;
    let runtime = Runtime::builder().memory_limit("256MiB").build()?;
    let x = open(&address)?;
    let (mean, deviation) = (runtime.item::<f32>(&x.mean(..))? as f64, runtime.item::<f32>(&x.std(..))? as f64);
    let usual = x.masked_outside(mean - 2.0 * deviation, mean + 2.0 * deviation);
    println!("{} of {} elements count", runtime.item::<i64>(&usual.count(..))?, x.size()?);
    let means = usual.mean(0);
    println!(
        "their mean {:.3}, that of the first columns {:.3}",
        runtime.item::<f64>(&usual.mean(..).filled(f64::NAN))?,
        runtime.compute::<f64>(&means.filled(f64::NAN).index(flagstone::idx![..4]))?
    );
    println!("their median {:.3}", runtime.item::<f32>(&usual.median(..).filled(f64::NAN))?);
    Ok(())
}
