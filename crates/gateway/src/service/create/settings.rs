//! From the request of a creation to the desired state: every check that needs no store.

use std::{collections::BTreeSet, net::IpAddr};

use cetcd_api::{
    Code, Error,
    actions::CreateEtcdInstanceRequest,
    structures::{EtcdAutoCompactionSettings, EtcdBackupSettings, EtcdSecuritySettings},
    values::{AutoCompactionMode, ChargeType},
};
use cetcd_core::{
    EtcdVersion,
    instance::{AutoCompaction, BackupSettings, Charge, CompactionMode, DEFAULT_DISK_SIZE_GB, Security, Spec},
    network::{Networks, Vpc},
};
use zeroize::Zeroizing;

use crate::service::monitoring::{self, Watch};

/// The longest time that etcd can count in nanoseconds, in seconds.
const LONGEST_RETENTION_SECONDS: u64 = i64::MAX as u64 / 1_000_000_000;

/// What a creation asks for, checked.
pub(in crate::service) struct Wanted {
    /// The desired state.
    pub spec: Spec,
    /// The password that backups use.
    pub backup_password: Option<Zeroizing<String>>,
    /// Who is to watch it.
    pub watch: Watch,
}

impl Wanted {
    pub fn read(
        request: CreateEtcdInstanceRequest,
        region: &str,
        networks: &Networks,
        offered: &[EtcdVersion],
    ) -> Result<Self, Error> {
        let vpc = check_subnets(&request.vpc_id, &request.subnet_ids, region, networks)?;
        check_subnet(vpc, &request.service_subnet_id)?;
        let version = version(&request.etcd_version, offered)?;
        let advanced = request.advanced_settings.unwrap_or_default();
        let security = security(advanced.security_settings)?;
        let auto_compaction = advanced.auto_compaction_settings.map(auto_compaction).transpose()?.flatten();
        let watch = advanced.monitor_settings.map(|wanted| monitoring::watch(wanted, Some(vpc))).transpose()?;
        let (backup, backup_password) = advanced.backup_settings.map_or_else(Default::default, backup);
        let charge = charge(request.charge_type, request.charge_prepaid, "ChargePrepaid")?;
        let domains = list(advanced.custom_domains.as_deref());
        let custom_domains = domains.into_iter().map(str::to_owned).collect();
        let spec = Spec {
            name: request.name,
            description: request.description.unwrap_or_default(),
            vpc_id: request.vpc_id,
            service_subnet_id: request.service_subnet_id,
            subnet_ids: request.subnet_ids,
            size: size(request.size, "Size")?,
            security,
            auto_compaction,
            backup,
            // Chosen with the transaction that makes the instance.
            monitor: None,
            custom_domains,
            custom_ips: addresses(advanced.custom_ips.as_deref())?,
            charge,
            disk_size_gb: match request.disk_size {
                None => DEFAULT_DISK_SIZE_GB,
                Some(size) => u32::try_from(size).map_err(|_| Error::wrong_value(size, "DiskSize"))?,
            },
            deletion_protection: request.deletion_protection.unwrap_or(false),
            ..Spec::new(version)
        };
        Ok(Self { spec, backup_password, watch: watch.flatten().unwrap_or_default() })
    }
}

fn refused(en: impl Into<String>, zh: impl Into<String>) -> Error {
    Error::new(Code::InvalidParameterParam, en, zh)
}

