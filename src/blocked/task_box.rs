//! What one task covers of a loop.

/// One box: its index among the boxes, where it starts, its shape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskBox {
    /// Index along each axis.
    pub index: Vec<u64>,
    /// First place.
    pub start: Vec<u64>,
    /// Lengths.
    pub shape: Vec<u64>,
}

/// Parts of a box of `shape`, first place and lengths of each, that follow one another in C order and have `most` elements at most.
pub fn slices(shape: &[usize], most: usize) -> impl Iterator<Item = (Vec<usize>, Vec<usize>)> + use<'_> {
    let behind = |axis: usize| shape[(axis + 1).min(shape.len())..].iter().product::<usize>();
    // all of the axes behind this one fit
    let axis = (0..shape.len()).find(|&axis| behind(axis) <= most).unwrap_or(0);
    let (n, step) = (shape.get(axis).copied().unwrap_or(1), (most / behind(axis).max(1)).max(1));
    let rows: usize = shape[..axis].iter().product();
    (0..rows).flat_map(move |row| {
        (0..n).step_by(step).map(move |first| {
            let (mut start, mut part) = (vec![0; shape.len()], shape.to_vec());
            if let Some(len) = part.get_mut(axis) {
                (start[axis], *len) = (first, step.min(n - first));
            }
            let mut rest = row;
            for outer in (0..axis).rev() {
                (start[outer], part[outer]) = (rest % shape[outer], 1);
                rest /= shape[outer];
            }
            (start, part)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::slices;

    #[test]
    fn slices_are_all_elements_in_order() {
        for (shape, most) in
            [(vec![], 1), (vec![7], 3), (vec![4, 5], 5), (vec![4, 5], 11), (vec![2, 3, 4], 3), (vec![3, 1, 4], 100), (vec![0, 4], 2)]
        {
            let all: usize = shape.iter().product();
            let mut next = 0;
            for (start, part) in slices(&shape, most) {
                let len: usize = part.iter().product();
                assert!(len <= most && len > 0, "{shape:?} by {most}: {part:?}");
                let first = start.iter().zip(&shape).fold(0, |at, (&place, &n)| at * n + place);
                assert_eq!(first, next, "{shape:?} by {most}");
                next += len;
            }
            assert_eq!(next, all, "{shape:?} by {most}");
        }
    }
}
