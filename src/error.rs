//! What can go wrong, as facts and a class that a caller can act on.

use std::fmt;
use std::panic::Location;
use std::sync::Arc;

/// The result of anything that can fail.
pub type Result<T> = std::result::Result<T, Error>;

/// An error: cheap to clone, since a lazy array carries its first one along.
#[derive(Clone)]
pub struct Error {
    kind: Arc<ErrorKind>,
    at: Option<&'static Location<'static>>,
    source: Option<Arc<Cause>>,
}

/// What stands behind an error: the operating system's, or that of a user's function or store.
pub type Cause = dyn std::error::Error + Send + Sync;

/// Which part of a call cannot mean anything, as Python sorts its exceptions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// A value or a shape: `ValueError`.
    Value,
    /// The kind of an argument or its dtype: `TypeError`.
    Type,
    /// A place that the array has not, or an index that is none: `IndexError`.
    Index,
    /// An axis that the array has not: `AxisError`.
    Axis,
    /// A number that the dtype cannot hold: `OverflowError`.
    Overflow,
    /// Something that is no matrix of the needed form: `LinAlgError`.
    Matrix,
}

/// The classes of error and their facts.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The call cannot mean anything: what was given, what was expected.
    #[error("{operation}: {what}")]
    BadRequest {
        /// NumPy's name of the operation.
        operation: String,
        /// What was given and what was expected.
        what: String,
        /// Which part of the call it is.
        refusal: Refusal,
    },
    /// NumPy can do this, this version cannot.
    #[error("{operation}: not supported yet: {what}")]
    Unsupported {
        /// NumPy's name of the operation.
        operation: String,
        /// What is lacking and what to use instead.
        what: String,
    },
    /// The work cannot be done within the memory limit, known before anything is read.
    #[error(
        "{operation}: needs {needed} of memory in one task, the limit is {limit}; \
         the smallest limit that would do is {smallest}{advice}",
        needed = Bytes(*needed_bytes), limit = Bytes(*limit_bytes), smallest = Bytes(*smallest_bytes)
    )]
    WouldNotFit {
        /// Which operation asks the most.
        operation: String,
        /// Bytes its largest task needs.
        needed_bytes: u64,
        /// The limit.
        limit_bytes: u64,
        /// The smallest limit under which the plan would pass.
        smallest_bytes: u64,
        /// How else to mend it, starting with "; ", or empty.
        advice: String,
    },
    /// A store could not be opened, read or written.
    #[error("{address}: {what}")]
    Store {
        /// The address as the user gave it, or the file.
        address: String,
        /// What failed, where, and how to mend it.
        what: String,
        /// The operating system's error class, when it was one.
        io: Option<std::io::ErrorKind>,
    },
    /// The spill file could not be written or read back.
    #[error("spill to {directory}: {what}")]
    Spill {
        /// The spill directory.
        directory: String,
        /// What failed.
        what: String,
    },
    /// The numbers do not allow the operation.
    #[error("{operation}: {what}")]
    Numerical {
        /// NumPy's name of the operation.
        operation: String,
        /// Where it failed.
        what: String,
    },
    /// A user's function panicked.
    #[error("the function given to {operation} panicked on block {block}: {message}")]
    Panicked {
        /// The operation it was given to.
        operation: String,
        /// The block's index.
        block: String,
        /// The panic's message.
        message: String,
    },
    /// The caller cancelled.
    #[error("cancelled")]
    Cancelled,
    /// A defect of Flagstone.
    #[error("internal error, please report it: {0}")]
    Internal(String),
}

