//! LAPACK and BLAS come from the system's OpenBLAS.

fn main() {
    println!("cargo::rustc-link-lib=dylib=openblas");
    println!("cargo::rerun-if-changed=build.rs");
}
