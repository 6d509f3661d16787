//! An image → all levels of an OME-Zarr 0.5 image pyramid, by one read of it. Each task of the copy halves what it holds again and again
//! and writes a box of several levels at once; levels that are too coarse for that come from the last of these, which is small.
//!
//! Source: OME-Zarr specification 0.5, sections "axes", "coordinateTransformations" and "multiscales" metadata.

use super::Lengths;
use super::lengths::own_chunks;
use crate::array::{self, Array};
use crate::error::{Error, Result};
use crate::grid::{ChunkGrid, Region, element_count};
use crate::runtime::Runtime;
use crate::store::{self, Address, AttributeKinds, Codec, Create, Meta, Writer};
use flagstone_kernels::dtype::DType;
pub use flagstone_kernels::halve::Halving;
use flagstone_kernels::view::{View, ViewMut};
use serde_json::{Map, Value, json};
use std::path::Path;

/// Levels are made until no side is longer.
const SIDE: u64 = 256;
/// A task holds a box of the finest level of so many bytes at most, and four thirds of that with the coarser ones.
const BOX_BYTES_MAX: u64 = 16 << 20;
/// Planes of a chunk, where nothing says how many.
const PLANES: u64 = 16;

/// How a pyramid is made.
///
/// ```
/// use flagstone::convert::{Halving, PyramidOptions};
/// let options = PyramidOptions::default().how(Halving::Nearest).levels(3);
/// assert_eq!(options.levels, Some(3));
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PyramidOptions {
    /// Names of the axes, one letter each: `tczyx`; without it those of the source, else the last of these.
    pub axes: Option<String>,
    /// The axes that are halved; without it those of space.
    pub halved: Option<String>,
    /// What stands for the places that become one.
    pub how: Halving,
    /// How many levels there are, the image itself too; without it as many as bring every side to 256 or less.
    pub levels: Option<usize>,
    /// Chunk lengths.
    pub chunks: Option<Lengths>,
    /// Shard lengths.
    pub shards: Option<Lengths>,
    /// The codec; without it the format's default.
    pub codec: Option<Codec>,
    /// What a place measures along axes, by name; 1 without it.
    pub scale: Vec<(String, f64)>,
    /// The unit of that for axes of space, such as `micrometer`.
    pub unit: Option<String>,
    /// Go on behind the levels that are there.
    pub resume: bool,
}

impl Default for PyramidOptions {
    fn default() -> PyramidOptions {
        PyramidOptions {
            axes: None,
            halved: None,
            how: Halving::Mean,
            levels: None,
            chunks: None,
            shards: None,
            codec: None,
            scale: Vec::new(),
            unit: None,
            resume: false,
        }
    }
}

impl PyramidOptions {
    /// With these names of the axes, one letter each.
    pub fn axes(mut self, axes: impl Into<Option<String>>) -> PyramidOptions {
        self.axes = axes.into();
        self
    }
    /// Halved along these axes.
    pub fn halved(mut self, halved: impl Into<Option<String>>) -> PyramidOptions {
        self.halved = halved.into();
        self
    }
    /// With this for the places that become one.
    pub fn how(mut self, how: Halving) -> PyramidOptions {
        self.how = how;
        self
    }
    /// With so many levels, the image itself too.
    pub fn levels(mut self, levels: impl Into<Option<usize>>) -> PyramidOptions {
        self.levels = levels.into();
        self
    }
    /// With these lengths of chunks.
    pub fn chunks(mut self, chunks: impl Into<Option<Lengths>>) -> PyramidOptions {
        self.chunks = chunks.into();
        self
    }
    /// With these lengths of shards.
    pub fn shards(mut self, shards: impl Into<Option<Lengths>>) -> PyramidOptions {
        self.shards = shards.into();
        self
    }
    /// With this codec.
    pub fn codec(mut self, codec: impl Into<Option<Codec>>) -> PyramidOptions {
        self.codec = codec.into();
        self
    }
    /// With what a place measures along axes, by name.
    pub fn scale(mut self, scale: Vec<(String, f64)>) -> PyramidOptions {
        self.scale = scale;
        self
    }
    /// With the unit of that for axes of space.
    pub fn unit(mut self, unit: impl Into<Option<String>>) -> PyramidOptions {
        self.unit = unit.into();
        self
    }
    /// Whether it goes on behind the levels that are there.
    pub fn resume(mut self, resume: bool) -> PyramidOptions {
        self.resume = resume;
        self
    }
}

