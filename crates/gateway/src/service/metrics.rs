//! DescribeEtcdMetrics: what members' metrics said over the last two hours, from memory.

use cetcd_api::{
    Code, Error,
    actions::{DescribeEtcdMetrics, DescribeEtcdMetricsRequest, DescribeEtcdMetricsResponse},
    structures::EtcdMetricSeries,
};
use cetcd_monitor::Metric;

use super::Service;
use crate::{Context, Handler};

const SECONDS: u64 = 3600;
/// More points than these no chart shows.
const MOST_POINTS: u64 = 360;
/// Members are read every so many seconds.
const READ_EVERY: u64 = 10;

impl Handler<DescribeEtcdMetrics> for Service {
    async fn handle(
        &self,
        context: &Context,
        request: DescribeEtcdMetricsRequest,
    ) -> Result<DescribeEtcdMetricsResponse, Error> {
        let instance = self.visible(context, &request.instance_id)?;
        let metrics = wanted(request.metric_names.unwrap_or_default())?;
        let seconds = request.seconds.unwrap_or(SECONDS);
        let step = request.period.unwrap_or_else(|| seconds.div_ceil(MOST_POINTS).max(READ_EVERY));
        let to = context.now.as_second();
        let from = to.saturating_sub_unsigned(seconds);
        let series = self.monitor.series(&instance.id, &metrics, from, to, i64::try_from(step).unwrap_or(i64::MAX));
        let shown = series.into_iter().map(|series| EtcdMetricSeries {
            metric_name: series.metric.name().to_owned(),
            unit: series.metric.unit().to_owned(),
            member: instance.id.member_name(series.ordinal),
            timestamps: series.points.iter().map(|point| point.second).collect(),
            values: series.points.iter().map(|point| point.value).collect(),
        });
        Ok(DescribeEtcdMetricsResponse { series: Some(shown.collect()) })
    }
}

fn wanted(names: Vec<String>) -> Result<Vec<Metric>, Error> {
    if names.is_empty() {
        return Ok(Metric::ALL.to_vec());
    }
    let known = |name: String| Metric::named(&name).ok_or(name);
    names.into_iter().map(known).collect::<Result<_, _>>().map_err(|name| {
        let there_are = Metric::ALL.map(Metric::name).join(", ");
        Error::new(
            Code::InvalidParameterValue,
            format!("`MetricNames`: there is no metric {name:?}; there are {there_are}."),
            format!("`MetricNames`：没有指标 {name:?}；可用指标：{there_are}。"),
        )
    })
}
