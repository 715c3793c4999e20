//! The one suite, over both backends.

mod memory {
    crate::behaviour_suite!(async || crate::tests::Memory::new());
}

mod sqlite {
    crate::behaviour_suite!(async || crate::tests::Sqlite::new());
}
