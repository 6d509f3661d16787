//! Arrays ⇄ plans as data: what they are computed from, as JSON that another process computes.
//!
//! A plan says what is computed (operations, views, chunks, cells, stores by address), not how: whoever computes it lowers it
//! under a limit of its own, and gets the same bits.

use super::{Array, Value, args};
use crate::error::{Error, Result};
use crate::expr::Expr;
use crate::expr::record::Graph;
use flagstone_kernels::dtype::{DType, Scalar};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use std::hash::Hasher;
use xxhash_rust::xxh3::Xxh3;

/// The form of what is written; counts up when it changes.
const FORM: u32 = 1;

/// A plan as it is written.
#[derive(Serialize, Deserialize)]
struct Written {
    /// [`FORM`] of whoever wrote it.
    form: u32,
    /// Of all that follows.
    checksum: String,
    /// What is computed, and from what.
    content: Json,
}

#[derive(Serialize, Deserialize)]
struct Content {
    graph: Graph,
    value: Shown,
}

/// A value, arrays by their number among the results of the graph.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Shown {
    Array(usize),
    Scalar(Scalar),
    None,
    Str(String),
    DType(DType),
    Tuple(Vec<Shown>),
    List(Vec<Shown>),
}

/// The plan of `value`: of an array, or of several in tuples and lists. Addresses stand in it as they were given, with what tells a file
/// from one that is written there later; arrays in memory of up to 16 MiB are part of it.
///
/// # Errors
/// What the arrays carry; `Unsupported` where something is part of this process alone: persisted blocks, a function of blocks that
/// is not registered ([`super::register`]), a selection by a mask that something waits for.
///
/// ```
/// # fn main() -> flagstone::Result<()> {
/// use flagstone::array::{Value, plan_of, planned};
/// let x = flagstone::random::normal(0.0, 1.0).shape([1000, 100]).seed(7).build().mean(0).std(..);
/// let text = plan_of(&Value::Array(x.clone()))?.to_string();
/// // … in another process:
/// let Value::Array(y) = planned(&serde_json::from_str(&text).unwrap())? else { unreachable!() };
/// assert_eq!(x.item::<f64>()?, y.item::<f64>()?);
/// # Ok(()) }
/// ```
pub fn plan_of(value: &Value) -> Result<Json> {
    let mut arrays = Vec::new();
    let value = shown(value, &mut arrays)?;
    let broken = |e: serde_json::Error| Error::internal(format!("a plan that is no JSON: {e}"));
    let content = serde_json::to_value(Content { graph: Graph::of(&arrays)?, value }).map_err(broken)?;
    serde_json::to_value(Written { form: FORM, checksum: checksum(&content), content }).map_err(broken)
}

/// What a plan computes, from the arrays as they are stored now.
///
/// # Errors
/// `BadRequest` for what is no plan or was changed since it was written, where an array is not the one that the plan was made for, and
/// where a function is not registered; `Store` where an array is missing.
pub fn planned(plan: &Json) -> Result<Value> {
    let bad = |what: String| Error::bad_request("plan", what);
    let written = Written::deserialize(plan).map_err(|e| bad(format!("it is none ({e}); expected what --explain=json writes")))?;
    if written.form != FORM {
        return Err(bad(format!("a plan of form {}; this version reads form {FORM}: make it again", written.form)));
    }
    if checksum(&written.content) != written.checksum {
        return Err(bad("it was changed since it was written: its checksum is another; make it again".into()));
    }
    let Content { graph, value } = Content::deserialize(written.content).map_err(|e| bad(e.to_string()))?;
    let arrays: Vec<Array> = graph.exprs()?.into_iter().map(Array::from_expr).collect();
    restored(value, &arrays)
}

fn shown(value: &Value, arrays: &mut Vec<Expr>) -> Result<Shown> {
    let all = |items: &[Value], arrays: &mut Vec<Expr>| items.iter().map(|item| shown(item, arrays)).collect::<Result<_>>();
    Ok(match value {
        Value::Array(_) | Value::Typed(..) => {
            arrays.push(args::array("plan", value)?.expr()?);
            Shown::Array(arrays.len() - 1)
        }
        // a plan's results are arrays, as they are printed and stored
        Value::Masked(masked) => shown(&Value::Array(masked.filled_by_default()), arrays)?,
        Value::Scalar(scalar) => Shown::Scalar(*scalar),
        Value::None => Shown::None,
        Value::Str(text) => Shown::Str(text.clone()),
        Value::DType(dtype) => Shown::DType(*dtype),
        Value::Tuple(items) => Shown::Tuple(all(items, arrays)?),
        Value::List(items) => Shown::List(all(items, arrays)?),
        Value::Slice(..) | Value::Ellipsis => return Err(Error::bad_request("plan", "an index is no value; expected arrays")),
    })
}

fn restored(shown: Shown, arrays: &[Array]) -> Result<Value> {
    let all = |items: Vec<Shown>| items.into_iter().map(|item| restored(item, arrays)).collect::<Result<_>>();
    Ok(match shown {
        Shown::Array(number) => {
            let missing = || Error::bad_request("plan", format!("result {number} of {}", arrays.len()));
            Value::Array(arrays.get(number).cloned().ok_or_else(missing)?)
        }
        Shown::Scalar(scalar) => Value::Scalar(scalar),
        Shown::None => Value::None,
        Shown::Str(text) => Value::Str(text),
        Shown::DType(dtype) => Value::DType(dtype),
        Shown::Tuple(items) => Value::Tuple(all(items)?),
        Shown::List(items) => Value::List(all(items)?),
    })
}

/// A checksum of the values of JSON: neither spaces nor the order of keys count.
fn checksum(json: &Json) -> String {
    let mut hasher = Xxh3::new();
    feed(json, &mut hasher);
    format!("xxh3:{:016x}", hasher.finish())
}

fn feed(json: &Json, hasher: &mut Xxh3) {
    match json {
        Json::Array(items) => {
            hasher.write_u64(items.len() as u64);
            items.iter().for_each(|item| feed(item, hasher));
        }
        Json::Object(fields) => {
            hasher.write_u64(fields.len() as u64);
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_by_key(|(name, _)| *name);
            for (name, field) in fields {
                hasher.write(name.as_bytes());
                feed(field, hasher);
            }
        }
        other => {
            hasher.write(other.to_string().as_bytes());
            hasher.write_u8(0);
        }
    }
}
