//! Reading from etcd's database file what it holds while it goes by, without keeping it: bbolt's format,
//! version 2.
//!
//! Pages come in the order of the file, not in that of the tree, and which of them are in use is known only at
//! the end. So each page leaves a summary of twenty bytes (5 MiB for each GiB of 4 KiB pages), and the tree is
//! walked over the summaries.

pub(crate) mod page;

use std::{collections::HashMap, io};

use page::{At, BRANCH, Details, Kind, Known, LEAF, MAX_DEPTH, MAX_PAGE, META, Meta, PAGE_HEADER, Summary};
use page::{broken, children, header, meta, parse_leaf, u16_at};

use crate::crc::{self, Combiner};

/// The bucket of all keys.
const KEYS: &[u8] = b"key";
/// What is kept at most of values that flow over their page, until they are whole. etcd takes requests of
/// 1.5 MiB unless told otherwise.
const MAX_WAITING: usize = 16 << 20;

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
/// A page that flows over into pages to come. Whether it is in use is not known: a page in the middle of it may
/// have been written later, and be in use itself.
struct Waiting {
    page: u32,
    bytes: Vec<u8>,
    wanted: usize,
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
