//! Sources → circles of files: files that need one another, so that none can be read first.
//!
//! A file needs another one where it names something that is defined there, however many re-exports lie between. What only tests
//! name does not count, and re-exporting is not needing: a `mod.rs` that shows its files to others needs none of them for it.

use super::only_for_tests;
use std::collections::{BTreeMap, BTreeSet};
use syn::visit::{self, Visit};

/// A module path from the root of the crate.
type Place = Vec<String>;

/// What one file says.
#[derive(Default)]
struct File {
    /// Items that stand in it, inner modules' too.
    defined: BTreeSet<String>,
    /// What its names stand for: (is re-exported, name or `*`, path).
    imports: Vec<(bool, String, Place)>,
    /// Paths in its code that are written from the root or by `super`, from the root.
    whole: Vec<Place>,
    /// The other paths in its code, as they are written.
    local: Vec<Place>,
}

/// Reads one file.
struct Reader {
    /// The module that is being read, the file's own and those inside of it.
    place: Place,
    /// How many of these are modules of files.
    depth: usize,
    file: File,
}

impl Reader {
    /// A path as it is written, from the root; `None` where it begins with a name that is not a module's.
    fn rooted(&self, written: &[String]) -> Option<Place> {
        let supers = written.iter().take_while(|word| *word == "super").count();
        match written.first()?.as_str() {
            "crate" => Some(written[1..].to_vec()),
            "self" => Some([&self.place, &written[1..]].concat()),
            "super" => Some([&self.place[..self.place.len().checked_sub(supers)?], &written[supers..]].concat()),
            _ => None,
        }
    }

    fn import(&mut self, tree: &syn::UseTree, before: &[String], shown: bool) {
        let path = |last: &syn::Ident| [before, &[last.to_string()]].concat();
        let (name, written) = match tree {
            syn::UseTree::Path(one) => return self.import(&one.tree, &path(&one.ident), shown),
            syn::UseTree::Group(group) => return group.items.iter().for_each(|tree| self.import(tree, before, shown)),
            syn::UseTree::Name(one) if one.ident == "self" => (before.last().cloned().unwrap_or_default(), before.to_vec()),
            syn::UseTree::Name(one) => (one.ident.to_string(), path(&one.ident)),
            syn::UseTree::Rename(one) => (one.rename.to_string(), path(&one.ident)),
            syn::UseTree::Glob(_) => ("*".to_string(), before.to_vec()),
        };
        // a path that begins with neither is one of a module below, or of another crate
        let whole = self.rooted(&written).unwrap_or_else(|| [&self.place[..], &written].concat());
        self.file.imports.push((shown, name, whole));
    }
}

impl Visit<'_> for Reader {
    fn visit_item(&mut self, item: &syn::Item) {
        let name = match item {
            syn::Item::Fn(item) => Some(&item.sig.ident),
            syn::Item::Struct(item) => Some(&item.ident),
            syn::Item::Enum(item) => Some(&item.ident),
            syn::Item::Trait(item) => Some(&item.ident),
            syn::Item::Const(item) => Some(&item.ident),
            syn::Item::Static(item) => Some(&item.ident),
            syn::Item::Type(item) => Some(&item.ident),
            syn::Item::Macro(item) => item.ident.as_ref(),
            _ => None,
        };
        self.file.defined.extend(name.map(ToString::to_string));
        visit::visit_item(self, item);
    }
    fn visit_item_mod(&mut self, module: &syn::ItemMod) {
        if module.content.is_some() && !only_for_tests(&module.attrs) {
            self.place.push(module.ident.to_string());
            visit::visit_item_mod(self, module);
            self.place.pop();
        }
    }
    fn visit_item_use(&mut self, item: &syn::ItemUse) {
        let shown = !matches!(item.vis, syn::Visibility::Inherited);
        self.import(&item.tree, &[], shown && self.place.len() == self.depth);
    }
    // who may see a thing is not what it needs
    fn visit_visibility(&mut self, _: &syn::Visibility) {}
    fn visit_path(&mut self, path: &syn::Path) {
        let written: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        match self.rooted(&written) {
            Some(path) => self.file.whole.push(path),
            None => self.file.local.push(written),
        }
        visit::visit_path(self, path);
    }
}

/// A crate's files by their modules.
struct Sources(BTreeMap<Place, File>);

