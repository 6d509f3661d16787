//! BloscLZ, Blosc's own codec of the LZ77 family: literals of up to 32 bytes, and matches up to 72 KiB back.
//! Source: the layout of FastLZ's second level, which it descends from.

/// Distances from here on take two bytes more.
const FAR: usize = 8191;

/// Decodes one stream that fills `dst`; `None` where it does not.
pub(super) fn decode(src: &[u8], dst: &mut [u8]) -> Option<usize> {
    let (mut at, mut made) = (0, 0);
    let next = |at: &mut usize| {
        let byte = src.get(*at).copied();
        *at += 1;
        byte
    };
    // The first is always a literal.
    let mut control = usize::from(next(&mut at)?) & 31;
    loop {
        if control < 32 {
            let n = control + 1;
            dst.get_mut(made..made + n)?.copy_from_slice(src.get(at..at + n)?);
            (at, made) = (at + n, made + n);
        } else {
            let (mut n, mut distance) = ((control >> 5) + 2, (control & 31) << 8);
            if n == 9 {
                loop {
                    let more = next(&mut at)?;
                    n += usize::from(more);
                    if more != 255 {
                        break;
                    }
                }
            }
            let low = next(&mut at)?;
            distance += usize::from(low);
            if distance == FAR {
                distance += usize::from(next(&mut at)?) << 8;
                distance += usize::from(next(&mut at)?);
            }
            repeat(dst, made, distance + 1, n)?;
            made += n;
        }
        match src.get(at) {
            Some(&byte) => control = byte.into(),
            None => return Some(made),
        }
        at += 1;
    }
}

/// Copies `n` bytes from `distance` before `at` to `at`; they may overlap.
fn repeat(dst: &mut [u8], at: usize, distance: usize, n: usize) -> Option<()> {
    let from = at.checked_sub(distance)?;
    let end = at.checked_add(n).filter(|&end| end <= dst.len())?;
    if distance == 1 {
        let byte = dst[from];
        dst[at..end].fill(byte);
    } else if distance >= n {
        dst.copy_within(from..from + n, at);
    } else {
        // Each copy doubles what repeats.
        let mut to = at;
        while to < end {
            let n = (to - from).min(end - to);
            dst.copy_within(from..from + n, to);
            to += n;
        }
    }
    Some(())
}
