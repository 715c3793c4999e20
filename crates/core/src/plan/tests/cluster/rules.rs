//! What a plan for a cluster that has an ID may never be.

use super::{
    super::super::Plan,
    state::{Access, Cell, Config, Kind, State, id_of, later},
};
use crate::{action::Action, certificates::Handover, quorum::quorum, testing::client};

/// Panics where `plan` breaks a rule in `state`.
pub fn check(state: &State, plan: &Plan) {
    if let Err(rule) = rule(state, plan) {
        panic!("{rule}: {plan:?} in {state:?}");
    }
}

fn must(holds: bool, rule: &'static str) -> Result<(), &'static str> {
    if holds { Ok(()) } else { Err(rule) }
}

#[allow(clippy::too_many_lines, reason = "one table: an action and what it takes")]
fn rule(state: &State, plan: &Plan) -> Result<(), &'static str> {
    let Plan::Act(action) = plan else { return idle(state, plan) };
    let kind = |ordinal: &u32| state.cell(*ordinal).kind;
    let leads = |ordinal: &u32| state.leader.map(u32::from) == Some(*ordinal);
    let voters = state.count(Kind::voter);
    let serving = state.count(Kind::serves);
    let can_start = |ordinal: &u32| {
        let former = state.upgrade && state.cell(*ordinal).config == Config::Former;
        state.credentials && (state.installed || former)
    };
    let everyone_votes = || state.cells.iter().all(|cell| !cell.kind.voter() || cell.kind.serves());
    let everyone_well = || state.cells.iter().all(|cell| matches!(cell.kind, Kind::None | Kind::Serving));
    match action {
        Action::RestartMember { ordinal } => {
            must(kind(ordinal).data() && !kind(ordinal).runs(), "only what has data comes back")?;
            must(kind(ordinal).listed() || serving == 0, "a removed member stays away")?;
            must(can_start(ordinal), "a start takes binaries and certificates")
        }
        Action::AddToCluster { ordinal } => {
            must(kind(ordinal) == Kind::Gone, "what is added brings nothing with it")?;
            must(state.count(Kind::learner) == 0, "never two learners")?;
            must(everyone_votes(), "nobody is added while a voter is away")?;
            must(state.is_kept(*ordinal) && state.credentials, "only what is wanted and has its certificates is added")
        }
        Action::JoinMember { ordinal } => {
            must(matches!(kind(ordinal), Kind::Added | Kind::JoinDue), "joining is for the listed without data")?;
            must(can_start(ordinal), "a start takes binaries and certificates")?;
            must(state.is_kept(*ordinal), "nobody joins who is not wanted")
        }
        Action::PromoteMember { ordinal, id } => {
            must(kind(ordinal) == Kind::LearnerServing && *id == id_of(*ordinal), "only who caught up gets a vote")?;
            must(serving + 1 >= quorum(voters + 1), "a vote more must not cost the quorum")
        }
        Action::RemoveFromCluster { ordinal, id } => {
            must(kind(ordinal).listed() && *id == id_of(*ordinal), "only what is listed is removed")?;
            must(!leads(ordinal) || serving <= 1, "the leader hands over before it goes")?;
            if kind(ordinal).learner() {
                return must(
                    !state.is_kept(*ordinal) || kind(ordinal) == Kind::LearnerWiped,
                    "a learner is left to join",
                );
            }
            let others = serving - usize::from(kind(ordinal).serves());
            must(voters > 1, "the last voter stays")?;
            must(serving >= quorum(voters) && others >= quorum(voters - 1), "the others must have a quorum")?;
            if kind(ordinal) == Kind::Serving {
                must(everyone_well() && !state.is_kept(*ordinal), "only the unwanted goes, and only while all serve")?;
                must(state.kept().count() == usize::from(state.wanted), "first those that come, then those that go")?;
                return must(state.backends & (1 << ordinal) == 0 || serving == 1, "clients are sent elsewhere before");
            }
            must(!kind(ordinal).serves() || everyone_votes(), "who serves is missed: only while nobody else is")?;
            must(!kind(ordinal).data(), "what is only away comes back")
        }
        Action::MoveLeader { from, to, id } => {
            must(leads(from) && from != to && *id == id_of(*to), "the lead goes from who has it")?;
            must(kind(to).serves(), "the lead goes to a voter that serves")
        }
        Action::RollMember { ordinal } => {
            must(everyone_well(), "nothing is restarted while anyone is away")?;
            must(voters == 1 || serving > quorum(voters), "a restart must not cost the quorum")?;
            must(state.cell(*ordinal).config != Config::Wanted, "only what differs is restarted")?;
            must(!leads(ordinal) || serving == 1, "followers first, and the leader hands over")?;
            let upgrades = state.upgrade && state.cells.iter().any(|cell| cell.config == Config::Former);
            must(state.installed && (!upgrades || state.snapshot), "first the binaries and the snapshot")?;
            must(state.backends & (1 << ordinal) == 0 || serving == 1, "clients are sent elsewhere before")
        }
        Action::TakeUpgradeSnapshot => must(everyone_well() && state.upgrade && !state.snapshot, "one snapshot"),
        Action::StopMembers { ordinals } => {
            must(ordinals.iter().all(|o| kind(o) == Kind::Zombie), "only what is not listed is stopped")
        }
        Action::RemoveMembers { ordinals } => must(
            ordinals.iter().all(|o| matches!(kind(o), Kind::Littered | Kind::Outcast | Kind::OutcastLater)),
            "only what is not listed and has ended is wiped",
        ),
        Action::DropMember { ordinal } => {
            must(kind(ordinal) == Kind::Gone && !state.is_kept(*ordinal), "only what left nothing is forgotten")
        }
        Action::ChangeAuthority { to } => {
            must(everyone_well() && state.stale == 0 && !state.due, "a CA comes or goes while all is well")?;
            must(
                state.cells.iter().all(|cell| cell.config == Config::Wanted),
                "a CA comes or goes once every member trusts what it should",
            )?;
            must(
                match (state.handover, to) {
                    (Handover::None, Handover::Introduced) => state.rotate,
                    (Handover::Overlap, Handover::Withdrawn) => state.over,
                    (Handover::Introduced, Handover::Overlap) | (Handover::Withdrawn, Handover::None) => true,
                    _ => false,
                },
                "one step after the other",
            )
        }
        Action::Place => must(
            everyone_well() && state.kept().count() < usize::from(state.wanted),
            "places are made while all serve, and where they are missing",
        ),
        Action::IssueCredentials => {
            must(!state.credentials || state.due, "certificates are issued where they are missing or due")
        }
        Action::DeliverCertificates { ordinals } => {
            let answers = |ordinal: &u32| kind(ordinal).serves() || kind(ordinal) == Kind::LearnerServing;
            let waits =
                |ordinal: &u32| state.rekeyed && state.cell(*ordinal).config != Config::Wanted && answers(ordinal);
            let differs = |ordinal: &u32| kind(ordinal).runs() && state.stale & (1 << ordinal) != 0 && !waits(ordinal);
            must(!state.due && ordinals.iter().all(differs), "what differs is given to members that run")
        }
        Action::InstallVersion => must(!state.installed, "a version is brought where it is missing"),
        Action::ServeEndpoint { backends, .. } => {
            let mask = mask_of(backends);
            must(backends.is_sorted(), "backends are in order")?;
            let voters = state.mask(Kind::serves);
            let leave = (mask & voters).count_ones() + 1 >= voters.count_ones();
            must(voters == 0 || (mask != 0 && mask & !voters == 0), "clients are sent to voters that serve only")?;
            must(leave, "clients are kept from one member at a time")?;
            must(mask != state.backends || !state.endpoint_serving, "only a change of the endpoint is made")
        }
        Action::GiveUpUpgrade { .. } => must(false, "nobody ran the new version in vain"),
        Action::ReservePublicAddress | Action::FreePublicAddress => must(false, "nobody wants a public address"),
        Action::Compact => must(state.alarm && !state.compacted, "space is made where it is short"),
        Action::Defragment { ordinal } => {
            must(state.alarm && state.compacted && state.full & (1 << ordinal) != 0, "only the full is defragmented")?;
            must(voters == 1 || serving > quorum(voters), "who is defragmented serves nobody")?;
            must(!leads(ordinal) || serving == 1, "the leader hands over before")
        }
        Action::DisarmSpace => must(
            state.alarm && state.compacted && everyone_votes() && state.full & state.mask(Kind::listed) == 0,
            "an alarm is taken back once there is space",
        ),
        Action::EnableAuth => {
            must(all_is_there(state), "auth is changed once all members are there and well")?;
            must(
                state.access.wanted == Some(true) && state.access.on == Some(false),
                "auth is turned on where it is off",
            )
        }
        Action::DisableAuth => {
            must(all_is_there(state), "auth is changed once all members are there and well")?;
            must(
                state.access.wanted == Some(false) && state.access.on == Some(true),
                "auth is turned off where it is on",
            )
        }
        Action::SetRootPassword => {
            must(all_is_there(state), "auth is changed once all members are there and well")?;
            let Access { wanted, on, given, applied } = state.access;
            must(wanted != Some(false) && on == Some(true), "while auth is off its password waits")?;
            must(given && !applied, "only another password is set")
        }
        Action::StartMonitoring => must(everyone_well() && !state.monitored, "who is watched serves"),
        Action::CreateBackupPolicy => must(everyone_well() && !state.policy, "one policy"),
        Action::BeginRestore
        | Action::BackUpReplaced
        | Action::RestoreMembers { .. }
        | Action::LatchRestored { .. }
        | Action::CheckRestored
        | Action::Bootstrap { .. }
        | Action::LatchCluster { .. } => Err("a cluster is founded once"),
        Action::BeginRecovery { .. } | Action::ForceNewCluster { .. } | Action::EndRecovery { .. } => {
            Err("nobody asked for going on without a quorum")
        }
        Action::DisarmCorrupt | Action::EndHung { .. } => Err("nothing differs, and nobody was silent for long"),
        Action::SetAside { .. } => Err("what is whole stays where it is"),
        Action::RemoveEndpoint | Action::Forget => Err("only a deletion takes apart"),
    }
}

