//! What users see may grow: every public enum, and every public struct of public fields alone, is `#[non_exhaustive]`, so that a
//! variant or a field more breaks nobody's build.

use super::{place_in, root, sources};
use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use syn::{Attribute, Fields, Item, UseTree, Visibility};

/// The modules that the documentation shows.
const DOCUMENTED: [&str; 10] = ["array", "budget", "convert", "diagnostics", "error", "eval", "events", "grid", "runtime", "store"];

/// What will never have a variant or a field more, or is matched where a wildcard would hide a case that was forgotten.
const COMPLETE: [(&str, &str); 13] = [
    ("kernels::dtype::DType", "the engine and the stores match it, and the compiler tells them all when there is a new one"),
    ("kernels::scalar::Scalar", "as DType: one variant a kind"),
    ("error::Bytes", "a number"),
    ("array::shape::Shape", "a list of lengths"),
    ("array::shapes::pads::Ends", "a list of pairs"),
    ("grid::region::Span", "start, length and step are all there is to a slice; users write it down"),
    ("grid::region::Region", "a list of spans"),
    ("grid::chunks::ChunkGrid", "the cuts of each axis"),
    ("grid::chunks::AxisChunks", "the parts of the crate match it"),
    ("diagnostics::Observers", "a list of observers"),
    ("eval::error::Span", "a start and an end in a text"),
    ("plan::explain::Explanation", "`--explain` prints it whole: a field more is one that it has to print"),
    ("kernels::dtype::Bool", "a byte"),
];

/// What can be reached from outside: an item, or a module with all that is public in it.
#[derive(Default)]
struct Shown(BTreeSet<(String, String)>);

/// `kernels::halve` of `flagstone_kernels::halve::Halving`, `expr` of `crate::expr::BlockFn`, `own` of `axes::Axes`; an item in the
/// root of a crate has none.
fn top(path: &[String], own: &str) -> String {
    match path {
        [first, module, _, ..] if first == "flagstone_kernels" => format!("kernels::{module}"),
        [first, module, _, ..] if first == "crate" => module.clone(),
        [module, ..] if own.is_empty() => module.clone(),
        _ => own.to_string(),
    }
}

impl Shown {
    fn tree(&mut self, tree: &UseTree, path: &mut Vec<String>, own: &str) {
        let name = match tree {
            UseTree::Path(part) => {
                path.push(part.ident.to_string());
                self.tree(&part.tree, path, own);
                path.pop();
                return;
            }
            UseTree::Group(group) => return group.items.iter().for_each(|item| self.tree(item, path, own)),
            UseTree::Name(name) => name.ident.to_string(),
            UseTree::Rename(name) => name.ident.to_string(),
            UseTree::Glob(_) => panic!("a `pub use` of everything in {path:?}: name what users see"),
        };
        path.push(name.clone());
        self.0.insert((top(path, own), name));
        path.pop();
    }

    /// The names that a file of module `own` hands on, and the modules that it opens.
    fn note(&mut self, file: &syn::File, own: &str) {
        for item in &file.items {
            match item {
                Item::Use(item) if is_public(&item.vis) => self.tree(&item.tree, &mut Vec::new(), own),
                Item::Mod(module) if is_public(&module.vis) && !hidden(&module.attrs) => {
                    self.0.insert((own.to_string(), module.ident.to_string()));
                }
                _ => {}
            }
        }
    }

    fn has(&self, top: &str, name: &str) -> bool {
        self.0.contains(&(top.to_string(), name.to_string()))
    }
}

fn is_public(visibility: &Visibility) -> bool {
    matches!(visibility, Visibility::Public(_))
}

fn hidden(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|a| a.path().is_ident("doc") && a.parse_args::<syn::Ident>().is_ok_and(|word| word == "hidden"))
}

