//! Codecs that libraries decode: each takes one whole buffer and fills at most the room it is given.

use libdeflater::Decompressor;
use std::cell::RefCell;

thread_local! {
    static DEFLATE: RefCell<Decompressor> = RefCell::new(Decompressor::new());
    static ZSTD: RefCell<Option<zstd::bulk::Decompressor<'static>>> = const { RefCell::new(None) };
}

/// Decodes a zlib stream.
///
/// # Errors
/// Where it is none, or longer than `dst`.
pub(super) fn zlib(src: &[u8], dst: &mut [u8]) -> Result<usize, String> {
    DEFLATE.with_borrow_mut(|decoder| decoder.zlib_decompress(src, dst)).map_err(|e| match e {
        libdeflater::DecompressionError::InsufficientSpace => format!("zlib gives more than the {} bytes expected", dst.len()),
        libdeflater::DecompressionError::BadData => "zlib finds bad data".into(),
    })
}

/// Decodes Zstandard frames.
///
/// # Errors
/// Where they are none, or longer than `dst`.
pub(super) fn zstd(src: &[u8], dst: &mut [u8]) -> Result<usize, String> {
    ZSTD.with_borrow_mut(|kept| {
        let decoder = match kept {
            Some(decoder) => decoder,
            None => kept.insert(zstd::bulk::Decompressor::new().map_err(|e| format!("zstd: {e}"))?),
        };
        decoder.decompress_to_buffer(src, dst).map_err(|e| format!("zstd: {e}"))
    })
}

/// Decodes one block of LZ4.
///
/// # Errors
/// Where it is none, or longer than `dst`.
pub(super) fn lz4(src: &[u8], dst: &mut [u8]) -> Result<usize, String> {
    let (Ok(given), Ok(room)) = (i32::try_from(src.len()), i32::try_from(dst.len())) else {
        return Err(format!("lz4: a block of {} bytes for {}; the format ends at 2 GiB", src.len(), dst.len()));
    };
    // SAFETY: the library reads at most `given` bytes and writes at most `room`, which are the lengths of the slices.
    let made = unsafe { lz4_sys::LZ4_decompress_safe(src.as_ptr().cast(), dst.as_mut_ptr().cast(), given, room) };
    usize::try_from(made).map_err(|_| format!("lz4 finds bad data, or more than the {} bytes expected", dst.len()))
}

/// Decodes one block of Snappy.
///
/// # Errors
/// Where it is none, or longer than `dst`.
pub(super) fn snappy(src: &[u8], dst: &mut [u8]) -> Result<usize, String> {
    snap::raw::Decoder::new().decompress(src, dst).map_err(|e| format!("snappy: {e}"))
}

/// Decodes a bzip2 stream.
///
/// # Errors
/// Where it is none, cut short, or longer than `dst`.
pub(super) fn bzip2(src: &[u8], dst: &mut [u8]) -> Result<usize, String> {
    let mut decoder = bzip2::Decompress::new(false);
    loop {
        let (from, to) = (decoder.total_in() as usize, decoder.total_out() as usize);
        match decoder.decompress(&src[from..], &mut dst[to..]) {
            Ok(bzip2::Status::StreamEnd) => return Ok(decoder.total_out() as usize),
            Ok(_) if decoder.total_in() as usize == from && decoder.total_out() as usize == to => {
                return Err(format!("bzip2 is cut short, or gives more than the {} bytes expected", dst.len()));
            }
            Ok(_) => {}
            Err(e) => return Err(format!("bzip2: {e}")),
        }
    }
}
