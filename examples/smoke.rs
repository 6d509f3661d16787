use flagstone::*;
fn main() -> Result<()> {
    let rt = Runtime::builder().memory_limit("256MiB").threads(2).build()?;
    let t = std::time::Instant::now();
    let x = flagstone::arange(0.0, 1e6, 1.0, None);
    println!("{:?}", x);
    println!("mean {:?} {:?}", rt.compute::<f64>(&x.mean(..))?, t.elapsed());
    let x = random::normal(10.0, 0.1).shape([2000, 2000]).seed(0).build();
    println!("mean {:?} std0 {:?}", rt.compute::<f64>(&x.mean(..))?, rt.compute::<f64>(&x.std(0))?.len());
    let d = (&x - x.mean(axis(1).keepdims())).std(0);
    println!("demean {:?}", rt.compute::<f64>(&d.sum(..))?);
    let s = (&x + x.t()).mean(0).sum(..);
    println!("xxt {:?}", rt.compute::<f64>(&s)?);
    for a in std::env::args().skip(1) {
        for _ in 0..3 {
        let t = std::time::Instant::now();
        let x = flagstone::open(&a)?;
        println!("{x:?} open {:?}", t.elapsed());
        let t = std::time::Instant::now();
        println!("mean {:?} {:?}", rt.compute::<f32>(&x.mean(..)).map_err(|e|e.to_string()).or_else(|_| rt.compute::<f64>(&x.mean(..)).map(|a|a.mapv(|v|v as f32))), t.elapsed());
        }
    }
    Ok(())
}
