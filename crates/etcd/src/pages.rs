//! Looking up a few things in etcd's database file where it lies: bbolt's format, version 2. What goes through a
//! whole database as it comes is [`crate::bolt`].
//!
//! Only headers of leaf pages are read, and the few pages that lead to them: 16 bytes of each 4 KiB.

use std::{fs::File, io, os::unix::fs::FileExt};

use crate::bolt::page::{
    BRANCH, BUCKET, ELEMENT, LEAF, MAGIC, MAX_DEPTH, META, PAGE_HEADER, VERSION, array, broken, fnv_64a, u16_at,
    u32_at, u64_at,
};

/// Page sizes that operating systems have.
const PAGE_SIZES: std::ops::RangeInclusive<u64> = 512..=65536;

/// The revision that a member starts from with the database that is the first `length` bytes of `file`.
pub fn revision(file: &File, length: u64) -> io::Result<i64> {
    // An empty store is at revision 1.
    let mut revision = 1;
    if let Some((key, _)) = last(file, length, "key")? {
        // A key is its revision: main, `_`, sub.
        revision = revision.max(i64::from_be_bytes(array(&key, 0)?));
    }
    // Where the last keys are gone, only this tells how far the store had come.
    for (key, value) in bucket(file, length, "meta")? {
        if key == b"scheduledCompactRev" || key == b"finishedCompactRev" {
            revision = revision.max(i64::from_be_bytes(array(&value, 0)?));
        }
    }
    Ok(revision)
}

/// Where a bucket begins: what its entry in the root says.
fn find(database: &mut Database<'_>, root: u64, wanted: &str) -> io::Result<Option<Vec<u8>>> {
    let mut found = None;
    database.leaves(root, 0, &mut |database, page| {
        let mut all = elements(&database.page(page)?)?.into_iter();
        let is_wanted = |(key, _, flags): &Element| flags & BUCKET != 0 && key == wanted.as_bytes();
        found = found.take().or(all.find(is_wanted).map(|(_, value, _)| value));
        Ok(())
    })?;
    Ok(found)
}

/// The last key and value of a bucket. Of its leaf pages only that one is read as a whole.
fn last(file: &File, length: u64, wanted: &str) -> io::Result<Option<(Vec<u8>, Vec<u8>)>> {
    let (page_size, root) = newest_meta(file, length)?;
    let mut database = Database { file, page_size, pages_left: length / page_size, length };
    let Some(value) = find(&mut database, root, wanted)? else { return Ok(None) };
    let mut page = None;
    let entries = match u64_at(&value, 0)? {
        // Small buckets stand in their parent's page, after 16 bytes of their own.
        0 => elements(value.get(16..).ok_or_else(broken)?)?,
        root => {
            database.leaves(root, 0, &mut |database, leaf| {
                if u16_at(&database.bytes(leaf, PAGE_HEADER)?, 10)? > 0 {
                    page = Some(leaf);
                }
                Ok(())
            })?;
            page.map_or(Ok(Vec::new()), |page| elements(&database.page(page)?))?
        }
    };
    Ok(entries.into_iter().last().map(|(key, value, _)| (key, value)))
}

/// The keys and values of one of etcd's smaller buckets; none where there is no such bucket.
pub fn bucket(file: &File, length: u64, wanted: &str) -> io::Result<Vec<(Vec<u8>, Vec<u8>)>> {
    let (page_size, root) = newest_meta(file, length)?;
    let mut database = Database { file, page_size, pages_left: length / page_size, length };
    let Some(value) = find(&mut database, root, wanted)? else { return Ok(Vec::new()) };
    let mut entries = Vec::new();
    match u64_at(&value, 0)? {
        0 => entries = elements(value.get(16..).ok_or_else(broken)?)?,
        root => database.leaves(root, 0, &mut |database, page| {
            entries.extend(elements(&database.page(page)?)?);
            Ok(())
        })?,
    }
    Ok(entries.into_iter().map(|(key, value, _)| (key, value)).collect())
}

