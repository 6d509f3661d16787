//! Groups and arrays of a file as a tree.

use super::{AttributeKinds, Meta};

/// A group, an array when it has `meta`, or what cannot be read when it is `refused`.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Node {
    /// Name inside its parent; empty at the root.
    pub name: String,
    /// Shape, dtype and the rest of an array.
    pub meta: Option<Meta>,
    /// What is known of something that cannot be read, and why.
    pub refused: Option<Refused>,
    /// Where the name leads, when it is a link to something that is elsewhere.
    pub link: Option<String>,
    /// Attributes of the group or array.
    pub attributes: serde_json::Map<String, serde_json::Value>,
    /// What the JSON of some of them does not say.
    pub attribute_kinds: AttributeKinds,
    /// What a group holds, by name.
    pub children: Vec<Node>,
}

/// Something that is stored and cannot be read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refused {
    /// Lengths of the axes, where they are known.
    pub shape: Option<Vec<u64>>,
    /// The element type as the file has it.
    pub dtype: Option<String>,
    /// The codec chain.
    pub codec: Option<String>,
    /// Why it is not read.
    pub why: String,
}

impl Node {
    /// A group of this name with nothing in it.
    pub(crate) fn new(name: String) -> Node {
        let (attributes, attribute_kinds) = (serde_json::Map::new(), AttributeKinds::new());
        Node { name, meta: None, refused: None, link: None, attributes, attribute_kinds, children: Vec::new() }
    }

    /// An array of this name.
    pub(crate) fn array(name: String, meta: Meta) -> Node {
        let (attributes, attribute_kinds) = (meta.attributes.clone(), meta.attribute_kinds.clone());
        Node { attributes, attribute_kinds, meta: Some(meta), ..Node::new(name) }
    }

    /// The same, with the reason why it cannot be read.
    pub(crate) fn unreadable(mut self, why: &str) -> Node {
        self.refused = Some(Refused { why: why.to_string(), ..Refused::default() });
        self
    }

    /// Paths of all arrays below, as `/group/name`; `/` for the root itself. Links inside of the file name arrays a second
    /// time: they are left out.
    pub fn arrays(&self) -> Vec<String> {
        fn visit(node: &Node, path: &str, found: &mut Vec<String>) {
            if node.meta.is_some() && !node.link.as_ref().is_some_and(|link| link.starts_with("soft")) {
                found.push(if path.is_empty() { "/".into() } else { path.into() });
            }
            for child in &node.children {
                visit(child, &format!("{path}/{}", child.name), found);
            }
        }
        let mut found = Vec::new();
        visit(self, "", &mut found);
        found
    }
}
