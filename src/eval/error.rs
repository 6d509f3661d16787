//! What is wrong with an expression, and where in the text.

use crate::error::Error;

/// A range of bytes of the expression's text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// First byte.
    pub start: usize,
    /// Byte after the last.
    pub end: usize,
}

impl Span {
    /// From `start` up to `end`.
    pub fn new(start: usize, end: usize) -> Span {
        Span { start, end }
    }
    /// The smallest range that holds both.
    pub fn to(self, other: Span) -> Span {
        Span { start: self.start.min(other.start), end: self.end.max(other.end) }
    }
}

/// An expression that cannot be read or evaluated.
#[derive(Clone, Debug)]
pub struct EvalError {
    message: String,
    span: Span,
    source: Option<Error>,
}

impl EvalError {
    /// `message` about the text at `span`.
    pub fn new(span: Span, message: impl Into<String>) -> EvalError {
        EvalError { message: message.into(), span, source: None }
    }
    /// What Python can do and this language cannot: a named error, with what to do instead.
    pub fn unsupported(span: Span, what: &str, instead: &str) -> EvalError {
        EvalError::new(span, format!("{what} not part of Flagstone's expressions: {instead}"))
    }
    /// An error of the array layer, caused by the text at `span`.
    pub fn from_array(span: Span, source: Error) -> EvalError {
        EvalError { message: source.kind().to_string(), span, source: Some(source) }
    }
    /// What is wrong, without the text.
    pub fn message(&self) -> &str {
        &self.message
    }
    /// Where.
    pub fn span(&self) -> Span {
        self.span
    }
    /// The array layer's error, when it was one.
    pub fn array_error(&self) -> Option<&Error> {
        self.source.as_ref()
    }
    /// The message, the line of `text` that it is about and carets under the place.
    pub fn render(&self, text: &str) -> String {
        let start = floor(text, self.span.start);
        let end = floor(text, self.span.end).max(start);
        let line_start = text[..start].rfind('\n').map_or(0, |at| at + 1);
        let line_end = text[start..].find('\n').map_or(text.len(), |at| start + at);
        let before: String = text[line_start..start].chars().map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
        let width = text[start..end.min(line_end).max(start)].chars().count().max(1);
        format!("{}\n  {}\n  {before}{}", self.message, &text[line_start..line_end], "^".repeat(width))
    }
}

/// The largest character boundary that is at most `at`.
fn floor(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0)
}

impl std::fmt::Display for EvalError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for EvalError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn carets_stand_under_the_place_in_its_line() {
        let text = "é = 1;\nab + é2\nc";
        let at = text.find("é2").unwrap();
        let error = EvalError::new(Span::new(at, at + 3), "no");
        assert_eq!(error.render(text), "no\n  ab + é2\n       ^^");
        let end = EvalError::new(Span::new(text.len(), text.len()), "end");
        assert_eq!(end.render(text), "end\n  c\n   ^");
        let long = EvalError::new(Span::new(0, text.len()), "all");
        assert_eq!(long.render(text), "all\n  é = 1;\n  ^^^^^^");
    }
}
