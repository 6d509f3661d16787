//! The parser reads as Python reads: random texts, compared tree by tree with Python's own `ast` module.

use flagstone::eval::parse;
use std::io::Write;
use std::process::{Command, Stdio};

/// A small generator of texts: the numbers of a linear congruence choose the forms.
struct Texts(u64);

impl Texts {
    fn pick(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) % n
    }

    fn one<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.pick(from.len() as u64) as usize]
    }

    fn atom(&mut self) -> String {
        let atoms = [
            "x",
            "y",
            "_a1",
            "1",
            "0",
            "1_000",
            "0x1F",
            "0b11",
            "1.",
            ".5",
            "1e3",
            "2.5E-3",
            "1j",
            "3.5J",
            "True",
            "False",
            "None",
            "...",
            "'text'",
            "\"a\" 'b'",
            "r'\\d'",
            "'\\n\\x41'",
            "np.pi",
            "18446744073709551615",
        ];
        self.one(&atoms).to_string()
    }

    fn expression(&mut self, depth: u32) -> String {
        if depth == 0 {
            return self.atom();
        }
        let next = depth - 1;
        let binary =
            ["+", "-", "*", "/", "//", "%", "@", "**", "&", "|", "^", "<<", ">>", "<", "<=", ">", ">=", "==", "!=", " and ", " or "];
        match self.pick(16) {
            0..=6 => {
                let op = self.one(&binary);
                let space = self.one(&["", " ", "  "]);
                format!("{}{space}{op}{space}{}", self.expression(next), self.expression(next))
            }
            7 | 8 => format!("{}{}", self.one(&["-", "+", "~", "not "]), self.expression(next)),
            9 => format!("({})", self.expression(next)),
            10 => format!("f({}, axis={})", self.expression(next), self.expression(next)),
            11 => format!("(x).mean({},)", self.expression(next)),
            12 => format!("x[{}:, ::{}, {}]", self.expression(next), self.expression(next), self.expression(next)),
            13 => format!("({}, {})", self.expression(next), self.expression(next)),
            14 => format!("[{}, {},].T", self.expression(next), self.expression(next)),
            _ => format!("x[{}]", self.expression(next)),
        }
    }

    fn statement(&mut self) -> String {
        match self.pick(6) {
            0 => format!("q, r = {}; {}", self.expression(2), self.expression(2)),
            1 => format!("a = b = {}\n{}", self.expression(2), self.expression(1)),
            2 => format!("{}, {}", self.expression(2), self.expression(2)),
            _ => self.expression(4),
        }
    }
}

#[test]
fn trees_are_those_of_python() {
    let python = std::env::var("FLAGSTONE_PYTHON").expect("FLAGSTONE_PYTHON must name a Python with NumPy: `make test` sets it up");
    let mut source = Texts(7);
    let mut texts: Vec<String> = (0..400).map(|_| source.statement()).collect();
    texts.extend(
        ["x[1:2, ..., None]", "-2 ** -2 ** 2", "not a == b < c", "1if", "012", "a b", "x[::, 1]", "()", "f(a)(b)"].map(String::from),
    );

    let mut child =
        Command::new(python).arg("tests/python/ast_dump.py").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("Python runs");
    let mut input = child.stdin.take().unwrap();
    input.write_all(&serde_json::to_vec(&texts).unwrap()).unwrap();
    drop(input);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "ast_dump.py failed");
    let trees: Vec<Option<String>> = serde_json::from_slice(&output.stdout).unwrap();

    let mut read = 0;
    for (text, python) in texts.iter().zip(trees) {
        let ours = parse(text).map(|all| all.iter().map(|s| s.dump()).collect::<Vec<_>>().join("; "));
        match (ours, python) {
            (Ok(ours), Some(python)) => {
                read += 1;
                assert_eq!(ours, python, "{text}");
            }
            (Err(_), None) => {}
            (Ok(ours), None) => panic!("Python refuses {text:?}, read here as {ours}"),
            (Err(error), Some(_)) => panic!("Python reads {text:?}: {}", error.render(text)),
        }
    }
    assert!(read > 300, "only {read} of {} texts are expressions", texts.len());
}
