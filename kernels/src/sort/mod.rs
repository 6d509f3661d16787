//! Values → sorted runs → one sorted run: what sorting does to one buffer on one thread.
//!
//! A run is a row of *items*, each a value's place in its dtype's order as an unsigned integer, or that with the place where
//! the value stood. Integers compare twice as fast as floats in total order do. NaN comes last, as NumPy has it, complex
//! numbers in NumPy's order. Items that hold places are never equal, so that the result is the stable one however it is
//! cut into runs.

mod items;
mod merge;
#[cfg(test)]
mod tests;
mod top;

use crate::dtype::DType;
use crate::with_element;
use items::{Item, Sortable};
use serde::{Deserialize, Serialize};

/// What the sorted items give.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Gives {
    /// The values.
    Values,
    /// Where they stood, as i64: `argsort`.
    Places,
}

/// How values of a dtype are sorted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Sorter {
    /// Of the values.
    pub dtype: DType,
    /// What comes out.
    pub gives: Gives,
}

/// Runs `$body` with `$i` bound to the type of the items.
macro_rules! with_item {
    ($sorter:expr, $i:ident => $body:expr) => {
        with_element!($sorter.dtype, T => match $sorter.gives {
            Gives::Values => {
                type $i = <T as Sortable>::Item;
                $body
            }
            Gives::Places => {
                type $i = <T as Sortable>::Placed;
                $body
            }
        })
    };
}

impl Sorter {
    /// Bytes of an item.
    pub fn item_bytes(self) -> usize {
        with_item!(self, I => size_of::<I>())
    }

    /// The dtype of what comes out.
    pub fn out(self) -> DType {
        match self.gives {
            Gives::Values => self.dtype,
            Gives::Places => DType::I64,
        }
    }

    /// The items of dense `values`, of which the i-th stands at `place(i)`.
    ///
    /// # Panics
    /// If `items` is not as long as there are values, or a buffer is not aligned to 8 bytes.
    pub fn items(self, values: &[u8], place: impl Fn(usize) -> u64, items: &mut [u8]) {
        with_element!(self.dtype, T => {
            let values: &[T] = bytemuck::cast_slice(values);
            match self.gives {
                Gives::Values => {
                    let items: &mut [<T as Sortable>::Item] = bytemuck::cast_slice_mut(items);
                    assert_eq!(values.len(), items.len(), "an item a value");
                    values.iter().zip(items).for_each(|(value, item)| *item = Sortable::item(*value));
                }
                Gives::Places => {
                    let items: &mut [<T as Sortable>::Placed] = bytemuck::cast_slice_mut(items);
                    assert_eq!(values.len(), items.len(), "an item a value");
                    values.iter().zip(items).enumerate().for_each(|(i, (value, item))| *item = Sortable::placed(*value, place(i)));
                }
            }
        })
    }

    /// Sorts items.
    pub fn sort(self, items: &mut [u8]) {
        with_item!(self, I => bytemuck::cast_slice_mut::<u8, I>(items).sort_unstable())
    }

    /// The `k` greatest of the items, or the least: in any order, or, `sorted`, from the outermost on. The other items are lost.
    ///
    /// # Panics
    /// If there are fewer.
    pub fn top(self, items: &mut [u8], k: usize, greatest: bool, sorted: bool) -> &[u8] {
        with_item!(self, I => {
            let items: &mut [I] = bytemuck::cast_slice_mut(items);
            top::to_front(items, k, greatest);
            let top = &mut items[..k];
            if sorted {
                top.sort_unstable();
                if greatest {
                    top.reverse();
                }
            }
            bytemuck::cast_slice(top)
        })
    }

