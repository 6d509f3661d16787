//! A user's program: builds against the public API alone, computes, stores, reads back.

use flagstone::array::{StoreOptions, create};
use flagstone::error::ErrorKind;
use flagstone::{Array, CancelToken, DType, Result, Runtime, axis, convert, idx, open, random, store};
use std::error::Error;

fn main() -> Result<()> {
    let runtime = Runtime::builder().memory_limit("128MiB").threads(2).build()?;
    let x = random::normal(5.0, 2.0).shape([300, 400]).seed(1).build();
    let centred = &x - x.mean(axis(1).keepdims());
    let (mean, deviation) = runtime.compute_many((&centred.mean(..), &x.std(..)))?;
    println!("{mean:?} {deviation:?}");
    assert!(runtime.item::<f64>(&centred.mean(..).abs())? < 1e-12);

    let sum = |array: &Array| -> Result<f64> { runtime.item(&array.index(idx![..;3, 10..20]).sum(..)) };
    let address = std::env::temp_dir().join(format!("flagstone-downstream-{}.zarr", std::process::id()));
    runtime.store_with(&(&x * 2.0), &address, &StoreOptions::new().chunks([100, 100]))?;
    let stored = open(&address)?;
    assert_eq!(stored.dtype()?, DType::F64);
    let (twice, once) = (sum(&stored)?, sum(&x)?);
    assert_eq!(twice, 2.0 * once);

    let from_memory = Array::from_ndarray(ndarray::arr2(&[[1.0, 2.0], [3.0, 4.0]]));
    assert_eq!(runtime.compute::<f64>(&from_memory.t())?, ndarray::arr2(&[[1.0, 3.0], [2.0, 4.0]]).into_dyn());
    let refused = (&x + flagstone::zeros([7], DType::F64)).check().unwrap_err();
    assert!(refused.to_string().contains("main.rs"), "an error says where the call was made: {refused}");

    // block by block, of something larger than a block, and back into a store
    let copy = address.with_extension("copy.zarr");
    let writer = create(&copy, [300, 400], DType::F64, &StoreOptions::new().chunks([1, 400]).overwrite(true))?;
    let mut seen = 0;
    for block in runtime.blocks::<f64>(&stored)? {
        let block = block?;
        seen += block.array.len();
        writer.write(&block.start, block.array.view())?;
    }
    writer.finish()?;
    assert_eq!(seen, 300 * 400);
    assert_eq!(runtime.compute::<f64>(&open(&copy)?)?, runtime.compute::<f64>(&stored)?);

    // copied to another format; addresses are paths as well as text
    let npy = address.with_extension("npy");
    let plan = convert::Plan::new(&address, &npy, &convert::Options::default().overwrite(true))?;
    plan.copies.iter().try_for_each(|copy| copy.run(&runtime))?;
    assert!(store::exists(&npy));
    assert_eq!(store::map(&npy)?.view().shape(), [300, 400]);
    std::fs::remove_file(&npy).expect("the array that was just copied");

    let token = CancelToken::new();
    token.cancel();
    let stopped = runtime.cancelled_by(&token).item::<f64>(&stored.sum(..)).unwrap_err();
    assert!(matches!(stopped.kind(), ErrorKind::Cancelled), "{stopped}");
    let missing = open(&npy).unwrap_err();
    let source = missing.source().and_then(|source| source.downcast_ref::<std::io::Error>());
    assert_eq!(source.map(std::io::Error::kind), Some(std::io::ErrorKind::NotFound), "{missing}");
    for path in [&address, &copy] {
        std::fs::remove_dir_all(path).expect("the array that was just written");
    }
    println!("downstream: ok");
    Ok(())
}
