//! A linear system several times larger than memory: `solve 2000` for 2000 unknowns.

use flagstone::{Runtime, array::linalg, random};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let n: u64 = std::env::args().nth(1).ok_or("usage: solve UNKNOWNS")?.parse()?;
    let runtime = Runtime::builder().memory_limit_bytes((n * n * 8 / 4).max(16 << 20)).build()?;
    let a = random::normal(0.0, 1.0).shape([n, n]).seed(0).into();
    let b = random::normal(0.0, 1.0).shape([n]).seed(1).into();
    let x = runtime.persist(&linalg::solve(&a, &b))?;
    let left = (a.matmul(&x) - &b).abs().max(..);
    println!("largest residual {:.1e}", runtime.item::<f64>(&left)?);
    Ok(())
}
