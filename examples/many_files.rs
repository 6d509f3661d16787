//! Several files written in one pass and read as one array: `many_files table.h5:/x DIRECTORY`.

use flagstone::array::StoreOptions;
use flagstone::{Runtime, idx, open};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [address, directory] = args.as_slice() else {
        return Err("usage: many_files ADDRESS DIRECTORY".into());
    };
    let runtime = Runtime::builder().memory_limit("256MiB").build()?;
    let x = open(address)?;
    let half = (x.shape()?[0] / 2) as i64;
    let (first, second) = (x.index(idx![..half]), x.index(idx![half..]));
    std::fs::create_dir_all(directory)?;
    let [a, b] = ["a", "b"].map(|part| format!("{directory}/part_{part}.h5:/x"));
    runtime.store_many(&[(first, a), (second, b)], &StoreOptions::default())?;
    let whole = open(format!("{directory}/part_*.h5:/x"))?;
    println!("two files as one array: {:?}, the same elements: {}", whole.shape()?, runtime.item::<bool>(&whole.eq(&x).all(..))?);
    Ok(())
}
