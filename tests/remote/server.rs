//! A stand-in for a far server on the loopback: a directory behind HTTP, with ranges, and so much of S3 as clients of it use. It can be slow,
//! and fail when told to.

use std::collections::{BTreeSet, HashMap};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

/// What happens instead of an answer.
#[derive(Clone, Copy, Debug)]
pub enum Fault {
    /// This status.
    Status(u16),
    /// The body ends in the middle.
    Short,
    /// Nothing for a long time.
    Silence,
    /// All of the object, as servers answer that do not know ranges.
    Whole,
}

type Faults = Box<dyn Fn(&str, &str) -> Option<Fault> + Send + Sync>;

/// A link's own time, in which no processor is slow. An answer is due a delay after its request came, and takes the link for as long as
/// its bytes need. Where none is due yet, the time goes on to the next one that will be, once clients have been given [`QUIET`] to ask for
/// more: so how far the time is at the end depends on how much they have under way at once, and not on when they run.
#[derive(Default)]
struct Clock {
    state: Mutex<Time>,
    changed: Condvar,
}

#[derive(Default)]
struct Time {
    delay_ns: u64,
    bytes_per_second: f64,
    now_ns: u64,
    /// When answers are due, and the numbers of their requests.
    due: BTreeSet<(u64, u64)>,
    next: u64,
    last_came: Option<Instant>,
}

/// So long nobody asks for anything before the time goes on.
const QUIET: Duration = Duration::from_millis(500);

impl Clock {
    /// A request came: when its answer is due.
    fn came(&self) -> (u64, u64) {
        let mut time = self.state.lock().unwrap();
        let due = (time.now_ns + time.delay_ns, time.next);
        time.next += 1;
        time.due.insert(due);
        time.last_came = Some(Instant::now());
        self.changed.notify_all();
        due
    }

    /// Waits until it is the turn of an answer of so many bytes; then its time on the link is over.
    fn pass(&self, due: (u64, u64), bytes: usize) {
        let mut time = self.state.lock().unwrap();
        loop {
            let quiet = time.last_came.map_or(QUIET, |came| came.elapsed());
            let is_first = time.due.first() == Some(&due);
            if is_first && (due.0 <= time.now_ns || quiet >= QUIET) {
                break;
            }
            let wait = if is_first { QUIET.saturating_sub(quiet) + Duration::from_millis(1) } else { Duration::from_secs(60) };
            time = self.changed.wait_timeout(time, wait).unwrap().0;
        }
        time.due.remove(&due);
        time.now_ns = time.now_ns.max(due.0) + (bytes as f64 / time.bytes_per_second * 1e9) as u64;
        self.changed.notify_all();
    }
}

/// Requests that are answered at once; of those that wait the one that came last is first, as where answers come in any order.
struct Slots {
    state: Mutex<(usize, Vec<usize>)>,
    changed: Condvar,
}

impl Slots {
    fn enter(&self, request: usize) {
        let mut state = self.state.lock().unwrap();
        state.1.push(request);
        while state.0 == 0 || state.1.last() != Some(&request) {
            state = self.changed.wait(state).unwrap();
        }
        state.0 -= 1;
        state.1.pop();
        self.changed.notify_all();
    }

    fn leave(&self) {
        self.state.lock().unwrap().0 += 1;
        self.changed.notify_all();
    }
}

#[derive(Default)]
struct Settings {
    root: PathBuf,
    /// Before each answer.
    delay: Mutex<Duration>,
    /// Of all connections together.
    bytes_per_second: Mutex<Option<f64>>,
    free_from: Mutex<Option<Instant>>,
    /// Instead of waiting.
    clock: Mutex<Option<Arc<Clock>>>,
    slots: Mutex<Option<Arc<Slots>>>,
    faults: Mutex<Option<Faults>>,
    /// Requests without an `Authorization` are refused.
    needs_user: Mutex<bool>,
    sent_bytes: AtomicU64,
    requests: AtomicUsize,
    at_once: AtomicUsize,
    at_once_most: AtomicUsize,
    uploads: Mutex<HashMap<String, Vec<(u32, Vec<u8>)>>>,
}

/// A server of what is in a directory. It serves until the process ends.
pub struct Server {
    pub port: u16,
    settings: Arc<Settings>,
}

