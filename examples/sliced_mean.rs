//! Column means of every hundredth row of a random array: only those rows are ever generated.

use flagstone::{idx, random};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let n: u64 = std::env::args().nth(1).unwrap_or("20000".into()).parse()?;
    let x = random::normal(10.0, 0.1).shape([n, n]).seed(0);
    let means = x.index(idx![..;100]).mean(0).compute::<f64>()?;
    println!("{} means, the first {:.4}", means.len(), means[0]);
    assert!((means.mean().ok_or("no columns")? - 10.0).abs() < 0.01);
    Ok(())
}
