//! Bytes → the checksums of HDF5: lookup3 for metadata, fletcher32 for chunks.

/// Bob Jenkins' lookup3 (`hashlittle` from 0), which guards metadata blocks.
/// Source: http://burtleburtle.net/bob/c/lookup3.c
pub(in crate::store) fn lookup3(bytes: &[u8]) -> u32 {
    let start = 0xdead_beef_u32.wrapping_add(bytes.len() as u32);
    let (mut a, mut b, mut c) = (start, start, start);
    let word = |b: &[u8]| u32::from_le_bytes([b[0], b[1], b[2], b[3]]);
    let mut rest = bytes;
    while rest.len() > 12 {
        a = a.wrapping_add(word(rest));
        b = b.wrapping_add(word(&rest[4..]));
        c = c.wrapping_add(word(&rest[8..]));
        a = a.wrapping_sub(c) ^ c.rotate_left(4);
        c = c.wrapping_add(b);
        b = b.wrapping_sub(a) ^ a.rotate_left(6);
        a = a.wrapping_add(c);
        c = c.wrapping_sub(b) ^ b.rotate_left(8);
        b = b.wrapping_add(a);
        a = a.wrapping_sub(c) ^ c.rotate_left(16);
        c = c.wrapping_add(b);
        b = b.wrapping_sub(a) ^ a.rotate_left(19);
        a = a.wrapping_add(c);
        c = c.wrapping_sub(b) ^ b.rotate_left(4);
        b = b.wrapping_add(a);
        rest = &rest[12..];
    }
    if rest.is_empty() {
        return c;
    }
    let mut last = [0; 12];
    last[..rest.len()].copy_from_slice(rest);
    a = a.wrapping_add(word(&last));
    b = b.wrapping_add(word(&last[4..]));
    c = c.wrapping_add(word(&last[8..]));
    c = (c ^ b).wrapping_sub(b.rotate_left(14));
    a = (a ^ c).wrapping_sub(c.rotate_left(11));
    b = (b ^ a).wrapping_sub(a.rotate_left(25));
    c = (c ^ b).wrapping_sub(b.rotate_left(16));
    a = (a ^ c).wrapping_sub(c.rotate_left(4));
    b = (b ^ a).wrapping_sub(a.rotate_left(14));
    (c ^ b).wrapping_sub(b.rotate_left(24))
}

/// Fletcher's checksum over big-endian 16-bit words, as `H5_checksum_fletcher32` computes it.
pub(super) fn fletcher32(bytes: &[u8]) -> u32 {
    let fold = |s: u32| (s & 0xffff) + (s >> 16);
    let (mut one, mut two) = (0u32, 0u32);
    let words = bytes.chunks_exact(2);
    let odd = words.remainder().first().copied();
    // 360 words is the longest run whose sums cannot overflow.
    for run in bytes[..bytes.len() & !1].chunks(720) {
        for word in run.chunks_exact(2) {
            one = one.wrapping_add(u32::from(u16::from_be_bytes([word[0], word[1]])));
            two = two.wrapping_add(one);
        }
        (one, two) = (fold(one), fold(two));
    }
    if let Some(byte) = odd {
        one = one.wrapping_add(u32::from(byte) << 8);
        two = two.wrapping_add(one);
        (one, two) = (fold(one), fold(two));
    }
    (one, two) = (fold(one), fold(two));
    two << 16 | one
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_give_their_published_values() {
        assert_eq!(lookup3(b""), 0xdead_beef);
        assert_eq!(lookup3(b"Four score and seven years ago"), 0x1777_0551);
        // Big-endian words: 0x6162, 0x6364, then 'e' as 0x6500.
        let (a, b, c) = (0x6162u32, 0x6364u32, 0x6500u32);
        let one = (a + b + c) % 0xffff;
        let two = (a + (a + b) + (a + b + c)) % 0xffff;
        assert_eq!(fletcher32(b"abcde"), two << 16 | one);
    }
}