/// The VPC, where it is in the region and has the subnets, each named once.
pub(in crate::service) fn check_subnets<'a>(
    wanted: &str,
    subnets: &[String],
    region: &str,
    networks: &'a Networks,
) -> Result<&'a Vpc, Error> {
    let vpc = networks.vpc(region, wanted).ok_or_else(|| {
        let here = networks.0.iter().filter(|vpc| vpc.region.as_deref().is_none_or(|r| r == region));
        let known = names(here.map(|vpc| vpc.id.as_str()));
        Error::new(
            Code::ResourceNotFound,
            format!("The VPC `{wanted}` does not exist in the region `{region}`, which has: {known}."),
            format!("地域 `{region}` 不存在 VPC `{wanted}`，该地域的 VPC：{known}。"),
        )
    })?;
    let mut seen = BTreeSet::new();
    for subnet in subnets {
        check_subnet(vpc, subnet)?;
        if !seen.insert(subnet) {
            return Err(refused(
                format!("The subnet `{subnet}` is named more than once in the parameter `SubnetIds`."),
                format!("参数 `SubnetIds` 中子网 `{subnet}` 重复。"),
            ));
        }
    }
    Ok(vpc)
}

/// A number of members, as the contract allows it.
pub(in crate::service) fn size(size: u64, parameter: &str) -> Result<u8, Error> {
    match u8::try_from(size) {
        Ok(size @ (1 | 3 | 5 | 7 | 9)) => Ok(size),
        _ => Err(Error::wrong_value(size, parameter)),
    }
}

pub(in crate::service) fn check_subnet(vpc: &Vpc, wanted: &str) -> Result<(), Error> {
    if vpc.subnet(wanted).is_some() {
        return Ok(());
    }
    let id = &vpc.id;
    let known = names(vpc.subnets.iter().map(|subnet| subnet.id.as_str()));
    Err(Error::new(
        Code::ResourceNotFound,
        format!("The subnet `{wanted}` does not exist in the VPC `{id}`, which has: {known}."),
        format!("VPC `{id}` 不存在子网 `{wanted}`，该 VPC 的子网：{known}。"),
    ))
}

/// A list for a message: the first twenty names.
fn names<'a>(all: impl Iterator<Item = &'a str>) -> String {
    const SHOWN: usize = 20;
    let mut all = all.peekable();
    if all.peek().is_none() {
        return "-".to_owned();
    }
    let first: Vec<String> = all.by_ref().take(SHOWN).map(|name| format!("`{name}`")).collect();
    let more = if all.peek().is_some() { ", …" } else { "" };
    format!("{}{more}", first.join(", "))
}

pub(in crate::service) fn version(text: &str, offered: &[EtcdVersion]) -> Result<EtcdVersion, Error> {
    text.parse().ok().filter(|version| offered.contains(version)).ok_or_else(|| {
        let known: Vec<String> = offered.iter().map(ToString::to_string).collect();
        let known = names(known.iter().map(String::as_str));
        refused(
            format!("The version `{text}` in the parameter `EtcdVersion` is not available. Available: {known}."),
            format!("参数 `EtcdVersion` 的版本 `{text}` 不可用，可用版本：{known}。"),
        )
    })
}

/// Whether clients need a certificate follows whether they speak TLS, unless it is said.
fn security(settings: Option<EtcdSecuritySettings>) -> Result<Security, Error> {
    let settings = settings.unwrap_or_default();
    let https = settings.https.unwrap_or(true);
    let client_cert_auth = settings.client_cert_auth.unwrap_or(https);
    if client_cert_auth && !https {
        return Err(refused(
            "`ClientCertAuth` cannot be true while `Https` is false: a client shows its certificate over TLS.",
            "`Https` 为 false 时 `ClientCertAuth` 不能为 true：客户端证书通过 TLS 出示。",
        ));
    }
    Ok(Security { https, client_cert_auth })
}

