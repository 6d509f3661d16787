//! Elements by lists, masks and places that are arrays themselves, and elements set: `selections table.h5:/x`.

use flagstone::array::Index;
use flagstone::{Runtime, idx, open};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args().nth(1).ok_or("usage: selections ADDRESS")?;
    let runtime = Runtime::builder().memory_limit("256MiB").build()?;
    let x = open(&address)?;
    // how many are selected is found out by counting, when it is asked for
    let low = x.index([Index::Array(x.lt(8.0))]);
    println!("{} elements are below 8, on average {:.3}", low.shape()?[0], runtime.item::<f32>(&low.mean(..))?);
    let best = x.argmax(0);
    let highest = x.take_along_axis(&best.expand_dims(0), Some(0));
    println!("the greatest of the first columns {:.3}", runtime.compute::<f32>(&highest.index(idx![0, ..5]))?);
    let rows = best.index(idx![..5]);
    println!("the first elements of the rows where they stand {:.3}", runtime.compute::<f32>(&x.take(&rows, 0).index(idx![.., 0]))?);
    let mended = x.set([Index::Array(x.lt(8.0))], 8.0);
    println!(
        "least value {:.1}, and {:.1} with what is below 8 set to 8",
        runtime.item::<f32>(&x.min(..))?,
        runtime.item::<f32>(&mended.min(..))?
    );
    Ok(())
}