impl Error {
    /// A call that cannot mean anything.
    pub fn bad_request(operation: impl Into<String>, what: impl Into<String>) -> Error {
        Error::refused(Refusal::Value, operation, what)
    }
    /// A call with an argument of a kind or dtype that the operation does not take.
    pub fn bad_type(operation: impl Into<String>, what: impl Into<String>) -> Error {
        Error::refused(Refusal::Type, operation, what)
    }
    /// A call with a place that the array has not, or with an index that is none.
    pub fn bad_index(operation: impl Into<String>, what: impl Into<String>) -> Error {
        Error::refused(Refusal::Index, operation, what)
    }
    /// A call that cannot mean anything, because of what `refusal` says.
    pub fn refused(refusal: Refusal, operation: impl Into<String>, what: impl Into<String>) -> Error {
        ErrorKind::BadRequest { operation: operation.into(), what: what.into(), refusal }.into()
    }
    /// A call that NumPy allows and this version does not.
    pub fn unsupported(operation: impl Into<String>, what: impl Into<String>) -> Error {
        ErrorKind::Unsupported { operation: operation.into(), what: what.into() }.into()
    }
    /// A store that cannot be used, without an operating system error.
    pub fn store(address: impl fmt::Display, what: impl Into<String>) -> Error {
        ErrorKind::Store { address: address.to_string(), what: what.into(), io: None }.into()
    }
    /// A store that is not there.
    pub(crate) fn store_missing(address: impl fmt::Display, what: impl Into<String>) -> Error {
        ErrorKind::Store { address: address.to_string(), what: what.into(), io: Some(std::io::ErrorKind::NotFound) }.into()
    }
    /// A store whose file failed.
    pub fn store_io(address: impl fmt::Display, doing: &str, error: &std::io::Error) -> Error {
        let what = format!("{doing}: {error}");
        let store: Error = ErrorKind::Store { address: address.to_string(), what, io: Some(error.kind()) }.into();
        Error { source: Some(Arc::new(again(error))), ..store }
    }
    /// The same error with what caused it as its source.
    pub fn caused_by(self, cause: impl Into<Box<Cause>>) -> Error {
        Error { source: Some(Arc::from(cause.into())), ..self }
    }
    /// A defect of ours.
    pub fn internal(what: impl Into<String>) -> Error {
        ErrorKind::Internal(what.into()).into()
    }
    /// The class and the facts.
    pub fn kind(&self) -> &ErrorKind {
        &self.kind
    }
    /// The same error with the place of the user's call, unless it has one.
    pub fn at(mut self, place: &'static Location<'static>) -> Error {
        self.at.get_or_insert(place);
        self
    }
    /// The same error without a place: of a call that stands in our own code.
    pub(crate) fn without_place(mut self) -> Error {
        self.at = None;
        self
    }
    /// The user's call that caused it, when it was made while building an array.
    pub fn place(&self) -> Option<&'static Location<'static>> {
        self.at
    }
}

impl From<ErrorKind> for Error {
    fn from(kind: ErrorKind) -> Error {
        Error { kind: Arc::new(kind), at: None, source: None }
    }
}

/// The message too: it is what `unwrap` and a `main` that returns an error show.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.kind)?;
        match self.at {
            Some(at) => write!(f, " (built at {}:{})", at.file(), at.line()),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Error {
    /// The operating system's error, as a `std::io::Error`, where a store's file failed; what a user's function panicked with, where
    /// that was an error.
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn std::error::Error + 'static))
    }
}

/// The same error: those of the operating system by their number, others by their kind and words.
fn again(error: &std::io::Error) -> std::io::Error {
    match error.raw_os_error() {
        Some(code) => std::io::Error::from_raw_os_error(code),
        None => std::io::Error::new(error.kind(), error.to_string()),
    }
}

/// The message of a caught panic.
pub(crate) fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    panic
        .downcast_ref::<&str>()
        .map(|s| s.to_string())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .or_else(|| panic.downcast_ref::<Box<Cause>>().map(|cause| cause.to_string()))
        .unwrap_or_else(|| "a panic without a message".to_string())
}

/// Bytes as a person reads them: `256 MiB`, `1.5 GiB`, `17 B`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bytes(pub u64);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
        let mut value = self.0 as f64;
        let mut unit = 0;
        while value >= 1024.0 && unit + 1 < units.len() {
            value /= 1024.0;
            unit += 1;
        }
        if value == value.trunc() || unit == 0 { write!(f, "{value:.0} {}", units[unit]) } else { write!(f, "{value:.1} {}", units[unit]) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::error::Error as _;

    #[test]
    fn an_error_of_the_operating_system_stays_behind_ours() {
        let missing = std::fs::File::open("/no such directory/x.npy").unwrap_err();
        let ours = Error::store_io("x.npy", "opening", &missing);
        let source = ours.source().and_then(|source| source.downcast_ref::<std::io::Error>()).expect("the source");
        assert_eq!((source.raw_os_error(), source.kind()), (missing.raw_os_error(), std::io::ErrorKind::NotFound));
        let odd = Error::store_io("x.npy", "reading", &std::io::Error::new(std::io::ErrorKind::InvalidData, "torn"));
        assert_eq!(odd.source().unwrap().to_string(), "torn");
        assert!(Error::bad_request("sum", "no").source().is_none());
    }
}
