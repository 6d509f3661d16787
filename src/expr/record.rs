//! Expr ⇄ data: a graph as stores and a list of nodes, arguments first, that serde can write and read.
//!
//! An operation serialises itself by its fields. Where it has a node, a store, a count or a user's function, a number or a name
//! stands, and [`Context`] says of what: the modules below are named in `#[serde(with = …)]`.

use super::block_fn::{registered, registered_name};
use super::{BlockFn, Count, Expr, Inferred, Node, Op, postorder};
use crate::error::{Error, Result};
use crate::grid::ChunkGrid;
use crate::store::{self, InMemory, Store};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use flagstone_kernels::dtype::DType;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

/// Arrays in memory up to this size become part of what is written.
const VALUES_MAX_BYTES: usize = 16 << 20;

/// A graph as data.
#[derive(Debug, Serialize, Deserialize)]
pub struct Graph {
    /// The arrays that it reads.
    stores: Vec<Stored>,
    /// Operations, each after those that it reads.
    nodes: Vec<Recorded>,
    /// The numbers of the nodes that were asked for.
    results: Vec<usize>,
}

/// One node.
#[derive(Debug, Serialize, Deserialize)]
struct Recorded {
    /// What is done, and to what.
    op: Value,
    /// The chunks that a user sees: they fix bits.
    chunks: ChunkGrid,
}

/// Where the elements of a stored array are.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Stored {
    /// At an address.
    At {
        address: String,
        dtype: DType,
        shape: Vec<u64>,
        /// As [`store::version`].
        version: String,
    },
    /// Here.
    Here {
        dtype: DType,
        shape: Vec<u64>,
        /// In C order, native byte order of a little-endian machine, in base64.
        values: String,
    },
}

/// What numbers stand for while a graph is written or read.
#[derive(Default)]
struct Context {
    nodes: Vec<Expr>,
    numbers: HashMap<u64, usize>,
    stores: Vec<Arc<dyn Store>>,
    counts: Vec<Arc<Count>>,
}

thread_local! {
    static CONTEXT: RefCell<Context> = RefCell::default();
}

/// Ends the context of a graph when it is dropped.
struct Scope;

impl Scope {
    fn new(context: Context) -> Scope {
        CONTEXT.set(context);
        Scope
    }
}

impl Drop for Scope {
    fn drop(&mut self) {
        CONTEXT.take();
    }
}

impl Graph {
    /// The graph of `roots`, as data.
    ///
    /// # Errors
    /// `Unsupported`, naming the operation, for what is part of this process: blocks that were persisted, functions that are not
    /// registered, what waits for the length of a selection, large arrays in memory.
    pub fn of(roots: &[Expr]) -> Result<Graph> {
        let _scope = Scope::new(Context::default());
        let mut nodes = Vec::new();
        for node in postorder(roots) {
            let refused = |e: serde_json::Error| Error::unsupported(node.op.name(), format!("cannot be written down: {e}"));
            nodes.push(Recorded { op: serde_json::to_value(&node.op).map_err(refused)?, chunks: node.chunks.clone() });
            CONTEXT.with_borrow_mut(|context| {
                let number = context.numbers.len();
                context.numbers.insert(node.id, number)
            });
        }
        CONTEXT.with_borrow(|context| {
            let stores = context.stores.iter().map(|store| Stored::new(&**store)).collect::<Result<_>>()?;
            Ok(Graph { stores, nodes, results: roots.iter().map(|root| context.numbers[&root.id]).collect() })
        })
    }

    /// The expressions again, over the stores as they are now.
    ///
    /// # Errors
    /// `Store` and the rest of what opening an array meets; `BadRequest` where another array stands there than when the graph was written,
    /// a function is not registered, or the data is no graph.
    pub fn exprs(&self) -> Result<Vec<Expr>> {
        let stores = self.stores.iter().map(Stored::open).collect::<Result<_>>()?;
        let _scope = Scope::new(Context { stores, ..Context::default() });
        for (number, Recorded { op, chunks }) in self.nodes.iter().enumerate() {
            let broken = |what: String| Error::bad_request("plan", format!("node {number}: {what}"));
            let op = Op::deserialize(op).map_err(|e| broken(e.to_string()))?;
            let inferred = op.infer()?;
            if inferred.shape != chunks.shape() {
                return Err(broken(format!("{} with chunks of another shape, {:?}", op.name(), chunks.shape())));
            }
            let node = Node::assemble(op, Inferred { chunks: chunks.clone(), ..inferred });
            CONTEXT.with_borrow_mut(|context| context.nodes.push(node));
        }
        let results = self.results.iter().map(|&number| node(number).map_err(|what| Error::bad_request("plan", what)));
        results.collect()
    }
}

impl Stored {
    fn new(store: &dyn Store) -> Result<Stored> {
        let (dtype, shape) = (store.meta().dtype, store.meta().shape.clone());
        match store.values() {
            None => Ok(Stored::At { address: store.address().into(), dtype, shape, version: store::version(store.address())? }),
            Some(bytes) if bytes.len() <= VALUES_MAX_BYTES => Ok(Stored::Here { dtype, shape, values: BASE64_STANDARD.encode(bytes) }),
            Some(bytes) => {
                let what = format!(
                    "an array of {} in memory cannot be written down; store it, and open that",
                    crate::error::Bytes(bytes.len() as u64)
                );
                Err(Error::unsupported("source", what))
            }
        }
    }

