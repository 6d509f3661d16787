//! The table of docs/architecture.md holds: every path in the sources goes where the table lets it, and
//! everything that the table allows is made use of.

mod circles;
mod growing;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use syn::visit::{self, Visit};

/// What any module may use.
const VOCABULARY: [&str; 4] = ["error", "events", "budget", "sizes"];

/// Module, or `kernels::module` → where it is used.
type Uses = BTreeMap<String, BTreeSet<String>>;

/// Collects the paths of one file that leave its top-level module.
struct Paths {
    /// Modules from the root to the place, the file's own first.
    place: Vec<String>,
    found: BTreeSet<String>,
}

impl Paths {
    /// `segments` as written, from its first word on.
    fn note(&mut self, segments: &[String]) {
        let supers = segments.iter().take_while(|word| *word == "super").count();
        let mut names = segments.iter().map(String::as_str);
        match segments.first().map(String::as_str) {
            Some("crate") => drop(names.next()),
            Some("flagstone_kernels") => {
                if let Some(module) = segments.get(1) {
                    self.found.insert(format!("kernels::{module}"));
                }
                return;
            }
            Some("super") if supers >= self.place.len() => drop(names.nth(supers - 1)),
            _ => return,
        }
        // what the root re-exports comes from these
        let module = match names.next() {
            None => return,
            Some("Result" | "Error") => "error",
            Some("idx" | "Array") => "array",
            Some("DType" | "Element" | "Scalar") => "kernels::dtype",
            Some(module) => module,
        };
        if self.place.first().is_none_or(|own| own != module) {
            self.found.insert(module.to_string());
        }
    }

    fn tree(&mut self, tree: &syn::UseTree, before: &mut Vec<String>) {
        match tree {
            syn::UseTree::Path(path) => {
                before.push(path.ident.to_string());
                self.tree(&path.tree, before);
                before.pop();
            }
            syn::UseTree::Group(group) => group.items.iter().for_each(|item| self.tree(item, before)),
            syn::UseTree::Name(syn::UseName { ident }) | syn::UseTree::Rename(syn::UseRename { ident, .. }) => {
                before.push(ident.to_string());
                self.note(before);
                before.pop();
            }
            syn::UseTree::Glob(_) => self.note(before),
        }
    }
}

fn only_for_tests(attributes: &[syn::Attribute]) -> bool {
    let test = |attribute: &syn::Attribute| {
        attribute.path().is_ident("cfg") && attribute.parse_args::<syn::Path>().is_ok_and(|p| p.is_ident("test"))
    };
    attributes.iter().any(test)
}

impl Visit<'_> for Paths {
    fn visit_item_mod(&mut self, module: &syn::ItemMod) {
        if !only_for_tests(&module.attrs) {
            self.place.push(module.ident.to_string());
            visit::visit_item_mod(self, module);
            self.place.pop();
        }
    }
    fn visit_item_use(&mut self, item: &syn::ItemUse) {
        self.tree(&item.tree, &mut Vec::new());
    }
    fn visit_path(&mut self, path: &syn::Path) {
        self.note(&path.segments.iter().map(|segment| segment.ident.to_string()).collect::<Vec<_>>());
        visit::visit_path(self, path);
    }
    fn visit_macro(&mut self, call: &syn::Macro) {
        // tokens have no syntax yet: words and `::` are enough to find paths
        let text = call.tokens.to_string().replace(" :: ", "::").replace(":: ", "::").replace(" ::", "::");
        for word in text.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':')) {
            let segments: Vec<String> = word.split("::").map(str::to_string).collect();
            if segments.len() > 1 {
                self.note(&segments);
            }
        }
        visit::visit_macro(self, call);
    }
}

/// What `source`, the file of module `place`, uses outside of its top-level module.
fn uses(place: &[&str], source: &str) -> BTreeSet<String> {
    let file = syn::parse_file(source).unwrap_or_else(|error| panic!("{place:?}: {error}"));
    let mut paths = Paths { place: place.iter().map(ToString::to_string).collect(), found: BTreeSet::new() };
    paths.visit_file(&file);
    paths.found
}