/// What will be written.
#[derive(Clone, Debug)]
pub struct Pyramid {
    source: String,
    target: String,
    axes: Vec<char>,
    /// Which axes are halved from each level to the next.
    halved: Vec<Vec<bool>>,
    /// Lengths of each level.
    pub levels: Vec<Vec<u64>>,
    /// Levels that are there already.
    pub there: usize,
    dtype: DType,
    like: Create,
    options: PyramidOptions,
}

impl Pyramid {
    /// Plans the pyramid of the image at `source` as a new Zarr group at `target`.
    ///
    /// # Errors
    /// `BadRequest` for axes that an image cannot have and a dtype without such a mean or mode, `Store` for what stands at the target.
    pub fn new(source: impl AsRef<Path>, target: impl AsRef<Path>, options: &PyramidOptions) -> Result<Pyramid> {
        let (source, target) = (store::text(source.as_ref())?, store::text(target.as_ref())?);
        let refuse = |what: String| Error::bad_request("pyramid", what);
        if !matches!(store::target(target)?, Address::Zarr { .. }) {
            return Err(refuse(format!("{target} is no Zarr group; name it for example image.ome.zarr")));
        }
        let meta = store::open(source)?.meta().clone();
        if !options.how.takes(meta.dtype) {
            let what = if options.how == Halving::Mode { "a mode is of integers and bool" } else { "bool has no mean" };
            return Err(refuse(format!("{source} is {}: {what}; choose another --method", meta.dtype)));
        }
        let axes = axes(&meta, options.axes.as_deref()).map_err(refuse)?;
        let named = Meta { dimension_names: Some(axes.iter().map(|name| Some(name.to_string())).collect()), ..meta.clone() };
        let is_halved: Vec<bool> = match &options.halved {
            None => axes.iter().map(|name| is_space(*name)).collect(),
            Some(names) => {
                if let Some(other) = names.chars().find(|name| !axes.contains(name)) {
                    return Err(refuse(format!("there is no axis {other} to halve; there are {}", text(&axes))));
                }
                axes.iter().map(|name| names.contains(*name)).collect()
            }
        };
        let (mut levels, mut halved) = (vec![meta.shape.clone()], Vec::new());
        while levels.len() < options.levels.unwrap_or(64) {
            let last = &levels[levels.len() - 1];
            let longest = last.iter().zip(&is_halved).filter(|(_, half)| **half).map(|(&n, _)| n).max().unwrap_or(0);
            if longest <= if options.levels.is_some() { 1 } else { SIDE } {
                break;
            }
            let now: Vec<bool> = last.iter().zip(&is_halved).map(|(&n, &half)| half && n > 1).collect();
            let next = coarser(last, &now);
            halved.push(now);
            levels.push(next);
        }
        if let Some((name, _)) = options.scale.iter().find(|(name, _)| !axes.iter().any(|axis| axis.to_string() == *name)) {
            return Err(refuse(format!("there is no axis {name} for a scale; there are {}", text(&axes))));
        }
        let mut like = Create::new(meta.shape.clone(), meta.dtype);
        like.dimension_names = named.dimension_names.clone();
        (like.codec, like.fill) = (options.codec.clone(), meta.fill);
        like.chunks = Some(match &options.chunks {
            Some(lengths) => lengths.of(&named, "chunks", None)?,
            None => chunks(&meta, &axes),
        });
        like.shards = options.shards.as_ref().map(|lengths| lengths.of(&named, "shards", like.chunks.as_deref())).transpose()?;
        let mut plan = Pyramid {
            source: source.to_string(),
            target: target.to_string(),
            axes,
            halved,
            levels,
            there: 0,
            dtype: meta.dtype,
            like,
            options: options.clone(),
        };
        plan.there = plan.found()?;
        Ok(plan)
    }

    /// Levels that are there already, without a gap.
    fn found(&self) -> Result<usize> {
        let mut there = 0;
        for (n, shape) in self.levels.iter().enumerate() {
            let address = self.level(n)?;
            if !store::exists(&address) {
                continue;
            }
            if !self.options.resume {
                return Err(Error::store(address, "is there already; choose another name, or --resume to go on behind it"));
            }
            let found = store::open(&address)?;
            if found.meta().shape != *shape || found.meta().dtype != self.dtype || there < n {
                let what =
                    format!("is {:?} {} and no level {n} of this pyramid, which is {shape:?}", found.meta().shape, found.meta().dtype);
                return Err(Error::store(address, what));
            }
            there = n + 1;
        }
        if there == 0 && !self.options.resume && store::exists(&self.target) {
            return Err(Error::store(&self.target, "is there already; choose another name"));
        }
        Ok(there)
    }

