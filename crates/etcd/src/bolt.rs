//! Reading from etcd's database file what it holds while it goes by, without keeping it: bbolt's format,
//! version 2.
//!
//! Pages come in the order of the file, not in that of the tree, and which of them are in use is known only at
//! the end. So each page leaves a summary of twenty bytes (5 MiB for each GiB of 4 KiB pages), and the tree is
//! walked over the summaries.

use std::{
    collections::HashMap,
    io::{self, ErrorKind},
};

use crate::crc::{self, Combiner};

const MAGIC: u32 = 0xED0C_DAED;
const VERSION: u32 = 2;
const PAGE_HEADER: usize = 16;
const META: usize = 64;
const ELEMENT: usize = 16;
/// What stands before a small bucket's own page within its parent's.
const BUCKET_HEADER: usize = 16;
const BRANCH: u16 = 0x01;
const LEAF: u16 = 0x02;
/// On an element: its value is a bucket.
const BUCKET: u32 = 0x01;
/// Deeper than any tree whose pages hold two elements each.
const MAX_DEPTH: usize = 64;
/// The bucket of all keys.
const KEYS: &[u8] = b"key";
/// What is kept at most of values that flow over their page, until they are whole. etcd takes requests of
/// 1.5 MiB unless told otherwise.
const MAX_WAITING: usize = 16 << 20;
/// How many names of buckets are kept, those from pages that only look like some among them.
const MAX_NAMES: usize = 256;
/// How long the name of a bucket may be; etcd's are shorter than 20 bytes.
const MAX_NAME: usize = 256;
/// The largest page that an operating system has.
const MAX_PAGE: usize = 65536;

/// What a database holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contents {
    /// The revision that a member starts from with it.
    pub revision: i64,
    /// Up to where history is or is being compacted; 0 where it never was.
    pub compact_revision: i64,
    /// Whether that was still under way.
    pub compaction_pending: bool,
    /// The last raft index that is applied in it; 0 where it does not tell.
    pub consistent_index: u64,
    /// The checksum over names, keys and values of all buckets that `etcdutl snapshot status` shows.
    pub hash: u32,
    /// Every bucket by name.
    pub buckets: Vec<Bucket>,
}

/// One bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bucket {
    /// Its name: `key`, `lease`, `authUsers`, …
    pub name: String,
    /// How many entries it has.
    pub entries: u64,
    /// The checksum over its keys and values in their order.
    pub crc: u32,
}

impl Contents {
    /// Revisions of keys, deletions among them.
    pub fn entries(&self) -> u64 {
        self.buckets.iter().find(|bucket| bucket.name.as_bytes() == KEYS).map_or(0, |bucket| bucket.entries)
    }
}

/// Takes a database in parts of any length.
pub struct Reader {
    /// Revisions after it are left out of what is counted and summed.
    until: i64,
    /// 0 until the first meta page told.
    page_size: usize,
    /// It begins as no database does.
    hopeless: bool,
    /// The beginning of a page whose rest is to come; before the page size is known, all that came.
    partial: Vec<u8>,
    next_page: u32,
    summaries: Vec<Vec<Summary>>,
    branches: HashMap<u32, Box<[u32]>>,
    /// Of leaf pages that say more than a summary can.
    details: HashMap<u32, Details>,
    names: Vec<Vec<u8>>,
    waiting: Vec<Waiting>,
    meta: Option<Meta>,
}

/// How many summaries are held in one piece.
const PIECE: usize = 1 << 14;

