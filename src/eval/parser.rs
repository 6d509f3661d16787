//! Tokens → statements, with Python's precedence.

use super::ast::{Argument, Ast, Node, Statement, Target};
use super::error::{EvalError, Span};
use super::lexer::{Token, TokenKind, tokens};
use flagstone_kernels::dtype::Scalar;

/// Trees higher than this are refused: walking them must not exhaust the stack.
const DEPTH_MAX: u32 = 400;

/// Python's keywords, which cannot be names; those that the parser knows are handled before this list.
const KEYWORDS: [&str; 35] = [
    "False", "None", "True", "and", "as", "assert", "async", "await", "break", "class", "continue", "def", "del", "elif", "else", "except",
    "finally", "for", "from", "global", "if", "import", "in", "is", "lambda", "nonlocal", "not", "or", "pass", "raise", "return", "try",
    "while", "with", "yield",
];

/// Reads `text` as statements.
///
/// # Errors
/// What is no expression of Python, or one of its forms that this language leaves out.
pub fn parse(text: &str) -> Result<Vec<Statement>, EvalError> {
    let mut parser = Parser { tokens: tokens(text)?, at: 0, nesting: 0 };
    let mut statements = Vec::new();
    loop {
        while parser.take(";") || parser.newline() {}
        if parser.peek().kind == TokenKind::End {
            break;
        }
        statements.push(parser.statement()?);
        let next = parser.peek();
        if next.kind != TokenKind::End && next.kind != TokenKind::Newline && !parser.is(";") {
            return Err(parser.unexpected("the end of the expression"));
        }
    }
    if statements.is_empty() {
        return Err(EvalError::new(Span::new(0, text.len()), "the expression is empty"));
    }
    Ok(statements)
}

/// Whether `text` can be a name in an expression.
pub fn is_name(text: &str) -> bool {
    let letter = |c: char| c == '_' || c.is_alphabetic();
    text.starts_with(letter) && text.chars().all(|c| letter(c) || c.is_alphanumeric()) && !KEYWORDS.contains(&text)
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
    nesting: u32,
}

type Parsed = Result<Ast, EvalError>;

/// Binding strength of `|` and all that bind tighter, with both operands on the same side.
fn strength(op: &str) -> Option<u8> {
    Some(match op {
        "|" => 1,
        "^" => 2,
        "&" => 3,
        "<<" | ">>" => 4,
        "+" | "-" => 5,
        "*" | "@" | "/" | "//" | "%" => 6,
        _ => return None,
    })
}

impl Parser {
    fn peek(&self) -> &Token {
        &self.tokens[self.at]
    }

    fn advance(&mut self) -> Token {
        let token = self.tokens[self.at].clone();
        if self.at + 1 < self.tokens.len() {
            self.at += 1;
        }
        token
    }

    fn is(&self, op: &str) -> bool {
        matches!(self.peek().kind, TokenKind::Op(found) if found == op)
    }

    fn is_word(&self, word: &str) -> bool {
        matches!(&self.peek().kind, TokenKind::Name(name) if name == word)
    }

    fn take(&mut self, op: &str) -> bool {
        let found = self.is(op);
        if found {
            self.advance();
        }
        found
    }

    fn take_word(&mut self, word: &str) -> bool {
        let found = self.is_word(word);
        if found {
            self.advance();
        }
        found
    }

    fn newline(&mut self) -> bool {
        let found = self.peek().kind == TokenKind::Newline;
        if found {
            self.advance();
        }
        found
    }

    fn expect(&mut self, op: &'static str) -> Result<Span, EvalError> {
        if self.is(op) { Ok(self.advance().span) } else { Err(self.unexpected(&format!("'{op}'"))) }
    }

