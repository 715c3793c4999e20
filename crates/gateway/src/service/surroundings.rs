//! What a caller can choose from before making an instance: regions, subnets, versions, quota.

use cetcd_api::{
    Error,
    actions::{
        DescribeEtcdAvailableVersions, DescribeEtcdAvailableVersionsRequest, DescribeEtcdAvailableVersionsResponse,
        DescribeEtcdQuota, DescribeEtcdQuotaRequest, DescribeEtcdQuotaResponse, DescribeEtcdRegions,
        DescribeEtcdRegionsRequest, DescribeEtcdRegionsResponse, DescribeEtcdSubnets, DescribeEtcdSubnetsRequest,
        DescribeEtcdSubnetsResponse,
    },
    structures::{EtcdSubnet, RegionInstance, VersionInstance},
};
use cetcd_core::EtcdVersion;

use super::Service;
use crate::{Context, Handler};

/// The cloud's public regions: code, number, short code, name.
pub(super) const KNOWN_REGIONS: &[(&str, i64, &str, &str)] = &[
    ("ap-guangzhou", 1, "gz", "广州地域"),
    ("ap-shanghai", 4, "sh", "上海地域"),
    ("ap-hongkong", 5, "hk", "中国香港地域"),
    ("ap-shanghai-fsi", 7, "shjr", "上海金融地域"),
    ("ap-beijing", 8, "bj", "北京地域"),
    ("ap-singapore", 9, "sg", "新加坡地域"),
    ("ap-shenzhen-fsi", 11, "szjr", "深圳金融地域"),
    ("na-siliconvalley", 15, "usw", "硅谷地域"),
    ("ap-chengdu", 16, "cd", "成都地域"),
    ("eu-frankfurt", 17, "de", "法兰克福地域"),
    ("ap-seoul", 18, "kr", "首尔地域"),
    ("ap-chongqing", 19, "cq", "重庆地域"),
    ("na-ashburn", 22, "use", "弗吉尼亚地域"),
    ("ap-bangkok", 23, "th", "曼谷地域"),
    ("ap-tokyo", 25, "jp", "东京地域"),
    ("ap-nanjing", 33, "nj", "南京地域"),
    ("ap-jakarta", 72, "jkt", "雅加达地域"),
    ("sa-saopaulo", 74, "sao", "圣保罗地域"),
];

impl Handler<DescribeEtcdRegions> for Service {
    async fn handle(
        &self,
        _context: &Context,
        _request: DescribeEtcdRegionsRequest,
    ) -> Result<DescribeEtcdRegionsResponse, Error> {
        Ok(DescribeEtcdRegionsResponse { regions: Some(self.regions.iter().map(|name| shown(name)).collect()) })
    }
}

/// A region of the operator's own has neither number nor short code.
fn shown(name: &str) -> RegionInstance {
    let known = KNOWN_REGIONS.iter().find(|known| known.0 == name);
    RegionInstance {
        region_name: Some(name.to_owned()),
        region_id: known.map(|known| known.1),
        status: Some("ALL".to_owned()),
        // JSON, as the document says; no feature is switched by region here.
        feature_gates: Some("{}".to_owned()),
        alias: known.map(|known| known.2.to_owned()),
        remark: known.map(|known| known.3.to_owned()),
    }
}

impl Handler<DescribeEtcdAvailableVersions> for Service {
    /// Newest first. The remark says whether the version is on the machine already.
    async fn handle(
        &self,
        _context: &Context,
        _request: DescribeEtcdAvailableVersionsRequest,
    ) -> Result<DescribeEtcdAvailableVersionsResponse, Error> {
        let shown = |version: EtcdVersion| VersionInstance {
            name: Some("etcd".to_owned()),
            version: Some(version.to_string()),
            remark: Some(if self.versions.installed(&version) { "installed" } else { "downloadable" }.to_owned()),
        };
        Ok(DescribeEtcdAvailableVersionsResponse { versions: Some(self.offered().into_iter().map(shown).collect()) })
    }
}

impl Service {
    /// The versions on offer, newest first.
    pub(super) fn offered(&self) -> Vec<EtcdVersion> {
        let mut versions = self.versions.available();
        versions.sort_by(|a, b| b.cmp(a));
        versions.dedup();
        versions
    }
}

impl Handler<DescribeEtcdQuota> for Service {
    async fn handle(
        &self,
        _context: &Context,
        _request: DescribeEtcdQuotaRequest,
    ) -> Result<DescribeEtcdQuotaResponse, Error> {
        Ok(DescribeEtcdQuotaResponse { quota_limit: self.limits.instances_per_region as u64 })
    }
}

impl Handler<DescribeEtcdSubnets> for Service {
    async fn handle(
        &self,
        context: &Context,
        _request: DescribeEtcdSubnetsRequest,
    ) -> Result<DescribeEtcdSubnetsResponse, Error> {
        let here = self.networks.0.iter().filter(|vpc| vpc.region.as_deref().is_none_or(|r| r == &*context.region));
        let subnets = here.flat_map(|vpc| {
            vpc.subnets.iter().map(|subnet| EtcdSubnet {
                vpc_id: vpc.id.clone(),
                subnet_id: subnet.id.clone(),
                zone: format!("{}-{}", context.region, subnet.zone),
            })
        });
        Ok(DescribeEtcdSubnetsResponse { subnets: Some(subnets.collect()) })
    }
}
