//! The table of operations. One joins with one entry in the file of its family: how it is drawn, what it gives by
//! the oracle and how the engine is called stand together there. Functions of one or two elements and reductions
//! have tables of their own, an entry a line.

mod blocks;
mod counted;
mod cumulative;
mod elementwise;
mod lookup;
mod product;
mod reduce;
mod select;
mod shape;
mod sorting;

use super::dice::Dice;
use super::draw::{Drawing, V};

/// An operation on a value that was drawn before.
pub struct Row {
    /// How often it is drawn, beside the others.
    pub weight: usize,
    /// Adds it to the program, and what belongs to it, and gives its value; `None` where it does not fit the value.
    pub draw: fn(&mut Drawing, V) -> Option<V>,
}

/// The families.
static TABLE: [&[Row]; 10] = [
    elementwise::ROWS,
    reduce::ROWS,
    cumulative::ROWS,
    shape::ROWS,
    product::ROWS,
    select::ROWS,
    sorting::ROWS,
    lookup::ROWS,
    counted::ROWS,
    blocks::ROWS,
];

/// One of all operations.
pub fn row(dice: &mut Dice) -> &'static Row {
    let mut at = dice.below(TABLE.iter().flat_map(|rows| rows.iter()).map(|row| row.weight).sum());
    for row in TABLE.iter().flat_map(|rows| rows.iter()) {
        if at < row.weight {
            return row;
        }
        at -= row.weight;
    }
    unreachable!("the weights add up to more than was rolled")
}