struct Request {
    method: String,
    /// Decoded, without the slash at its start.
    path: String,
    query: HashMap<String, String>,
    headers: HashMap<String, String>,
    body: Vec<u8>,
}

impl Server {
    pub fn of(root: &Path) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let settings = Arc::new(Settings { root: root.to_path_buf(), ..Settings::default() });
        let shared = settings.clone();
        std::thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let shared = shared.clone();
                std::thread::spawn(move || serve(&shared, connection));
            }
        });
        Server { port, settings }
    }

    /// The URL of a path.
    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}/{path}", self.port)
    }

    pub fn delayed(self, delay: Duration, bytes_per_second: f64) -> Server {
        *self.settings.delay.lock().unwrap() = delay;
        *self.settings.bytes_per_second.lock().unwrap() = Some(bytes_per_second);
        self
    }

    /// As [`Server::delayed`], in a time of its own: see [`Clock`].
    pub fn timed(self, delay: Duration, bytes_per_second: f64) -> Server {
        let time = Time { delay_ns: delay.as_nanos() as u64, bytes_per_second, ..Time::default() };
        *self.settings.clock.lock().unwrap() = Some(Arc::new(Clock { state: Mutex::new(time), changed: Condvar::new() }));
        self
    }

    /// Answers so many requests at once, and sends each as a whole before it goes on to another.
    pub fn busy(self, slots: usize) -> Server {
        *self.settings.slots.lock().unwrap() = Some(Arc::new(Slots { state: Mutex::new((slots, Vec::new())), changed: Condvar::new() }));
        self
    }

    /// How far the link's own time is.
    pub fn seconds(&self) -> f64 {
        let clock = self.settings.clock.lock().unwrap().clone().expect("a server with a time of its own");
        clock.state.lock().unwrap().now_ns as f64 / 1e9
    }

    /// Asks `fault` of every request: its method and its path.
    pub fn failing(&self, fault: impl Fn(&str, &str) -> Option<Fault> + Send + Sync + 'static) {
        *self.settings.faults.lock().unwrap() = Some(Box::new(fault));
    }

    pub fn needs_user(&self) {
        *self.settings.needs_user.lock().unwrap() = true;
    }

    pub fn sent_bytes(&self) -> u64 {
        self.settings.sent_bytes.load(Ordering::SeqCst)
    }

    pub fn requests(&self) -> usize {
        self.settings.requests.load(Ordering::SeqCst)
    }

    /// The most requests that were answered at the same time.
    pub fn at_once_most(&self) -> usize {
        self.settings.at_once_most.load(Ordering::SeqCst)
    }
}

fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let (mut out, mut at) = (Vec::new(), 0);
    while at < bytes.len() {
        let hex = (bytes[at] == b'%').then(|| u8::from_str_radix(&text[at + 1..at + 3], 16).unwrap());
        out.push(hex.unwrap_or(bytes[at]));
        at += if hex.is_some() { 3 } else { 1 };
    }
    String::from_utf8(out).unwrap()
}

fn request(from: &mut BufReader<TcpStream>) -> Option<Request> {
    let mut line = String::new();
    if from.read_line(&mut line).ok()? == 0 {
        return None;
    }
    let mut words = line.split_whitespace();
    let (method, target) = (words.next()?.to_string(), words.next()?);
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let pairs = query.split('&').filter(|pair| !pair.is_empty()).map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    let query = pairs.map(|(name, value)| (decoded(name), decoded(value))).collect();
    let mut headers = HashMap::new();
    loop {
        let mut line = String::new();
        from.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_string());
    }
    let len = headers.get("content-length").map_or(0, |len: &String| len.parse().unwrap());
    let mut body = vec![0; len];
    from.read_exact(&mut body).ok()?;
    Some(Request { method, path: decoded(path).trim_start_matches('/').to_string(), query, headers, body })
}

struct Answer {
    status: u16,
    headers: String,
    body: Vec<u8>,
}

fn answer(status: u16, body: impl Into<Vec<u8>>) -> Answer {
    Answer { status, headers: String::new(), body: body.into() }
}

