//! Tree → Value. Names, calls and operators are looked up in the array layer's table; nothing is computed.

use super::ast::{Argument, Ast, Node, Statement, Target};
use super::bind::{Arguments, bind, nearest};
use super::builtins::{Builtin, MODULES, builtin, constant, is_numpy};
use super::error::{EvalError, Span};
use super::parser::parse;
use super::python;
use crate::array as table;
use crate::array::{Signature, Value};
use crate::error::Error;
use flagstone_kernels::dtype::Scalar;
use std::collections::HashMap;

/// Evaluates statements over named values.
#[derive(Default)]
pub struct Evaluator {
    names: HashMap<String, Value>,
}

/// What an expression can stand for on the way to a value.
enum Object {
    Value(Value),
    Function(&'static Signature),
    Method(Value, &'static Signature),
    /// `x.oix`, which has only its items.
    Orthogonal(Value),
    Module(&'static str),
    Builtin(Builtin),
}

type Evaluated<T = Value> = Result<T, EvalError>;

impl Evaluator {
    /// Without names but NumPy's.
    pub fn new() -> Evaluator {
        Evaluator::default()
    }

    /// Gives `name` a value; it hides NumPy's meaning of the name.
    pub fn define(&mut self, name: impl Into<String>, value: Value) {
        self.names.insert(name.into(), value);
    }

    /// The value of the last expression of `text`. Arrays in it are lazy.
    ///
    /// # Errors
    /// Text that cannot be read, names that are not known, calls that the array layer refuses.
    pub fn run(&mut self, text: &str) -> Evaluated {
        let mut result = None;
        for statement in parse(text)? {
            match statement {
                Statement::Expression(ast) => result = Some(self.value(&ast)?),
                Statement::Assign { targets, value } => {
                    let found = self.value(&value)?;
                    for target in &targets {
                        self.assign(target, found.clone(), value.span)?;
                    }
                }
            }
        }
        let nothing = "there is nothing to compute: end with an expression, as in `y = x + 1; y`";
        result.ok_or_else(|| EvalError::new(Span::new(0, text.trim_end().len()), nothing))
    }

    fn assign(&mut self, target: &Target, value: Value, span: Span) -> Evaluated<()> {
        match target {
            Target::Name(name) => {
                self.names.insert(name.clone(), value);
                Ok(())
            }
            Target::Tuple(targets, _) => {
                let items = unpack(&value, targets.len()).map_err(|message| EvalError::new(span, message))?;
                targets.iter().zip(items).try_for_each(|(target, item)| self.assign(target, item, span))
            }
            Target::Index { of, index } => {
                let array = match self.value(of)? {
                    array @ (Value::Array(_) | Value::Masked(_)) => array,
                    _ => return Err(EvalError::new(of.span, "only an array can be given other elements")),
                };
                let set = table::set_index(&array, &self.index_parts(index)?, &value);
                let set = checked(set, of.span.to(index.span))?;
                match &of.node {
                    Node::Name(name) => self.define(name.clone(), set),
                    _ => unreachable!("the parser takes a name"),
                }
                Ok(())
            }
        }
    }

    fn value(&self, ast: &Ast) -> Evaluated {
        match self.object(ast)? {
            Object::Value(value) => Ok(value),
            Object::Builtin(Builtin::Number(dtype)) => Ok(Value::DType(dtype)),
            Object::Builtin(found) => Err(EvalError::new(ast.span, format!("`{found}` is a function; call it"))),
            Object::Function(found) | Object::Method(_, found) => {
                let message = format!("`{0}` is a function; call it: {0}(...)", found.name);
                Err(EvalError::new(ast.span, message))
            }
            Object::Orthogonal(_) => Err(EvalError::new(ast.span, "`oix` has items alone: x.oix[[0, 2], [1, 3]]")),
            Object::Module(name) => {
                let name = if name.is_empty() { "numpy" } else { name };
                Err(EvalError::new(ast.span, format!("`{name}` is a module; name something in it")))
            }
        }
    }

    fn object(&self, ast: &Ast) -> Evaluated<Object> {
        let value = match &ast.node {
            Node::Number(x) => Value::Scalar(*x),
            Node::None => Value::None,
            Node::Ellipsis => Value::Ellipsis,
            Node::Str(text) => Value::Str(text.clone()),
            Node::Name(name) => return self.name(name, ast.span),
            Node::Attribute { of, name, name_span } => return self.attribute(of, name, *name_span),
            Node::Call { function, args } => self.call(function, args, ast.span)?,
            Node::Index { of, index } => self.index(of, index, ast.span)?,
            Node::Slice { .. } => return Err(EvalError::new(ast.span, "a slice stands only inside of an index")),
            Node::Tuple(items) => Value::Tuple(items.iter().map(|item| self.value(item)).collect::<Result<_, _>>()?),
            Node::List(items) => Value::List(items.iter().map(|item| self.value(item)).collect::<Result<_, _>>()?),
            Node::Unary { op, arg } => match self.value(arg)? {
                Value::Scalar(x) => Value::Scalar(python::unary(op, x).map_err(|m| EvalError::new(ast.span, m))?),
                value => checked(table::unary(op, value), ast.span)?,
            },
            Node::Binary { op, left, right } => binary(op, self.value(left)?, self.value(right)?, ast.span)?,
            Node::Compare { first, rest } => self.compare(first, rest)?,
            Node::Logical { op, args } => self.logical(op, args)?,
            Node::Not(arg) => Value::Scalar(Scalar::Bool(!truth(&self.value(arg)?, "not", arg.span)?)),
        };
        Ok(Object::Value(value))
    }

    fn name(&self, name: &str, span: Span) -> Evaluated<Object> {
        if let Some(value) = self.names.get(name) {
            return Ok(Object::Value(value.clone()));
        }
        if let Some(found) = builtin(name) {
            return Ok(Object::Builtin(found));
        }
        if name == "np" || name == "numpy" {
            return Ok(Object::Module(""));
        }
        if let Some(found) = numpy(name) {
            return Ok(found);
        }
        if is_numpy(name) {
            return Err(lacking(name, span));
        }
        let mut message = format!("name '{name}' is not defined");
        let near = nearest(name, self.names.keys().map(String::as_str)).or_else(|| nearest(name, names()));
        match near {
            Some(near) => message += &format!("; did you mean '{near}'?"),
            None => message += &format!("; an array is named by {name}=ADDRESS after the expression"),
        }
        Err(EvalError::new(span, message))
    }

    fn attribute(&self, of: &Ast, name: &str, span: Span) -> Evaluated<Object> {
        let value = match self.object(of)? {
            Object::Module(module) => {
                let full = if module.is_empty() { name.to_string() } else { format!("{module}.{name}") };
                return numpy(&full).ok_or_else(|| {
                    if is_numpy(&full) {
                        return lacking(&full, of.span.to(span));
                    }
                    let mut message = format!("NumPy's name `{full}` is not known here");
                    if let Some(near) = nearest(&full, names()) {
                        message += &format!("; did you mean `{near}`?");
                    }
                    EvalError::new(span, message)
                });
            }
            Object::Value(value) => value,
            // what a function of NumPy has under its name: `maximum.accumulate`
            Object::Function(function) => {
                let full = format!("{}.{name}", function.name);
                return table::function(&full).map(Object::Function).ok_or_else(|| match name {
                    "reduce" | "accumulate" | "outer" | "reduceat" | "at" => lacking(&full, of.span.to(span)),
                    _ => EvalError::new(span, format!("the function `{}` has no attribute '{name}'", function.name)),
                });
            }
            _ => self.value(of)?,
        };
        let unknown = |kind: &str| EvalError::new(span, format!("{kind} has no attribute '{name}'"));
        match &value {
            Value::Array(_) | Value::Masked(_) if name == "oix" => Ok(Object::Orthogonal(value)),
            Value::Array(array) => {
                if let Some(found) = table::attribute(array, name) {
                    return checked(Ok(found), of.span.to(span)).map(Object::Value);
                }
                match table::method(name) {
                    Some(method) => Ok(Object::Method(value, method)),
                    None if table::function(name).is_some() => {
                        Err(EvalError::new(span, format!("'{name}' is a function, and no method of arrays: write {name}(x, …)")))
                    }
                    None if is_numpy(name) => Err(lacking(name, span)),
                    None => {
                        let mut error = format!("an array has no attribute '{name}'");
                        if let Some(near) = nearest(name, names()) {
                            error += &format!("; did you mean '{near}'?");
                        }
                        Err(EvalError::new(span, error))
                    }
                }
            }
            Value::Masked(masked) => {
                if let Some(found) = table::masked_attribute(masked, name) {
                    return checked(Ok(found), of.span.to(span)).map(Object::Value);
                }
                let own = table::function(&format!("ma.{name}")).filter(|row| row.method);
                let found = own.or_else(|| table::method(name)).ok_or_else(|| unknown("a masked array"))?;
                Ok(Object::Method(value, found))
            }
            Value::Scalar(x) => match (name, x) {
                ("real", Scalar::Complex(re, _)) => Ok(Object::Value(Value::Scalar(Scalar::Float(*re)))),
                ("imag", Scalar::Complex(_, im)) => Ok(Object::Value(Value::Scalar(Scalar::Float(*im)))),
                _ => Err(unknown("a number of Python")),
            },
            Value::DType(dtype) => match name {
                "itemsize" => Ok(Object::Value(Value::Scalar(Scalar::Int(dtype.size() as i64)))),
                "name" => Ok(Object::Value(Value::Str(dtype.name().to_string()))),
                _ => Err(unknown("a dtype")),
            },
            Value::Str(_) => Err(unknown("a string")),
            Value::Tuple(_) | Value::List(_) => Err(unknown("a tuple or list")),
            _ => Err(unknown("this value")),
        }
    }

    fn call(&self, function: &Ast, args: &[Argument], span: Span) -> Evaluated {
        let called = self.object(function)?;
        let mut given = Arguments { positional: Vec::new(), named: Vec::new() };
        for arg in args {
            let value = self.value(&arg.value)?;
            match &arg.name {
                None => given.positional.push((value, arg.value.span)),
                Some((name, at)) => given.named.push((name.clone(), *at, value)),
            }
        }
        match called {
            Object::Function(signature) => invoke(signature, given, span),
            Object::Method(receiver, signature) => {
                given.positional.insert(0, (receiver, function.span));
                invoke(signature, given, span)
            }
            Object::Builtin(found) => {
                if let Some((name, at, _)) = given.named.first() {
                    return Err(EvalError::new(*at, format!("{found}() takes no keyword argument '{name}'")));
                }
                let values: Vec<Value> = given.positional.into_iter().map(|(value, _)| value).collect();
                found.call(&values).map_err(|message| EvalError::new(span, message))
            }
            // NumPy's scalar types convert: float32(x) is x as that dtype.
            Object::Value(Value::DType(dtype)) => {
                let Some(convert) = table::function("asarray") else {
                    return Err(EvalError::new(span, "a dtype cannot be called here; use x.astype(...)"));
                };
                given.named.push(("dtype".to_string(), function.span, Value::DType(dtype)));
                invoke(convert, given, span)
            }
            Object::Orthogonal(_) => Err(EvalError::new(function.span, "`oix` is not called: x.oix[[0, 2], [1, 3]]")),
            Object::Value(_) | Object::Module(_) => Err(EvalError::new(function.span, "this cannot be called: it is no function")),
        }
    }

    fn index(&self, of: &Ast, index: &Ast, span: Span) -> Evaluated {
        let value = match self.object(of)? {
            Object::Value(value) => value,
            // `mgrid[0:3, 0:1:5j]`: a function of slices, whose ends need not be whole numbers
            Object::Orthogonal(value) => return checked(table::orthogonal(&value, &self.index_parts(index)?), span),
            Object::Function(grid) if grid.params.iter().any(|param| param.name == "*ranges") => return self.grid(grid, index, span),
            _ => self.value(of)?,
        };
        let parts = self.index_parts(index)?;
        match (&value, parts.as_slice()) {
            (Value::Array(_) | Value::Masked(_), _) => checked(table::index(&value, &parts), span),
            (Value::Tuple(_) | Value::List(_) | Value::Str(_), [at]) => {
                python::element(&value, at).map_err(|message| EvalError::new(index.span, message))
            }
            (Value::Tuple(_) | Value::List(_) | Value::Str(_), _) => {
                Err(EvalError::new(index.span, "sequences have one axis; use asarray(...) for more"))
            }
            _ => Err(EvalError::new(of.span, "this value cannot be indexed: it is no array and no sequence")),
        }
    }

    /// The items of an index.
    fn index_parts(&self, index: &Ast) -> Evaluated<Vec<Value>> {
        match &index.node {
            Node::Tuple(items) => items.iter().map(|item| self.index_part(item)).collect(),
            _ => match self.index_part(index)? {
                Value::Tuple(items) => Ok(items),
                part => Ok(vec![part]),
            },
        }
    }

    /// Calls `grid` with slices as tuples of start, stop and step.
    fn grid(&self, grid: &'static Signature, index: &Ast, span: Span) -> Evaluated {
        let items = if let Node::Tuple(items) = &index.node { items.as_slice() } else { std::slice::from_ref(index) };
        let end = |part: &Option<Box<Ast>>| part.as_ref().map_or(Ok(Value::None), |part| self.value(part));
        let one = |item: &Ast| match &item.node {
            Node::Slice { parts } => Ok((Value::Tuple(parts.iter().map(end).collect::<Result<_, _>>()?), item.span)),
            _ => Ok((self.value(item)?, item.span)),
        };
        let positional = items.iter().map(one).collect::<Result<_, EvalError>>()?;
        invoke(grid, Arguments { positional, named: Vec::new() }, span)
    }

    fn index_part(&self, ast: &Ast) -> Evaluated {
        let Node::Slice { parts } = &ast.node else { return self.value(ast) };
        let mut values: [Option<Value>; 3] = [None, None, None];
        for (value, part) in values.iter_mut().zip(parts) {
            if let Some(part) = part {
                *value = Some(self.value(part)?);
            }
        }
        python::slice(values.each_ref().map(Option::as_ref)).map_err(|message| EvalError::new(ast.span, message))
    }

    fn compare(&self, first: &Ast, rest: &[(&'static str, Ast)]) -> Evaluated {
        let (mut left, mut left_span) = (self.value(first)?, first.span);
        for (at, (op, ast)) in rest.iter().enumerate() {
            let right = self.value(ast)?;
            let span = left_span.to(ast.span);
            let found = binary(op, left, right.clone(), span)?;
            if at + 1 == rest.len() {
                return Ok(found);
            }
            match python::truth(&found) {
                Some(true) => (left, left_span) = (right, ast.span),
                Some(false) => return Ok(found),
                None => {
                    let whole = first.span.to(rest[rest.len() - 1].1.span);
                    let message = "comparisons of arrays do not chain: write (a < b) & (b < c)";
                    return Err(EvalError::new(whole, message));
                }
            }
        }
        Ok(left)
    }

    fn logical(&self, op: &str, args: &[Ast]) -> Evaluated {
        let mut value = Value::None;
        for (at, arg) in args.iter().enumerate() {
            value = self.value(arg)?;
            if at + 1 < args.len() && truth(&value, op, arg.span)? != (op == "and") {
                break;
            }
        }
        // Python would give back an array on the right; refused alike, since the left decides which.
        if let Value::Array(_) | Value::Masked(_) = value {
            truth(&value, op, args[args.len() - 1].span)?;
        }
        Ok(value)
    }
}

/// What NumPy calls `name`, a dotted one for its submodules.
fn numpy(name: &str) -> Option<Object> {
    if let Some(value) = constant(name) {
        return Some(Object::Value(value));
    }
    // numpy.ma has most of numpy's names, for what heeds masks under its own
    let plain = || name.strip_prefix("ma.").filter(|name| !name.contains('.')).and_then(table::function);
    if let Some(found) = table::function(name).or_else(plain) {
        return Some(Object::Function(found));
    }
    MODULES.iter().find(|module| **module == name).map(|module| Object::Module(module))
}

/// What NumPy has and this version has not.
fn lacking(name: &str, span: Span) -> EvalError {
    EvalError::new(span, format!("{name}: not supported yet: NumPy has it, this version of Flagstone does not"))
}

/// Every name in the table, for "did you mean".
fn names() -> impl Iterator<Item = &'static str> {
    table::signatures().map(|signature| signature.name)
}

fn invoke(signature: &'static Signature, args: Arguments, span: Span) -> Evaluated {
    let signature = of_masked(signature, &args);
    let args = bind(signature, args, span, literal)?;
    checked(table::apply(signature, &args), span)
}

/// What stands for a function where its arguments are masked: `mean(x)` is `ma.mean(x)` then, as NumPy has it.
fn of_masked(signature: &'static Signature, args: &Arguments) -> &'static Signature {
    let mut values = args.positional.iter().map(|(value, _)| value).chain(args.named.iter().map(|(_, _, value)| value));
    match values.any(|value| matches!(value, Value::Masked(_))) {
        true => table::function(&format!("ma.{}", signature.name)).unwrap_or(signature),
        false => signature,
    }
}

fn binary(op: &str, left: Value, right: Value, span: Span) -> Evaluated {
    if let (Value::Scalar(a), Value::Scalar(b)) = (&left, &right) {
        return python::binary(op, *a, *b).map(Value::Scalar).map_err(|message| EvalError::new(span, message));
    }
    if let Some(outcome) = python::sequences(op, &left, &right) {
        return outcome.map_err(|message| EvalError::new(span, message));
    }
    checked(table::binary(op, left, right), span)
}

/// The value, unless an array in it carries an error.
fn checked(outcome: crate::Result<Value>, span: Span) -> Evaluated {
    fn check(value: &Value) -> Result<(), Error> {
        match value {
            Value::Array(array) => array.check(),
            Value::Masked(masked) => masked.data().check().and_then(|()| masked.mask().check()),
            Value::Tuple(items) | Value::List(items) => items.iter().try_for_each(check),
            _ => Ok(()),
        }
    }
    let value = outcome.map_err(|error| EvalError::from_array(span, error))?;
    check(&value).map_err(|error| EvalError::from_array(span, error))?;
    Ok(value)
}

fn truth(value: &Value, op: &str, span: Span) -> Evaluated<bool> {
    python::truth(value).ok_or_else(|| {
        let instead = match op {
            "and" => "use `&` or logical_and(a, b)",
            "or" => "use `|` or logical_or(a, b)",
            _ => "use `~` or logical_not(x)",
        };
        let message = format!(
            "The truth value of an array with more than one element is ambiguous, \
             and no array's value is known before it is computed: {instead}"
        );
        EvalError::new(span, message)
    })
}

fn unpack(value: &Value, count: usize) -> Result<Vec<Value>, String> {
    let items = match value {
        Value::Tuple(items) | Value::List(items) => items.clone(),
        Value::Array(array) => {
            let shape = array.shape().map_err(|e| e.to_string())?;
            match shape.first() {
                None => return Err("an array without axes cannot be unpacked".into()),
                Some(&len) if len == count as u64 => {
                    let row = |i| table::index(value, &[Value::Scalar(Scalar::Int(i))]).map_err(|e| e.to_string());
                    (0..count as i64).map(row).collect::<Result<_, _>>()?
                }
                Some(&len) => return Err(mismatch(count, len)),
            }
        }
        _ => return Err("this value cannot be unpacked: it is no tuple".into()),
    };
    if items.len() == count { Ok(items) } else { Err(mismatch(count, items.len() as u64)) }
}

fn mismatch(expected: usize, found: u64) -> String {
    let problem = if found > expected as u64 { "too many" } else { "not enough" };
    format!("{problem} values to unpack (expected {expected}, got {found})")
}

/// A call from elsewhere than a text: `positional` and `named` arguments as in Python, defaults filled in. Arrays in what comes back
/// carry no error.
///
/// # Errors
/// Arguments that are no call of it, with Python's words; whatever the array layer refuses, which is then
/// [`EvalError::array_error`].
///
/// ```
/// use flagstone::array::{Value, function};
/// use flagstone::{DType, eval, zeros};
/// let x = Value::Array(zeros([4, 3], DType::F32));
/// let axis = Value::List(vec![Value::Scalar(flagstone::Scalar::Int(0))]);
/// let Value::Array(y) = eval::call(function("sum").unwrap(), vec![x], vec![("axis".into(), axis)]).unwrap() else { unreachable!() };
/// assert_eq!(y.shape().unwrap(), [3]);
/// ```
pub fn call(signature: &'static Signature, positional: Vec<Value>, named: Vec<(String, Value)>) -> Evaluated {
    let nowhere = Span::default();
    let positional = positional.into_iter().map(|value| (value, nowhere)).collect();
    let named = named.into_iter().map(|(name, value)| (name, nowhere, value)).collect();
    invoke(signature, Arguments { positional, named }, nowhere)
}

/// The value of a parameter's default, written as source text.
pub(super) fn literal(text: &str) -> Evaluated {
    match text {
        "None" => Ok(Value::None),
        text => Evaluator::new().run(text),
    }
}
