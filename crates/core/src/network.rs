//! The networks that instances live in: VPCs, their subnets, the zones of these.

use serde::{Deserialize, Serialize};

/// A VPC with its subnets; the same ones exist in every region unless `region` is set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vpc {
    /// Name of the VPC, for example `vpc-abcd1234`.
    pub id: String,
    /// The only region that has it; all regions where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Its subnets, in order; members are spread over those that a request names.
    pub subnets: Vec<Subnet>,
}

/// A subnet: one zone of its region.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subnet {
    /// Name of the subnet, for example `subnet-abcd1234`.
    pub id: String,
    /// Number of the zone: zone 1 of `ap-guangzhou` is `ap-guangzhou-1`.
    pub zone: u8,
}

/// Every VPC that the service knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Networks(pub Vec<Vpc>);

impl Default for Networks {
    /// The document's own VPC and subnet, and two more zones.
    fn default() -> Self {
        let subnet = |id: &str, zone| Subnet { id: id.to_owned(), zone };
        Self(vec![Vpc {
            id: "vpc-abcd1234".to_owned(),
            region: None,
            subnets: vec![subnet("subnet-abcd1234", 1), subnet("subnet-abcd2345", 2), subnet("subnet-abcd3456", 3)],
        }])
    }
}

impl Networks {
    /// The VPC `id` where `region` has it.
    pub fn vpc(&self, region: &str, id: &str) -> Option<&Vpc> {
        self.0.iter().find(|vpc| vpc.id == id && vpc.region.as_deref().is_none_or(|r| r == region))
    }

    /// Place of the subnet in the list of all subnets, from 0: the process runtime maps it to addresses.
    pub fn subnet_index(&self, subnet_id: &str) -> Option<usize> {
        self.0.iter().flat_map(|vpc| &vpc.subnets).position(|subnet| subnet.id == subnet_id)
    }

    /// The zone of `subnet_id` in `region`, for example `ap-guangzhou-1`.
    pub fn zone(&self, region: &str, subnet_id: &str) -> Option<String> {
        let subnet = self.0.iter().flat_map(|vpc| &vpc.subnets).find(|subnet| subnet.id == subnet_id)?;
        Some(format!("{region}-{}", subnet.zone))
    }
}

impl Vpc {
    /// The subnet `id` of this VPC.
    pub fn subnet(&self, id: &str) -> Option<&Subnet> {
        self.subnets.iter().find(|subnet| subnet.id == id)
    }
}
