//! Operations on bool: addition is *or*, multiplication *and*.

use super::{TileFn, operations};
use crate::dtype::Bool;
use crate::op::{BinaryOp, UnaryOp};

/// The one type of this module, so that its operations are declared like all others.
trait Truth: crate::dtype::Element {
    fn bit(self) -> u8;
    fn of(bit: u8) -> Self;
}

impl Truth for Bool {
    #[inline(always)]
    fn bit(self) -> u8 {
        (self.0 != 0) as u8
    }
    #[inline(always)]
    fn of(bit: u8) -> Bool {
        Bool(bit)
    }
}

operations! { maps, UnaryOp, Map1, tile1, Truth, T;
    cold Absolute => |a| T::of(a.bit());
    cold Floor => |a| T::of(a.bit());
    cold Ceil => |a| T::of(a.bit());
    cold Trunc => |a| T::of(a.bit());
    cold Real => |a| T::of(a.bit());
    cold Imag => |_a| T::of(0);
    cold Signbit => |_a| T::of(0);
    cold Isnan => |_a| T::of(0);
    cold Isinf => |_a| T::of(0);
    cold Isfinite => |_a| T::of(1);
    cold LogicalNot => |a| T::of(1 - a.bit());
    cold Invert => |a| T::of(1 - a.bit());
}

operations! { counts, UnaryOp, Map1, tile1, Truth, u8;
    cold BitwiseCount => |a| a.bit();
}

operations! { joins, BinaryOp, Map2, tile2, Truth, T;
    cold Add => |a, b| T::of(a.bit() | b.bit());
    cold Multiply => |a, b| T::of(a.bit() & b.bit());
    cold BitwiseAnd => |a, b| T::of(a.bit() & b.bit());
    cold BitwiseOr => |a, b| T::of(a.bit() | b.bit());
    cold BitwiseXor => |a, b| T::of(a.bit() ^ b.bit());
}

pub(super) fn unary(op: UnaryOp) -> Option<TileFn> {
    maps::<Bool>(op).or_else(|| counts::<Bool>(op))
}

pub(super) fn binary(op: BinaryOp) -> Option<TileFn> {
    joins::<Bool>(op)
}
