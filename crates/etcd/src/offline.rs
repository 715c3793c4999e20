//! What a member's files tell of it, without etcd: how much of its log it knows to be committed.
//!
//! A member that was started again without a quorum answers no client. Its write-ahead log is a row of frames: a
//! length of eight bytes, whose uppermost one counts what fills up to the next eight, and a message with a kind, a
//! checksum and data. Each file begins with who the member is and how far it was; so the newest is enough.

use std::{
    fs::File,
    io::{self, BufReader, ErrorKind, Read},
    path::{Path, PathBuf},
};

use crate::{ClusterMember, pages};

/// Kinds of frames.
const METADATA: u64 = 1;
const STATE: u64 = 3;
/// A frame larger than this is none: a proposal is at most 1.5 MiB at etcd's defaults.
const LARGEST_FRAME: u64 = 512 * 1024 * 1024;

/// What a data directory holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OnDisk {
    /// The cluster's ID.
    pub cluster_id: u64,
    /// The member's own ID.
    pub member_id: u64,
    /// The last index of its log that it knows to be committed.
    pub index: u64,
    /// The revision of its keys.
    pub revision: i64,
    /// The members as it knows them, by rising ID.
    pub members: Vec<ClusterMember>,
}

/// Reads the data directory of a member that does not run, or to which nothing is written.
pub fn read(data: &Path) -> io::Result<OnDisk> {
    let log = newest_log(&data.join("member").join("wal"))?;
    let mut frames = BufReader::new(File::open(log)?);
    let (mut who, mut index) = (None, 0);
    while let Some((kind, data)) = frame(&mut frames)? {
        match kind {
            METADATA => who = Some((number(&data, 1)?, number(&data, 2)?)),
            STATE => index = number(&data, 3)?.max(index),
            _ => {}
        }
    }
    let (member_id, cluster_id) = who.ok_or_else(broken)?;
    let database = File::open(data.join("member").join("snap").join("db"))?;
    let length = database.metadata()?.len();
    let revision = pages::revision(&database, length)?;
    let entries = pages::bucket(&database, length, "members")?;
    let mut members: Vec<ClusterMember> = entries.iter().map(|(_, text)| member(text)).collect::<io::Result<_>>()?;
    members.sort_by_key(|member| member.id);
    Ok(OnDisk { cluster_id, member_id, index, revision, members })
}

/// A member as etcd keeps it.
fn member(text: &[u8]) -> io::Result<ClusterMember> {
    let kept: serde_json::Value = serde_json::from_slice(text)?;
    let text = |value: &serde_json::Value| value.as_str().map(str::to_owned);
    Ok(ClusterMember {
        id: kept["id"].as_u64().ok_or_else(broken)?,
        name: text(&kept["name"]).unwrap_or_default(),
        peer_urls: kept["peerURLs"].as_array().map(|urls| urls.iter().filter_map(text).collect()).unwrap_or_default(),
        learner: kept["isLearner"].as_bool().unwrap_or_default(),
    })
}

/// Logs are named by a number that goes up, in hexadecimal digits of one length.
fn newest_log(dir: &Path) -> io::Result<PathBuf> {
    let mut newest = None;
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "wal") {
            newest = newest.max(Some(path));
        }
    }
    newest.ok_or_else(|| io::Error::new(ErrorKind::NotFound, "there is no write-ahead log"))
}

/// The next frame's kind and, but for those of entries, data; `None` at the end.
fn frame(log: &mut impl Read) -> io::Result<Option<(u64, Vec<u8>)>> {
    let mut length = [0; 8];
    match log.read_exact(&mut length) {
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(None),
        other => other?,
    }
    let field = u64::from_le_bytes(length);
    let (size, filler) = (field & 0x00ff_ffff_ffff_ffff, if field >> 63 == 1 { (field >> 56) & 0x7 } else { 0 });
    // Beyond what was written the file is zeros.
    if size == 0 {
        return Ok(None);
    }
    if size > LARGEST_FRAME {
        return Err(broken());
    }
    let mut bytes = Vec::new();
    log.take(size + filler).read_to_end(&mut bytes)?;
    let size = usize::try_from(size).map_err(|_| broken())?;
    // Cut off by a crash: it was never told to anyone.
    let Some(message) = bytes.get(..size) else { return Ok(None) };
    let data = fields(message).find_map(|field| match field {
        Ok((3, Value::Bytes(data))) => Some(data.to_vec()),
        _ => None,
    });
    Ok(Some((number(message, 1)?, data.unwrap_or_default())))
}

enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

/// The number of a field; 0 where it is not there.
fn number(message: &[u8], wanted: u64) -> io::Result<u64> {
    let mut found = 0;
    for field in fields(message) {
        if let (field, Value::Number(number)) = field?
            && field == wanted
        {
            found = number;
        }
    }
    Ok(found)
}

/// The fields of a message in the encoding of protocol buffers, as far as etcd's logs use it.
fn fields(mut rest: &[u8]) -> impl Iterator<Item = io::Result<(u64, Value<'_>)>> {
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let field = next_field(&mut rest);
        if field.is_err() {
            rest = &[];
        }
        Some(field)
    })
}

fn next_field<'a>(rest: &mut &'a [u8]) -> io::Result<(u64, Value<'a>)> {
    let tag = varint(rest)?;
    let value = match tag & 7 {
        0 => Value::Number(varint(rest)?),
        2 => {
            let length = usize::try_from(varint(rest)?).map_err(|_| broken())?;
            let (bytes, after) = rest.split_at_checked(length).ok_or_else(broken)?;
            *rest = after;
            Value::Bytes(bytes)
        }
        _ => return Err(broken()),
    };
    Ok((tag >> 3, value))
}

fn varint(rest: &mut &[u8]) -> io::Result<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (byte, after) = rest.split_first().ok_or_else(broken)?;
        *rest = after;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err(broken())
}

fn broken() -> io::Error {
    io::Error::new(ErrorKind::InvalidData, "its write-ahead log makes no sense")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, missing_docs)]
    use super::*;

    /// A frame as etcd writes it: filled up to eight bytes.
    fn written(kind: u8, data: &[u8]) -> Vec<u8> {
        let mut message = vec![0x08, kind, 0x10, 0x07, 0x1a, u8::try_from(data.len()).unwrap()];
        message.extend(data);
        let filler = (8 - message.len() % 8) % 8;
        let mut length = message.len() as u64;
        if filler > 0 {
            length |= (0x80 | filler as u64) << 56;
        }
        let mut bytes = length.to_le_bytes().to_vec();
        bytes.extend(message);
        bytes.extend(vec![0; filler]);
        bytes
    }

    fn state(commit: u8) -> Vec<u8> {
        written(3, &[0x08, 2, 0x10, 1, 0x18, commit])
    }

    fn states(mut log: &[u8]) -> Vec<u64> {
        let mut found = Vec::new();
        while let Some((kind, data)) = frame(&mut log).unwrap() {
            if kind == STATE {
                found.push(number(&data, 3).unwrap());
            }
        }
        found
    }

    #[test]
    fn every_state_is_found_up_to_the_zeros() {
        let log = [written(1, &[0x08, 5, 0x10, 6]), state(4), written(2, b"an entry"), state(9), vec![0; 64]].concat();
        assert_eq!(states(&log), [4, 9]);
    }

    #[test]
    fn a_frame_that_a_crash_cut_off_is_none() {
        let log = [state(4), state(9)].concat();
        // What fills up to eight bytes is no part of it.
        for length in 0..log.len() - 8 {
            assert!(states(&log[..length]).iter().all(|commit| *commit == 4), "{length}");
        }
    }

    #[test]
    fn what_is_no_log_is_an_error_and_not_a_number() {
        let mut nonsense: &[u8] = &[0xff; 64];
        assert!(frame(&mut nonsense).is_err());
    }
}
