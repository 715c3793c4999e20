//! Which recorded member fills which wanted place.

use crate::{Instance, Status, status::MemberRecord};

/// The wanted places and who fills them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slots<'a> {
    /// Members that are wanted where they are, by ordinal.
    pub kept: Vec<&'a MemberRecord>,
    /// Members beyond what is wanted, by ordinal.
    pub surplus: Vec<&'a MemberRecord>,
    /// Subnets of places that nobody fills.
    pub missing: Vec<&'a str>,
}

/// Fills each wanted place with the recorded member of its subnet that has the lowest ordinal.
pub fn slots<'a>(instance: &'a Instance, status: &'a Status) -> Slots<'a> {
    let mut surplus: Vec<&MemberRecord> = status.members.iter().collect();
    surplus.sort_by_key(|member| member.ordinal);
    let (mut kept, mut missing) = (Vec::new(), Vec::new());
    for subnet in instance.spec.slots() {
        match surplus.iter().position(|member| member.subnet_id == subnet) {
            Some(place) => kept.push(surplus.remove(place)),
            None => missing.push(subnet),
        }
    }
    kept.sort_by_key(|member| member.ordinal);
    Slots { kept, surplus, missing }
}

/// The lowest `count` ordinals that no recorded member has.
pub fn free_ordinals(status: &Status, count: usize) -> Vec<u32> {
    (0..).filter(|ordinal| status.member(*ordinal).is_none()).take(count).collect()
}
