//! A gateway over a service that answers from a table, and clients that sign.
#![allow(dead_code, clippy::unwrap_used, missing_docs)]

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use cetcd_api::{Action, Error as ApiError, actions, for_each_action};
use cetcd_gateway::{Context, Credentials, Gateway, Handler, KeyPair, Options};
use cetcd_signature::{tc3, v1};
use cetcd_store::ManualClock;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use prometheus_client::registry::Registry;
use serde_json::Value;

pub const NOW: i64 = 1_700_000_000;
pub const HOST: &str = "127.0.0.1:18080";
pub const SECRET_ID: &str = "AKIDz8krbsJ5yKBZQpn74WFkmLPx3EXAMPLE";
pub const SECRET: &str = "Gu5t9xGARNpq86cd98joQYCN3EXAMPLE";
pub const DISABLED_ID: &str = "AKIDdisabled";
pub const REGION: &str = "ap-guangzhou";
pub const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7));

/// What an action does instead of answering with an empty response.
#[derive(Clone)]
pub enum Behaviour {
    Answer(Value),
    Fail(ApiError),
    Panic,
    /// Waits to be let go on.
    Wait(Arc<tokio::sync::Semaphore>),
}

#[derive(Default)]
pub struct Fake {
    pub behaviours: Mutex<HashMap<&'static str, Behaviour>>,
    pub calls: AtomicUsize,
    pub contexts: Mutex<Vec<Context>>,
    pub requests: Mutex<Vec<Value>>,
}

impl Fake {
    async fn answer<A: Action>(&self, context: &Context, request: A::Request) -> Result<A::Response, ApiError> {
        self.contexts.lock().unwrap().push(context.clone());
        self.requests.lock().unwrap().push(serde_json::to_value(&request).unwrap());
        let behaviour = self.behaviours.lock().unwrap().get(A::INFO.name).cloned();
        let answer = match behaviour {
            None => Ok(A::Response::default()),
            Some(Behaviour::Answer(value)) => Ok(serde_json::from_value(value).unwrap()),
            Some(Behaviour::Fail(error)) => Err(error),
            Some(Behaviour::Panic) => panic!("as the test wants"),
            Some(Behaviour::Wait(go_on)) => {
                go_on.acquire().await.unwrap().forget();
                Ok(A::Response::default())
            }
        };
        self.calls.fetch_add(1, Ordering::SeqCst);
        answer
    }
}

macro_rules! answers {
    ($($action:ident),* $(,)?) => {
        $(impl Handler<actions::$action> for Fake {
            async fn handle(
                &self,
                context: &Context,
                request: <actions::$action as Action>::Request,
            ) -> Result<<actions::$action as Action>::Response, ApiError> {
                self.answer::<actions::$action>(context, request).await
            }
        })*
    };
}
for_each_action!(answers);

struct Fixed;

impl Credentials for Fixed {
    fn find(&self, secret_id: &str) -> Option<Arc<KeyPair>> {
        [SECRET_ID, DISABLED_ID].contains(&secret_id).then(|| {
            Arc::new(KeyPair {
                secret_id: secret_id.into(),
                secret_key: SECRET.into(),
                account: "100000000001".into(),
                user: "100000000001".into(),
                enabled: secret_id != DISABLED_ID,
            })
        })
    }
}

pub struct Rig {
    pub gateway: Gateway<Fake>,
    pub clock: ManualClock,
    pub registry: Arc<Mutex<Registry>>,
}

impl Rig {
    pub fn new() -> Self {
        Self::with(Options::default())
    }

    pub fn with(options: Options) -> Self {
        let clock = ManualClock::new(jiff::Timestamp::from_second(NOW).unwrap());
        let registry = Arc::new(Mutex::new(Registry::default()));
        let gateway = Gateway::with_clock(
            options,
            Fake::default(),
            Arc::new(Fixed),
            Arc::clone(&registry),
            Arc::new(clock.clone()),
        )
        .unwrap();
        Self { gateway, clock, registry }
    }

    pub fn behave(&self, action: &'static str, behaviour: Behaviour) {
        self.gateway.service().behaviours.lock().unwrap().insert(action, behaviour);
    }

    pub fn calls(&self) -> usize {
        self.gateway.service().calls.load(Ordering::SeqCst)
    }

    pub fn last_request(&self) -> Value {
        self.gateway.service().requests.lock().unwrap().last().unwrap().clone()
    }

    pub async fn send(&self, request: Request<Bytes>) -> Answer {
        Answer::of(self.gateway.call(request, CLIENT).await).await
    }
}

/// An answer, checked for what every answer has.
#[derive(Debug)]
pub struct Answer {
    pub response: Value,
    pub headers: http::HeaderMap,
}

impl Answer {
    pub async fn of(response: Response<Full<Bytes>>) -> Self {
        let (parts, body) = response.into_parts();
        Self::check(&parts, &body.collect().await.unwrap().to_bytes())
    }

    pub fn check(parts: &http::response::Parts, body: &[u8]) -> Self {
        assert_eq!(parts.status, 200);
        assert_eq!(parts.headers["content-type"], "application/json");
        let value: Value = serde_json::from_slice(body).unwrap();
        let response = value["Response"].clone();
        let id = response["RequestId"].as_str().unwrap();
        assert_eq!(uuid::Uuid::parse_str(id).unwrap().get_version_num(), 4);
        if let Some(error) = response.get("Error") {
            assert!(error["Code"].is_string() && error["Message"].is_string(), "{error}");
            assert_eq!(response.as_object().unwrap().len(), 2, "an error has Error and RequestId alone");
        }
        Self { response, headers: parts.headers.clone() }
    }

