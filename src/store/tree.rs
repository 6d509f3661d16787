//! Groups and arrays of a file as a tree.

use super::Meta;

/// A group, or an array when it has `meta`.
#[derive(Clone, Debug)]
pub struct Node {
    /// Name inside its parent; empty at the root.
    pub name: String,
    /// Shape, dtype and the rest of an array.
    pub meta: Option<Meta>,
    /// Attributes of the group or array.
    pub attributes: serde_json::Map<String, serde_json::Value>,
    /// What a group holds, by name.
    pub children: Vec<Node>,
}

impl Node {
    /// Paths of all arrays below, as `/group/name`; `/` for the root itself.
    pub fn arrays(&self) -> Vec<String> {
        fn visit(node: &Node, path: &str, found: &mut Vec<String>) {
            if node.meta.is_some() {
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
