//! The tree of an expression, each node with its place in the text.

use super::error::Span;
use flagstone_kernels::dtype::Scalar;

/// A node and where it stands.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Ast {
    /// What it is.
    pub node: Node,
    /// Where it stands.
    pub span: Span,
    /// Height of the tree under it, itself included: bounded, so that walking it cannot exhaust the stack.
    pub depth: u32,
}

/// The forms of an expression.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Node {
    /// `1`, `1.5`, `2j`, `True`.
    Number(Scalar),
    /// `None`.
    None,
    /// `...`.
    Ellipsis,
    /// `"text"`.
    Str(String),
    /// `x`.
    Name(String),
    /// `of.name`.
    Attribute {
        /// Whose attribute.
        of: Box<Ast>,
        /// Its name.
        name: String,
        /// Where the name stands.
        name_span: Span,
    },
    /// `function(args)`.
    Call {
        /// What is called.
        function: Box<Ast>,
        /// The arguments in the order of the text.
        args: Vec<Argument>,
    },
    /// `of[index]`.
    Index {
        /// What is indexed.
        of: Box<Ast>,
        /// What stands between the brackets: a tuple where there is a comma.
        index: Box<Ast>,
    },
    /// `start:stop:step`, only inside of an index.
    Slice {
        /// Start, stop, step.
        parts: [Option<Box<Ast>>; 3],
    },
    /// `(a, b)`.
    Tuple(Vec<Ast>),
    /// `[a, b]`.
    List(Vec<Ast>),
    /// `-x`, `+x`, `~x`.
    Unary {
        /// The operator's text.
        op: &'static str,
        /// Its operand.
        arg: Box<Ast>,
    },
    /// `a + b`.
    Binary {
        /// The operator's text.
        op: &'static str,
        /// Left operand.
        left: Box<Ast>,
        /// Right operand.
        right: Box<Ast>,
    },
    /// `a < b` or a chain `a < b <= c`.
    Compare {
        /// The leftmost operand.
        first: Box<Ast>,
        /// Operators and the operands to their right.
        rest: Vec<(&'static str, Ast)>,
    },
    /// `a and b and c`, `a or b`.
    Logical {
        /// `and` or `or`.
        op: &'static str,
        /// The operands.
        args: Vec<Ast>,
    },
    /// `not x`.
    Not(Box<Ast>),
}

/// An argument of a call.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Argument {
    /// The name before `=`, and where it stands.
    pub name: Option<(String, Span)>,
    /// The value.
    pub value: Ast,
}

/// A statement: statements are parted by `;` or a new line.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Statement {
    /// Its value is the result, if it is the last one.
    Expression(Ast),
    /// `a = (b, c) = value`.
    Assign {
        /// Targets from left to right.
        targets: Vec<Target>,
        /// The value.
        value: Ast,
    },
}

/// What can stand left of `=`.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Target {
    /// A name.
    Name(String),
    /// `a, b`: unpacks a tuple.
    Tuple(Vec<Target>, Span),
    /// `a[index]`: gives the name the array with other elements there.
    Index {
        /// The name of an array, and where it stands.
        of: Ast,
        /// What stands between the brackets.
        index: Ast,
    },
}

impl Ast {
    /// The tree in brackets, for tests: `(+ 1 (* 2 x))`.
    pub fn dump(&self) -> String {
        let all = |args: &[Ast]| args.iter().map(|arg| format!(" {}", arg.dump())).collect::<String>();
        match &self.node {
            Node::Number(Scalar::Bool(true)) => "True".into(),
            Node::Number(Scalar::Bool(false)) => "False".into(),
            Node::Number(Scalar::Int(i)) => i.to_string(),
            Node::Number(Scalar::UInt(u)) => u.to_string(),
            Node::Number(Scalar::Float(x)) => format!("f{:016x}", x.to_bits()),
            Node::Number(Scalar::Complex(_, x)) => format!("j{:016x}", x.to_bits()),
            Node::None => "None".into(),
            Node::Ellipsis => "...".into(),
            Node::Str(text) => format!("{:?}", text),
            Node::Name(name) => name.clone(),
            Node::Attribute { of, name, .. } => format!("(. {} {name})", of.dump()),
            Node::Call { function, args } => {
                let (mut positional, mut named) = (String::new(), String::new());
                for arg in args {
                    match &arg.name {
                        None => positional += &format!(" {}", arg.value.dump()),
                        Some((name, _)) => named += &format!(" {name}={}", arg.value.dump()),
                    }
                }
                format!("(call {}{positional}{named})", function.dump())
            }
            Node::Index { of, index } => format!("([] {} {})", of.dump(), index.dump()),
            Node::Slice { parts } => {
                let part = |p: &Option<Box<Ast>>| p.as_ref().map_or(" _".into(), |p| format!(" {}", p.dump()));
                format!("(:{}{}{})", part(&parts[0]), part(&parts[1]), part(&parts[2]))
            }
            Node::Tuple(items) => format!("(tuple{})", all(items)),
            Node::List(items) => format!("(list{})", all(items)),
            Node::Unary { op, arg } => format!("(u{op} {})", arg.dump()),
            Node::Binary { op, left, right } => format!("({op} {} {})", left.dump(), right.dump()),
            Node::Compare { first, rest } => {
                let rest: String = rest.iter().map(|(op, arg)| format!(" {op} {}", arg.dump())).collect();
                format!("(cmp {}{rest})", first.dump())
            }
            Node::Logical { op, args } => format!("({op}{})", all(args)),
            Node::Not(arg) => format!("(not {})", arg.dump()),
        }
    }
}

impl Target {
    /// The target in brackets, for tests.
    pub fn dump(&self) -> String {
        match self {
            Target::Name(name) => name.clone(),
            Target::Tuple(items, _) => {
                format!("(tuple{})", items.iter().map(|t| format!(" {}", t.dump())).collect::<String>())
            }
            Target::Index { of, index } => format!("([] {} {})", of.dump(), index.dump()),
        }
    }
}

impl Statement {
    /// The statement in brackets, for tests.
    pub fn dump(&self) -> String {
        match self {
            Statement::Expression(value) => value.dump(),
            Statement::Assign { targets, value } => {
                let targets: String = targets.iter().map(|t| format!(" {}", t.dump())).collect();
                format!("(={targets} {})", value.dump())
            }
        }
    }
}
