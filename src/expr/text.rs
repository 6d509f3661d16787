//! Expr → text, for `explain` and messages.

use super::{Affine, Expr, Follow, Through};
use flagstone_kernels::dtype::Scalar;
use std::collections::HashMap;
use std::fmt::{Display, Write};

/// The expression as lines `%n = operation(arguments)  shape dtype`, arguments first, in NumPy's words; a node that is used
/// twice stands once.
pub fn text(roots: &[Expr]) -> String {
    let mut out = String::new();
    let mut numbers = HashMap::new();
    for node in super::postorder(roots) {
        let number = numbers.len();
        let args: Vec<String> = node.op.args().iter().map(|arg| format!("%{}", numbers[&arg.id])).collect();
        let call = match (node.op.through(), &node.op.args()[..]) {
            (Through::Compose(view), [arg]) => selected(&args[0], &arg.shape, view, &node.lengths()),
            _ => called(node.op.name(), args, node.op.detail()),
        };
        let _ = writeln!(out, "%{number} = {call}  [{}] {}", node.lengths().join(", "), node.dtype);
        numbers.insert(node.id, number);
    }
    out
}

/// An operation with its arguments, then its detail, in which some of them may stand.
fn called(name: &str, args: Vec<String>, mut detail: String) -> String {
    let mut words = vec![];
    for (i, arg) in args.into_iter().enumerate() {
        let place = format!("{{{i}}}");
        if detail.contains(&place) {
            detail = detail.replace(&place, &arg);
        } else {
            words.push(arg);
        }
    }
    if !detail.is_empty() {
        words.push(detail);
    }
    format!("{name}({})", words.join(", "))
}

/// A view of `arg`, whose shape is `from`: an index, a transposition, new axes and a broadcast, of which only those
/// stand there that do something. `lengths` are the result's.
fn selected(arg: &str, from: &[u64], view: &Affine, lengths: &[String]) -> String {
    if !view.slides.is_empty() {
        let windows: Vec<(u64, usize)> = view.slides.iter().map(|slide| (view.shape[slide.axis], slide.source)).collect();
        let (lengths, axes) = (tuple(windows.iter().map(|(n, _)| n)), tuple(windows.iter().map(|(_, axis)| axis)));
        return format!("sliding_window_view({arg}, {lengths}, axis={axes})");
    }
    // the axes of the result that are left of the source's, in the source's order; all others are new
    let left: Vec<usize> = view.source.iter().filter_map(|follow| follow.axis).collect();
    let new: Vec<usize> = (0..view.shape.len()).filter(|axis| !left.contains(axis)).collect();
    let repeated = new.iter().any(|&axis| view.shape[axis] != 1);
    let broadcast = |what: &str| format!("broadcast_to({what}, {})", tuple(lengths));
    // the step of an axis that is not followed says nothing
    let still = |follow: &Follow| if follow.axis.is_none() { Follow { step: 0, ..*follow } } else { *follow };
    if repeated && Affine::broadcast(from, &view.shape).is_some_and(|all| view.source.iter().map(still).eq(all.source)) {
        return broadcast(arg);
    }
    let mut index: Vec<String> = view.source.iter().zip(from).map(|(follow, &n)| place(follow, n, &view.shape)).collect();
    while index.last().is_some_and(|last| last == ":") {
        index.pop();
    }
    let mut text = arg.to_string();
    if !index.is_empty() {
        let _ = write!(text, "[{}]", index.join(", "));
    }
    if !left.is_sorted() {
        let mut order: Vec<usize> = (0..left.len()).collect();
        order.sort_by_key(|&at| left[at]);
        match &order[..] {
            [1, 0] => text.push_str(".T"),
            _ => {
                let _ = write!(text, ".transpose{}", tuple(&order));
            }
        }
    }
    // before all others they come by themselves
    if !repeated || new.iter().enumerate().any(|(at, &axis)| at != axis) {
        let axes: Vec<&str> = (0..view.shape.len()).map(|axis| if new.contains(&axis) { "None" } else { ":" }).collect();
        let last = new.last().map_or(0, |axis| axis + 1);
        if last > 0 {
            let _ = write!(text, "[{}]", axes[..last].join(", "));
        }
    }
    if repeated {
        text = broadcast(&text);
    }
    if text == arg {
        text.push_str("[...]");
    }
    text
}

