//! Another shape, other axes, parts put together and edges added, of which only what is asked for is read: `shapes table.h5:/x`.

use flagstone::array::{Pad, concatenate};
use flagstone::{Runtime, idx, open};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args().nth(1).ok_or("usage: shapes ADDRESS")?;
    let runtime = Runtime::builder().memory_limit("256MiB").build()?;
    let x = open(&address)?;
    let shape = x.shape()?;
    let lines = x.reshape([-1, 10]);
    let first = lines.index(idx![..3]).mean(1);
    println!("{shape:?} as lines of ten: {:?}, the means of the first of them {:.3}", lines.shape()?, runtime.compute::<f32>(&first)?);
    let turned = x.rot90(1, [0, 1]).flip(1);
    println!("turned and mirrored it is its transpose: {}", runtime.item::<bool>(&turned.eq(x.t().flip([0, 1])).all(..))?);
    let twice = concatenate(&[x.clone(), x.roll(1, 0)], 0);
    println!("with itself moved on by a row below it: {:?}", twice.shape()?);
    let framed = x.pad([2u64, 2], &Pad::Reflect { odd: false });
    println!("mirrored at its edges: {:?}, a corner {:.3}", framed.shape()?, runtime.compute::<f32>(&framed.index(idx![..2, ..2]))?);
    Ok(())
}
