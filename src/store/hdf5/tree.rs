//! An HDF5 file → its groups and datasets as a tree.

use super::attributes::Scales;
use super::library::{self, Id, sync};
use super::links::{Leads, links};
use super::objects;
use super::place::Place;
use super::{attributes, open};
use crate::error::Result;
use crate::store::tree::Node;
use hdf5_sys::h5i::H5I_type_t;
use std::collections::HashMap;
use std::path::Path;

/// Groups deeper than this are not listed.
const DEPTH_MAX: usize = 64;

/// Lists the object at `path` (`/` or empty: the whole file) and what is below. A dataset that is no array of numbers says
/// why; a link says where it leads, and what a soft link leads to is listed where it is itself.
///
/// # Errors
/// `Store` when the file cannot be opened, or has no such object.
pub fn tree(file: &Path, path: &str, address: &str) -> Result<Node> {
    let place = Place::of(file, address)?;
    let walked = || {
        let hdf5 = library::open_at(address, &place)?;
        let _ = library::flush(address, &hdf5);
        let (object, kind) = open::find(address, &hdf5, path)?;
        let mut walk = Walk { address, seen: HashMap::new(), scales: Scales::default() };
        Ok(match kind {
            H5I_type_t::H5I_DATASET => walk.dataset(&object, String::new()),
            _ => walk.group(&object, String::new(), path.trim_end_matches('/'), 0),
        })
    };
    sync(|| place.watch(address, walked))
}

/// What is known on the way through a file.
struct Walk<'a> {
    address: &'a str,
    /// Groups that were listed, by file and header address, and where: other names may lead there in circles.
    seen: HashMap<(u64, u64), String>,
    scales: Scales,
}

impl Walk<'_> {
    fn group(&mut self, of: &Id, name: String, path: &str, depth: usize) -> Node {
        let (found, attribute_kinds) = attributes::read(self.address, of);
        let mut node = Node { attributes: found, attribute_kinds, ..Node::new(name) };
        match library::identity(self.address, of) {
            Ok(identity) => {
                if let Some(listed) = self.seen.get(&identity) {
                    node.link = Some(format!("the group {}", if listed.is_empty() { "/" } else { listed }));
                    return node;
                }
                self.seen.insert(identity, path.to_string());
            }
            Err(e) => return node.unreadable(&self.why(&e)),
        }
        if depth == DEPTH_MAX {
            return node.unreadable(&format!("not listed: more than {DEPTH_MAX} groups deep"));
        }
        let found = match links(self.address, of) {
            Ok(found) => found,
            Err(e) => return node.unreadable(&self.why(&e)),
        };
        // What is being written is hidden.
        for link in found.into_iter().filter(|link| !(link.name.starts_with('.') && link.name.contains(".partial-"))) {
            let below = format!("{path}/{}", link.name);
            let mut child = match objects::open_object(self.address, of, &link.name) {
                // The path is listed where it is.
                Ok((_, H5I_type_t::H5I_GROUP)) if matches!(link.leads, Leads::Path(_)) => Node::new(link.name),
                Ok((object, H5I_type_t::H5I_GROUP)) => self.group(&object, link.name, &below, depth + 1),
                Ok((object, H5I_type_t::H5I_DATASET)) if attributes::is_bare_dimension(self.address, &object) => continue,
                Ok((object, H5I_type_t::H5I_DATASET)) => self.dataset(&object, link.name),
                Ok(_) if link.leads.text().is_none() => continue,
                Ok(_) => Node::new(link.name),
                Err(_) if link.leads.text().is_some() => Node::new(link.name).unreadable(link.leads.nothing()),
                Err(e) => Node::new(link.name).unreadable(&self.why(&e)),
            };
            child.link = link.leads.text().or(child.link);
            node.children.push(child);
        }
        node
    }

    fn dataset(&mut self, of: &Id, name: String) -> Node {
        let found = open::describe(self.address, of, None, &mut self.scales);
        match found.and_then(|found| open::require_decoder(self.address, &found).map(|()| found)) {
            Ok(found) => Node::array(name, found.seen()),
            Err(e) => {
                let refused = open::outline(self.address, of, self.why(&e));
                let (found, attribute_kinds) = attributes::read(self.address, of);
                Node { attributes: found, attribute_kinds, refused: Some(refused), ..Node::new(name) }
            }
        }
    }

    /// A reason without the address, which stands above the listing.
    fn why(&self, error: &crate::error::Error) -> String {
        let text = error.to_string();
        text.strip_prefix(self.address).map_or(text.clone(), |rest| rest.trim_start_matches(": ").to_string())
    }
}
