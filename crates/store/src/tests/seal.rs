use std::os::unix::fs::PermissionsExt;

use crate::Error;
use crate::seal::{MasterKey, Sealer};

fn sealer() -> Sealer {
    Sealer::new(&MasterKey::from_bytes([7; 32]))
}

#[test]
fn what_was_sealed_opens_in_its_own_context() {
    let sealed = sealer().seal("keys/a", b"secret");
    assert_eq!(sealer().open("keys/a", &sealed).unwrap().as_slice(), b"secret");
    assert!(!sealed.windows(6).any(|window| window == b"secret"));
    let empty = sealer().seal("", b"");
    assert!(sealer().open("", &empty).unwrap().is_empty());
}

#[test]
fn sealing_twice_gives_different_bytes() {
    assert_ne!(sealer().seal("a", b"secret"), sealer().seal("a", b"secret"));
}

#[test]
fn a_change_of_any_byte_is_noticed() {
    let sealed = sealer().seal("a", b"secret");
    for position in 0..sealed.len() {
        let mut changed = sealed.clone();
        changed[position] ^= 1;
        let refused = sealer().open("a", &changed);
        assert!(matches!(refused, Err(Error::NotAuthentic)), "byte {position}");
    }
}

#[test]
fn a_cut_value_is_refused() {
    let sealed = sealer().seal("a", b"secret");
    for length in 0..sealed.len() {
        assert!(matches!(sealer().open("a", &sealed[..length]), Err(Error::NotAuthentic)));
    }
}

#[test]
fn another_record_does_not_open_it() {
    let sealed = sealer().seal("a", b"secret");
    assert!(matches!(sealer().open("b", &sealed), Err(Error::NotAuthentic)));
}

#[test]
fn another_key_does_not_open_it() {
    let sealed = sealer().seal("a", b"secret");
    let other = Sealer::new(&MasterKey::from_bytes([8; 32]));
    assert!(matches!(other.open("a", &sealed), Err(Error::NotAuthentic)));
}

#[test]
fn debug_shows_no_key() {
    let key = MasterKey::from_bytes([7; 32]);
    assert_eq!(format!("{key:?}"), "MasterKey([redacted])");
    assert_eq!(format!("{:?}", sealer()), "Sealer([redacted])");
}

#[test]
fn the_master_key_is_made_once_for_its_owner_only() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("master.key");
    let sealed = Sealer::new(&MasterKey::load_or_create(&path).unwrap()).seal("a", b"secret");
    let metadata = std::fs::metadata(&path).unwrap();
    assert_eq!((metadata.len(), metadata.permissions().mode() & 0o777), (32, 0o600));
    let again = Sealer::new(&MasterKey::load_or_create(&path).unwrap());
    assert_eq!(again.open("a", &sealed).unwrap().as_slice(), b"secret");
    assert_eq!(folder.path().read_dir().unwrap().count(), 1, "no draft is left behind");
}

#[test]
fn several_at_once_get_the_same_key() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("master.key");
    let makers: Vec<_> = (0..8)
        .map(|_| {
            let path = path.clone();
            std::thread::spawn(move || Sealer::new(&MasterKey::load_or_create(path).unwrap()))
        })
        .collect();
    let sealers: Vec<_> = makers.into_iter().map(|maker| maker.join().unwrap()).collect();
    let sealed = sealers[0].seal("a", b"secret");
    for sealer in &sealers {
        assert_eq!(sealer.open("a", &sealed).unwrap().as_slice(), b"secret");
    }
}

#[test]
fn a_master_key_that_others_can_read_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("master.key");
    MasterKey::load_or_create(&path).unwrap();
    for mode in [0o640, 0o604, 0o660] {
        std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
        let refused = MasterKey::load_or_create(&path).unwrap_err();
        assert!(refused.to_string().contains(&format!("mode is {mode:04o}")), "{refused}");
    }
}

#[test]
fn a_master_key_of_the_wrong_length_is_refused_and_kept() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("master.key");
    std::fs::write(&path, [1; 31]).unwrap();
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
    let refused = MasterKey::load_or_create(&path);
    assert!(matches!(refused, Err(Error::KeyFile { .. })), "{refused:?}");
    assert_eq!(std::fs::read(&path).unwrap(), [1; 31]);
}