#[derive(Clone, Copy, Default)]
struct Summary {
    crc: u32,
    bytes: u32,
    /// The main revision of the last key, where it is one; its halves, for the sake of its size.
    last: [u32; 2],
    entries: u16,
    kind: Kind,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Kind {
    /// Free, or part of another, or about free pages.
    #[default]
    Other,
    Branch,
    Leaf,
    /// A page that makes no sense. Only matters if it is in use.
    Broken,
}

impl Summary {
    fn last(self) -> u64 {
        u64::from(self.last[0]) << 32 | u64::from(self.last[1])
    }
}

#[derive(Default)]
struct Details {
    buckets: Vec<BucketAt>,
    known: Known,
}

/// Values of the bucket `meta` that matter.
#[derive(Default, Clone, Copy)]
struct Known {
    scheduled_compaction: Option<i64>,
    finished_compaction: Option<i64>,
    consistent_index: Option<u64>,
}

struct BucketAt {
    /// Its place in `names`.
    name: usize,
    at: At,
}

enum At {
    Page(u32),
    /// Within its parent's page.
    Inline(Summary, Known),
}

/// A page that flows over into pages to come. Whether it is in use is not known: a page in the middle of it may
/// have been written later, and be in use itself.
struct Waiting {
    page: u32,
    bytes: Vec<u8>,
    wanted: usize,
}

struct Meta {
    page_size: usize,
    root: u32,
    transaction: u64,
}

/// Where a leaf page ends to be of interest, and what it holds.
struct Parsed {
    summary: Summary,
    details: Details,
}

impl Reader {
    /// A reader that leaves revisions after `until` out of what it counts and sums; `i64::MAX` leaves out none.
    pub fn new(until: i64) -> Self {
        Self {
            until,
            page_size: 0,
            hopeless: false,
            partial: Vec::new(),
            next_page: 0,
            summaries: Vec::new(),
            branches: HashMap::new(),
            details: HashMap::new(),
            names: Vec::new(),
            waiting: Vec::new(),
            meta: None,
        }
    }

    /// Takes what comes next.
    pub fn update(&mut self, mut bytes: &[u8]) {
        if self.hopeless {
            return;
        }
        if self.page_size == 0 {
            self.partial.extend_from_slice(bytes);
            // The second meta page tells too, where the first is torn.
            if self.partial.len() < PAGE_HEADER + META || !self.find_page_size() {
                return;
            }
            let all = std::mem::take(&mut self.partial);
            return self.update(&all);
        }
        if !self.partial.is_empty() {
            let missing = (self.page_size - self.partial.len()).min(bytes.len());
            self.partial.extend_from_slice(&bytes[..missing]);
            bytes = &bytes[missing..];
            if self.partial.len() < self.page_size {
                return;
            }
            let page = std::mem::take(&mut self.partial);
            self.page(&page);
            self.partial = page;
            self.partial.clear();
        }
        let whole = bytes.len() / self.page_size * self.page_size;
        for page in bytes[..whole].chunks_exact(self.page_size) {
            self.page(page);
        }
        self.partial.extend_from_slice(&bytes[whole..]);
    }

    /// What the database holds, after all of it came.
    pub fn finish(mut self) -> io::Result<Contents> {
        if self.page_size == 0 || !self.partial.is_empty() {
            return Err(broken());
        }
        let root = self.meta.as_ref().ok_or_else(broken)?.root;
        let names = std::mem::take(&mut self.names);
        let mut walk = Walk { reader: &self, pages_left: self.next_page, leaves: Vec::new() };
        walk.leaves_below(root, 0)?;
        let roots = std::mem::take(&mut walk.leaves);

        let mut combiner = Combiner::new();
        // An empty store is at revision 1.
        let mut contents = Contents {
            revision: 1,
            compact_revision: 0,
            compaction_pending: false,
            consistent_index: 0,
            hash: crc::EMPTY,
            buckets: Vec::new(),
        };
        for bucket in roots.iter().filter_map(|page| self.details.get(page)).flat_map(|details| &details.buckets) {
            let name = &names[bucket.name];
            let mut sums = Sums { entries: 0, crc: crc::EMPTY, bytes: 0, last: 0 };
            let mut known = Known::default();
            match &bucket.at {
                At::Inline(summary, inline) => {
                    if summary.kind != Kind::Leaf {
                        return Err(broken());
                    }
                    sums.add(*summary, &mut combiner);
                    known = *inline;
                }
                At::Page(root) => {
                    walk.leaves.clear();
                    walk.leaves_below(*root, 0)?;
                    for page in &walk.leaves {
                        sums.add(self.summary(*page), &mut combiner);
                        if let Some(details) = self.details.get(page) {
                            known.add(details.known);
                        }
                    }
                }
            }
            contents.hash = crc::append(contents.hash, name);
            contents.hash = combiner.combine(contents.hash, sums.crc, sums.bytes);
            if name == KEYS {
                // A key is its revision: main, `_`, sub.
                contents.revision = contents.revision.max(sums.last.cast_signed());
            } else if name == b"meta" {
                // Where the last keys are gone, only this tells how far the store had come.
                let scheduled = known.scheduled_compaction.unwrap_or(0);
                let finished = known.finished_compaction.unwrap_or(0);
                contents.compact_revision = scheduled.max(finished);
                contents.compaction_pending = scheduled > finished;
                contents.revision = contents.revision.max(contents.compact_revision);
                contents.consistent_index = known.consistent_index.unwrap_or(0);
            }
            let name = String::from_utf8_lossy(name).into_owned();
            contents.buckets.push(Bucket { name, entries: sums.entries, crc: sums.crc });
        }
        Ok(contents)
    }