    /// The error about the next token: a named one where Python would go on and this language does not.
    fn unexpected(&self, expected: &str) -> EvalError {
        let Token { kind, span } = self.peek();
        let (what, instead) = match kind {
            TokenKind::Name(name) => match name.as_str() {
                "if" | "else" => ("conditional expressions (`a if c else b`) are", "use where(c, a, b)"),
                "for" => ("comprehensions are", "use whole arrays and their axes"),
                "lambda" => ("lambda functions are", "write the operation itself"),
                "in" => ("the operator `in` is", "use any(x == value)"),
                "is" => ("the operator `is` is", "use =="),
                "not" => ("the operator `not in` is", "use all(x != value)"),
                "await" | "yield" | "async" => ("coroutines are", "write the operation itself"),
                "import" | "from" => ("imports are", "NumPy's names are known without one"),
                word if KEYWORDS.contains(&word) => ("Python statements other than assignment are", "write an expression"),
                word => return EvalError::new(*span, format!("expected {expected}, found `{word}`")),
            },
            TokenKind::Op(":=") => ("the operator `:=` is", "assign in a statement of its own: `name = value; ...`"),
            TokenKind::Op("{" | "}") => ("dictionaries and sets are", "use a list or a tuple"),
            TokenKind::Op("*" | "**") if expected == "an expression" => ("unpacking with * is", "write the arguments one by one"),
            TokenKind::Op(op) if op.len() > 1 && op.ends_with('=') && !["==", "!=", "<=", ">="].contains(op) => {
                ("assignment that changes an array in place is", "arrays are values; write `x = x + 1`")
            }
            TokenKind::Op(op) => return EvalError::new(*span, format!("expected {expected}, found '{op}'")),
            TokenKind::End => return EvalError::new(*span, format!("expected {expected}, found the end")),
            TokenKind::Newline => return EvalError::new(*span, format!("expected {expected}, found the end of the line")),
            TokenKind::Str(_) | TokenKind::Number(_) => {
                return EvalError::new(*span, format!("expected {expected}, found a literal"));
            }
        };
        EvalError::unsupported(*span, what, instead)
    }

    /// A node over `children`, refused where the tree gets too high.
    fn node(&self, node: Node, span: Span, children: u32) -> Parsed {
        if children >= DEPTH_MAX {
            let message = format!("the expression is nested more than {DEPTH_MAX} deep; part it with `name = ...;`");
            return Err(EvalError::new(span, message));
        }
        Ok(Ast { node, span, depth: children + 1 })
    }

    /// Runs `parse` one level deeper.
    fn nested(&mut self, parse: fn(&mut Parser) -> Parsed) -> Parsed {
        self.nesting += 1;
        if self.nesting > DEPTH_MAX / 2 {
            let message = format!("brackets and operators are nested more than {} deep", DEPTH_MAX / 2);
            return Err(EvalError::new(self.peek().span, message));
        }
        let out = parse(self);
        self.nesting -= 1;
        out
    }

    fn statement(&mut self) -> Result<Statement, EvalError> {
        let mut values = vec![self.tuple()?];
        while self.take("=") {
            values.push(self.tuple()?);
        }
        let value = values.pop().expect("one was pushed");
        if values.is_empty() {
            return Ok(Statement::Expression(value));
        }
        let targets = values.into_iter().map(target).collect::<Result<_, _>>()?;
        Ok(Statement::Assign { targets, value })
    }

    /// Expressions with or without commas between them.
    fn tuple(&mut self) -> Parsed {
        let first = self.expression()?;
        if !self.is(",") {
            return Ok(first);
        }
        let (mut span, mut items) = (first.span, vec![first]);
        while self.is(",") {
            span = span.to(self.advance().span);
            if self.ends() {
                break;
            }
            items.push(self.expression()?);
        }
        span = span.to(items[items.len() - 1].span);
        self.tuple_of(items, span)
    }

    fn tuple_of(&self, items: Vec<Ast>, span: Span) -> Parsed {
        let depth = deepest(&items);
        self.node(Node::Tuple(items), span, depth)
    }

    /// Whether nothing can follow a trailing comma here.
    fn ends(&self) -> bool {
        matches!(self.peek().kind, TokenKind::End | TokenKind::Newline | TokenKind::Op(")" | "]" | "}" | ";" | "="))
    }

    fn expression(&mut self) -> Parsed {
        let out = self.nested(Parser::or)?;
        match &self.peek().kind {
            TokenKind::Name(word) if word == "if" || word == "for" => Err(self.unexpected("an operator")),
            TokenKind::Op(":=") => Err(self.unexpected("an operator")),
            _ => Ok(out),
        }
    }

    fn or(&mut self) -> Parsed {
        self.logical("or", |p| p.logical("and", Parser::not))
    }

    fn logical(&mut self, op: &'static str, operand: fn(&mut Parser) -> Parsed) -> Parsed {
        let first = operand(self)?;
        if !self.is_word(op) {
            return Ok(first);
        }
        let mut args = vec![first];
        while self.take_word(op) {
            args.push(operand(self)?);
        }
        let (span, depth) = (args[0].span.to(args[args.len() - 1].span), deepest(&args));
        self.node(Node::Logical { op, args }, span, depth)
    }

    fn not(&mut self) -> Parsed {
        let start = self.peek().span;
        if !self.take_word("not") {
            return self.comparison();
        }
        let arg = self.nested(Parser::not)?;
        let (span, depth) = (start.to(arg.span), arg.depth);
        self.node(Node::Not(Box::new(arg)), span, depth)
    }