    fn level(&self, n: usize) -> Result<String> {
        super::inside(&self.target, &n.to_string())
    }

    /// Bytes of all levels that will be written.
    pub fn bytes(&self) -> u64 {
        let bytes = |shape: &Vec<u64>| element_count(shape).unwrap_or(u64::MAX).saturating_mul(self.dtype.size() as u64);
        self.levels[self.there..].iter().map(bytes).fold(0, u64::saturating_add)
    }

    /// Writes what is missing, and last the metadata that make an image of it.
    ///
    /// # Errors
    /// Those of reading and writing; then levels that are whole are there, and no image.
    pub fn run(&self, runtime: &Runtime) -> Result<()> {
        let mut next = self.there;
        while next < self.levels.len() {
            // The image itself is read for it; coarser levels are made of the last one that is there.
            let (from, first) = if next == 0 { (self.source.clone(), 0) } else { (self.level(next - 1)?, next - 1) };
            let last = self.last_beside(first);
            let source: Array = array::open(&from)?;
            let writer: Box<dyn Writer> = Box::new(self.writer(first, next, last)?);
            runtime.store_exprs(vec![(source.expr()?, writer)])?;
            next = last + 1;
        }
        let attributes = self.attributes();
        store::create_group(&self.target, &attributes, &AttributeKinds::new(), 3)
    }

    /// The box of level `first` that is written as a whole when `behind` more levels are made of it.
    fn granule(&self, first: usize, behind: usize) -> Vec<u64> {
        let mut granule = self.unit(first + behind);
        for halved in self.halved[first..first + behind].iter().rev() {
            granule.iter_mut().zip(halved).for_each(|(n, &half)| *n *= 1 + u64::from(half));
        }
        granule
    }

    /// What one file of a level holds.
    fn unit(&self, level: usize) -> Vec<u64> {
        let like = self.create(level);
        like.shards.or(like.chunks).unwrap_or_default()
    }

    /// The coarsest level that is made together with level `first`: at least the one behind it.
    fn last_beside(&self, first: usize) -> usize {
        let mut behind = 1;
        let fits = |behind| {
            let granule = self.granule(first, behind);
            let inside = granule.iter().zip(&self.levels[first]).map(|(&n, &len)| n.min(len.max(1)));
            let bytes = inside.fold(self.dtype.size() as u64, u64::saturating_mul);
            bytes <= BOX_BYTES_MAX
        };
        while first + behind + 1 < self.levels.len() && fits(behind + 1) {
            behind += 1;
        }
        (first + behind).min(self.levels.len() - 1)
    }

    /// What a level is created as: chunks are no longer than it is.
    fn create(&self, level: usize) -> Create {
        Create { shape: self.levels[level].clone(), ..self.like.clone() }
    }

    fn writer(&self, first: usize, next: usize, last: usize) -> Result<PyramidWriter> {
        let open = |level: usize| store::create(&self.level(level)?, &self.create(level));
        let base = if next == first { Some(open(first)?) } else { None };
        let mut next_levels = Vec::new();
        for level in first + 1..=last {
            next_levels.push(NextLevel { halved: self.halved[level - 1].clone(), writer: open(level)? });
        }
        Ok(PyramidWriter { granule: self.granule(first, last - first), dtype: self.dtype, how: self.options.how, base, next_levels })
    }