impl Sources {
    /// The module of the longest part of `path` that is a file, and what is left.
    fn split<'a>(&self, path: &'a [String]) -> Option<(&'a [String], &'a [String])> {
        (0..=path.len()).rev().find(|&n| self.0.contains_key(&path[..n])).map(|n| path.split_at(n))
    }

    /// The file where what `path` names is defined.
    fn home(&self, path: &[String], hops: usize) -> Option<Place> {
        let (place, rest) = self.split(path)?;
        let file = &self.0[place];
        let Some(name) = rest.first() else { return Some(place.to_vec()) };
        if file.defined.contains(name) || hops == 0 {
            return Some(place.to_vec());
        }
        let mut shown = file.imports.iter().filter(|(shown, ..)| *shown);
        if let Some((.., to)) = shown.clone().find(|(_, shown, _)| shown == name) {
            return self.home(&[&to[..], &rest[1..]].concat(), hops - 1);
        }
        let through = |to: &Place| self.home(&[&to[..], rest].concat(), hops - 1).filter(|home| self.0[home].defined.contains(name));
        shown.find_map(|(_, shown, to)| if shown == "*" { through(to) } else { None }).or(Some(place.to_vec()))
    }

    /// The files that the file at `place` needs, each for what.
    fn needs(&self, place: &Place) -> BTreeMap<Place, String> {
        let file = &self.0[place];
        let mut paths: Vec<Place> = file.whole.clone();
        for (shown, name, to) in &file.imports {
            let is_module = self.0.contains_key(to);
            if !shown && !is_module {
                paths.push(to.clone());
            }
            // names that are reached through an imported module
            let through = file.local.iter().filter(|path| path.len() > 1 && path[0] == *name && is_module);
            paths.extend(through.map(|path| [&to[..], &path[1..]].concat()));
        }
        let home = |path: Place| {
            let (module, rest) = self.split(&path)?;
            let name = rest.first().or(module.last())?.clone();
            Some((self.home(&path, 8)?, name)).filter(|_| !module.is_empty())
        };
        paths.into_iter().filter_map(home).filter(|(home, _)| home != place).collect()
    }
}

/// What of the files (module, source) stands in a circle, a sentence for each need; what needs one of `lists` does not count: who asks a
/// list for what stands in it need not know what that is.
pub fn circles(files: &[(Place, String)], lists: &[&str]) -> Vec<String> {
    let read = |(place, source): &(Place, String)| {
        let file = syn::parse_file(source).unwrap_or_else(|error| panic!("{place:?}: {error}"));
        let mut reader = Reader { place: place.clone(), depth: place.len(), file: File::default() };
        reader.visit_file(&file);
        (place.clone(), reader.file)
    };
    let sources = Sources(files.iter().map(read).collect());
    let counts = |(other, _): &(Place, String)| !lists.contains(&&*other.join("::"));
    let needs = |place: &Place| sources.needs(place).into_iter().filter(counts).collect();
    let all: BTreeMap<&Place, BTreeMap<Place, String>> = sources.0.keys().map(|place| (place, needs(place))).collect();
    let reach = |from: &Place| {
        let (mut seen, mut next) = (BTreeSet::new(), vec![from.clone()]);
        while let Some(place) = next.pop() {
            next.extend(all[&place].keys().filter(|other| seen.insert((*other).clone())).cloned());
        }
        seen
    };
    let reached: BTreeMap<&Place, BTreeSet<Place>> = all.keys().map(|place| (*place, reach(place))).collect();
    let in_circle = |a: &Place, b: &Place| reached[a].contains(b) && reached[b].contains(a);
    let of = |(place, needs): (&&Place, &BTreeMap<Place, String>)| {
        let inside = needs.iter().filter(|(other, _)| in_circle(place, other));
        inside.map(|(other, name)| format!("{} needs {} for {name}", place.join("::"), other.join("::"))).collect::<Vec<_>>()
    };
    all.iter().flat_map(of).collect()
}

#[test]
fn a_circle_is_seen_through_re_exports_and_modules() {
    let place = |module: &str| module.split("::").map(str::to_string).collect::<Place>();
    let of = |files: &[(&str, &str)], lists: &[&str]| {
        let files: Vec<_> = files.iter().map(|(module, source)| (place(module), source.to_string())).collect();
        circles(&files, lists)
    };
    let roof = ("m", "mod a; mod b; pub use a::A; pub use b::B;");
    let circle = ["m::a needs m::b for B", "m::b needs m::a for A"];
    let (a, b) = (("m::a", "use super::B; pub struct A;"), ("m::b", "use super::A; pub struct B;"));
    assert_eq!(of(&[roof, a, b], &[]), circle);
    assert_eq!(of(&[roof, ("m::a", "use super::b; pub struct A; fn f(_: b::B) {}"), b], &[]), circle);
    assert_eq!(of(&[roof, ("m::a", "pub struct A; fn f(_: crate::m::B) {}"), b], &[]), circle);
    assert_eq!(of(&[roof, ("m::a", "pub struct A; mod inner { use super::super::B; }"), b], &[]), circle);
    let none = [""; 0];
    assert_eq!(of(&[roof, a, b], &["m::b"]), none);
    assert_eq!(of(&[roof, ("m::a", "pub(super) struct A; mod inner { use super::A; fn f(m: A) -> A { m } }"), b], &[]), none);
    assert_eq!(of(&[roof, ("m::a", "pub struct A; #[cfg(test)] mod tests { use crate::m::B; }"), b], &[]), none);
}
