//! Every tenth column mean of 80,000² uniforms: 51 GB that never exist at once.

use flagstone::{Runtime, idx, random};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let n: u64 = std::env::args().nth(1).unwrap_or("80000".into()).parse()?;
    let runtime = Runtime::builder().memory_limit("256MiB").build()?;
    let x = random::random().shape([n, n]).seed(0);
    let means = runtime.compute::<f64>(&x.mean(0).index(idx![..;10]))?;
    println!("{} means, the first {:.4}", means.len(), means[0]);
    assert!((means.mean().ok_or("no columns")? - 0.5).abs() < 0.01);
    Ok(())
}
