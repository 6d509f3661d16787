//! What will be needed → bytes that are there when they are, within the bytes that the owner was allowed.
//!
//! ```text
//!  want ─▶ steps ──start──▶ asked ──answer──▶ waiting for room ──▶ arriving ──▶ here ──take──▶ gone
//!                  (REQUESTS_MAX at once)          │ a reader came                │ nobody came, and others wait
//!                                                  ▼                              ▼
//!                                           gone: read at once                  gone
//! ```
//! An answer that waits for room keeps its connection, and a server that has few of them answers no other meanwhile: when a reader
//! has waited for an answer for [`PATIENCE`], those that wait for room are let go, and from then on fewer are asked for at once.
//!
//! A request is counted as [`REQUEST_BYTES`] from its start, and as the length that its answer announces from then on: until that fits,
//! the body stays on the way. So what is held never passes what was allowed. A reader never waits for room, only for bytes that have
//! it: what has none yet it fetches by itself into memory of its own.
//!
//! Nobody waits for ever. A reader waits for a request that was sent, and every end of one wakes all readers: its bytes, an error (the
//! client gives a silent server up), being let go, a panic. A request waits for room, and room comes back when a reader takes a part, when one
//! comes for what was not fetched and passes a part by (`make_way`), and when the leave to hold bytes ends; then the next in order is woken. Who
//! ends that leave waits for requests that were ended, which wait for nothing.

use super::bucket::{Bucket, PATIENCE};
use super::{Arrived, Behind, Next, Part, Parts, Reply, Taken, Wanted};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;
use tokio::task::AbortHandle;

/// Requests that are under way at once: at 50 ms, parts of 100 kB come to 128 MB/s.
const REQUESTS_MAX: usize = 64;
/// What a connection holds of a body beside the part itself.
const REQUEST_BYTES: u64 = 256 << 10;

/// So many parts that readers came for too early are remembered.
const MISSED_MAX: usize = 4096;

/// An object and the first byte of a part of it: what is counted from the end comes last.
type Name = (String, u64);

fn name(key: &str, wanted: Wanted) -> Name {
    let first = match wanted {
        Wanted::Whole => 0,
        Wanted::Range { at, .. } => at,
        Wanted::Last(_) => u64::MAX,
    };
    (key.to_string(), first)
}

/// Where parts stand in the order in which they are needed: the number of the wish, then the number of the part behind which they come.
/// Parts that the wish names itself have `u64::MAX` there, so they stand behind those.
type Order = (u64, u64);

enum State {
    /// On its way: the request's number tells whose answer it is.
    Asked,
    /// The answer is longer than what is free.
    WaitsForRoom,
    /// The bytes are coming.
    Arriving,
    /// `None`: there is no such object.
    Here(Reply<Option<Arrived>>),
}

struct Held {
    state: State,
    /// Number of its request; later ones are needed later.
    request: u64,
    wanted: Wanted,
    /// Elements that are still to be read out of it.
    elements: u64,
    /// What is to be asked for when it is here, in order.
    behind: Vec<(Order, Behind)>,
    task: Option<AbortHandle>,
}

#[derive(Default)]
struct Inside {
    allowed: u64,
    /// Bytes of requests and of what arrived.
    held_bytes: u64,
    requests: usize,
    /// How often requests at once were halved, for a server that has few connections.
    halved: u32,
    /// What is not asked for yet; the first is needed first.
    steps: BTreeMap<Order, Parts>,
    next_wish: u64,
    next_behind: u64,
    /// What comes behind parts that are not here yet: parts that are needed later wait for it, or they would take all room first.
    pending: BTreeSet<Order>,
    /// What readers fetched themselves though it was still to be asked for, and how many elements of it.
    missed: BTreeMap<Name, u64>,
    parts: BTreeMap<Name, Held>,
    /// Requests that wait for room: the first one gets it first.
    waiting: BTreeSet<u64>,
    next_request: u64,
}

struct Shared {
    bucket: Arc<Bucket>,
    inside: Mutex<Inside>,
    changed: Condvar,
    room: Notify,
}

/// The parts that were asked for.
pub(crate) struct Ahead(Arc<Shared>);

impl std::fmt::Debug for Ahead {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Ahead")
    }
}

