//! Reading certificates.

use std::net::IpAddr;

use jiff::Timestamp;
use serde::Serialize;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::pem::Pem;
use x509_parser::time::ASN1Time;

use crate::{Error, Result};

/// What a certificate says. Nothing in it is secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Info {
    /// The subject, as `CN=…, O=…`; empty for a server certificate without a common name.
    pub subject: String,
    /// The subject's common name.
    pub common_name: Option<String>,
    /// The issuer's subject.
    pub issuer: String,
    /// Valid from.
    pub not_before: Timestamp,
    /// Valid until.
    pub not_after: Timestamp,
    /// The domain names that it is for.
    pub dns: Vec<String>,
    /// The addresses that it is for.
    pub ips: Vec<IpAddr>,
    /// The serial number in lower-case hexadecimal digits, two a byte.
    pub serial: String,
    /// Whether it may issue certificates.
    pub is_authority: bool,
}

/// What the first certificate in `cert_pem` says. It is read, not verified.
pub fn inspect(cert_pem: &str) -> Result<Info> {
    with_certificate(cert_pem, |certificate| {
        let mut dns = Vec::new();
        let mut ips = Vec::new();
        let names = certificate.subject_alternative_name().map_err(|error| unreadable(&error))?;
        for name in names.iter().flat_map(|extension| &extension.value.general_names) {
            match name {
                GeneralName::DNSName(name) => dns.push((*name).to_owned()),
                GeneralName::IPAddress(bytes) => ips.push(address(bytes)?),
                // We issue no others, and etcd looks at no others.
                _ => {}
            }
        }
        let common_name = certificate.subject().iter_common_name().next();
        Ok(Info {
            subject: certificate.subject().to_string(),
            common_name: common_name.and_then(|name| name.as_str().ok()).map(str::to_owned),
            issuer: certificate.issuer().to_string(),
            not_before: timestamp(certificate.validity().not_before)?,
            not_after: timestamp(certificate.validity().not_after)?,
            dns,
            ips,
            serial: serial(certificate.raw_serial()),
            is_authority: certificate.is_ca(),
        })
    })
}

/// Runs `read` on the first certificate in `pem`.
pub(crate) fn with_certificate<T>(pem: &str, read: impl FnOnce(&X509Certificate<'_>) -> Result<T>) -> Result<T> {
    for block in Pem::iter_from_buffer(pem.as_bytes()) {
        let block = block.map_err(|error| unreadable(&error))?;
        if block.label == "CERTIFICATE" {
            let certificate = block.parse_x509().map_err(|error| unreadable(&error))?;
            return read(&certificate);
        }
    }
    Err(Error::Parse { what: "certificate", reason: "there is no CERTIFICATE block".to_owned() })
}

fn unreadable(reason: &impl ToString) -> Error {
    Error::Parse { what: "certificate", reason: reason.to_string() }
}

fn address(bytes: &[u8]) -> Result<IpAddr> {
    if let Ok(bytes) = <[u8; 4]>::try_from(bytes) {
        Ok(IpAddr::from(bytes))
    } else if let Ok(bytes) = <[u8; 16]>::try_from(bytes) {
        Ok(IpAddr::from(bytes))
    } else {
        Err(unreadable(&format!("an address of {} bytes", bytes.len())))
    }
}

fn timestamp(time: ASN1Time) -> Result<Timestamp> {
    Timestamp::from_second(time.timestamp()).map_err(|error| unreadable(&error))
}

fn serial(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    // A leading zero only says that the number is positive.
    let digits = match bytes {
        [0, rest @ ..] if !rest.is_empty() => rest,
        all => all,
    };
    digits.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing into a string does not fail");
        text
    })
}
