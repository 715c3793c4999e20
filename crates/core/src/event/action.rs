//! What is told of an action that was done.

use jiff::Timestamp;

use super::{Event, EventKind, Level};
use crate::{Instance, Status, action::Action, certificates::Handover};

/// What to tell of `action`, which was done at `at` as `status` said what was. Nothing of what only prepares or tidies
/// up, and of what a deletion does: its events go with the instance.
pub fn of_action(action: &Action, instance: &Instance, status: &Status, at: Timestamp) -> Option<Event> {
    let event = |kind| Event::new(kind, at);
    let about = |kind, ordinal| event(kind).member(ordinal);
    let wanted = status.version(&instance.spec).to_string();
    Some(match action {
        Action::InstallVersion => event(EventKind::VersionInstalled).detail(wanted),
        Action::Bootstrap { ordinals } => event(EventKind::ClusterStarted).detail(numbers(ordinals)),
        Action::LatchCluster { cluster_id } => event(EventKind::ClusterFormed).detail(format!("{cluster_id:x}")),
        Action::RestartMember { ordinal } => about(EventKind::MemberRestarted, *ordinal),
        Action::AddToCluster { ordinal } => about(EventKind::MemberAdded, *ordinal),
        Action::JoinMember { ordinal } => about(EventKind::MemberJoined, *ordinal),
        Action::PromoteMember { ordinal, .. } => about(EventKind::MemberPromoted, *ordinal),
        Action::RemoveFromCluster { ordinal, .. } => about(EventKind::MemberRemoved, *ordinal),
        Action::MoveLeader { from, to, .. } => about(EventKind::LeaderMoved, *to).detail(format!("{from} → {to}")),
        Action::RollMember { ordinal } => {
            let runs = status.member(*ordinal).map(|record| record.run.version.to_string()).unwrap_or_default();
            if runs == wanted {
                about(EventKind::MemberRolled, *ordinal)
            } else {
                about(EventKind::MemberUpgraded, *ordinal).detail(format!("{runs} → {wanted}"))
            }
        }
        Action::GiveUpUpgrade { ordinal, back_to } => {
            let back = back_to.as_ref().map(ToString::to_string).unwrap_or_default();
            let event = about(EventKind::MemberEnded, *ordinal).level(Level::Warning).detail(back);
            event.reason("it does not serve with the version that it was upgraded to")
        }
        Action::EndHung { ordinal } => {
            let event = about(EventKind::MemberEnded, *ordinal).level(Level::Warning);
            event.reason("it ran without serving; it is started again")
        }
        Action::SetAside { ordinals } if status.recovery.is_none() => {
            let event = event(EventKind::MemberReplaced).level(Level::Warning);
            let event = event.reason("its data differed from the majority's or was bad; it is kept aside");
            match ordinals[..] {
                [ordinal] => event.member(ordinal),
                _ => event.detail(numbers(ordinals)),
            }
        }
        Action::Compact => event(EventKind::Compacted),
        Action::Defragment { ordinal } => about(EventKind::Defragmented, *ordinal),
        Action::DisarmSpace => event(EventKind::AlarmDisarmed).detail("NOSPACE"),
        Action::DisarmCorrupt => event(EventKind::AlarmDisarmed).detail("CORRUPT"),
        Action::EnableAuth => event(EventKind::AuthChanged).detail("on"),
        Action::DisableAuth => event(EventKind::AuthChanged).detail("off"),
        Action::SetRootPassword => event(EventKind::AuthChanged).detail("password"),
        Action::ServeEndpoint { backends, public } => {
            let to: Vec<String> = backends.iter().map(ToString::to_string).collect();
            let event = event(EventKind::EndpointChanged).detail(to.join(", "));
            match public {
                Some(public) => event.reason(&format!("public at {}", public.listen)),
                None => event,
            }
        }
        Action::StartMonitoring => event(EventKind::MonitoringStarted),
        Action::IssueCredentials => event(EventKind::CertificatesIssued),
        Action::DeliverCertificates { ordinals } => event(EventKind::CertificatesDelivered).detail(numbers(ordinals)),
        Action::ChangeAuthority { to } => event(EventKind::AuthorityChanged).detail(match to {
            Handover::Introduced => "introduced",
            Handover::Overlap => "overlap",
            Handover::Withdrawn => "withdrawn",
            Handover::None => "done",
        }),
        Action::BeginRestore => event(EventKind::Restore).detail("begun"),
        Action::BackUpReplaced => event(EventKind::Restore).detail("replaced_kept"),
        Action::RestoreMembers { ordinals } => {
            event(EventKind::Restore).detail("data").reason(&format!("members {}", numbers(ordinals)))
        }
        Action::CheckRestored => event(EventKind::Restore).detail("checked"),
        Action::BeginRecovery { from } => recovery(event(EventKind::Recovery), "begun").member(from.ordinal),
        Action::SetAside { ordinals } => {
            recovery(event(EventKind::Recovery), "set_aside").reason(&format!("members {}", numbers(ordinals)))
        }
        Action::ForceNewCluster { ordinal } => recovery(event(EventKind::Recovery), "forced").member(*ordinal),
        Action::EndRecovery { forced } => {
            recovery(event(EventKind::Recovery), if *forced { "done" } else { "not_needed" })
        }
        Action::Place
        | Action::DropMember { .. }
        | Action::TakeUpgradeSnapshot
        | Action::ReservePublicAddress
        | Action::FreePublicAddress
        | Action::CreateBackupPolicy
        | Action::LatchRestored { .. }
        | Action::RemoveEndpoint
        | Action::StopMembers { .. }
        | Action::RemoveMembers { .. }
        | Action::Forget => return None,
    })
}

fn recovery(event: Event, step: &str) -> Event {
    event.level(Level::Warning).detail(step)
}

fn numbers(ordinals: &[u32]) -> String {
    let numbers: Vec<String> = ordinals.iter().map(ToString::to_string).collect();
    numbers.join(", ")
}