impl Ahead {
    /// Nothing is asked for, and nothing allowed.
    pub(crate) fn new(bucket: Arc<Bucket>) -> Ahead {
        Ahead(Arc::new(Shared { bucket, inside: Mutex::default(), changed: Condvar::new(), room: Notify::new() }))
    }

    /// Asks for parts, behind those that were asked for before. Returns at once.
    pub(crate) fn want(&self, parts: Parts) {
        let mut inside = self.0.lock();
        if inside.allowed > 0 {
            let order = (inside.next_wish, u64::MAX);
            inside.next_wish += 1;
            inside.steps.insert(order, parts);
            self.0.start(&mut inside);
        }
    }

    /// What was asked for, of which `elements` are read now. Waits for what is arriving.
    ///
    /// # Errors
    /// Why it did not arrive.
    pub(crate) fn take(&self, key: &str, wanted: Wanted, elements: u64) -> Reply<Taken> {
        let mut inside = self.0.lock();
        loop {
            let Some((found, offset)) = inside.find(key, wanted) else {
                if !inside.steps.is_empty() && inside.missed.len() < MISSED_MAX {
                    *inside.missed.entry(name(key, wanted)).or_default() += elements;
                }
                self.0.make_way(&mut inside);
                return Ok(Taken::NotFetched);
            };
            let Some(held) = inside.parts.get_mut(&found) else { return Ok(Taken::NotFetched) };
            let State::Here(reply) = &held.state else {
                if matches!(held.state, State::WaitsForRoom) {
                    inside.drop_part(&found);
                    self.0.tell(&mut inside);
                    return Ok(Taken::NotFetched);
                }
                let request = held.request;
                let (woken, waited) = self.0.changed.wait_timeout(inside, PATIENCE).unwrap_or_else(PoisonError::into_inner);
                inside = woken;
                if waited.timed_out() && inside.of(&found, request).is_some_and(|held| matches!(held.state, State::Asked)) {
                    self.0.let_go(&mut inside);
                }
                continue;
            };
            let taken = match reply {
                Ok(Some(arrived)) => Ok(Taken::Here(arrived.clone(), offset)),
                Ok(None) => Ok(Taken::Missing),
                Err(what) => Err(what.clone()),
            };
            held.elements = held.elements.saturating_sub(elements);
            if held.elements == 0 {
                inside.drop_part(&found);
                self.0.tell(&mut inside);
            }
            return taken;
        }
    }

    /// A server does not answer what a reader asks for itself: lets go of the connections whose answers wait for room.
    pub(crate) fn let_go(&self) {
        self.0.let_go(&mut self.0.lock());
    }

    /// Allows so many bytes more, until what is returned is dropped. They are to be counted by who calls.
    pub(crate) fn allow(&self, bytes: u64) -> Box<dyn Send> {
        self.0.lock().allowed += bytes;
        Box::new(Allowed { shared: self.0.clone(), bytes })
    }
}

struct Allowed {
    shared: Arc<Shared>,
    bytes: u64,
}