/// The public items of a file that can grow and do not say so.
fn fixed(file: &syn::File) -> Vec<String> {
    let says = |attributes: &[Attribute]| attributes.iter().any(|a| a.path().is_ident("non_exhaustive"));
    let all_public = |fields: &Fields| !fields.is_empty() && fields.iter().all(|field| is_public(&field.vis));
    let one = |item: &Item| match item {
        Item::Enum(item) if is_public(&item.vis) && !says(&item.attrs) && !hidden(&item.attrs) => Some(item.ident.to_string()),
        Item::Struct(item) if is_public(&item.vis) && !says(&item.attrs) && !hidden(&item.attrs) && all_public(&item.fields) => {
            Some(item.ident.to_string())
        }
        _ => None,
    };
    file.items.iter().filter_map(one).collect()
}

/// `top::…::Name` of all that users see and that is fixed.
fn found() -> BTreeSet<String> {
    let read = |directory: &str| {
        let directory = root().join(directory);
        let one = |file: PathBuf| (place_in(&directory, &file), syn::parse_file(&fs::read_to_string(&file).unwrap()).unwrap());
        sources(&directory).into_iter().map(one).collect::<Vec<_>>()
    };
    let (engine, kernels) = (read("src"), read("kernels/src"));
    let mut shown = Shown::default();
    for (place, file) in &engine {
        match place[0].as_str() {
            "lib" => shown.note(file, ""),
            module if DOCUMENTED.contains(&module) => shown.note(file, module),
            _ => {}
        }
    }
    let mut found = BTreeSet::new();
    for (place, file) in &engine {
        let documented = DOCUMENTED.contains(&place[0].as_str());
        let open = documented && place[1..].iter().all(|module| shown.has(&place[0], module));
        for name in fixed(file).into_iter().filter(|name| open || shown.has(&place[0], name)) {
            found.insert(format!("{}::{name}", place.join("::")));
        }
    }
    for (place, file) in &kernels {
        // what stands in one file and is handed on by another goes by the second one's name
        let seen = |name: &str| shown.0.iter().any(|(top, shown)| top.starts_with("kernels::") && shown == name);
        for name in fixed(file).into_iter().filter(|name| seen(name)) {
            found.insert(format!("kernels::{}::{name}", place.join("::")));
        }
    }
    found
}

#[test]
fn what_users_see_can_grow() {
    let complete: BTreeSet<String> = COMPLETE.iter().map(|(name, _)| name.to_string()).collect();
    let found = found();
    let fixed: Vec<&String> = found.difference(&complete).collect();
    assert!(fixed.is_empty(), "neither #[non_exhaustive] nor in the list of what is complete: {fixed:?}");
    let idle: Vec<&String> = complete.difference(&found).collect();
    assert!(idle.is_empty(), "in the list of what is complete, and not found: {idle:?}");
}

#[test]
fn every_kind_of_item_is_seen() {
    let fixed = |source: &str| fixed(&syn::parse_file(source).unwrap());
    assert_eq!(fixed("pub enum A { B } #[non_exhaustive] pub enum C { D } enum E { F } pub(crate) enum G { H }"), ["A"]);
    assert_eq!(fixed("pub struct A { pub b: u8 } pub struct C { pub d: u8, e: u8 } pub struct F(pub u8); pub struct G;"), ["A", "F"]);
    let shown = |source: &str, own: &str| {
        let mut shown = Shown::default();
        shown.note(&syn::parse_file(source).unwrap(), own);
        shown.0.into_iter().map(|(top, name)| format!("{top} {name}")).collect::<Vec<_>>()
    };
    assert_eq!(shown("pub use a::{B, C as D}; use e::F; pub mod g; mod h;", "own"), ["own B", "own C", "own g"]);
    assert_eq!(shown("pub use crate::expr::B; pub use flagstone_kernels::halve::H;", "own"), ["expr B", "kernels::halve H"]);
    assert_eq!(shown("pub use array::Axes; #[doc(hidden)] pub mod expr; pub mod grid;", ""), [" grid", "array Axes"]);
}
