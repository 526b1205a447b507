//! The rooms of the worker, compared with the table of ARCHITECTURE.md: which room may use which, and no circle of
//! files; and no circle of rooms in `shared`. What counts are the paths in a file: what is in a macro is not seen, nor
//! who defines a method that is called.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what the lints allow in tests, in what the tests share"
)]

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use syn::{
    Attribute, Item, ItemMod, ItemUse, UseTree,
    visit::{self, Visit},
};

/// A module by its names from the root of the crate: `db`, `import`.
type Module = Vec<String>;

/// Libraries that only one room may name.
const KEPT: [(&str, &str); 3] = [("lapin", "broker"), ("sqlx", "db"), ("aws_sdk_s3", "storage")];

struct Source {
    path: PathBuf,
    syntax: syn::File,
}

/// The modules of a crate, by the folder of the workspace that it is in.
fn sources(package: &str) -> BTreeMap<Module, Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .join(package)
        .join("src");
    let (mut found, mut folders) = (BTreeMap::new(), vec![root.clone()]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            if path.extension().is_none_or(|extension| extension != "rs") {
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            let syntax = syn::parse_file(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            let relative = path.strip_prefix(&root).unwrap().with_extension("");
            let mut module: Module = relative
                .iter()
                .map(|part| part.to_string_lossy().into_owned())
                .collect();
            if module.last().is_some_and(|name| name == "mod") {
                module.pop();
            }
            if !["main", "lib"].contains(&module.concat().as_str()) {
                found.insert(module, Source { path, syntax });
            }
        }
    }
    found
}

/// All paths that a file names, tests excepted.
#[derive(Default)]
struct Paths(Vec<Vec<String>>);

impl<'ast> Visit<'ast> for Paths {
    fn visit_path(&mut self, path: &'ast syn::Path) {
        self.0
            .push(path.segments.iter().map(|part| part.ident.to_string()).collect());
        visit::visit_path(self, path);
    }

    // `pub(super)` names no file that is used.
    fn visit_visibility(&mut self, _: &'ast syn::Visibility) {}

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        let mut named = Vec::new();
        spread(&item.tree, &mut Vec::new(), &mut named);
        self.0.extend(named.into_iter().map(|(_, path)| path));
    }

    fn visit_item_mod(&mut self, item: &'ast ItemMod) {
        if !is_test(&item.attrs) {
            visit::visit_item_mod(self, item);
        }
    }
}

fn is_test(attributes: &[Attribute]) -> bool {
    let is_test = |attribute: &Attribute| {
        attribute.path().is_ident("cfg")
            && attribute
                .parse_args::<syn::Ident>()
                .is_ok_and(|what| what == "test")
    };
    attributes.iter().any(is_test)
}

/// The paths of a tree, each with the name that it has afterwards.
fn spread(tree: &UseTree, before: &mut Vec<String>, paths: &mut Vec<(String, Vec<String>)>) {
    let mut with = |name: &syn::Ident, afterwards: &syn::Ident| {
        let last = (name != "self").then(|| name.to_string());
        paths.push((
            afterwards.to_string(),
            before.iter().cloned().chain(last).collect(),
        ));
    };
    match tree {
        UseTree::Path(path) => {
            before.push(path.ident.to_string());
            spread(&path.tree, before, paths);
            before.pop();
        }
        UseTree::Name(name) => with(&name.ident, &name.ident),
        UseTree::Rename(rename) => with(&rename.ident, &rename.rename),
        UseTree::Glob(_) => paths.push(("*".to_owned(), before.clone())),
        UseTree::Group(group) => group.items.iter().for_each(|tree| spread(tree, before, paths)),
    }
}

/// The file that holds what a path names, seen from a module; `None` if it is not one of ours.
fn file_of(path: &[String], from: &Module, sources: &BTreeMap<Module, Source>) -> Option<Module> {
    let first = path.first()?;
    let (mut module, mut rest) = match first.as_str() {
        "crate" => (Module::new(), &path[1..]),
        "self" => (from.clone(), &path[1..]),
        "super" => {
            let ups = path.iter().take_while(|part| *part == "super").count();
            (from[..from.len() - ups].to_vec(), &path[ups..])
        }
        child if sources.contains_key(&[from.as_slice(), &[child.to_owned()]].concat()) => {
            (from.clone(), path)
        }
        _ => return None,
    };
    while let Some((next, after)) = rest.split_first() {
        let child = [module.as_slice(), std::slice::from_ref(next)].concat();
        if sources.contains_key(&child) {
            (module, rest) = (child, after);
            continue;
        }
        // Not defined here but re-exported: it is where it is defined.
        let handed_on = sources.get(&module).and_then(|source| {
            let mut paths = Vec::new();
            for item in &source.syntax.items {
                if let Item::Use(item) = item
                    && !matches!(item.vis, syn::Visibility::Inherited)
                {
                    spread(&item.tree, &mut Vec::new(), &mut paths);
                }
            }
            paths.into_iter().find(|(name, _)| name == next)
        });
        return match handed_on {
            Some((_, path)) => file_of(&path, &module, sources),
            None => Some(module),
        };
    }
    Some(module)
}