fn serve(settings: &Settings, connection: TcpStream) {
    connection.set_nodelay(true).unwrap();
    let mut to = connection.try_clone().unwrap();
    let mut from = BufReader::new(connection);
    while let Some(request) = request(&mut from) {
        let number = settings.requests.fetch_add(1, Ordering::SeqCst);
        let slots = settings.slots.lock().unwrap().clone();
        if let Some(slots) = &slots {
            slots.enter(number);
        }
        let head = request.method == "HEAD";
        let now = settings.at_once.fetch_add(1, Ordering::SeqCst) + 1;
        settings.at_once_most.fetch_max(now, Ordering::SeqCst);
        let clock = settings.clock.lock().unwrap().clone();
        let due = clock.as_ref().map(|clock| clock.came());
        let delay = *settings.delay.lock().unwrap();
        std::thread::sleep(delay);
        let fault = settings.faults.lock().unwrap().as_ref().and_then(|fault| fault(&request.method, &request.path));
        let refused = *settings.needs_user.lock().unwrap() && !request.headers.contains_key("authorization");
        let found = match fault {
            Some(Fault::Silence) => {
                std::thread::sleep(Duration::from_secs(20));
                return;
            }
            Some(Fault::Status(status)) => answer(status, "<Error><Message>as told</Message></Error>"),
            _ if refused => answer(403, "<Error><Code>AccessDenied</Code></Error>"),
            Some(Fault::Whole) => reply(settings, &Request { headers: HashMap::new(), ..request }),
            _ => reply(settings, &request),
        };
        if let (Some(clock), Some(due)) = (clock, due) {
            clock.pass(due, if head { 0 } else { found.body.len() });
        }
        let sent = send(settings, &mut to, &found, head, matches!(fault, Some(Fault::Short)));
        if let Some(slots) = &slots {
            slots.leave();
        }
        settings.at_once.fetch_sub(1, Ordering::SeqCst);
        if sent.is_err() || matches!(fault, Some(Fault::Short)) {
            return;
        }
    }
}

/// Sends an answer at the rate of the link.
fn send(settings: &Settings, to: &mut TcpStream, found: &Answer, head: bool, short: bool) -> std::io::Result<()> {
    let start = format!("HTTP/1.1 {} x\r\ncontent-length: {}\r\n{}\r\n", found.status, found.body.len(), found.headers);
    to.write_all(start.as_bytes())?;
    if head {
        return Ok(());
    }
    let body = if short { &found.body[..found.body.len() / 2] } else { &found.body[..] };
    let rate = *settings.bytes_per_second.lock().unwrap();
    for piece in body.chunks(64 << 10) {
        if let Some(rate) = rate {
            let mut free_from = settings.free_from.lock().unwrap();
            let from = free_from.unwrap_or_else(Instant::now).max(Instant::now());
            *free_from = Some(from + Duration::from_secs_f64(piece.len() as f64 / rate));
            drop(free_from);
            std::thread::sleep(from.saturating_duration_since(Instant::now()));
        }
        // Counted before the client can have it.
        settings.sent_bytes.fetch_add(piece.len() as u64, Ordering::SeqCst);
        to.write_all(piece)?;
    }
    to.flush()
}

fn reply(settings: &Settings, request: &Request) -> Answer {
    let file = settings.root.join(&request.path);
    let query = |name: &str| request.query.get(name).cloned();
    match request.method.as_str() {
        "GET" if request.query.contains_key("list-type") => list(settings, request),
        "GET" | "HEAD" => match std::fs::read(&file) {
            Ok(bytes) => ranged(bytes, request.headers.get("range"), &state(&file)),
            Err(_) => answer(404, "<Error><Code>NoSuchKey</Code></Error>"),
        },
        "PUT" => {
            if let (Some(upload), Some(part)) = (query("uploadId"), query("partNumber")) {
                let mut uploads = settings.uploads.lock().unwrap();
                let Some(parts) = uploads.get_mut(&upload) else { return answer(404, "") };
                parts.push((part.parse().unwrap(), request.body.clone()));
            } else {
                write(&file, &request.body);
            }
            Answer { headers: "etag: \"e\"\r\n".into(), ..answer(200, "") }
        }
        "POST" if request.query.contains_key("uploads") => {
            let mut uploads = settings.uploads.lock().unwrap();
            let upload = format!("u{}", uploads.len());
            uploads.insert(upload.clone(), Vec::new());
            answer(200, format!("<InitiateMultipartUploadResult><UploadId>{upload}</UploadId></InitiateMultipartUploadResult>"))
        }
        "POST" if request.query.contains_key("delete") => {
            let body = String::from_utf8_lossy(&request.body).into_owned();
            let mut done = String::new();
            for key in body.split("<Key>").skip(1).map(|rest| rest.split("</Key>").next().unwrap()) {
                let _ = std::fs::remove_file(file.join(key));
                done += &format!("<Deleted><Key>{key}</Key></Deleted>");
            }
            answer(200, format!("<DeleteResult>{done}</DeleteResult>"))
        }
        "POST" => {
            let mut uploads = settings.uploads.lock().unwrap();
            let Some(mut parts) = query("uploadId").and_then(|upload| uploads.remove(&upload)) else { return answer(404, "") };
            parts.sort();
            assert!(parts.iter().rev().skip(1).all(|(_, bytes)| bytes.len() >= 5 << 20), "parts of 5 MiB at least");
            write(&file, &parts.into_iter().flat_map(|(_, bytes)| bytes).collect::<Vec<u8>>());
            answer(200, "<CompleteMultipartUploadResult><ETag>\"e\"</ETag></CompleteMultipartUploadResult>")
        }
        "DELETE" => match query("uploadId") {
            Some(upload) => {
                settings.uploads.lock().unwrap().remove(&upload);
                answer(204, "")
            }
            None => answer(if std::fs::remove_file(&file).is_ok() { 204 } else { 404 }, ""),
        },
        _ => answer(405, ""),
    }
}

