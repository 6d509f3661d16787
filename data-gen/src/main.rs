//! data-gen
fn main(){}
