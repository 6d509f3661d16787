//! What is sorted: a value's place in its order as an unsigned integer of the value's width, or that beside the place
//! where the value stood.

use crate::dtype::{Bool, C64, C128};
use bytemuck::{Pod, Zeroable};
use half::{bf16, f16};
use std::cmp::Ordering;

/// An item of a run: sorted by its order, and never equal to another unless nothing tells them apart.
pub(super) trait Item: Pod + Ord {
    /// Its order in words, the first of which decides first.
    fn order(&self) -> [u64; 4];
}

/// An unsigned integer, whose greatest value stands for NaN in keys of floats.
pub(super) trait Key: Pod + Ord {
    const NAN: Self;
    /// The same in keys of floats that compare equal: that of 0.0 for −0.0.
    fn of_equal(self) -> Self;
    fn wide(self) -> u64;
}

macro_rules! keys {
    ($($t:ty)*) => { $(
        impl Key for $t {
            const NAN: $t = <$t>::MAX;
            #[inline(always)]
            fn of_equal(self) -> $t {
                self + (self == <$t>::MAX >> 1) as $t
            }
            #[inline(always)]
            fn wide(self) -> u64 {
                self as u64
            }
        }

        impl Item for $t {
            fn order(&self) -> [u64; 4] {
                [*self as u64, 0, 0, 0]
            }
        }
    )* };
}
keys!(u8 u16 u32 u64);

/// Real and imaginary part: NumPy's order, which compares one after the other, numbers with a NaN in the imaginary part
/// after all without, those with one in the real part after these, and those with two last. Zeros of either sign are equal parts; numbers
/// that differ in nothing else are in the order of their bits.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(C)]
pub(super) struct Parts<K> {
    re: K,
    im: K,
}

// SAFETY: two integers of one width have no padding, and any bits are values.
unsafe impl<K: Key> Pod for Parts<K> {}
// SAFETY: as above.
unsafe impl<K: Key> Zeroable for Parts<K> {}

impl<K: Key> Parts<K> {
    #[inline(always)]
    fn words(&self) -> (u64, K, K) {
        ((self.re == K::NAN) as u64 * 2 + (self.im == K::NAN) as u64, self.re.of_equal(), self.im.of_equal())
    }
}

impl<K: Key> Ord for Parts<K> {
    #[inline(always)]
    fn cmp(&self, other: &Self) -> Ordering {
        self.words().cmp(&other.words()).then_with(|| (self.re, self.im).cmp(&(other.re, other.im)))
    }
}