    /// Looks for a meta page at the beginning; false where more has to come first.
    fn find_page_size(&mut self) -> bool {
        let places = std::iter::once(0).chain((9..=16).map(|bits| 1_usize << bits));
        for place in places {
            if let Some(meta) = meta(&self.partial, place)
                && (place == 0 || place == meta.page_size)
            {
                self.page_size = meta.page_size;
                return true;
            }
        }
        if self.partial.len() > MAX_PAGE + PAGE_HEADER + META {
            self.hopeless = true;
            self.partial = Vec::new();
        }
        false
    }

    fn page(&mut self, bytes: &[u8]) {
        let number = self.next_page;
        let Some(next) = number.checked_add(1) else { return };
        self.next_page = next;
        self.put(number, Summary::default());
        self.flow_over(bytes);
        if number < 2
            && let Some(meta) = meta(bytes, 0)
            && self.meta.as_ref().is_none_or(|other| meta.transaction > other.transaction)
        {
            self.meta = Some(meta);
        }
        let Ok((flags, overflow)) = header(bytes, number) else { return };
        if flags != LEAF && flags != BRANCH {
            return;
        }
        let wanted = usize::try_from(overflow).ok().and_then(|more| (more + 1).checked_mul(self.page_size));
        match wanted {
            Some(wanted) if wanted == bytes.len() => self.whole(number, bytes),
            Some(wanted) if wanted <= MAX_WAITING => {
                self.put(number, Summary { kind: Kind::Broken, ..Summary::default() });
                // What stands longest is given up first: of two that overlap, one is not in use.
                while self.waiting.iter().map(|waiting| waiting.wanted).sum::<usize>() + wanted > MAX_WAITING {
                    self.waiting.remove(0);
                }
                self.waiting.push(Waiting { page: number, bytes: bytes.to_vec(), wanted });
            }
            _ => self.put(number, Summary { kind: Kind::Broken, ..Summary::default() }),
        }
    }

    /// Gives a page to those before it that flow over into it.
    fn flow_over(&mut self, bytes: &[u8]) {
        if self.waiting.is_empty() {
            return;
        }
        for mut waiting in std::mem::take(&mut self.waiting) {
            waiting.bytes.extend_from_slice(bytes);
            if waiting.bytes.len() == waiting.wanted {
                self.whole(waiting.page, &waiting.bytes);
            } else {
                self.waiting.push(waiting);
            }
        }
    }

    /// Takes a page with all that flows over.
    fn whole(&mut self, number: u32, bytes: &[u8]) {
        let summary = if u16_at(bytes, 8).is_ok_and(|flags| flags == BRANCH) {
            match children(bytes) {
                Ok(children) => {
                    self.branches.insert(number, children);
                    Summary { kind: Kind::Branch, ..Summary::default() }
                }
                Err(_) => Summary { kind: Kind::Broken, ..Summary::default() },
            }
        } else {
            match parse_leaf(bytes, self.until, &mut self.names, true) {
                Ok(parsed) => {
                    if parsed.details.says_anything() {
                        self.details.insert(number, parsed.details);
                    }
                    parsed.summary
                }
                Err(_) => Summary { kind: Kind::Broken, ..Summary::default() },
            }
        };
        self.put(number, summary);
    }

    fn put(&mut self, page: u32, summary: Summary) {
        let page = page as usize;
        let (piece, place) = (page / PIECE, page % PIECE);
        if piece == self.summaries.len() {
            self.summaries.push(Vec::with_capacity(PIECE));
        }
        let piece = &mut self.summaries[piece];
        if place == piece.len() {
            piece.push(summary);
        } else {
            piece[place] = summary;
        }
    }

