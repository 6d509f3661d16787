//! A classic file's first bytes → its dimensions, attributes and variables, and where each variable lies.
//!
//! Every count is followed by as many records, so no list is longer than the file, and nothing is allocated before its bytes are
//! there.
//! Source: *NetCDF Classic Format Specification*, NetCDF 4.9; for CDF-5 the one of PnetCDF.

use super::input::Input;
use crate::error::Result;
use crate::store::attribute::Attribute;
use flagstone_kernels::dtype::{DType, Scalar};
use std::fs::File;

const DIMENSIONS: u32 = 0x0A;
const VARIABLES: u32 = 0x0B;
const ATTRIBUTES: u32 = 0x0C;
/// Whether a file that starts with these bytes is one.
pub(crate) fn is_classic(start: &[u8]) -> bool {
    start.starts_with(b"CDF") && matches!(start.get(3), Some(1 | 2 | 5))
}

/// The writer did not say how many records there are.
const STREAMING: u64 = u32::MAX as u64;
/// Attributes larger than this are described, not read.
const ATTRIBUTE_BYTES_MAX: u64 = 1 << 20;
const AXES_MAX: u64 = 64;

/// A dimension; of length 0 where it is the record axis.
#[derive(Debug)]
pub(super) struct Dim {
    pub(super) name: String,
    pub(super) len: u64,
}

/// The types of NetCDF.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Char,
    Number(DType),
}

impl Kind {
    fn new(code: u32) -> Option<Kind> {
        Some(match code {
            1 => Kind::Number(DType::I8),
            2 => Kind::Char,
            3 => Kind::Number(DType::I16),
            4 => Kind::Number(DType::I32),
            5 => Kind::Number(DType::F32),
            6 => Kind::Number(DType::F64),
            7 => Kind::Number(DType::U8),
            8 => Kind::Number(DType::U16),
            9 => Kind::Number(DType::U32),
            10 => Kind::Number(DType::I64),
            11 => Kind::Number(DType::U64),
            _ => return None,
        })
    }
    /// The dtype of numbers.
    pub(super) fn dtype(self) -> Option<DType> {
        match self {
            Kind::Number(dtype) => Some(dtype),
            Kind::Char => None,
        }
    }
    pub(super) fn name(self) -> &'static str {
        self.dtype().map_or("char", DType::name)
    }
    fn size(self) -> u64 {
        self.dtype().map_or(1, |dtype| dtype.size() as u64)
    }
    /// What stands where nothing was written.
    pub(super) fn fill(self) -> Scalar {
        match self {
            Kind::Char => Scalar::UInt(0),
            Kind::Number(DType::I8) => Scalar::Int(-127),
            Kind::Number(DType::I16) => Scalar::Int(-32767),
            Kind::Number(DType::I32) => Scalar::Int(-2147483647),
            Kind::Number(DType::I64) => Scalar::Int(-9223372036854775806),
            Kind::Number(DType::U8) => Scalar::UInt(255),
            Kind::Number(DType::U16) => Scalar::UInt(65535),
            Kind::Number(DType::U32) => Scalar::UInt(4294967295),
            Kind::Number(DType::U64) => Scalar::UInt(18446744073709551614),
            Kind::Number(_) => Scalar::Float(f64::from(9.969_21e36f32)),
        }
    }
}

/// A variable and where it lies.
#[derive(Debug)]
pub(super) struct Variable {
    pub(super) name: String,
    /// Its axes, by number of the dimension.
    pub(super) dims: Vec<usize>,
    pub(super) attributes: Vec<(String, Attribute)>,
    pub(super) kind: Kind,
    pub(super) begin: u64,
}

impl Variable {
    pub(super) fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.attributes.iter().find(|(found, _)| found == name).map(|(_, value)| value)
    }
}

/// What a file's header says.
#[derive(Debug)]
pub(super) struct Header {
    pub(super) dims: Vec<Dim>,
    pub(super) attributes: Vec<(String, Attribute)>,
    pub(super) variables: Vec<Variable>,
    /// Places along the record axis.
    pub(super) records: u64,
    /// Bytes from one record to the next.
    pub(super) record_bytes: u64,
    pub(super) file_bytes: u64,
}

impl Header {
    /// Whether the variable's first axis is the record axis.
    pub(super) fn is_record(&self, variable: &Variable) -> bool {
        variable.dims.first().is_some_and(|&d| self.dims[d].len == 0)
    }

    pub(super) fn shape(&self, variable: &Variable) -> Vec<u64> {
        let len = |(i, &d): (usize, &usize)| if i == 0 && self.dims[d].len == 0 { self.records } else { self.dims[d].len };
        variable.dims.iter().enumerate().map(len).collect()
    }

    /// Bytes of the variable, or of one record of it; `None` for more than can be counted.
    fn bytes(&self, variable: &Variable) -> Option<u64> {
        let axes = if self.is_record(variable) { &variable.dims[1..] } else { &variable.dims[..] };
        axes.iter().try_fold(variable.kind.size(), |n, &d| n.checked_mul(self.dims[d].len))
    }