    /// The group's attributes: axes, levels, and how places of each lie among those of the image.
    fn attributes(&self) -> Map<String, Value> {
        let axes: Vec<Value> = self.axes.iter().map(|&name| axis(name, self.options.unit.as_deref())).collect();
        let measure = |name: char| self.options.scale.iter().find(|(of, _)| *of == name.to_string()).map_or(1.0, |(_, scale)| *scale);
        let mut factors = vec![1.0f64; self.axes.len()];
        let mut datasets = Vec::new();
        for level in 0..self.levels.len() {
            if level > 0 {
                factors.iter_mut().zip(&self.halved[level - 1]).for_each(|(factor, &half)| *factor *= 1.0 + f64::from(u8::from(half)));
            }
            let scale: Vec<f64> = self.axes.iter().zip(&factors).map(|(&name, factor)| measure(name) * factor).collect();
            // The middle of a box lies between those of its places; the nearest one keeps its own.
            let middle = |factor: f64| if self.options.how == Halving::Nearest { 0.0 } else { (factor - 1.0) / 2.0 };
            let moved: Vec<f64> = self.axes.iter().zip(&factors).map(|(&name, &factor)| measure(name) * middle(factor)).collect();
            let mut transformations = vec![json!({"type": "scale", "scale": scale})];
            if moved.iter().any(|&by| by != 0.0) {
                transformations.push(json!({"type": "translation", "translation": moved}));
            }
            datasets.push(json!({"path": level.to_string(), "coordinateTransformations": transformations}));
        }
        let how = self.options.how.name();
        let name = self.target.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
        let name = name.split(".ome").next().and_then(|name| name.split(".zarr").next()).unwrap_or_default();
        let image = json!({"name": name, "axes": axes, "datasets": datasets, "type": how,
            "metadata": {"description": format!("each level is half of the one before it: {how} of the places that become one"),
                "method": "flagstone pyramid", "version": env!("CARGO_PKG_VERSION")}});
        let ome = json!({"ome": {"version": "0.5", "multiscales": [image]}});
        ome.as_object().cloned().unwrap_or_default()
    }
}

fn is_space(name: char) -> bool {
    matches!(name, 'x' | 'y' | 'z')
}

fn text(axes: &[char]) -> String {
    axes.iter().collect()
}

fn axis(name: char, unit: Option<&str>) -> Value {
    let mut axis = json!({"name": name.to_string()});
    let kind = match name {
        't' => "time",
        'c' => "channel",
        name if is_space(name) => "space",
        _ => return axis,
    };
    axis["type"] = kind.into();
    if let Some(unit) = unit.filter(|_| kind == "space") {
        axis["unit"] = unit.into();
    }
    axis
}

/// Names of the axes: given, the source's, or the last of `tczyx`; in the order that the specification asks for.
fn axes(meta: &Meta, given: Option<&str>) -> std::result::Result<Vec<char>, String> {
    let rank = meta.shape.len();
    let own: Option<Vec<char>> = meta.dimension_names.as_ref().and_then(|names| {
        let letter = |name: &Option<String>| {
            name.as_ref().and_then(|name| name.chars().next().map(|c| c.to_ascii_lowercase()).filter(|_| name.chars().count() == 1))
        };
        names.iter().map(letter).collect()
    });
    let nameless = given.is_none() && own.is_none();
    if let (true, &[_, _, colours @ (3 | 4)]) = (nameless, &meta.shape[..]) {
        return Err(format!(
            "an image of shape {:?}, whose last axis looks like {colours} colours, which stand before the axes of space in a pyramid: \
             move them there (flagstone eval 'moveaxis(x, -1, 0)' x=… -o …) and say --axes cyx; --axes zyx means places",
            meta.shape
        ));
    }
    let names: Vec<char> = match (given, own) {
        (Some(given), _) => given.chars().filter(|c| *c != ',').collect(),
        (None, Some(own)) => own,
        (None, None) if rank <= 5 => "tczyx".chars().skip(5 - rank).collect(),
        (None, None) => Vec::new(),
    };
    if names.len() != rank || !(2..=5).contains(&rank) {
        return Err(format!(
            "an image of shape {:?} with the axes {:?}; images have 2 to 5 axes, each with a letter such as tczyx",
            meta.shape,
            text(&names)
        ));
    }
    let rank_of = |name: &char| match *name {
        't' => 0,
        name if is_space(name) => 2,
        _ => 1,
    };
    let ranks: Vec<i32> = names.iter().map(rank_of).collect();
    let count = |of: i32| ranks.iter().filter(|&&rank| rank == of).count();
    let twice = names.iter().any(|name| names.iter().filter(|other| *other == name).count() > 1);
    if twice || !ranks.is_sorted() || !(2..=3).contains(&count(2)) || count(1) > 1 || count(0) > 1 {
        return Err(format!(
            "the axes {}; images have time t first, then a channel c, then two or three of space: zyx or yx (--axes names them, moveaxis puts them in order)",
            text(&names)
        ));
    }
    Ok(names)
}

/// Chunks of the levels: the source's own where they are of a sensible size, else planes of 256 times 256 places.
fn chunks(meta: &Meta, axes: &[char]) -> Vec<u64> {
    if let Some(own) = own_chunks(meta) {
        return own;
    }
    let side = |(&name, &len): (&char, &u64)| match name {
        'z' => len.clamp(1, PLANES),
        'y' | 'x' => len.clamp(1, SIDE),
        _ => 1,
    };
    axes.iter().zip(&meta.shape).map(side).collect()
}