    fn summary(&self, page: u32) -> Summary {
        let page = page as usize;
        self.summaries.get(page / PIECE).and_then(|piece| piece.get(page % PIECE)).copied().unwrap_or_default()
    }
}

impl Details {
    fn says_anything(&self) -> bool {
        let Known { scheduled_compaction, finished_compaction, consistent_index } = self.known;
        !self.buckets.is_empty()
            || scheduled_compaction.is_some()
            || finished_compaction.is_some()
            || consistent_index.is_some()
    }
}

impl Known {
    fn add(&mut self, other: Self) {
        self.scheduled_compaction = self.scheduled_compaction.or(other.scheduled_compaction);
        self.finished_compaction = self.finished_compaction.or(other.finished_compaction);
        self.consistent_index = self.consistent_index.or(other.consistent_index);
    }

    fn look_at(&mut self, key: &[u8], value: &[u8]) {
        let number = || value.first_chunk().map(|bytes| u64::from_be_bytes(*bytes));
        match key {
            b"scheduledCompactRev" => self.scheduled_compaction = number().map(u64::cast_signed),
            b"finishedCompactRev" => self.finished_compaction = number().map(u64::cast_signed),
            b"consistent_index" => self.consistent_index = number(),
            _ => {}
        }
    }
}

/// What the leaves of a bucket come to.
struct Sums {
    entries: u64,
    crc: u32,
    bytes: u64,
    last: u64,
}

impl Sums {
    fn add(&mut self, leaf: Summary, combiner: &mut Combiner) {
        self.entries += u64::from(leaf.entries);
        self.crc = combiner.combine(self.crc, leaf.crc, u64::from(leaf.bytes));
        self.bytes += u64::from(leaf.bytes);
        if leaf.entries > 0 {
            self.last = leaf.last();
        }
    }
}

struct Walk<'a> {
    reader: &'a Reader,
    /// A sound tree has each page once.
    pages_left: u32,
    leaves: Vec<u32>,
}

impl Walk<'_> {
    /// Collects the leaf pages below `page`, in the order of their keys.
    fn leaves_below(&mut self, page: u32, depth: usize) -> io::Result<()> {
        self.pages_left = self.pages_left.checked_sub(1).ok_or_else(broken)?;
        if depth > MAX_DEPTH {
            return Err(broken());
        }
        match self.reader.summary(page).kind {
            Kind::Leaf => {
                self.leaves.push(page);
                Ok(())
            }
            Kind::Branch => {
                let children = self.reader.branches.get(&page).ok_or_else(broken)?;
                children.iter().try_for_each(|child| self.leaves_below(*child, depth + 1))
            }
            Kind::Other | Kind::Broken => Err(broken()),
        }
    }
}

/// Flags and number of pages that it flows over into, of a page that says it is this one.
fn header(bytes: &[u8], number: u32) -> io::Result<(u16, u32)> {
    if u64_at(bytes, 0)? != u64::from(number) {
        return Err(broken());
    }
    Ok((u16_at(bytes, 8)?, u32_at(bytes, 12)?))
}

fn meta(bytes: &[u8], place: usize) -> Option<Meta> {
    let bytes = bytes.get(place.checked_add(PAGE_HEADER)?..)?.get(..META)?;
    let page_size = u32_at(bytes, 8).ok()? as usize;
    let sound = u32_at(bytes, 0).ok()? == MAGIC
        && u32_at(bytes, 4).ok()? == VERSION
        && (512..=MAX_PAGE).contains(&page_size)
        && page_size.is_power_of_two()
        && u64_at(bytes, META - 8).ok()? == fnv_64a(&bytes[..META - 8]);
    let root = u32::try_from(u64_at(bytes, 16).ok()?).ok()?;
    sound.then_some(Meta { page_size, root, transaction: u64_at(bytes, 48).ok()? })
}

fn children(page: &[u8]) -> io::Result<Box<[u32]>> {
    (0..usize::from(u16_at(page, 10)?))
        .map(|n| u32::try_from(u64_at(page, PAGE_HEADER + n * ELEMENT + 8)?).map_err(|_| broken()))
        .collect()
}

