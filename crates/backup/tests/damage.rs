//! Nothing that is not exactly what was stored opens.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::{
    fs,
    sync::{LazyLock, Mutex},
};

use cetcd_backup::{
    Error, Progress,
    seal::{CHUNK, HEADER, Opening, Sealing, TAG, Unsealable},
};
use cetcd_core::Entropy;
use proptest::prelude::*;
use support::{Counted, about, database, id, in_folder, instance, key, stream};

fn seal(name: &str, plain: &[u8]) -> Vec<u8> {
    // Another name, another salt.
    let seed = name.bytes().map(u64::from).sum();
    let mut sealing = Sealing::new(&key(), &instance(), &id(name), &Counted::from(Mutex::new(seed))).unwrap();
    for part in plain.chunks(10_000) {
        sealing.update(part).unwrap();
    }
    let mut stored = std::mem::take(sealing.sealed());
    stored.extend(sealing.finish().unwrap().0);
    stored
}

/// Opens what comes in parts of so many bytes.
fn open(stored: &[u8], step: usize) -> Result<Vec<u8>, Unsealable> {
    let mut opening = Opening::new(&key(), &instance(), &id("snap-1"), Vec::new())?;
    for part in stored.chunks(step) {
        opening.update(part)?;
    }
    opening.finish()
}

/// Bytes that do not compress.
fn noise(length: usize) -> Vec<u8> {
    let mut plain = vec![0; length];
    Counted::default().fill(&mut plain);
    plain
}

/// Four chunks, the last of them short.
static LARGE: LazyLock<(Vec<u8>, Vec<u8>)> = LazyLock::new(|| {
    let plain = noise(3 * CHUNK + 1000);
    let stored = seal("snap-1", &plain);
    assert_eq!(stored.len().div_ceil(CHUNK + TAG), 4);
    (plain, stored)
});

/// As the first release sealed: with the `aead` crate's own STREAM.
fn sealed_by_the_first_release(name: &str, compressed: &[u8]) -> Vec<u8> {
    use chacha20poly1305::{ChaCha20Poly1305, Key, KeyInit, aead::stream::EncryptorBE32};
    use hmac::{Hmac, Mac};

    let header = [&b"CETCDBK\x01"[..], &[9; 32]].concat();
    let mut mac = <Hmac<sha2::Sha256> as Mac>::new_from_slice(key().as_bytes()).unwrap();
    for part in [&b"cetcd backup data"[..], instance().as_str().as_bytes(), name.as_bytes(), &header] {
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part);
    }
    let cipher = ChaCha20Poly1305::new(Key::from_slice(&mac.finalize().into_bytes()));
    let mut stream = EncryptorBE32::from_aead(cipher, &[0; 7].into());
    let mut chunks: Vec<Vec<u8>> = compressed.chunks(CHUNK).map(<[u8]>::to_vec).collect();
    let mut last = chunks.pop().unwrap();
    for chunk in &mut chunks {
        stream.encrypt_next_in_place(b"", chunk).unwrap();
    }
    stream.encrypt_last_in_place(b"", &mut last).unwrap();
    [header, chunks.concat(), last].concat()
}

#[test]
fn what_the_first_release_sealed_opens() {
    for length in [10, CHUNK, 5 * CHUNK + 17] {
        let plain = noise(length);
        let compressed = zstd::encode_all(plain.as_slice(), 1).unwrap();
        assert!(open(&sealed_by_the_first_release("snap-1", &compressed), 9999).unwrap() == plain, "{length}");
    }
}

#[test]
fn what_was_compressed_wrongly_and_then_sealed_does_not_open() {
    let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
    encoder.include_checksum(true).unwrap();
    std::io::Write::write_all(&mut encoder, &noise(300_000)).unwrap();
    let mut compressed = encoder.finish().unwrap();
    open(&sealed_by_the_first_release("snap-1", &compressed), 9999).unwrap();
    // Of what does not compress, a bit of the frame is a bit of the data.
    compressed[150_000] ^= 1;
    let opened = open(&sealed_by_the_first_release("snap-1", &compressed), 9999);
    assert!(matches!(opened, Err(Unsealable::Damaged("its data cannot be decompressed"))), "{opened:?}");
}

#[test]
fn what_is_sealed_carries_the_checksum_of_what_it_was() {
    let plain = b"a small snapshot";
    let mut sealing = Sealing::new(&key(), &instance(), &id("snap-1"), &Counted::default()).unwrap();
    sealing.update(plain).unwrap();
    let (_, compressed) = sealing.finish().unwrap();
    let without_checksum = zstd::encode_all(&plain[..], 1).unwrap();
    assert_eq!(compressed, without_checksum.len() as u64 + 4);
}

#[test]
fn every_length_around_the_ends_of_chunks_comes_back() {
    for length in [0, 1, CHUNK - 20, CHUNK, 2 * CHUNK].into_iter().chain(CHUNK - 16..CHUNK + 2) {
        let plain = noise(length);
        assert_eq!(open(&seal("snap-1", &plain), 9999).unwrap(), plain, "{length}");
    }
}