fn root() -> PathBuf {
    PathBuf::from(".")
}

/// Every .rs file under `directory`, except those that are tests as a whole.
fn sources(directory: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display())) {
        let path = entry.unwrap().path();
        if path.is_dir() && path.file_name().is_some_and(|name| name != "tests") {
            files.extend(sources(&path));
        } else if path.extension().is_some_and(|ext| ext == "rs") && path.file_name().is_some_and(|name| name != "tests.rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// The modules from the root to a file of `src`.
fn place_of(file: &Path) -> Vec<String> {
    place_in(&root().join("src"), file)
}

/// The modules from the root of a crate, whose sources stand in `directory`, to a file.
fn place_in(directory: &Path, file: &Path) -> Vec<String> {
    let inside = file.strip_prefix(directory).unwrap().with_extension("");
    let mut place: Vec<String> = inside.iter().map(|part| part.to_string_lossy().into_owned()).collect();
    if place.last().is_some_and(|last| last == "mod") {
        place.pop();
    }
    place
}

/// Top-level module → what it uses, and where.
fn used() -> BTreeMap<String, Uses> {
    let mut all: BTreeMap<String, Uses> = BTreeMap::new();
    for file in sources(&root().join("src")) {
        let place = place_of(&file);
        if matches!(place[0].as_str(), "lib" | "bin") {
            continue;
        }
        let names: Vec<&str> = place.iter().map(String::as_str).collect();
        let of_module = all.entry(place[0].clone()).or_default();
        for name in uses(&names, &fs::read_to_string(&file).unwrap()) {
            of_module.entry(name).or_default().insert(place.join("::"));
        }
    }
    all
}

/// The table of the page: module → what it may use.
fn table() -> BTreeMap<String, BTreeSet<String>> {
    let page = fs::read_to_string(root().join("docs/architecture.md")).unwrap();
    let section = page.split("## Which may use which").nth(1).expect("the page has the heading of the table");
    let rows = section.lines().skip_while(|line| !line.starts_with("|---")).skip(1).take_while(|line| line.starts_with('|'));
    rows.map(|row| {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let names = |cell: &str| cell.split('`').skip(1).step_by(2).map(str::to_string).collect::<Vec<_>>();
        let module = names(cells[1]).pop().unwrap_or_else(|| panic!("a row without a module: {row}"));
        (module, names(cells[2]).into_iter().collect())
    })
    .collect()
}

fn allows(allowed: &BTreeSet<String>, name: &str) -> bool {
    let whole = name.split("::").next().unwrap_or(name);
    VOCABULARY.contains(&name) || allowed.contains(name) || allowed.contains(whole)
}

#[test]
fn every_module_uses_only_what_the_table_allows() {
    let table = table();
    let mut wrong = Vec::new();
    for (module, uses) in used() {
        let Some(allowed) = table.get(&module).or_else(|| VOCABULARY.contains(&module.as_str()).then(|| &table["error"])) else {
            wrong.push(format!("{module} has no row in the table"));
            continue;
        };
        for (name, places) in uses.iter().filter(|(name, _)| !allows(allowed, name)) {
            wrong.push(format!("{module} may not use {name}: {places:?}"));
        }
    }
    assert!(wrong.is_empty(), "docs/architecture.md says otherwise:\n{}", wrong.join("\n"));
}

#[test]
fn the_table_allows_nothing_that_is_not_used() {
    let used = used();
    for (module, allowed) in table() {
        let Some(uses) = used.get(&module) else {
            assert!(VOCABULARY.contains(&module.as_str()) || module == "kernels", "the table has a row for {module}, which is no module");
            continue;
        };
        let unused = |name: &&String| !uses.keys().any(|found| found == *name || found.split("::").next() == Some(name));
        let idle: Vec<_> = allowed.iter().filter(unused).collect();
        assert!(idle.is_empty(), "{module} does not use {idle:?}: take it out of the table");
    }
}

#[test]
fn no_module_needs_itself() {
    let table = table();
    // take away what needs nothing that is left, until nothing is left
    let mut left: BTreeSet<&String> = table.keys().collect();
    loop {
        let free: Vec<&String> = left.iter().copied().filter(|module| table[*module].iter().all(|name| !left.contains(name))).collect();
        if free.is_empty() {
            break;
        }
        left.retain(|module| !free.contains(module));
    }
    assert!(left.is_empty(), "a circle in the table among {left:?}");
}

/// The lists of all operations: what each operation is asked goes through them, and they name every operation.
const LISTS: [&str; 2] = ["expr::op", "blocked::operations"];

#[test]
fn no_file_needs_itself() {
    for (directory, lists) in [("src", &LISTS[..]), ("kernels/src", &[])] {
        let file = |file: PathBuf| {
            let place = place_in(&root().join(directory), &file);
            (!matches!(place[0].as_str(), "lib" | "bin")).then(|| (place, fs::read_to_string(&file).unwrap()))
        };
        let files: Vec<_> = sources(&root().join(directory)).into_iter().filter_map(file).collect();
        let found = circles::circles(&files, lists);
        assert!(found.is_empty(), "circles of files in {directory}:\n{}", found.join("\n"));
    }
}

#[test]
fn kernels_know_neither_files_nor_the_engine_and_threads_in_one_place() {
    for file in sources(&root().join("kernels/src")) {
        let source = fs::read_to_string(&file).unwrap();
        let threads: &[&str] = if file.ends_with("crew.rs") { &[] } else { &["std::thread", "rayon"] };
        for word in ["std::fs", "std::net", "flagstone::"].iter().chain(threads) {
            let code = source.lines().filter(|line| !line.trim_start().starts_with("//"));
            assert!(!code.into_iter().any(|line| line.contains(word)), "{} names {word}", file.display());
        }
    }
}

#[test]
fn programs_use_the_public_interface() {
    for directory in ["data-gen/src", "examples", "src/bin", "tests/downstream/src"] {
        for file in sources(&root().join(directory)) {
            let source = fs::read_to_string(&file).unwrap();
            assert!(!source.contains("flagstone_kernels"), "{} reaches past the public interface", file.display());
        }
    }
}

/// The operations of the graph, each with the file of `src/array` that has its methods.
const OPERATIONS: [(&str, &str); 32] = [
    ("Source", "io"),
    ("Full", "creation"),
    ("Generate", "creation"),
    ("Resident", "run"),
    ("Function", "blocks"),
    ("Elementwise", "elementwise"),
    ("View", "manipulate"),
    ("Reduce", "reduce"),
    ("Concatenate", "manipulate"),
    ("Rechunk", "manipulate"),
    ("Cumulative", "cumulative"),
    ("Contraction", "contract"),
    ("Mask", "indexing"),
    ("Quantile", "sorting"),
    ("Lanes", "lanes"),
    ("Merge", "sorting"),
    ("Lookup", "sorting"),
    ("RowsAt", "lookup"),
    ("ElementsAt", "lookup"),
    ("Tally", "sorting"),
    ("Grouped", "groups"),
    ("Reshape", "manipulate"),
    ("Deferred", "counted"),
    ("Spread", "counted"),
    ("Output", "linalg"),
    ("Factor", "linalg"),
    ("Apply", "linalg"),
    ("TallQr", "linalg"),
    ("RowsOver", "linalg"),
    ("Dense", "linalg"),
    ("Eigh", "linalg"),
    ("Svd", "linalg"),
];

/// Files that name an operation outside of its homes: what has to be read, and may have to be changed, when one is
/// added or changed. The number only goes down.
const NAMED_ELSEWHERE_MAX: usize = 44;

/// `TallQr` as `tall_qr`.
fn snake_case(name: &str) -> String {
    let letters = name.char_indices().flat_map(|(at, c)| (at > 0 && c.is_uppercase()).then_some('_').into_iter().chain(c.to_lowercase()));
    letters.collect()
}

/// Whether the code of `source`, its tests aside, names the operation as `Op::…` or `ops::…`.
fn names_operation(source: &str, operation: &str) -> bool {
    let code = source.split("#[cfg(test)]\nmod tests {").next().unwrap_or(source);
    let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    let ends = |rest: &str| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_');
    lines.into_iter().any(|line| {
        ["Op::", "ops::"].iter().any(|prefix| {
            let name = format!("{prefix}{operation}");
            let mut found = line.match_indices(&name);
            found.any(|(at, _)| {
                let before = line[..at].chars().next_back();
                ends(&line[at + name.len()..]) && !before.is_some_and(|c| c.is_alphanumeric() || c == '_')
            })
        })
    })
}

#[test]
fn an_operation_is_named_in_its_homes() {
    let files: Vec<(PathBuf, String)> =
        sources(&root().join("src")).into_iter().map(|file| (file.clone(), fs::read_to_string(file).unwrap())).collect();
    let mut total = 0;
    for (operation, methods) in OPERATIONS {
        let stem = snake_case(operation);
        let elsewhere = |(file, source): &&(PathBuf, String)| {
            let place = place_of(file);
            let lists = [["expr", "op"], ["blocked", "operations"], ["array", "table"]];
            let home = place.last() == Some(&stem)
                || lists.iter().any(|list| place == *list)
                || place.starts_with(&["array".to_string(), methods.to_string()]);
            !home && names_operation(source, operation)
        };
        let found: Vec<String> = files.iter().filter(elsewhere).map(|(file, _)| place_of(file).join("::")).collect();
        println!("{operation}: {} {found:?}", found.len());
        total += found.len();
    }
    assert!(total <= NAMED_ELSEWHERE_MAX, "operations are named in {total} files that are not theirs, {NAMED_ELSEWHERE_MAX} before");
    // every operation of the graph is counted
    let list = fs::read_to_string(root().join("src/expr/op.rs")).unwrap();
    let listed = list.split("operations! {").nth(1).and_then(|rest| rest.split("\n}").next()).expect("op.rs has the list of operations");
    let listed: BTreeSet<&str> = listed.lines().filter_map(|line| line.trim().strip_suffix(',')).filter(|l| !l.starts_with("//")).collect();
    assert_eq!(listed, OPERATIONS.iter().map(|(name, _)| *name).collect());
}

/// Whole numbers that modules above the kernels have by themselves: none cuts work. What does stands in `src/sizes.rs`.
const NUMBERS: [(&str, &[&str]); 6] = [
    // how deep or long a program may be; pieces of a view; texts of results
    (
        "array",
        &[
            "PIECES_MAX",
            "BLOCK_BYTES",
            "LIMIT_SHARE",
            "BOXES_MAX",
            "BUFFERS_PART",
            "HALVINGS_MAX",
            "FORM",
            "PIECE_BYTES",
            "SQUARES_MAX",
            "THRESHOLD",
            "TRIES_MAX",
            "EDGE",
            "LINE",
            "LIST_PIECES_MAX",
            "TABLE_PIECES_MIN",
            "AT_HAND_MAX",
            "AT_HAND_PIECES_MAX",
            "TOLD_MAX",
            "TOLD_BYTES",
            "CHIRP_MAX",
            "GROUPED_MIN",
            "PIECES_OF_SLICE_MAX",
            "REPEATED_PIECES_MAX",
            "VANDER_COLUMNS_MAX",
        ],
    ),
    ("expr", &["RUN_BLOCK_BYTES", "DEAR", "VALUES_MAX_BYTES"]),
    ("optimize", &["CHEAP_OPERATIONS_MAX"]),
    // what a program may hold; how keys are taken apart; rounding of the allocator
    (
        "blocked",
        &[
            "STEPS_MAX",
            "ALIGN",
            "COMPARED_MAX",
            "DECODING",
            "DEPTHS_TRIED",
            "SMALLER_MAX",
            "BITS",
            "READS_MAX",
            "STACK_LEFT_BYTES",
            "STACK_BYTES",
            "WINDOWS_FEW",
            "ROUNDING_BYTES",
            "THIN",
            "PACKED_COLUMNS",
            "TRIANGLES",
        ],
    ),
    ("scheduler", &["TASK_BYTES", "KEY_BYTES", "PASSED_OVER_MAX"]),
    ("runtime", &["LOWEST", "PART"]),
];

#[test]
fn sizes_that_cut_work_stand_in_one_file() {
    for (module, known) in NUMBERS {
        let mut found = BTreeSet::new();
        for file in sources(&root().join("src").join(module)) {
            if file.ends_with("tests.rs") {
                continue;
            }
            let source = fs::read_to_string(&file).unwrap();
            for item in syn::parse_file(&source).unwrap().items {
                let syn::Item::Const(constant) = item else { continue };
                let syn::Type::Path(ty) = &*constant.ty else { continue };
                let whole = ["u64", "usize", "u32", "i64"].iter().any(|name| ty.path.is_ident(name));
                // places in a list of products, and the like
                let is_place = matches!(&*constant.expr, syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Int(n), .. }) if n.base10_digits().len() == 1)
                    && ty.path.is_ident("usize");
                if whole && !is_place {
                    found.insert(constant.ident.to_string());
                }
            }
        }
        let known: BTreeSet<String> = known.iter().map(|name| name.to_string()).collect();
        assert_eq!(
            found, known,
            "{module}: a size that cuts work belongs into src/sizes.rs, with its reason; another number into this list"
        );
    }
}