    fn open(&self) -> Result<Arc<dyn Store>> {
        match self {
            Stored::At { address, dtype, shape, version } => {
                let store = store::open(address)?;
                let meta = store.meta();
                if (meta.dtype, &meta.shape) != (*dtype, shape) {
                    let what =
                        format!("{address} is {} of shape {:?} now, the plan was made for {dtype} of {shape:?}", meta.dtype, meta.shape);
                    return Err(Error::bad_request("plan", format!("{what}; make it again")));
                }
                let now = store::version(address)?;
                if now != *version {
                    let what = format!("the array was written since the plan was made: then {version}, now {now}; make it again");
                    return Err(Error::bad_request("plan", what));
                }
                Ok(store)
            }
            Stored::Here { dtype, shape, values } => {
                let bytes =
                    BASE64_STANDARD.decode(values).map_err(|e| Error::bad_request("plan", format!("values that are no base64: {e}")))?;
                Ok(Arc::new(InMemory::new(*dtype, shape, bytes)?))
            }
        }
    }
}

/// The node of that number, in the graph that is being read.
fn node(number: usize) -> std::result::Result<Expr, String> {
    CONTEXT.with_borrow(|context| context.nodes.get(number).cloned()).ok_or_else(|| format!("node {number} does not come before"))
}

/// The number of an argument, in the graph that is being written.
fn number<E: serde::ser::Error>(expr: &Expr) -> std::result::Result<usize, E> {
    CONTEXT.with_borrow(|context| context.numbers.get(&expr.id).copied()).ok_or_else(|| E::custom("an argument outside of a graph"))
}

/// The place of `value` in a list, at its end if it is new.
fn placed<T: ?Sized>(list: &mut Vec<Arc<T>>, value: &Arc<T>) -> usize {
    let same = |other: &Arc<T>| std::ptr::addr_eq(Arc::as_ptr(other), Arc::as_ptr(value));
    list.iter().position(same).unwrap_or_else(|| {
        list.push(value.clone());
        list.len() - 1
    })
}

/// A module for `#[serde(with = …)]`, from how a value is written and read.
macro_rules! with {
    ($(#[$doc:meta])* $name:ident: $t:ty as $data:ty, $write:expr, $read:expr) => {
        $(#[$doc])*
        pub mod $name {
            use super::*;
            use serde::{Deserializer, Serializer, de};

            #[expect(missing_docs, reason = "as serde calls it")]
            pub fn serialize<S: Serializer>(value: &$t, serializer: S) -> std::result::Result<S::Ok, S::Error> {
                let write: fn(&$t) -> std::result::Result<$data, S::Error> = $write;
                write(value)?.serialize(serializer)
            }

            #[expect(missing_docs, reason = "as serde calls it")]
            pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<$t, D::Error> {
                let read: fn($data) -> std::result::Result<$t, String> = $read;
                read(<$data>::deserialize(deserializer)?).map_err(de::Error::custom)
            }
        }
    };
}

with! {
    /// An argument.
    arg: Expr as usize, |expr| number(expr), node
}
with! {
    /// Arguments.
    args: Vec<Expr> as Vec<usize>,
    |exprs| exprs.iter().map(number).collect(),
    |numbers| numbers.into_iter().map(node).collect()
}
with! {
    /// An argument that need not be there.
    optional: Option<Expr> as Option<usize>,
    |expr| expr.as_ref().map(number).transpose(),
    |number| number.map(node).transpose()
}
with! {
    /// A length that is counted; axes that have the same are equally long.
    count: Arc<Count> as usize,
    |count| Ok(CONTEXT.with_borrow_mut(|context| placed(&mut context.counts, count))),
    |number| CONTEXT.with_borrow_mut(|context| {
        // they are numbered as they are met
        if number == context.counts.len() {
            context.counts.push(Arc::default());
        }
        context.counts.get(number).cloned().ok_or_else(|| format!("count {number} does not come before"))
    })
}
with! {
    /// A stored array.
    source: Arc<dyn Store> as usize,
    |store| Ok(CONTEXT.with_borrow_mut(|context| placed(&mut context.stores, store))),
    |number| CONTEXT.with_borrow(|context| context.stores.get(number).cloned()).ok_or_else(|| format!("there is no store {number}"))
}
with! {
    /// A user's function, by the name that it is registered under.
    function: Arc<dyn BlockFn> as String,
    |f| registered_name(f).ok_or_else(|| serde::ser::Error::custom("the function is not registered; another process could not find it")),
    |name| registered(&name).ok_or_else(|| format!("no function is registered as {name:?} in this process"))
}

/// An operation that is no data, and why.
macro_rules! not_data {
    ($name:ident, $why:literal) => {
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, _: S) -> std::result::Result<S::Ok, S::Error> {
                Err(serde::ser::Error::custom($why))
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(_: D) -> std::result::Result<$name, D::Error> {
                Err(serde::de::Error::custom($why))
            }
        }
    };
}
pub(super) use not_data;