/// Lengths when some axes are halved.
fn coarser(shape: &[u64], halved: &[bool]) -> Vec<u64> {
    shape.iter().zip(halved).map(|(&n, &half)| if half { n.div_ceil(2) } else { n }).collect()
}

/// A level that is made of the one before it.
struct NextLevel {
    halved: Vec<bool>,
    writer: Box<dyn Writer>,
}

/// Boxes of a level → the same boxes of several levels.
struct PyramidWriter {
    granule: Vec<u64>,
    dtype: DType,
    how: Halving,
    /// Of the level that is given itself, where it is not there yet.
    base: Option<Box<dyn Writer>>,
    next_levels: Vec<NextLevel>,
}

impl PyramidWriter {
    fn bytes(&self, shape: &[u64]) -> u64 {
        shape.iter().fold(self.dtype.size() as u64, |n, &len| n.saturating_mul(len)).next_multiple_of(64)
    }

    /// The box of each level that becomes of one of this shape.
    fn shapes(&self, shape: &[u64]) -> Vec<Vec<u64>> {
        let mut shapes = Vec::with_capacity(self.next_levels.len());
        let mut last = shape.to_vec();
        for level in &self.next_levels {
            last = coarser(&last, &level.halved);
            shapes.push(last.clone());
        }
        shapes
    }

    fn write_box(&self, start: &[u64], data: &View<'_>, scratch: &mut [u8]) -> Result<u64> {
        let mut stored = 0;
        let lens: Vec<u64> = data.shape().iter().map(|&n| n as u64).collect();
        let shapes = self.shapes(&lens);
        let held: u64 = shapes.iter().map(|shape| self.bytes(shape)).sum();
        let (mut held, scratch) = scratch.split_at_mut(held as usize);
        if let Some(base) = &self.base {
            stored += base.write(&Region::dense(start, &lens), data, scratch)?;
        }
        let (mut start, mut before) = (start.to_vec(), data.part(&vec![0; lens.len()], data.shape()));
        for (level, shape) in self.next_levels.iter().zip(&shapes) {
            let (now, rest) = std::mem::take(&mut held).split_at_mut(self.bytes(shape) as usize);
            held = rest;
            let local: Vec<usize> = shape.iter().map(|&n| n as usize).collect();
            flagstone_kernels::halve::halve(&before, &level.halved, self.how, &mut ViewMut::dense(now, self.dtype, &local));
            start.iter_mut().zip(&level.halved).for_each(|(at, &half)| *at /= 1 + u64::from(half));
            before = View::dense(now, self.dtype, &local);
            stored += level.writer.write(&Region::dense(&start, shape), &before, scratch)?;
        }
        Ok(stored)
    }
}

impl Writer for PyramidWriter {
    fn granule(&self) -> &[u64] {
        &self.granule
    }
    fn scratch_bytes(&self, shape: &[u64]) -> u64 {
        let each: Vec<u64> = shape.iter().zip(&self.granule).map(|(&n, &g)| n.min(g)).collect();
        let shapes = self.shapes(&each);
        let held = shapes.iter().map(|shape| self.bytes(shape)).fold(0, u64::saturating_add);
        let base = self.base.as_ref().map_or(0, |base| base.scratch_bytes(&each));
        let next_levels = self.next_levels.iter().zip(&shapes).map(|(level, shape)| level.writer.scratch_bytes(shape));
        held.saturating_add(next_levels.fold(base, u64::max))
    }
    fn write(&self, region: &Region, data: &View<'_>, scratch: &mut [u8]) -> Result<u64> {
        let grid = ChunkGrid::regular(&region.shape(), &self.granule);
        let mut stored = 0;
        for n in 0..grid.blocks() {
            let (at, shape) = grid.block(n);
            let usizes = |lens: &[u64]| lens.iter().map(|&n| n as usize).collect::<Vec<_>>();
            let start: Vec<u64> = at.iter().zip(&region.0).map(|(at, span)| span.start + at).collect();
            stored += self.write_box(&start, &data.part(&usizes(&at), &usizes(&shape)), scratch)?;
        }
        Ok(stored)
    }
    fn commit(&self) -> Result<()> {
        self.base.iter().chain(self.next_levels.iter().map(|level| &level.writer)).try_for_each(|writer| writer.commit())
    }
}