/// What is taken of an axis of `n` places, as NumPy's index.
fn place(follow: &Follow, n: u64, shape: &[u64]) -> String {
    let Some(axis) = follow.axis else { return follow.start.to_string() };
    let (start, step, n) = (follow.start as i128, follow.step as i128, n as i128);
    let end = start + step * shape[axis] as i128;
    if shape[axis] == 0 {
        return format!("{start}:{start}");
    }
    let (from, to) = if step < 0 {
        ((start != n - 1).then_some(start), (end >= 0).then_some(end))
    } else {
        ((start != 0).then_some(start), (end < n).then_some(end))
    };
    let word = |place: Option<i128>| place.map_or(String::new(), |place| place.to_string());
    let by = if step == 1 { String::new() } else { format!(":{step}") };
    format!("{}:{}{by}", word(from), word(to))
}

/// A tuple as Python writes it.
pub(super) fn tuple<T: Display>(items: impl IntoIterator<Item = T>) -> String {
    let items: Vec<String> = items.into_iter().map(|item| item.to_string()).collect();
    match &items[..] {
        [one] => format!("({one},)"),
        _ => format!("({})", items.join(", ")),
    }
}

/// A number as Python writes it.
pub(super) fn float(value: f64) -> String {
    if value.is_nan() {
        return "nan".to_string();
    }
    // with a point where it is whole: 10.0
    format!("{value:?}")
}

/// As [`float`], of any kind.
pub(super) fn scalar(value: Scalar) -> String {
    match value {
        Scalar::Bool(true) => "True".to_string(),
        Scalar::Bool(false) => "False".to_string(),
        Scalar::Int(value) => value.to_string(),
        Scalar::UInt(value) => value.to_string(),
        Scalar::Float(value) => float(value),
        Scalar::Complex(re, im) => format!("complex({}, {})", float(re), float(im)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index(start: i64, step: i64, axis: usize) -> Follow {
        Follow { start, step, axis: Some(axis) }
    }

    #[test]
    fn views_read_as_a_user_would_write_them() {
        let lengths = |view: &Affine| view.shape.iter().map(u64::to_string).collect::<Vec<_>>();
        let text = |from: &[u64], view: &Affine| selected("x", from, view, &lengths(view));
        let of = |source: &[Follow], shape: &[u64]| Affine::new(source.to_vec(), shape.to_vec());
        assert_eq!(text(&[4, 6], &Affine::identity(&[4, 6])), "x[...]");
        assert_eq!(text(&[4, 6], &Affine::permute(&[4, 6], &[1, 0])), "x.T");
        assert_eq!(text(&[4, 6, 5], &Affine::permute(&[4, 6, 5], &[2, 0, 1])), "x.transpose(2, 0, 1)");
        assert_eq!(text(&[6], &Affine::broadcast(&[6], &[4, 6]).unwrap()), "broadcast_to(x, (4, 6))");
        assert_eq!(text(&[4, 1], &Affine::broadcast(&[4, 1], &[4, 6]).unwrap()), "broadcast_to(x, (4, 6))");
        assert_eq!(text(&[20], &of(&[index(0, 5, 0)], &[4])), "x[::5]");
        assert_eq!(text(&[20], &of(&[index(2, 5, 0)], &[3])), "x[2:17:5]");
        assert_eq!(text(&[20], &of(&[index(19, -1, 0)], &[20])), "x[::-1]");
        assert_eq!(text(&[20], &of(&[index(9, -2, 0)], &[3])), "x[9:3:-2]");
        assert_eq!(text(&[20], &of(&[index(9, -3, 0)], &[4])), "x[9::-3]");
        assert_eq!(text(&[20], &of(&[index(7, 1, 0)], &[0])), "x[7:7]");
        assert_eq!(text(&[4, 6], &of(&[Follow { start: 2, step: 0, axis: None }, index(0, 1, 0)], &[6])), "x[2]");
        assert_eq!(text(&[4, 6], &of(&[index(0, 1, 1), index(0, 1, 0)], &[3, 4])), "x[:, :3].T");
        assert_eq!(text(&[4], &of(&[index(0, 1, 0)], &[4, 1])), "x[:, None]");
        assert_eq!(text(&[4], &of(&[index(0, 1, 1)], &[1, 4])), "x[None]");
        assert_eq!(text(&[4], &of(&[index(0, 1, 0)], &[4, 3])), "broadcast_to(x[:, None], (4, 3))");
    }

    #[test]
    fn numbers_read_as_python_writes_them() {
        let words =
            [Scalar::Bool(true), Scalar::Int(-3), Scalar::Float(2.0), Scalar::Float(f64::NAN), Scalar::Complex(1.0, -0.5)].map(scalar);
        assert_eq!(words, ["True", "-3", "2.0", "nan", "complex(1.0, -0.5)"]);
        assert_eq!((tuple([3]), tuple([3, 4]), tuple::<u64>([])), ("(3,)".to_string(), "(3, 4)".to_string(), "()".to_string()));
    }
}
