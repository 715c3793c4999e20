use cetcd_api::{
    Code,
    actions::{
        CreateEtcdSnapshot, DescribeEtcdAvailableVersions, DescribeEtcdAvailableVersionsRequest, DescribeEtcdQuota,
        DescribeEtcdQuotaRequest, DescribeEtcdRegions, DescribeEtcdRegionsRequest, DescribeEtcdSubnets,
        DescribeEtcdSubnetsRequest,
    },
};

use super::*;

#[tokio::test]
async fn the_configured_regions_are_listed_with_the_clouds_numbers() {
    let bench = Bench::new().await;
    let regions = bench.ask::<DescribeEtcdRegions>(DescribeEtcdRegionsRequest {}).await.unwrap().regions.unwrap();
    let shown: Vec<_> = regions.iter().map(|r| (r.region_name.as_deref(), r.region_id, r.alias.as_deref())).collect();
    assert_eq!(
        shown,
        [
            (Some("ap-guangzhou"), Some(1), Some("gz")),
            (Some("ap-shanghai"), Some(4), Some("sh")),
            (Some("on-premises"), None, None)
        ]
    );
    assert_eq!(regions[0].remark.as_deref(), Some("广州地域"));
}

#[test]
fn every_region_of_the_document_has_a_number_of_its_own() {
    let mut numbers: Vec<i64> = cetcd_api::REGIONS
        .iter()
        .map(|region| super::super::surroundings::KNOWN_REGIONS.iter().find(|known| known.0 == *region).unwrap().1)
        .collect();
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers.len(), cetcd_api::REGIONS.len());
}

#[tokio::test]
async fn the_subnets_of_the_region_are_listed_with_their_zones() {
    let bench = Bench::new().await;
    let listed = async |region: &str| {
        let context = Context { region: region.into(), ..context() };
        let answer = bench.ask_as::<DescribeEtcdSubnets>(&context, DescribeEtcdSubnetsRequest {}).await.unwrap();
        answer.subnets.unwrap()
    };
    let here: Vec<_> =
        listed(REGION).await.into_iter().map(|subnet| (subnet.vpc_id, subnet.subnet_id, subnet.zone)).collect();
    let expected = [
        ("vpc-abcd1234", "subnet-abcd1234", "ap-guangzhou-1"),
        ("vpc-abcd1234", "subnet-abcd2345", "ap-guangzhou-2"),
        ("vpc-abcd1234", "subnet-abcd3456", "ap-guangzhou-3"),
    ];
    assert_eq!(here, expected.map(|(vpc, subnet, zone)| (vpc.to_owned(), subnet.to_owned(), zone.to_owned())));
    let there = listed("ap-shanghai").await;
    assert_eq!(there.len(), 4);
    assert_eq!((&*there[3].vpc_id, &*there[3].zone), ("vpc-shanghai", "ap-shanghai-1"));
}

#[tokio::test]
async fn versions_are_listed_newest_first_and_once() {
    let bench = Bench::new().await;
    let request = DescribeEtcdAvailableVersionsRequest {};
    let versions = bench.ask::<DescribeEtcdAvailableVersions>(request).await.unwrap().versions.unwrap();
    let shown: Vec<_> = versions.iter().map(|v| (v.name.as_deref(), v.version.as_deref())).collect();
    assert_eq!(shown, [(Some("etcd"), Some("v3.5.16")), (Some("etcd"), Some("v3.4.23"))]);
}

#[tokio::test]
async fn the_quota_is_the_configured_one() {
    let bench = Bench::with_limit(7).await;
    let answer = bench.ask::<DescribeEtcdQuota>(DescribeEtcdQuotaRequest {}).await.unwrap();
    assert_eq!(answer.quota_limit, 7);
}

#[tokio::test]
async fn actions_of_later_versions_say_so() {
    async fn says_so<A: Action>(bench: &Bench)
    where
        Service: Handler<A>,
    {
        let answer = bench.ask::<A>(A::Request::default()).await.map(|_| ());
        let text = refusal(answer, Code::UnsupportedOperation);
        assert!(text.contains(A::INFO.name), "{text}");
    }
    let bench = Bench::new().await;
    says_so::<CreateEtcdSnapshot>(&bench).await;
}

#[test]
fn the_service_handles_every_action_of_the_registry() {
    fn dispatches<S: crate::handler::Dispatch>() {}
    dispatches::<Service>();
}
