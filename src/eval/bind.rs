//! Arguments of a call → the parameters of a signature, by Python's rules and with Python's messages.

use super::error::{EvalError, Span};
use crate::array::{Param, Signature, Value};

/// The evaluated arguments of a call.
pub(super) struct Arguments {
    /// By position; a method's receiver comes first.
    pub(super) positional: Vec<(Value, Span)>,
    /// By name; the place is the name's.
    pub(super) named: Vec<(String, Span, Value)>,
}

/// One value for each parameter of `signature`, defaults filled in. `call` is where the call stands. A
/// parameter whose name starts with `*` takes the remaining positional arguments as a tuple, one that starts
/// with `**` takes the names that no other has, and drops their values.
pub(super) fn bind(
    signature: &Signature,
    args: Arguments,
    call: Span,
    literal: impl Fn(&str) -> Result<Value, EvalError>,
) -> Result<Vec<Value>, EvalError> {
    let name = signature.name;
    let params = signature.params;
    let mut slots: Vec<Option<Value>> = vec![None; params.len()];
    let mut rest: Vec<Value> = Vec::new();
    let given = args.positional.len();
    let variadic = params.iter().position(|p| p.name.starts_with('*'));
    for (at, (value, span)) in args.positional.into_iter().enumerate() {
        if variadic.is_some_and(|first| at >= first) {
            rest.push(value);
        } else if at < params.len() && !params[at].keyword_only {
            slots[at] = Some(value);
        } else {
            return Err(EvalError::new(span, too_many(name, params, given)));
        }
    }
    if let Some(at) = variadic {
        slots[at] = Some(Value::Tuple(rest));
    }
    let any_name = params.iter().position(|p| p.name.starts_with("**"));
    if let Some(at) = any_name {
        slots[at] = Some(Value::None);
    }
    for (given, span, value) in args.named {
        let Some(at) = params.iter().position(|p| p.name == given) else {
            if any_name.is_some() {
                continue;
            }
            let mut message = format!("{name}() got an unexpected keyword argument '{given}'");
            match nearest(&given, params.iter().map(|p| p.name)) {
                Some(near) => message += &format!("; did you mean '{near}'?"),
                None => {
                    let known: Vec<&str> = params.iter().map(|p| p.name).collect();
                    message += &format!("; it takes {}", known.join(", "));
                }
            }
            return Err(EvalError::new(span, message));
        };
        if slots[at].replace(value).is_some() {
            return Err(EvalError::new(span, format!("{name}() got multiple values for argument '{given}'")));
        }
    }
    let missing = |keyword_only: bool| -> Vec<&str> {
        let absent = params.iter().zip(&slots).filter(|(p, slot)| slot.is_none() && p.default.is_none());
        absent.filter(|(p, _)| p.keyword_only == keyword_only).map(|(p, _)| p.name).collect()
    };
    for (keyword_only, kind) in [(false, "positional"), (true, "keyword-only")] {
        let missing = missing(keyword_only);
        if !missing.is_empty() {
            let plural = if missing.len() == 1 { "" } else { "s" };
            let message = format!("{name}() missing {} required {kind} argument{plural}: {}", missing.len(), listed(&missing));
            return Err(EvalError::new(call, message));
        }
    }
    let filled = params.iter().zip(slots).map(|(param, slot)| match slot {
        Some(value) => Ok(value),
        None => literal(param.default.unwrap_or("None")),
    });
    filled.collect::<Result<_, _>>().map_err(|e| EvalError::new(call, format!("default of {name}(): {e}")))
}

fn too_many(name: &str, params: &[Param], given: usize) -> String {
    let most = params.iter().filter(|p| !p.keyword_only).count();
    let least = params.iter().filter(|p| !p.keyword_only && p.default.is_none()).count();
    let takes = if least == most { most.to_string() } else { format!("from {least} to {most}") };
    let plural = if most == 1 { "" } else { "s" };
    let were = if given == 1 { "was" } else { "were" };
    format!("{name}() takes {takes} positional argument{plural} but {given} {were} given")
}

/// `'a'`, `'a' and 'b'`, `'a', 'b', and 'c'`: as Python lists them.
fn listed(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("'{name}'")).collect();
    match quoted.as_slice() {
        [one] => one.clone(),
        [a, b] => format!("{a} and {b}"),
        [most @ .., last] => format!("{}, and {last}", most.join(", ")),
        [] => String::new(),
    }
}

/// The name most like `given`, if one is near enough to be meant.
pub(super) fn nearest<'a>(given: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    // Names are short: two letters off is another name, unless it is a long one.
    let most = if given.len() <= 5 { 1 } else { 2 };
    // swapped neighbours are one edit
    let scored = names.map(|name| (strsim::osa_distance(given, name), name));
    scored.filter(|&(d, name)| d <= most && d < name.len().max(given.len())).min().map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use flagstone_kernels::dtype::Scalar;

    const fn param(name: &'static str, default: Option<&'static str>, keyword_only: bool) -> Param {
        Param { name, default, keyword_only }
    }

    const SIGNATURE: Signature = Signature {
        name: "f",
        params: &[
            param("a", None, false),
            param("b", None, false),
            param("axis", Some("None"), false),
            param("step", Some("-1"), true),
            param("key", None, true),
        ],
        results: &[],
        doc: "",
        method: false,
        of_masked: crate::array::OfMasked::Itself,
        call: |_| Ok(Value::None),
    };

    fn try_bind(positional: usize, named: &[&str]) -> Result<Vec<Value>, EvalError> {
        let value = |i: usize| Value::Scalar(Scalar::Int(i as i64));
        let args = Arguments {
            positional: (0..positional).map(|i| (value(i), Span::new(i, i + 1))).collect(),
            named: named.iter().enumerate().map(|(i, n)| (n.to_string(), Span::new(50 + i, 51 + i), value(90))).collect(),
        };
        bind(&SIGNATURE, args, Span::new(7, 99), crate::eval::evaluate::literal)
    }

    #[test]
    fn defaults_are_filled_in() {
        let bound = try_bind(1, &["key", "b"]).unwrap();
        let text = format!("{bound:?}");
        assert_eq!(text, "[Scalar(Int(0)), Scalar(Int(90)), None, Scalar(Int(-1)), Scalar(Int(90))]");
    }

    #[test]
    fn messages_are_pythons() {
        for (positional, named, at, message) in [
            (2, &["key", "axs"][..], 51, "f() got an unexpected keyword argument 'axs'; did you mean 'axis'?"),
            (2, &["key", "order"], 51, "f() got an unexpected keyword argument 'order'; it takes a, b, axis, step, key"),
            (2, &["key", "a"], 51, "f() got multiple values for argument 'a'"),
            (2, &["key", "key"], 51, "f() got multiple values for argument 'key'"),
            (0, &["key"], 7, "f() missing 2 required positional arguments: 'a' and 'b'"),
            (1, &["key"], 7, "f() missing 1 required positional argument: 'b'"),
            (2, &[], 7, "f() missing 1 required keyword-only argument: 'key'"),
            (4, &["key"], 3, "f() takes from 2 to 3 positional arguments but 4 were given"),
        ] {
            let error = try_bind(positional, named).expect_err(message);
            assert_eq!(error.message(), message);
            assert_eq!(error.span().start, at, "{message}");
        }
    }

    #[test]
    fn the_nearest_name_is_found() {
        let names = ["max", "mean", "median", "std", "sum"];
        assert_eq!(nearest("maen", names.into_iter()), Some("mean"));
        assert_eq!(nearest("sun", names.into_iter()), Some("sum"));
        assert_eq!(nearest("quantile", names.into_iter()), None);
    }
}
