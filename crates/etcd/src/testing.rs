//! Databases as etcd writes them, made up: for tests, and for a simulation that has no etcd.

use sha2::{Digest, Sha256};

const PAGE: usize = 4096;
const META: u16 = 0x04;
const BRANCH: u16 = 0x01;
const LEAF: u16 = 0x02;
const FREELIST: u16 = 0x10;
const BUCKET: u32 = 0x01;

/// Keys and values.
pub type Entries = Vec<(Vec<u8>, Vec<u8>)>;

/// What is to be in a database.
#[derive(Debug, Clone, Default)]
pub struct Database {
    /// Main revision, rising, and value of each entry of the bucket `key`.
    pub keys: Vec<(i64, Vec<u8>)>,
    /// Up to where history was compacted; 0 for never.
    pub compacted: i64,
    /// Key and value of each entry of other buckets, by name; both in their order. Small ones.
    pub others: Vec<(&'static str, Entries)>,
}

impl Database {
    /// The database's file.
    pub fn file(&self) -> Vec<u8> {
        let mut pages = vec![vec![0; PAGE], vec![0; PAGE], page(2, FREELIST, 0, PAGE, &[])];
        // A page that is no longer in use, and still looks like one that is.
        let stale = leaf(3, &[(revision(1), b"long gone".to_vec(), 0)]);
        pages.push(stale);

        let keys: Entries = self.keys.iter().map(|(main, value)| (revision(*main), value.clone())).collect();
        let root = tree(&mut pages, &keys);
        let mut buckets = vec![(b"key".to_vec(), at_page(root), BUCKET)];
        if self.compacted > 0 {
            let entries = vec![
                (b"finishedCompactRev".to_vec(), revision(self.compacted)),
                (b"scheduledCompactRev".to_vec(), revision(self.compacted)),
            ];
            buckets.push((b"meta".to_vec(), inline(&entries), BUCKET));
        }
        for (name, entries) in &self.others {
            buckets.push((name.as_bytes().to_vec(), inline(entries), BUCKET));
        }
        buckets.sort();
        let number = pages_of(&pages);
        pages.push(leaf(number, &buckets));
        let end = pages_of(&pages);
        for transaction in [0, 1] {
            pages[transaction] = meta(transaction as u64, number, end);
        }
        pages.concat()
    }

    /// What a member would send: the file, and its SHA-256.
    pub fn snapshot(&self) -> Vec<u8> {
        let mut bytes = self.file();
        let hash = Sha256::digest(&bytes);
        bytes.extend_from_slice(&hash);
        bytes
    }
}

/// The pages of a snapshot of so many leaf pages, 4 KiB each, with an entry that does not compress on every one; and
/// its SHA-256. They are made as they are taken, so that a large one takes no memory.
pub fn large(leaves: u32) -> impl Iterator<Item = Vec<u8>> + Send + 'static {
    const FIRST: u64 = 3;
    let level: Vec<_> = (0..u64::from(leaves)).map(|n| (revision(2 + n.cast_signed()), FIRST + n)).collect();
    let mut upper = Vec::new();
    let root = branches(&mut upper, level, FIRST + u64::from(leaves));
    let number = FIRST + u64::from(leaves) + upper.len() as u64;
    upper.push(leaf(number, &[(b"key".to_vec(), at_page(root), BUCKET)]));
    let lower = [meta(0, number, number + 1), meta(1, number, number + 1), page(2, FREELIST, 0, PAGE, &[])];
    let mut state = 1_u64;
    let leaves = (0..u64::from(leaves)).map(move |n| {
        let mut value = Vec::with_capacity(4000);
        while value.len() < 4000 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            value.extend_from_slice(&state.to_be_bytes()[..4]);
        }
        leaf(FIRST + n, &[(revision(2 + n.cast_signed()), value, 0)])
    });
    let mut hash = Some(Sha256::new());
    let mut pages = lower.into_iter().chain(leaves).chain(upper);
    std::iter::from_fn(move || {
        if let Some(page) = pages.next() {
            hash.as_mut().expect("taken at the end").update(&page);
            return Some(page);
        }
        Some(hash.take()?.finalize().to_vec())
    })
}

/// A key of the bucket `key`.
fn revision(main: i64) -> Vec<u8> {
    [main.to_be_bytes().as_slice(), b"_", &0_i64.to_be_bytes()].concat()
}

fn pages_of(pages: &[Vec<u8>]) -> u64 {
    pages.iter().map(|page| (page.len() / PAGE) as u64).sum()
}