fn write(file: &Path, bytes: &[u8]) {
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(file, bytes).unwrap();
}

/// What changes when a file is written anew.
fn state(file: &Path) -> String {
    let found = std::fs::metadata(file).unwrap();
    let time = found.modified().unwrap().duration_since(std::time::UNIX_EPOCH).unwrap();
    format!("{:x}-{:x}", found.len(), time.as_nanos())
}

fn ranged(bytes: Vec<u8>, range: Option<&String>, etag: &str) -> Answer {
    let len = bytes.len();
    let common = format!("last-modified: Tue, 01 Jan 2030 00:00:00 GMT\r\netag: \"{etag}\"\r\naccept-ranges: bytes\r\n");
    let Some(range) = range.and_then(|range| range.strip_prefix("bytes=")) else {
        return Answer { headers: common, ..answer(200, bytes) };
    };
    let (first, last) = range.split_once('-').unwrap();
    let (from, to) = match (first, last) {
        ("", n) => (len.saturating_sub(n.parse().unwrap()), len),
        (first, "") => (first.parse().unwrap(), len),
        (first, last) => (first.parse().unwrap(), (last.parse::<usize>().unwrap() + 1).min(len)),
    };
    if from >= to {
        return answer(416, "");
    }
    let headers = format!("{common}content-range: bytes {from}-{}/{len}\r\n", to - 1);
    Answer { headers, ..answer(206, bytes[from..to].to_vec()) }
}

fn list(settings: &Settings, request: &Request) -> Answer {
    let bucket = settings.root.join(&request.path);
    let prefix = request.query.get("prefix").cloned().unwrap_or_default();
    let mut keys = Vec::new();
    files(&bucket, &bucket, &mut keys);
    keys.sort();
    let (mut objects, mut prefixes) = (String::new(), Vec::new());
    for (key, len) in keys.iter().filter(|(key, _)| key.starts_with(&prefix)) {
        let rest = &key[prefix.len()..];
        if let Some((directory, _)) = rest.split_once('/').filter(|_| request.query.contains_key("delimiter")) {
            prefixes.push(format!("{prefix}{directory}/"));
            continue;
        }
        let key = key.replace('&', "&amp;");
        objects += &format!(
            "<Contents><Key>{key}</Key><LastModified>2030-01-01T00:00:00.000Z</LastModified><ETag>\"e\"</ETag><Size>{len}</Size></Contents>"
        );
    }
    prefixes.dedup();
    let prefixes: String = prefixes.iter().map(|prefix| format!("<CommonPrefixes><Prefix>{prefix}</Prefix></CommonPrefixes>")).collect();
    answer(200, format!("<ListBucketResult><IsTruncated>false</IsTruncated>{objects}{prefixes}</ListBucketResult>"))
}

fn files(root: &Path, directory: &Path, keys: &mut Vec<(String, u64)>) {
    for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            files(root, &path, keys);
        } else {
            keys.push((path.strip_prefix(root).unwrap().to_str().unwrap().to_string(), entry.metadata().unwrap().len()));
        }
    }
}
