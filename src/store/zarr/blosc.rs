//! Blosc (version 1) by its C library, one thread, into the caller's buffer.

use std::ffi::{CString, c_int};

/// Blocks that blosc chooses itself are never longer.
const AUTOMATIC_BLOCK_BYTES: u64 = 2 << 20;
const HEADER_BYTES: usize = 16;

/// How blosc encodes.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Settings {
    /// Inner codec.
    pub(super) inner: String,
    /// 0..=9.
    pub(super) level: u8,
    /// 0 none, 1 bytes, 2 bits.
    pub(super) shuffle: u8,
    /// Bytes of what is shuffled.
    pub(super) item: usize,
    /// Block length; 0: blosc's choice.
    pub(super) block_bytes: u64,
}

impl Settings {
    fn block_bytes_max(&self, len: u64) -> u64 {
        len.min(self.block_bytes.max(AUTOMATIC_BLOCK_BYTES))
    }
    /// What decoding a chunk of `len` bytes allocates: three blocks.
    pub(super) fn context_bytes(&self, len: u64) -> u64 {
        3 * self.block_bytes_max(len) + (64 << 10)
    }
    /// What encoding allocates: three blocks and the inner codec's own state.
    pub(super) fn encode_context_bytes(&self, len: u64) -> u64 {
        let inner = match (self.inner.as_str(), self.level) {
            ("zstd", 9) => 128 << 20,
            ("zstd", 6..) => 32 << 20,
            ("zstd", _) => 16 << 20,
            _ => 1 << 20,
        };
        self.context_bytes(len) + inner
    }
}

/// Decodes `from` into `to`; returns the bytes made.
///
/// # Errors
/// For anything that is not one whole blosc buffer of at most `to.len()` bytes.
pub(super) fn decode(from: &[u8], to: &mut [u8], settings: &Settings) -> Result<usize, String> {
    if from.len() < HEADER_BYTES {
        return Err(format!("blosc: {} bytes are too few for a header", from.len()));
    }
    let mut len = 0;
    // SAFETY: blosc reads the 16 bytes of the header, which are there.
    let valid = unsafe { blosc_src::blosc_cbuffer_validate(from.as_ptr().cast(), from.len(), &mut len) };
    if valid != 0 {
        return Err("blosc: the header does not describe these bytes".into());
    }
    if len > to.len() {
        return Err(format!("blosc: {len} bytes, room for {}", to.len()));
    }
    let block = u32::from_le_bytes([from[8], from[9], from[10], from[11]]) as u64;
    let limit = settings.block_bytes_max(to.len() as u64);
    if block > limit {
        return Err(format!("blosc: blocks of {block} bytes, at most {limit} were announced"));
    }
    // SAFETY: `from` is a whole buffer whose compressed length was validated to be its own; blosc writes
    // at most `to.len()` bytes, which is passed.
    let made = unsafe { blosc_src::blosc_decompress_ctx(from.as_ptr().cast(), to.as_mut_ptr().cast(), to.len(), 1) };
    usize::try_from(made).map_err(|_| format!("blosc: decoding failed ({made})"))
}

/// Encodes `from` into `to`; returns the bytes made.
///
/// # Errors
/// When blosc refuses (more than 2 GiB, an unknown inner codec).
pub(super) fn encode(from: &[u8], to: &mut [u8], settings: &Settings) -> Result<usize, String> {
    let inner = CString::new(settings.inner.as_str()).map_err(|e| format!("blosc: {e}"))?;
    // SAFETY: blosc reads `from` and writes at most `to.len()` bytes; the name is NUL-terminated.
    let made = unsafe {
        blosc_src::blosc_compress_ctx(
            c_int::from(settings.level),
            c_int::from(settings.shuffle),
            settings.item,
            from.len(),
            from.as_ptr().cast(),
            to.as_mut_ptr().cast(),
            to.len(),
            inner.as_ptr(),
            settings.block_bytes as usize,
            1,
        )
    };
    match usize::try_from(made) {
        Ok(len) if len > 0 => Ok(len),
        _ => Err(format!("blosc:{}:{}: encoding {} bytes failed ({made})", settings.inner, settings.level, from.len())),
    }
}
