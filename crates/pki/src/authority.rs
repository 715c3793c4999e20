//! The authority of one instance, and what it issues.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use rand::Rng;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, SanType, SerialNumber,
};
use zeroize::Zeroizing;

use crate::inspect::with_certificate;
use crate::names::{check_common_name, check_dns_name};
use crate::{Error, Info, LEAF_LIFE, Result, inspect};

/// Certificates start this long before they are issued, for clocks that are behind ours; shorter where that would be
/// more than a tenth of their life, of which two thirds are to be left after their issue.
const BACKDATE: SignedDuration = SignedDuration::from_mins(5);
/// The most names and addresses of one certificate; each handshake sends them all.
const MAX_NAMES: usize = 256;
/// The last second that a certificate may name and everything still reads: 9998-12-31T23:59:59Z.
const LAST_SECOND: i64 = 253_370_764_799;

/// A certificate authority with its private key.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    cert_pem: String,
    info: Info,
}

/// The certificate's facts; never the key.
impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authority")
            .field("subject", &self.info.subject)
            .field("not_after", &self.info.not_after)
            .field("key", &"[redacted]")
            .finish_non_exhaustive()
    }
}

/// What a server or peer certificate is for.
#[derive(Debug, Clone)]
pub struct LeafRequest {
    /// The subject's common name; none for etcd's servers (see the crate's documentation).
    pub common_name: Option<String>,
    /// Domain names, wildcards such as `*.abc.com` among them.
    pub dns: Vec<String>,
    /// Addresses.
    pub ips: Vec<IpAddr>,
    /// The time of issue; the certificate starts five minutes earlier.
    pub now: Timestamp,
    /// From `now`, in whole seconds; the certificate ends no later than the authority, though.
    pub validity: SignedDuration,
}

impl LeafRequest {
    /// For nothing yet, for [`LEAF_LIFE`] from `now`.
    pub fn new(now: Timestamp) -> Self {
        Self { common_name: None, dns: Vec::new(), ips: Vec::new(), now, validity: LEAF_LIFE }
    }

    /// Adds domain names.
    #[must_use]
    pub fn dns(mut self, names: impl IntoIterator<Item: Into<String>>) -> Self {
        self.dns.extend(names.into_iter().map(Into::into));
        self
    }

    /// Adds addresses.
    #[must_use]
    pub fn ips(mut self, addresses: impl IntoIterator<Item = IpAddr>) -> Self {
        self.ips.extend(addresses);
        self
    }

    /// Sets the subject's common name.
    #[must_use]
    pub fn common_name(mut self, name: impl Into<String>) -> Self {
        self.common_name = Some(name.into());
        self
    }

    /// Sets how long it is valid.
    #[must_use]
    pub fn validity(mut self, validity: SignedDuration) -> Self {
        self.validity = validity;
        self
    }
}

/// A certificate with its key.
#[derive(Clone)]
pub struct Leaf {
    /// The certificate; the authority's is not in it.
    pub cert_pem: String,
    /// Its private key, PKCS#8.
    pub key_pem: Zeroizing<String>,
    /// Valid until.
    pub not_after: Timestamp,
}

impl fmt::Debug for Leaf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Leaf")
            .field("not_after", &self.not_after)
            .field("key_pem", &"[redacted]")
            .finish_non_exhaustive()
    }
}

impl Authority {
    /// A new self-signed authority with the common name `{name} CA`, for `validity` (usually
    /// [`crate::CA_LIFE`]) from `now`, which may sign leaves only.
    pub fn create(name: &str, now: Timestamp, validity: SignedDuration) -> Result<Self> {
        let mut params = params(now, end(now, validity)?);
        let common_name = format!("{name} CA");
        check_common_name(name).and_then(|()| check_common_name(&common_name))?;
        params.distinguished_name.push(DnType::CommonName, common_name);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.use_authority_key_identifier_extension = false;
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let cert_pem = params.self_signed(&key)?.pem();
        let info = inspect(&cert_pem)?;
        Ok(Self { issuer: Issuer::new(params, key), cert_pem, info })
    }

    /// The authority of a certificate and its PKCS#8 key, as [`Authority::cert_pem`] and
    /// [`Authority::key_pem`] gave them. Of several certificates in `cert_pem` it is the first.
    pub fn from_pem(cert_pem: &str, key_pem: &str) -> Result<Self> {
        let key = read_key("authority's key", key_pem)?;
        let (may_sign, public_key, der) = with_certificate(cert_pem, |certificate| {
            let usage = certificate.key_usage().ok().flatten();
            let may_sign = certificate.is_ca() && usage.is_none_or(|usage| usage.value.key_cert_sign());
            let public_key = certificate.public_key().subject_public_key.data.to_vec();
            Ok((may_sign, public_key, certificate.as_raw().to_vec()))
        })?;
        if !may_sign {
            return Err(Error::NotAnAuthority);
        }
        if public_key != key.public_key_raw() {
            return Err(Error::KeyMismatch);
        }
        Ok(Self {
            issuer: Issuer::from_ca_cert_der(&der.into(), key)?,
            cert_pem: cert_pem.to_owned(),
            info: inspect(cert_pem)?,
        })
    }

    /// The certificate that clients and members trust.
    pub fn cert_pem(&self) -> &str {
        &self.cert_pem
    }