    pub fn code(&self) -> &str {
        self.response["Error"]["Code"].as_str().unwrap_or("OK")
    }

    pub fn message(&self) -> &str {
        self.response["Error"]["Message"].as_str().unwrap_or_default()
    }

    #[track_caller]
    pub fn is(&self, code: &str, message: &str) {
        assert_eq!((self.code(), self.message()), (code, message));
    }

    #[track_caller]
    pub fn is_ok(&self) {
        self.is("OK", "");
    }
}

/// A request with signature v3.
#[derive(Clone)]
pub struct V3 {
    pub method: &'static str,
    pub path: &'static str,
    pub query: String,
    pub action: &'static str,
    pub version: &'static str,
    pub region: &'static str,
    pub content_type: &'static str,
    pub body: Vec<u8>,
    pub secret_id: &'static str,
    pub secret: &'static str,
    pub service: &'static str,
    pub timestamp: i64,
    pub headers: Vec<(&'static str, String)>,
}

impl V3 {
    pub fn post(action: &'static str, body: &str) -> Self {
        Self {
            method: "POST",
            path: "/",
            query: String::new(),
            action,
            version: "2022-03-25",
            region: REGION,
            content_type: "application/json",
            body: body.into(),
            secret_id: SECRET_ID,
            secret: SECRET,
            service: "cetcd",
            timestamp: NOW,
            headers: Vec::new(),
        }
    }

    pub fn get(action: &'static str, query: &str) -> Self {
        Self {
            method: "GET",
            query: query.to_owned(),
            content_type: "application/x-www-form-urlencoded",
            ..Self::post(action, "")
        }
    }

    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    /// Signed; a header given by [`V3::header`] replaces the signer's, an empty one removes it.
    pub fn build(&self) -> Request<Bytes> {
        self.build_for(HOST)
    }

    pub fn build_for(&self, host: &str) -> Request<Bytes> {
        let signed = tc3::sign(
            &tc3::Sign {
                method: self.method,
                host,
                query: &self.query,
                content_type: self.content_type,
                body: &self.body,
                sign_body: true,
                action: self.action,
                version: self.version,
                region: self.region,
                service: self.service,
                timestamp: self.timestamp,
            },
            self.secret_id,
            self.secret,
        );
        let uri = if self.query.is_empty() { self.path.to_owned() } else { format!("{}?{}", self.path, self.query) };
        let mut request = Request::builder().method(self.method).uri(uri);
        let replaced = |name: &str| self.headers.iter().any(|(other, _)| other.eq_ignore_ascii_case(name));
        for (name, value) in signed.iter().filter(|(name, _)| !replaced(name)) {
            request = request.header(*name, value);
        }
        for (name, value) in self.headers.iter().filter(|(_, value)| !value.is_empty()) {
            request = request.header(*name, value);
        }
        request.body(self.body.clone().into()).unwrap()
    }
}

/// A request with signature v1.
#[derive(Clone)]
pub struct V1 {
    pub method: &'static str,
    pub params: Vec<(String, String)>,
    pub secret: &'static str,
    pub content_type: &'static str,
}

impl V1 {
    pub fn get(action: &str, params: &[(&str, &str)]) -> Self {
        let mut all = vec![
            ("Action", action),
            ("Version", "2022-03-25"),
            ("Region", REGION),
            ("Timestamp", "1700000000"),
            ("Nonce", "0"),
            ("SecretId", SECRET_ID),
        ];
        all.extend(params);
        let params = all.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        Self { method: "GET", params, secret: SECRET, content_type: "" }
    }

    pub fn post(action: &str, params: &[(&str, &str)]) -> Self {
        Self { method: "POST", content_type: "application/x-www-form-urlencoded", ..Self::get(action, params) }
    }

    pub fn set(mut self, name: &str, value: &str) -> Self {
        self.params.retain(|(key, _)| key != name);
        self.params.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn without(mut self, name: &str) -> Self {
        self.params.retain(|(key, _)| key != name);
        self
    }

    pub fn sha256(self) -> Self {
        self.set("SignatureMethod", "HmacSHA256")
    }

    /// The form, with the signature (unless there is one already) last.
    pub fn form(&self) -> String {
        let mut params = self.params.clone();
        if !params.iter().any(|(key, _)| key == "Signature") {
            params.push(("Signature".to_owned(), v1::sign(self.method, HOST, &params, self.secret)));
        }
        let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        params.iter().map(|(key, value)| format!("{}={}", encode(key), encode(value))).collect::<Vec<_>>().join("&")
    }

    pub fn build(&self) -> Request<Bytes> {
        let form = self.form();
        let mut request = Request::builder().method(self.method).header("Host", HOST);
        if !self.content_type.is_empty() {
            request = request.header("Content-Type", self.content_type);
        }
        let (uri, body) =
            if self.method == "GET" { (format!("/?{form}"), String::new()) } else { ("/".to_owned(), form) };
        request.uri(uri).body(body.into()).unwrap()
    }
}