    fn comparison(&mut self) -> Parsed {
        let first = self.binary(1)?;
        let mut rest = Vec::new();
        while let TokenKind::Op(op @ ("<" | "<=" | ">" | ">=" | "==" | "!=")) = self.peek().kind {
            self.advance();
            rest.push((op, self.binary(1)?));
        }
        if let TokenKind::Name(word) = &self.peek().kind
            && matches!(word.as_str(), "in" | "is" | "not")
        {
            return Err(self.unexpected("an operator"));
        }
        let Some((_, last)) = rest.last() else { return Ok(first) };
        let span = first.span.to(last.span);
        let depth = rest.iter().map(|(_, arg)| arg.depth).fold(first.depth, u32::max);
        self.node(Node::Compare { first: Box::new(first), rest }, span, depth)
    }

    /// Operators of at least this strength; those of one strength bind from the left.
    fn binary(&mut self, least: u8) -> Parsed {
        let mut left = self.unary()?;
        while let TokenKind::Op(op) = self.peek().kind {
            let Some(found) = strength(op).filter(|&found| found >= least) else { break };
            self.advance();
            let right = self.binary(found + 1)?;
            let (span, depth) = (left.span.to(right.span), left.depth.max(right.depth));
            left = self.node(Node::Binary { op, left: Box::new(left), right: Box::new(right) }, span, depth)?;
        }
        Ok(left)
    }

    fn unary(&mut self) -> Parsed {
        let Token { kind: TokenKind::Op(op @ ("-" | "+" | "~")), span } = *self.peek() else { return self.power() };
        self.advance();
        let arg = self.nested(Parser::unary)?;
        let (span, depth) = (span.to(arg.span), arg.depth);
        self.node(Node::Unary { op, arg: Box::new(arg) }, span, depth)
    }

    /// `**` binds tighter than a sign on its left and looser than one on its right.
    fn power(&mut self) -> Parsed {
        let left = self.primary()?;
        if !self.take("**") {
            return Ok(left);
        }
        let right = self.nested(Parser::unary)?;
        let (span, depth) = (left.span.to(right.span), left.depth.max(right.depth));
        self.node(Node::Binary { op: "**", left: Box::new(left), right: Box::new(right) }, span, depth)
    }

    /// An atom with its attributes, calls and indices.
    fn primary(&mut self) -> Parsed {
        let mut out = self.atom()?;
        loop {
            let start = out.span;
            if self.take(".") {
                let Token { kind: TokenKind::Name(name), span: name_span } = self.peek().clone() else {
                    return Err(self.unexpected("a name after '.'"));
                };
                self.advance();
                let (span, depth) = (start.to(name_span), out.depth);
                out = self.node(Node::Attribute { of: Box::new(out), name, name_span }, span, depth)?;
            } else if self.take("(") {
                let args = self.arguments()?;
                let span = start.to(self.expect(")")?);
                let depth = args.iter().map(|arg| arg.value.depth).fold(out.depth, u32::max);
                out = self.node(Node::Call { function: Box::new(out), args }, span, depth)?;
            } else if self.take("[") {
                let index = self.index()?;
                let span = start.to(self.expect("]")?);
                let depth = out.depth.max(index.depth);
                out = self.node(Node::Index { of: Box::new(out), index: Box::new(index) }, span, depth)?;
            } else {
                return Ok(out);
            }
        }
    }

    fn arguments(&mut self) -> Result<Vec<Argument>, EvalError> {
        let mut args: Vec<Argument> = Vec::new();
        while !self.is(")") {
            let named = match (&self.peek().kind, self.tokens.get(self.at + 1)) {
                (TokenKind::Name(name), Some(Token { kind: TokenKind::Op("="), .. })) => Some((name.clone(), self.peek().span)),
                _ => None,
            };
            if let Some((name, span)) = &named {
                if KEYWORDS.contains(&name.as_str()) {
                    return Err(EvalError::new(*span, format!("`{name}` is a keyword of Python, not a name")));
                }
                self.at += 2;
            }
            let value = self.expression()?;
            if named.is_none() && args.iter().any(|arg| arg.name.is_some()) {
                return Err(EvalError::new(value.span, "positional argument follows keyword argument"));
            }
            args.push(Argument { name: named, value });
            if !self.take(",") {
                break;
            }
        }
        Ok(args)
    }

