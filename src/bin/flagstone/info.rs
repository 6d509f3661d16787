//! `flagstone info`: what is stored at an address.

use crate::{Failure, json, print};
use flagstone::convert;
use flagstone::error::Bytes;
use flagstone::store::{self, Meta, Node, Refused};
use serde_json::json;
use std::fmt::Write;

/// Arguments of `flagstone info`.
#[derive(clap::Args)]
pub struct Args {
    /// file.h5, file.h5:/dataset, dir.zarr, dir.zarr:/group/x, file.npy or data.bin?dtype=f4&shape=10,20
    address: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Prints the array or the tree at the address. What cannot be read is described, and then is an error.
pub fn run(args: &Args) -> Result<(), Failure> {
    let node = store::tree(&args.address)?;
    let node = if store::decoding(&args.address)?.1 { decoded(node, &args.address)? } else { node };
    let text = match (&node.meta, args.json) {
        (Some(meta), false) => array_text(&args.address, meta, stored_bytes(&args.address)),
        (Some(meta), true) => pretty(&array_json(&args.address, meta, stored_bytes(&args.address))),
        (None, false) => group_text(&args.address, &node),
        (None, true) => pretty(&group_json(&args.address, "", &node)),
    };
    print(&text)?;
    match &node.refused {
        Some(refused) => Err(Failure::Message(format!("{}: {}", args.address, refused.why))),
        None => Ok(()),
    }
}

/// What stands at the address with values in place of the numbers that stand for them, where they can be.
fn decoded(mut node: Node, address: &str) -> Result<Node, Failure> {
    if node.link.is_none()
        && let Some(meta) = &node.meta
        && let Ok(dtype) = flagstone::open(address).and_then(|array| array.dtype())
    {
        let meta = meta.clone().decoded(dtype);
        node.attributes = meta.attributes.clone();
        node.meta = Some(meta);
    }
    let children = std::mem::take(&mut node.children).into_iter();
    node.children = children
        .map(|child| convert::inside(address, &child.name).map_err(Failure::from).and_then(|at| decoded(child, &at)))
        .collect::<Result<_, _>>()?;
    Ok(node)
}

fn stored_bytes(address: &str) -> Option<u64> {
    store::open(address).ok()?.stored_bytes()
}

fn raw_bytes(meta: &Meta) -> Option<u64> {
    flagstone::grid::element_count(&meta.shape)?.checked_mul(meta.dtype.size() as u64)
}

/// The address of `path` inside of `address`.
fn inside(address: &str, path: &str) -> String {
    convert::inside(address, path).unwrap_or_else(|_| address.to_string())
}

fn lengths(shape: &[u64]) -> String {
    let text: Vec<String> = shape.iter().map(u64::to_string).collect();
    match text.as_slice() {
        [one] => format!("({one},)"),
        _ => format!("({})", text.join(", ")),
    }
}

fn array_text(address: &str, meta: &Meta, stored: Option<u64>) -> String {
    let mut out = String::new();
    let mut line = |name: &str, value: String| {
        let _ = writeln!(out, "{name:<11}{value}");
    };
    line("address", address.to_string());
    line("shape", lengths(&meta.shape));
    line("dtype", meta.dtype.to_string());
    line("chunks", meta.chunks.as_ref().map_or("contiguous".into(), |chunks| lengths(chunks)));
    if let Some(shards) = &meta.shards {
        line("shards", lengths(shards));
    }
    line("codec", meta.codec.clone());
    if let Some(fill) = meta.fill {
        line("fill", json::scalar(fill).to_string());
    }
    let raw = raw_bytes(meta);
    let size = |bytes: Option<u64>| match bytes {
        Some(bytes) if bytes < 1024 => Bytes(bytes).to_string(),
        Some(bytes) => format!("{} ({bytes} bytes)", Bytes(bytes)),
        None => "not known".to_string(),
    };
    line("raw", size(raw));
    let ratio = match (raw, stored) {
        (Some(raw), Some(stored)) if raw > stored && stored > 0 => format!(", {:.2} times smaller", raw as f64 / stored as f64),
        (Some(raw), Some(stored)) if stored > raw && raw > 0 => format!(", {:.2} times larger", stored as f64 / raw as f64),
        _ => String::new(),
    };
    line("stored", size(stored) + &ratio);
    if let Some(names) = &meta.dimension_names {
        let names: Vec<&str> = names.iter().map(|name| name.as_deref().unwrap_or("-")).collect();
        line("axes", names.join(", "));
    }
    for (name, value) in &meta.attributes {
        line("attribute", format!("{name} = {value}"));
    }
    out.trim_end().to_string()
}

fn array_json(address: &str, meta: &Meta, stored: Option<u64>) -> serde_json::Value {
    json!({
        "kind": "array", "address": address, "shape": meta.shape, "dtype": meta.dtype.name(), "chunks": meta.chunks,
        "shards": meta.shards, "codec": meta.codec, "compressed": meta.compressed, "fill": meta.fill.map(json::scalar),
        "raw_bytes": raw_bytes(meta), "stored_bytes": stored, "dimension_names": meta.dimension_names,
        "attributes": meta.attributes,
    })
}

fn group_text(address: &str, node: &Node) -> String {
    let mut out = address.to_string();
    if let Some(refused) = &node.refused {
        let _ = write!(out, "  {}", refused_text(refused));
    }
    attributes(&mut out, "", node);
    children(&mut out, "", node);
    out
}

fn children(out: &mut String, indent: &str, node: &Node) {
    for (at, child) in node.children.iter().enumerate() {
        let last = at + 1 == node.children.len();
        let _ = write!(out, "\n{indent}{}{}", if last { "└── " } else { "├── " }, child.name);
        match &child.meta {
            Some(meta) => {
                let chunks = meta.chunks.as_ref().map_or("contiguous".into(), |c| format!("chunks {}", lengths(c)));
                let _ = write!(out, "  {} {}, {chunks}, {}", lengths(&meta.shape), meta.dtype, meta.codec);
            }
            None => match &child.refused {
                Some(refused) => {
                    let _ = write!(out, "  {}", refused_text(refused));
                }
                None if child.link.is_some() => {}
                None => out.push('/'),
            },
        }
        if let Some(link) = &child.link {
            let _ = write!(out, "  -> {link}");
        }
        let deeper = format!("{indent}{}", if last { "    " } else { "│   " });
        attributes(out, &deeper, child);
        children(out, &deeper, child);
    }
}

/// What is known of something that cannot be read, and why it is not.
fn refused_text(refused: &Refused) -> String {
    let shape = refused.shape.as_ref().map(|shape| lengths(shape));
    let array: Vec<String> = shape.into_iter().chain(refused.dtype.clone()).collect();
    let known: Vec<String> = Some(array.join(" ")).filter(|text| !text.is_empty()).into_iter().chain(refused.codec.clone()).collect();
    let known = if known.is_empty() { String::new() } else { format!("{}: ", known.join(", ")) };
    format!("{known}cannot be read: {}", refused.why)
}

fn attributes(out: &mut String, indent: &str, node: &Node) {
    for (name, value) in &node.attributes {
        let _ = write!(out, "\n{indent}  @{name} = {value}");
    }
}

fn group_json(address: &str, path: &str, node: &Node) -> serde_json::Value {
    let child = |child: &Node| {
        let path = format!("{path}/{}", child.name);
        let mut value = match &child.meta {
            Some(meta) => {
                let address = inside(address, &path);
                array_json(&address, meta, stored_bytes(&address))
            }
            None => group_json(address, &path, child),
        };
        if let Some(link) = &child.link {
            value["link"] = json!(link);
        }
        value["name"] = json!(child.name);
        value
    };
    if let Some(refused) = &node.refused {
        return json!({
            "kind": "unreadable", "address": inside(address, path), "shape": refused.shape, "dtype": refused.dtype,
            "codec": refused.codec, "why": refused.why, "attributes": node.attributes,
        });
    }
    json!({
        "kind": "group", "address": inside(address, path), "attributes": node.attributes,
        "children": node.children.iter().map(child).collect::<Vec<_>>(),
    })
}

fn pretty(value: &serde_json::Value) -> String {
    format!("{value:#}")
}