impl Drop for Allowed {
    fn drop(&mut self) {
        let mut inside = self.shared.lock();
        inside.allowed -= self.bytes;
        // What others are allowed they go on with; what is held too much goes first.
        if inside.allowed == 0 {
            inside.steps.clear();
            inside.missed.clear();
            inside.halved = 0;
        }
        while inside.allowed == 0 || inside.held_bytes > inside.allowed {
            let Some(last) = inside.parts.iter().max_by_key(|(_, held)| held.request).map(|(name, _)| name.clone()) else { break };
            inside.drop_part(&last);
        }
        self.shared.tell(&mut inside);
        // Requests that were ended let go of their memory in a moment.
        while inside.held_bytes > inside.allowed {
            inside = self.shared.changed.wait(inside).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Inside {
    /// The part that holds the bytes, and where in it they begin.
    fn find(&self, key: &str, wanted: Wanted) -> Option<(Name, usize)> {
        let (found, held) = self.parts.range(..=name(key, wanted)).next_back().filter(|((found, _), _)| found == key)?;
        match (held.wanted, wanted) {
            (Wanted::Range { at: first, len: have }, Wanted::Range { at, len }) => {
                let offset = at - first;
                (offset.checked_add(len)? <= have).then(|| (found.clone(), offset as usize))
            }
            (have, want) => (have == want).then(|| (found.clone(), 0)),
        }
    }

    /// Forgets a part. What a request holds is given back when it ends.
    fn drop_part(&mut self, name: &Name) {
        let Some(held) = self.parts.remove(name) else { return };
        self.waiting.remove(&held.request);
        for (order, _) in &held.behind {
            self.pending.remove(order);
        }
        if let State::Here(reply) = &held.state {
            self.held_bytes -= reply.as_ref().ok().and_then(Option::as_ref).map_or(0, |arrived| arrived.bytes.len() as u64);
        } else if let Some(task) = held.task {
            task.abort();
        }
    }

    /// How many requests of earlier parts have no room yet. Answers may come in another order: as much is left for each of these as one that
    /// came first takes. Later parts would fill all room otherwise, and readers would fetch the earlier ones once more.
    fn unanswered_before(&self, request: u64) -> u64 {
        let has_none = |held: &&Held| held.request < request && matches!(held.state, State::Asked | State::WaitsForRoom);
        self.parts.values().filter(has_none).count() as u64
    }

    /// The part of a request, if it is still wanted.
    fn of(&mut self, name: &Name, request: u64) -> Option<&mut Held> {
        self.parts.get_mut(name).filter(|held| held.request == request)
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Goes on after bytes or requests became free.
    fn tell(self: &Arc<Shared>, inside: &mut Inside) {
        self.start(inside);
        self.room.notify_waiters();
        self.changed.notify_all();
    }

    /// Starts requests while there is room.
    fn start(self: &Arc<Shared>, inside: &mut Inside) {
        while inside.requests < REQUESTS_MAX >> inside.halved
            && inside.waiting.is_empty()
            && inside.held_bytes + REQUEST_BYTES <= inside.allowed
        {
            let Some(mut steps) = inside.steps.first_entry() else { return };
            let (wish, behind) = *steps.key();
            if behind != u64::MAX && inside.pending.first().is_some_and(|first| *first < (wish, behind)) {
                return;
            }
            let Some(step) = steps.get_mut().next() else {
                drop(steps.remove());
                continue;
            };
            let (mut part, then) = match step {
                Next::Fetch(part) => (part, None),
                Next::FetchThen(part, then) => {
                    inside.next_behind += 1;
                    (part, Some(((wish, inside.next_behind), then)))
                }
            };
            let name = name(&part.key, part.wanted);
            if let Some(missed) = inside.missed.remove(&name).filter(|_| then.is_none()) {
                part.elements = part.elements.saturating_sub(missed);
                if part.elements == 0 {
                    continue;
                }
            }
            if let Some(held) = inside.parts.get_mut(&name).filter(|held| held.wanted == part.wanted) {
                held.elements += part.elements;
                match (then, &held.state) {
                    (Some((order, then)), State::Here(Ok(Some(arrived)))) => {
                        let next = then(arrived);
                        inside.steps.insert(order, next);
                    }
                    (Some(then), State::Asked | State::WaitsForRoom | State::Arriving) => {
                        let order = then.0;
                        held.behind.push(then);
                        inside.pending.insert(order);
                    }
                    _ => {}
                }
                continue;
            }
            let request = inside.next_request;
            inside.next_request += 1;
            inside.requests += 1;
            inside.held_bytes += REQUEST_BYTES;
            let running = Running { shared: self.clone(), name: name.clone(), request, len: 0 };
            let task = self.bucket.threads().spawn(running.run(part.clone()));
            let (wanted, elements, behind) = (part.wanted, part.elements, then.into_iter().collect::<Vec<_>>());
            inside.pending.extend(behind.iter().map(|(order, _)| *order));
            let held = Held { state: State::Asked, request, wanted, elements, behind, task: Some(task.abort_handle()) };
            // A part of the same start and another length: the longer one would hide it.
            inside.drop_part(&name);
            inside.parts.insert(name, held);
        }
    }

    /// Lets go of the connections whose answers wait for room. Who comes for one of these fetches it then.
    fn let_go(self: &Arc<Shared>, inside: &mut Inside) {
        let waits = inside.parts.iter().filter(|(_, held)| matches!(held.state, State::WaitsForRoom));
        let waits: Vec<Name> = waits.map(|(name, _)| name.clone()).collect();
        if !waits.is_empty() {
            inside.halved = (inside.halved + 1).min(REQUESTS_MAX.ilog2());
            waits.iter().for_each(|name| inside.drop_part(name));
            self.tell(inside);
        }
    }

    /// A reader came for something that was not fetched while all room is taken: what is needed first of what is here has been passed
    /// by, so it makes way.
    fn make_way(self: &Arc<Shared>, inside: &mut Inside) {
        if inside.requests > inside.waiting.len() || inside.steps.is_empty() && inside.waiting.is_empty() {
            return;
        }
        let here = inside.parts.iter().filter(|(_, held)| matches!(held.state, State::Here(_)));
        if let Some(first) = here.min_by_key(|(_, held)| held.request).map(|(name, _)| name.clone()) {
            inside.drop_part(&first);
            self.tell(inside);
        }
    }
}

/// A request under way: it is counted until it is dropped.
struct Running {
    shared: Arc<Shared>,
    name: Name,
    request: u64,
    /// Bytes that it was granted.
    len: u64,
}

impl Drop for Running {
    fn drop(&mut self) {
        let mut inside = self.shared.lock();
        inside.requests -= 1;
        inside.held_bytes -= REQUEST_BYTES + self.len;
        inside.waiting.remove(&self.request);
        // One that ended without an answer, as by a panic: who waits for the part fetches it.
        if inside.of(&self.name, self.request).is_some_and(|held| !matches!(held.state, State::Here(_))) {
            inside.drop_part(&self.name);
        }
        self.shared.tell(&mut inside);
    }
}

impl Running {
    async fn run(self, part: Part) {
        let (shared, name, request) = (self.shared.clone(), self.name.clone(), self.request);
        let running = Mutex::new(self);
        let room = |len: u64| {
            let (shared, name, running) = (&shared, &name, &running);
            async move {
                if len > part.len_max {
                    return Err(format!("{len} bytes are stored, more than {} that there can be", part.len_max));
                }
                shared.wait_for_room(name, request, len, running).await
            }
        };
        let reply = shared.bucket.arrive(&part.key, part.wanted, room).await;
        let mut inside = shared.lock();
        if let Some(held) = inside.of(&name, request) {
            let behind = std::mem::take(&mut held.behind);
            for (order, _) in &behind {
                inside.pending.remove(order);
            }
            if let Ok(Some(arrived)) = &reply {
                inside.steps.extend(behind.into_iter().map(|(order, then)| (order, then(arrived))));
            }
            // From here on the part itself is what is counted.
            let bytes = reply.as_ref().ok().and_then(Option::as_ref).map_or(0, |arrived| arrived.bytes.len() as u64);
            inside.held_bytes += bytes;
            if let Some(held) = inside.of(&name, request) {
                held.state = State::Here(reply);
                held.task = None;
            }
            // Before a reader sees it: what comes behind it is asked for.
            shared.start(&mut inside);
        }
        // The request's own count goes with it.
        drop(inside);
        drop(running);
    }
}

impl Shared {
    /// Waits until `len` bytes are free and nobody waits who was first.
    async fn wait_for_room(self: &Arc<Shared>, name: &Name, request: u64, len: u64, running: &Mutex<Running>) -> Reply<()> {
        loop {
            let changed = self.room.notified();
            let mut changed = std::pin::pin!(changed);
            changed.as_mut().enable();
            {
                let mut inside = self.lock();
                if inside.of(name, request).is_none() {
                    return Err("it is not wanted any more".into());
                }
                let mut running = running.lock().unwrap_or_else(PoisonError::into_inner);
                // A second try has room already.
                inside.held_bytes -= std::mem::take(&mut running.len);
                if len + REQUEST_BYTES > inside.allowed {
                    inside.drop_part(name);
                    self.tell(&mut inside);
                    return Err("it is longer than what may be held".into());
                }
                let is_first = inside.waiting.first().is_none_or(|&first| first >= request);
                let kept = len.saturating_mul(inside.unanswered_before(request));
                if is_first && (inside.held_bytes + len).saturating_add(kept) <= inside.allowed {
                    inside.held_bytes += len;
                    running.len = len;
                    inside.waiting.remove(&request);
                    if let Some(held) = inside.of(name, request) {
                        held.state = State::Arriving;
                    }
                    // The next one in order may have room too, and less is kept for this one.
                    self.tell(&mut inside);
                    return Ok(());
                }
                inside.waiting.insert(request);
                if let Some(held) = inside.of(name, request) {
                    held.state = State::WaitsForRoom;
                }
                // A reader may wait for this one.
                self.changed.notify_all();
            }
            changed.await;
        }
    }
}