    /// The private key, PKCS#8. Secret: seal it before it is stored.
    pub fn key_pem(&self) -> Zeroizing<String> {
        Zeroizing::new(self.issuer.key().serialize_pem())
    }

    /// What its certificate says.
    pub fn info(&self) -> &Info {
        &self.info
    }

    /// A certificate for an etcd member's client listener, or another server.
    pub fn issue_server(&self, request: &LeafRequest) -> Result<Leaf> {
        self.issue_named(request, None)
    }

    /// A certificate for an etcd member's peer listener, with which it dials its peers as well.
    pub fn issue_peer(&self, request: &LeafRequest) -> Result<Leaf> {
        self.issue_named(request, None)
    }

    /// A server's or a peer's next certificate, for the private key that it has (PKCS#8): who reads certificate
    /// and key one after the other never finds two that do not belong together.
    pub fn renew(&self, request: &LeafRequest, key_pem: &str) -> Result<Leaf> {
        self.issue_named(request, Some(key_pem))
    }

    /// A certificate for a client; under etcd's authentication the common name is the user, and
    /// `root` may do everything.
    pub fn issue_client(&self, common_name: &str, now: Timestamp, validity: SignedDuration) -> Result<Leaf> {
        let request = LeafRequest::new(now).common_name(common_name).validity(validity);
        self.issue(&request, None, vec![ExtendedKeyUsagePurpose::ClientAuth])
    }

    fn issue_named(&self, request: &LeafRequest, key_pem: Option<&str>) -> Result<Leaf> {
        if request.dns.is_empty() && request.ips.is_empty() {
            return Err(Error::NoNames);
        }
        let usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        self.issue(request, key_pem, usages)
    }

    fn issue(
        &self,
        request: &LeafRequest,
        key_pem: Option<&str>,
        usages: Vec<ExtendedKeyUsagePurpose>,
    ) -> Result<Leaf> {
        if request.now < self.info.not_before || request.now >= self.info.not_after {
            return Err(Error::OutsideAuthority { not_before: self.info.not_before, not_after: self.info.not_after });
        }
        let not_after = end(request.now, request.validity)?.min(self.info.not_after);
        let mut params = params(request.now, not_after);
        if let Some(name) = &request.common_name {
            check_common_name(name)?;
            params.distinguished_name.push(DnType::CommonName, name.as_str());
        }
        params.subject_alt_names = alternative_names(request)?;
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = usages;
        params.use_authority_key_identifier_extension = true;
        let key = match key_pem {
            Some(pem) => read_key("certificate's key", pem)?,
            None => KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?,
        };
        Ok(Leaf {
            cert_pem: params.signed_by(&key, &self.issuer)?.pem(),
            key_pem: Zeroizing::new(key.serialize_pem()),
            not_after,
        })
    }
}

/// Each name and address once, in the order given.
fn alternative_names(request: &LeafRequest) -> Result<Vec<SanType>> {
    let mut names = Vec::new();
    let mut add = |name: SanType| {
        if !names.contains(&name) {
            names.push(name);
        }
    };
    let count = request.dns.len() + request.ips.len();
    if count > MAX_NAMES {
        return Err(Error::TooManyNames { count, limit: MAX_NAMES });
    }
    for name in &request.dns {
        check_dns_name(name)?;
        let lower = name.to_ascii_lowercase();
        add(SanType::DnsName(lower.try_into()?));
    }
    for address in &request.ips {
        add(SanType::IpAddress(*address));
    }
    Ok(names)
}

/// What authorities and leaves have in common.
fn params(now: Timestamp, not_after: Timestamp) -> CertificateParams {
    let tenth = SignedDuration::from_secs(not_after.duration_since(now).as_secs() / 10);
    let not_before = now.saturating_sub(BACKDATE.min(tenth)).unwrap_or(now);
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    let date_time = |time: Timestamp| {
        let seconds = u64::try_from(time.as_second()).unwrap_or(0);
        rcgen::date_time_ymd(1970, 1, 1) + Duration::from_secs(seconds)
    };
    params.not_before = date_time(not_before);
    params.not_after = date_time(not_after);
    params.serial_number = Some(serial_number());
    params
}

/// The end of a validity, in whole seconds, as certificates have it.
fn end(now: Timestamp, validity: SignedDuration) -> Result<Timestamp> {
    let seconds = validity.as_secs();
    let second = now.as_second().saturating_add(seconds);
    if seconds < 1 || now.as_second() < 0 || second > LAST_SECOND {
        return Err(Error::InvalidValidity { seconds });
    }
    Timestamp::from_second(second).map_err(|_| Error::InvalidValidity { seconds })
}

/// The reason why it cannot be read may quote the key: it is not passed on.
fn read_key(what: &'static str, pem: &str) -> Result<KeyPair> {
    let reason = "it is no private key in PKCS#8 PEM of a supported kind";
    KeyPair::from_pem(pem).map_err(|_| Error::Parse { what, reason: reason.to_owned() })
}

/// 20 random bytes, the most that RFC 5280 allows: positive, and never shorter, so that all
/// serial numbers look alike.
fn serial_number() -> SerialNumber {
    let mut bytes: [u8; 20] = rand::rng().random();
    bytes[0] = bytes[0] & 0x7f | 0x40;
    SerialNumber::from_slice(&bytes)
}