/// Writes the leaf pages of a bucket, the branches above them, and answers the root.
fn tree(pages: &mut Vec<Vec<u8>>, entries: &Entries) -> u64 {
    let mut level: Vec<(Vec<u8>, u64)> = Vec::new();
    let mut rest = entries.as_slice();
    loop {
        let mut bytes = 0;
        let fits = rest.iter().take_while(|(key, value)| {
            bytes += 16 + key.len() + value.len();
            bytes <= PAGE - 16
        });
        let count = fits.count().max(1).min(rest.len());
        let (now, later) = rest.split_at(count);
        let number = pages_of(pages);
        let elements: Vec<_> = now.iter().map(|(key, value)| (key.clone(), value.clone(), 0)).collect();
        pages.push(leaf(number, &elements));
        level.push((now.first().map(|(key, _)| key.clone()).unwrap_or_default(), number));
        rest = later;
        if rest.is_empty() {
            break;
        }
    }
    let next = pages_of(pages);
    branches(pages, level, next)
}

/// Writes the branch pages above pages with these first keys, the first of them at `next`; answers the root.
fn branches(pages: &mut Vec<Vec<u8>>, mut level: Vec<(Vec<u8>, u64)>, mut next: u64) -> u64 {
    while level.len() > 1 {
        level = level
            .chunks(64)
            .map(|children| {
                pages.push(branch(next, children));
                next += 1;
                (children[0].0.clone(), next - 1)
            })
            .collect();
    }
    level[0].1
}

fn at_page(root: u64) -> Vec<u8> {
    [root.to_le_bytes(), [0; 8]].concat()
}

fn inline(entries: &Entries) -> Vec<u8> {
    let elements: Vec<_> = entries.iter().map(|(key, value)| (key.clone(), value.clone(), 0)).collect();
    let (head, data) = leaf_parts(&elements);
    [[0; 16].as_slice(), &header(0, LEAF, entries.len(), 0), &head, &data].concat()
}

fn leaf(number: u64, elements: &[(Vec<u8>, Vec<u8>, u32)]) -> Vec<u8> {
    let (head, data) = leaf_parts(elements);
    let body = [head, data].concat();
    page(number, LEAF, elements.len(), (16 + body.len()).next_multiple_of(PAGE), &body)
}

fn leaf_parts(elements: &[(Vec<u8>, Vec<u8>, u32)]) -> (Vec<u8>, Vec<u8>) {
    let (mut head, mut data) = (Vec::new(), Vec::new());
    for (n, (key, value, flags)) in elements.iter().enumerate() {
        let place = (elements.len() - n) * 16 + data.len();
        for field in [*flags, short(place), short(key.len()), short(value.len())] {
            head.extend_from_slice(&field.to_le_bytes());
        }
        data.extend_from_slice(key);
        data.extend_from_slice(value);
    }
    (head, data)
}

fn branch(number: u64, children: &[(Vec<u8>, u64)]) -> Vec<u8> {
    let (mut head, mut data) = (Vec::new(), Vec::new());
    for (n, (key, child)) in children.iter().enumerate() {
        let place = (children.len() - n) * 16 + data.len();
        for field in [short(place), short(key.len())] {
            head.extend_from_slice(&field.to_le_bytes());
        }
        head.extend_from_slice(&child.to_le_bytes());
        data.extend_from_slice(key);
    }
    page(number, BRANCH, children.len(), PAGE, &[head, data].concat())
}

fn page(number: u64, flags: u16, count: usize, length: usize, body: &[u8]) -> Vec<u8> {
    let mut bytes = header(number, flags, count, length / PAGE - 1);
    bytes.extend_from_slice(body);
    bytes.resize(length, 0);
    bytes
}

fn header(number: u64, flags: u16, count: usize, overflow: usize) -> Vec<u8> {
    let count = u16::try_from(count).expect("a few entries a page");
    [number.to_le_bytes().as_slice(), &flags.to_le_bytes(), &count.to_le_bytes(), &short(overflow).to_le_bytes()]
        .concat()
}

fn meta(transaction: u64, root: u64, end: u64) -> Vec<u8> {
    let mut body = Vec::new();
    for field in [0xED0C_DAED, 2, short(PAGE), 0] {
        body.extend_from_slice(&field.to_le_bytes());
    }
    for field in [root, 0, 2, end, transaction] {
        body.extend_from_slice(&field.to_le_bytes());
    }
    let sum = body
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3));
    body.extend_from_slice(&sum.to_le_bytes());
    page(transaction, META, 0, PAGE, &body)
}

fn short(number: usize) -> u32 {
    u32::try_from(number).expect("small databases")
}
