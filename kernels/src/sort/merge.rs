//! Sorted runs → one sorted run, by rounds of pairs between two buffers.

use bytemuck::Pod;

/// Merges `a` and `b` into `out`, which is as long as both; of equal items that of `a` comes first.
fn merge_two<T: Copy + Ord>(a: &[T], b: &[T], out: &mut [T]) {
    let (mut i, mut j) = (0, 0);
    let mut at = 0;
    while i < a.len() && j < b.len() {
        let second = b[j] < a[i];
        out[at] = if second { b[j] } else { a[i] };
        j += second as usize;
        i += !second as usize;
        at += 1;
    }
    out[at..at + a.len() - i].copy_from_slice(&a[i..]);
    at += a.len() - i;
    out[at..].copy_from_slice(&b[j..]);
}

/// Merges the sorted runs that stand one after the other in `items`, each as long as `lengths` says.
///
/// # Panics
/// If `spare` is shorter than `items`, or the lengths do not add up to it.
pub(super) fn merge<T: Copy + Ord + Pod>(items: &mut [T], lengths: &[usize], spare: &mut [T]) {
    assert_eq!(lengths.iter().sum::<usize>(), items.len(), "the runs are the items");
    let spare = &mut spare[..items.len()];
    let mut lengths: Vec<usize> = lengths.iter().copied().filter(|&n| n > 0).collect();
    let (mut from, mut to, mut swapped) = (items, spare, false);
    while lengths.len() > 1 {
        let mut at = 0;
        for pair in lengths.chunks(2) {
            match *pair {
                [a, b] => merge_two(&from[at..at + a], &from[at + a..at + a + b], &mut to[at..at + a + b]),
                _ => to[at..at + pair[0]].copy_from_slice(&from[at..at + pair[0]]),
            }
            at += pair.iter().sum::<usize>();
        }
        lengths = lengths.chunks(2).map(|pair| pair.iter().sum()).collect();
        std::mem::swap(&mut from, &mut to);
        swapped = !swapped;
    }
    if swapped {
        to.copy_from_slice(from);
    }
}