fn arrows(sources: &BTreeMap<Module, Source>) -> BTreeMap<Module, BTreeSet<Module>> {
    let used = |(module, source): (&Module, &Source)| {
        let mut paths = Paths::default();
        paths.visit_file(&source.syntax);
        let files = paths.0.iter().filter_map(|path| file_of(path, module, sources));
        (
            module.clone(),
            files.filter(|file| file != module && !file.is_empty()).collect(),
        )
    };
    sources.iter().map(used).collect()
}

/// The table of rooms: each with the rooms that it uses, the uppermost first.
fn table() -> Vec<(String, BTreeSet<String>)> {
    let text =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../ARCHITECTURE.md")).unwrap();
    let quoted = |cell: &str| {
        cell.split('`')
            .skip(1)
            .step_by(2)
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    text.lines()
        .skip_while(|line| !line.starts_with("| room |"))
        .skip(2)
        .take_while(|line| line.starts_with('|'))
        .map(|line| {
            let cells: Vec<&str> = line.trim_matches('|').split('|').collect();
            (quoted(cells[0]).remove(0), quoted(cells[2]).into_iter().collect())
        })
        .collect()
}

#[test]
fn each_room_uses_the_rooms_that_the_table_of_the_architecture_names_and_all_of_them_stand_below_it() {
    let sources = sources("worker");
    let mut used = BTreeMap::<String, BTreeSet<String>>::new();
    for (module, targets) in arrows(&sources) {
        let rooms = used.entry(module[0].clone()).or_default();
        rooms.extend(
            targets
                .into_iter()
                .map(|target| target[0].clone())
                .filter(|room| *room != module[0]),
        );
    }
    let table = table();
    assert_eq!(table.iter().cloned().collect::<BTreeMap<_, _>>(), used);
    for (index, (room, uses)) in table.iter().enumerate() {
        let below: BTreeSet<String> = table[index + 1..].iter().map(|(room, _)| room.clone()).collect();
        assert!(uses.is_subset(&below), "{room} stands below a room that it uses");
    }
}

#[test]
fn no_files_use_each_other_in_a_circle() {
    assert_no_circle(arrows(&sources("worker")));
}

#[test]
fn no_rooms_of_shared_use_each_other_in_a_circle() {
    let mut rooms = BTreeMap::<String, BTreeSet<String>>::new();
    for (module, targets) in arrows(&sources("shared")) {
        let others = targets.into_iter().map(|target| target[0].clone());
        rooms
            .entry(module[0].clone())
            .or_default()
            .extend(others.filter(|other| *other != module[0]));
    }
    assert!(rooms.len() > 10, "{rooms:#?}");
    assert_no_circle(rooms);
}

fn assert_no_circle<Name: Ord + Clone + std::fmt::Debug>(mut arrows: BTreeMap<Name, BTreeSet<Name>>) {
    // Whatever uses nothing that is left cannot be part of a circle.
    loop {
        let before = arrows.len();
        let left: BTreeSet<Name> = arrows.keys().cloned().collect();
        arrows.retain(|_, targets| targets.iter().any(|target| left.contains(target)));
        if arrows.len() == before {
            break;
        }
    }
    assert!(arrows.is_empty(), "{arrows:#?}");
}

#[test]
fn a_step_knows_no_other_step() {
    let steps = |module: &Module| module.len() == 2 && module[0] == "steps" && module[1] != "event";
    for (module, targets) in arrows(&sources("worker"))
        .iter()
        .filter(|(module, _)| steps(module))
    {
        assert!(!targets.iter().any(steps), "{module:?} uses {targets:?}");
    }
}

#[test]
fn each_server_has_one_room_that_names_its_library() {
    for (module, source) in &sources("worker") {
        let mut paths = Paths::default();
        paths.visit_file(&source.syntax);
        for (library, room) in KEPT {
            let names = paths
                .0
                .iter()
                .any(|path| path.first().is_some_and(|name| name == library));
            assert!(
                !names || module[0] == room,
                "{} names {library}",
                source.path.display()
            );
        }
    }
}