#[test]
fn what_compresses_a_thousandfold_comes_back() {
    let plain = vec![0; 50 << 20];
    let stored = seal("snap-1", &plain);
    assert!(stored.len() < plain.len() / 1000);
    assert!(open(&stored, 4096).unwrap() == plain);
}

#[test]
fn each_single_bit_of_a_small_object_is_watched() {
    let stored = seal("snap-1", b"a small snapshot");
    assert_eq!(open(&stored, 7).unwrap(), b"a small snapshot");
    for bit in 0..stored.len() * 8 {
        let mut changed = stored.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert!(matches!(open(&changed, 50), Err(Unsealable::Damaged(_))), "bit {bit}");
    }
}

#[test]
fn each_cut_of_a_small_object_is_seen() {
    let stored = seal("snap-1", b"a small snapshot");
    for length in 0..stored.len() {
        assert!(matches!(open(&stored[..length], 50), Err(Unsealable::Damaged(_))), "{length}");
    }
}

#[test]
fn chunks_keep_their_places() {
    let (_, stored) = &*LARGE;
    let other = seal("snap-2", &noise(3 * CHUNK + 1000));
    let split = |stored: &[u8]| -> (Vec<u8>, Vec<Vec<u8>>) {
        (stored[..HEADER].to_vec(), stored[HEADER..].chunks(CHUNK + TAG).map(<[u8]>::to_vec).collect())
    };
    let (header, chunks) = split(stored);
    let (other_header, other_chunks) = split(&other);
    let part = |n: usize| chunks[n].clone();
    let rebuilt = |header: &[u8], chunks: &[Vec<u8>]| open(&[header.to_vec(), chunks.concat()].concat(), 50_000);
    assert!(rebuilt(&header, &chunks).is_ok());
    for (what, header, chunks) in [
        ("swapped", &header, vec![part(1), part(0), part(2), part(3)]),
        ("one left out", &header, vec![part(0), part(2), part(3)]),
        ("the first left out", &header, vec![part(1), part(2), part(3)]),
        ("the last left out", &header, vec![part(0), part(1), part(2)]),
        ("one twice", &header, vec![part(0), part(1), part(1), part(2), part(3)]),
        ("one of another snapshot", &header, vec![part(0), other_chunks[1].clone(), part(2), part(3)]),
        ("the head of another snapshot", &other_header, chunks.clone()),
        ("something after the end", &header, [chunks.clone(), vec![vec![0]]].concat()),
        ("all of another snapshot", &other_header, other_chunks.clone()),
    ] {
        assert!(matches!(rebuilt(header, &chunks), Err(Unsealable::Damaged(_))), "{what}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_changed_bit_anywhere_is_seen(at in any::<prop::sample::Index>(), bit in 0..8_u8, step in 1000..100_000_usize) {
        let mut changed = LARGE.1.clone();
        let at = at.index(changed.len());
        changed[at] ^= 1 << bit;
        prop_assert!(matches!(open(&changed, step), Err(Unsealable::Damaged(_))), "byte {}", at);
    }

    #[test]
    fn a_cut_anywhere_is_seen(at in any::<prop::sample::Index>(), step in 1000..100_000_usize) {
        let stored = &LARGE.1;
        let cut = &stored[..at.index(stored.len())];
        prop_assert!(matches!(open(cut, step), Err(Unsealable::Damaged(_))));
    }

    #[test]
    fn however_it_is_cut_into_parts_it_comes_back(step in 1..200_000_usize) {
        prop_assert!(open(&LARGE.1, step.max(500)).unwrap() == LARGE.0);
    }
}

/// The same of whole repositories, with every kind of object.
#[tokio::test]
async fn a_changed_bit_in_any_object_is_found_by_verify() {
    let folder = tempfile::tempdir().unwrap();
    let repository = in_folder(folder.path());
    repository.create(&key(), about("snap-1"), stream(database(40).snapshot()), &Progress::default()).await.unwrap();
    for part in ["manifests", "data"] {
        let path = folder.path().join(format!("{}/{part}/snap-1", instance()));
        let stored = fs::read(&path).unwrap();
        for at in (0..stored.len()).step_by(1 + stored.len() / 150) {
            let mut changed = stored.clone();
            changed[at] ^= 1 << (at % 8);
            fs::write(&path, &changed).unwrap();
            let verified = repository.verify(&key(), &instance(), &id("snap-1"), &Progress::default()).await;
            assert!(matches!(verified, Err(Error::Damaged { .. })), "{part}, byte {at}: {verified:?}");
        }
        for length in [0, 1, 39, 40, 41, stored.len() / 2, stored.len() - 1] {
            fs::write(&path, &stored[..length]).unwrap();
            let verified = repository.verify(&key(), &instance(), &id("snap-1"), &Progress::default()).await;
            assert!(matches!(verified, Err(Error::Damaged { .. })), "{part}, cut to {length}: {verified:?}");
        }
        fs::write(&path, &stored).unwrap();
    }
    repository.verify(&key(), &instance(), &id("snap-1"), &Progress::default()).await.unwrap();
}
