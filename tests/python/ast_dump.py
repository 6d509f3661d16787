"""Prints Python's own reading of expressions, one bracketed line each, as flagstone::eval dumps its trees.

Input: a JSON list of texts on stdin. Output: a JSON list of strings, or null where Python refuses the text.
"""

import ast
import json
import struct
import sys

BINARY = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.FloorDiv: "//", ast.Mod: "%", ast.Pow: "**",
    ast.MatMult: "@", ast.BitAnd: "&", ast.BitOr: "|", ast.BitXor: "^", ast.LShift: "<<", ast.RShift: ">>",
}
COMPARE = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!="}
UNARY = {ast.USub: "-", ast.UAdd: "+", ast.Invert: "~"}


def bits(x):
    return struct.pack(">d", x).hex()


def constant(value):
    if value is None or value is True or value is False:
        return str(value)
    if value is ...:
        return "..."
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return "f" + bits(value)
    if isinstance(value, complex):
        return "j" + bits(value.imag)
    return json.dumps(value)


def dump(node):
    match node:
        case ast.Constant(value=value):
            return constant(value)
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=of, attr=name):
            return f"(. {dump(of)} {name})"
        case ast.Call(func=func, args=args, keywords=keywords):
            parts = [dump(func)] + [dump(a) for a in args] + [f"{k.arg}={dump(k.value)}" for k in keywords]
            return f"(call {' '.join(parts)})"
        case ast.Subscript(value=of, slice=index):
            return f"([] {dump(of)} {dump(index)})"
        case ast.Slice(lower=a, upper=b, step=c):
            return "(: " + " ".join("_" if p is None else dump(p) for p in (a, b, c)) + ")"
        case ast.Tuple(elts=items):
            return "(" + " ".join(["tuple"] + [dump(i) for i in items]) + ")"
        case ast.List(elts=items):
            return "(" + " ".join(["list"] + [dump(i) for i in items]) + ")"
        case ast.UnaryOp(op=ast.Not(), operand=arg):
            return f"(not {dump(arg)})"
        case ast.UnaryOp(op=op, operand=arg):
            return f"(u{UNARY[type(op)]} {dump(arg)})"
        case ast.BinOp(left=left, op=op, right=right):
            return f"({BINARY[type(op)]} {dump(left)} {dump(right)})"
        case ast.Compare(left=left, ops=ops, comparators=rest):
            tail = "".join(f" {COMPARE[type(op)]} {dump(arg)}" for op, arg in zip(ops, rest))
            return f"(cmp {dump(left)}{tail})"
        case ast.BoolOp(op=op, values=values):
            name = "and" if isinstance(op, ast.And) else "or"
            return f"({name} {' '.join(dump(v) for v in values)})"
        case ast.Expr(value=value):
            return dump(value)
        case ast.Assign(targets=targets, value=value):
            return f"(= {' '.join(dump(t) for t in targets)} {dump(value)})"
    raise ValueError(f"no bracketed form of {ast.dump(node)}")


def read(text):
    try:
        return "; ".join(dump(s) for s in ast.parse(text).body)
    except SyntaxError:
        return None


json.dump([read(text) for text in json.load(sys.stdin)], sys.stdout)