/// Whether every wanted member is there, no other, and each serves with what is wanted.
fn all_is_there(state: &State) -> bool {
    let members = state.count(|kind| kind != Kind::None);
    state.cells.iter().all(|cell| well(*cell))
        && members == usize::from(state.wanted)
        && state.kept().count() == members
}

fn well(cell: Cell) -> bool {
    cell.kind == Kind::None || (cell.kind == Kind::Serving && cell.config == Config::Wanted)
}

fn idle(state: &State, plan: &Plan) -> Result<(), &'static str> {
    match plan {
        Plan::Wait { until, .. } => {
            let startable = |cell: &Cell| cell.kind.listed() && cell.kind.data() && !cell.kind.runs();
            let due = |cell: &Cell| startable(cell) && cell.kind != Kind::Later;
            must(!state.cells.iter().any(due), "nothing is waited for while something could be started")?;
            let paused = state.cells.iter().any(|cell| cell.kind == Kind::Later);
            must(!paused || *until == Some(later()), "no pause is slept through")
        }
        Plan::Converged => {
            let members = state.count(|kind| kind != Kind::None);
            must(state.cells.iter().all(|cell| well(*cell)), "what is done is well")?;
            must(members == usize::from(state.wanted) && state.kept().count() == members, "all places are filled")?;
            must(state.endpoint_serving && state.backends == state.mask(Kind::serves), "clients reach all members")?;
            must(!state.due && state.stale & state.mask(Kind::runs) == 0, "what members show is what it should be")?;
            must(state.access.as_wanted(), "auth is as wanted")?;
            let rests = matches!(state.handover, Handover::None | Handover::Overlap);
            must(rests && !state.rotate && !state.over, "a rotation that was begun goes on")?;
            must(state.monitored && state.policy && state.credentials && state.installed, "all that follows is there")
        }
        Plan::Act(_) => unreachable!("asked for what is no action"),
    }
}

pub fn mask_of(backends: &[std::net::SocketAddr]) -> u16 {
    backends.iter().map(|address| (0..10).find(|n| client(*n) == *address).map_or(0, |n| 1u16 << n)).sum()
}
