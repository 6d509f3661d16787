//! A user's program: builds against the public API alone, computes, stores, reads back.

use flagstone::array::StoreOptions;
use flagstone::{Array, DType, Result, Runtime, axis, idx, open, random};

fn main() -> Result<()> {
    let runtime = Runtime::builder().memory_limit("128MiB").threads(2).build()?;
    let x = random::normal(5.0, 2.0).shape([300, 400]).seed(1).build();
    let centred = &x - x.mean(axis(1).keepdims());
    let (mean, deviation) = runtime.compute_many((&centred.mean(..), &x.std(..)))?;
    println!("{mean:?} {deviation:?}");
    assert!(runtime.item::<f64>(&centred.mean(..).abs())? < 1e-12);

    let sum = |array: &Array| -> Result<f64> { runtime.item(&array.index(idx![..;3, 10..20]).sum(..)) };
    let address = std::env::temp_dir().join(format!("flagstone-downstream-{}.zarr", std::process::id()));
    let address = address.to_string_lossy();
    runtime.store_with(&(&x * 2.0), &address, &StoreOptions { chunks: Some([100, 100].into()), ..StoreOptions::default() })?;
    let stored = open(&address)?;
    assert_eq!(stored.dtype()?, DType::F64);
    let (twice, once) = (sum(&stored)?, sum(&x)?);
    assert_eq!(twice, 2.0 * once);

    let from_memory = Array::from_ndarray(ndarray::arr2(&[[1.0, 2.0], [3.0, 4.0]]));
    assert_eq!(runtime.compute::<f64>(&from_memory.t())?, ndarray::arr2(&[[1.0, 3.0], [2.0, 4.0]]).into_dyn());
    let refused = (&x + flagstone::zeros([7], DType::F64)).check().unwrap_err();
    assert!(refused.to_string().contains("main.rs"), "an error says where the call was made: {refused}");
    std::fs::remove_dir_all(&*address).expect("the array that was just written");
    println!("downstream: ok");
    Ok(())
}
