//! Where backups go: the setting `backup.url`.

use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
};

use percent_encoding::percent_decode_str;

use crate::{Error, Result};

/// A place for backups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// A folder of this machine, or one that is mounted.
    Folder(PathBuf),
    /// A bucket that speaks S3.
    S3(Bucket),
    /// A bucket of Tencent COS.
    Cos(Bucket),
}

/// A bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bucket {
    /// Its name; for COS with the account's number behind it.
    pub name: String,
    /// What the names of all objects begin with; without a slash at either end.
    pub prefix: String,
    /// Where the service is, with its scheme. The provider's own for the region, where absent.
    pub endpoint: Option<String>,
    /// The region; `us-east-1` for S3 where absent, as most servers that are not Amazon's ignore it.
    pub region: Option<String>,
}

impl Location {
    /// Reads `file:///dir` (or a path that begins with `/`), `s3://bucket/prefix?endpoint=…&region=…` or
    /// `cos://bucket/prefix?region=…`. Credentials do not belong into it: a URL is shown in places.
    pub fn parse(url: &str) -> Result<Self> {
        let bad = |reason: &str| Error::Url { url: without_secrets(url), reason: reason.to_owned() };
        if url.starts_with('/') {
            return Ok(Self::Folder(PathBuf::from(url)));
        }
        let (scheme, rest) =
            url.split_once("://").ok_or_else(|| bad("say file:///folder, s3://bucket or cos://bucket"))?;
        let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
        if place.contains('@') {
            return Err(bad("credentials go into settings of their own, not into the URL"));
        }
        let decode = |text: &str| {
            percent_decode_str(text).decode_utf8().map(String::from).map_err(|_| bad("it is not UTF-8 when decoded"))
        };
        if scheme == "file" {
            let path = decode(place)?;
            if !path.starts_with('/') || !query.is_empty() {
                return Err(bad("a folder is written file:///with/its/whole/path"));
            }
            return Ok(Self::Folder(PathBuf::from(path)));
        }
        let (name, prefix) = place.split_once('/').unwrap_or((place, ""));
        let mut options = BTreeMap::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').ok_or_else(|| bad("its options are name=value"))?;
            if !["endpoint", "region"].contains(&key) {
                return Err(bad(&format!("it has no option {key:?}: endpoint and region are known")));
            }
            options.insert(key, decode(value)?);
        }
        let mut bucket = Bucket {
            name: String::new(),
            prefix: decode(prefix)?.trim_matches('/').to_owned(),
            endpoint: options.remove("endpoint"),
            region: options.remove("region"),
        };
        if bucket.endpoint.as_ref().is_some_and(|url| !url.starts_with("https://") && !url.starts_with("http://")) {
            return Err(bad("an endpoint begins with https:// or http://"));
        }
        if bucket.prefix.split('/').any(|part| part == "." || part == "..") {
            return Err(bad("a prefix has no . and .."));
        }
        bucket.name = checked_name(name).map_err(|reason| bad(&reason))?;
        match scheme {
            "s3" => Ok(Self::S3(bucket)),
            "cos" if bucket.region.is_none() && bucket.endpoint.is_none() => {
                Err(bad("COS needs a region (or an endpoint): ?region=ap-guangzhou"))
            }
            "cos" => Ok(Self::Cos(bucket)),
            _ => Err(bad("say file:///folder, s3://bucket or cos://bucket")),
        }
    }

    /// The default: a folder in the data directory.
    pub fn in_data_dir(data_dir: &Path) -> Self {
        Self::Folder(data_dir.join("backups"))
    }

    /// The same place with the bucket that a request names; a folder keeps it as a folder within.
    pub fn in_bucket(&self, bucket: &str) -> Result<Self> {
        let name = checked_name(bucket).map_err(|reason| Error::Url { url: bucket.to_owned(), reason })?;
        Ok(match self {
            Self::Folder(folder) => Self::Folder(folder.join(name)),
            Self::S3(own) => Self::S3(Bucket { name, ..own.clone() }),
            Self::Cos(own) => Self::Cos(Bucket { name, ..own.clone() }),
        })
    }
}

/// In the form in which [`Location::parse`] reads it.
impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, bucket) = match self {
            Self::Folder(folder) => return write!(f, "file://{}", folder.display()),
            Self::S3(bucket) => ("s3", bucket),
            Self::Cos(bucket) => ("cos", bucket),
        };
        write!(f, "{scheme}://{}", bucket.name)?;
        if !bucket.prefix.is_empty() {
            write!(f, "/{}", bucket.prefix)?;
        }
        let options = [("endpoint", &bucket.endpoint), ("region", &bucket.region)];
        let mut separator = '?';
        for (name, value) in options {
            if let Some(value) = value {
                write!(f, "{separator}{name}={value}")?;
                separator = '&';
            }
        }
        Ok(())
    }
}

/// The rules that S3 and COS have in common, which also make it fit to name a folder.
fn checked_name(name: &str) -> Result<String, String> {
    let good = (3..=63).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-._".contains(&byte))
        && name.as_bytes().first().is_some_and(u8::is_ascii_alphanumeric)
        && !name.contains("..");
    if good {
        return Ok(name.to_owned());
    }
    Err("a bucket's name is 3 to 63 of a-z, 0-9, `-` and `.`".to_owned())
}

fn without_secrets(url: &str) -> String {
    match (url.split_once("://"), url.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, place))) => format!("{scheme}://…@{place}"),
        _ => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn every_form_is_read_and_written_the_same() {
        for url in [
            "file:///var/backups",
            "s3://bucket",
            "s3://bucket/some/prefix?endpoint=http://127.0.0.1:9000&region=eu-west-1",
            "cos://backups-1250000000/etcd?region=ap-guangzhou",
        ] {
            assert_eq!(Location::parse(url).unwrap().to_string(), url);
        }
        assert_eq!(Location::parse("/var/backups").unwrap(), Location::Folder("/var/backups".into()));
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for url in [
            "",
            "backups",
            "file://relative",
            "ftp://host/dir",
            "s3://",
            "s3://Bucket",
            "s3://../etc",
            "s3://bucket/../other",
            "s3://bucket?acl=public",
            "s3://bucket?endpoint=127.0.0.1",
            "cos://bucket-1250000000",
        ] {
            assert!(matches!(Location::parse(url), Err(Error::Url { .. })), "{url}");
        }
    }

    #[test]
    fn credentials_in_a_url_are_refused_and_not_repeated() {
        let said = Location::parse("s3://AKID:hunter2@bucket/prefix").unwrap_err().to_string();
        assert!(said.contains("credentials") && !said.contains("hunter2"), "{said}");
    }

    #[test]
    fn the_bucket_of_a_request_takes_the_place_of_the_setting_s() {
        let cos = Location::parse("cos://one-1250000000/etcd?region=ap-guangzhou").unwrap();
        assert_eq!(
            cos.in_bucket("two-1250000000").unwrap().to_string(),
            "cos://two-1250000000/etcd?region=ap-guangzhou"
        );
        assert_eq!(
            Location::parse("/backups").unwrap().in_bucket("two-1250000000").unwrap(),
            Location::Folder("/backups/two-1250000000".into())
        );
        assert!(cos.in_bucket("../etc").is_err());
    }
}
