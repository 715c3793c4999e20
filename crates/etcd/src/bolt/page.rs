//! One page of bbolt's format, version 2, and what it comes to.

use std::io::{self, ErrorKind};

use crate::crc;

pub(crate) const MAGIC: u32 = 0xED0C_DAED;
pub(crate) const VERSION: u32 = 2;
pub(crate) const PAGE_HEADER: usize = 16;
pub(crate) const META: usize = 64;
pub(crate) const ELEMENT: usize = 16;
pub(crate) const BRANCH: u16 = 0x01;
pub(crate) const LEAF: u16 = 0x02;
/// On an element: its value is a bucket.
pub(crate) const BUCKET: u32 = 0x01;
/// Deeper than any tree whose pages hold two elements each.
pub(crate) const MAX_DEPTH: usize = 64;
/// What stands before a small bucket's own page within its parent's.
const BUCKET_HEADER: usize = 16;
/// How many names of buckets are kept, those from pages that only look like some among them.
const MAX_NAMES: usize = 256;
/// How long the name of a bucket may be; etcd's are shorter than 20 bytes.
const MAX_NAME: usize = 256;
/// The largest page that an operating system has.
pub(super) const MAX_PAGE: usize = 65536;

#[derive(Clone, Copy, Default)]
pub(super) struct Summary {
    pub(super) crc: u32,
    pub(super) bytes: u32,
    /// The main revision of the last key, where it is one; its halves, for the sake of its size.
    pub(super) last: [u32; 2],
    pub(super) entries: u16,
    pub(super) kind: Kind,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Kind {
    /// Free, or part of another, or about free pages.
    #[default]
    Other,
    Branch,
    Leaf,
    /// A page that makes no sense. Only matters if it is in use.
    Broken,
}

impl Summary {
    pub(super) fn last(self) -> u64 {
        u64::from(self.last[0]) << 32 | u64::from(self.last[1])
    }
}

#[derive(Default)]
pub(super) struct Details {
    pub(super) buckets: Vec<BucketAt>,
    pub(super) known: Known,
}

/// Values of the bucket `meta` that matter.
#[derive(Default, Clone, Copy)]
pub(super) struct Known {
    pub(super) scheduled_compaction: Option<i64>,
    pub(super) finished_compaction: Option<i64>,
    pub(super) consistent_index: Option<u64>,
}

pub(super) struct BucketAt {
    /// Its place in `names`.
    pub(super) name: usize,
    pub(super) at: At,
}

pub(super) enum At {
    Page(u32),
    /// Within its parent's page.
    Inline(Summary, Known),
}

pub(super) struct Meta {
    pub(super) page_size: usize,
    pub(super) root: u32,
    pub(super) transaction: u64,
}

/// Where a leaf page ends to be of interest, and what it holds.
pub(super) struct Parsed {
    pub(super) summary: Summary,
    pub(super) details: Details,
}

impl Details {
    pub(super) fn says_anything(&self) -> bool {
        let Known { scheduled_compaction, finished_compaction, consistent_index } = self.known;
        !self.buckets.is_empty()
            || scheduled_compaction.is_some()
            || finished_compaction.is_some()
            || consistent_index.is_some()
    }
}

impl Known {
    pub(super) fn add(&mut self, other: Self) {
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

/// Flags and number of pages that it flows over into, of a page that says it is this one.
pub(super) fn header(bytes: &[u8], number: u32) -> io::Result<(u16, u32)> {
    if u64_at(bytes, 0)? != u64::from(number) {
        return Err(broken());
    }
    Ok((u16_at(bytes, 8)?, u32_at(bytes, 12)?))
}

pub(super) fn meta(bytes: &[u8], place: usize) -> Option<Meta> {
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

pub(super) fn children(page: &[u8]) -> io::Result<Box<[u32]>> {
    (0..usize::from(u16_at(page, 10)?))
        .map(|n| u32::try_from(u64_at(page, PAGE_HEADER + n * ELEMENT + 8)?).map_err(|_| broken()))
        .collect()
}

/// Sums up a leaf page. bbolt writes keys and values one after the other in their order, so that they are summed
/// in one go.
pub(super) fn parse_leaf(page: &[u8], until: i64, names: &mut Vec<Vec<u8>>, top: bool) -> io::Result<Parsed> {
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

pub(crate) fn fnv_64a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

// The format is that of the machine that wrote it; all that etcd supports are little-endian.
pub(crate) fn u16_at(bytes: &[u8], at: usize) -> io::Result<u16> {
    Ok(u16::from_le_bytes(array(bytes, at)?))
}

pub(crate) fn u32_at(bytes: &[u8], at: usize) -> io::Result<u32> {
    Ok(u32::from_le_bytes(array(bytes, at)?))
}

pub(crate) fn u64_at(bytes: &[u8], at: usize) -> io::Result<u64> {
    Ok(u64::from_le_bytes(array(bytes, at)?))
}

pub(crate) fn array<const N: usize>(bytes: &[u8], at: usize) -> io::Result<[u8; N]> {
    bytes.get(at..).and_then(|rest| rest.first_chunk().copied()).ok_or_else(broken)
}

pub(crate) fn broken() -> io::Error {
    io::Error::new(ErrorKind::InvalidData, "its pages make no sense")
}