    fn index(&mut self) -> Parsed {
        let start = self.peek().span;
        if self.is("]") {
            return Err(self.unexpected("an index"));
        }
        let first = self.index_item()?;
        if !self.is(",") {
            return Ok(first);
        }
        let mut items = vec![first];
        while self.take(",") {
            if self.is("]") {
                break;
            }
            items.push(self.index_item()?);
        }
        let span = start.to(items[items.len() - 1].span);
        self.tuple_of(items, span)
    }

    fn index_item(&mut self) -> Parsed {
        let start = self.peek().span;
        let mut parts: [Option<Box<Ast>>; 3] = [None, None, None];
        let mut part = 0;
        let mut end = start;
        loop {
            if self.is(":") {
                if part == 2 {
                    return Err(self.unexpected("',' or ']'"));
                }
                end = self.advance().span;
                part += 1;
            } else if self.is("]") || self.is(",") {
                break;
            } else if parts[part].is_some() {
                return Err(self.unexpected("',' or ']'"));
            } else {
                let value = self.expression()?;
                end = value.span;
                parts[part] = Some(Box::new(value));
            }
        }
        match (part, &mut parts[0]) {
            (0, Some(value)) => Ok(std::mem::replace(value.as_mut(), Ast { node: Node::None, span: start, depth: 1 })),
            (0, None) => Err(self.unexpected("an index")),
            _ => {
                let depth = parts.iter().flatten().map(|part| part.depth).max().unwrap_or(0);
                self.node(Node::Slice { parts }, start.to(end), depth)
            }
        }
    }

    fn atom(&mut self) -> Parsed {
        let Token { kind, span } = self.peek().clone();
        let leaf = |node| Ok(Ast { node, span, depth: 1 });
        match kind {
            TokenKind::Number(value) => {
                self.advance();
                leaf(Node::Number(value))
            }
            TokenKind::Str(value) => {
                self.advance();
                leaf(Node::Str(value))
            }
            TokenKind::Name(name) => {
                let node = match name.as_str() {
                    "True" => Node::Number(Scalar::Bool(true)),
                    "False" => Node::Number(Scalar::Bool(false)),
                    "None" => Node::None,
                    word if KEYWORDS.contains(&word) => return Err(self.unexpected("an expression")),
                    _ => Node::Name(name),
                };
                self.advance();
                leaf(node)
            }
            TokenKind::Op("...") => {
                self.advance();
                leaf(Node::Ellipsis)
            }
            TokenKind::Op("(") => {
                self.advance();
                if self.is(")") {
                    let end = self.advance().span;
                    return self.tuple_of(Vec::new(), span.to(end));
                }
                let mut inner = self.tuple()?;
                inner.span = span.to(self.expect(")")?);
                Ok(inner)
            }
            TokenKind::Op("[") => {
                self.advance();
                let mut items = Vec::new();
                while !self.is("]") {
                    items.push(self.expression()?);
                    if !self.take(",") {
                        break;
                    }
                }
                let span = span.to(self.expect("]")?);
                let depth = deepest(&items);
                self.node(Node::List(items), span, depth)
            }
            _ => Err(self.unexpected("an expression")),
        }
    }
}

fn deepest(items: &[Ast]) -> u32 {
    items.iter().map(|item| item.depth).max().unwrap_or(0)
}