    /// The byte behind the variable's last.
    pub(super) fn end(&self, variable: &Variable) -> Option<u64> {
        let bytes = self.bytes(variable)?;
        match (self.is_record(variable), self.records) {
            (true, 0) => Some(0),
            (true, n) => (n - 1).checked_mul(self.record_bytes)?.checked_add(bytes)?.checked_add(variable.begin),
            (false, _) if bytes == 0 => Some(0),
            (false, _) => bytes.checked_add(variable.begin),
        }
    }
}

/// Reads the header.
///
/// # Errors
/// `Store` for one that is corrupt or cut short.
pub(super) fn read(file: &File, address: &str) -> Result<Header> {
    let mut input = Input::new(file, address)?;
    let magic = input.take(4)?.to_vec();
    if !is_classic(&magic) {
        return Err(input.bad("no signature"));
    }
    input.wide = magic[3] == 5;
    let far = magic[3] >= 2;
    let records = input.count()?;
    let streaming = records == STREAMING || (input.wide && records == u64::MAX);
    let mut header = Header { dims: vec![], attributes: vec![], variables: vec![], records, record_bytes: 0, file_bytes: input.len };
    for _ in 0..list(&mut input, DIMENSIONS, "dimensions")? {
        let (name, len) = (input.name()?, input.count()?);
        header.dims.push(Dim { name, len });
    }
    if header.dims.iter().filter(|dim| dim.len == 0).count() > 1 {
        return Err(input.bad("two record dimensions"));
    }
    header.attributes = attributes(&mut input)?;
    for _ in 0..list(&mut input, VARIABLES, "variables")? {
        let (name, rank) = (input.name()?, input.count()?);
        if rank > AXES_MAX {
            return Err(input.bad(&format!("a variable of {rank} axes, at most {AXES_MAX} are read,")));
        }
        let mut dims = Vec::new();
        for i in 0..rank {
            let number = input.count()?;
            match usize::try_from(number).ok().and_then(|d| Some((d, header.dims.get(d)?))) {
                Some((d, dim)) if dim.len > 0 || i == 0 => dims.push(d),
                Some(_) => return Err(input.bad(&format!("variable {name} has its record axis not first"))),
                None => return Err(input.bad(&format!("variable {name} has dimension {number} of {}", header.dims.len()))),
            }
        }
        let attributes = attributes(&mut input)?;
        let kind = kind(&mut input)?;
        // The size is said too, but not where it does not fit: it follows from the rest.
        input.count()?;
        let begin = if far { input.u64()? } else { input.u32()?.into() };
        header.variables.push(Variable { name, dims, attributes, kind, begin });
    }
    lay_records(&mut header, streaming).ok_or_else(|| input.bad("records of more bytes than can be counted"))?;
    Ok(header)
}

/// Finds the length of a record and, where the writer did not say, how many there are.
fn lay_records(header: &mut Header, streaming: bool) -> Option<()> {
    let of_records: Vec<&Variable> = header.variables.iter().filter(|v| header.is_record(v)).collect();
    header.record_bytes = match of_records[..] {
        // One alone is not padded.
        [only] => header.bytes(only)?,
        _ => of_records.iter().try_fold(0u64, |sum, v| sum.checked_add(header.bytes(v)?.checked_next_multiple_of(4)?))?,
    };
    if streaming {
        let first = of_records.iter().map(|v| v.begin).min().unwrap_or(header.file_bytes);
        header.records = header.file_bytes.saturating_sub(first).checked_div(header.record_bytes).unwrap_or(0);
    }
    Some(())
}

/// The length of a list that starts with `tag`; none where it is absent.
fn list(input: &mut Input<'_>, tag: u32, what: &str) -> Result<u64> {
    let (found, n) = (input.u32()?, input.count()?);
    match (found, n) {
        (0, 0) => Ok(0),
        (found, n) if found == tag => Ok(n),
        _ => Err(input.bad(&format!("tag {found:#x} and {n} where the {what} were expected"))),
    }
}

fn kind(input: &mut Input<'_>) -> Result<Kind> {
    let code = input.u32()?;
    Kind::new(code).ok_or_else(|| input.bad(&format!("unknown type {code}")))
}

fn attributes(input: &mut Input<'_>) -> Result<Vec<(String, Attribute)>> {
    let mut found = Vec::new();
    for _ in 0..list(input, ATTRIBUTES, "attributes")? {
        let name = input.name()?;
        let (kind, n) = (kind(input)?, input.count()?);
        let bytes = n.checked_mul(kind.size()).ok_or_else(|| input.bad("an attribute of more bytes than can be counted"))?;
        if bytes > ATTRIBUTE_BYTES_MAX {
            input.skip(bytes)?;
            found.push((name, Attribute::Text(format!("<{n} elements>"))));
            continue;
        }
        let stored = input.padded(bytes)?;
        let value = match kind.dtype() {
            None => Attribute::Text(String::from_utf8_lossy(stored).trim_end_matches('\0').to_string()),
            Some(dtype) => Attribute::Numbers(dtype, stored.chunks_exact(dtype.size()).map(|value| number(dtype, value)).collect()),
        };
        found.push((name, value));
    }
    Ok(found)
}

/// One big-endian number.
fn number(dtype: DType, bytes: &[u8]) -> Scalar {
    let mut native = bytes.to_vec();
    if cfg!(target_endian = "little") {
        native.reverse();
    }
    Scalar::read(dtype, &native)
}