    /// The items that come to stand at the `count` places from `first` on when all are in order, in order. Cost: O(n) beside
    /// sorting those.
    ///
    /// # Panics
    /// If there are fewer, or `count` is 0.
    pub fn part(self, items: &mut [u8], first: usize, count: usize) -> &[u8] {
        with_item!(self, I => {
            let mut items: &mut [I] = bytemuck::cast_slice_mut(items);
            if first > 0 {
                items.select_nth_unstable(first);
                items = &mut items[first..];
            }
            if count < items.len() {
                items.select_nth_unstable(count - 1);
                items = &mut items[..count];
            }
            items.sort_unstable();
            bytemuck::cast_slice(items)
        })
    }

    /// Merges sorted runs of so many items, which stand one after the other in `items`.
    ///
    /// # Panics
    /// If `spare` is shorter than `items`, or the lengths do not add up to it.
    pub fn merge(self, items: &mut [u8], lengths: &[usize], spare: &mut [u8]) {
        let spare = &mut spare[..items.len()];
        with_item!(self, I => merge::merge::<I>(bytemuck::cast_slice_mut(items), lengths, bytemuck::cast_slice_mut(spare)))
    }

    /// The order of an item, in words of which the first decides first.
    pub fn order(self, item: &[u8]) -> [u64; 4] {
        with_item!(self, I => bytemuck::pod_read_unaligned::<I>(item).order())
    }

    /// How many of sorted items come before all whose order begins as `order` does, and how many before those that come after.
    /// Places do not count.
    pub fn around(self, items: &[u8], order: [u64; 4]) -> (usize, usize) {
        let words = match self.gives {
            Gives::Values => 4,
            Gives::Places if self.dtype.is_complex() => 3,
            Gives::Places => 1,
        };
        with_item!(self, I => {
            let items: &[I] = bytemuck::cast_slice(items);
            let below = items.partition_point(|item| item.order()[..words] < order[..words]);
            (below, below + items[below..].partition_point(|item| item.order()[..words] == order[..words]))
        })
    }

    /// What the items give.
    ///
    /// # Panics
    /// If `out` is not as long as there are items.
    pub fn write(self, items: &[u8], out: &mut [u8]) {
        with_element!(self.dtype, T => match self.gives {
            Gives::Values => {
                let (items, out): (&[<T as Sortable>::Item], &mut [T]) = (bytemuck::cast_slice(items), bytemuck::cast_slice_mut(out));
                assert_eq!(items.len(), out.len(), "a value an item");
                items.iter().zip(out).for_each(|(item, out)| *out = <T as Sortable>::value(*item));
            }
            Gives::Places => {
                let (items, out): (&[<T as Sortable>::Placed], &mut [i64]) = (bytemuck::cast_slice(items), bytemuck::cast_slice_mut(out));
                assert_eq!(items.len(), out.len(), "a place an item");
                items.iter().zip(out).for_each(|(item, out)| *out = <T as Sortable>::place(*item) as i64);
            }
        })
    }
}

/// For each of the values `sought` of `dtype`, adds to `out` how many of the `sorted` ones come before it, or, if `right`, not after it.
///
/// # Panics
/// If `out` is not as long as `sought`, or a buffer is not aligned to 8 bytes.
pub fn search(dtype: DType, sorted: &[u8], sought: &[u8], right: bool, out: &mut [i64]) {
    with_element!(dtype, T => {
        let (sorted, sought): (&[T], &[T]) = (bytemuck::cast_slice(sorted), bytemuck::cast_slice(sought));
        assert_eq!(sought.len(), out.len(), "a place a value");
        // the same place for all: only values are compared
        let order = |value: &T| Sortable::placed(*value, 0);
        let ([first, ..], [.., last]) = (sorted, sorted) else { return };
        let (first, last) = (order(first), order(last));
        for (value, out) in sought.iter().zip(out) {
            let value = order(value);
            let comes_before = |item| if right { item <= value } else { item < value };
            // most values lie beyond a short part of what is sorted
            *out += match () {
                _ if comes_before(last) => sorted.len(),
                _ if !comes_before(first) => 0,
                _ => sorted.partition_point(|item| comes_before(order(item))),
            } as i64;
        }
    });
}
