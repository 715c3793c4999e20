//! The action's own parameters, out of a query, a form, a multipart body or JSON.

use bytes::Bytes;
use cetcd_api::{Code, Error, Input, is_common_parameter};
use futures::stream;
use http::request::Parts;

use crate::common::{Common, header, is_form, malformed, media_type};
use crate::form::{self, MAX_PAIRS, Pairs};

/// The action's own parameters, owned, so that a change can be carried out after its client has gone.
#[derive(Debug)]
pub(crate) enum Payload {
    Json(Bytes),
    Flattened(Vec<(String, String)>),
}

impl Payload {
    pub(crate) fn input(&self) -> Input<'_> {
        match self {
            Self::Json(bytes) => Input::Json(bytes),
            Self::Flattened(pairs) => Input::Flattened(pairs),
        }
    }

    pub(crate) async fn read(parts: &Parts, body: &Bytes, common: Common<'_>) -> Result<Self, Error> {
        if let Some(v1) = common.v1 {
            return Ok(flattened(v1.pairs.into_iter().filter(|(key, _)| !is_common_parameter(key)).collect()));
        }
        if parts.method == http::Method::GET {
            return read_form(parts.uri.query().unwrap_or_default().as_bytes());
        }
        if is_form(parts) {
            return read_form(body);
        }
        let media_type = media_type(parts);
        if media_type.eq_ignore_ascii_case("multipart/form-data") {
            return read_multipart(header(parts, "content-type"), body.clone()).await;
        }
        if media_type.eq_ignore_ascii_case("application/json") {
            return Ok(Self::Json(body.clone()));
        }
        Err(Error::new(
            Code::InvalidParameter,
            "The Content-Type is not supported: use application/json, application/x-www-form-urlencoded or multipart/form-data.",
            "不支持该 Content-Type，请使用 application/json、application/x-www-form-urlencoded 或 multipart/form-data。",
        ))
    }
}

fn flattened(pairs: Pairs<'_>) -> Payload {
    Payload::Flattened(pairs.into_iter().map(|(key, value)| (key.into_owned(), value.into_owned())).collect())
}

fn read_form(form: &[u8]) -> Result<Payload, Error> {
    form::parse(form).map(flattened).map_err(malformed)
}

async fn read_multipart(content_type: &str, body: Bytes) -> Result<Payload, Error> {
    let bad = |_| {
        Error::new(
            Code::InvalidRequest,
            "The multipart body of the request is malformed.",
            "请求 body 的 multipart 格式错误。",
        )
    };
    let boundary = multer::parse_boundary(content_type).map_err(bad)?;
    let whole = stream::once(std::future::ready(Ok::<_, std::convert::Infallible>(body)));
    let mut parts = multer::Multipart::new(whole, boundary);
    let mut pairs = Vec::new();
    while let Some(field) = parts.next_field().await.map_err(bad)? {
        if pairs.len() == MAX_PAIRS {
            return Err(malformed(form::Malformed::TooMany));
        }
        let name = field.name().ok_or(multer::Error::IncompleteHeaders).map_err(bad)?.to_owned();
        let value = field.bytes().await.map_err(bad)?;
        let value = String::from_utf8(value.into()).map_err(|_| malformed(form::Malformed::NotUtf8))?;
        pairs.push((name, value));
    }
    Ok(Payload::Flattened(pairs))
}
