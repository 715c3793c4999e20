//! DescribeEtcdAuditLog: who changed what, of the caller's own account.

use cetcd_api::{
    Code, Error,
    actions::{DescribeEtcdAuditLog, DescribeEtcdAuditLogRequest, DescribeEtcdAuditLogResponse},
    structures::EtcdAuditRecord,
};
use jiff::Timestamp;

use super::Service;
use crate::{
    Context, Handler,
    audit::{Kept, Wanted, read_back},
};

/// Records a page where the request does not say.
const PAGE: usize = 50;
/// Characters of a request that are shown.
const PARAMETERS: usize = 4096;

impl Handler<DescribeEtcdAuditLog> for Service {
    async fn handle(
        &self,
        context: &Context,
        request: DescribeEtcdAuditLogRequest,
    ) -> Result<DescribeEtcdAuditLogResponse, Error> {
        let before = request.before.as_deref().filter(|text| !text.is_empty()).map(moment).transpose()?;
        let Some(options) = self.audit.clone() else {
            return Ok(DescribeEtcdAuditLogResponse { records: Some(Vec::new()), next: None });
        };
        let wanted = Wanted {
            account: context.account.to_string(),
            instance: request.instance_id.filter(|id| !id.is_empty()),
            before,
            most: request.limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(PAGE),
        };
        let read = tokio::task::spawn_blocking(move || read_back(&options, &wanted)).await;
        let page = read.map_err(|error| error.to_string()).and_then(|page| page.map_err(|error| error.to_string()));
        let page = page.map_err(|reason| {
            tracing::error!(reason, "the audit log cannot be read");
            Error::new(
                Code::InternalErrorUnexpectedInternal,
                "The audit log cannot be read; the server's own log says why.",
                "无法读取审计日志，原因见服务端日志。",
            )
        })?;
        Ok(DescribeEtcdAuditLogResponse {
            records: Some(page.records.into_iter().map(shown).collect()),
            next: page.next.map(|next| next.to_string()),
        })
    }
}

fn moment(text: &str) -> Result<Timestamp, Error> {
    text.parse().map_err(|_| Error::wrong_value(text, "Before"))
}

fn shown(record: Kept) -> EtcdAuditRecord {
    let parameters = record.parameters.map(|parameters| {
        let mut text = parameters.to_string();
        if let Some((end, _)) = text.char_indices().nth(PARAMETERS) {
            text.truncate(end);
        }
        text
    });
    EtcdAuditRecord {
        time: record.time.to_string(),
        action: record.action,
        outcome: record.outcome,
        message: record.message,
        user: record.user,
        secret_id: record.secret_id,
        region: record.region,
        source_ip: record.source_ip,
        parameters,
        milliseconds: record.milliseconds,
        request: record.request_id,
    }
}