/// `None` where the retention is null: etcd keeps its history then.
pub(in crate::service) fn auto_compaction(
    settings: EtcdAutoCompactionSettings,
) -> Result<Option<AutoCompaction>, Error> {
    let retention = settings.auto_compaction_retention;
    if retention.is_empty() {
        return Ok(None);
    }
    let mode = match settings.auto_compaction_mode {
        AutoCompactionMode::Periodic => CompactionMode::Periodic,
        AutoCompactionMode::Revision => CompactionMode::Revision,
    };
    // etcd takes a time for a number of revisions (nanoseconds!) and turns over at 292 years; neither is meant.
    let fits = match mode {
        CompactionMode::Revision => retention.bytes().all(|b| b.is_ascii_digit()),
        CompactionMode::Periodic => seconds(&retention).is_some_and(|s| s <= LONGEST_RETENTION_SECONDS),
    };
    if !fits {
        let mode = mode.as_str();
        return Err(refused(
            format!(
                "The `AutoCompactionRetention` `{retention}` does not fit the `AutoCompactionMode` `{mode}`: periodic takes a length of time such as 5m or 2h, revision a number of revisions."
            ),
            format!(
                "`AutoCompactionRetention` `{retention}` 与 `AutoCompactionMode` `{mode}` 不符：periodic 为时长（如 5m、2h），revision 为版本数。"
            ),
        ));
    }
    Ok(Some(AutoCompaction { mode, retention }))
}

/// The length of `1h30m`, `90s` or `2` (hours).
fn seconds(retention: &str) -> Option<u64> {
    if let Ok(hours) = retention.parse::<u64>() {
        return hours.checked_mul(3600);
    }
    let (mut total, mut rest) = (0u64, retention);
    while !rest.is_empty() {
        let (number, after) = rest.split_at(rest.find(|c: char| !c.is_ascii_digit())?);
        let unit = match after.as_bytes().first()? {
            b'h' => 3600,
            b'm' => 60,
            b's' => 1,
            _ => return None,
        };
        total = total.checked_add(number.parse::<u64>().ok()?.checked_mul(unit)?)?;
        rest = &after[1..];
    }
    Some(total)
}

/// Null counts as left out, as everywhere.
pub(in crate::service) fn backup(settings: EtcdBackupSettings) -> (BackupSettings, Option<Zeroizing<String>>) {
    let default = BackupSettings::default();
    let named = |text: Option<String>| text.filter(|text| !text.is_empty());
    let positive = |number: i64| u64::try_from(number).ok().filter(|number| *number > 0);
    let count = positive(settings.max_backup_count).and_then(|count| u32::try_from(count).ok());
    let kept = BackupSettings {
        interval_seconds: positive(settings.backup_interval).unwrap_or(default.interval_seconds),
        max_count: count.unwrap_or(default.max_count),
        user: named(settings.user),
        cos_bucket_name: named(settings.cos_bucket_name),
    };
    (kept, named(settings.password).map(Zeroizing::new))
}

/// `parameter` names where the settings of a period are expected.
pub(in crate::service) fn charge(
    kind: Option<ChargeType>,
    prepaid: Option<cetcd_api::structures::ChargePrepaidConfig>,
    parameter: &str,
) -> Result<Charge, Error> {
    let kind = kind.unwrap_or_default();
    // Settings of a period say nothing about an instance that is paid by the hour.
    let prepaid = match kind {
        ChargeType::PostpaidByHour => None,
        ChargeType::Prepaid => Some(prepaid.ok_or_else(|| Error::missing_parameter(parameter))?),
    };
    Ok(Charge {
        kind: kind.as_str().to_owned(),
        period: prepaid.as_ref().map(|prepaid| prepaid.period),
        renew_flag: prepaid.map(|prepaid| prepaid.renew_flag.as_str().to_owned()),
    })
}

/// The entries of a comma-separated list, each once.
fn list(text: Option<&str>) -> Vec<&str> {
    let mut seen = BTreeSet::new();
    text.unwrap_or_default().split(',').map(str::trim).filter(|e| !e.is_empty()).filter(|e| seen.insert(*e)).collect()
}

fn addresses(text: Option<&str>) -> Result<Vec<IpAddr>, Error> {
    let parse = |entry: &str| entry.parse().map_err(|_| Error::wrong_value(entry, "AdvancedSettings.CustomIPs"));
    list(text).into_iter().map(parse).collect()
}
