//! LZF, the fast compressor of h5py's own filter.
//! Source: the format of liblzf 3.6 (`lzf_d.c`).

/// Decodes `src` into `dst`; returns the bytes, `None` for bad data or more than there is room for.
pub(super) fn decode(src: &[u8], dst: &mut [u8]) -> Option<usize> {
    let (mut from, mut to) = (0, 0);
    let byte = |at: &mut usize| {
        *at += 1;
        src.get(*at - 1).map(|&b| usize::from(b))
    };
    while from < src.len() {
        let control = byte(&mut from)?;
        if control < 32 {
            let n = control + 1;
            dst.get_mut(to..to + n)?.copy_from_slice(src.get(from..from + n)?);
            (from, to) = (from + n, to + n);
            continue;
        }
        let mut n = control >> 5;
        if n == 7 {
            n += byte(&mut from)?;
        }
        n += 2;
        let back = ((control & 0x1f) << 8 | byte(&mut from)?) + 1;
        let start = to.checked_sub(back)?;
        if to + n > dst.len() {
            return None;
        }
        if back >= n {
            dst.copy_within(start..start + n, to);
        } else {
            // The copy overlaps itself: it repeats the last `back` bytes.
            for i in 0..n {
                dst[to + i] = dst[start + i];
            }
        }
        to += n;
    }
    Some(to)
}

/// Bytes of the table that [`encode`] keeps on the stack.
pub(super) const ENCODE_BYTES: u64 = 4 << HASH_BITS;
const HASH_BITS: u32 = 13;

/// Encodes `src`; `None` if `dst` is too short (data that do not compress).
pub(super) fn encode(src: &[u8], dst: &mut [u8]) -> Option<usize> {
    let mut table = [u32::MAX; 1 << HASH_BITS];
    let hash = |at: usize| {
        let three = u32::from(src[at]) << 16 | u32::from(src[at + 1]) << 8 | u32::from(src[at + 2]);
        (three.wrapping_mul(0x9E37_79B1) >> (32 - HASH_BITS)) as usize
    };
    let (mut to, mut at, mut literals) = (0, 0, 0);
    while at < src.len() {
        let mut len = 0;
        let mut back = 0;
        if at + 2 < src.len() {
            let slot = &mut table[hash(at)];
            let seen = std::mem::replace(slot, at as u32) as usize;
            if seen < at && at - seen <= 1 << 13 && src[seen..seen + 3] == src[at..at + 3] {
                let most = (src.len() - at).min(264);
                len = 3 + (3..most).take_while(|&i| src[seen + i] == src[at + i]).count();
                back = at - seen - 1;
            }
        }
        if len == 0 {
            at += 1;
        }
        // A run of literals ends at 32 bytes, before a match and at the end.
        while at - literals == 32 || literals < at && (len > 0 || at == src.len()) {
            let n = (at - literals).min(32);
            *dst.get_mut(to)? = (n - 1) as u8;
            dst.get_mut(to + 1..to + 1 + n)?.copy_from_slice(&src[literals..literals + n]);
            (to, literals) = (to + 1 + n, literals + n);
        }
        if len > 0 {
            let code = len - 2;
            *dst.get_mut(to)? = (code.min(7) << 5 | back >> 8) as u8;
            to += 1;
            if code >= 7 {
                *dst.get_mut(to)? = (code - 7) as u8;
                to += 1;
            }
            *dst.get_mut(to)? = back as u8;
            to += 1;
            at += len;
            literals = at;
        }
    }
    Some(to)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_is_decoded() {
        let repeats: Vec<u8> = (0..5000u32).map(|i| (i / 97 % 7) as u8).collect();
        let noise: Vec<u8> = (0..5000u32).map(|i| (i.wrapping_mul(2654435761) >> 13) as u8).collect();
        for src in [&repeats[..], &noise, &[], &[1], &[1, 2, 3, 4], &[9; 1000]] {
            let mut small = vec![0; src.len() + src.len() / 16 + 16];
            let n = encode(src, &mut small).unwrap();
            let mut back = vec![7; src.len()];
            decode(&small[..n], &mut back).unwrap();
            assert_eq!(back, src);
            if n > 1 {
                let mut short = vec![0; src.len()];
                assert!(decode(&small[..n - 1], &mut short).is_none());
            }
        }
        assert!(encode(&[9; 1000], &mut [0; 100]).unwrap() < 20);
        assert!(encode(&noise, &mut [0; 1000]).is_none());
        assert!(decode(&[0xff, 0xff, 0xff], &mut [0; 300]).is_none(), "a match before the start");
    }
}