/// Page size, and root of the newer of the two meta pages.
fn newest_meta(file: &File, length: u64) -> io::Result<(u64, u64)> {
    let first = meta(file, 0, length);
    let second = match &first {
        Ok(first) => meta(file, first.page_size, length),
        Err(_) => {
            (9..=16).map(|bits| meta(file, 1 << bits, length)).find(Result::is_ok).unwrap_or_else(|| Err(broken()))
        }
    };
    let newest = match (first, second) {
        (Ok(first), Ok(second)) => {
            if second.transaction > first.transaction {
                second
            } else {
                first
            }
        }
        (Ok(only), Err(_)) | (Err(_), Ok(only)) => only,
        (Err(error), Err(_)) => return Err(error),
    };
    Ok((newest.page_size, newest.root))
}

struct Meta {
    page_size: u64,
    root: u64,
    transaction: u64,
}

fn meta(file: &File, offset: u64, length: u64) -> io::Result<Meta> {
    if offset + (PAGE_HEADER + META) as u64 > length {
        return Err(broken());
    }
    let mut bytes = [0; META];
    file.read_exact_at(&mut bytes, offset + PAGE_HEADER as u64)?;
    let page_size = u64::from(u32_at(&bytes, 8)?);
    let sound = u32_at(&bytes, 0)? == MAGIC
        && u32_at(&bytes, 4)? == VERSION
        && PAGE_SIZES.contains(&page_size)
        && page_size.is_power_of_two()
        && u64_at(&bytes, META - 8)? == fnv_64a(&bytes[..META - 8]);
    if !sound {
        return Err(broken());
    }
    Ok(Meta { page_size, root: u64_at(&bytes, 16)?, transaction: u64_at(&bytes, 48)? })
}

struct Database<'a> {
    file: &'a File,
    page_size: u64,
    length: u64,
    /// A sound tree has each page once.
    pages_left: u64,
}

impl Database<'_> {
    /// Calls `visit` with each leaf page below `page`, in the order of their keys.
    fn leaves(
        &mut self,
        page: u64,
        depth: usize,
        visit: &mut dyn FnMut(&Self, u64) -> io::Result<()>,
    ) -> io::Result<()> {
        self.pages_left = self.pages_left.checked_sub(1).ok_or_else(broken)?;
        if depth > MAX_DEPTH {
            return Err(broken());
        }
        match u16_at(&self.bytes(page, PAGE_HEADER)?, 8)? {
            LEAF => visit(self, page),
            BRANCH => {
                let bytes = self.page(page)?;
                for n in 0..usize::from(u16_at(&bytes, 10)?) {
                    self.leaves(u64_at(&bytes, PAGE_HEADER + n * ELEMENT + 8)?, depth + 1, visit)?;
                }
                Ok(())
            }
            _ => Err(broken()),
        }
    }

    /// A page with what flows over into those after it.
    fn page(&self, page: u64) -> io::Result<Vec<u8>> {
        let overflow = u64::from(u32_at(&self.bytes(page, PAGE_HEADER)?, 12)?);
        let bytes = (overflow + 1).checked_mul(self.page_size).ok_or_else(broken)?;
        self.bytes(page, usize::try_from(bytes).map_err(|_| broken())?)
    }

    /// The first `count` bytes from the start of a page.
    fn bytes(&self, page: u64, count: usize) -> io::Result<Vec<u8>> {
        let start = page.checked_mul(self.page_size).ok_or_else(broken)?;
        if start.checked_add(count as u64).is_none_or(|end| end > self.length) {
            return Err(broken());
        }
        let mut bytes = vec![0; count];
        self.file.read_exact_at(&mut bytes, start)?;
        Ok(bytes)
    }
}

type Element = (Vec<u8>, Vec<u8>, u32);

/// Key, value and flags of each element of a leaf page.
fn elements(page: &[u8]) -> io::Result<Vec<Element>> {
    let element = |n: usize| {
        let at = PAGE_HEADER + n * ELEMENT;
        let field = |n: usize| u32_at(page, at + 4 * n).map(|value| value as usize);
        let start = at.checked_add(field(1)?).ok_or_else(broken)?;
        let middle = start.checked_add(field(2)?).ok_or_else(broken)?;
        let end = middle.checked_add(field(3)?).ok_or_else(broken)?;
        let part = |range: std::ops::Range<usize>| page.get(range).map(<[u8]>::to_vec).ok_or_else(broken);
        Ok((part(start..middle)?, part(middle..end)?, u32_at(page, at)?))
    };
    (0..usize::from(u16_at(page, 10)?)).map(element).collect()
}
