//! Loop → the same loop compiled for the machine's instruction set. Every clone runs the same operations
//! in the same order (Rust neither contracts nor reorders floating point), so the bits do not depend on it.

use std::sync::atomic::{AtomicU8, Ordering};

/// A loop to be compiled once for each instruction set: mark `run` `#[inline(always)]`.
pub(crate) trait Loop {
    /// What the loop gives.
    type Out;
    /// The loop.
    fn run(self) -> Self::Out;
}

const UNKNOWN: u8 = 0;
const BASELINE: u8 = 1;
#[cfg(target_arch = "x86_64")]
const AVX2: u8 = 2;
#[cfg(target_arch = "x86_64")]
const AVX512: u8 = 3;

static LEVEL: AtomicU8 = AtomicU8::new(UNKNOWN);

#[cold]
fn detect() -> u8 {
    #[cfg_attr(not(target_arch = "x86_64"), expect(unused_mut, reason = "there is no other level"))]
    let mut level = BASELINE;
    #[cfg(target_arch = "x86_64")]
    {
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
            level = AVX2;
            if is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512dq")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512vl")
            {
                level = AVX512;
            }
        }
    }
    LEVEL.store(level, Ordering::Relaxed);
    level
}

#[cfg(test)]
thread_local! {
    static FORCED: std::cell::Cell<u8> = const { std::cell::Cell::new(UNKNOWN) };
}

/// Runs `body` once on every instruction set that this machine has.
#[cfg(test)]
pub(crate) fn on_every_isa(mut body: impl FnMut()) {
    for level in BASELINE..=detect() {
        FORCED.with(|f| f.set(level));
        body();
    }
    FORCED.with(|f| f.set(UNKNOWN));
}

#[inline(always)]
fn level() -> u8 {
    #[cfg(test)]
    {
        let forced = FORCED.with(|f| f.get());
        if forced != UNKNOWN {
            return forced;
        }
    }
    match LEVEL.load(Ordering::Relaxed) {
        UNKNOWN => detect(),
        known => known,
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl,avx2,fma")]
fn run_avx512<L: Loop>(body: L) -> L::Out {
    body.run()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn run_avx2<L: Loop>(body: L) -> L::Out {
    body.run()
}

/// Whether `mul_add` is an instruction of the clone that [`dispatch`] takes.
pub(crate) fn has_fma() -> bool {
    level() != BASELINE
}

/// Whether AVX-512 (F, DQ, BW, VL) may be used.
#[cfg(target_arch = "x86_64")]
pub(crate) fn has_avx512() -> bool {
    level() == AVX512
}

/// Whether a round of AES is an instruction that may be used.
#[cfg(target_arch = "x86_64")]
#[inline]
pub(crate) fn has_aes() -> bool {
    // machines without AVX2 have it, too
    #[cfg(test)]
    if FORCED.with(|f| f.get()) == BASELINE {
        return false;
    }
    is_x86_feature_detected!("aes")
}

/// Whether a round of AES is an instruction.
#[cfg(target_arch = "aarch64")]
#[inline]
pub(crate) fn has_aes() -> bool {
    std::arch::is_aarch64_feature_detected!("aes")
}

/// As [`has_aes`] of four blocks in a vector of AVX-512.
#[cfg(target_arch = "x86_64")]
#[inline]
pub(crate) fn has_vaes() -> bool {
    level() == AVX512 && is_x86_feature_detected!("vaes")
}

/// Runs `body` in the best clone.
#[inline]
pub(crate) fn dispatch<L: Loop>(body: L) -> L::Out {
    match level() {
        // SAFETY: `detect` saw the features.
        #[cfg(target_arch = "x86_64")]
        AVX512 => unsafe { run_avx512(body) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        AVX2 => unsafe { run_avx2(body) },
        _ => body.run(),
    }
}