#[test]
fn names_of_operations_are_seen_where_they_stand() {
    assert!(names_operation("    Op::View(_) => 1,", "View") && names_operation("ops::View { arg }.into()", "View"));
    for other in ["StepOp::View", "Op::Viewed", "Op::Full", "// Op::View", "#[cfg(test)]\nmod tests {\n    Op::View"] {
        assert!(!names_operation(other, "View"), "{other}");
    }
}

#[test]
fn examples_are_short() {
    for file in sources(&root().join("examples")) {
        let lines = fs::read_to_string(&file).unwrap().lines().count();
        assert!(lines <= 25, "{} has {lines} lines; an example has at most 25", file.display());
    }
}

#[test]
fn the_first_line_of_a_module_says_what_goes_in_and_what_comes_out() {
    for file in ["src", "kernels/src"].iter().flat_map(|directory| sources(&root().join(directory))) {
        if file.ends_with("mod.rs") {
            let source = fs::read_to_string(&file).unwrap();
            let first = source.lines().next().unwrap_or_default();
            let says = first.starts_with("//! ") && (first.contains('→') || first.contains('↔'));
            assert!(says, "{}: line 1 is {first:?}; expected //! In → Out.", file.display());
        }
    }
}

#[test]
fn every_way_to_write_a_path_is_seen() {
    let found = |source| uses(&["expr", "op"], source).into_iter().collect::<Vec<_>>();
    assert_eq!(found("use crate::{store::Store, grid::{Region, Span}};"), ["grid", "store"]);
    assert_eq!(found("use super::super::memory::Pool;"), ["memory"]);
    assert_eq!(found("fn f() -> crate::runtime::Runtime { todo!() }"), ["runtime"]);
    assert_eq!(found("fn f() { vec![crate::scheduler::run(1)]; }"), ["scheduler"]);
    assert_eq!(found("use flagstone_kernels::copy::copy_view;"), ["kernels::copy"]);
    assert_eq!(found("use crate::Array;"), ["array"]);
    assert_eq!(found("mod inner { use super::super::super::plan::Stage; use super::super::Node; }"), ["plan"]);
    // its own module, and what only tests use
    assert_eq!(found("use crate::expr::Node; use super::Node; #[cfg(test)] mod tests { use crate::runtime::Runtime; }"), [""; 0]);
}
