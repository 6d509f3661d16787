//! The names of what groups by label.

use super::Groups;
use crate::array::as_many::up_to_greatest;
use crate::array::axes::position;
use crate::array::composed::composed_as;
use crate::array::sorting::{Q, q_of};
use crate::array::table::{default, params, sig};
use crate::array::value::{Param, Signature, Value};
use crate::array::{Array, args, counted};
use crate::error::{Error, Result};

const NAME: &str = "groupby_reduce";

/// What is made of groups, with what some functions are told besides.
type Func = fn(&Groups, &Told) -> Result<Array>;

/// What is told besides.
#[derive(Clone)]
struct Told {
    /// Degrees of freedom less.
    ddof: f64,
    /// Quantiles.
    q: Q,
}

/// The functions by their names.
const FUNCS: &[(&str, Func)] = &[
    ("sum", |of, _| Ok(of.sum())),
    ("prod", |of, _| Ok(of.prod())),
    ("mean", |of, _| Ok(of.mean())),
    ("var", |of, told| Ok(of.var(told.ddof))),
    ("std", |of, told| Ok(of.std(told.ddof))),
    ("min", |of, _| Ok(of.min())),
    ("max", |of, _| Ok(of.max())),
    ("argmin", |of, _| Ok(of.argmin())),
    ("argmax", |of, _| Ok(of.argmax())),
    ("first", |of, _| Ok(of.first())),
    ("last", |of, _| Ok(of.last())),
    ("median", |of, _| Ok(of.median())),
    ("quantile", |of, told| Ok(of.quantile(told.q.clone()))),
    ("nansum", |of, _| Ok(of.nansum())),
    ("nanprod", |of, _| Ok(of.nanprod())),
    ("nanmean", |of, _| Ok(of.nanmean())),
    ("nanvar", |of, told| Ok(of.nanvar(told.ddof))),
    ("nanstd", |of, told| Ok(of.nanstd(told.ddof))),
    ("nanmin", |of, _| Ok(of.nanmin())),
    ("nanmax", |of, _| Ok(of.nanmax())),
    ("nanargmin", |of, _| Ok(of.nanargmin())),
    ("nanargmax", |of, _| Ok(of.nanargmax())),
    ("nanfirst", |of, _| Ok(of.nanfirst())),
    ("nanlast", |of, _| Ok(of.nanlast())),
    ("nanmedian", |of, _| Ok(of.nanmedian())),
    ("nanquantile", |of, told| Ok(of.nanquantile(told.q.clone()))),
    ("count", |of, _| Ok(of.count())),
    ("any", |of, _| Ok(of.any())),
    ("all", |of, _| Ok(of.all())),
];

/// The function of a name.
fn func_of(name: &Value) -> Result<Func> {
    let Value::Str(name) = name else {
        return Err(Error::bad_request(NAME, "expected the name of a function such as 'mean'"));
    };
    FUNCS.iter().find(|(known, _)| known == name).map(|(_, func)| *func).ok_or_else(|| {
        let names: Vec<&str> = FUNCS.iter().map(|(name, _)| *name).collect();
        Error::bad_request(NAME, format!("func '{name}'; expected one of {}", names.join(", ")))
    })
}

/// What groups by label.
pub(in crate::array) static SIGNATURES: &[Signature] = &[
    sig!("groupby_reduce" ["array", "by"; "func" = "'mean'", "axis" = "0", "num_groups" = "None", "ddof" = "0", "q" = "0.5"]
    "func ('sum', 'prod', 'mean', 'var', 'std', 'min', 'max', 'argmin', 'argmax', 'first', 'last', 'median', 'quantile', these with 'nan' before them, 'count' of what is no NaN, 'any', 'all') of the places along an axis, or as many from it on as by has, with each label 0, 1, … below num_groups, by default up to the greatest; quantiles q, of several along an axis before all others (flox).",
    |a| {
        let (x, labels, axis) = (args::array(NAME, &a[0])?, args::array(NAME, &a[1])?, args::integer(NAME, &a[3])?);
        let func = func_of(&a[2])?;
        let told = Told { ddof: args::float(NAME, &a[5])?, q: q_of(NAME, &a[6])? };
        if !matches!(a[4], Value::None) {
            return func(&x.groupby(&labels, axis, args::natural(NAME, &a[4])?), &told).map(Value::Array);
        }
        // the number of groups follows from the labels, which are read once more
        let groups = up_to_greatest(&labels, 1)?;
        let one = func(&x.groupby(&labels, axis, 1), &told)?.expr()?;
        let mut lengths = counted::lengths(&one);
        let along = labels.ndim()?;
        // behind an axis of quantiles, where there is one
        let at = position(NAME, axis, x.ndim()?)? + (one.shape.len() + along - 1 - x.ndim()?);
        lengths.splice(at..at + 1, counted::lengths(&groups.expr()?));
        let made = composed_as(NAME, &[&x, &labels, &groups], Ok((lengths, one.dtype)), move |arrays| {
            func(&arrays[0].groupby(&arrays[1], axis, arrays[2].shape()?[0]), &told)
        });
        made.check()?;
        Ok(Value::Array(made))
    }),
];