fn target(ast: Ast) -> Result<Target, EvalError> {
    match ast.node {
        Node::Name(name) => Ok(Target::Name(name)),
        Node::Tuple(items) | Node::List(items) => Ok(Target::Tuple(items.into_iter().map(target).collect::<Result<_, _>>()?, ast.span)),
        Node::Index { of, index } if matches!(of.node, Node::Name(_)) => Ok(Target::Index { of: *of, index: *index }),
        Node::Index { .. } | Node::Attribute { .. } => Err(EvalError::unsupported(
            ast.span,
            "assignment to a part of what has no name is",
            "give it a name first, as in `y = x.T; y[0] = 1; y`",
        )),
        _ => Err(EvalError::new(ast.span, "only a name, or names with commas between them, can stand left of '='")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dump(text: &str) -> String {
        let statements = parse(text).unwrap_or_else(|e| panic!("{}", e.render(text)));
        statements.iter().map(Statement::dump).collect::<Vec<_>>().join("; ")
    }

    #[test]
    fn precedence_is_pythons() {
        for (text, tree) in [
            ("1 + 2 * 3", "(+ 1 (* 2 3))"),
            ("-x ** 2", "(u- (** x 2))"),
            ("2 ** -x ** y", "(** 2 (u- (** x y)))"),
            ("a ** b ** c", "(** a (** b c))"),
            ("~a & b | c ^ d", "(| (& (u~ a) b) (^ c d))"),
            ("a << 1 + 2 < b", "(cmp (<< a (+ 1 2)) < b)"),
            ("a - b - c", "(- (- a b) c)"),
            ("a @ b / c // d % e", "(% (// (/ (@ a b) c) d) e)"),
            ("not a == b or c and d", "(or (not (cmp a == b)) (and c d))"),
            ("a < b <= c", "(cmp a < b <= c)"),
            ("a < b & c < d", "(cmp a < (& b c) < d)"),
            ("x.T.mean(0, keepdims=True)[..., None]", "([] (call (. (. x T) mean) 0 keepdims=True) (tuple ... None))"),
            ("x[::2, 1:, :-1, a:b:c]", "([] x (tuple (: _ _ 2) (: 1 _ _) (: _ (u- 1) _) (: a b c)))"),
            ("x[:]", "([] x (: _ _ _))"),
            ("x[1,]", "([] x (tuple 1))"),
            ("x[(1, 2)]", "([] x (tuple 1 2))"),
            ("(), (1,), [], [1, 2,]", "(tuple (tuple) (tuple 1) (list) (list 1 2))"),
            ("a = b, = 1,; a", "(= a (tuple b) (tuple 1)); a"),
            ("q, r = linalg.qr(x)\nq @ r;", "(= (tuple q r) (call (. linalg qr) x)); (@ q r)"),
            ("-1j", "(u- j3ff0000000000000)"),
            ("f(a)(b)[c].d", "(. ([] (call (call f a) b) c) d)"),
        ] {
            assert_eq!(dump(text), tree, "{text}");
        }
    }

    #[test]
    fn places_cover_the_text_of_a_node() {
        let text = "y = (a + b).mean( axis = 1 )";
        let Statement::Assign { value, .. } = &parse(text).unwrap()[0] else { panic!("an assignment") };
        assert_eq!(&text[value.span.start..value.span.end], "(a + b).mean( axis = 1 )");
        let Node::Call { function, args } = &value.node else { panic!("a call") };
        assert_eq!(&text[function.span.start..function.span.end], "(a + b).mean");
        let (name, span) = args[0].name.clone().unwrap();
        assert_eq!((name.as_str(), &text[span.start..span.end]), ("axis", "axis"));
    }

    #[test]
    fn what_is_left_out_is_named_with_its_place() {
        for (text, at, part) in [
            ("a if b else c", "if", "where(c, a, b)"),
            ("[i for i in x]", "for", "comprehensions"),
            ("lambda x: x", "lambda", "lambda"),
            ("x += 1", "+=", "in place"),
            ("x.T[0] = 1", "x.T[0]", "has no name"),
            ("{1: 2}", "{", "dictionaries"),
            ("f(*a)", "*", "unpacking"),
            ("f(**a)", "**", "unpacking"),
            ("1 in x", "in", "`in`"),
            ("x is None", "is", "`is`"),
            ("x not in y", "not", "`not in`"),
            ("(y := 1)", ":=", "`:=`"),
            ("import numpy", "import", "imports"),
            ("1 +", "", "found the end"),
            ("1 2", "2", "expected the end of the expression"),
            ("f(a=1, b)", "b)", "positional argument follows"),
            ("x[1:2:3:4]", ":4", "',' or ']'"),
            ("x[]", "]", "an index"),
            ("1 = x", "1", "left of '='"),
            ("x.", "", "a name after '.'"),
            ("f(None=1)", "None", "keyword"),
            ("while x: y", "while", "statements"),
        ] {
            let error = parse(text).expect_err(text);
            let start = if at.is_empty() { text.len() } else { text.rfind(at).unwrap() };
            assert_eq!(error.span().start, start, "{text}: {}", error.render(text));
            assert!(error.message().contains(part), "{text}: {error}");
        }
        assert!(parse("").unwrap_err().message().contains("empty"));
        assert!(parse(" ; \n").unwrap_err().message().contains("empty"));
    }

    #[test]
    fn deep_nesting_is_an_error_and_not_an_overflow() {
        for text in [
            "(".repeat(5000) + &")".repeat(5000),
            "-".repeat(100_000) + "1",
            "1".to_string() + &"+1".repeat(100_000),
            "1".to_string() + &"**1".repeat(100_000),
            "x".to_string() + &"[0]".repeat(100_000),
            "not ".repeat(100_000) + "1",
            "[".repeat(300) + "1" + &"]".repeat(300),
        ] {
            let error = parse(&text).expect_err("too deep");
            assert!(error.message().contains("nested"), "{error}");
        }
    }
}
