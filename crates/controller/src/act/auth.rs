//! etcd's own authentication, and root's password.

use cetcd_core::status::AppliedPassword;
use cetcd_store::{passwords::RootPasswords, records};

use super::{Subject, required, write_status};
use crate::{Result, World};

const PASSWORD: &str = "the password of root";

/// Turns authentication on, with the wanted password, and records which one that is.
pub(super) async fn enable(world: &World, subject: &Subject<'_>) -> Result<()> {
    let passwords = passwords(world, subject).await?;
    world.admin.enable_auth(&subject.targets(), wanted(subject, &passwords)?).await?;
    record(world, subject).await
}

/// Gives root the wanted password, and records which one that is. A crash between the two leaves a cluster with the
/// new one and a record of the former: both are known, so that root is let in, and finds the new one set.
pub(super) async fn set_root_password(world: &World, subject: &Subject<'_>) -> Result<()> {
    let passwords = passwords(world, subject).await?;
    world.admin.set_root_password(&subject.targets(), wanted(subject, &passwords)?).await?;
    record(world, subject).await
}

async fn passwords(world: &World, subject: &Subject<'_>) -> Result<RootPasswords> {
    let passwords = records::root_passwords(world.store.as_ref(), &world.sealer, &subject.instance.value.id).await?;
    Ok(passwords.value)
}

fn wanted<'a>(subject: &Subject<'_>, passwords: &'a RootPasswords) -> Result<&'a str> {
    required(passwords.of_generation(subject.instance.value.spec.auth.password_generation), PASSWORD)
}

async fn record(world: &World, subject: &Subject<'_>) -> Result<()> {
    let mut status = subject.status.value.clone();
    let cluster_id = required(status.cluster_id, "the cluster's ID")?;
    let generation = subject.instance.value.spec.auth.password_generation;
    let applied = Some(AppliedPassword { cluster_id, generation });
    if status.root_password == applied {
        return Ok(());
    }
    status.root_password = applied;
    write_status(world, subject, &status).await
}
