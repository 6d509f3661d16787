//! Looking functions up in the table, and its text for people.

use super::choices_table as choices;
use super::grids::table as grids;
use super::linalg::table;
use super::masked::table as masked;
use super::random_table as random;
use super::shapes::table as shapes;
use super::statistics::table as statistics;
use super::table::{METHODS, NOT_YET, SIGNATURES};
use super::value::{Param, Signature};
use super::{bits, fft, fill, groups, rolling, sorting, ufuncs};
use std::fmt::Write;

/// Every function, in the order of the reference.
///
/// ```
/// assert!(flagstone::array::signatures().any(|signature| signature.name == "linalg.qr"));
/// ```
pub fn signatures() -> impl Iterator<Item = &'static Signature> {
    let tables: [&'static [Signature]; 15] = [
        SIGNATURES,
        choices::SIGNATURES,
        grids::SIGNATURES,
        shapes::SIGNATURES,
        statistics::SIGNATURES,
        sorting::table::SIGNATURES,
        fft::table::SIGNATURES,
        groups::table::SIGNATURES,
        table::SIGNATURES,
        random::SIGNATURES,
        rolling::SIGNATURES,
        bits::SIGNATURES,
        fill::SIGNATURES,
        ufuncs::SIGNATURES,
        masked::SIGNATURES,
    ];
    tables.into_iter().flatten()
}

/// The function that NumPy calls `name`, dotted for submodules. Some of NumPy's functions that this version
/// lacks are found too, and refuse to be called with a word of what to use instead.
///
/// ```
/// assert_eq!(flagstone::array::function("random.normal").unwrap().params[0].name, "loc");
/// assert!(flagstone::array::function("frobnicate").is_none());
/// ```
pub fn function(name: &str) -> Option<&'static Signature> {
    signatures().chain(NOT_YET).find(|signature| signature.name == name)
}

/// The method `name` of arrays. Its first parameter is the array.
///
/// ```
/// assert_eq!(flagstone::array::method("std").unwrap().params[1].name, "axis");
/// ```
pub fn method(name: &str) -> Option<&'static Signature> {
    let own = METHODS.iter().find(|signature| signature.name == name);
    own.or_else(|| signatures().chain(NOT_YET).find(|signature| is_method(signature) && signature.name == name))
}

/// Every method of arrays, each name once.
///
/// ```
/// assert!(flagstone::array::methods().any(|signature| signature.name == "flatten"));
/// ```
pub fn methods() -> impl Iterator<Item = &'static Signature> {
    let own = |name: &str| METHODS.iter().any(|signature| signature.name == name);
    METHODS.iter().chain(signatures().filter(move |signature| is_method(signature) && !own(signature.name)))
}

/// Whether arrays have the method: those of `ma.` are methods of masked arrays.
fn is_method(signature: &Signature) -> bool {
    signature.method && !signature.name.contains('.')
}

/// `name(a, axis=None, *, keepdims=False)`.
fn call_text(name: &str, params: &[Param]) -> String {
    let mut text = format!("{name}(");
    let mut starred = false;
    for (at, param) in params.iter().enumerate() {
        if at > 0 {
            text.push_str(", ");
        }
        if param.keyword_only && !starred {
            text.push_str("*, ");
            starred = true;
        }
        text.push_str(param.name);
        if let Some(default) = param.default {
            let _ = write!(text, "={default}");
        }
    }
    text.push(')');
    text
}

/// Every function as a Markdown table: call, whether it is a method too, what it does.
///
/// ```
/// assert!(flagstone::array::reference().contains("| `mean("));
/// ```
pub fn reference() -> String {
    let mut out = String::from("| function | method | |\n|---|---|---|\n");
    for signature in signatures() {
        let own = METHODS.iter().find(|own| own.name == signature.name);
        let method = match own {
            Some(own) => format!("`x.{}`", call_text(own.name, &own.params[1..])),
            None if signature.method => "yes".to_string(),
            None => String::new(),
        };
        let _ = writeln!(out, "| `{}` | {method} | {} |", call_text(signature.name, signature.params), signature.doc);
    }
    for own in METHODS.iter().filter(|own| function(own.name).is_none()) {
        let _ = writeln!(out, "| | `x.{}` | {} |", call_text(own.name, &own.params[1..]), own.doc);
    }
    out
}