/// Sums up a leaf page. bbolt writes keys and values one after the other in their order, so that they are summed
/// in one go.
fn parse_leaf(page: &[u8], until: i64, names: &mut Vec<Vec<u8>>, top: bool) -> io::Result<Parsed> {
    let count = usize::from(u16_at(page, 10)?);
    let mut details = Details::default();
    let data = PAGE_HEADER + count * ELEMENT;
    let mut end = data;
    let mut entries = 0;
    let mut last = 0;
    for n in 0..count {
        let at = PAGE_HEADER + n * ELEMENT;
        let element: &[u8; ELEMENT] = page.get(at..).and_then(<[u8]>::first_chunk).ok_or_else(broken)?;
        let field = |n: usize| u32_at(element, 4 * n).map(|value| value as usize);
        let start = at + field(1)?;
        let middle = start.checked_add(field(2)?).ok_or_else(broken)?;
        let next = middle.checked_add(field(3)?).ok_or_else(broken)?;
        if start != end {
            return Err(broken());
        }
        let key = page.get(start..middle).ok_or_else(broken)?;
        let value = page.get(middle..next).ok_or_else(broken)?;
        if let Some(revision) = revision_of(key) {
            if revision > until.cast_unsigned() {
                // So are all after it.
                break;
            }
            last = revision;
        } else {
            last = 0;
            details.known.look_at(key, value);
        }
        if u32_at(element, 0)? & BUCKET != 0 {
            // etcd has no buckets within buckets.
            if !top {
                return Err(broken());
            }
            details.buckets.push(BucketAt { name: intern(names, key)?, at: bucket_at(value, until, names)? });
        }
        entries += 1;
        end = next;
    }
    let data = page.get(data..end).ok_or_else(broken)?;
    let summary = Summary {
        crc: crc::append(crc::EMPTY, data),
        bytes: u32::try_from(data.len()).map_err(|_| broken())?,
        #[allow(clippy::cast_possible_truncation, reason = "its two halves")]
        last: [(last >> 32) as u32, last as u32],
        entries,
        kind: Kind::Leaf,
    };
    Ok(Parsed { summary, details })
}

fn bucket_at(value: &[u8], until: i64, names: &mut Vec<Vec<u8>>) -> io::Result<At> {
    let root = u64_at(value, 0)?;
    if root != 0 {
        return Ok(At::Page(u32::try_from(root).map_err(|_| broken())?));
    }
    // Small buckets stand in their parent's page.
    let parsed = parse_leaf(value.get(BUCKET_HEADER..).ok_or_else(broken)?, until, names, false)?;
    Ok(At::Inline(parsed.summary, parsed.details.known))
}

/// The place of a name among all; there are about ten, and many old pages with the same.
fn intern(names: &mut Vec<Vec<u8>>, name: &[u8]) -> io::Result<usize> {
    if let Some(place) = names.iter().position(|known| known == name) {
        return Ok(place);
    }
    if names.len() == MAX_NAMES || name.len() > MAX_NAME {
        return Err(broken());
    }
    names.push(name.to_vec());
    Ok(names.len() - 1)
}

/// The main revision, where a key is one: main, `_`, sub, and `t` on a deletion.
fn revision_of(key: &[u8]) -> Option<u64> {
    let form = matches!(key.len(), 17 | 18) && key[8] == b'_';
    form.then(|| key.first_chunk().map(|main| u64::from_be_bytes(*main))).flatten()
}

fn fnv_64a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

// The format is that of the machine that wrote it; all that etcd supports are little-endian.
fn u16_at(bytes: &[u8], at: usize) -> io::Result<u16> {
    Ok(u16::from_le_bytes(array(bytes, at)?))
}

fn u32_at(bytes: &[u8], at: usize) -> io::Result<u32> {
    Ok(u32::from_le_bytes(array(bytes, at)?))
}

fn u64_at(bytes: &[u8], at: usize) -> io::Result<u64> {
    Ok(u64::from_le_bytes(array(bytes, at)?))
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> io::Result<[u8; N]> {
    bytes.get(at..).and_then(|rest| rest.first_chunk().copied()).ok_or_else(broken)
}

fn broken() -> io::Error {
    io::Error::new(ErrorKind::InvalidData, "its pages make no sense")
}