impl<K: Key> PartialOrd for Parts<K> {
    #[inline(always)]
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<K: Key> Item for Parts<K> {
    fn order(&self) -> [u64; 4] {
        let (class, re, im) = self.words();
        [class, re.wide(), im.wide(), (self.re == re) as u64 * 2 + (self.im == im) as u64]
    }
}

/// A key, and where its value stood: equal keys keep their places' order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(C)]
pub(super) struct Placed<K> {
    pub key: K,
    pub place: u64,
}

// SAFETY: `K` is `u64` or `Parts<u64>`, so that there is no padding, and any bits are values.
unsafe impl Pod for Placed<u64> {}
// SAFETY: as above.
unsafe impl Zeroable for Placed<u64> {}
// SAFETY: as above.
unsafe impl Pod for Placed<Parts<u64>> {}
// SAFETY: as above.
unsafe impl Zeroable for Placed<Parts<u64>> {}

impl Item for Placed<u64> {
    fn order(&self) -> [u64; 4] {
        [self.key, self.place, 0, 0]
    }
}

impl Item for Placed<Parts<u64>> {
    fn order(&self) -> [u64; 4] {
        let [class, re, im, _] = self.key.order();
        [class, re, im, self.place]
    }
}

/// A type of real values with a key for each. −0.0 comes before 0.0, all NaNs last under one key.
pub(super) trait Keyed: Pod {
    type Key: Key;
    fn key(self) -> Self::Key;
    fn from_key(key: Self::Key) -> Self;
    /// The key under which values that compare equal are equal.
    #[inline(always)]
    fn key_of_equal(self) -> Self::Key {
        self.key()
    }
}

macro_rules! unsigned {
    ($($t:ty)*) => { $(impl Keyed for $t {
        type Key = $t;
        #[inline(always)]
        fn key(self) -> $t {
            self
        }
        #[inline(always)]
        fn from_key(key: $t) -> $t {
            key
        }
    })* };
}
macro_rules! signed {
    ($($t:ty: $k:ty),*) => { $(impl Keyed for $t {
        type Key = $k;
        #[inline(always)]
        fn key(self) -> $k {
            (self ^ <$t>::MIN) as $k
        }
        #[inline(always)]
        fn from_key(key: $k) -> $t {
            key as $t ^ <$t>::MIN
        }
    })* };
}
macro_rules! floats {
    ($($t:ty: $k:ty, $i:ty),*) => { $(impl Keyed for $t {
        type Key = $k;
        #[inline(always)]
        fn key(self) -> $k {
            // all bits of a negative number are flipped, the sign alone of a positive one
            let bits = self.to_bits();
            let key = bits ^ ((bits as $i >> (<$k>::BITS - 1)) as $k | (1 << (<$k>::BITS - 1)));
            if self.is_nan() { <$k>::MAX } else { key }
        }
        #[inline(always)]
        fn from_key(key: $k) -> $t {
            const SIGN: $k = 1 << (<$k>::BITS - 1);
            if key == <$k>::MAX {
                return <$t>::NAN;
            }
            <$t>::from_bits(if key & SIGN != 0 { key ^ SIGN } else { !key })
        }
        #[inline(always)]
        fn key_of_equal(self) -> $k {
            self.key().of_equal()
        }
    })* };
}
unsigned!(u8 u16 u32 u64);

impl Keyed for Bool {
    type Key = u8;
    #[inline(always)]
    fn key(self) -> u8 {
        self.0
    }
    #[inline(always)]
    fn from_key(key: u8) -> Bool {
        Bool(key)
    }
}

signed!(i8: u8, i16: u16, i32: u32, i64: u64);
floats!(f16: u16, i16, bf16: u16, i16, f32: u32, i32, f64: u64, i64);

/// A type of values as items that hold the value, or its place.
pub(super) trait Sortable: Pod {
    type Item: Item;
    type Placed: Item;
    fn item(self) -> Self::Item;
    fn value(item: Self::Item) -> Self;
    fn placed(self, place: u64) -> Self::Placed;
    fn place(placed: Self::Placed) -> u64;
}

impl<T: Keyed> Sortable for T
where
    T::Key: Item,
{
    type Item = T::Key;
    type Placed = Placed<u64>;
    #[inline(always)]
    fn item(self) -> T::Key {
        self.key()
    }
    #[inline(always)]
    fn value(item: T::Key) -> T {
        T::from_key(item)
    }
    #[inline(always)]
    fn placed(self, place: u64) -> Placed<u64> {
        Placed { key: self.key_of_equal().wide(), place }
    }
    #[inline(always)]
    fn place(placed: Placed<u64>) -> u64 {
        placed.place
    }
}

macro_rules! complex {
    ($($t:ty: $k:ty, $f:ty),*) => { $(impl Sortable for $t {
        type Item = Parts<$k>;
        type Placed = Placed<Parts<u64>>;
        #[inline(always)]
        fn item(self) -> Parts<$k> {
            Parts { re: self.re.key(), im: self.im.key() }
        }
        #[inline(always)]
        fn value(item: Parts<$k>) -> $t {
            <$t>::new(<$f>::from_key(item.re), <$f>::from_key(item.im))
        }
        #[inline(always)]
        fn placed(self, place: u64) -> Placed<Parts<u64>> {
            // NaN is the greatest key of either width
            let wide = |part: $f| if part.is_nan() { u64::MAX } else { part.key_of_equal() as u64 };
            Placed { key: Parts { re: wide(self.re), im: wide(self.im) }, place }
        }
        #[inline(always)]
        fn place(placed: Placed<Parts<u64>>) -> u64 {
            placed.place
        }
    })* };
}
complex!(C64: u32, f32, C128: u64, f64);
