//! The leading principal components of the rows of a matrix, which is centred on the way: `pca table.h5:/x 3 loadings.npy`.

use flagstone::{DType, Runtime, array::linalg, axis, open};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [address, components, loadings_address] = args.as_slice() else {
        return Err("usage: pca ADDRESS COMPONENTS LOADINGS".into());
    };
    let runtime = Runtime::builder().memory_limit("256MiB").build()?;
    let x = open(address)?.astype(DType::F64);
    let centred = &x - x.mean(axis(0).keepdims());
    let rows = x.shape()?[0] as f64;
    let [_, s, loadings] = linalg::svd_compressed(&centred, components.parse()?, 10, 2, 0);
    let explained = s.square() / (rows - 1.0);
    runtime.store(&loadings, loadings_address)?;
    println!("explained variance {}", runtime.compute::<f64>(&explained)?);
    Ok(())
}
