//! Tests of the array layer that need no runtime.
