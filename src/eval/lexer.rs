//! Text → tokens, by Python's lexical rules.

use super::error::{EvalError, Span};
use flagstone_kernels::dtype::Scalar;

/// What a token is.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum TokenKind {
    /// A literal number.
    Number(Scalar),
    /// A literal string, escapes resolved.
    Str(String),
    /// A name or keyword.
    Name(String),
    /// An operator or bracket.
    Op(&'static str),
    /// A new line outside of brackets.
    Newline,
    /// The end of the text.
    End,
}

/// A token and where it stands.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Token {
    /// What it is.
    pub kind: TokenKind,
    /// Where it stands.
    pub span: Span,
}

/// Longest first, so that the first match is the token.
const OPERATORS: [&str; 48] = [
    "**=", "//=", "<<=", ">>=", "...", "**", "//", "<<", ">>", "<=", ">=", "==", "!=", "->", ":=", "+=", "-=", "*=", "/=", "%=", "@=",
    "&=", "|=", "^=", "+", "-", "*", "/", "%", "@", "&", "|", "^", "~", "<", ">", "(", ")", "[", "]", "{", "}", ",", ":", ".", ";", "=",
    "!",
];

/// All tokens of `text`, the last one `End`.
///
/// # Errors
/// Text that is no token of Python, a number that no dtype holds, an open string or bracket.
pub fn tokens(text: &str) -> Result<Vec<Token>, EvalError> {
    let mut lexer = Lexer { text, at: 0, open: Vec::new(), out: Vec::new() };
    while lexer.next()? {}
    if let Some(&(bracket, at)) = lexer.open.last() {
        return Err(EvalError::new(Span::new(at, at + 1), format!("'{bracket}' was never closed")));
    }
    lexer.push(TokenKind::End, text.len());
    Ok(lexer.out)
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
    open: Vec<(&'static str, usize)>,
    out: Vec<Token>,
}

impl<'a> Lexer<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn push(&mut self, kind: TokenKind, start: usize) {
        self.out.push(Token { kind, span: Span::new(start, self.at) });
    }

    fn error(&self, start: usize, message: impl Into<String>) -> EvalError {
        EvalError::new(Span::new(start, self.at.max(start)), message)
    }

    /// Reads one token; false at the end.
    fn next(&mut self) -> Result<bool, EvalError> {
        let start = self.at;
        let Some(c) = self.rest().chars().next() else { return Ok(false) };
        let second = self.rest().as_bytes().get(1).copied();
        match c {
            ' ' | '\t' | '\x0c' => self.at += 1,
            '\r' | '\n' => {
                self.at += 1;
                if self.open.is_empty() && c == '\n' {
                    self.push(TokenKind::Newline, start);
                }
            }
            '\\' if self.rest()[1..].starts_with('\n') => self.at += 2,
            '\\' if self.rest()[1..].starts_with("\r\n") => self.at += 3,
            '#' => self.at += self.rest().find('\n').unwrap_or(self.rest().len()),
            '0'..='9' => self.number()?,
            '.' if second.is_some_and(|b| b.is_ascii_digit()) => self.number()?,
            '"' | '\'' => self.string(false)?,
            c if c == '_' || c.is_alphabetic() => self.name()?,
            _ => self.operator()?,
        }
        Ok(true)
    }

    fn operator(&mut self) -> Result<(), EvalError> {
        let start = self.at;
        let Some(op) = OPERATORS.iter().find(|op| self.rest().starts_with(**op)).copied() else {
            let c = self.rest().chars().next().unwrap_or(' ');
            self.at += c.len_utf8();
            return Err(self.error(start, format!("unexpected character '{c}'")));
        };
        self.at += op.len();
        match op {
            "(" | "[" | "{" => self.open.push((op, start)),
            ")" | "]" | "}" => match (self.open.pop(), op) {
                (Some(("(", _)), ")") | (Some(("[", _)), "]") | (Some(("{", _)), "}") => {}
                (Some((opened, _)), _) => {
                    let message = format!("closing '{op}' does not match opening '{opened}'");
                    return Err(self.error(start, message));
                }
                (None, _) => return Err(self.error(start, format!("unmatched '{op}'"))),
            },
            "!" => return Err(self.error(start, "unexpected character '!'; negation is `~` or `not`")),
            _ => {}
        }
        self.push(TokenKind::Op(op), start);
        Ok(())
    }

    fn name(&mut self) -> Result<(), EvalError> {
        let start = self.at;
        let len = self.rest().find(|c: char| c != '_' && !c.is_alphanumeric()).unwrap_or(self.rest().len());
        let name = &self.rest()[..len];
        self.at += len;
        if self.rest().starts_with(['"', '\'']) && len <= 2 {
            match name.to_ascii_lowercase().as_str() {
                "r" => return self.string(true),
                "u" => return self.string(false),
                "f" | "rf" | "fr" | "b" | "br" | "rb" => {
                    return Err(EvalError::unsupported(Span::new(start, self.at + 1), "f-strings and bytes are", "write a plain string"));
                }
                _ => {}
            }
        }
        self.push(TokenKind::Name(name.to_string()), start);
        Ok(())
    }

    /// `raw`: backslashes stand for themselves.
    fn string(&mut self, raw: bool) -> Result<(), EvalError> {
        let start = self.at;
        let quote = self.rest().chars().next().unwrap_or('"');
        let triple = self.rest().starts_with(if quote == '"' { "\"\"\"" } else { "'''" });
        let close: String = std::iter::repeat_n(quote, if triple { 3 } else { 1 }).collect();
        self.at += close.len();
        let mut value = String::new();
        loop {
            if self.rest().starts_with(&close) {
                self.at += close.len();
                break;
            }
            let Some(c) = self.rest().chars().next().filter(|&c| triple || c != '\n') else {
                return Err(EvalError::new(Span::new(start, start + 1), "this string is never closed"));
            };
            self.at += c.len_utf8();
            if c != '\\' {
                value.push(c);
            } else if raw {
                value.push(c);
                if let Some(next) = self.rest().chars().next() {
                    value.push(next);
                    self.at += next.len_utf8();
                }
            } else {
                self.escape(&mut value)?;
            }
        }
        // As in Python, strings side by side are one.
        if let Some(Token { kind: TokenKind::Str(before), span }) = self.out.last_mut() {
            before.push_str(&value);
            span.end = self.at;
        } else {
            self.push(TokenKind::Str(value), start);
        }
        Ok(())
    }

    /// One escape sequence, the backslash read already.
    fn escape(&mut self, value: &mut String) -> Result<(), EvalError> {
        let start = self.at - 1;
        let Some(c) = self.rest().chars().next() else { return Ok(()) };
        self.at += c.len_utf8();
        let digits = match c {
            '\n' => return Ok(()),
            '\\' | '\'' | '"' => {
                value.push(c);
                return Ok(());
            }
            'n' | 't' | 'r' | 'a' | 'b' | 'f' | 'v' => {
                let code = match c {
                    'n' => '\n',
                    't' => '\t',
                    'r' => '\r',
                    'a' => '\x07',
                    'b' => '\x08',
                    'f' => '\x0c',
                    _ => '\x0b',
                };
                value.push(code);
                return Ok(());
            }
            '0'..='7' => {
                let len = self.rest().bytes().take(2).take_while(|b| (b'0'..=b'7').contains(b)).count();
                let code = u32::from_str_radix(&self.text[start + 1..self.at + len], 8).unwrap_or(0);
                self.at += len;
                value.extend(char::from_u32(code));
                return Ok(());
            }
            'x' => 2,
            'u' => 4,
            'U' => 8,
            'N' => {
                return Err(EvalError::unsupported(Span::new(start, self.at), "named characters are", "write the character itself"));
            }
            other => {
                value.push('\\');
                value.push(other);
                return Ok(());
            }
        };
        let code = self.rest().get(..digits).filter(|text| text.bytes().all(|b| b.is_ascii_hexdigit()));
        let code = code.and_then(|text| u32::from_str_radix(text, 16).ok()).and_then(char::from_u32);
        match code {
            Some(code) => {
                self.at += digits;
                value.push(code);
                Ok(())
            }
            None => Err(self.error(start, format!("'\\{c}' needs {digits} hexadecimal digits of a character"))),
        }
    }

    fn number(&mut self) -> Result<(), EvalError> {
        let start = self.at;
        let radix = match self.rest().get(..2).unwrap_or("").to_ascii_lowercase().as_str() {
            "0x" => 16,
            "0o" => 8,
            "0b" => 2,
            _ => 10,
        };
        let value = if radix == 10 { self.decimal(start)? } else { self.prefixed(start, radix)? };
        if self.rest().starts_with(|c: char| c == '_' || c.is_alphanumeric()) {
            self.at += 1;
            return Err(self.error(start, format!("invalid number '{}'", &self.text[start..self.at])));
        }
        self.push(TokenKind::Number(value), start);
        Ok(())
    }

    fn prefixed(&mut self, start: usize, radix: u32) -> Result<Scalar, EvalError> {
        self.at += 2;
        let digits = self.digits(|c| c.is_digit(radix));
        self.integer(start, &digits, radix)
    }

    fn decimal(&mut self, start: usize) -> Result<Scalar, EvalError> {
        let whole = self.digits(|c| c.is_ascii_digit());
        let mut text = whole.clone();
        let mut float = false;
        if self.rest().starts_with('.') {
            self.at += 1;
            float = true;
            text.push('.');
            text += &self.digits(|c| c.is_ascii_digit());
        }
        if self.rest().starts_with(['e', 'E']) {
            let sign = usize::from(self.rest()[1..].starts_with(['+', '-']));
            if self.rest()[1 + sign..].starts_with(|c: char| c.is_ascii_digit()) {
                float = true;
                text += &self.rest()[..1 + sign];
                self.at += 1 + sign;
                text += &self.digits(|c| c.is_ascii_digit());
            }
        }
        let parsed = |text: &str| text.trim_end_matches('.').parse::<f64>();
        if self.rest().starts_with(['j', 'J']) {
            self.at += 1;
            let value = parsed(&text).map_err(|_| self.error(start, "invalid number"))?;
            return Ok(Scalar::Complex(0.0, value));
        }
        if float {
            let value = parsed(&text).map_err(|_| self.error(start, "invalid number"))?;
            return Ok(Scalar::Float(value));
        }
        if whole.len() > 1 && whole.starts_with('0') && whole.bytes().any(|b| b != b'0') {
            let message = "leading zeros are not permitted in whole numbers; octal numbers start with 0o";
            return Err(self.error(start, message));
        }
        self.integer(start, &whole, 10)
    }

    fn integer(&mut self, start: usize, digits: &str, radix: u32) -> Result<Scalar, EvalError> {
        if digits.is_empty() {
            return Err(self.error(start, format!("invalid number '{}'", &self.text[start..self.at])));
        }
        let Ok(value) = u64::from_str_radix(digits, radix) else {
            let message = format!("{digits} does not fit in 64 bits; write it as a float ({digits}.0)");
            return Err(self.error(start, message));
        };
        Ok(i64::try_from(value).map_or(Scalar::UInt(value), Scalar::Int))
    }

    /// Digits with single underscores between them, the underscores left out.
    fn digits(&mut self, digit: impl Fn(char) -> bool) -> String {
        let mut out = String::new();
        loop {
            let mut chars = self.rest().chars();
            match chars.next() {
                Some(c) if digit(c) => {
                    out.push(c);
                    self.at += 1;
                }
                Some('_') if chars.next().is_some_and(&digit) => self.at += 1,
                _ => return out,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> TokenKind {
        let tokens = tokens(text).unwrap();
        assert_eq!(tokens.len(), 2, "{text}: {tokens:?}");
        tokens[0].kind.clone()
    }

    #[test]
    fn numbers_are_pythons() {
        for (text, value) in [
            ("0", Scalar::Int(0)),
            ("00", Scalar::Int(0)),
            ("1_000", Scalar::Int(1000)),
            ("0xFf", Scalar::Int(255)),
            ("0b101", Scalar::Int(5)),
            ("0o17", Scalar::Int(15)),
            ("18446744073709551615", Scalar::UInt(u64::MAX)),
            ("1.", Scalar::Float(1.0)),
            (".5", Scalar::Float(0.5)),
            ("1e3", Scalar::Float(1000.0)),
            ("1.e-3", Scalar::Float(0.001)),
            ("1_0.2_5E+1", Scalar::Float(102.5)),
            ("1j", Scalar::Complex(0.0, 1.0)),
            ("2.5e1J", Scalar::Complex(0.0, 25.0)),
            ("1e400", Scalar::Float(f64::INFINITY)),
        ] {
            assert_eq!(one(text), TokenKind::Number(value), "{text}");
        }
    }

    #[test]
    fn strings_are_pythons() {
        for (text, value) in [
            (r#""a'b""#, "a'b"),
            (r"'a\n\x41\u00e9\q'", "a\nAé\\q"),
            (r"r'\n'", "\\n"),
            ("'a' \"b\"", "ab"),
            ("'''a\nb'''", "a\nb"),
            (r"'\101\0'", "A\0"),
        ] {
            assert_eq!(one(text), TokenKind::Str(value.into()), "{text}");
        }
    }

    #[test]
    fn faults_have_a_place() {
        for (text, start, part) in [
            ("1 + 012", 4, "leading zeros"),
            ("x + 1abc", 4, "invalid number"),
            ("99999999999999999999", 0, "64 bits"),
            ("'abc", 0, "never closed"),
            ("(1, [2)", 6, "does not match"),
            ("a)", 1, "unmatched"),
            ("f(1", 1, "never closed"),
            ("a $ b", 2, "unexpected character '$'"),
            ("f'x'", 0, "f-strings"),
            ("0x", 0, "invalid number"),
            ("1__0", 0, "invalid number"),
            (r"'\xg0'", 1, "hexadecimal"),
        ] {
            let error = tokens(text).expect_err(text);
            assert_eq!(error.span().start, start, "{text}: {error}");
            assert!(error.message().contains(part), "{text}: {error}");
        }
    }

    #[test]
    fn new_lines_count_only_outside_of_brackets() {
        let kinds = |text| tokens(text).unwrap().into_iter().filter(|t| t.kind == TokenKind::Newline).count();
        assert_eq!(kinds("(1,\n2)\n3 # x\n"), 2);
        assert_eq!(kinds("1 + \\\n 2"), 0);
    }
}
